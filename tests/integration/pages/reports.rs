//! The pages of restore drills and of nightly checks.

use super::browser::{WAYS, file, look};
use super::samples::{HOSTILE, now};
use attestar::format::digest::Sha256;
use attestar::format::drill_report::{
    Coverage, DrillReport, DrillResult, DrilledArchive, Ended, Objectives, Previous, ProbeCheck, ProbeReport,
    ReportedFinding, Step, StepName,
};
use attestar::format::kind::Kind;
use attestar::format::seal::{PolicyRef, Tool};
use attestar::format::verify_report::{
    CheckResult, CheckedArchive, CheckedLog, CheckedPolicy, Depth, FoundBy, Newest, ReadAgain, ReadCoverage,
    ReportedCheck, Share, VerifyReport,
};
use attestar::report::{drill, verification};
use jiff::SignedDuration;
use std::fs;

fn step(name: StepName, status: Ended, duration_ms: u64, detail: &str) -> Step {
    Step { name, status, started_at: now(), duration_ms, detail: detail.to_owned() }
}

fn check(name: &str, expected: &str, actual: &str, status: Ended) -> ProbeCheck {
    ProbeCheck { name: name.to_owned(), expected: expected.to_owned(), actual: actual.to_owned(), status }
}

fn app(failed: bool) -> ProbeReport {
    let status = if failed { Ended::Failed } else { Ended::Passed };
    ProbeReport {
        id: "app-opens".to_owned(),
        kind: "sqlite".to_owned(),
        status,
        duration_ms: 412,
        checks: vec![
            check("integrity_check", "ok", "ok", Ended::Passed),
            check("rows of trades", "1,204,331", if failed { HOSTILE[4] } else { "1,204,331" }, status),
            check("content of trades", &"4f".repeat(32), &"4f".repeat(32), Ended::Passed),
        ],
    }
}

pub fn drilled(failed: bool) -> DrillReport {
    let (result, status) =
        if failed { (DrillResult::Failed, Ended::Failed) } else { (DrillResult::Passed, Ended::Passed) };
    let finding = |subject: &str| ReportedFinding {
        code: "probe-failed".to_owned(),
        severity: "error".to_owned(),
        subject: subject.to_owned(),
        expected: Some("1,204,331 rows".to_owned()),
        actual: Some(HOSTILE[0].to_owned()),
    };
    DrillReport {
        schema: "attestar/drill_report/v1".to_owned(),
        drill_id: "0b3f9c52-5a0e-4c8e-9a39-1f2e3d4c5b6a".to_owned(),
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        tool: Tool::this(),
        policy: PolicyRef { name: "nightly".to_owned(), sha256: Sha256::of(b"policy") },
        started_at: now(),
        finished_at: now() + SignedDuration::from_secs(9),
        result,
        archive: DrilledArchive {
            name: "nightly-20261120T010002Z".to_owned(),
            store: "s3://backups/nightly".to_owned(),
            sha256: Sha256::of(b"archive").to_string(),
            size_bytes: 333_447_168,
            created_at: Some(now() - SignedDuration::from_hours(13)),
            seal_sha256: Sha256::of(b"seal").to_string(),
            signer_key_id: "kGS0Wz4PszuFGi6ZTou/b2DvXBV5MB6IcZzBOuMVOuw=".to_owned(),
            chain: vec!["nightly-20261118T010002Z".to_owned(), "nightly-20261119T010001Z".to_owned()],
        },
        objectives: Objectives {
            rto_target_ms: 900_000,
            rto_measured_ms: if failed { 1_200_000 } else { 8_449 },
            rto_met: !failed,
            rpo_target_ms: 0,
            rpo_measured_ms: 46_920_000,
            rpo_met: true,
        },
        coverage: Coverage {
            files_total: 2_361,
            files_checked: if failed { 2_360 } else { 2_361 },
            bytes_total: 625_000_000,
            bytes_checked: 625_000_000,
            digests: vec!["sha256".to_owned(), "blake3".to_owned()],
        },
        steps: vec![
            step(StepName::Fetch, Ended::Passed, 340, "318.0 MiB"),
            step(StepName::Receipt, Ended::Passed, 2, "signed by nightly"),
            step(StepName::Restore, Ended::Passed, 1_900, "2,361 files, 596.1 MiB into a scratch folder"),
            step(StepName::Probes, status, 6_207, "1 probe"),
            step(StepName::Cleanup, if failed { Ended::Skipped } else { Ended::Passed }, 55, "nothing left"),
        ],
        probes: vec![app(failed)],
        proves: vec![
            "These files and databases come back, intact, from this archive, on this host.".to_owned(),
        ],
        does_not_prove: vec![
            "That the application starts.".to_owned(),
            "That another host could decrypt.".to_owned(),
        ],
        fresh_until: now() + SignedDuration::from_hours(24 * 7),
        previous: Some(Previous { drill_id: "before".to_owned(), sha256: Sha256::of(b"before") }),
        findings: if failed { vec![finding(HOSTILE[1])] } else { Vec::new() },
    }
}

