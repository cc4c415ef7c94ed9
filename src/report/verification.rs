//! The page of a nightly check: which archives were read again, which were not, and what was found.

use crate::format::units::{count, limit, number, size};
use crate::format::verify_report::{CheckResult, CheckedArchive, Depth, FoundBy, Share, VerifyReport};
use crate::report::checks::{Found, found, sentence};
use crate::report::list::{Cell, List, names, numbers, text, times};
use crate::report::shell::{Page, Place, section};
use crate::report::words::{Tone, age, ended, instant, lasted, minute, shown, stamp, state};
use maud::{Markup, html};

/// The page, as a file of its own.
pub fn page(report: &VerifyReport) -> String {
    page_in(report, Place::File)
}

/// The page, as a file or in the console.
pub fn page_in(report: &VerifyReport, place: Place<'_>) -> String {
    let parts: [(&str, &str, Markup); 5] = [
        ("checks", "Checks", checks(report)),
        ("findings", "Findings", findings(&report.findings)),
        ("unchecked", "Not checked", unchecked(report)),
        ("archives", "Archives", archives(report)),
        ("record", "Record", record(report)),
    ];
    let sections: Vec<(&str, &str)> = parts.iter().map(|(id, name, _)| (*id, *name)).collect();
    let (verdict, tone) = match report.result {
        CheckResult::Passed => ("Passed: everything that was asked for was checked and holds.", Tone::Good),
        CheckResult::Failed => ("Failed: something does not hold, or could not be checked.", Tone::Bad),
    };
    let body = html! {
        (sentence(verdict, tone))
        (summary(report))
        @for (id, name, part) in &parts { (section(id, name, part.clone())) }
    };
    let (title, kind) = (&*report.project, "nightly check");
    Page { place, title, kind, looked_at: report.finished_at, sections: &sections, body }.html()
}

fn summary(report: &VerifyReport) -> Markup {
    let coverage = &report.coverage;
    html! {
        dl class="facts" {
            dt { "Checked" } dd { (minute(report.started_at)) }
            dt { "Store" } dd { code { (shown(&report.store)) } }
            dt { "Asked for" } dd { (share(&report.share)) }
            @if let Some(newest) = &report.newest {
                dt { "Newest" }
                dd {
                    (shown(&newest.name)) ", " (lasted(newest.age_ms)) " old then, at most " (limit(newest.max_age_ms)) ": "
                    @if newest.fresh { (state("on time", Tone::Good)) } @else { (state("late", Tone::Bad)) }
                }
            }
            dt { "Read now" }
            dd {
                (number(coverage.archives_read)) " of " (count(coverage.archives_total, "archive")) ", "
                (size(coverage.bytes_read)) " of " (size(coverage.bytes_total))
            }
            dt { "In the window" }
            dd {
                (size(coverage.bytes_within_window)) " of " (size(coverage.bytes_total)) " were read within "
                (limit(coverage.window_ms))
            }
        }
    }
}

fn share(share: &Share) -> String {
    match share {
        Share::Window => "those that were not read for longest".to_owned(),
        Share::Latest => "the newest archive".to_owned(),
        Share::All => "every archive".to_owned(),
        Share::Subset { part, parts } => format!("subset {part} of {parts}"),
        Share::Shard(shard) => format!("shard {} of {}, counted from 0", shard.part, shard.parts),
        Share::Merged { parts, .. } => format!("every archive, by {parts} machines"),
    }
}

fn checks(report: &VerifyReport) -> Markup {
    html! {
        table class="checks" {
            thead { tr { th scope="col" { "Check" } th scope="col" { "Covered" } th scope="col" { "Result" } } }
            tbody {
                @for check in &report.checks {
                    tr {
                        th scope="row" { (shown(&check.name)) }
                        td { (shown(&check.detail)) }
                        td { (ended(&check.status.replace('-', " "))) }
                    }
                }
            }
        }
    }
}

fn findings(findings: &[FoundBy]) -> Markup {
    let one = |finding: &FoundBy| {
        found(&Found {
            code: &finding.code,
            severity: &finding.severity,
            check: Some(&finding.check),
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

fn unchecked(report: &VerifyReport) -> Markup {
    let unread = report.archives.iter().filter(|archive| archive.read.is_none()).count() as u64;
    let shallow =
        |archive: &&CheckedArchive| archive.read.as_ref().is_some_and(|read| read.depth == Depth::Ciphertext);
    let shallow = report.archives.iter().filter(shallow).count() as u64;
    let open: Vec<_> =
        report.checks.iter().filter(|check| matches!(&*check.status, "skipped" | "not-checked")).collect();
    html! {
        ul {
            @if unread > 0 { li { (count(unread, "archive")) ": not read this time." } }
            @if shallow > 0 {
                li { (count(shallow, "archive")) ": the ciphertext alone. Nothing was given that decrypts it, so no file was compared." }
            }
            @for check in &open { li { strong { (shown(&check.name)) } ": " (shown(&check.detail)) } }
            li { "That an archive restores into a system that works: " code { "attestar drill" } " does that." }
        }
    }
}

fn archives(report: &VerifyReport) -> Markup {
    let list = List {
        what: "archives",
        columns: &[
            names("Archive"),
            times("Made"),
            numbers("Size"),
            times("Read before"),
            text("Now"),
            numbers("Took"),
        ],
        rows: report.archives.len(),
    };
    let row = |at: usize| {
        let archive = &report.archives[at];
        let (now, took) = match &archive.read {
            Some(read) => (
                if read.intact { state("intact", Tone::Good) } else { state("damaged", Tone::Bad) },
                read.duration_ms,
            ),
            None => (state("not read", Tone::Open), 0),
        };
        let depth = match archive.read.as_ref().map(|read| read.depth) {
            Some(Depth::Files) => "every file",
            Some(Depth::Ciphertext) => "ciphertext",
            None => "",
        };
        vec![
            Cell::new(html! { (shown(&archive.name)) br; span class="quiet" { (archive.kind.as_str()) } }),
            Cell::new(html! { (stamp(archive.created_at)) }),
            Cell::number(size(archive.size_bytes), archive.size_bytes as f64),
            Cell::new(match archive.last_read_at {
                Some(at) => html! { (stamp(at)) br; span class="quiet" { (age(at, report.started_at)) } },
                None => html! { "never" },
            }),
            Cell::new(html! { (now) br; span class="quiet" { (depth) } }),
            Cell::number(if took == 0 { "–".to_owned() } else { lasted(took) }, took as f64),
        ]
    };
    html! {
        @if report.archives.is_empty() { p { "None." } } @else { (list.table(row)) }
    }
}

fn record(report: &VerifyReport) -> Markup {
    html! {
        p { "This page is drawn from a signed report, and is not signed itself." }
        dl class="facts" {
            dt { "Began" } dd { (instant(report.started_at)) }
            dt { "Ended" } dd { (instant(report.finished_at)) }
            @if let Some(log) = &report.log {
                dt { "Log" } dd { (shown(&log.origin)) ", " (number(log.size)) " leaves" br; code { "root " (log.root) } }
            }
            dt { "Policy" } dd { (shown(&report.policy.name)) " " code { "sha256 " (report.policy.sha256) } }
            dt { "Trace" } dd { code { (shown(&report.trace_id)) } }
            dt { "Version" } dd { (shown(&report.version)) }
        }
    }
}
