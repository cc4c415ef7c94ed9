//! One JUnit report as one run: when it began, how many tests ran, how many of them failed.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The most elements of a report.
const ELEMENTS_MAX: usize = 2_000_000;

/// A run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// The earliest time in it. A time without an offset is UTC, as JUnit's own schema wants it.
    pub at: Option<Timestamp>,
    /// Tests that were not skipped.
    pub ran: u64,
    /// Tests that failed, or could not run.
    pub failed: u64,
}

/// Reads a report. The cases count, not the sums that the suites state; failures outside of cases count as one test.
pub(super) fn read(text: &str) -> Result<Totals, String> {
    let mut reader = Reader::from_str(text);
    let mut totals = Totals::default();
    let mut case: Option<Case> = None;
    let (mut elements, mut depth) = (0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|error| format!("not XML: {error}"))?;
        match event {
            Event::Start(start) => {
                depth += 1;
                totals.open(&start, &mut case, elements == 0)?;
                elements += 1;
            }
            Event::Empty(start) => {
                totals.open(&start, &mut case, elements == 0)?;
                elements += 1;
                if is(start.local_name().as_ref(), "testcase") {
                    totals.close(case.take());
                }
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                if is(end.local_name().as_ref(), "testcase") {
                    totals.close(case.take());
                }
            }
            Event::DocType(_) => return Err("a document type, which is not read".to_owned()),
            Event::Eof if elements == 0 => return Err("no element".to_owned()),
            Event::Eof if depth > 0 => return Err("not XML: it ends in the middle".to_owned()),
            Event::Eof => return Ok(totals),
            _ => {}
        }
        if elements > ELEMENTS_MAX {
            return Err(format!("more than {ELEMENTS_MAX} elements"));
        }
    }
}

/// A test that is being read.
#[derive(Default)]
struct Case {
    failed: bool,
    skipped: bool,
}

fn is(name: impl AsRef<str>, wanted: &str) -> bool {
    name.as_ref() == wanted
}

impl Totals {
    fn open(&mut self, start: &BytesStart<'_>, case: &mut Option<Case>, is_root: bool) -> Result<(), String> {
        let name = start.local_name();
        let name: &str = name.as_ref();
        if is_root && !matches!(name, "testsuites" | "testsuite") {
            return Err("it begins with neither testsuites nor testsuite".to_owned());
        }
        match name {
            "testsuites" | "testsuite" => self.time(start)?,
            "testcase" => *case = Some(Case::default()),
            "failure" | "error" => match case {
                Some(case) => case.failed = true,
                // A suite that could not begin has no case to fail.
                None => {
                    self.ran += 1;
                    self.failed += 1;
                }
            },
            "skipped" => case.iter_mut().for_each(|case| case.skipped = true),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, case: Option<Case>) {
        let Some(case) = case.filter(|case| case.failed || !case.skipped) else { return };
        self.ran += 1;
        self.failed += u64::from(case.failed);
    }

    fn time(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        let attribute = start.try_get_attribute("timestamp").map_err(|error| format!("not XML: {error}"))?;
        let Some(attribute) = attribute else { return Ok(()) };
        let text: &str = attribute.value.as_ref();
        let at = timestamp(text.trim()).ok_or("a `timestamp` that is no time")?;
        self.at = Some(self.at.map_or(at, |earlier| earlier.min(at)));
        Ok(())
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted_and_the_earliest_time_is_taken() {
        let text = "<testsuites><testsuite timestamp='2026-11-18T10:00:00'><testcase/><testcase><skipped/></testcase>\
                    </testsuite><testsuite timestamp='2026-11-18T09:00:00Z' failures='9'><testcase><error/></testcase>\
                    </testsuite></testsuites>";
        let totals = read(text).unwrap();
        assert_eq!((totals.ran, totals.failed), (2, 1));
        assert_eq!(totals.at.unwrap().to_string(), "2026-11-18T09:00:00Z");
        let early = read("<testsuite><error/></testsuite>").unwrap();
        assert_eq!((early.ran, early.failed, early.at), (1, 1, None));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for (text, why) in [
            ("", "no element"),
            ("<html/>", "it begins with neither testsuites nor testsuite"),
            ("<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>", "a document type, which is not read"),
            ("<testsuite timestamp='soon'/>", "a `timestamp` that is no time"),
            ("<testsuite>", "not XML: it ends in the middle"),
        ] {
            assert_eq!(read(text).unwrap_err(), why, "{text}");
        }
        assert!(read("<testsuite></x>").unwrap_err().starts_with("not XML"));
    }
}
