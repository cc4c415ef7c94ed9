//! The gates of a release as a SLSA verification summary, v1: <https://slsa.dev/spec/v1.0/verification_summary>.
//!
//! What the standard has no field for stands under [`EXTENSION`], as in-toto asks of extensions. The summary of stage
//! `seal` is a tag file, and like every tag file it holds no clock reading: evidence and bounds have times, the
//! evaluation has its own in the receipt. Those of later stages lie beside the pack, and say when they were made.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::seal::SEAL_SUBJECT;
use crate::format::statement::{DigestSet, Predicate, Statement, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of our part of the predicate.
pub const EXTENSION: &str = "urn:attestar:gates:v1";

/// `verifier.id`: this program, by name; the signature says whose it was.
pub const VERIFIER: &str = "urn:attestar:verifier";

/// What `resourceUri` begins with; the pack's name follows.
pub const RESOURCE: &str = "urn:attestar:pack:";

/// Predicate `https://slsa.dev/verification_summary/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VerificationSummary {
    /// Who evaluated.
    pub verifier: Verifier,
    /// When it was evaluated; absent at stage `seal`, whose time stands in the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_timestamp")]
    pub time_verified: Option<Timestamp>,
    /// What was evaluated: `urn:attestar:pack:NAME`.
    pub resource_uri: String,
    /// By which policy.
    pub policy: PolicyDigest,
    /// What it came to.
    pub verification_result: VerificationResult,
    /// Always empty: no SLSA level is claimed.
    pub verified_levels: Vec<String>,
    /// The gates themselves.
    #[serde(rename = "urn:attestar:gates:v1")]
    pub gates: Gates,
}

/// Who evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    /// [`VERIFIER`].
    pub id: String,
    /// Its version.
    pub version: Version,
}

/// The version of what evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// As `attestar --version` prints it.
    pub attestar: String,
}

/// The policy as the standard names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDigest {
    /// `urn:attestar:policy:NAME`.
    pub uri: String,
    /// The digest of its text.
    pub digest: DigestSet,
}

/// What the whole came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VerificationResult {
    /// Every gate that refuses passed, was waived, or does not apply.
    Passed,
    /// At least one failed.
    Failed,
}

/// Every gate of one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// Whose release.
    pub project: String,
    /// Always a release.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// The stage that was evaluated.
    pub stage: String,
    /// The commit, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// In the order of the policy.
    pub gates: Vec<Gate>,
}

/// One gate and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its id in the policy.
    pub id: String,
    /// Its kind.
    pub check: String,
    /// `passed`, `failed`, `waived` or `skipped`.
    pub status: String,
    /// `error` or `warning`.
    pub severity: String,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The files it read, with their digests, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Subject>,
    /// What the program of a `command` gate printed, masked; what is not UTF-8 in it replaced by U+FFFD. Its digest stands
    /// in `evidence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What was wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The waiver that lifted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
}

/// One thing that was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The file, line or name it is about.
    pub subject: String,
    /// What should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

/// A waiver, by what matters of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waived {
    /// The role that waived.
    pub role: String,
    /// The key that signed.
    pub key_id: String,
    /// Why.
    pub reason: String,
    /// Until when it lifts the gate.
    #[serde(with = "json::timestamp")]
    pub until: Timestamp,
    /// The digest of the signed waiver.
    #[serde(with = "json::sha256")]
    pub sha256: Sha256,
}

impl VerificationSummary {
    /// As a statement about the manifest of the payload.
    pub fn over(self, manifest: Sha256) -> Statement<VerificationSummary> {
        Statement::new(vec![Subject::new("manifest-sha256.txt", manifest)], self)
    }

    /// As a statement about a pack that was sealed before: the tag manifest stands for all of it.
    pub fn over_sealed(self, tag_manifest: Sha256) -> Statement<VerificationSummary> {
        Statement::new(vec![Subject::new(SEAL_SUBJECT, tag_manifest)], self)
    }
}

impl Predicate for VerificationSummary {
    const TYPE: &'static str = "https://slsa.dev/verification_summary/v1";

    fn project(&self) -> &str {
        &self.gates.project
    }

    fn kind(&self) -> Kind {
        self.gates.kind
    }

    fn signed_at(&self) -> Option<Timestamp> {
        self.time_verified
    }
}
