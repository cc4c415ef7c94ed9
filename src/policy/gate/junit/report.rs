//! JUnit XML, as the tools of all languages write it. There is no standard; what is read is what all of them share:
//! `testsuites` and `testsuite`, `testcase` with `failure`, `error` or `skipped` inside, and the counts of a suite.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// The longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The most failed tests that are kept.
const FAILED_MAX: usize = 10_000;

/// What a report says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many test cases are in it, skipped ones included.
    pub tests: u64,
    /// How many were skipped.
    pub skipped: u64,
    /// Those that failed.
    pub failed: Vec<Failed>,
    /// How many failures and errors the suites count themselves.
    pub stated_failed: u64,
}

/// A test that failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    /// The line of its tag, from 1.
    pub line: usize,
    /// Its class, if one is given, and its name.
    pub name: String,
    /// `failed` or `ended in an error`.
    pub how: &'static str,
}

/// A line from 1, and what is wrong there.
type Wrong = (usize, String);

/// Reads a report.
pub fn read(text: &str) -> Result<Report, Wrong> {
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event();
        reading.move_to(text, reader.buffer_position());
        let wrong = |why: &str| Err((reading.line, why.to_owned()));
        match event.map_err(|error| (reading.line, format!("not XML: {error}")))? {
            Event::Start(tag) => reading.open(&tag)?,
            Event::Empty(tag) => {
                reading.open(&tag)?;
                reading.close();
            }
            Event::End(_) => reading.close(),
            Event::GeneralRef(entity) if !is_known(&entity.xml10_content(), entity.is_char_ref()) => {
                return wrong("an entity that XML itself does not have");
            }
            Event::DocType(_) => return wrong("a document type, which is not read"),
            Event::Eof if !reading.open.is_empty() => return wrong("it ends in the middle"),
            Event::Eof if !reading.has_root => return wrong("there is no element"),
            Event::Eof => return Ok(reading.report),
            _ => {}
        }
    }
}

fn is_known(entity: &str, is_character: bool) -> bool {
    is_character || matches!(entity, "lt" | "gt" | "amp" | "quot" | "apos")
}

#[derive(Default)]
struct Reading {
    report: Report,
    open: Vec<Element>,
    has_root: bool,
    /// The test case that is open.
    case: Option<Case>,
    /// How deep the suite lies whose own counts are taken; suites inside it are counted in it.
    stated_depth: Option<usize>,
    /// Where the event ended, and the line on which it began.
    at: usize,
    lines: usize,
    line: usize,
}

/// A test case, as far as it was read.
struct Case {
    line: usize,
    name: String,
    how: Option<&'static str>,
    skipped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Suites,
    Suite,
    Case,
    Other,
}

impl Reading {
    fn move_to(&mut self, text: &str, position: u64) {
        self.line = self.lines + 1;
        let end = usize::try_from(position).unwrap_or(usize::MAX).min(text.len());
        let passed = text.as_bytes().get(self.at..end).unwrap_or_default();
        self.lines += passed.iter().filter(|byte| **byte == b'\n').count();
        self.at = end.max(self.at);
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Wrong> {
        if self.open.len() >= DEPTH_MAX {
            return Err((self.line, format!("nested deeper than {DEPTH_MAX}")));
        }
        let name = tag.local_name();
        let name: &str = name.as_ref();
        let element = match name {
            "testsuites" => Element::Suites,
            "testsuite" => Element::Suite,
            "testcase" => Element::Case,
            _ => Element::Other,
        };
        let is_root = self.open.is_empty();
        if is_root && (self.has_root || !matches!(element, Element::Suites | Element::Suite)) {
            let shown: String = name.chars().take(40).collect::<String>().escape_debug().to_string();
            return Err((self.line, format!("the element {shown}, where testsuites or testsuite must be")));
        }
        self.has_root = true;
        match element {
            Element::Case => self.begin_case(tag)?,
            Element::Suites | Element::Suite => self.count_suite(tag)?,
            Element::Other if self.open.last() == Some(&Element::Case) => self.judge_case(name),
            Element::Other => {}
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) {
        let closed = self.open.pop();
        if self.stated_depth.is_some_and(|depth| self.open.len() < depth) {
            self.stated_depth = None;
        }
        if closed == Some(Element::Case) {
            self.end_case();
        }
    }

    /// A test that failed is none that was skipped, whatever else stands there.
    fn end_case(&mut self) {
        match self.case.take() {
            Some(Case { line, name, how: Some(how), .. }) if self.report.failed.len() < FAILED_MAX => {
                self.report.failed.push(Failed { line, name, how });
            }
            Some(Case { how: None, skipped: true, .. }) => self.report.skipped += 1,
            _ => {}
        }
    }

    fn begin_case(&mut self, tag: &BytesStart<'_>) -> Result<(), Wrong> {
        let class = self.attribute(tag, "classname")?.filter(|class| !class.is_empty());
        let name = self.attribute(tag, "name")?.unwrap_or_else(|| "a test without a name".to_owned());
        let name = class.map_or(name.clone(), |class| format!("{class} {name}"));
        let shown: String = name.chars().take(NAME_CHARS_MAX).collect::<String>().escape_debug().to_string();
        self.report.tests += 1;
        self.case = Some(Case { line: self.line, name: shown, how: None, skipped: false });
        Ok(())
    }

    fn judge_case(&mut self, child: &str) {
        let Some(case) = &mut self.case else { return };
        match child {
            "failure" => case.how = case.how.or(Some("failed")),
            "error" => case.how = case.how.or(Some("ended in an error")),
            "skipped" => case.skipped = true,
            _ => {}
        }
    }

    /// What a suite counts itself, unless one around it has counted that already.
    fn count_suite(&mut self, tag: &BytesStart<'_>) -> Result<(), Wrong> {
        let counts = [self.count(tag, "failures")?, self.count(tag, "errors")?];
        if self.stated_depth.is_none() && counts.iter().any(Option::is_some) {
            self.stated_depth = Some(self.open.len() + 1);
            let stated = counts.into_iter().flatten().fold(0, u64::saturating_add);
            self.report.stated_failed = self.report.stated_failed.saturating_add(stated);
        }
        Ok(())
    }

    fn count(&self, tag: &BytesStart<'_>, name: &str) -> Result<Option<u64>, Wrong> {
        let Some(text) = self.attribute(tag, name)? else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| (self.line, "a count that is no number".to_owned()))
    }

    fn attribute(&self, tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Wrong> {
        let wrong = |why: &str| (self.line, why.to_owned());
        let found = tag.try_get_attribute(name).map_err(|error| wrong(&format!("not XML: {error}")))?;
        let Some(attribute) = found else { return Ok(None) };
        let raw: &str = attribute.value.as_ref();
        unescaped(raw).map(Some).ok_or_else(|| wrong("an entity that XML itself does not have"))
    }
}

fn unescaped(raw: &str) -> Option<String> {
    quick_xml::escape::unescape(raw).ok().map(|text| text.into_owned())
}
