//! An approval: the signed word of somebody in a role that one sealed release may go. It comes after the archive, so it
//! lies beside it, and it is of one seal: of another one, even of the same version, it says nothing.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::seal::SEAL_SUBJECT;
use crate::format::statement::{Predicate, Statement, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Predicate `urn:attestar:approval:v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Whose release.
    pub project: String,
    /// Always a release.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// The role that approves.
    pub role: String,
    /// The digest of the seal's bundle file.
    #[serde(with = "json::sha256")]
    pub seal_sha256: Sha256,
    /// When it was approved. The signer's key is judged by this time.
    #[serde(with = "json::timestamp")]
    pub approved_at: Timestamp,
}

impl Approval {
    /// The statement to sign: this approval of what the tag manifest closes.
    pub fn over(self, tag_manifest: Sha256) -> Statement<Approval> {
        Statement::new(vec![Subject::new(SEAL_SUBJECT, tag_manifest)], self)
    }
}

impl Predicate for Approval {
    const TYPE: &'static str = "urn:attestar:approval:v1";

    fn project(&self) -> &str {
        &self.project
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn signed_at(&self) -> Option<Timestamp> {
        Some(self.approved_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_reads_back_and_tells_its_time() {
        let zero = "0".repeat(64);
        let json = format!(
            r#"{{"project":"shop","kind":"release","version":"1.0.0","role":"qa","seal_sha256":"{zero}","approved_at":"2026-11-20T14:02:00Z"}}"#
        );
        let approval: Approval = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&approval).unwrap(), json);
        assert_eq!(approval.signed_at(), Some("2026-11-20T14:02:00Z".parse().unwrap()));
        assert!(serde_json::from_str::<Approval>(&json.replace("\"role\":\"qa\",", "")).is_err());
        let statement = approval.over(Sha256([1; 32]));
        assert_eq!(statement.subject[0].name, "tagmanifest-sha256.txt");
    }
}
