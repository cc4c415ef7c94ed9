//! `report --json` and `serve --json`

use attestar::finding::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// What a page is about.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// An archive, a pack or another bag.
    Pack,
    /// A store.
    Store,
}

/// `report --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/report/v1")]
pub struct ReportDocument {
    /// `attestar/report/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// What the page is about.
    pub of: Of,
    /// The archive, pack or store.
    pub target: String,
    /// The page.
    pub out: String,
    /// Its size.
    pub bytes: u64,
    /// What the checks on it came to.
    pub verdict: Verdict,
}

/// `serve --json`, once it has ended
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/serve/v1")]
pub struct ServeDocument {
    /// `attestar/serve/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The store.
    pub store: String,
    /// Where it answered: `127.0.0.1:7878`.
    pub address: String,
    /// How many requests there were.
    pub requests: u64,
}
