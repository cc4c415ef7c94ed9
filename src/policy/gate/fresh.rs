//! `fresh`: evidence is there and young enough.

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::{required, required_text};
use crate::policy::gate::judged::Fault;
use crate::policy::gate::pointer::{Pointer, json};
use crate::policy::gate::sources::{self, Sources};
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::{duration, show};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "fresh",
    code: Code::GateFresh,
    holds_when: "every file is there and not older, nor younger, than the policy allows, by a time inside it or by its last \
                 commit; never by the file system's time. A time more than 5 minutes in the future fails too",
    keys: &[
        ("files", sources::MEANING),
        ("max_age", "how old it may be: `90s`, `15m`, `26h`, `7d`, `2w`; this, or `min_age`, is required"),
        ("min_age", "how old it must be at least"),
        (
            "pointer",
            "the JSON pointer to the time: RFC 3339 with its offset, a date (the beginning of it in UTC), or a \
             number of seconds or milliseconds since 1970",
        ),
        ("front_matter", "instead: the key of the time in the YAML front matter of a Markdown file"),
        ("committed", "instead: `true` for the time of the last commit that touched the file"),
        (
            "since",
            "a JSON file with the time from which age is counted: the evidence's time lies so long after it, and not \
             before. By default age is counted from the evidence's time to the present",
        ),
        ("since_pointer", "the JSON pointer to the time in that file"),
    ],
    example: "[[gate]]\nid = \"kill-switch-test\"\ncheck = \"fresh\"\nfiles = [\"reports/kill-switch.json\"]\n\
              pointer = \"/finished_at\"\nmax_age = \"7d\"\n",
    waivable: true,
    parse,
};

/// How far a clock elsewhere may be ahead, in seconds.
const AHEAD_S_MAX: i64 = 300;

/// Numbers from here on are milliseconds: as seconds they would be past the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

#[derive(Debug)]
struct Fresh {
    files: Sources,
    max_age: Option<Age>,
    min_age: Option<Age>,
    by: By,
    since: Option<(Template, Pointer)>,
}

/// An age, in seconds, and as it was written.
#[derive(Debug)]
struct Age {
    seconds: u64,
    text: String,
}

/// What says when.
#[derive(Debug)]
enum By {
    Pointer(Pointer),
    FrontMatter(String),
    Committed,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let age = |key| {
        let age = duration(section, key)?.map(|(seconds, text)| Age { seconds, text: text.to_owned() });
        Ok::<_, crate::error::Error>(age)
    };
    let (max_age, min_age) = (age("max_age")?, age("min_age")?);
    if max_age.is_none() && min_age.is_none() {
        let hint = "for example max_age = \"7d\"";
        return Err(section.error(section.line, "a gate of this kind needs `max_age`", hint));
    }
    if max_age.as_ref().zip(min_age.as_ref()).is_some_and(|(max, min)| min.seconds > max.seconds) {
        return Err(section.error(section.line, "`min_age` is above `max_age`, so no time passes", ""));
    }
    let files = Sources::required(section, "files")?;
    let since = match (Template::read(section, "since")?, Pointer::of_key(section, "since_pointer")?) {
        (Some(file), Some(pointer)) => Some((file, pointer)),
        (None, None) => None,
        _ => {
            let message =
                "`since` and `since_pointer` belong together: a file, and where in it the time stands";
            return Err(section.error(section.line, message, "since_pointer = \"/finished_at\""));
        }
    };
    Ok(Arc::new(Fresh { files, max_age, min_age, by: by(section)?, since }))
}

fn by(section: &Section<'_>) -> Result<By> {
    let pointer = Pointer::read(section)?.map(By::Pointer);
    let key = section.text("front_matter")?.map(|key| By::FrontMatter(key.value.to_owned()));
    let committed = section.flag("committed")?.filter(|flag| flag.value).map(|_| By::Committed);
    let mut given = [pointer, key, committed].into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(by), None) => Ok(by),
        _ => Err(section.error(
            section.line,
            "a gate of this kind needs one of `pointer`, `front_matter` and `committed`",
            "say what tells the time: pointer = \"/finished_at\"",
        )),
    }
}

