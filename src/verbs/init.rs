//! `init`: a shipped policy as the tree's own, and a key set if there is none.

use crate::error::{Error, Result};
use crate::keys::entropy::Entropy;
use crate::keys::home::{Created, Home, Parts};
use crate::keys::passphrase::Passphrases;
use crate::keys::recipient::Recipient;
use crate::pipeline::whole_file;
use crate::policy::{Policy, Source};
use crate::tree::policy_file::POLICY_FILE;
use crate::tree::version;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// What to write, and where.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The shipped policy.
    pub from: &'a str,
    /// Who can decrypt; empty for the owner of the key set.
    pub recipients: &'a [Recipient],
    /// The key folder.
    pub home: &'a Home,
}

/// What was written.
pub struct Initialised {
    /// Whether the policy names a store and has no gates: one for nights, not for releases.
    pub is_for_backups: bool,
    /// The policy's file.
    pub policy: PathBuf,
    /// The project, where one could be told.
    pub project: Option<String>,
    /// The keys that were made.
    pub created: Created,
}

/// Writes the policy, which is never one that was there, and makes the keys that are missing. With recipients no
/// identity is made: this host need not decrypt.
pub fn init(
    request: &Request<'_>,
    passphrases: &mut dyn Passphrases,
    entropy: &mut dyn Entropy,
    now: Timestamp,
) -> Result<Initialised> {
    let file = request.root.join(POLICY_FILE);
    if file.symlink_metadata().is_ok() {
        let message = format!("{} is there already; a policy is never overwritten", file.display());
        return Err(Error::input(message, "edit it, or move it away first"));
    }
    let shipped = Policy::builtin(request.from)?;
    let project = version::project_name(request.root, &shipped).ok().map(|told| told.value);
    let text = own_text(&shipped, project.as_deref(), request.recipients);
    Policy::parse(Source::File(file.clone()), text.clone())?;
    let created = create_keys(request, passphrases, entropy, now)?;
    whole_file::create(&file, |out| out.write_all(text.as_bytes()))?;
    let is_for_backups = shipped.store.is_some() && shipped.gates.is_empty();
    Ok(Initialised { is_for_backups, policy: file, project, created })
}

/// The shipped text with this project's name and recipients in it.
fn own_text(shipped: &Policy, project: Option<&str>, recipients: &[Recipient]) -> String {
    let named = format!("name = \"{}\"\n", shipped.name);
    // A policy that has a [project] of its own keeps its name, and gets the project's there.
    let table = "\n[project]\n";
    let has_table = shipped.text.contains(table);
    let mut own = match project {
        Some(project) if !has_table => format!("{table}name = \"{project}\"\n"),
        _ => named.clone(),
    };
    if !recipients.is_empty() {
        let list: String = recipients.iter().map(|recipient| format!("  \"{recipient}\",\n")).collect();
        own += &format!("\n[seal]\nrecipients = [\n{list}]\n");
    }
    let text = shipped.text.replacen(&named, &own, 1);
    match project.filter(|_| has_table) {
        Some(project) => text.replacen(table, &format!("{table}name = \"{project}\"\n"), 1),
        None => text,
    }
}

fn create_keys(
    request: &Request<'_>,
    passphrases: &mut dyn Passphrases,
    entropy: &mut dyn Entropy,
    now: Timestamp,
) -> Result<Created> {
    let home = request.home;
    let parts = Parts {
        signing: !home.signing_key().exists(),
        identity: request.recipients.is_empty() && !home.identity().exists() && !home.recipient().exists(),
    };
    if !parts.signing && !parts.identity {
        return Ok(Created::default());
    }
    home.create(parts, passphrases, entropy, now)
}
