//! `log … --json`

use super::OutcomeDocument;
use attestar::format::leaf::{Leaf, What};
use schemars::JsonSchema;
use serde::Serialize;

/// A leaf.
#[derive(Serialize, JsonSchema)]
pub struct LeafDocument {
    /// Its place in the log, from 0.
    pub index: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub what: What,
    /// The project.
    pub project: String,
    /// The pack that it is about.
    pub name: String,
    /// When it happened.
    pub time: String,
    /// The digest of the signed statement.
    pub event: String,
}

impl LeafDocument {
    /// The document of a leaf.
    pub fn new(index: u64, leaf: &Leaf) -> LeafDocument {
        LeafDocument {
            index,
            what: leaf.what,
            project: leaf.project.clone(),
            name: leaf.name.clone(),
            time: leaf.time.to_string(),
            event: leaf.event.to_string(),
        }
    }
}

/// `log list --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/log_list/v1")]
pub struct LogListDocument {
    /// `attestar/log_list/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The store.
    pub store: String,
    /// The log's origin.
    pub origin: String,
    /// The root of its tree.
    pub root: String,
    /// Who signed the checkpoint, as a fingerprint.
    pub signer: String,
    /// Every leaf, in order.
    pub leaves: Vec<LeafDocument>,
}

/// `log verify --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/log_verify/v1")]
pub struct LogVerifyDocument {
    /// `attestar/log_verify/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The store.
    pub store: String,
    /// How many leaves the log has; null unless it is whole.
    pub leaves: Option<u64>,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// `log prove --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/log_prove/v1")]
pub struct LogProveDocument {
    /// `attestar/log_prove/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The store.
    pub store: String,
    /// The proof file.
    pub proof: String,
    /// How many leaves the checkpoint in it has.
    pub size: u64,
    /// What is proven.
    pub leaf: LeafDocument,
}
