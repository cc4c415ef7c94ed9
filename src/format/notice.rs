//! What is told of a run that did not end well: the body of a webhook, and what a command gets on its input.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::json;

/// The value of `schema`.
pub const SCHEMA: &str = "attestar/notice/v1";

/// The most findings of a notice; the rest is counted.
pub const FINDINGS_MAX: usize = 50;

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whose run.
    pub project: String,
    /// The policy's name.
    pub policy: String,
    /// The host, as it calls itself; null if it does not.
    pub host: Option<String>,
    /// `backup`, `backup-verify`, `backup-verify-shard`, `prune` or `drill`.
    pub command: String,
    /// The exit code.
    pub exit_code: u8,
    /// The same in a word: `done`, `failed`, `refuted`, `refused`, `unverified`, `interrupted`.
    pub outcome: String,
    /// When it ended.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// 32 hex digits: the same in every log line of the run, and in its report.
    pub trace_id: String,
    /// One line for people.
    pub summary: String,
    /// The error that ended it, if one did.
    pub error: Option<String>,
    /// The store, where that is known.
    pub store: Option<String>,
    /// The report's name in the store, if there is one.
    pub report: Option<String>,
    /// What was found, the first of it.
    pub findings: Vec<NoticeFinding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

/// A finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeFinding {
    /// Its stable code.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// What it is about.
    pub subject: String,
    /// What was signed, listed or required; null where nothing is to be said.
    pub expected: Option<String>,
    /// What was found; null where nothing is to be said.
    pub actual: Option<String>,
}

impl Notice {
    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}
