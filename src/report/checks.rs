//! The checks of an outcome, and everything that they found: a part of most pages.

use crate::finding::{Finding, Status};
use crate::report::outcome::OutcomeDocument;
use crate::report::words::{Tone, severity, shown, status, verdict};
use maud::{Markup, html};

/// Findings past this many are counted; the JSON document has them all.
const FINDINGS_SHOWN: usize = 500;

/// What the whole comes to, where nobody can overlook it.
pub fn banner(outcome: &OutcomeDocument) -> Markup {
    let (sentence, tone) = verdict(outcome.verdict);
    self::sentence(sentence, tone)
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
    let open = |status| matches!(status, Status::Skipped | Status::NotChecked);
    let open: Vec<_> = outcome.checks.iter().filter(|check| open(check.status)).collect();
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
    html! {
        div class="finding" {
            h3 { (finding.code.as_str()) ": " code { (shown(&finding.subject)) } }
            dl {
                dt { "severity" } dd { (severity(finding.severity)) }
                @if let Some(check) = check { dt { "check" } dd { (check) } }
                dt { "means" } dd { (finding.code.meaning()) }
                @if let Some(expected) = &finding.expected { dt { "expected" } dd { code { (shown(expected)) } } }
                @if let Some(actual) = &finding.actual { dt { "found" } dd { code { (shown(actual)) } } }
            }
        }
    }
}
