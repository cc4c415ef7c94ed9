//! The receipt: the signed statement about an archive's ciphertext, checkable by who cannot decrypt it.
//!
//! age authenticates no sender, so anyone who knows the recipients can replace an archive whole; the receipt
//! is what such an archive does not have. It also says when, which the seal does not.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::seal::Totals;
use crate::format::statement::{Predicate, Statement, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Predicate `urn:attestar:receipt:v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The project that was sealed.
    pub project: String,
    /// Release or backup.
    pub kind: Kind,
    /// Its version; for a backup, the time in its name.
    pub version: String,
    /// The pack's name.
    pub name: String,
    /// The size of the archive's ciphertext.
    pub size_bytes: u64,
    /// The digest of the seal's bundle file.
    #[serde(with = "json::sha256")]
    pub seal_sha256: Sha256,
    /// The digest of the pack's tag manifest.
    #[serde(with = "json::sha256")]
    pub tagmanifest_sha256: Sha256,
    /// How much payload the pack lists.
    pub payload: Totals,
    /// How many recipients can decrypt; 0 where the archive is not encrypted.
    pub recipients: u32,
    /// The archives that hold files which this one does not, in the order of their names.
    pub bases: Vec<Base>,
    /// When the gates and the policy were evaluated.
    #[serde(with = "json::timestamp")]
    pub evaluated_at: Timestamp,
    /// When the archive was made. The signer's key is judged by this time.
    #[serde(with = "json::timestamp")]
    pub created_at: Timestamp,
}

/// An archive that an incremental one needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// The name of its pack.
    pub name: String,
    /// The digest of its ciphertext.
    #[serde(with = "json::sha256")]
    pub sha256: Sha256,
}

impl Receipt {
    /// The statement to sign: this receipt for the archive of this file name and digest.
    pub fn for_archive(self, file_name: impl Into<String>, sha256: Sha256) -> Statement<Receipt> {
        Statement::new(vec![Subject::new(file_name, sha256)], self)
    }
}

impl Predicate for Receipt {
    const TYPE: &'static str = "urn:attestar:receipt:v1";

    fn project(&self) -> &str {
        &self.project
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn signed_at(&self) -> Option<Timestamp> {
        Some(self.created_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_and_takes_one_spelling_of_time() {
        let zero = "0".repeat(64);
        let json = format!(
            r#"{{"project":"p","kind":"backup","version":"v","name":"n","size_bytes":7,"seal_sha256":"{zero}","tagmanifest_sha256":"{zero}","payload":{{"files":1,"bytes":2}},"recipients":2,"bases":[{{"name":"b","sha256":"{zero}"}}],"evaluated_at":"2026-11-20T14:02:00Z","created_at":"2026-11-20T14:02:01.5Z"}}"#
        );
        let receipt: Receipt = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&receipt).unwrap(), json);
        assert_eq!(receipt.signed_at(), Some("2026-11-20T14:02:01.5Z".parse().unwrap()));
        for other in ["2026-11-20T15:02:00+01:00", "2026-11-20 14:02:00Z", "2026-11-20", "now"] {
            let refused = serde_json::from_str::<Receipt>(&json.replace("2026-11-20T14:02:00Z", other));
            assert!(refused.unwrap_err().to_string().contains("RFC 3339"), "{other}");
        }
    }
}
