//! The `[git]` table: whose signatures of tags count, and which branch releases are cut from.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::values::{path, paths, show};

/// The `[git]` table. The files lie in the tree, so whoever names the policy trusts what the tree holds under these
/// names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitOptions {
    /// The allowed-signers file, of ssh-keygen(1), for tags that were signed with SSH keys.
    pub allowed_signers: Option<PackPath>,
    /// Files of OpenPGP public keys, armored or binary, for tags that were signed with those.
    pub openpgp_keys: Vec<PackPath>,
    /// The branch that releases are cut from; else the one that `origin` named when it was cloned.
    pub default_branch: Option<String>,
}

/// Reads the table.
pub(super) fn git(section: Option<Section<'_>>) -> Result<GitOptions> {
    let Some(section) = section else { return Ok(GitOptions::default()) };
    section.only(&["allowed_signers", "openpgp_keys", "default_branch"])?;
    let default_branch = section.text("default_branch")?;
    if let Some(bad) = default_branch.filter(|branch| !is_branch(branch.value)) {
        let message = format!("`default_branch` cannot be `{}`", show(bad.value));
        return Err(section.error(bad.line, message, "the name of a branch: \"main\""));
    }
    Ok(GitOptions {
        allowed_signers: path(&section, "allowed_signers")?,
        openpgp_keys: paths(&section, "openpgp_keys")?,
        default_branch: default_branch.map(|branch| branch.value.to_owned()),
    })
}

/// Whether git could have a branch of this name; not the whole of git-check-ref-format(1), but nothing that it would not
/// take leads anywhere.
fn is_branch(name: &str) -> bool {
    let is_plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/') || !b.is_ascii();
    !name.is_empty()
        && name.len() <= 200
        && name.bytes().all(is_plain)
        && !name.contains("..")
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
}