impl Check for Fresh {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (files, mut faults) = self.files.files(evidence, release);
        let mut read: Vec<Arc<Document>> = Vec::new();
        let mut oldest: Option<Timestamp> = None;
        let since = match self.start(evidence, release, &mut read) {
            Ok(since) => since,
            Err(fault) => {
                faults.push(fault);
                return Judged::of(faults, "").reading(read.iter().map(|document| &**document));
            }
        };
        for file in &files {
            match self.time(evidence, file, &mut read) {
                Err(fault) => faults.push(fault),
                Ok((place, time)) => {
                    faults.extend(match since {
                        Some(since) => self.fault_since(place, time, since),
                        None => self.fault(place, time, release.now),
                    });
                    oldest = Some(oldest.map_or(time, |oldest| oldest.min(time)));
                }
            }
        }
        let oldest = oldest.map_or_else(String::new, |time| format!("; the oldest is of {time}"));
        let passed = format!("{} {}{oldest}", count(files.len() as u64, "file"), self.bounds(since));
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

impl Fresh {
    /// The time from which age is counted, where that is not the present.
    fn start(
        &self,
        evidence: &dyn Evidence,
        release: &Release<'_>,
        read: &mut Vec<Arc<Document>>,
    ) -> Result<Option<Timestamp>, Fault> {
        let Some((file, pointer)) = &self.since else { return Ok(None) };
        let document = required(evidence, &file.path(release)?)?;
        read.push(document.clone());
        let value = json(&document)?;
        let place = pointer.place(&document.path);
        of_json(pointer.of(&document.path, &value)?).map(Some).map_err(|shown| no_time(place, &shown))
    }

    /// `not older than 7d`, `at least 90m and at most 48h after 2026-11-20T10:00:00Z`
    fn bounds(&self, since: Option<Timestamp>) -> String {
        let text = |age: &Option<Age>, words: &str| age.as_ref().map(|age| format!("{words} {}", age.text));
        let words = if since.is_some() { ["at least", "at most"] } else { ["at least", "not older than"] };
        let old = if since.is_none() { " old" } else { "" };
        let least = text(&self.min_age, words[0]).map(|least| least + old);
        let bounds: Vec<String> = [least, text(&self.max_age, words[1])].into_iter().flatten().collect();
        let after = since.map_or_else(String::new, |since| format!(" after {since}"));
        bounds.join(" and ") + &after
    }

    /// What is wrong with a time that is counted from another one.
    fn fault_since(&self, place: String, time: Timestamp, since: Timestamp) -> Option<Fault> {
        let after = time.duration_since(since);
        let is_wrong = after.is_negative() || self.is_outside(after);
        is_wrong.then(|| Fault::new(place).expected(self.bounds(Some(since))).actual(format!("of {time}")))
    }

    /// Whether an age is below the one bound, or above the other.
    fn is_outside(&self, age: SignedDuration) -> bool {
        let of = |age: &Age| SignedDuration::from_secs(i64::try_from(age.seconds).unwrap_or(i64::MAX));
        self.max_age.as_ref().is_some_and(|max| age > of(max))
            || self.min_age.as_ref().is_some_and(|min| age < of(min))
    }

    /// The place of the time, and the time.
    fn time(
        &self,
        evidence: &dyn Evidence,
        file: &PackPath,
        read: &mut Vec<Arc<Document>>,
    ) -> Result<(String, Timestamp), Fault> {
        match &self.by {
            By::Pointer(pointer) => {
                let document = required(evidence, file)?;
                read.push(document.clone());
                let value = json(&document)?;
                let place = pointer.place(&document.path);
                let time = of_json(pointer.of(&document.path, &value)?);
                time.map(|time| (place.clone(), time)).map_err(|shown| no_time(place, &shown))
            }
            By::FrontMatter(key) => {
                let (document, text) = required_text(evidence, file)?;
                read.push(document);
                let (line, value) = front_matter(&text, key).ok_or_else(|| {
                    Fault::new(file.as_str())
                        .expected(format!("{key} in the front matter"))
                        .actual("there is none")
                })?;
                let place = format!("{file}:{line}");
                of_text(value).map(|time| (place.clone(), time)).ok_or_else(|| no_time(place, value))
            }
            By::Committed => {
                read.push(required(evidence, file)?);
                match evidence.committed_at(file) {
                    Ok(Some(time)) => Ok((file.to_string(), time)),
                    Ok(None) => {
                        Err(Fault::new(file.as_str()).expected("a commit").actual("it was never committed"))
                    }
                    Err(why) => {
                        Err(Fault::new(file.as_str()).expected("the time of its last commit").actual(why))
                    }
                }
            }
        }
    }

