//! Evaluates the gates of a stage, and records what they came to.

pub mod audit;
pub mod events;
pub mod last;
pub mod packed;
pub mod programs;
pub mod record;
pub mod said;
mod signatures;
pub mod stages;
pub mod tree;
pub mod waivers;

use crate::evidence::gates::waivers::Lifted;
use crate::finding::{Code, Finding, Severity};
use crate::format::gates::{self, Waived};
use crate::policy::Policy;
use crate::policy::gate::{Evidence, Gate, Judged, Release, Stage, Status, hashes, secrets};
use std::fmt;

/// A gate and what it came to.
#[derive(Clone, Debug)]
pub struct Evaluated<'p> {
    /// The gate of the policy.
    pub gate: &'p Gate,
    /// What it came to.
    pub judged: Judged,
    /// The waiver that lifts its failure.
    pub waiver: Option<Waived>,
}

/// Every gate of a stage that was asked for, in the order of the policy.
#[derive(Clone, Debug)]
pub struct Evaluation<'p> {
    /// The stage.
    pub stage: Stage,
    /// The gates.
    pub gates: Vec<Evaluated<'p>>,
    /// The signed waivers that lifted one, in the order in which they were given.
    pub lifted: Vec<Lifted>,
    /// What else there is to say, and may stand in the way: waivers that do not count, a policy that has expired.
    pub besides: Vec<Finding>,
}

/// How many gates ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that hold.
    pub passed: u64,
    /// Those that do not.
    pub failed: u64,
    /// Those that do not, and were waived.
    pub waived: u64,
    /// Those that do not apply.
    pub skipped: u64,
}

impl Tally {
    /// Of an evaluation.
    pub fn of(evaluation: &Evaluation<'_>) -> Tally {
        let mut tally = Tally::default();
        for gate in &evaluation.gates {
            tally.add(gate.status());
        }
        tally
    }

    /// Counts one more.
    pub fn add(&mut self, status: Status) {
        *match status {
            Status::Passed => &mut self.passed,
            Status::Failed => &mut self.failed,
            Status::Waived => &mut self.waived,
            Status::Skipped => &mut self.skipped,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.passed + self.failed + self.waived + self.skipped
    }
}

/// How the gates of a record ended, and what is wrong with it: a gate that refuses and failed, with these words; a status
/// that is none; a waiver that is not there.
pub fn tally(gates: &[gates::Gate], failed: &str) -> (Tally, Vec<Finding>) {
    let (mut tally, mut findings) = (Tally::default(), Vec::new());
    for one in gates {
        let refuses = one.severity != "warning";
        match Status::named(&one.status) {
            Some(Status::Failed) if refuses => {
                tally.add(Status::Failed);
                findings.push(Finding::new(Code::GateFailed, &one.id).actual(failed));
            }
            Some(Status::Waived) if one.waiver.is_none() => {
                let finding = Finding::new(Code::StatementInvalid, &one.id);
                findings.push(finding.actual("waived, but by no waiver"));
            }
            Some(status) => tally.add(status),
            None => findings.push(Finding::new(Code::StatementInvalid, &one.id).actual(&one.status)),
        }
    }
    (tally, findings)
}

/// Gates of the policy that a record leaves out, or calls something else: nobody signs them away.
pub fn left_out(policy: &Policy, stage: Stage, recorded: &[gates::Gate]) -> Vec<Finding> {
    let differs = |gate: &&Gate| {
        let warns = gate.severity == Severity::Warning;
        let is_it = |one: &gates::Gate| {
            one.id == gate.id && one.check == gate.kind.name && (one.severity == "warning") == warns
        };
        gate.stage == stage && !recorded.iter().any(is_it)
    };
    let finding = |gate: &Gate| {
        let said = recorded.iter().find(|one| one.id == gate.id);
        let said = said.map_or("nothing".to_owned(), |one| format!("{}, {}", one.check, one.severity));
        let weight = if gate.severity == Severity::Warning { "warning" } else { "error" };
        let finding = Finding::new(Code::Disagreement, format!("gates: {}", gate.id));
        finding.expected(format!("{}, {weight}", gate.kind.name)).actual(said)
    };
    policy.gates.iter().filter(differs).map(finding).collect()
}

impl fmt::Display for Tally {
    /// `11 passed, 1 waived, 0 failed`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed", self.passed)?;
        for (count, word) in [(self.waived, "waived"), (self.skipped, "skipped")] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        write!(f, ", {} failed", self.failed)
    }
}

