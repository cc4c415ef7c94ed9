//! The page of a restore drill: what was restored, how fast, what was asked of it, what that proves and what not.

use crate::format::drill_report::{
    DrillReport, DrillResult, Ended, Objective, Objectives, ProbeReport, ReportedFinding,
};
use crate::format::units::{count, number, size};
use crate::report::checks::{Found, found, sentence};
use crate::report::shell::{Page, Place, section};
use crate::report::words::{Tone, instant, lasted, minute, shown, state};
use maud::{Markup, html};

/// The page, as a file of its own.
pub fn page(report: &DrillReport) -> String {
    page_in(report, Place::File)
}

/// The page, as a file or in the console.
pub fn page_in(report: &DrillReport, place: Place<'_>) -> String {
    let mut parts: Vec<(&str, &str, Markup)> = vec![
        ("objectives", "Objectives", objectives(&report.objectives)),
        ("steps", "Steps", steps(report)),
        ("probes", "Probes", probes(&report.probes)),
        ("proves", "What it proves", sentences(&report.proves, "Nothing.")),
        ("not", "What it does not prove", sentences(&report.does_not_prove, "Nothing was named.")),
        ("record", "Record", record(report)),
    ];
    // Why it failed is what anybody wants to know first.
    let at = if report.result == DrillResult::Passed { parts.len() - 1 } else { 0 };
    parts.insert(at, ("findings", "Findings", findings(&report.findings)));
    let sections: Vec<(&str, &str)> = parts.iter().map(|(id, name, _)| (*id, *name)).collect();
    let (verdict, tone) = match report.result {
        DrillResult::Passed => {
            ("Passed: it came back, and everything that was asked of it holds.", Tone::Good)
        }
        DrillResult::Failed => ("Failed: it did not come back as it has to.", Tone::Bad),
    };
    let body = html! {
        (sentence(verdict, tone))
        (summary(report))
        @for (id, name, part) in &parts { (section(id, name, part.clone())) }
    };
    let title = if report.archive.name.is_empty() { "no archive" } else { &report.archive.name };
    Page { place, title, kind: "restore drill", looked_at: report.finished_at, sections: &sections, body }
        .html()
}

fn summary(report: &DrillReport) -> Markup {
    let (archive, coverage) = (&report.archive, &report.coverage);
    html! {
        dl class="facts" {
            dt { "Drilled" } dd { (minute(report.started_at)) }
            dt { "Archive" }
            dd {
                (size(archive.size_bytes)) " from " (shown(&archive.store))
                @if let Some(time) = archive.created_at { ", made " (minute(time)) }
            }
            @if !archive.chain.is_empty() { dt { "Chain" } dd { (shown(&archive.chain.join(", "))) } }
            dt { "Checked" }
            dd {
                (number(coverage.files_checked)) " of " (count(coverage.files_total, "file")) ", "
                (size(coverage.bytes_checked)) " of " (size(coverage.bytes_total))
                @if !coverage.digests.is_empty() { ", by " (shown(&coverage.digests.join(" and "))) }
            }
            @if report.result == DrillResult::Passed { dt { "Fresh until" } dd { (minute(report.fresh_until)) } }
        }
    }
}

fn objectives(objectives: &Objectives) -> Markup {
    let rows = [
        ("RTO", "from the start to the end of the last probe", Some(objectives.rto())),
        ("RPO", "how much time would have been lost", objectives.rpo()),
    ];
    html! {
        div class="scroll" role="group" tabindex="0" aria-label="objectives" { table {
            thead { tr {
                th scope="col" { "Objective" } th scope="col" class="number" { "Measured" }
                th scope="col" class="number" { "Target" } th scope="col" { "Result" }
            } }
            tbody {
                @for (name, means, said) in rows {
                    tr {
                        th scope="row" { (name) br; span class="quiet" { (means) } }
                        @match said {
                            Some(said) => (objective(said)),
                            None => td colspan="3" { "not applicable: a release has no recovery point" },
                        }
                    }
                }
            }
        } }
    }
}

/// What was measured, what was asked for, and whether that was met; without a target there is nothing to meet.
fn objective(Objective { target_ms, measured_ms, met }: Objective) -> Markup {
    let result = match (measured_ms, target_ms) {
        (None, _) => state("not measured", Tone::Bad),
        (Some(_), None) => state("no target", Tone::Plain),
        (Some(_), Some(_)) if met => state("met", Tone::Good),
        (Some(_), Some(_)) => state("missed", Tone::Bad),
    };
    html! {
        td class="number" { (measured_ms.map_or_else(|| "–".to_owned(), lasted)) }
        td class="number" { (target_ms.map_or_else(|| "none".to_owned(), lasted)) }
        td { (result) }
    }
}

