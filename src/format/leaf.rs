//! Leaves of a store's log: one an event, with the digest of the statement that somebody signed of it.

use crate::format::digest::Sha256;
use crate::format::json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name of a project or a pack, in bytes: project, dash, version, and some room.
const NAME_BYTES_MAX: usize = 200;

/// What happened.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A release was sealed; its event is the archive's receipt.
    Sealed,
    /// A backup was made; its event is the archive's receipt.
    BackedUp,
    /// A backup in which nothing had changed: it stands for the archive that the leaf names.
    Unchanged,
    /// Archives were read again.
    Verified,
    /// A restore drill was run.
    Drilled,
    /// A release was approved.
    Approved,
    /// A gate was waived.
    Waived,
    /// The gates of a stage were evaluated.
    Gated,
    /// An archive was deleted by policy.
    Pruned,
}

impl What {
    /// Every kind of leaf.
    pub const ALL: [What; 9] = [
        What::Sealed,
        What::BackedUp,
        What::Unchanged,
        What::Verified,
        What::Drilled,
        What::Approved,
        What::Waived,
        What::Gated,
        What::Pruned,
    ];

    /// As it stands in leaves.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Sealed => "sealed",
            What::BackedUp => "backed-up",
            What::Unchanged => "unchanged",
            What::Verified => "verified",
            What::Drilled => "drilled",
            What::Approved => "approved",
            What::Waived => "waived",
            What::Gated => "gated",
            What::Pruned => "pruned",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One leaf: compact JSON, fields in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// What happened.
    #[serde(rename = "type")]
    pub what: What,
    /// Whose project.
    pub project: String,
    /// The name of the pack that it is about.
    pub name: String,
    /// When it happened, as its statement says; where that says nothing, when it was logged.
    #[serde(with = "json::timestamp")]
    pub time: Timestamp,
    /// The digest of the signed statement: `events/DIGEST.sigstore.json` of the store.
    #[serde(with = "json::sha256")]
    pub event: Sha256,
}

/// Why an entry is no leaf of ours.
#[derive(Debug, thiserror::Error)]
pub enum LeafFault {
    /// Not its JSON, or a field is missing, unknown, doubled or malformed.
    #[error("not a leaf: {0}")]
    Json(#[from] serde_json::Error),
    /// Not byte for byte as it is written, or a name that nothing can have.
    #[error("not a leaf in canonical form")]
    NotCanonical,
}

impl Leaf {
    /// Reads an entry, which must be byte for byte as it is written.
    pub fn parse(entry: &[u8]) -> Result<Leaf, LeafFault> {
        let leaf: Leaf = serde_json::from_slice(entry)?;
        let names = [&leaf.project, &leaf.name];
        let fits = names.iter().all(|name| is_name(name)) && leaf.to_bytes() == entry;
        if fits { Ok(leaf) } else { Err(LeafFault::NotCanonical) }
    }

    /// The entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings always serialise")
    }

    /// Where its statement lies in the store.
    pub fn event_path(&self) -> String {
        event_path(self.event)
    }
}

/// Where the statement of a digest lies in a store.
pub fn event_path(event: Sha256) -> String {
    format!("events/{event}.sigstore.json")
}

/// What project and pack names are made of; they become parts of paths.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Leaf {
        Leaf {
            what: What::BackedUp,
            project: "shop".into(),
            name: "shop-20261120T010002Z".into(),
            time: "2026-11-20T01:00:02Z".parse().unwrap(),
            event: Sha256([0; 32]),
        }
    }

    #[test]
    fn a_leaf_has_one_form() {
        let zero = "0".repeat(64);
        let text = format!(
            r#"{{"type":"backed-up","project":"shop","name":"shop-20261120T010002Z","time":"2026-11-20T01:00:02Z","event":"{zero}"}}"#
        );
        assert_eq!(String::from_utf8(leaf().to_bytes()).unwrap(), text);
        assert_eq!(Leaf::parse(text.as_bytes()).unwrap(), leaf());
        assert_eq!(leaf().event_path(), format!("events/{zero}.sigstore.json"));
        for (from, to) in [
            ("{\"type\"", "{ \"type\""),
            ("\"backed-up\"", "\"backedup\""),
            ("}", ",\"more\":1}"),
            ("}", "}\n"),
            ("shop\",\"name", "\\u0073hop\",\"name"),
            ("\"shop\"", "\"../shop\""),
            ("\"shop\"", "\"\""),
            ("shop-2026", "shop/2026"),
            ("02Z\",\"event", "02+00:00\",\"event"),
            ("00000000\"}", "0000000A\"}"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(Leaf::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
    }

    #[test]
    fn every_kind_of_leaf_reads_back() {
        for what in What::ALL {
            let leaf = Leaf { what, ..leaf() };
            assert_eq!(Leaf::parse(&leaf.to_bytes()).unwrap(), leaf);
            assert!(String::from_utf8(leaf.to_bytes()).unwrap().contains(&format!("\"{what}\"")));
        }
    }
}
