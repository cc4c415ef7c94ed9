//! Words of the pages: times with their zone and age, durations, sizes, and how something ended.

use crate::finding::{Severity, Status, Verdict};
use crate::format::units;
use crate::format::visible::visible;
use jiff::Timestamp;
use maud::{Markup, html};

/// Text from outside, as it may be seen.
pub fn shown(text: &str) -> String {
    visible(text)
}

/// `2026-11-20 14:02:31 UTC`
pub fn instant(at: Timestamp) -> Markup {
    moment(at, "%Y-%m-%d %H:%M:%S UTC")
}

/// `2026-11-20 14:02 UTC`
pub fn minute(at: Timestamp) -> Markup {
    moment(at, "%Y-%m-%d %H:%M UTC")
}

/// `2026-11-20 14:02 UTC` without markup: in a table of many, a tag for each would be most of the page.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn moment(at: Timestamp, form: &str) -> Markup {
    html! { time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ")) { (at.strftime(form)) } }
}

/// `2026-11-20T14:02:31Z`: times in documents.
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `7 h 12 m`: the two largest units that are not zero.
pub fn span(seconds: u64) -> String {
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = parts.iter().position(|(value, _)| *value > 0).unwrap_or(parts.len() - 1);
    let told = parts[first..].iter().take(2).enumerate().filter(|(at, (value, _))| *at == 0 || *value > 0);
    told.map(|(_, (value, unit))| format!("{value} {unit}")).collect::<Vec<_>>().join(" ")
}

/// `26 h`, `7 d`: a limit in seconds.
pub fn limit(seconds: u64) -> String {
    units::limit_s(seconds)
}

/// How long ago something was; what lies ahead is said to.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    match seconds {
        0.. => format!("{} ago", span(seconds.unsigned_abs())),
        _ => format!("in {}", span(seconds.unsigned_abs())),
    }
}

/// `340 ms`, `8.4 s`, `2 m 4 s`
pub fn lasted(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms / 100 % 10),
        _ => units::span(ms),
    }
}

/// How something ended, in a word and a colour that only helps.
pub fn state(word: &str, tone: Tone) -> Markup {
    html! { span class={ "state " (tone.class()) } { (word) } }
}

/// What a word means for who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Not known to be as it should be.
    Open,
    /// Neither.
    Plain,
}

impl Tone {
    /// The class of the style that it has.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Open => "open",
            Tone::Plain => "plain",
        }
    }
}

/// How a check ended.
pub fn status(status: Status) -> Markup {
    let (word, tone) = match status {
        Status::Passed => ("passed", Tone::Good),
        Status::Failed => ("failed", Tone::Bad),
        Status::Skipped => ("skipped", Tone::Open),
        Status::NotChecked => ("not checked", Tone::Open),
        Status::NotApplicable => ("not applicable", Tone::Plain),
    };
    state(word, tone)
}

/// How something ended that says so in a word of its own: `passed`, `failed`, `waived`, `skipped`.
pub fn ended(word: &str) -> Markup {
    let tone = match word {
        "passed" | "met" | "on time" => Tone::Good,
        "failed" | "missed" | "late" => Tone::Bad,
        _ => Tone::Open,
    };
    state(&shown(word), tone)
}

/// `error` or `warning`.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// What the whole comes to, as a sentence.
pub fn verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Holds => ("Verified: everything asked for was checked and holds.", Tone::Good),
        Verdict::Refuted => ("Does not verify.", Tone::Bad),
        Verdict::Failed => ("Failed.", Tone::Bad),
        Verdict::Unverified => {
            ("Not verified: something that was asked for could not be checked.", Tone::Open)
        }
        Verdict::Refused => ("Verifies, but is refused.", Tone::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        let spans = [0, 59, 60, 3600, 25_932, 86_400, 788_400].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 m", "1 h", "7 h 12 m", "1 d", "9 d 3 h"]);
        assert_eq!([93_600, 604_800].map(limit), ["26 h", "7 d"]);
        assert_eq!([340, 8_449, 124_000].map(lasted), ["340 ms", "8.4 s", "2 m 4 s"]);
    }

    #[test]
    fn an_age_of_the_future_is_told_as_one() {
        let at: Timestamp = "2026-11-20T14:00:00Z".parse().unwrap();
        let later = "2026-11-20T14:00:31Z".parse().unwrap();
        assert_eq!((age(at, later), age(later, at)), ("31 s ago".into(), "in 31 s".into()));
    }
}
