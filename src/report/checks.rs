//! The checks of an outcome, and everything that they found: a part of most pages.

use crate::finding::{Check, Code, Finding, Status, Verdict};
use crate::report::outcome::OutcomeDocument;
use crate::report::words::{Tone, severity, shown, status, verdict};
use maud::{Markup, html};

/// Findings past this many are counted; the JSON document has them all.
const FINDINGS_SHOWN: usize = 500;

/// What the whole comes to, where nobody can overlook it, and what it does not cover.
pub fn banner(outcome: &OutcomeDocument) -> Markup {
    let (sentence, tone) = verdict(outcome.verdict);
    let open: Vec<&str> = open(outcome).map(|check| check.name).collect();
    match outcome.verdict {
        Verdict::Holds if !open.is_empty() => {
            self::sentence(&format!("{sentence} Not checked: {}.", open.join(", ")), tone)
        }
        _ => self::sentence(sentence, tone),
    }
}

/// The checks that did not run.
fn open(outcome: &OutcomeDocument) -> impl Iterator<Item = &Check> {
    outcome.checks.iter().filter(|check| matches!(check.status, Status::Skipped | Status::NotChecked))
}

/// A verdict in a frame.
pub fn sentence(text: &str, tone: Tone) -> Markup {
    html! { p class={ "verdict " (tone.class()) } { (text) } }
}

/// Every check, in order: its name, what it covered, how it ended.
pub fn checks(outcome: &OutcomeDocument) -> Markup {
    html! {
        table class="checks" {
            thead { tr { th scope="col" { "Check" } th scope="col" { "Covered" } th scope="col" { "Result" } } }
            tbody {
                @for check in &outcome.checks {
                    tr {
                        th scope="row" { (check.name) }
                        td { (shown(&check.detail)) }
                        td { (status(check.status)) }
                    }
                }
            }
        }
    }
}

/// What was not checked, or is of no meaning here, said once more in words: nobody reads absence in a table.
pub fn unchecked(outcome: &OutcomeDocument) -> Markup {
    let open: Vec<&Check> = open(outcome).collect();
    html! {
        @if open.is_empty() {
            p { "Every check of this page ran." }
        } @else {
            ul {
                @for check in open { li { strong { (check.name) } ": " (shown(&check.detail)) } }
            }
        }
    }
}

/// Everything found, with what its code means.
pub fn findings(outcome: &OutcomeDocument) -> Markup {
    let found = outcome.findings.iter().map(|found| (Some(found.check), &found.finding));
    let noted = outcome.notes.iter().map(|finding| (None, finding));
    let all: Vec<_> = found.chain(noted).collect();
    html! {
        @if all.is_empty() { p { "None." } }
        @for (check, finding) in all.iter().take(FINDINGS_SHOWN) { (one(*check, finding)) }
        @if all.len() > FINDINGS_SHOWN {
            p { "And " (all.len() - FINDINGS_SHOWN) " more: " code { "--json" } " lists them all." }
        }
    }
}

fn one(check: Option<&str>, finding: &Finding) -> Markup {
    found(&Found {
        code: finding.code.as_str(),
        severity: severity(finding.severity),
        check,
        subject: &finding.subject,
        expected: finding.expected.as_deref(),
        actual: finding.actual.as_deref(),
    })
}

/// A finding, of a run or out of a report.
pub struct Found<'a> {
    /// Its code; one that this version does not know has no meaning here.
    pub code: &'a str,
    /// `error` or `warning`.
    pub severity: &'a str,
    /// The check that found it, where that is known.
    pub check: Option<&'a str>,
    /// What it is about.
    pub subject: &'a str,
    /// What should be.
    pub expected: Option<&'a str>,
    /// What is.
    pub actual: Option<&'a str>,
}

/// A finding: what it is about, what its code means, what was expected and what was there.
pub fn found(found: &Found<'_>) -> Markup {
    let meaning = Code::ALL.iter().find(|code| code.as_str() == found.code).map(|code| code.meaning());
    html! {
        div class="finding" {
            h3 { (shown(found.code)) ": " code { (shown(found.subject)) } }
            dl {
                dt { "severity" } dd { (shown(found.severity)) }
                @if let Some(check) = found.check { dt { "check" } dd { (shown(check)) } }
                @if let Some(meaning) = meaning { dt { "means" } dd { (meaning) } }
                @if let Some(expected) = found.expected { dt { "expected" } dd { code { (shown(expected)) } } }
                @if let Some(actual) = found.actual { dt { "found" } dd { code { (shown(actual)) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Outcome;

    #[test]
    fn a_banner_says_what_it_does_not_cover() {
        let mut outcome = Outcome::default();
        outcome.conclude("seal", "signed", Vec::new());
        let said = |outcome: &Outcome| banner(&OutcomeDocument::new(outcome)).into_string();
        assert!(said(&outcome).ends_with(">Verified: everything asked for was checked and holds.</p>"));
        outcome.skip("payload", Status::Skipped, "not read");
        assert!(said(&outcome).ends_with(" holds. Not checked: payload.</p>"), "{}", said(&outcome));
    }
}
