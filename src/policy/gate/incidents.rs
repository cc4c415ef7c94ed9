//! `incidents`: what went wrong was understood, and is tested for since.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown::{self, Field, Section as Part};
use crate::policy::gate::sources::Sources;
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::duration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "incidents",
    code: Code::GateIncidents,
    holds_when: "every incident report has its fields `Date` and `Severity` and its sections, a root cause in time, a \
                 preventive test ticked in time, and no report of a blocking severity is open: without a resolution, \
                 or with `Status` open",
    keys: &[
        (
            "files",
            "required: patterns of the reports, Markdown, each of which must match one at least; `{version}`, `{tag}` \
             and `{project}` stand for the release's",
        ),
        (
            "sections",
            "headings that each report must have; default `Timeline`, `Root Cause`, `Resolution`, `Preventive \
             Measures`. All must be filled but for the second and third, which have their own rules",
        ),
        (
            "root_cause_within",
            "by when `Root Cause` must be filled, counted from `Date` (a day counts until its end, UTC); default \
             `24h`. A field `Root cause at`, where there is one, must lie before that too",
        ),
        (
            "test_within",
            "by when a box under `Preventive Measures` that names a test or an eval must be ticked, counted alike; \
             default `7d`. A field `Test added at`, where there is one, must lie before that too",
        ),
        (
            "report_within",
            "by when the report must have been written, counted alike: its field `Reported at`, which must be there \
             then; default: not asked",
        ),
        ("fields", "fields that each report must have filled, beside `Date` and `Severity`"),
        ("severities", "what `Severity` may be; default anything"),
        ("blockers", "severities that may not be open; default `[\"critical\", \"high\"]`"),
        ("may_be_empty", "true: there may be no report at all; default false"),
    ],
    example: "[[gate]]\nid = \"incidents-closed\"\ncheck = \"incidents\"\n\
              files = [\"docs/incidents/INCIDENT-*.md\"]\nroot_cause_within = \"24h\"\ntest_within = \"7d\"\n\
              may_be_empty = true\n",
    waivable: true,
    parse,
};

const TIMELINE: &str = "Timeline";
const ROOT_CAUSE: &str = "Root Cause";
const RESOLUTION: &str = "Resolution";
const PREVENTIVE: &str = "Preventive Measures";

/// Words of a box that stands for a test.
const TESTS: [&str; 2] = ["test", "eval"];

#[derive(Debug)]
struct Incidents {
    files: Sources,
    sections: Vec<String>,
    root_cause_within_s: u64,
    test_within_s: u64,
    report_within_s: Option<u64>,
    fields: Vec<String>,
    severities: Vec<String>,
    blockers: Vec<String>,
    may_be_empty: bool,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let within =
        |key, default| Ok::<_, crate::error::Error>(duration(section, key)?.map_or(default, |(s, _)| s));
    let names = |key, default: &[&str]| {
        let named = markdown::names(section, key)?;
        let default = || default.iter().map(|name| (*name).to_owned()).collect();
        Ok::<_, crate::error::Error>(if section.texts(key)?.is_some() { named } else { default() })
    };
    Ok(Arc::new(Incidents {
        files: Sources::required(section, "files")?,
        sections: names("sections", &[TIMELINE, ROOT_CAUSE, RESOLUTION, PREVENTIVE])?,
        root_cause_within_s: within("root_cause_within", 24 * 3600)?,
        test_within_s: within("test_within", 7 * 24 * 3600)?,
        report_within_s: duration(section, "report_within")?.map(|(seconds, _)| seconds),
        fields: names("fields", &[])?,
        severities: names("severities", &[])?,
        blockers: names("blockers", &["critical", "high"])?,
        may_be_empty: section.flag("may_be_empty")?.is_some_and(|flag| flag.value),
    }))
}

impl Check for Incidents {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (files, unmatched) = self.files.files(evidence, release);
        let mut faults = if self.may_be_empty { Vec::new() } else { unmatched };
        let mut read = Vec::new();
        for file in &files {
            match required_text(evidence, file) {
                Ok((document, text)) => {
                    read.push(document);
                    faults.extend(self.report(file.as_str(), &text, release.now));
                }
                Err(fault) => faults.push(fault),
            }
        }
        let passed = format!("{}, none open", count(files.len() as u64, "incident report"));
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

/// A report, taken apart.
struct Report<'t> {
    file: &'t str,
    fields: Vec<Field<'t>>,
    parts: Vec<Part<'t>>,
}