/// Which gates of a stage are meant: some read all of the payload, which a seal does anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Those that can be judged before the payload is read.
    Before,
    /// Those that read it.
    Payload,
}

impl Part {
    fn takes(self, gate: &Gate) -> bool {
        let reads_payload = [hashes::KIND.name, secrets::KIND.name].contains(&gate.kind.name);
        match self {
            Part::All => true,
            Part::Before => !reads_payload,
            Part::Payload => reads_payload,
        }
    }
}

/// Evaluates a part of the gates of the release's stage, or of those only the ones named.
pub fn evaluate<'p>(
    policy: &'p Policy,
    (part, only): (Part, &[String]),
    evidence: &dyn Evidence,
    release: &Release<'_>,
) -> Evaluation<'p> {
    let is_asked = |gate: &&Gate| {
        gate.stage == release.stage && part.takes(gate) && (only.is_empty() || only.contains(&gate.id))
    };
    let evaluate = |gate: &'p Gate| {
        let judged = match gate.when.excludes(release.bump, release.tier) {
            Some(why) => Judged::skipped(why),
            None => gate.check.judge(evidence, release),
        };
        Evaluated { gate, judged, waiver: None }
    };
    let mut gates: Vec<(usize, Evaluated<'p>)> = Vec::new();
    let asked: Vec<(usize, &Gate)> = policy.gates.iter().filter(is_asked).enumerate().collect();
    // Those that search the payload come last: what is read for digests before is searched in the same pass.
    let (last, first): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|(_, gate)| gate.kind.name == secrets::KIND.name);
    gates.extend(first.into_iter().chain(last).map(|(at, gate)| (at, evaluate(gate))));
    gates.sort_by_key(|(at, _)| *at);
    Evaluation {
        stage: release.stage,
        gates: gates.into_iter().map(|(_, gate)| gate).collect(),
        lifted: Vec::new(),
        besides: expired(policy, release).into_iter().filter(|_| part != Part::Payload).collect(),
    }
}

/// A policy that somebody should have looked at again lets nothing go.
fn expired(policy: &Policy, release: &Release<'_>) -> Option<Finding> {
    let expires = policy.expires.filter(|expires| *expires < release.now)?;
    let finding = Finding::new(Code::PolicyExpired, policy.source.to_string());
    Some(finding.actual(format!("it held until {expires}")))
}

impl Evaluated<'_> {
    /// How it ended, waivers counted.
    pub fn status(&self) -> Status {
        match (self.judged.status, &self.waiver) {
            (Status::Failed, Some(_)) => Status::Waived,
            (status, _) => status,
        }
    }

    /// Whether it stands in the way.
    pub fn refuses(&self) -> bool {
        self.status() == Status::Failed && self.gate.severity == Severity::Error
    }

    /// What it found; nothing where it was waived.
    fn findings(&self) -> Vec<Finding> {
        if self.status() != Status::Failed {
            return Vec::new();
        }
        let finding = |fault: &crate::policy::gate::judged::Fault| {
            let subject = format!("{}: {}", self.gate.id, fault.subject);
            Finding {
                severity: self.gate.severity,
                expected: fault.expected.clone(),
                actual: fault.actual.clone(),
                ..Finding::new(self.gate.kind.code, subject)
            }
        };
        self.judged.faults.iter().map(finding).collect()
    }
}

impl<'p> Evaluation<'p> {
    /// With what another part came to, in the order of the policy.
    pub fn join(mut self, other: Evaluation<'p>) -> Evaluation<'p> {
        self.gates.extend(other.gates);
        self.gates.sort_by_key(|evaluated| evaluated.gate.line);
        self.besides.extend(other.besides);
        self
    }
}

impl Evaluation<'_> {
    /// What was found, in the order of the gates, and besides.
    pub fn findings(&self) -> Vec<Finding> {
        self.gates.iter().flat_map(Evaluated::findings).chain(self.besides.iter().cloned()).collect()
    }

    /// Whether any gate stands in the way, or anything besides.
    pub fn refuses(&self) -> bool {
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        self.gates.iter().any(Evaluated::refuses) || self.besides.iter().any(is_error)
    }

    /// The gates that were waived, and by what, in the order of the policy.
    pub fn waived(&self) -> Vec<(String, Waived)> {
        let waived = |one: &Evaluated<'_>| Some((one.gate.id.clone(), one.waiver.clone()?));
        self.gates.iter().filter_map(waived).collect()
    }

    /// How many ended like this.
    pub fn count(&self, status: Status) -> usize {
        self.gates.iter().filter(|gate| gate.status() == status).count()
    }
}
