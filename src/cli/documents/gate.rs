//! `gate --json`

use attestar::finding::{Code, Finding, Severity};
use attestar::format::gates::Waived;
use attestar::policy::gate::Status;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// `gate --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/gate/v1")]
pub struct GateDocument {
    /// `attestar/gate/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// `seal`, `promote` or `close`.
    pub stage: &'static str,
    /// Each gate, in the order of the policy; none if the pack does not verify.
    pub gates: Vec<OneGate>,
    /// With `--pack`: the pack's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// With `--key`: where the signed result lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
    /// The store that has the result too, if the release was published there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
    /// Why it does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_stored: Option<String>,
    /// What else there is to say: of the pack, of policy and tree, of waivers that do not count.
    pub findings: Vec<Finding>,
}

/// How many gates ended how.
#[derive(Serialize, JsonSchema)]
pub struct GateTotals {
    /// Those that hold.
    pub passed: u64,
    /// Those that do not, and only warn.
    pub failed: u64,
    /// Those that do not, and were waived.
    pub waived: u64,
    /// Those that do not apply.
    pub skipped: u64,
}

/// One gate and what it came to.
#[derive(Serialize, JsonSchema)]
pub struct OneGate {
    /// Its id in the policy.
    pub id: String,
    /// Its kind.
    pub check: &'static str,
    /// The code of what it finds.
    pub code: Code,
    /// Whether it refuses.
    pub severity: Severity,
    /// How it ended.
    pub status: Status,
    /// The same in words.
    pub detail: String,
    /// The files it read, with their SHA-256.
    pub evidence: BTreeMap<String, String>,
    /// What a program printed that was run for it, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What is wrong.
    pub faults: Vec<FaultDocument>,
    /// The waiver that lifts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaivedDocument>,
}

/// A waiver that lifts a gate.
#[derive(Serialize, JsonSchema)]
pub struct WaivedDocument {
    /// The role that waived.
    pub role: String,
    /// The key that signed, as in bundles.
    pub key_id: String,
    /// Why.
    pub reason: String,
    /// Until when it lifts the gate.
    pub until: String,
    /// The digest of the signed waiver.
    pub sha256: String,
}

impl WaivedDocument {
    /// The document of what the record says.
    pub fn new(waived: &Waived) -> WaivedDocument {
        WaivedDocument {
            role: waived.role.clone(),
            key_id: waived.key_id.clone(),
            reason: waived.reason.clone(),
            until: waived.until.to_string(),
            sha256: waived.sha256.to_string(),
        }
    }
}

/// One thing that is wrong.
#[derive(Serialize, JsonSchema)]
pub struct FaultDocument {
    /// The file, line or name it is about.
    pub subject: String,
    /// What should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}
