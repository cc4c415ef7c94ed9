//! The five release processes as policies: each tree of `fixtures/trees` passes its policy, and each gate of each policy
//! is broken in turn by one small edit, and says so alone.

mod cryptopill;
mod dashboard;
mod fed;
mod history;
mod orca;
mod published;
mod screen;
mod tiered;
mod tradepulse;

use attestar::finding::Severity;
use attestar::policy::Policy;
use attestar::policy::gate::evidence::{Approval, Event};
use attestar::policy::gate::{Stage, Status};
use fed::Stores;
use history::{Keeper, Laid};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A shipped policy, and the tree that it is for.
pub struct Process {
    /// Of the policy, and of the folder in `fixtures/trees`.
    pub policy: &'static str,
    /// The project of the tree.
    pub project: &'static str,
    /// The release before.
    pub last: &'static str,
    /// The release.
    pub version: &'static str,
    /// The branch on which it is made; merged when it is closed.
    pub branch: &'static str,
    /// When it is tagged: before it is sealed, or only once it is live.
    pub tagged: Stage,
    /// The present at each stage.
    pub now: [&'static str; 3],
    /// The tier, where the policy asks.
    pub tier: Option<&'static str>,
    /// Who approved the seal.
    pub roles: &'static [&'static str],
    /// Files that get a signature of the keeper's beside them.
    pub signed: &'static [&'static str],
    /// Releases of other kinds that pass, too: the part of the fixture that each has more, and its version.
    pub variants: &'static [(&'static str, &'static str)],
    /// What breaks each gate.
    pub breaks: &'static [Break],
}

/// A gate, and what breaks it and nothing else.
pub struct Break {
    /// The gate's id.
    pub gate: &'static str,
    /// What is done, in order.
    pub edits: &'static [Edit],
    /// What the finding is about, or the beginning of that.
    pub subject: &'static str,
}

