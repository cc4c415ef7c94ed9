//! `junit`: test reports without a failure.

mod report;

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::{count, number};
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::sources::{self, Sources};
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::natural;
use report::Report;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "junit",
    code: Code::GateJunit,
    holds_when: "the JUnit XML reports are there, no test in them failed or ended in an error, and enough tests ran. Skipped \
                 tests are counted, and did not run",
    keys: &[
        ("files", sources::MEANING),
        ("min_tests", "how many must have run at least, in all reports together; default 1"),
        ("max_skipped", "how many may have been skipped; no limit by default"),
    ],
    example: "[[gate]]\nid = \"tests\"\ncheck = \"junit\"\nfiles = [\"reports/{version}/junit/*.xml\"]\n\
              min_tests = 200\nmax_skipped = 5\n",
    waivable: true,
    parse,
};

/// The most faults that are told of one report.
const FAULTS_MAX: usize = 20;

#[derive(Debug)]
struct Junit {
    files: Sources,
    min_tests: u64,
    max_skipped: Option<u64>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let files = Sources::required(section, "files")?;
    let min_tests = natural(section, "min_tests")?.unwrap_or(1);
    if min_tests == 0 {
        let message = "`min_tests` cannot be 0: a report without a test proves nothing";
        return Err(section.error(section.line, message, "1 or more"));
    }
    Ok(Arc::new(Junit { files, min_tests, max_skipped: natural(section, "max_skipped")? }))
}

