//! `publish --json` and `copy --json`

use super::OutcomeDocument;
use attestar::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// `publish --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/publish/v1")]
pub struct PublishDocument {
    /// `attestar/publish/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The pack's name.
    pub name: String,
    /// Where it was published.
    pub stores: Vec<PublishedDocument>,
    /// What lies beside the seal and was not published.
    pub left_out: Vec<Finding>,
    /// What it came to when it was verified.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// A store that has the release now.
#[derive(Serialize, JsonSchema)]
pub struct PublishedDocument {
    /// The store.
    pub store: String,
    /// The folder in it.
    pub folder: String,
    /// How many objects are new there.
    pub created: u64,
    /// How many were there before.
    pub already: u64,
    /// How many leaves are new in the log.
    pub leaves_added: u64,
    /// How many of the release's leaves were in it before.
    pub leaves_already: u64,
    /// How many leaves the log has.
    pub log_size: u64,
}

/// `copy --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/copy/v1")]
pub struct CopyDocument {
    /// `attestar/copy/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The pack's name.
    pub name: String,
    /// Where it comes from.
    pub from: String,
    /// Where the copy lies.
    pub to: String,
    /// How many objects are new there.
    pub created: u64,
    /// How many were there before, and are the same.
    pub already: u64,
    /// Their bytes, all read again.
    pub bytes: u64,
    /// What the copy came to when it was verified.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}
