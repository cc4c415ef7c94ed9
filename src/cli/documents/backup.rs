//! What `backup` says as JSON.

use crate::cli::documents::Totals;
use attestar::finding::Finding;
use attestar::format::class::Class;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// `backup --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/backup/v1")]
pub struct BackupDocument {
    /// `attestar/backup/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// What there is now: everything in one archive, an archive that needs earlier ones, or none, as nothing had changed.
    pub result: BackupResult,
    /// `{project}-{time}`; where nothing had changed, the one that stands for this.
    pub name: String,
    /// The project.
    pub project: String,
    /// The policy's name.
    pub policy: String,
    /// The digest of its text.
    pub policy_sha256: String,
    /// The store.
    pub store: String,
    /// The archive's file name in it, under `archives/`.
    pub archive: String,
    /// Its digest.
    pub archive_sha256: String,
    /// Its size.
    pub archive_bytes: u64,
    /// Who signed, as a fingerprint.
    pub signer: String,
    /// How many recipients can decrypt; 0 if it is not encrypted.
    pub recipients: usize,
    /// What was backed up.
    pub payload: Totals,
    /// The same by class; empty where nothing had changed.
    pub classes: BTreeMap<Class, Totals>,
    /// Why everything was kept anew, where that is worth saying.
    pub why_full: Option<String>,
    /// The archives that it needs, by name.
    pub bases: Vec<String>,
    /// What earlier archives hold of the payload.
    pub referred: Totals,
    /// What was captured of live databases; empty where nothing had changed.
    pub captures: Vec<CapturedDocument>,
    /// How many leaves the store's log has now.
    pub log_size: u64,
    /// How many files and links match no rule.
    pub unmatched: u64,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
}

/// What a backup came to.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackupResult {
    /// Everything is in the archive.
    Full,
    /// Earlier archives hold the rest.
    Incremental,
    /// Nothing had changed, and nothing was written but a leaf of the log.
    Unchanged,
}

/// A capture.
#[derive(Serialize, JsonSchema)]
pub struct CapturedDocument {
    /// Its id.
    pub id: String,
    /// `sqlite`, `duckdb`, `postgres` or `command`.
    pub kind: String,
    /// What made the copy, with its version.
    pub tool: String,
    /// The server, where there is one.
    pub server: Option<String>,
    /// How many tables it has.
    pub tables: u64,
    /// How many rows they have in all.
    pub rows: u64,
}
