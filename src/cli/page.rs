//! `verify --report`: one page to look at, without a request to anywhere.

use super::documents::VerifyDocument;
use super::screen::safe;
use attestar::error::Result;
use attestar::finding::{Status, Verdict};
use attestar::pipeline::whole_file;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

/// Nothing is loaded, nothing runs.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent) }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
th { font-weight: 600 }
td, dd { overflow-wrap: anywhere }
td:last-child { white-space: nowrap; overflow-wrap: normal }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .75rem; margin: .25rem 0 1.25rem }
dt, footer { color: color-mix(in srgb, currentColor 75%, transparent) }
dd { margin: 0 }
h3 { font-size: 1rem; margin: 1rem 0 0 }
footer { margin-top: 2rem; font-size: .9rem }
.verdict { font-size: 1.25rem; font-weight: 600; padding: .5rem .75rem; border: 2px solid currentColor; border-radius: .25rem }
.passed, .holds { color: light-dark(#116329, #7ee787) }
.failed, .refuted { color: light-dark(#a40e26, #ff9492) }
.not-checked, .skipped, .unverified, .refused { color: light-dark(#7d4e00, #f0b72f) }
@media print { body { margin: 0; max-width: none } }
";

/// Writes the page, over an older one if there is one; never half.
pub fn write(path: &Path, document: &VerifyDocument, now: Timestamp) -> Result<()> {
    let text = page(document, &seconds(now)).into_string();
    whole_file::replace(path, |out| out.write_all(text.as_bytes()))
}

/// A time as people need it.
pub fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn page(document: &VerifyDocument, now: &str) -> Markup {
    let title = document.name.as_deref().unwrap_or(&document.target);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CSP);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (safe(title)) " · attestar verify" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (safe(title)) }
                    p class={ "verdict " (verdict_class(document.outcome.verdict)) } { (verdict(document.outcome.verdict)) }
                    p {
                        code { (safe(&document.target)) }
                        @if let Some(time) = &document.sealed_at { ", sealed " (time) }
                    }
                    (checks(document))
                    (findings(document))
                    footer { "Verified " (now) " by attestar " (env!("CARGO_PKG_VERSION")) "." }
                }
            }
        }
    }
}

fn checks(document: &VerifyDocument) -> Markup {
    html! {
        h2 { "Checks" }
        table {
            thead { tr { th scope="col" { "Check" } th scope="col" { "Covered" } th scope="col" { "Result" } } }
            tbody {
                @for check in &document.outcome.checks {
                    tr {
                        th scope="row" { (check.name) }
                        td { (safe(&check.detail)) }
                        td { span class=(status_class(check.status)) { (status(check.status)) } }
                    }
                }
            }
        }
    }
}

fn findings(document: &VerifyDocument) -> Markup {
    html! {
        h2 { "Findings" }
        @if document.outcome.findings.is_empty() { p { "None." } }
        @for found in &document.outcome.findings {
            h3 { (found.finding.code.as_str()) ": " code { (safe(&found.finding.subject)) } }
            dl {
                dt { "check" } dd { (found.check) }
                dt { "means" } dd { (found.finding.code.meaning()) }
                @if let Some(expected) = &found.finding.expected { dt { "expected" } dd { code { (safe(expected)) } } }
                @if let Some(actual) = &found.finding.actual { dt { "found" } dd { code { (safe(actual)) } } }
            }
        }
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "Verified: everything asked for was checked and holds.",
        Verdict::Refuted => "Does not verify.",
        Verdict::Failed => "Failed.",
        Verdict::Unverified => "Not verified: something that was asked for could not be checked.",
        Verdict::Refused => "Verifies, but is refused.",
    }
}

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted | Verdict::Failed => "refuted",
        Verdict::Unverified => "unverified",
        Verdict::Refused => "refused",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
        Status::NotChecked => "not checked",
        Status::NotApplicable => "not applicable",
    }
}

fn status_class(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
        Status::NotChecked => "not-checked",
        Status::NotApplicable => "",
    }
}
