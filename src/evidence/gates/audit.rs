//! Judges a sealed pack by another policy: the auditor's own.
//!
//! What travels in the pack is judged anew. A gate that fails for evidence which does not travel holds only if something
//! signed says so: the record of the pack's own gates, where the sealed policy had a gate of the same kind, set the same,
//! and that one passed. Else it was not checked, which is never fine.

use crate::error::Result;
use crate::evidence::gates::expired;
use crate::evidence::gates::packed::{Judging, PackEvidence, Source};
use crate::evidence::gates::said::{Said, own_policy};
use crate::evidence::gates::stages::StageResult;
use crate::evidence::receipt::VerifiedReceipt;
use crate::finding::{Code, Finding, Outcome};
use crate::format::gates::{Gate as Entry, VerificationSummary};
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::keys::trust::Trust;
use crate::pipeline::contents::Tags;
use crate::policy::Policy;
use crate::policy::gate::evidence::Approval;
use crate::policy::gate::{Gate, Judged, Release, Stage, Status, tag};

/// The name of the check.
pub const CHECK: &str = "policy";

/// A pack that verified, and the policy that it is to be judged by.
pub struct Audit<'a> {
    /// The auditor's policy.
    pub policy: &'a Policy,
    /// The tag files.
    pub tags: &'a Tags,
    /// What the pack says of itself.
    pub pack: &'a Pack,
    /// Who may sign.
    pub trust: &'a Trust,
    /// The receipt, which tells the time.
    pub receipt: Option<&'a VerifiedReceipt>,
    /// The approvals over the seal, or why they cannot be told.
    pub approvals: std::result::Result<Vec<Approval>, String>,
    /// The signed results of later stages.
    pub stages: &'a [StageResult],
}

/// How many gates ended how.
#[derive(Default)]
struct Counted {
    passed: u64,
    recorded: u64,
    skipped: u64,
    failed: u64,
    unchecked: u64,
}

/// What a gate came to.
enum Verdict {
    /// It holds, or does not, by what is in the pack.
    Judged(Judged),
    /// A gate like it held, as was signed.
    Recorded,
    /// Nothing says whether it holds.
    Unchecked(String),
}

impl<'a> Audit<'a> {
    /// Judges every gate of every stage.
    pub fn check(self, source: Source<'_>, outcome: &mut Outcome) -> Result<()> {
        let name = format!("{} ({})", self.policy.name, self.policy.source);
        let nothing = |why: &str| vec![Finding::new(Code::NothingChecked, CHECK).actual(why)];
        if self.pack.kind != Kind::Release {
            outcome.conclude(CHECK, name, nothing("gates are of releases"));
            return Ok(());
        }
        if self.policy.gates.is_empty() {
            outcome.conclude(CHECK, name, nothing("it has no gates"));
            return Ok(());
        }
        let Some(receipt) = self.receipt else {
            outcome.conclude(CHECK, name, nothing("no receipt says when the release was sealed"));
            return Ok(());
        };
        let said = Said::read(self.tags, self.pack, self.trust, self.receipt)?;
        let sealed = own_policy(self.tags)?;
        let release = Release {
            project: &self.pack.project,
            version: &self.pack.version,
            tag: self.policy.tag.name(&self.pack.version),
            previous: None,
            bump: None,
            tier: self.policy.tier.as_deref(),
            commit: said.commit(),
            stage: Stage::Seal,
            now: receipt.predicate().evaluated_at,
        };
        let judging = Judging {
            policy: self.policy,
            tags: self.tags,
            pack: self.pack,
            said: &said,
            source,
            approvals: self.approvals.clone(),
        };
        let evidence = PackEvidence::new(judging)?;
        let records = Records { said: &said, sealed: sealed.as_ref(), audit: &self };
        let (mut counted, mut findings) = (Counted::default(), Vec::new());
        for gate in &self.policy.gates {
            let release = Release { stage: gate.stage, tag: release.tag.clone(), ..release };
            counted.add(gate, judge(gate, &evidence, &release, &records), &mut findings);
        }
        findings.extend(evidence.altered());
        findings.extend(expired(self.policy, &release));
        if counted.passed + counted.recorded + counted.failed + counted.unchecked == 0 {
            findings.extend(nothing("none of its gates applies"));
        }
        outcome.conclude(CHECK, format!("{name}: {counted}"), findings);
        Ok(())
    }
}