/// One small change.
pub enum Edit {
    /// A text of a file stands there no more, but another one.
    Text(&'static str, &'static str, &'static str),
    /// A file has this content.
    Content(&'static str, &'static str),
    /// A file is not there.
    Gone(&'static str),
    /// A file was changed after the digest lists were written.
    AfterHash(&'static str, &'static str, &'static str),
    /// A file is there that was not committed.
    Uncommitted(&'static str, &'static str),
    /// The digest list of the DDL is written anew, as by `sha256sum ddl/*.sql`.
    Relisted(&'static str),
    /// There is no tag.
    Untagged,
    /// The tag is of the commit before.
    TaggedElsewhere,
    /// The tag is annotated, and has no signature.
    Unsigned,
    /// The release's branch was not merged.
    NotMerged,
    /// The release does not come from the one before.
    Rootless,
    /// It is another time.
    Now(&'static str),
    /// It is a release of another kind: the part of the fixture that it has more, and its version.
    As(&'static str, &'static str),
    /// It has another tier.
    Tier(&'static str),
    /// The store's log says something else.
    Log(fn(&mut Vec<Event>)),
    /// Others have approved.
    Approvals(fn(&mut Vec<Approval>)),
}

/// Every process that ships.
const PROCESSES: &[&Process] =
    &[&cryptopill::PROCESS, &dashboard::PROCESS, &orca::PROCESS, &tiered::PROCESS, &tradepulse::PROCESS];

impl Process {
    fn now(&self, stage: Stage) -> Timestamp {
        let [seal, promote, close] = self.now;
        let now = match stage {
            Stage::Seal => seal,
            Stage::Promote => promote,
            Stage::Close => close,
        };
        now.parse().expect("a time")
    }

    /// What a stage comes to: every gate with its status, and every finding.
    fn judge(&self, keeper: &Keeper, stage: Stage, edits: &[Edit]) -> Verdict {
        let (mut now, mut version, mut tier) = (self.now(stage), self.version, self.tier);
        for edit in edits {
            match edit {
                Edit::Now(at) => now = at.parse().expect("a time"),
                Edit::As(_, other) => version = other,
                Edit::Tier(other) => tier = Some(other),
                _ => {}
            }
        }
        let laid = Laid::at(self, keeper, stage, edits);
        let stores = Stores::of(self, now, edits);
        fed::evaluate(&keeper.policy, laid.root(), stores, &fed::Asked { version, tier, stage, now })
    }
}

/// What a stage came to.
#[derive(Debug)]
pub struct Verdict {
    /// Id and status of every gate, with what it says.
    pub gates: Vec<(String, Status, String)>,
    /// Code, subject and severity of every finding.
    pub findings: Vec<(String, String, Severity)>,
    /// Whether a gate stands in the way: exit code 4.
    pub refuses: bool,
}

/// The tree passes at every stage.
fn passes(process: &Process) {
    let keeper = Keeper::new(process);
    let kinds = process.variants.iter().map(|&(part, version)| vec![Edit::As(part, version)]);
    for edits in std::iter::once(Vec::new()).chain(kinds) {
        for stage in Stage::ALL {
            let verdict = process.judge(&keeper, stage, &edits);
            let passed = verdict.gates.iter().filter(|(_, status, _)| *status == Status::Passed).count();
            assert!(!verdict.refuses && verdict.findings.is_empty() && passed > 0, "{stage}: {verdict:#?}");
        }
    }
}

/// Each gate is broken in turn, and says so alone.
fn breaks(process: &Process) {
    let keeper = Keeper::new(process);
    let complaints: Vec<String> =
        process.breaks.iter().filter_map(|one| complaint(process, &keeper, one)).collect();
    assert!(complaints.is_empty(), "{}:\n{}", process.policy, complaints.join("\n"));
}

/// What is not as it should be when a gate is broken: one finding, with its code, subject and weight.
fn complaint(process: &Process, keeper: &Keeper, one: &Break) -> Option<String> {
    let gate = keeper.policy.gates.iter().find(|gate| gate.id == one.gate);
    let Some(gate) = gate else { return Some(format!("there is no gate {}", one.gate)) };
    let verdict = process.judge(keeper, gate.stage, one.edits);
    let subject = format!("{}: {}", one.gate, one.subject);
    let is_one = match &verdict.findings[..] {
        [(code, found, severity)] => {
            code == gate.kind.code.as_str() && found.starts_with(&subject) && *severity == gate.severity
        }
        _ => false,
    };
    // An error is exit code 4.
    let is_right = is_one && verdict.refuses == (gate.severity == Severity::Error);
    (!is_right).then(|| format!("{subject}: {:#?}", verdict.findings))
}

#[test]
fn cryptopill_passes() {
    passes(&cryptopill::PROCESS);
}

#[test]
fn every_gate_of_cryptopill_can_fail() {
    breaks(&cryptopill::PROCESS);
}

#[test]
fn crypto_analytics_dashboard_passes() {
    passes(&dashboard::PROCESS);
}

#[test]
fn every_gate_of_crypto_analytics_dashboard_can_fail() {
    breaks(&dashboard::PROCESS);
}

#[test]
fn orca_passes() {
    passes(&orca::PROCESS);
}

#[test]
fn every_gate_of_orca_can_fail() {
    breaks(&orca::PROCESS);
}

#[test]
fn tiered_release_passes() {
    passes(&tiered::PROCESS);
}

#[test]
fn every_gate_of_tiered_release_can_fail() {
    breaks(&tiered::PROCESS);
}

#[test]
fn tradepulse_passes() {
    passes(&tradepulse::PROCESS);
}

#[test]
fn every_gate_of_tradepulse_can_fail() {
    breaks(&tradepulse::PROCESS);
}

#[test]
fn no_gate_of_a_shipped_policy_was_forgotten() {
    for name in Policy::builtin_names() {
        let policy = Policy::builtin(name).unwrap();
        let gates: BTreeSet<&str> = policy.gates.iter().map(|gate| &*gate.id).collect();
        let process = PROCESSES.iter().find(|process| process.policy == name);
        let broken: BTreeSet<&str> =
            process.iter().flat_map(|process| process.breaks).map(|one| one.gate).collect();
        assert_eq!(gates, broken, "{name}");
    }
}

/// The section of docs/processes.md on a policy: what stands in backticks in the second column of its table.
fn named_in_document(policy: &str) -> BTreeSet<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/processes.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section =
        text.split(&format!("\n## {policy}\n")).nth(1).unwrap_or_else(|| panic!("no section {policy}"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1));
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_document_names_every_gate_and_no_other() {
    for process in PROCESSES {
        let policy = Policy::builtin(process.policy).unwrap();
        let gates: BTreeSet<String> = policy.gates.iter().map(|gate| gate.id.clone()).collect();
        assert_eq!(named_in_document(process.policy), gates, "{}", process.policy);
    }
}