impl Check for Junit {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (files, mut faults) = self.files.files(evidence, release);
        let mut read = Vec::new();
        let (mut ran, mut skipped) = (0, 0);
        for file in &files {
            let (document, text) = match required_text(evidence, file) {
                Ok(read) => read,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            read.push(document);
            match report::read(&text) {
                Err((line, why)) => {
                    faults.push(Fault::new(format!("{file}:{line}")).expected("a JUnit report").actual(why));
                }
                Ok(report) => {
                    ran += report.tests - report.skipped;
                    skipped += report.skipped;
                    faults.extend(failures(file.as_str(), &report));
                }
            }
        }
        if !read.is_empty() {
            faults.extend(self.too_few(ran, skipped));
        }
        let passed = format!("{} passed, {} skipped", count(ran, "test"), number(skipped));
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

impl Junit {
    fn too_few(&self, ran: u64, skipped: u64) -> Vec<Fault> {
        let mut faults = Vec::new();
        if ran < self.min_tests {
            let expected = format!("at least {}", count(self.min_tests, "test"));
            let actual =
                if ran == 0 { "no test ran".to_owned() } else { format!("{} ran", count(ran, "test")) };
            faults.push(Fault::new("tests").expected(expected).actual(actual));
        }
        if let Some(most) = self.max_skipped.filter(|most| skipped > *most) {
            faults.push(
                Fault::new("skipped").expected(format!("at most {}", number(most))).actual(number(skipped)),
            );
        }
        faults
    }
}

/// A fault for each test that failed, up to a limit; and one where the report itself counts more than it shows.
fn failures(file: &str, report: &Report) -> Vec<Fault> {
    let mut faults: Vec<Fault> = report
        .failed
        .iter()
        .take(FAULTS_MAX)
        .map(|test| {
            Fault::new(format!("{file}:{}", test.line))
                .expected("passed")
                .actual(format!("{}: {}", test.how, test.name))
        })
        .collect();
    let failed = report.failed.len() as u64;
    if report.failed.len() > FAULTS_MAX {
        let more = report.failed.len() - FAULTS_MAX;
        faults.push(Fault::new(file).expected("passed").actual(format!("{more} more failed")));
    }
    if report.stated_failed > failed {
        let actual = format!("the report counts {}", count(report.stated_failed, "failure"));
        faults.push(Fault::new(file).expected("no failure").actual(actual));
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, one_fault, passes, refusal};

    const KEYS: &str = "check = \"junit\"\nfiles = [\"r/*.xml\"]\nmin_tests = 2\nmax_skipped = 1";

    fn report(cases: &str) -> Fake {
        let text = format!(
            "<?xml version=\"1.0\"?>\n<testsuites>\n<testsuite name=\"s\">\n{cases}\n</testsuite>\n</testsuites>\n"
        );
        Fake::new().file("r/a.xml", text)
    }

    const TWO: &str = "<testcase classname='a.B' name='one'/>\n<testcase name='two &amp; a half'><system-out>x</system-out></testcase>";

    #[test]
    fn a_report_without_failures_holds() {
        let held = passes(KEYS, &report(&format!("{TWO}<testcase name='three'><skipped/></testcase>")));
        assert_eq!(held.detail, "2 tests passed, 1 skipped");
        let one_suite = "<testsuite tests='2' failures='0' errors='0'>".to_owned() + TWO + "</testsuite>";
        assert_eq!(passes(KEYS, &Fake::new().file("r/a.xml", one_suite)).read[0].0, "r/a.xml");
    }

    #[test]
    fn failures_and_errors_are_told_with_their_line() {
        let failed = format!(
            "{TWO}\n<testcase classname='a.B' name='three'>\n<failure message='m'>text</failure></testcase>"
        );
        fails(KEYS, &report(&failed), "r/a.xml:6", "passed", "failed: a.B three");
        let error = format!("{TWO}\n<testcase name='four'><error/></testcase>");
        fails(KEYS, &report(&error), "r/a.xml:6", "passed", "ended in an error: four");
        let stated = "<testsuite errors='1' failures='2'>".to_owned() + TWO + "</testsuite>";
        fails(
            KEYS,
            &Fake::new().file("r/a.xml", stated),
            "r/a.xml",
            "no failure",
            "the report counts 3 failures",
        );
        let many: String =
            (0..30).map(|at| format!("<testcase name='t{at}'><failure/></testcase>\n")).collect();
        assert_eq!(faults(KEYS, &report(&many))[20].2, "10 more failed");
    }

    #[test]
    fn too_few_tests_and_too_many_skipped_fail() {
        fails(KEYS, &report("<testcase name='one'/>"), "tests", "at least 2 tests", "1 test ran");
        fails(KEYS, &report(""), "tests", "at least 2 tests", "no test ran");
        let skipped =
            format!("{TWO}<testcase name='a'><skipped/></testcase><testcase name='b'><skipped/></testcase>");
        fails(KEYS, &report(&skipped), "skipped", "at most 1", "2");
        fails(KEYS, &Fake::new(), "r/*.xml", "a file", "no file matches");
    }

    #[test]
    fn what_is_no_report_fails_with_its_line() {
        let many = "<testsuite>".repeat(1000);
        for (text, line, why) in [
            ("<testsuite>\n<testcase name='&x;'/></testsuite>", 2, "an entity that XML itself does not have"),
            (
                "<testsuite>\n<system-out>&x;</system-out></testsuite>",
                2,
                "an entity that XML itself does not have",
            ),
            ("<!DOCTYPE x [<!ENTITY x 'y'>]>\n<testsuite/>", 1, "a document type, which is not read"),
            ("<html/>", 1, "the element html, where testsuites or testsuite must be"),
            ("", 1, "there is no element"),
            ("<testsuite>\n<testcase>", 2, "it ends in the middle"),
            ("<testsuite failures='many'/>", 1, "a count that is no number"),
            (many.as_str(), 1, "nested deeper than 64"),
        ] {
            let fault = one_fault(
                "check = \"junit\"\nfiles = [\"r/*.xml\"]",
                &Fake::new()
                    .file("r/a.xml", text)
                    .file("r/b.xml", "<testsuite><testcase name='x'/></testsuite>"),
            );
            assert_eq!(fault, (format!("r/a.xml:{line}"), "a JUnit report".into(), why.into()));
        }
        let fault = faults(KEYS, &Fake::new().file("r/a.xml", "not xml <"));
        assert!(fault[0].0.starts_with("r/a.xml:1"), "{fault:?}");
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        assert_eq!(refusal("check = \"junit\"").1, "a gate of this kind needs `files`");
        let wrong = refusal("check = \"junit\"\nfiles = [\"a\"]\nmin_tests = -1");
        assert_eq!((wrong.0, &*wrong.1), (3, "`min_tests` cannot be -1"));
        assert!(
            refusal("check = \"junit\"\nfiles = [\"a\"]\nmin_tests = 0")
                .1
                .starts_with("`min_tests` cannot be 0")
        );
        assert_eq!(
            refusal("check = \"junit\"\nfiles = [\"a\"]\nmin_test = 1").2,
            "did you mean `min_tests`?"
        );
    }
}
