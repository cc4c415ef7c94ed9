//! Who is trusted for what: keys given by `--key`, and trust files.
//!
//! Trust always comes from the verifier, never from anything beside or inside what is verified.

use crate::error::Result;
use crate::format::digest::Sha256;
use crate::keys::public::PublicKey;
use crate::keys::right::Right;
use crate::keys::trust_file;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A trusted key, and how far it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its role in the trust file; for a key given by `--key`, the name of that file.
    pub role: String,
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub rights: BTreeSet<Right>,
    /// The projects it may sign for; `None` is any.
    pub projects: Option<BTreeSet<String>>,
    /// What was signed after this does not count.
    pub not_after: Option<Timestamp>,
    /// It was revoked: only what a log checkpoint kept from before this moment includes counts.
    pub revoked_at: Option<Timestamp>,
}

/// How many of which roles must approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// The roles that count.
    pub any_of: Vec<String>,
    /// How many approvals there must be, at least 1.
    pub at_least: usize,
}

/// Everything that a verifier trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    pub(super) signers: Vec<Signer>,
    pub(super) approvals: Option<Approvals>,
    /// Whether a trust file was read: only that can let anybody waive or approve.
    pub(super) has_file: bool,
    /// What is known to have been there, and since when at the latest: by the digest of its file.
    pub(super) kept: HashMap<Sha256, Timestamp>,
}

impl Trust {
    /// What `--key FILE…` and `--trust FILE` say together. Without either it is empty, and verifies nothing.
    pub fn load(key_files: &[PathBuf], trust_file: Option<&Path>) -> Result<Trust> {
        let mut trust = trust_file.map(trust_file::load).transpose()?.unwrap_or_default();
        for path in key_files {
            let name = path.file_name().unwrap_or(path.as_os_str());
            trust.grant(PublicKey::load(path)?, &name.to_string_lossy());
        }
        Ok(trust)
    }

    /// What the text of a trust file says. `file` names it in errors, and key files are looked for beside it.
    pub fn parse(file: &Path, text: &str) -> Result<Trust> {
        trust_file::check(file, text)
    }

    /// Grants a key what `--key` grants. A key that the trust file names keeps its role and its limits
    /// there: expiry, revocation and projects are not lifted by naming the key once more.
    pub fn grant(&mut self, key: PublicKey, file_name: &str) {
        let rights = Right::OF_KEY_FILES.iter().copied();
        match self.signers.iter_mut().find(|signer| signer.key == key) {
            Some(signer) => signer.rights.extend(rights),
            None => self.signers.push(Signer {
                role: file_name.to_owned(),
                key,
                rights: rights.collect(),
                projects: None,
                not_after: None,
                revoked_at: None,
            }),
        }
    }

    /// Whether nobody is trusted at all.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// Whether a trust file is part of it. What `--key` grants says nothing of who may waive and approve, so without one
    /// neither can be judged.
    pub fn has_file(&self) -> bool {
        self.has_file
    }

    /// Every trusted key: the trust file's in its order, then those of `--key`.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// What the trust file demands of approvals, if anything.
    pub fn approvals(&self) -> Option<&Approvals> {
        self.approvals.as_ref()
    }

    /// Whether any key may do this.
    pub fn lets(&self, right: Right) -> bool {
        self.signers.iter().any(|signer| signer.rights.contains(&right))
    }

    /// Notes that a file of this digest was there at this time, because a log checkpoint includes it that was seen then:
    /// what a key signed before it was revoked counts. Of several times the earliest holds.
    pub fn keep(&mut self, sha256: Sha256, seen_at: Timestamp) {
        let earliest = self.kept.entry(sha256).or_insert(seen_at);
        *earliest = seen_at.min(*earliest);
    }

    /// Since when a file of this digest is known to have been there.
    pub fn kept_at(&self, sha256: Sha256) -> Option<Timestamp> {
        self.kept.get(&sha256).copied()
    }

    /// The trusted key with this key id.
    pub fn by_key_id(&self, key_id: &str) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.key.key_id() == key_id)
    }
}