impl Incidents {
    fn report(&self, file: &str, text: &str, now: Timestamp) -> Vec<Fault> {
        let lines = markdown::lines(text);
        let report = Report { file, fields: markdown::fields(&lines), parts: markdown::sections(&lines) };
        let mut faults = self.missing(&report);
        faults.extend(self.unfilled(&report));
        faults.extend(self.open_blocker(&report));
        match report.time("Date") {
            Ok(Some(began)) => {
                faults.extend(self.reported(&report, began));
                faults.extend(self.root_cause(&report, began, now));
                faults.extend(self.preventive_test(&report, began, now));
            }
            Ok(None) => faults.push(Fault::new(file).expected("a field Date").actual("there is none")),
            Err(fault) => faults.push(fault),
        }
        faults
    }

    /// Sections that are not there, or say nothing.
    fn missing(&self, report: &Report<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for title in &self.sections {
            let by_time =
                [ROOT_CAUSE, RESOLUTION].iter().any(|own| markdown::plain(own) == markdown::plain(title));
            match report.part(title) {
                None => faults.push(
                    Fault::new(report.file).expected(format!("a section {title}")).actual("there is none"),
                ),
                Some(part) if !by_time && !markdown::is_filled(part) => {
                    let place = format!("{}:{}", report.file, part.line);
                    faults.push(
                        Fault::new(place).expected(format!("{title} filled")).actual("it is not filled"),
                    );
                }
                Some(_) => {}
            }
        }
        faults
    }

    /// Fields that are not there, or say nothing.
    fn unfilled(&self, report: &Report<'_>) -> Vec<Fault> {
        let is_filled =
            |name: &&String| markdown::named(&report.fields, name).is_some_and(|field| field.filled);
        let missing = self.fields.iter().filter(|name| !is_filled(name));
        missing
            .map(|name| {
                Fault::new(report.file).expected(format!("a field {name}, filled")).actual("there is none")
            })
            .collect()
    }

    /// A report that was not written in time.
    fn reported(&self, report: &Report<'_>, began: Timestamp) -> Option<Fault> {
        let by = after(began, self.report_within_s?);
        let expected = format!("the report by {by}");
        match report.time("Reported at") {
            Ok(None) => {
                Some(Fault::new(report.file).expected(expected).actual("there is no field Reported at"))
            }
            _ => report.late("Reported at", by, &expected),
        }
    }

    fn open_blocker(&self, report: &Report<'_>) -> Option<Fault> {
        let fault = |expected: &str| Fault::new(report.file).expected(expected);
        let Some(severity) = markdown::named(&report.fields, "Severity").filter(|field| field.filled) else {
            return Some(fault("a field Severity").actual("there is none"));
        };
        let is_known = |known: &String| markdown::plain(known) == markdown::plain(severity.value);
        if !self.severities.is_empty() && !self.severities.iter().any(is_known) {
            let place = format!("{}:{}", report.file, severity.line);
            let expected = format!("Severity: one of {}", self.severities.join(", "));
            return Some(Fault::new(place).expected(expected).actual(severity.value));
        }
        let severity = markdown::plain(severity.value);
        if !self.blockers.iter().any(|blocker| markdown::plain(blocker) == severity) {
            return None;
        }
        let no_blocker = format!("no open incident of severity {severity}");
        if let Some(status) = markdown::named(&report.fields, "Status")
            && markdown::plain(status.value).starts_with("open")
        {
            let place = format!("{}:{}", report.file, status.line);
            return Some(Fault::new(place).expected(no_blocker).actual("its status is open"));
        }
        let resolved = report.part(RESOLUTION).is_some_and(markdown::is_filled);
        (!resolved).then(|| fault(&no_blocker).actual("it has no resolution"))
    }

    fn root_cause(&self, report: &Report<'_>, began: Timestamp, now: Timestamp) -> Vec<Fault> {
        let by = after(began, self.root_cause_within_s);
        let expected = format!("the root cause by {by}");
        let found = report.part(ROOT_CAUSE).is_some_and(markdown::is_filled);
        let missing =
            (!found && now > by).then(|| Fault::new(report.file).expected(&expected).actual("none"));
        missing.into_iter().chain(report.late("Root cause at", by, &expected)).collect()
    }

