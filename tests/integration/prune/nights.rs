//! Stores of many nights, made in a moment: the receipts are real, the archives behind them are not.

use attestar::error::Result;
use attestar::evidence::pruned::Retention;
use attestar::format::digest::Sha256;
use attestar::format::drill_report::FILE;
use attestar::format::event::Event;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::format::receipt::{Base, Receipt};
use attestar::format::seal::Totals;
use attestar::format::statement::Predicate;
use attestar::format::statement::{Statement, Subject};
use attestar::format::test_result::{Drill, Result as DrillResult, TestResult};
use attestar::keys::signing::SigningKey;
use attestar::keys::trust::Trust;
use attestar::log::Log;
use attestar::log::append::{Record, Writer};
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::policy::backup::Keep;
use attestar::policy::prune::Rule;
use attestar::store::{ObjectName, Store};
use attestar::verbs::prune::{self, Pruned, Request};
use jiff::{SignedDuration, Timestamp};
use std::sync::LazyLock;

pub const ORIGIN: &str = "nightly";

/// A host that remembers nothing.
pub const FORGETFUL: State<'static> = State { folder: None, now: Timestamp::UNIX_EPOCH };

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Trusts key 1 to back up, key 2 to prune, key 3 to drill, key 4 to do all that for `nightly` alone; all of them log.
pub fn trust() -> Trust {
    static TRUST: LazyLock<Trust> = LazyLock::new(parsed);
    TRUST.clone()
}

fn parsed() -> Trust {
    let folder = tempfile::tempdir().unwrap();
    let signer = |seed: u8, may: &str| {
        std::fs::write(folder.path().join(format!("{seed}.pub")), key(seed).public().to_pem()).unwrap();
        format!("[[signer]]\nrole = \"host-{seed}\"\nkey = \"{seed}.pub\"\nmay = [{may}, \"log\"]\n")
    };
    let backs_up = "\"seal:backup\", \"seal:release\", \"receipt\"";
    let all = format!("{backs_up}, \"prune\", \"drill\"");
    let text = signer(1, backs_up) + &signer(2, "\"prune\"") + &signer(3, "\"drill\"") + &signer(4, &all);
    let text = text + "projects = [\"nightly\"]\n";
    Trust::parse(&folder.path().join("trust.toml"), &text).unwrap()
}

/// One in the morning of a day of 2026, from 0.
pub fn night(day: i64) -> Timestamp {
    let first: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
    first + SignedDuration::from_hours(24 * day)
}

pub fn object(name: &str) -> ObjectName {
    ObjectName::new(name).unwrap()
}

/// An archive that is laid into a store.
#[derive(Clone)]
pub struct Laid<'a> {
    pub project: &'a str,
    pub kind: Kind,
    pub version: String,
    pub at: Timestamp,
    pub bases: Vec<String>,
}

impl Laid<'_> {
    pub fn name(&self) -> String {
        format!("{}-{}", self.project, self.version)
    }

    fn folder(&self) -> String {
        match self.kind {
            Kind::Backup => "archives".to_owned(),
            Kind::Release => format!("releases/{}", self.name()),
        }
    }

    /// The archive's file name and digest.
    pub fn archive(&self) -> (String, Sha256) {
        (format!("{}.tar.zst.age", self.name()), Sha256::of(self.name().as_bytes()))
    }

    /// What its receipt says.
    pub fn receipt(&self) -> Receipt {
        let base = |name: &String| Base { name: name.clone(), sha256: Sha256::of(name.as_bytes()) };
        Receipt {
            project: self.project.into(),
            kind: self.kind,
            version: self.version.clone(),
            name: self.name(),
            size_bytes: self.name().len() as u64,
            seal_sha256: Sha256([1; 32]),
            tagmanifest_sha256: Sha256([2; 32]),
            payload: Totals { files: 1, bytes: 2 },
            recipients: 1,
            bases: self.bases.iter().map(base).collect(),
            evaluated_at: self.at,
            created_at: self.at,
        }
    }

    /// Archive and receipt; gives the record for the log.
    pub fn lay(&self, store: &dyn Store, key: &SigningKey) -> Record {
        let (name, (file, sha256)) = (self.name(), self.archive());
        let statement = self.receipt().for_archive(&*file, sha256);
        let bundle = key.sign_statement(&statement).to_bytes();
        let folder = self.folder();
        store.create(&object(&format!("{folder}/{file}")), name.as_bytes()).unwrap();
        store.create(&object(&format!("{folder}/{file}.sigstore.json")), &bundle).unwrap();
        let what = if self.kind == Kind::Backup { What::BackedUp } else { What::Sealed };
        Record::of(what, &name, &statement.predicate, self.at, bundle)
    }
}