fn judge(
    gate: &Gate,
    evidence: &PackEvidence<'_>,
    release: &Release<'_>,
    records: &Records<'_, '_>,
) -> Verdict {
    let excluded = gate.when.excludes(release.bump, release.tier).or_else(|| records.excluded(gate));
    if let Some(why) = excluded {
        return Verdict::Judged(Judged::skipped(why));
    }
    evidence.begin();
    let judged = gate.check.judge(evidence, release);
    match evidence.untold(judged.read.len()) {
        Some(_) if judged.status == Status::Failed && records.held(gate) => Verdict::Recorded,
        Some(why) if judged.status == Status::Failed => Verdict::Unchecked(why),
        _ => Verdict::Judged(judged),
    }
}

/// What is signed of gates that were evaluated where the evidence was.
struct Records<'a, 'p> {
    said: &'a Said,
    sealed: Option<&'a Policy>,
    audit: &'a Audit<'p>,
}

impl Records<'_, '_> {
    /// Whether a gate of this kind, set the same, passed at the same stage.
    fn held(&self, gate: &Gate) -> bool {
        self.entries(gate).iter().any(|(_, entry)| entry.status == Status::Passed.as_str())
    }

    /// Why it did not apply to this release, where that was known when it was sealed: how the version differs from the one
    /// before is not in the pack.
    fn excluded(&self, gate: &Gate) -> Option<String> {
        let is_skip = |(same, entry): &&(&Gate, &Entry)| {
            same.when == gate.when && entry.status == Status::Skipped.as_str()
        };
        let entries = self.entries(gate);
        entries.iter().find(is_skip).and_then(|(_, entry)| entry.reason.clone())
    }

    /// The gates of this kind and stage, set the same, with what was signed of them.
    fn entries(&self, gate: &Gate) -> Vec<(&Gate, &Entry)> {
        let results = self.audit.stages.iter().filter(|result| result.stage == gate.stage);
        let record = match gate.stage {
            Stage::Seal => self.said.record.as_ref(),
            Stage::Promote | Stage::Close => results.map(|result| &result.summary).next(),
        };
        let Some(record) = record else { return Vec::new() };
        let Some(policy) = self.policy_of(record) else { return Vec::new() };
        // Whose signatures of tags count stands in another table.
        if gate.kind.name == tag::KIND.name && policy.git != self.audit.policy.git {
            return Vec::new();
        }
        let same = |other: &&Gate| {
            other.kind.name == gate.kind.name && other.settings == gate.settings && other.stage == gate.stage
        };
        let entry = |other: &'_ Gate| {
            let is_its = |entry: &&Entry| entry.id == other.id && entry.check == other.kind.name;
            record.gates.gates.iter().find(is_its)
        };
        policy.gates.iter().filter(same).filter_map(|other| Some((other, entry(other)?))).collect()
    }

    /// The policy that a record was made under, if its text is here.
    fn policy_of(&self, record: &VerificationSummary) -> Option<&Policy> {
        let known = [self.sealed, Some(self.audit.policy)].into_iter().flatten();
        known.into_iter().find(|policy| policy.sha256 == record.policy.digest.sha256)
    }
}

impl Counted {
    fn add(&mut self, gate: &Gate, verdict: Verdict, findings: &mut Vec<Finding>) {
        let finding = |finding: Finding| Finding { severity: gate.severity.min(finding.severity), ..finding };
        match verdict {
            Verdict::Recorded => self.recorded += 1,
            Verdict::Unchecked(why) => {
                self.unchecked += 1;
                findings.push(finding(Finding::new(Code::GateUnchecked, &gate.id).actual(why)));
            }
            Verdict::Judged(judged) => {
                *match judged.status {
                    Status::Passed => &mut self.passed,
                    Status::Skipped => &mut self.skipped,
                    Status::Failed | Status::Waived => &mut self.failed,
                } += 1;
                findings.extend(judged.faults.into_iter().map(|fault| {
                    let subject = format!("{}: {}", gate.id, fault.subject);
                    let found = finding(Finding::new(gate.kind.code, subject));
                    Finding { expected: fault.expected, actual: fault.actual, ..found }
                }));
            }
        }
    }
}

impl std::fmt::Display for Counted {
    /// `9 passed, 2 as signed when sealed, 1 not checked, 0 failed`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed", self.passed)?;
        for (count, words) in [
            (self.recorded, "passed as signed before"),
            (self.skipped, "skipped"),
            (self.unchecked, "not checked"),
        ] {
            if count > 0 {
                write!(f, ", {count} {words}")?;
            }
        }
        write!(f, ", {} failed", self.failed)
    }
}