    fn preventive_test(&self, report: &Report<'_>, began: Timestamp, now: Timestamp) -> Vec<Fault> {
        let by = after(began, self.test_within_s);
        let expected = format!("a test that prevents it by {by}");
        let boxes = report.part(PREVENTIVE).map_or_else(Vec::new, |part| markdown::boxes(&part.body));
        let is_test = |text: &str| TESTS.iter().any(|word| text.to_lowercase().contains(word));
        let tests: Vec<_> = boxes.iter().filter(|one| is_test(one.text)).collect();
        let mut faults = Vec::new();
        match tests.iter().find(|one| !one.ticked) {
            None if tests.is_empty() => {
                let expected = format!("a box for a test under {PREVENTIVE}");
                faults.push(Fault::new(report.file).expected(expected).actual("there is none"));
            }
            Some(open) if now > by => {
                let place = format!("{}:{}", report.file, open.line);
                let fault = Fault::new(place).expected(&expected);
                faults.push(fault.actual(format!("not ticked: {}", open.text)));
            }
            _ => {}
        }
        faults.extend(report.late("Test added at", by, &expected));
        faults
    }
}

impl<'t> Report<'t> {
    fn part(&self, title: &str) -> Option<&Part<'t>> {
        markdown::section(&self.parts, title)
    }

    /// The time in a field; of a day its end, UTC.
    fn time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        let Some(field) = markdown::named(&self.fields, name) else { return Ok(None) };
        time(field.value).map(Some).ok_or_else(|| {
            let fault = Fault::new(format!("{}:{}", self.file, field.line));
            let actual = if field.value.is_empty() { "nothing" } else { field.value };
            fault.expected(format!("{name}: 2026-11-20, or 2026-11-20T10:00:00Z")).actual(actual)
        })
    }

    /// A time that the report states, and that is past its bound.
    fn late(&self, name: &str, by: Timestamp, expected: &str) -> Option<Fault> {
        match self.time(name) {
            Ok(Some(at)) if at > by => {
                Some(Fault::new(self.file).expected(expected).actual(format!("{name} {at}")))
            }
            Ok(_) => None,
            Err(fault) => Some(fault),
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    // Longer texts would be read as a day, too, and their time be lost.
    let day: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    Some(day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn after(began: Timestamp, seconds: u64) -> Timestamp {
    let within = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    began.checked_add(within).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const GATE: &str = "check = 'incidents'\nfiles = ['docs/incidents/*.md']";
    const FILE: &str = "docs/incidents/INCIDENT-0001.md";
    const REPORT: &str = "# INCIDENT-0001: no ingest\n\n**Date**: 2026-11-10\n**Severity**: high\n**Duration**: 12 \
                          minutes\n\n## Timeline\n- 10:00 - noticed\n\n## Root Cause\nA full disk.\n\n## Resolution\n\
                          Space was made.\n\n## Preventive Measures\n- [x] Test added to catch this\n- [ ] Dashboard\n";

    fn with(from: &str, to: &str) -> Fake {
        assert!(REPORT.contains(from), "{from}");
        Fake::new().file(FILE, REPORT.replacen(from, to, 1))
    }

    #[test]
    fn a_report_that_is_done_passes() {
        assert_eq!(passes(GATE, &with("high", "high")).detail, "1 incident report, none open");
    }

    #[test]
    fn fields_and_sections_must_be_there() {
        fails(GATE, &with("**Date**: 2026-11-10\n", ""), FILE, "a field Date", "there is none");
        fails(GATE, &with("**Severity**: high\n", ""), FILE, "a field Severity", "there is none");
        let odd = with("2026-11-10", "last week");
        fails(GATE, &odd, &format!("{FILE}:3"), "Date: 2026-11-20, or 2026-11-20T10:00:00Z", "last week");
        fails(GATE, &with("## Timeline\n", ""), FILE, "a section Timeline", "there is none");
        let blank = with("- 10:00 - noticed\n", "");
        fails(GATE, &blank, &format!("{FILE}:7"), "Timeline filled", "it is not filled");
        passes(&format!("{GATE}\nsections = ['Root Cause']"), &blank);
    }

    #[test]
    fn the_root_cause_is_due_and_the_report_says_by_when() {
        let none = with("A full disk.\n", "");
        fails(GATE, &none, FILE, "the root cause by 2026-11-12T00:00:00Z", "none");
        passes(&format!("{GATE}\nroot_cause_within = '30d'"), &none);
        let late = with("**Severity**", "**Root cause at**: 2026-11-12T08:00:00Z\n**Severity**");
        fails(
            GATE,
            &late,
            FILE,
            "the root cause by 2026-11-12T00:00:00Z",
            "Root cause at 2026-11-12T08:00:00Z",
        );
    }

    #[test]
    fn the_preventive_test_is_due_too() {
        let open = with("[x] Test", "[ ] Test");
        let expected = "a test that prevents it by 2026-11-18T00:00:00Z";
        fails(GATE, &open, &format!("{FILE}:17"), expected, "not ticked: Test added to catch this");
        passes(&format!("{GATE}\ntest_within = '4w'"), &open);
        let none = with("- [x] Test added to catch this\n", "");
        fails(GATE, &none, FILE, "a box for a test under Preventive Measures", "there is none");
        let late = with("**Severity**", "**Test added at**: 2026-11-18T00:00:01Z\n**Severity**");
        fails(GATE, &late, FILE, expected, "Test added at 2026-11-18T00:00:01Z");
    }

    #[test]
    fn the_report_is_due_where_the_gate_says_so() {
        let gate = format!("{GATE}\nreport_within = '1h'");
        let with_time = |at: &str| with("**Severity**", &format!("**Reported at**: {at}\n**Severity**"));
        passes(&gate, &with_time("2026-11-11T01:00:00Z"));
        let expected = "the report by 2026-11-11T01:00:00Z";
        let late = with_time("2026-11-11T01:00:01Z");
        fails(&gate, &late, FILE, expected, "Reported at 2026-11-11T01:00:01Z");
        fails(&gate, &with("high", "high"), FILE, expected, "there is no field Reported at");
    }

    #[test]
    fn fields_and_severities_are_those_of_the_template() {
        let gate = format!("{GATE}\nfields = ['Duration']\nseverities = ['high', 'low']");
        passes(&gate, &with("high", "high"));
        let none = with("**Duration**: 12 minutes\n", "");
        fails(&gate, &none, FILE, "a field Duration, filled", "there is none");
        let odd = with("**Severity**: high", "**Severity**: odd");
        fails(&gate, &odd, &format!("{FILE}:4"), "Severity: one of high, low", "odd");
    }

    #[test]
    fn no_blocker_may_be_open() {
        let open = with("Space was made.\n", "");
        fails(GATE, &open, FILE, "no open incident of severity high", "it has no resolution");
        passes(&format!("{GATE}\nblockers = ['critical']"), &open);
        let stated = with("**Severity**: high", "**Severity**: high\n**Status**: Open");
        fails(GATE, &stated, &format!("{FILE}:5"), "no open incident of severity high", "its status is open");
    }

    #[test]
    fn no_report_is_fine_only_where_the_gate_says_so() {
        fails(GATE, &Fake::new(), "docs/incidents/*.md", "a file", "no file matches");
        passes(&format!("{GATE}\nmay_be_empty = true"), &Fake::new());
        assert_eq!(faults(GATE, &Fake::new().file(FILE, [0xff]))[0].1, "UTF-8");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'incidents'\nfiles = ['a']\ntest_within = 'soon'").0, 3);
        assert_eq!(
            refusal("check = 'incidents'\nfiles = ['a']\nmay_be_emty = true").2,
            "did you mean `may_be_empty`?"
        );
        assert_eq!(refusal("check = 'incidents'\nfiles = ['a']\nblockers = ['a', 'A']").0, 3);
    }

    #[test]
    fn times_are_days_or_instants() {
        assert_eq!(time("2026-11-20").unwrap().to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(time("2026-11-20T10:00:00+02:00").unwrap().to_string(), "2026-11-20T08:00:00Z");
        assert_eq!([time(""), time("2026-13-01"), time("2026-11-20 10:00")], [None; 3]);
    }
}