/// A backup of the night of this day.
pub fn backup(day: i64) -> Laid<'static> {
    let version = night(day).strftime("%Y%m%dT%H%M%SZ").to_string();
    Laid { project: "nightly", kind: Kind::Backup, version, at: night(day), bases: Vec::new() }
}

pub fn append(store: &dyn Store, by: u8, records: &[Record]) -> Result<()> {
    let (trust, key) = (trust(), key(by));
    let log = Log { store, trust: &trust, origin: Some(ORIGIN) };
    let writer = Writer { log, origin: ORIGIN, key: &key, state: &FORGETFUL };
    writer.append(records).map(drop)
}

/// Lays and logs them.
pub fn put(store: &dyn Store, laid: &[Laid<'_>]) {
    let records: Vec<Record> = laid.iter().map(|one| one.lay(store, &key(1))).collect();
    append(store, 1, &records).unwrap();
}

/// A night of each of these days.
pub fn nights(store: &dyn Store, days: std::ops::Range<i64>) {
    put(store, &days.map(backup).collect::<Vec<_>>());
}

/// A leaf about an archive that no command made, by this key.
pub fn say(store: &dyn Store, by: u8, what: What, of: &Laid<'_>, at: Timestamp) {
    let name = of.name();
    let event =
        Event { project: of.project.into(), kind: of.kind, what, name: name.clone(), passed: true, at };
    log_of(store, by, what, &name, event.of([of.archive()]), at);
}

/// A drill of an archive.
pub fn drill(store: &dyn Store, of: &Laid<'_>, passed: bool, at: Timestamp) {
    log_of(store, 3, What::Drilled, &of.name(), drilled(of, passed, at), at);
}

/// What is signed of it.
pub fn drilled(of: &Laid<'_>, passed: bool, at: Timestamp) -> Statement<TestResult> {
    let name = of.name();
    let drill = Drill {
        project: of.project.into(),
        kind: of.kind,
        name: name.clone(),
        drill_id: "a".into(),
        finished_at: at,
    };
    let result = if passed { DrillResult::Passed } else { DrillResult::Failed };
    let policy = Subject::new("policy.toml", Sha256([0; 32]));
    let result = TestResult { result, configuration: vec![policy], drill };
    let (file, sha256) = of.archive();
    let report = Subject::new(FILE, Sha256::of(at.to_string().as_bytes()));
    Statement::new(vec![Subject::new(file, sha256), report], result)
}

/// A leaf of a statement, by this key.
pub fn log_of<P: Predicate + serde::Serialize>(
    store: &dyn Store,
    by: u8,
    what: What,
    name: &str,
    statement: Statement<P>,
    at: Timestamp,
) {
    let bundle = key(by).sign_statement(&statement).to_bytes();
    append(store, by, &[Record::of(what, name, &statement.predicate, at, bundle)]).unwrap();
}

pub fn keep(daily: u64, weekly: u64) -> Retention {
    let keep = Keep { daily, weekly, ..Keep::default() };
    Retention { project: "nightly".into(), backups: Rule::Backups(keep), releases: Rule::Releases(None) }
}

/// Prunes by key 2.
pub fn run(store: &dyn Store, retention: &Retention, now: Timestamp) -> Result<Pruned> {
    run_by(2, store, retention, now, &FORGETFUL)
}

pub fn run_by(
    by: u8,
    store: &dyn Store,
    retention: &Retention,
    now: Timestamp,
    state: &State<'_>,
) -> Result<Pruned> {
    let (trust, key) = (trust(), key(by));
    let log = Log { store, trust: &trust, origin: Some(ORIGIN) };
    let writer = Writer { log, origin: ORIGIN, key: &key, state };
    prune::prune(&Request { log: &writer, retention, now }, &Watch::default())
}

/// `code subject` of what `log verify` finds, judged by these rules.
pub fn verify(store: &dyn Store, retention: Option<&Retention>, now: Timestamp) -> Vec<String> {
    let trust = trust();
    let request = attestar::verbs::log::Request {
        store,
        trust: &trust,
        origin: Some(ORIGIN),
        state: State { folder: None, now },
        retention,
    };
    let verified = attestar::verbs::log::verify(&request, true).unwrap();
    let findings = verified.outcome.checks.iter().flat_map(|check| &check.findings);
    findings.map(|found| format!("{} {}", found.code.as_str(), found.subject)).collect()
}

/// The archives that lie there, without what their names end in.
pub fn there(store: &dyn Store) -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["archives", "releases"] {
        let entries = store.list(folder).unwrap().entries;
        let of = |name: &str| name.strip_suffix(".tar.zst.age").map(str::to_owned);
        names.extend(entries.iter().filter_map(|entry| of(entry.name.file_name())));
    }
    names
}
