//! `window`: the time is one at which releases may go.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::{Located, Section};
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::pointer::json;
use crate::policy::gate::template::Template;
use crate::policy::gate::week::{Blackout, Freeze, Window};
use crate::policy::gate::zone::{Zone, data_version};
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::show;
use jiff::Timestamp;
use jiff::civil::DateTime;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "window",
    code: Code::GateWindow,
    holds_when: "the clock on the wall of the time zone stands inside a release window, if any are named, and inside no \
                 freeze and on no blackout date. An hour that the clocks repeat in autumn is judged alike both times; one \
                 that they skip in spring never comes. The version of the zone data is recorded",
    keys: &[
        ("zone", "a name of the IANA time zone data, such as `Europe/Paris`; default `UTC`"),
        (
            "windows",
            "times at which releases may go: days and hours, the last minute excluded, as in \
             `Tue,Thu 13:00-15:00` or `Mon-Fri 22:00-02:00`, which ends on the next day",
        ),
        (
            "file",
            "a JSON file with a window for this release, `starts_at` and `ends_at` in RFC 3339, which the present must \
             lie in; `{version}`, `{tag}` and `{project}` stand for the release's",
        ),
        (
            "freezes",
            "times of the week at which none may go: `Fri 18:00 - Mon 04:00`, the last minute excluded",
        ),
        (
            "blackouts",
            "days on which none may go, both ends included: `2026-12-23..2027-01-02`, `2026-05-01`",
        ),
    ],
    example: "[[gate]]\nid = \"release-window\"\ncheck = \"window\"\nzone = \"UTC\"\n\
              windows = [\"Tue,Thu 13:00-15:00\"]\nfreezes = [\"Fri 18:00 - Mon 04:00\"]\n\
              blackouts = [\"2026-12-23..2027-01-02\"]\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Times {
    zone: Zone,
    file: Option<Template>,
    windows: Vec<Window>,
    freezes: Vec<Freeze>,
    blackouts: Vec<Blackout>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let times = Times {
        zone: Zone::read(section)?,
        file: Template::read(section, "file")?,
        windows: list(section, "windows", "Tue,Thu 13:00-15:00", Window::parse)?,
        freezes: list(section, "freezes", "Fri 18:00 - Mon 04:00", Freeze::parse)?,
        blackouts: list(section, "blackouts", "2026-12-23..2027-01-02", Blackout::parse)?,
    };
    let weekly = [times.windows.is_empty(), times.freezes.is_empty(), times.blackouts.is_empty()];
    if times.file.is_none() && !weekly.contains(&false) {
        let hint = "for example windows = [\"Tue,Thu 13:00-15:00\"]";
        return Err(section.error(
            section.line,
            "a window without `windows`, `freezes` or `blackouts`",
            hint,
        ));
    }
    Ok(Arc::new(times))
}

/// Each of a list, or why it is none, on its own line.
fn list<T>(
    section: &Section<'_>,
    key: &str,
    example: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Vec<T>> {
    let one = |text: Located<&str>| {
        parse(text.value).map_err(|why| {
            let message = format!("`{key}` cannot have `{}`: {why}", show(text.value));
            section.error(text.line, message, format!("for example \"{example}\""))
        })
    };
    section.texts(key)?.map_or_else(Vec::new, |list| list.value).into_iter().map(one).collect()
}

impl Check for Times {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let zoned = release.now.to_zoned(self.zone.rules.clone());
        let shown = zoned.strftime("%a %Y-%m-%d %H:%M %Z");
        let mut faults = self.faults(zoned.datetime());
        let mut read = None;
        if let Some(file) = &self.file {
            let own = file.path(release).and_then(|path| required(evidence, &path));
            match own.and_then(|document| Ok((own_window(&document, release.now)?, document))) {
                Ok((outside, document)) => {
                    faults.extend(outside);
                    read = Some(document);
                }
                Err(fault) => faults.push(fault),
            }
        }
        let mut judged = Judged::of(faults, format!("{shown} is inside (tzdata {})", data_version()));
        if let Some(first) = judged.faults.first() {
            let of_list = ["windows", "freezes", "blackouts"].contains(&&*first.subject);
            let subject = if of_list { String::new() } else { format!("{}: ", first.subject) };
            judged.detail = format!("{shown}: {subject}{}", first.actual.as_deref().unwrap_or_default());
        }
        judged.reading([&self.zone.document()]).reading(read.as_deref())
    }
}

/// A window that a file states for this release: the fault if the present lies outside of it.
fn own_window(document: &Document, now: Timestamp) -> Result<Option<Fault>, Fault> {
    let value = json(document)?;
    let time = |key: &str| {
        let text = value.get(key).and_then(serde_json::Value::as_str);
        text.and_then(|text| text.parse::<Timestamp>().ok()).ok_or_else(|| {
            let fault = Fault::new(format!("{}#/{key}", document.path));
            fault.expected("a time with its offset").actual("there is none")
        })
    };
    let (start, end) = (time("starts_at")?, time("ends_at")?);
    let fault = || Fault::new(&document.path).expected(format!("from {start} to {end}"));
    Ok((!(start..end).contains(&now)).then(|| fault().actual("outside of the window")))
}

impl Times {
    fn faults(&self, now: DateTime) -> Vec<Fault> {
        let zone = &self.zone.name;
        let mut faults = Vec::new();
        if !self.windows.is_empty() && !self.windows.iter().any(|window| window.has(now)) {
            let all: Vec<&str> = self.windows.iter().map(|window| &*window.text).collect();
            let fault = Fault::new("windows").expected(format!("{} in {zone}", all.join(" or ")));
            faults.push(fault.actual("outside of every window"));
        }
        for freeze in self.freezes.iter().filter(|freeze| freeze.has(now)) {
            let fault = Fault::new("freezes").expected(format!("not {} in {zone}", freeze.text));
            faults.push(fault.actual("inside the freeze"));
        }
        for blackout in self.blackouts.iter().filter(|blackout| blackout.has(now)) {
            let fault = Fault::new("blackouts").expected(format!("not {} in {zone}", blackout.text));
            faults.push(fault.actual("on a blackout date"));
        }
        faults
    }
}

#[cfg(test)]
mod tests;
