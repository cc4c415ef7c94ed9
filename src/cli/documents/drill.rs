//! The document of `drill --json`.

use super::OutcomeDocument;
use attestar::format::drill_report::DrillReport;
use schemars::JsonSchema;
use serde::Serialize;

/// `drill --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/drill/v1")]
pub struct DrillDocument {
    /// `attestar/drill/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The files on this host: report, signature, JUnit, page.
    pub files: Vec<String>,
    /// The scratch, if it was kept.
    pub kept: Option<String>,
    /// How many leaves the store's log has now; null if the drill could not be logged.
    pub log_size: Option<u64>,
    /// Why not all of the files could be written on this host.
    pub not_written: Option<String>,
    /// Why it could not be logged.
    pub not_logged: Option<String>,
    /// The report, as it was written and signed.
    pub report: DrillReport,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}
