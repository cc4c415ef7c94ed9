//! What a drill proves and what it does not, in plain words: from what ran, and from nothing else.

use crate::format::capture::Captured;
use crate::format::drill_report::{Ended, Objectives, ProbeCheck, ProbeReport};
use crate::format::kind::Kind;
use crate::format::units::{count, size, span};
use crate::policy::probe::Ask;
use crate::probe::Probed;
use crate::verbs::drill::asked::unasked_captures;
use crate::verbs::drill::course::Course;

/// What follows.
pub(super) fn proves(course: &Course<'_>, objectives: &Objectives) -> Vec<String> {
    let coverage = &course.coverage;
    let mut proves = Vec::new();
    if coverage.files_checked == 0 {
        return proves;
    }
    let files = format!("{} ({})", count(coverage.files_checked, "file"), size(coverage.bytes_checked));
    proves.push(format!(
        "{files} came back from {} on this host, each with the digests that were signed",
        course.archive_or_project()
    ));
    for probed in course.probed.iter().filter(|one| one.report.status == Ended::Passed) {
        proves.push(told(probed));
    }
    if let Some(ms) = objectives.rto().measured_ms {
        proves.push(format!("all of that took {} here, from the store to the last probe", span(ms)));
    }
    if let Some(ms) = objectives.rpo().and_then(|rpo| rpo.measured_ms) {
        proves.push(format!("at most {} of changes would have been lost", span(ms)));
    }
    proves
}

/// `the database of app opens and answers here (sqlite): integrity, 14 tables, 1,204,331 rows as captured`
fn told(probed: &Probed) -> String {
    let ProbeReport { id, kind, .. } = &probed.report;
    let what = match &**kind {
        "sqlite" | "duckdb" | "postgres" => format!("the database of {id} opens and answers here"),
        "ddl" => format!("the DDL of {id} applies in its order to an empty database"),
        "files" => format!("the files of {id} are those that were packed"),
        _ => format!("the program of {id} ran on what came back and found it well"),
    };
    let covered = if probed.covered.is_empty() { "nothing more is known" } else { &probed.covered };
    format!("{what} ({kind}): {covered}")
}

/// What does not follow, though somebody might think so.
pub(super) fn does_not_prove(course: &Course<'_>) -> Vec<String> {
    let mut list = Vec::new();
    if course.coverage.files_checked == 0 {
        list.push("that anything of the archive comes back: no file was checked".to_owned());
    }
    for probed in course.probed.iter().filter(|one| one.report.status != Ended::Passed) {
        list.push(format!("what {} asks: it {}", probed.report.id, ended(probed.report.status)));
    }
    let probes = &course.request.policy.probes;
    if let Some(pack) = &course.pack {
        let told =
            |captured: &Captured| format!("that the capture {} opens: no probe asks for it", captured.id);
        list.extend(unasked_captures(course.request, pack).map(told));
    }
    for probed in &course.probed {
        let skipped = probed.report.checks.iter().filter(|check| check.status == Ended::Skipped);
        let told = |check: &ProbeCheck| {
            format!("what {} left out: {}: {}", probed.report.id, check.name, check.actual)
        };
        list.extend(skipped.map(told));
    }
    if probes.iter().any(|probe| probe.ask.runs_programs()) && course.is_confined == Some(false) {
        list.push(
            "that a probe wrote nowhere else and used no network: this system could not watch that"
                .to_owned(),
        );
    }
    list.push(match probes.iter().any(|probe| matches!(probe.ask, Ask::Command { .. })) {
        true => "that the application works beyond what the probes' own programs looked at".to_owned(),
        false => "that the application starts: no probe runs it".to_owned(),
    });
    if let Some(newer) = &course.recovery.newer {
        list.push(format!("that {newer} comes back, the newest backup: another one was asked for"));
    }
    if course.kind == Kind::Release {
        list.push(
            "how much would be lost: a release has no recovery point, and is held to no RPO".to_owned(),
        );
    }
    list.push("that what was backed up was right: it came back as it was".to_owned());
    list.push("that another host is as fast or that another identity decrypts".to_owned());
    list
}

fn ended(status: Ended) -> &'static str {
    match status {
        Ended::Failed => "failed",
        _ => "did not run",
    }
}