fn ended(ended: Ended) -> Markup {
    match ended {
        Ended::Passed => state("passed", Tone::Good),
        Ended::Failed => state("failed", Tone::Bad),
        Ended::Skipped => state("skipped", Tone::Open),
    }
}

fn steps(report: &DrillReport) -> Markup {
    html! {
        div class="scroll" role="group" tabindex="0" aria-label="steps" { table {
            thead { tr {
                th scope="col" { "Step" } th scope="col" { "Covered" } th scope="col" class="number" { "Took" }
                th scope="col" { "Result" }
            } }
            tbody {
                @for step in &report.steps {
                    tr {
                        th scope="row" { (step.name.as_str()) }
                        td { (shown(&step.detail)) }
                        td class="number" { (lasted(step.duration_ms)) }
                        td { (ended(step.status)) }
                    }
                }
            }
        } }
    }
}

fn probes(probes: &[ProbeReport]) -> Markup {
    html! {
        @if probes.is_empty() { p { "The policy names none: nothing was asked of what came back but its digests." } }
        @for probe in probes {
            h3 { (shown(&probe.id)) ": " (shown(&probe.kind)) " " (ended(probe.status)) }
            p class="quiet" { (lasted(probe.duration_ms)) ", " (count(probe.checks.len() as u64, "check")) }
            @if !probe.checks.is_empty() { (checks(probe)) }
        }
    }
}

fn checks(probe: &ProbeReport) -> Markup {
    html! {
        div class="scroll" role="group" tabindex="0" aria-label={ "checks of " (shown(&probe.id)) } {
            table {
                thead { tr {
                    th scope="col" { "Check" } th scope="col" { "Expected" } th scope="col" { "Came back" }
                    th scope="col" { "Result" }
                } }
                tbody {
                    @for check in &probe.checks {
                        tr {
                            th scope="row" { (shown(&check.name)) }
                            td { (shown(&check.expected)) } td { (shown(&check.actual)) }
                            td { (ended(check.status)) }
                        }
                    }
                }
            }
        }
    }
}

fn sentences(sentences: &[String], none: &str) -> Markup {
    html! {
        @if sentences.is_empty() { p { (none) } }
        ul { @for sentence in sentences { li { (shown(sentence)) } } }
    }
}

fn findings(findings: &[ReportedFinding]) -> Markup {
    let one = |finding: &ReportedFinding| {
        found(&Found {
            code: &finding.code,
            severity: &finding.severity,
            check: None,
            subject: &finding.subject,
            expected: finding.expected.as_deref(),
            actual: finding.actual.as_deref(),
        })
    };
    html! {
        @if findings.is_empty() { p { "None." } }
        @for finding in findings { (one(finding)) }
    }
}

/// A digest; what was never read has none.
fn digest(sha256: &str) -> Markup {
    html! { @if sha256.is_empty() { "not read" } @else { code { "sha256 " (shown(sha256)) } } }
}

/// What somebody needs who compares this page with the signed report.
fn record(report: &DrillReport) -> Markup {
    html! {
        p {
            "This page is drawn from " code { "drill_report.json" } ", and is not signed itself: the signature in "
            code { "drill_report.json.sigstore.json" } " is over that file and the archive."
        }
        dl class="facts" {
            dt { "Drill" } dd { code { (shown(&report.drill_id)) } }
            dt { "Trace" } dd { code { (shown(&report.trace_id)) } }
            dt { "Began" } dd { (instant(report.started_at)) }
            dt { "Ended" } dd { (instant(report.finished_at)) }
            dt { "Archive" } dd { (digest(&report.archive.sha256)) }
            dt { "Seal" } dd { (digest(&report.archive.seal_sha256)) }
            dt { "Signer" }
            dd { @if report.archive.signer_key_id.is_empty() { "none whose receipt was verified" } @else { code { (shown(&report.archive.signer_key_id)) } } }
            dt { "Policy" } dd { (shown(&report.policy.name)) " " code { "sha256 " (report.policy.sha256) } }
            dt { "Tool" } dd { (shown(&report.tool.name)) " " (shown(&report.tool.version)) }
            @if let Some(previous) = &report.previous {
                dt { "Drill before" } dd { code { (shown(&previous.drill_id)) } br; code { "sha256 " (previous.sha256) } }
            }
        }
    }
}
