//! The signed word on archives that were read again: in-toto test-result v0.1.
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>. What the standard has no field for
//! stands under [`EXTENSION`]. Subjects are the archives that were read to their end and hold, and the report; an archive
//! that does not hold is none, so nobody takes it as read.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::statement::{Predicate, Statement, Subject};
use crate::format::test_result::Result;
use crate::format::verify_report::Depth;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of our part of the predicate. That of a drill is another, so neither passes for the other.
pub const EXTENSION: &str = "urn:attestar:verify:v1";

/// Predicate `https://in-toto.io/attestation/test-result/v0.1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyResult {
    /// What it came to.
    pub result: Result,
    /// What it was run by: the policy, with its digest.
    pub configuration: Vec<Subject>,
    /// Which check.
    #[serde(rename = "urn:attestar:verify:v1")]
    pub check: Checked,
}

/// Which check it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Whose project.
    pub project: String,
    /// What the archives are.
    pub kind: Kind,
    /// The newest backup; the project, where there is none, and of a shard.
    pub name: String,
    /// How deep archives were read.
    pub depth: Depth,
    /// Whether a part was asked for, such as the newest alone: then it is no rhythm by which every byte is read again. Absent
    /// if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// When it began. The archives count as read at this time: not one was read before it.
    #[serde(with = "json::timestamp")]
    pub started_at: Timestamp,
    /// When it ended. The signer's key is judged by this time.
    #[serde(with = "json::timestamp")]
    pub finished_at: Timestamp,
}

impl VerifyResult {
    /// The statement to sign: of these archives, by file name and digest, and of the report.
    pub fn over(
        self,
        archives: impl IntoIterator<Item = (String, Sha256)>,
        report: (String, Sha256),
    ) -> Statement<VerifyResult> {
        let subjects = archives.into_iter().chain([report]);
        Statement::new(subjects.map(|(name, sha256)| Subject::new(name, sha256)).collect(), self)
    }
}

impl Predicate for VerifyResult {
    const TYPE: &'static str = "https://in-toto.io/attestation/test-result/v0.1";

    fn project(&self) -> &str {
        &self.check.project
    }

    fn kind(&self) -> Kind {
        self.check.kind
    }

    fn signed_at(&self) -> Option<Timestamp> {
        Some(self.check.finished_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::test_result::TestResult;

    #[test]
    fn a_result_reads_back_and_is_no_drill() {
        let zero = "0".repeat(64);
        let json = format!(
            r#"{{"result":"PASSED","configuration":[{{"name":"policy.toml","digest":{{"sha256":"{zero}"}}}}],"{EXTENSION}":{{"project":"shop","kind":"backup","name":"shop-1","depth":"files","started_at":"2026-11-20T03:00:00Z","finished_at":"2026-11-20T03:00:09Z"}}}}"#
        );
        let result: VerifyResult = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&result).unwrap(), json);
        let partial = json.replace("\"files\"", "\"files\",\"partial\":true");
        let read: VerifyResult = serde_json::from_str(&partial).unwrap();
        assert!(read.check.partial && !result.check.partial);
        assert_eq!(serde_json::to_string(&read).unwrap(), partial);
        assert_eq!(result.signed_at(), Some("2026-11-20T03:00:09Z".parse().unwrap()));
        assert!(serde_json::from_str::<TestResult>(&json).is_err());
        let archive = ("shop-1.tar.zst.age".to_owned(), Sha256([1; 32]));
        let statement = result.over([archive], ("report.json".to_owned(), Sha256([2; 32])));
        assert_eq!(Statement::<VerifyResult>::parse(&statement.to_bytes()).unwrap(), statement);
        assert_eq!(statement.subject.len(), 2);
    }
}
