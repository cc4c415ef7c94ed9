//! What was found out is written down: the report, its signature, and a leaf of the log.

use crate::error::{Error, Result};
use crate::evidence::receipt::SUFFIX;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::statement::Subject;
use crate::format::test_result;
use crate::format::verify_report::{Depth, FOLDER, Share, VerifyReport};
use crate::format::verify_result::{Checked as Check, VerifyResult};
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::verify::Expect;
use crate::log::Log;
use crate::log::append::{Record, Writer};
use crate::log::state::State;
use crate::store::{Created, ObjectName};
use crate::verbs::backup_verify::{Checked, Run, intact, note};

/// The name of the check.
const CHECK: &str = "recorded";

/// Where a report was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its name in the store.
    pub report: String,
    /// The report and its signature, as they were put there.
    pub bytes: [Vec<u8>; 2],
    /// How many leaves the log has with that of this check; `None` for a shard, or where the log does not hold.
    pub leaves: Option<u64>,
}

/// Writes the report down, if there is a key. What stands in the way of that is a finding; the report cannot have it.
pub(super) fn record(run: &Run<'_>, report: VerifyReport, mut outcome: Outcome) -> Result<Checked> {
    let Some(key) = run.request.key else {
        outcome.skip(CHECK, Status::Skipped, "neither signed nor logged, as --no-record asks");
        return Ok(Checked { outcome, report, recorded: None });
    };
    let recorded = may(run, key).and_then(|()| write(run, &report, key));
    let recorded = match recorded {
        Ok(recorded) => recorded,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => {
            outcome.conclude(CHECK, "what was checked is not in the log", vec![not_recorded(run, &error)]);
            let mut report = report;
            note(&mut report, &outcome);
            return Ok(Checked { outcome, report, recorded: None });
        }
    };
    let leaf = match recorded.leaves {
        Some(size) => format!("leaf {}", size.saturating_sub(1)),
        None if run.logged.is_some() => "a part: the leaf is that of all".to_owned(),
        None => "no leaf, as the log does not hold".to_owned(),
    };
    outcome.conclude(CHECK, format!("{}; {leaf}", recorded.report), Vec::new());
    Ok(Checked { outcome, report, recorded: Some(recorded) })
}

fn not_recorded(run: &Run<'_>, error: &Error) -> Finding {
    let why = match error {
        Error::Refused(findings) => findings.first().map_or_else(String::new, |finding| {
            format!("{}: {} {}", finding.code, finding.subject, finding.actual.as_deref().unwrap_or_default())
        }),
        _ => error.with_causes(),
    };
    Finding::new(Code::NotRecorded, run.request.store.place()).actual(why)
}

/// Refuses to sign what nobody who trusts alike would count.
fn may(run: &Run<'_>, key: &SigningKey) -> Result<()> {
    let (file, project) = ("the report", Some(run.project));
    let expect = Expect { file, right: Right::Verify, project, kind: Some(Kind::Backup) };
    run.trust.may_sign(&key.public(), expect, run.started).map(|_| ()).map_err(Error::refused)
}

fn write(run: &Run<'_>, report: &VerifyReport, key: &SigningKey) -> Result<Recorded> {
    let store = run.request.store;
    let name = format!("{FOLDER}/{}", report.file_name());
    let bytes = report.to_bytes();
    let result = result(report);
    let archives = intact(report).map(|archive| (archive.file.clone(), archive.sha256));
    let statement = result.clone().over(archives, (report.file_name(), Sha256::of(&bytes)));
    let bundle = key.sign_statement(&statement).to_bytes();
    // The signature first: a report that lies there has one.
    for (name, bytes) in [(format!("{name}{SUFFIX}"), &bundle), (name.clone(), &bytes)] {
        if store.create(&ObjectName::new(&name)?, bytes)? == Created::AlreadyThere {
            return Err(Error::input(format!("{} has {name} already", store.place()), "try again"));
        }
    }
    let leaves = match (&report.share, run.logged) {
        (Share::Shard(_), _) | (_, None) => None,
        (_, Some(logged)) => {
            let origin = logged.leaves.head.checkpoint().origin.clone();
            let log = Log { store, trust: &logged.trust, origin: Some(&origin) };
            let state = State { now: (run.request.clock)(), ..run.request.state };
            let writer = Writer { log, origin: &origin, key, state: &state };
            let record =
                Record::of(What::Verified, &result.check.name, &result, report.finished_at, bundle.clone());
            Some(writer.append(&[record])?.size)
        }
    };
    Ok(Recorded { report: name, bytes: [bytes, bundle], leaves })
}

fn result(report: &VerifyReport) -> VerifyResult {
    let depth = match intact(report)
        .filter_map(|archive| archive.read.as_ref())
        .all(|read| read.depth == Depth::Files)
    {
        true => Depth::Files,
        false => Depth::Ciphertext,
    };
    let newest = report.newest.as_ref().map(|newest| newest.name.clone());
    let warned = report.findings.iter().any(|finding| finding.severity == "warning");
    VerifyResult {
        result: match report.verdict == "holds" {
            true if warned => test_result::Result::Warned,
            true => test_result::Result::Passed,
            false => test_result::Result::Failed,
        },
        configuration: vec![Subject::new("policy.toml", report.policy.sha256)],
        check: Check {
            project: report.project.clone(),
            kind: Kind::Backup,
            name: newest.unwrap_or_else(|| report.project.clone()),
            depth,
            partial: matches!(report.share, Share::Latest | Share::Subset { .. } | Share::Shard(_)),
            started_at: report.started_at,
            finished_at: report.finished_at,
        },
    }
}
