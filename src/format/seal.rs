//! The seal: the signed statement that closes a pack. Its subject is the tag manifest, which lists every
//! other tag file, which list every payload file; so nothing can be added, changed or dropped unseen.
//!
//! It holds no clock reading, so that two seals of one tree are the same bytes.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::statement::{Predicate, Statement, Subject};
use serde::{Deserialize, Serialize};

/// The name of a seal's only subject.
pub const SEAL_SUBJECT: &str = "tagmanifest-sha256.txt";

/// Predicate `urn:attestar:seal:v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The pack's name, which is also its folder's.
    pub name: String,
    /// The project that was sealed.
    pub project: String,
    /// Its version; for a backup, the time in its name.
    pub version: String,
    /// Release or backup.
    pub kind: Kind,
    /// The program that sealed.
    pub tool: Tool,
    /// The policy it was sealed under.
    pub policy: PolicyRef,
    /// How much payload it closes.
    pub payload: Totals,
}

/// A program and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name: `attestar`.
    pub name: String,
    /// Its version, as `--version` prints it.
    pub version: String,
}

/// A policy by name and digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// The policy's name.
    pub name: String,
    /// The digest of its file, which is the pack's `policy.toml`.
    #[serde(with = "json::sha256")]
    pub sha256: Sha256,
}

/// Files and their bytes. Links to files count as the files they lead to, as BagIt counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Files of the payload.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tool {
    /// This program.
    pub fn this() -> Tool {
        Tool { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

impl Totals {
    /// Counts one more file.
    pub fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

impl Seal {
    /// The statement to sign: this seal over this tag manifest.
    pub fn over(self, tag_manifest: Sha256) -> Statement<Seal> {
        Statement::new(vec![Subject::new(SEAL_SUBJECT, tag_manifest)], self)
    }
}

impl Predicate for Seal {
    const TYPE: &'static str = "urn:attestar:seal:v1";

    fn project(&self) -> &str {
        &self.project
    }

    fn kind(&self) -> Kind {
        self.kind
    }
}