fn looked_at(page: &str, name: &str) -> super::browser::Seen {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, page).unwrap();
    look(&file(&path), name, &WAYS, ["", ""])
}

#[test]
fn a_drill_says_what_it_proves_and_what_not() {
    let seen = looked_at(&drill::page(&drilled(false)), "drill");
    seen.is_clean();
    seen.reads("Passed: it came back").reads("8.4 s").reads("no target").reads("13 h 2 m");
    seen.reads("That the application starts.").reads("2,361 of 2,361 files").reads("Chain");
}

#[test]
fn a_drill_that_failed_says_so_and_where() {
    let seen = looked_at(&drill::page(&drilled(true)), "drill-failed");
    seen.is_clean();
    seen.reads("Failed: it did not come back as it has to.").reads("missed").reads("20 m");
    seen.reads("probe-failed").reads(HOSTILE[1]).reads("skipped").reads("2,360 of 2,361 files");
    let bare = DrillReport { probes: Vec::new(), proves: Vec::new(), steps: Vec::new(), ..drilled(true) };
    looked_at(&drill::page(&bare), "drill-bare").is_clean().reads("nothing was asked of what came back");
}

fn archive(at: u64) -> CheckedArchive {
    let read = ReadAgain { depth: Depth::Ciphertext, intact: at != 2, files: 0, duration_ms: 900 + at };
    CheckedArchive {
        name: if at == 3 { HOSTILE[2].to_owned() } else { format!("nightly-{at}") },
        kind: Kind::Backup,
        file: format!("nightly-{at}.tar.zst.age"),
        sha256: Sha256::of(b"archive"),
        size_bytes: 300_000_000 + at,
        created_at: now() - SignedDuration::from_hours(24 * at as i64),
        last_read_at: at.is_multiple_of(2).then(|| now() - SignedDuration::from_hours(70)),
        read: (at < 5).then_some(read),
    }
}

#[test]
fn a_nightly_check_says_what_was_read_and_what_was_not() {
    let report = VerifyReport {
        schema: "attestar/verify_report/v1".to_owned(),
        verdict: "refuted".to_owned(),
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        version: "0.1.0".to_owned(),
        project: "nightly".to_owned(),
        policy: CheckedPolicy { name: "nightly".to_owned(), sha256: Sha256::of(b"policy") },
        store: "s3://backups/nightly".to_owned(),
        started_at: now(),
        finished_at: now() + SignedDuration::from_secs(90),
        result: CheckResult::Failed,
        share: Share::Window,
        log: Some(CheckedLog {
            origin: "nightly".to_owned(),
            size: 412,
            root: Sha256::of(b"root"),
            seen_before: Some(409),
        }),
        newest: Some(Newest {
            name: "nightly-0".to_owned(),
            at: now(),
            unchanged: false,
            age_ms: 25_920_000,
            max_age_ms: 93_600_000,
            fresh: true,
        }),
        coverage: ReadCoverage {
            archives_total: 37,
            archives_read: 4,
            bytes_total: 37 * 300_000_000,
            bytes_read: 1_200_000_000,
            window_ms: 604_800_000,
            bytes_within_window: 9_000_000_000,
            longest_unread_ms: 590_000_000,
        },
        archives: (0..37).map(archive).collect(),
        checks: vec![ReportedCheck {
            name: "contents".to_owned(),
            status: "not-checked".to_owned(),
            detail: "no identity was given".to_owned(),
        }],
        findings: vec![FoundBy {
            check: "contents".to_owned(),
            code: "altered".to_owned(),
            severity: "error".to_owned(),
            subject: HOSTILE[5].to_owned(),
            expected: Some("sha256 4f".to_owned()),
            actual: None,
        }],
    };
    let seen = looked_at(&verification::page(&report), "nightly-check");
    seen.is_clean();
    seen.reads("Failed: something does not hold").reads("32 archives: not read this time.").reads("damaged");
    seen.reads("5 archives: the ciphertext alone.").reads("contents: no identity was given").reads("on time");
}
