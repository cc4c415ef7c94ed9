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
use crate::evidence::held::Held;
use crate::evidence::logged::{self, Judging, Logged, leaves};
use crate::evidence::pruned::Retention;
use crate::evidence::settled::{Settled, settle};
use crate::evidence::stored;
use crate::finding::{Check, Finding, Outcome, Verdict};
use crate::format::checkpoint::Checkpoint;
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
use contents::{Contents, Reading};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

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
    /// What is done with the archives.
    pub work: Work,
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

/// What is done with the archives.
#[derive(Clone, Debug)]
pub enum Work {
    /// They are read.
    Read(Selection),
    /// What other machines have read is joined.
    Merge(Vec<Part>),
}

/// Which archives are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Checked {
    /// Ends one more check, of what became of the report after it was signed: the one in the store does not have it.
    pub fn conclude(&mut self, name: &'static str, detail: impl Into<String>, findings: Vec<Finding>) {
        self.outcome.conclude(name, detail, findings);
        note(&mut self.report, &self.outcome);
    }
}

/// Checks a store. What lies there and what the log says may change while archives are read, which may take hours: so
/// everything but what was read is judged at the end, by what is true then.
pub fn backup_verify(request: &Request<'_>, watch: &Watch) -> Result<Checked> {
    let (started, now) = ((request.clock)(), request.state.now);
    let seen_before = request.state.recall(request.store.place())?;
    let mut log = Outcome::default();
    let judging = Judging { log: log_of(request), state: request.state, first: request.first };
    let logged = step("log", || logged::check(&judging, &mut log))?.map(Arc::new);
    let project = project(request, logged.as_deref())?;
    let held = step("receipts", || Held::read(request.store))?;
    let first = Run::new(request, &project, (logged.as_deref(), &held), (started, now));
    let done = match &request.work {
        Work::Read(selection) => Done::Read(step("contents", || contents::read(&first, *selection, watch))?),
        Work::Merge(parts) => Done::Merge(parts),
    };
    let now = step("store", || settled_now(&judging, request, (logged, held), &mut log))?;
    let run = Run::new(request, &project, (now.logged.as_deref(), &now.held), (started, now.at));
    let (mut outcome, mut newest) = (Outcome::default(), None);
    let (found, seen) = (Archives::find(&run), seen_before.as_ref());
    if !request.is_shard() {
        newest = newest::check(&run, &found, seen, &mut outcome);
        found.conclude_receipts(&mut outcome);
    }
    let read = match done {
        Done::Read(reading) => contents::settle(&run, &found, reading, &mut outcome),
        Done::Merge(parts) => merge::join(&run, &found, parts, &mut outcome),
    };
    let log = conclude_log(log, run.logged, seen.map(|seen| seen.newest().size), &mut outcome);
    store(&run, now.findings, &mut outcome)?;
    watch.check()?;
    let report = report(&run, &outcome, log, newest, read);
    step("recorded", || record::record(&run, report, outcome))
}

/// What was done before everything is judged.
enum Done<'a> {
    Read(Reading),
    Merge(&'a [Part]),
}

/// The store and its log when archives were read.
struct Now {
    logged: Option<Arc<Logged>>,
    held: Held,
    at: Timestamp,
    /// What is wrong with the one by the other; `None` without a log that holds.
    findings: Option<Result<Vec<Finding>>>,
}

/// Looks at both once more. That the store cannot be asked now takes nothing back of what was found before.
fn settled_now(
    judging: &Judging<'_>,
    request: &Request<'_>,
    (logged, held): (Option<Arc<Logged>>, Held),
    log: &mut Outcome,
) -> Result<Now> {
    let Some(seen) = logged.clone() else {
        return Ok(Now { logged, held, at: (request.clock)(), findings: None });
    };
    match settle(judging, request.clock, &held, seen, log) {
        Ok(Settled { logged: None, held, now: at, .. }) => Ok(Now { logged: None, held, at, findings: None }),
        Ok(Settled { logged, held, findings, now: at }) => {
            Ok(Now { logged, held, at, findings: Some(Ok(findings)) })
        }
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => Ok(Now { logged, held, at: (request.clock)(), findings: Some(Err(error)) }),
    }
}

/// The checks `pruned` and `store`; of a shard only that it could not be asked.
fn store(run: &Run<'_>, findings: Option<Result<Vec<Finding>>>, outcome: &mut Outcome) -> Result<()> {
    let (Some(logged), Some(findings)) = (run.logged, findings) else { return Ok(()) };
    if !run.request.is_shard() {
        log::judge_prunes(&prunes_of(run.request), logged, run.now, outcome)?;
    }
    match findings {
        Ok(_) if run.request.is_shard() => {}
        Ok(findings) => stored::conclude(run.held, findings, outcome),
        Err(error) => {
            let finding = contents::unreadable(run.request.store.place(), &error);
            outcome.conclude(stored::CHECK, "it could not be compared with the log", vec![finding]);
        }
    }
    Ok(())
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
    held: &'a Held,
    started: Timestamp,
    /// When store and log were as they are here.
    now: Timestamp,
}

impl<'a> Run<'a> {
    fn new(
        request: &'a Request<'a>,
        project: &'a str,
        (logged, held): (Option<&'a Logged>, &'a Held),
        (started, now): (Timestamp, Timestamp),
    ) -> Run<'a> {
        let trust = logged.map_or(request.trust, |logged| &logged.trust);
        Run { request, project, trust, logged, held, started, now }
    }
}

impl Request<'_> {
    fn is_shard(&self) -> bool {
        matches!(self.work, Work::Read(Selection::Shard(..)))
    }
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
            format!("{}, consistent with the {} seen before", leaves(size), number(before))
        }
        None => format!("{}; none were seen here before", leaves(size)),
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
    // Parts are of the log by which they were shared out, whatever came since.
    let log = match (log, read.shared_out_at) {
        (Some(log), Some(Checkpoint { size, root, .. })) => Some(CheckedLog { size, root, ..log }),
        (log, _) => log,
    };
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
