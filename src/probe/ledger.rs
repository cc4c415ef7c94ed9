//! What a probe writes down: each comparison, and what is wrong as a finding.

use crate::finding::{Code, Finding, Severity};
use crate::format::drill_report::{Ended, ProbeCheck};
use crate::format::units::{count, number, size};
use std::collections::BTreeMap;

/// How many comparisons that hold are listed; those past them are counted. What was left out is always listed.
const PASSED_LISTED_MAX: usize = 200;

/// How many findings of a code are listed; those past them are counted. A report has to stay one that is read.
const FOUND_LISTED_MAX: u64 = 200;

/// The longest text that is told of a comparison, in bytes; of a longer one its beginning is.
const TEXT_BYTES_MAX: usize = 4096;

/// The comparisons of a probe, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Each.
    pub checks: Vec<ProbeCheck>,
    /// What is wrong, or worth saying.
    pub findings: Vec<Finding>,
    /// What was covered, in a few words for a line of the screen.
    pub covered: Vec<String>,
    passed: usize,
    failed: BTreeMap<Code, u64>,
}

impl Ledger {
    /// Something that holds.
    pub fn passed(&mut self, name: &str, expected: impl ToString, actual: impl ToString) {
        self.passed += 1;
        if self.passed <= PASSED_LISTED_MAX {
            self.check(name, told(expected.to_string()), told(actual.to_string()), Ended::Passed);
        }
    }

    /// Something that was not compared, and why.
    pub fn skipped(&mut self, name: &str, why: impl ToString) {
        self.check(name, String::new(), told(why.to_string()), Ended::Skipped);
    }

    /// Something that does not hold.
    pub fn failed(&mut self, name: &str, finding: Finding) {
        let failed = self.failed.entry(finding.code).or_default();
        *failed += 1;
        if *failed > FOUND_LISTED_MAX {
            return;
        }
        let (expected, actual) = (finding.expected.map(told), finding.actual.map(told));
        let finding = Finding { subject: told(finding.subject), expected, actual, ..finding };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.check(name, text(&finding.expected), text(&finding.actual), Ended::Failed);
        self.findings.push(finding);
    }

    /// How many do not hold, listed or not.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Two values that must be one.
    pub fn same<T: PartialEq + ToString>(&mut self, name: &str, code: Code, subject: &str, pair: (T, T)) {
        let (expected, actual) = pair;
        if expected == actual {
            return self.passed(name, expected, actual);
        }
        let finding = Finding::new(code, subject).expected(expected.to_string());
        self.failed(name, finding.actual(actual.to_string()));
    }

    /// A few words for the screen.
    pub fn covers(&mut self, words: impl Into<String>) {
        self.covered.push(words.into());
    }

    fn check(&mut self, name: &str, expected: String, actual: String, status: Ended) {
        self.checks.push(ProbeCheck { name: name.to_owned(), expected, actual, status });
    }

    /// Says how many were not listed, of what held and of what did not; nothing is written down after that.
    pub fn close(&mut self, subject: &str) {
        if let Some(more @ 1..) = self.passed.checked_sub(PASSED_LISTED_MAX) {
            let actual = format!("{} more that passed", count(more as u64, "check"));
            self.check("not listed", String::new(), actual, Ended::Passed);
        }
        for (code, more) in std::mem::take(&mut self.failed) {
            let Some(more @ 1..) = more.checked_sub(FOUND_LISTED_MAX) else { continue };
            let finding = Finding::new(code, subject);
            let actual = format!("{} more like these, which are not listed", number(more));
            self.check("not listed", String::new(), format!("{code}: {actual}"), Ended::Failed);
            self.findings.push(finding.actual(actual));
        }
    }

    /// How the probe ended: failed by any finding of weight, skipped if it compared nothing.
    pub fn ended(&self) -> Ended {
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        if self.findings.iter().any(is_error) || self.checks.iter().any(|check| check.status == Ended::Failed)
        {
            return Ended::Failed;
        }
        match self.checks.iter().any(|check| check.status == Ended::Passed) {
            true => Ended::Passed,
            false => Ended::Skipped,
        }
    }
}

/// A text, or the beginning of one that is too long, and how long it is.
fn told(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let whole = size(text.len() as u64);
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push_str(&format!("… ({whole} in all)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_nothing_is_skipped_and_one_error_fails_it() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.ended(), Ended::Skipped);
        ledger.skipped("contents", "none was recorded");
        assert_eq!(ledger.ended(), Ended::Skipped);
        ledger.passed("rows", 1, 1);
        assert_eq!(ledger.ended(), Ended::Passed);
        ledger.findings.push(Finding::new(Code::NotConfined, "x"));
        assert_eq!(ledger.ended(), Ended::Passed, "a warning is none");
        ledger.same("rows", Code::RowsDiffer, "t", (1, 2));
        assert_eq!(ledger.ended(), Ended::Failed);
    }

    #[test]
    fn what_is_not_listed_is_counted_and_what_was_left_out_is_always_listed() {
        let mut ledger = Ledger::default();
        (0..PASSED_LISTED_MAX + 1234).for_each(|_| ledger.passed("rows", 1, 1));
        (0..2 * PASSED_LISTED_MAX).for_each(|_| ledger.skipped("contents", "none was recorded"));
        let wrong = |code| Finding::new(code, "x").expected("that").actual("this");
        (0..40_000).for_each(|_| ledger.failed("parsers", wrong(Code::FileUnparsed)));
        ledger.failed("digests", wrong(Code::Altered));
        assert_eq!(ledger.failures(), 40_001);
        ledger.close("p");
        let listed = |status| ledger.checks.iter().filter(move |check| check.status == status);
        assert_eq!(listed(Ended::Skipped).count(), 2 * PASSED_LISTED_MAX);
        assert_eq!(listed(Ended::Passed).count(), PASSED_LISTED_MAX + 1);
        let told = |status| listed(status).next_back().unwrap().actual.clone();
        assert_eq!(told(Ended::Passed), "1,234 checks more that passed");
        assert_eq!(told(Ended::Failed), "file-unparsed: 39,800 more like these, which are not listed");
        let of = |code| ledger.findings.iter().filter(move |finding| finding.code == code);
        assert_eq!((of(Code::FileUnparsed).count(), of(Code::Altered).count()), (201, 1));
        let last = ledger.findings.last().unwrap();
        assert_eq!((last.code, &*last.subject), (Code::FileUnparsed, "p"));
        assert_eq!(ledger.findings.len(), listed(Ended::Failed).count());
    }

    #[test]
    fn a_long_text_is_told_by_its_beginning() {
        let mut ledger = Ledger::default();
        let long = "ä".repeat(1 << 19);
        ledger.passed("query", &long, "1");
        ledger.failed("query", Finding::new(Code::QueryDiffers, &*long).expected("1").actual(&long));
        ledger.skipped("query", &long);
        assert!(ledger.findings[0].subject.ends_with("ä… (1.0 MiB in all)"));
        let texts = ledger.checks.iter().flat_map(|check| [&check.expected, &check.actual]);
        let texts = texts.chain(ledger.findings[0].actual.as_ref());
        let long: Vec<&String> = texts.filter(|text| text.len() > 1).collect();
        assert_eq!(long.len(), 4);
        assert!(long.iter().all(|text| text.len() < 4200 && text.ends_with("ä… (1.0 MiB in all)")));
    }
}
