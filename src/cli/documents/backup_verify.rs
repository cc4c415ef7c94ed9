//! What `backup-verify` says as JSON.

use attestar::format::verify_report::VerifyReport;
use schemars::JsonSchema;
use serde::Serialize;

/// `backup-verify --json`: the report as it lies in the store, and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/verify_report/v1")]
pub struct BackupVerifyDocument {
    /// The report.
    #[serde(flatten)]
    pub report: VerifyReport,
    /// The process's exit code; not in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// Where it was put; not in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordedDocument>,
}

/// Where a report was put.
#[derive(Serialize, JsonSchema)]
pub struct RecordedDocument {
    /// Its name in the store.
    pub report: String,
    /// How many leaves the log has with that of this check; null for a shard, or where the log does not hold.
    pub log_size: Option<u64>,
}