    /// What is wrong with a time. The record has the bound and the time of the evidence; the age would be another one in
    /// a second.
    fn fault(&self, place: String, time: Timestamp, now: Timestamp) -> Option<Fault> {
        let age = now.duration_since(time);
        if age < SignedDuration::from_secs(-AHEAD_S_MAX) {
            let fault = Fault::new(place).expected("not in the future, by more than 5 minutes");
            return Some(fault.actual(format!("of {time}")));
        }
        let fault = || Fault::new(place).expected(self.bounds(None)).actual(format!("of {time}"));
        self.is_outside(age).then(fault)
    }
}

fn no_time(place: String, shown: &str) -> Fault {
    Fault::new(place).expected("a time with its offset, or a date").actual(show(shown))
}

fn of_json(value: &Value) -> Result<Timestamp, String> {
    let time = match value {
        Value::String(text) => of_text(text),
        Value::Number(number) => number.as_i64().and_then(|number| {
            let is_milliseconds = number.unsigned_abs() >= MILLISECONDS_FROM.unsigned_abs();
            if is_milliseconds { Timestamp::from_millisecond(number) } else { Timestamp::from_second(number) }
                .ok()
        }),
        _ => None,
    };
    time.ok_or_else(|| match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    })
}

/// RFC 3339, or a date, which is the beginning of it in UTC.
fn of_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let date: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A top-level `key: value` between the two `---` at the top of a file, and its line.
fn front_matter<'t>(text: &'t str, key: &str) -> Option<(usize, &'t str)> {
    let mut lines = text.lines().enumerate();
    lines.next().filter(|(_, line)| line.trim_end() == "---")?;
    let ends = |line: &str| matches!(line.trim_end(), "---" | "...");
    let end = lines.clone().find(|(_, line)| ends(line))?.0;
    lines.take_while(|(at, _)| *at < end).find_map(|(at, line)| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        let value = value.split(" #").next().unwrap_or_default().trim();
        let bare = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
        Some((at + 1, bare('"').or_else(|| bare('\'')).unwrap_or(value)))
    })
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, judge, passes, refusal};

    const BY_POINTER: &str =
        "check = \"fresh\"\nfiles = [\"r/{version}.json\"]\npointer = \"/finished_at\"\nmax_age = \"7d\"";
    const BY_KEY: &str = "check = \"fresh\"\nfiles = [\"*.md\"]\nfront_matter = \"date\"\nmax_age = \"26h\"";
    const BY_COMMIT: &str = "check = \"fresh\"\nfiles = [\"*.md\"]\ncommitted = true\nmax_age = \"26h\"";

    fn report(time: &str) -> Fake {
        Fake::new().file("r/1.2.3.json", format!("{{\"finished_at\": {time}}}"))
    }

    #[test]
    fn evidence_may_have_to_be_of_some_age() {
        let keys = BY_POINTER.replace("max_age = \"7d\"", "min_age = \"90m\"");
        assert_eq!(
            passes(&keys, &report("\"2026-11-20T10:30:00Z\"")).detail,
            "1 file at least 90m old; the oldest is of 2026-11-20T10:30:00Z"
        );
        let (place, young) = ("r/1.2.3.json#/finished_at", report("\"2026-11-20T10:30:01Z\""));
        fails(&keys, &young, place, "at least 90m old", "of 2026-11-20T10:30:01Z");
    }

    #[test]
    fn age_may_be_counted_from_another_time() {
        let keys = format!("{BY_POINTER}\nsince = \"d.json\"\nsince_pointer = \"/at\"")
            .replace("max_age = \"7d\"", "max_age = \"48h\"\nmin_age = \"1h\"");
        let with =
            |time: &str| report(&format!("\"{time}\"")).file("d.json", "{\"at\": \"2026-10-01T10:00:00Z\"}");
        let held = passes(&keys, &with("2026-10-03T10:00:00Z"));
        let bounds = "at least 1h and at most 48h after 2026-10-01T10:00:00Z";
        assert_eq!(held.detail, format!("1 file {bounds}; the oldest is of 2026-10-03T10:00:00Z"));
        assert_eq!(held.read.len(), 2);
        for time in ["2026-10-03T10:00:01Z", "2026-10-01T10:59:59Z", "2026-09-30T10:00:00Z"] {
            fails(&keys, &with(time), "r/1.2.3.json#/finished_at", bounds, &format!("of {time}"));
        }
        fails(&keys, &report("\"2026-10-03T10:00:00Z\""), "d.json", "a file", "it is not there");
        let keys = format!("{BY_POINTER}\nsince = \"d.json\"");
        assert!(refusal(&keys).1.starts_with("`since` and `since_pointer` belong together"));
    }

    #[test]
    fn young_evidence_holds_whatever_tells_its_time() {
        // Now is 2026-11-20T12:00:00Z.
        for time in [
            "\"2026-11-13T12:00:00Z\"",
            "\"2026-11-20T14:04:59+02:00\"",
            "\"2026-11-14\"",
            "1763980000000",
            "1795176000",
        ] {
            let found = judge(BY_POINTER, &report(time));
            assert_eq!(found.faults.is_empty(), time != "1763980000000", "{time}: {found:?}");
        }
        let text = "---\ntitle: x\ndate: \"2026-11-20T08:00:00Z\" # by hand\n---\ndate: 1999-01-01\n";
        let held = passes(BY_KEY, &Fake::new().file("a.md", text));
        assert_eq!(held.detail, "1 file not older than 26h; the oldest is of 2026-11-20T08:00:00Z");
        let committed =
            Fake::new().git(Default::default()).file("a.md", "x").committed("a.md", "2026-11-19T10:00:00Z");
        assert_eq!(passes(BY_COMMIT, &committed).read.len(), 1);
    }

    #[test]
    fn old_evidence_fails_with_its_time_and_the_bound() {
        let place = "r/1.2.3.json#/finished_at";
        fails(
            BY_POINTER,
            &report("\"2026-11-13T11:59:59.9Z\""),
            place,
            "not older than 7d",
            "of 2026-11-13T11:59:59.9Z",
        );
        let text = "---\ndate: 2026-11-19\n---\n";
        fails(
            BY_KEY,
            &Fake::new().file("a.md", text),
            "a.md:2",
            "not older than 26h",
            "of 2026-11-19T00:00:00Z",
        );
        let committed =
            Fake::new().git(Default::default()).file("a.md", "x").committed("a.md", "2026-11-19T09:59:00Z");
        fails(BY_COMMIT, &committed, "a.md", "not older than 26h", "of 2026-11-19T09:59:00Z");
    }

    #[test]
    fn the_future_fails_beyond_five_minutes() {
        let place = "r/1.2.3.json#/finished_at";
        passes(BY_POINTER, &report("\"2026-11-20T12:05:00Z\""));
        let expected = "not in the future, by more than 5 minutes";
        fails(BY_POINTER, &report("\"2026-11-20T12:05:01Z\""), place, expected, "of 2026-11-20T12:05:01Z");
    }

    #[test]
    fn what_does_not_say_when_fails() {
        let place = "r/1.2.3.json#/finished_at";
        let a_time = "a time with its offset, or a date";
        for (time, actual) in [
            ("\"2026-11-20T10:00:00\"", "2026-11-20T10:00:00"),
            ("null", "null"),
            ("{}", "an object"),
            ("1e99", "1e+99"),
        ] {
            let fault = crate::policy::gate::testing::one_fault(BY_POINTER, &report(time));
            assert_eq!((&*fault.0, &*fault.1), (place, a_time), "{time}");
            assert_eq!(fault.2.trim_matches('"'), actual);
        }
        fails(BY_POINTER, &Fake::new(), "r/1.2.3.json", "a file", "it is not there");
        fails(BY_POINTER, &Fake::new().file("r/1.2.3.json", "{}"), place, "a value", "there is none");
        fails(
            BY_POINTER,
            &Fake::new().unreadable("r/1.2.3.json", "too large"),
            "r/1.2.3.json",
            "",
            "too large",
        );
        let fault =
            crate::policy::gate::testing::one_fault(BY_POINTER, &Fake::new().file("r/1.2.3.json", "{\n]"));
        assert_eq!((&*fault.0, &*fault.1), ("r/1.2.3.json:2", "JSON"));
        fails(BY_KEY, &Fake::new(), "*.md", "a file", "no file matches");
        fails(
            BY_KEY,
            &Fake::new().file("a.md", "date: 2026-11-20\n"),
            "a.md",
            "date in the front matter",
            "there is none",
        );
        let committed = Fake::new().git(Default::default()).file("a.md", "x");
        fails(BY_COMMIT, &committed, "a.md", "a commit", "it was never committed");
        fails(
            BY_COMMIT,
            &Fake::new().file("a.md", "x"),
            "a.md",
            "the time of its last commit",
            "there is no git repository",
        );
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        for (keys, message) in [
            ("max_age = \"7d\"", "a gate of this kind needs `files`"),
            ("files = [\"a\"]", "a gate of this kind needs `max_age`"),
            ("files = [\"a\"]\nmax_age = \"7 days\"", "`max_age` cannot be `7 days`"),
            (
                "files = [\"a\"]\nmax_age = \"7d\"",
                "a gate of this kind needs one of `pointer`, `front_matter` and `committed`",
            ),
            (
                "files = [\"a\"]\nmax_age = \"7d\"\npointer = \"/a\"\ncommitted = true",
                "a gate of this kind needs one of `pointer`, `front_matter` and `committed`",
            ),
            ("files = [\"a\"]\nmax_age = \"7d\"\npointer = \"a\"", "`pointer` cannot be `a`"),
            (
                "files = [\"/a\"]\nmax_age = \"7d\"\npointer = \"/a\"",
                "the pattern `/a` matches no path: paths are relative to the tree",
            ),
        ] {
            assert_eq!(refusal(&format!("check = \"fresh\"\n{keys}")).1, message);
        }
    }
}
