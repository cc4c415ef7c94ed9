//! `backup-verify`: the nightly check of a store. How old the newest backup is; the receipt of every archive; a share of the
//! archives, read again; the log, and store against log. What was read is signed and logged, so that the next run, on
//! whichever host, knows what was not read for longest.

mod archives;
mod contents;
mod merge;
mod newest;
mod record;
mod share;

use crate::error::{Error, Result};
use crate::evidence::logged::{self, Judging, Logged};
use crate::evidence::pruned::Retention;
use crate::evidence::stored;
use crate::finding::{Check, Outcome, Verdict};
use crate::format::leaf::What;
use crate::format::units::number;
use crate::format::verify_report::{
    CheckResult, CheckedArchive, CheckedLog, CheckedPolicy, FoundBy, Newest, ReportedCheck, SCHEMA,
    VerifyReport,
};
use crate::keys::identity::Identity;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::state::State;
use crate::pipeline::watch::Watch;
use crate::store::Store;
use crate::verbs::log;
use archives::Archives;
use contents::Contents;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

pub use merge::Part;
pub use record::Recorded;

/// What to check, and by what.
pub struct Request<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Who may have signed what.
    pub trust: &'a Trust,
    /// Which log it must be; `None` takes the one that is there.
    pub origin: Option<&'a str>,
    /// What this host remembers of the log, and the present.
    pub state: State<'a>,
    /// Whether it may be the first time that this host sees the log.
    pub first: bool,
    /// What the verifier's own policy keeps: prunes are judged by it; `None` judges none.
    pub retention: Option<&'a Retention>,
    /// Whose backups; `None` where the store has those of one project alone.
    pub project: Option<&'a str>,
    /// The policy that the next two are of.
    pub policy: CheckedPolicy,
    /// How old the newest backup may be, in seconds.
    pub max_age_s: u64,
    /// Every byte is read again within this, in seconds.
    pub verify_within_s: u64,
    /// Which archives are read.
    pub selection: Selection,
    /// What decrypts them; without any, ciphertexts are compared with their receipts.
    pub identities: &'a [Identity],
    /// Signs the report and the log; `None` to look only.
    pub key: Option<&'a SigningKey>,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// 32 hex digits: the same in every log line of the run.
    pub trace_id: &'a str,
    /// The most worker threads of a pipeline, and in all.
    pub threads: usize,
}

/// Which archives are read.
#[derive(Clone, Debug)]
pub enum Selection {
    /// As many as must be for every byte to be read within the policy's time, those first that were not for longest.
    Window,
    /// The newest.
    Latest,
    /// All.
    All,
    /// One part of so many, from 1, by digest alone.
    Subset(u32, u32),
    /// One part of so many, from 0, of even size; it says nothing of the rest.
    Shard(u32, u32),
    /// What other machines have read.
    Merge(Vec<Part>),
}

/// What was found out.
pub struct Checked {
    /// Checks and findings.
    pub outcome: Outcome,
    /// The report.
    pub report: VerifyReport,
    /// Where it was put, and its leaf, if it was.
    pub recorded: Option<Recorded>,
}

/// Checks a store.
pub fn backup_verify(request: &Request<'_>, watch: &Watch) -> Result<Checked> {
    let started = (request.clock)();
    let seen_before = request.state.recall(request.store.place())?;
    let mut log = Outcome::default();
    let judging = Judging { log: log_of(request), state: request.state, first: request.first };
    let logged = step("log", || logged::check(&judging, &mut log))?;
    let project = project(request, logged.as_ref())?;
    let trust = logged.as_ref().map_or(request.trust, |logged| &logged.trust);
    let run = Run { request, project: &project, trust, logged: logged.as_ref(), started };
    let found = step("receipts", || Archives::find(&run))?;
    let mut outcome = Outcome::default();
    let is_shard = matches!(request.selection, Selection::Shard(..));
    let mut newest = None;
    if !is_shard {
        newest = newest::check(&run, &found, seen_before.as_ref(), &mut outcome);
        found.conclude_receipts(&mut outcome);
    }
    let read = step("contents", || match &request.selection {
        Selection::Merge(parts) => merge::join(&run, &found, parts, &mut outcome),
        _ => contents::check(&run, &found, newest.as_ref(), &mut outcome, watch),
    })?;
    let seen = seen_before.map(|seen| seen.newest().size);
    let log = conclude_log(log, logged.as_ref(), seen, &mut outcome);
    if let Some(logged) = logged.as_ref().filter(|_| !is_shard) {
        step("store", || store(request, logged, &mut outcome))?;
    }
    watch.check()?;
    let report = report(&run, &outcome, log, newest, read);
    step("recorded", || record::record(&run, report, outcome))
}

