//! `waive --json` and `approve --json`

use schemars::JsonSchema;
use serde::Serialize;

/// `waive --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/waive/v1")]
pub struct WaiveDocument {
    /// `attestar/waive/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// Where the waiver lies.
    pub waiver: String,
    /// Its digest.
    pub sha256: String,
    /// The gate.
    pub gate: String,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// The commit; nothing without git.
    pub commit: Option<String>,
    /// The policy's name.
    pub policy: String,
    /// The digest of its text.
    pub policy_sha256: String,
    /// The role that waived.
    pub role: String,
    /// Who signed, as a fingerprint.
    pub signer: String,
    /// Why.
    pub reason: String,
    /// Until when it lifts the gate.
    pub until: String,
}

/// `approve --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/approve/v1")]
pub struct ApproveDocument {
    /// `attestar/approve/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The pack's name.
    pub name: String,
    /// Where the approval lies.
    pub approval: String,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// The role that approved.
    pub role: String,
    /// Who signed, as a fingerprint.
    pub signer: String,
    /// The digest of the seal's bundle.
    pub seal_sha256: String,
    /// When it was approved.
    pub approved_at: String,
    /// Whether it had been approved by this key before, so that nothing was written.
    pub already: bool,
    /// The store that has the approval too, if the release was published there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
    /// Why it does not have it.
    pub not_stored: Option<String>,
}
