//! `gate --json`

use attestar::finding::{Code, Finding, Severity};
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
    /// With `--pack`: the pack's name, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// With `--key`: where the signed result lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
    /// What was found of the pack, the policy and the tree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
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
