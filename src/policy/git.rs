//! The `[git]` table: whose signatures of tags count.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::values::{path, paths};

/// The `[git]` table. The files lie in the tree, so whoever names the policy trusts what the tree holds under these
/// names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitOptions {
    /// The allowed-signers file, of ssh-keygen(1), for tags that were signed with SSH keys.
    pub allowed_signers: Option<PackPath>,
    /// Files of OpenPGP public keys, armored or binary, for tags that were signed with those.
    pub openpgp_keys: Vec<PackPath>,
}

/// Reads the table.
pub(super) fn git(section: Option<Section<'_>>) -> Result<GitOptions> {
    let Some(section) = section else { return Ok(GitOptions::default()) };
    section.only(&["allowed_signers", "openpgp_keys"])?;
    Ok(GitOptions {
        allowed_signers: path(&section, "allowed_signers")?,
        openpgp_keys: paths(&section, "openpgp_keys")?,
    })
}
