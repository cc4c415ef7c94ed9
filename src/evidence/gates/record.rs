//! What the gates came to, as the pack keeps it: `attestations/gates.sigstore.json`.

use crate::evidence::gates::{Evaluated, Evaluation};
use crate::finding::Severity;
use crate::format::gates::{
    self, Gates, PolicyDigest, RESOURCE, VERIFIER, VerificationResult, VerificationSummary, Verifier, Version,
};
use crate::format::kind::Kind;
use crate::format::statement::{DigestSet, Subject};
use crate::policy::Policy;
use crate::policy::gate::Status;
use jiff::Timestamp;

/// Where the record lies in a pack.
pub const GATES: &str = "attestations/gates.sigstore.json";

/// What a record is about.
pub struct About<'a> {
    /// The policy whose gates they are.
    pub policy: &'a Policy,
    /// The pack's name.
    pub pack: &'a str,
    /// The project.
    pub project: &'a str,
    /// The version.
    pub version: &'a str,
    /// The commit that was sealed.
    pub commit: Option<&'a str>,
    /// When it was evaluated; only where the record is no tag file.
    pub time_verified: Option<Timestamp>,
}

impl About<'_> {
    /// The record of an evaluation.
    pub fn summary(&self, evaluation: &Evaluation<'_>) -> VerificationSummary {
        let verification_result =
            if evaluation.refuses() { VerificationResult::Failed } else { VerificationResult::Passed };
        VerificationSummary {
            verifier: Verifier {
                id: VERIFIER.to_owned(),
                version: Version { attestar: env!("CARGO_PKG_VERSION").to_owned() },
            },
            time_verified: self.time_verified,
            resource_uri: format!("{RESOURCE}{}", self.pack),
            policy: PolicyDigest {
                uri: format!("urn:attestar:policy:{}", self.policy.name),
                digest: DigestSet { sha256: self.policy.sha256 },
            },
            verification_result,
            verified_levels: Vec::new(),
            gates: Gates {
                project: self.project.to_owned(),
                kind: Kind::Release,
                version: self.version.to_owned(),
                stage: evaluation.stage.to_string(),
                commit: self.commit.map(str::to_owned),
                gates: evaluation.gates.iter().map(gate).collect(),
            },
        }
    }
}

fn gate(evaluated: &Evaluated<'_>) -> gates::Gate {
    let Evaluated { gate, judged, waiver } = evaluated;
    let mut evidence: Vec<Subject> =
        judged.read.iter().map(|(path, sha256)| Subject::new(path, *sha256)).collect();
    evidence.sort();
    evidence.dedup();
    let fault = |fault: &crate::policy::gate::judged::Fault| gates::Fault {
        subject: fault.subject.clone(),
        expected: fault.expected.clone(),
        actual: fault.actual.clone(),
    };
    gates::Gate {
        id: gate.id.clone(),
        check: gate.kind.name.to_owned(),
        status: evaluated.status().as_str().to_owned(),
        severity: if gate.severity == Severity::Error { "error" } else { "warning" }.to_owned(),
        reason: (judged.status == Status::Skipped).then(|| judged.detail.clone()),
        evidence,
        output: judged.output.as_ref().map(|output| String::from_utf8_lossy(&output.bytes).into_owned()),
        faults: judged.faults.iter().map(fault).collect(),
        waiver: waiver.clone(),
    }
}
