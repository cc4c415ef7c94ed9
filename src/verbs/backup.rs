//! `backup`: captures, scan, pack, archive, store, log. A capture that fails fails the backup; the old ones stay.

mod adopt;
mod payload;
mod put;
mod source;

use crate::error::{Error, Result};
use crate::evidence::compose::{Identity, TagFiles};
use crate::evidence::seal::SEAL;
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::receipt::Receipt;
use crate::keys::public::PublicKey;
use crate::keys::recipient::Recipient;
use crate::keys::signing::SigningKey;
use crate::keys::sniff;
use crate::log::append::{Appended, Writer};
use crate::pipeline::pack::{ArchiveWriter, Settings};
use crate::pipeline::scratch::Scratch;
use crate::pipeline::sink::Written;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::store::Store;
use crate::tree::capture::Environment;
use crate::tree::version;
use crate::verbs::seal::{append_tags, encryptor, receipt_name, seal_of};
use jiff::Timestamp;
use source::Source;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The folder of a store that has the backups.
const ARCHIVES: &str = "archives";

/// What to back up, how, and where to.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that chooses the payload.
    pub policy: &'a Policy,
    /// Signs seal and receipt.
    pub key: &'a SigningKey,
    /// Who can decrypt; empty for an archive that is not encrypted.
    pub recipients: &'a [Recipient],
    /// Secret files that may not be backed up wherever they lie.
    pub secrets: &'a [PathBuf],
    /// Folders that are never payload: a store in the tree.
    pub excluded: &'a [PathBuf],
    /// A private folder on this host, in which captures and the archive are made.
    pub scratch: &'a Path,
    /// Where it is kept.
    pub store: &'a dyn Store,
    /// Writes to the store's log.
    pub log: &'a Writer<'a>,
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// The environment for captures; `None` unless whoever runs this named the policy.
    pub environment: Option<Environment<'a>>,
    /// Worker threads.
    pub threads: usize,
}

/// What was backed up.
pub struct BackedUp {
    /// The pack as its `pack.json` says.
    pub pack: Pack,
    /// The archive's name in the store.
    pub archive: String,
    /// Its digest and size.
    pub written: Written,
    /// Who signed.
    pub signer: PublicKey,
    /// How many recipients can decrypt it.
    pub recipients: usize,
    /// What became of the log.
    pub logged: Appended,
    /// Files and links that no rule takes.
    pub unmatched: Vec<Box<str>>,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
}

/// Backs up.
pub fn backup(request: &Request<'_>, watch: &Watch) -> Result<BackedUp> {
    let begun = (request.clock)();
    let scratch = Scratch::new(request.scratch)?;
    let project = version::project_name(request.root, request.policy)?.value;
    let adopted = adopt::adopt(request, &project)?;
    let identity = identity(request, project, begun)?;
    let source = Source::gather(request, &scratch, watch)?;
    let mut warnings = abandoned(&scratch);
    warnings.extend(adopted);
    let made = write(request, &identity, source, &scratch, watch)?;
    let archive = archive_name(request, &identity.name);
    let receipt = receipt(request, &made, &identity, begun).for_archive(&archive, made.written.sha256);
    let logged = put::put(request, &made, &archive, &receipt)?;
    warnings.extend(made.warnings);
    if let Err(error) = scratch.remove() {
        warnings.push(Finding::warning(Code::LeftBehind, error.to_string()));
    }
    Ok(BackedUp {
        pack: made.pack,
        archive,
        written: made.written,
        signer: request.key.public(),
        recipients: request.recipients.len(),
        logged,
        unmatched: made.unmatched,
        warnings,
    })
}

/// A pack that was written, and is not in the store yet.
struct Made {
    pack: Pack,
    written: Written,
    file: PathBuf,
    seal_sha256: Sha256,
    tag_manifest: Sha256,
    unmatched: Vec<Box<str>>,
    warnings: Vec<Finding>,
}

/// The backup's name: the project and the second in which it began; four digits more if that is taken.
fn identity(request: &Request<'_>, project: String, begun: Timestamp) -> Result<Identity> {
    let version = begun.strftime("%Y%m%dT%H%M%SZ").to_string();
    let version = put::free_version(request, &project, version)?;
    Ok(Identity {
        name: format!("{project}-{version}"),
        project,
        version,
        kind: Kind::Backup,
        policy_name: request.policy.name.clone(),
        policy_text: request.policy.text.clone(),
        source_date_epoch: begun.as_second(),
    })
}

fn archive_name(request: &Request<'_>, name: &str) -> String {
    format!("{name}.{}", if request.recipients.is_empty() { "tar.zst" } else { "tar.zst.age" })
}

fn write(
    request: &Request<'_>,
    identity: &Identity,
    source: Source,
    scratch: &Scratch,
    watch: &Watch,
) -> Result<Made> {
    let evidence = scratch.make("evidence")?;
    let file = scratch.join("archive");
    let settings = Settings { level: request.policy.seal.compression_level, threads: request.threads };
    let created = File::create(&file).map_err(Error::io("create", &file))?;
    let mut archive = ArchiveWriter::new(created, &file, encryptor(request.recipients)?, &settings, watch)?;
    let secrets = sniff::Secrets::new(request.root, request.secrets);
    let read = source.write(request, identity, &secrets, &mut archive, watch)?;
    let payload = read.payload();
    let pack = Pack { captures: read.captured.clone(), ..payload.pack(identity) };
    let mut tags = TagFiles::write(&evidence, identity, &payload, &pack)?;
    let tag_manifest = tags.close()?;
    let seal = seal_of(identity, &pack, request.policy).over(tag_manifest);
    let seal = request.key.sign_statement(&seal).to_bytes();
    tags.add(SEAL, |out| out.write_all(&seal))?;
    append_tags(&mut archive, &mut tags, identity)?;
    let written = archive.finish()?;
    Ok(Made {
        pack,
        written,
        file,
        seal_sha256: Sha256::of(&seal),
        tag_manifest,
        unmatched: read.unmatched,
        warnings: read.warnings,
    })
}

fn receipt(request: &Request<'_>, made: &Made, identity: &Identity, begun: Timestamp) -> Receipt {
    Receipt {
        project: identity.project.clone(),
        kind: Kind::Backup,
        version: identity.version.clone(),
        name: identity.name.clone(),
        size_bytes: made.written.size_bytes,
        seal_sha256: made.seal_sha256,
        tagmanifest_sha256: made.tag_manifest,
        payload: made.pack.payload,
        recipients: request.recipients.len() as u32,
        bases: Vec::new(),
        evaluated_at: begun,
        created_at: (request.clock)(),
    }
}

/// What earlier runs left on this host, and is gone now.
fn abandoned(scratch: &Scratch) -> Vec<Finding> {
    let warning = |path: &PathBuf| {
        let finding = Finding::warning(Code::Cleaned, path.display().to_string());
        finding.actual("a run that did not end had left it; it was removed")
    };
    scratch.removed.iter().map(warning).collect()
}

/// Where an archive and its receipt lie in a store.
fn stored(archive: &str) -> [String; 2] {
    [format!("{ARCHIVES}/{archive}"), format!("{ARCHIVES}/{}", receipt_name(archive))]
}
