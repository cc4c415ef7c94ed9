//! The evidence of a tree, with a store's log and approvals that a test makes up.

use crate::processes::{Edit, Process, Verdict};
use attestar::evidence::gates::last::{self, Look};
use attestar::evidence::gates::tree::{Judging, TreeEvidence};
use attestar::evidence::gates::{Part, evaluate as judge, programs};
use attestar::format::ddl::DdlPack;
use attestar::format::digest::Sha256;
use attestar::format::path::PackPath;
use attestar::keys::trust::Trust;
use attestar::pipeline::watch::Watch;
use attestar::policy::Policy;
use attestar::policy::gate::evidence::{Approval, Event, LastRelease, Order, Ran};
use attestar::policy::gate::{Document, Evidence, Git, PayloadFile, Release, Stage};
use attestar::tree::{git, version};
use attestar::verbs::origin::origin;
use attestar::verbs::seal::preview;
use jiff::{SignedDuration, Timestamp};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// What is asked of a tree.
pub struct Asked<'a> {
    pub version: &'a str,
    pub tier: Option<&'a str>,
    pub stage: Stage,
    pub now: Timestamp,
}

/// What a store and a pack would say.
pub struct Stores {
    events: Vec<Event>,
    approvals: Vec<Approval>,
}

impl Stores {
    /// Nightly backups that were verified, weekly drills, this release and the one before in the store; each role has
    /// approved with a key of its own.
    pub fn of(process: &Process, now: Timestamp, edits: &[Edit]) -> Stores {
        let ago = |hours: i64| now.checked_sub(SignedDuration::from_hours(hours)).expect("a time");
        let event = |what: &str, archive: &str, hours: i64| Event {
            what: what.to_owned(),
            at: ago(hours),
            passed: true,
            archive: Some(archive.to_owned()),
            sha256: Sha256::of(format!("{what} {archive} {hours}").as_bytes()),
        };
        let release = |version: &str| format!("{}-{version}", process.project);
        let mut stores = Stores {
            events: vec![
                event("backed-up", "backup-1", 45 * 24),
                event("sealed", &release(process.last), 40 * 24),
                event("drilled", "backup-1", 5 * 24),
                event("backed-up", "backup-2", 9),
                event("verified", "backup-2", 8),
                event("sealed", &release(process.version), 1),
            ],
            approvals: Vec::new(),
        };
        let approval = |role: &&str| Approval {
            role: (*role).to_owned(),
            fingerprint: format!("key of {role}"),
            approved_at: ago(1),
        };
        stores.approvals = process.roles.iter().map(approval).collect();
        for edit in edits {
            match edit {
                Edit::Log(change) => change(&mut stores.events),
                Edit::Approvals(change) => change(&mut stores.approvals),
                _ => {}
            }
        }
        stores
    }
}

/// Evaluates the gates of a stage, in this process.
pub fn evaluate(policy: &Policy, root: &Path, stores: Stores, asked: &Asked<'_>) -> Verdict {
    let (watch, out) = (Watch::default(), root.join("sealed"));
    let facts = git::facts(root).expect("a repository");
    let project = version::project_name(root, policy).expect("a project").value;
    let scan = preview(root, policy, &out, &watch).expect("a tree");
    let origin = origin(root, policy, asked.version, facts, std::slice::from_ref(&out), &|_| None);
    let origin = origin.expect("a repository");
    let history = git::history(root).expect("a repository").expect("a history");
    let tag = policy.tag.name(asked.version);
    let trust = Trust::default();
    let last = last::find(&Look {
        out: &out,
        project: &project,
        version: asked.version,
        tag: &policy.tag,
        trust: &trust,
        history: history.as_ref().ok(),
    });
    let judging = Judging {
        root,
        policy,
        scan: &scan,
        origin: &origin,
        tag: tag.clone(),
        history: &history,
        last: &last,
        threads: 2,
    };
    let path = |name: &str| (name == "PATH").then(|| OsString::from("/usr/bin:/bin"));
    let environment: programs::Environment<'_> = &path;
    let tree = TreeEvidence::new(judging, &watch).expect("a tree").with_programs(Some(environment));
    let previous = last.as_ref().ok().map(|last| &*last.release.version);
    let release = Release {
        project: &project,
        version: asked.version,
        tag,
        previous,
        bump: previous.and_then(|previous| last::bump(previous, asked.version)),
        tier: asked.tier,
        commit: origin.git.as_ref().and_then(|git| git.commit.as_deref()),
        stage: asked.stage,
        now: asked.now,
    };
    let evaluation = judge(policy, (Part::All, &[]), &Fed { tree, stores }, &release);
    let gates = evaluation.gates.iter();
    let findings = evaluation.findings().into_iter();
    Verdict {
        gates: gates.map(|one| (one.gate.id.clone(), one.status(), one.judged.detail.clone())).collect(),
        findings: findings.map(|one| (one.code.as_str().to_owned(), one.subject, one.severity)).collect(),
        refuses: evaluation.refuses(),
    }
}

/// A tree with a store's log and approvals.
struct Fed<'a> {
    tree: TreeEvidence<'a>,
    stores: Stores,
}

type Answer<T> = Result<T, String>;

impl Evidence for Fed<'_> {
    fn files(&self) -> &[PackPath] {
        self.tree.files()
    }

    fn payload(&self) -> &[PayloadFile] {
        self.tree.payload()
    }

    fn read(&self, path: &PackPath) -> Answer<Option<Arc<Document>>> {
        self.tree.read(path)
    }

    fn takes(&self, path: &str) -> bool {
        self.tree.takes(path)
    }

    fn will_ask(&self, paths: &[&PackPath]) {
        self.tree.will_ask(paths);
    }

    fn digest(&self, path: &PackPath) -> Answer<Sha256> {
        self.tree.digest(path)
    }

    fn signature(&self, artifact: &PackPath, signature: &[u8], keys: &[Arc<Document>]) -> Answer<String> {
        self.tree.signature(artifact, signature, keys)
    }

    fn git(&self) -> Answer<&Git> {
        self.tree.git()
    }

    fn is_committed(&self, path: &PackPath) -> Answer<bool> {
        self.tree.is_committed(path)
    }

    fn committed_at(&self, path: &PackPath) -> Answer<Option<Timestamp>> {
        self.tree.committed_at(path)
    }

    fn last_release(&self) -> Answer<&LastRelease> {
        self.tree.last_release()
    }

    fn before(&self, path: &PackPath) -> Answer<Option<Arc<Document>>> {
        self.tree.before(path)
    }

    fn files_before(&self) -> Answer<Vec<PackPath>> {
        self.tree.files_before()
    }

    fn ddl(&self) -> Answer<Arc<DdlPack>> {
        self.tree.ddl()
    }

    fn ddl_before(&self) -> Answer<Vec<(String, Sha256)>> {
        self.tree.ddl_before()
    }

    fn approvals(&self) -> Answer<&[Approval]> {
        Ok(&self.stores.approvals)
    }

    fn events(&self) -> Answer<&[Event]> {
        Ok(&self.stores.events)
    }

    fn run(&self, order: &Order) -> Answer<Ran> {
        self.tree.run(order)
    }
}
