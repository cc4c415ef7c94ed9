//! What a probe writes down: each comparison, and what is wrong as a finding.

use crate::finding::{Code, Finding};
use crate::format::drill_report::{Ended, ProbeCheck};

/// Comparisons past this many that say the same of many tables are counted, not listed.
const LISTED_MAX: usize = 200;

/// The comparisons of a probe, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Each.
    pub checks: Vec<ProbeCheck>,
    /// What is wrong, or worth saying.
    pub findings: Vec<Finding>,
    /// What was covered, in a few words for a line of the screen.
    pub covered: Vec<String>,
}

impl Ledger {
    /// Something that holds.
    pub fn passed(&mut self, name: &str, expected: impl ToString, actual: impl ToString) {
        self.check(name, expected.to_string(), actual.to_string(), Ended::Passed);
    }

    /// Something that was not compared, and why.
    pub fn skipped(&mut self, name: &str, why: impl ToString) {
        self.check(name, String::new(), why.to_string(), Ended::Skipped);
    }

    /// Something that does not hold.
    pub fn failed(&mut self, name: &str, finding: Finding) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.check(name, text(&finding.expected), text(&finding.actual), Ended::Failed);
        self.findings.push(finding);
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
        if self.checks.len() < LISTED_MAX || status == Ended::Failed {
            self.checks.push(ProbeCheck { name: name.to_owned(), expected, actual, status });
        }
    }

    /// How the probe ended: failed by any finding of weight, skipped if it compared nothing.
    pub fn ended(&self) -> Ended {
        let is_error = |finding: &Finding| finding.severity == crate::finding::Severity::Error;
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
        (0..2 * LISTED_MAX).for_each(|_| ledger.passed("rows", 1, 1));
        assert!(ledger.checks.len() <= LISTED_MAX);
    }
}