/// The checks `pruned` and `store`. That the store cannot be asked now takes nothing back of what was found before.
fn store(request: &Request<'_>, logged: &Logged, outcome: &mut Outcome) -> Result<()> {
    log::judge_prunes(&prunes_of(request), logged, outcome)?;
    match stored::check(request.store, logged, request.state.now, outcome) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => {
            let finding = contents::unreadable(request.store.place(), &error);
            outcome.conclude("store", "it could not be compared with the log", vec![finding]);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// A step of the run, for who reads the log.
fn step<T>(name: &'static str, step: impl FnOnce() -> T) -> T {
    tracing::info_span!("step", step = name).in_scope(step)
}

/// A check that runs.
struct Run<'a> {
    request: &'a Request<'a>,
    project: &'a str,
    /// With what the log kept from before keys were revoked.
    trust: &'a Trust,
    logged: Option<&'a Logged>,
    started: Timestamp,
}

fn log_of<'a>(request: &Request<'a>) -> Log<'a> {
    Log { store: request.store, trust: request.trust, origin: request.origin }
}

fn prunes_of<'a>(request: &Request<'a>) -> log::Request<'a> {
    let Request { store, trust, origin, state, retention, .. } = *request;
    log::Request { store, trust, origin, state, retention }
}

/// Whose backups: the project that was named, else the only one that the log has archives of.
fn project(request: &Request<'_>, logged: Option<&Logged>) -> Result<String> {
    if let Some(project) = request.project {
        return Ok(project.to_owned());
    }
    let leaves = logged.iter().flat_map(|logged| &logged.leaves.leaves);
    let archives = leaves.filter(|leaf| matches!(leaf.what, What::BackedUp | What::Sealed));
    let projects: BTreeSet<&str> = archives.map(|leaf| &*leaf.project).collect();
    match projects.len() {
        0 => Ok("unknown".to_owned()),
        1 => Ok(projects.into_iter().collect()),
        _ => {
            let names = projects.into_iter().collect::<Vec<_>>().join(", ");
            let message = format!("{} has archives of several projects: {names}", request.store.place());
            Err(Error::usage(message, "--policy FILE says whose backups are watched, or -C DIR"))
        }
    }
}

/// The log in one line, with every finding about it.
fn conclude_log(
    log: Outcome,
    logged: Option<&Logged>,
    seen_before: Option<u64>,
    outcome: &mut Outcome,
) -> Option<CheckedLog> {
    let failed = log.open().checks.first().map(|check| check.detail.clone());
    let findings = log.findings().cloned().collect();
    let head = logged.map(|logged| logged.leaves.head.checkpoint());
    let size = head.map_or(0, |head| head.size);
    let detail = failed.unwrap_or_else(|| match seen_before {
        Some(before) => {
            format!("{} leaves, consistent with the {} seen before", number(size), number(before))
        }
        None => format!("{} leaves; none were seen here before", number(size)),
    });
    outcome.conclude("log", detail, findings);
    let head = head?;
    Some(CheckedLog { origin: head.origin.clone(), size: head.size, root: head.root, seen_before })
}

fn report(
    run: &Run<'_>,
    outcome: &Outcome,
    log: Option<CheckedLog>,
    newest: Option<Newest>,
    read: Contents,
) -> VerifyReport {
    let request = run.request;
    let mut report = VerifyReport {
        schema: SCHEMA.to_owned(),
        trace_id: request.trace_id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        project: run.project.to_owned(),
        policy: request.policy.clone(),
        store: request.store.place().to_owned(),
        started_at: read.since,
        finished_at: (request.clock)().max(run.started),
        result: CheckResult::Failed,
        verdict: String::new(),
        share: read.share,
        log,
        newest,
        coverage: read.coverage,
        archives: read.archives,
        checks: Vec::new(),
        findings: Vec::new(),
    };
    note(&mut report, outcome);
    report
}

/// Writes an outcome into a report.
fn note(report: &mut VerifyReport, outcome: &Outcome) {
    let check = |check: &Check| ReportedCheck {
        name: check.name.to_owned(),
        status: word(check.status),
        detail: check.detail.clone(),
    };
    report.checks = outcome.checks.iter().map(check).collect();
    let found = |check: &Check| -> Vec<FoundBy> {
        check.findings.iter().map(|finding| FoundBy::new(check.name, finding)).collect()
    };
    report.findings = outcome.checks.iter().flat_map(found).collect();
    let verdict = outcome.verdict();
    report.verdict = word(verdict);
    report.result = if verdict == Verdict::Holds { CheckResult::Passed } else { CheckResult::Failed };
}

/// A word as it stands in JSON.
fn word(word: impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The archives that were read and hold.
fn intact(report: &VerifyReport) -> impl Iterator<Item = &CheckedArchive> {
    report.archives.iter().filter(|archive| archive.read.as_ref().is_some_and(|read| read.intact))
}
