//! The signed word on a restore drill: in-toto test-result v0.1.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>. What the standard has no field for
//! stands under [`EXTENSION`]. Subjects are the archive and the drill's report.

use crate::format::json;
use crate::format::kind::Kind;
use crate::format::statement::{Predicate, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of our part of the predicate.
pub const EXTENSION: &str = "urn:attestar:drill:v1";

/// Predicate `https://in-toto.io/attestation/test-result/v0.1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestResult {
    /// What it came to.
    pub result: Result,
    /// What it was run by: the policy, with its digest.
    pub configuration: Vec<Subject>,
    /// Which drill.
    #[serde(rename = "urn:attestar:drill:v1")]
    pub drill: Drill,
}

/// What a test came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Result {
    /// Everything held.
    Passed,
    /// Everything that must hold did.
    Warned,
    /// Something did not.
    Failed,
}

/// Which drill it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Whose project.
    pub project: String,
    /// What was restored.
    pub kind: Kind,
    /// The pack that was restored.
    pub name: String,
    /// The drill's id, as its report has it.
    pub drill_id: String,
    /// When it ended. The signer's key is judged by this time.
    #[serde(with = "json::timestamp")]
    pub finished_at: Timestamp,
}

impl Predicate for TestResult {
    const TYPE: &'static str = "https://in-toto.io/attestation/test-result/v0.1";

    fn project(&self) -> &str {
        &self.drill.project
    }

    fn kind(&self) -> Kind {
        self.drill.kind
    }

    fn signed_at(&self) -> Option<Timestamp> {
        Some(self.drill.finished_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_reads_back() {
        let zero = "0".repeat(64);
        let json = format!(
            r#"{{"result":"PASSED","configuration":[{{"name":"policy.toml","digest":{{"sha256":"{zero}"}}}}],"{EXTENSION}":{{"project":"shop","kind":"backup","name":"shop-1","drill_id":"a","finished_at":"2026-11-20T03:00:00Z"}}}}"#
        );
        let result: TestResult = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&result).unwrap(), json);
        assert_eq!((result.result, result.project()), (Result::Passed, "shop"));
    }
}
