//! What `prune` says as JSON.

use crate::cli::documents::OutcomeDocument;
use attestar::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// `prune --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/prune/v1")]
pub struct PruneDocument {
    /// `attestar/prune/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The project whose archives were judged.
    pub project: String,
    /// The store.
    pub store: String,
    /// Whether nothing was to be deleted.
    pub dry_run: bool,
    /// The archives that stay, the oldest first.
    pub kept: Vec<KeptDocument>,
    /// The archives that were deleted; of a dry run, those that would be.
    pub pruned: Vec<PrunedDocument>,
    /// The objects that an earlier run had logged as pruned and not deleted, and are gone now; of a dry run, those that would
    /// be.
    pub completed: Vec<String>,
    /// How many leaves the store's log has now; null if nothing was logged.
    pub log_size: Option<u64>,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
    /// How the log verified: unless it holds, nothing is deleted.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// An archive that stays.
#[derive(Serialize, JsonSchema)]
pub struct KeptDocument {
    /// The pack's name.
    pub name: String,
    /// `release` or `backup`.
    pub kind: &'static str,
    /// When it was made.
    pub time: String,
    /// Its size in the store, with what belongs to it.
    pub bytes: u64,
    /// Why: `everything`, `min-age`, `last`, `daily`, `weekly`, `monthly`, `yearly`, `newest`, `verified`, `drilled`, `future`,
    /// `locked` or `needed`.
    pub why: &'static str,
    /// The same with what there is to say: until when it is locked, by which archive it is needed.
    pub detail: String,
}

/// An archive that was deleted.
#[derive(Serialize, JsonSchema)]
pub struct PrunedDocument {
    /// The pack's name.
    pub name: String,
    /// `release` or `backup`.
    pub kind: &'static str,
    /// When it was made.
    pub time: String,
    /// Its size in the store, with what belonged to it.
    pub bytes: u64,
}
