//! An outcome as a document: its checks, and everything that they found.

use crate::finding::{Check, Finding, Outcome, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

/// A finding, and the check that found it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FoundBy {
    /// The check's name.
    pub check: &'static str,
    /// What it found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The checks of an outcome.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OutcomeDocument {
    /// What the whole comes to.
    pub verdict: Verdict,
    /// Each check in order.
    pub checks: Vec<Check>,
    /// Everything found, in the order of the checks.
    pub findings: Vec<FoundBy>,
    /// What is worth saying besides.
    pub notes: Vec<Finding>,
}

impl OutcomeDocument {
    /// The document of an outcome.
    pub fn new(outcome: &Outcome) -> OutcomeDocument {
        let found = outcome.checks.iter().flat_map(|check| {
            check.findings.iter().map(|finding| FoundBy { check: check.name, finding: finding.clone() })
        });
        OutcomeDocument {
            verdict: outcome.verdict(),
            checks: outcome.checks.clone(),
            findings: found.collect(),
            notes: outcome.notes.clone(),
        }
    }
}
