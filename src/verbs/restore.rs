//! `restore`: the tree's files as they were, published only once every one of them is verified.

use crate::error::{Error, Result};
use crate::evidence::chain::Chain;
use crate::evidence::chain::shelf::{Found, Shelf};
use crate::evidence::pack::{self, Judge, Presence};
use crate::evidence::receipt::{self, Asked, VerifiedReceipt};
use crate::finding::{Code, Finding, Outcome, Status, Verdict};
use crate::format::digest::Sha256;
use crate::format::inventory;
use crate::format::member::FileType;
use crate::format::pack::Pack;
use crate::keys::identity::Identity;
use crate::keys::trust::Trust;
use crate::pipeline::contents::Contents;
use crate::pipeline::open::{Archive, Identities};
use crate::pipeline::staging::Staging;
use crate::pipeline::unpack::unpack;
use crate::pipeline::watch::Watch;
use crate::verbs::destination::Destination;
use crate::verbs::select;
use crate::verbs::target::Target;
use crate::verbs::verify;
use std::path::Path;

/// What to restore, and where to.
pub struct Request<'a> {
    /// The archive, or a pack's folder with its payload.
    pub target: Target,
    /// What an archive has to be; of a folder nothing is asked.
    pub asked: Asked<'a>,
    /// Where the archives are found that hold the rest of an incremental one; `None`: in the folder that it lies in.
    pub shelf: Option<&'a Shelf<'a>>,
    /// A new or empty folder.
    pub to: &'a Path,
    /// Who may have sealed it.
    pub trust: &'a Trust,
    /// What decrypts it.
    pub identities: &'a [Identity],
    /// Which paths of the tree; empty for all.
    pub paths: &'a [String],
    /// Only say what would be restored.
    pub dry_run: bool,
    /// Worker threads.
    pub threads: usize,
}

/// What came of it.
#[derive(Default)]
pub struct Restored {
    /// Checks and findings. Unless they hold, nothing was published.
    pub outcome: Outcome,
    /// What the pack says of itself.
    pub pack: Option<Pack>,
    /// Files and links that were restored, or would be.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the archive that were read.
    pub read_bytes: u64,
    /// The archive's size.
    pub archive_bytes: u64,
    /// The digest of the archive, where all of it was read.
    pub archive_sha256: Option<Sha256>,
    /// Whether the files are in their place.
    pub published: bool,
}

/// An archive whose receipt is signed by whom the request trusts.
pub struct Receipted<'a> {
    /// The archive.
    pub found: &'a Found<'a>,
    /// Where those that it builds upon are.
    pub chain: &'a Chain<'a>,
    /// What decrypts it; `None` if it is not encrypted.
    pub identities: Option<&'a Identities>,
    /// What was signed of it.
    pub receipt: &'a VerifiedReceipt,
}

/// Restores a tree, or says why not.
pub fn restore(request: &Request<'_>, watch: &Watch) -> Result<Restored> {
    if request.trust.is_empty() {
        let mut restored = Restored::default();
        let finding = Finding::new(Code::NoTrust, request.target.pack_name());
        restored.outcome.conclude("seal", "no trusted key was given, so nothing is restored", vec![finding]);
        return Ok(restored);
    }
    let destination = if request.dry_run { None } else { Some(Destination::prepare(request.to)?) };
    let staging = destination.as_ref().map(|destination| Staging::open(&destination.work())).transpose()?;
    let (archive_name, bundle) = request.target.receipt()?;
    let mut restored = match &request.target {
        Target::Archive { path, encrypted, .. } => {
            if *encrypted && request.identities.is_empty() {
                return Err(no_identity(path));
            }
            match receipt::verify_asked(request.trust, &archive_name, bundle.as_deref(), request.asked) {
                Ok(receipt) => {
                    let identities = verify::age_identities(request.identities);
                    let own = if request.shelf.is_none() { Some(request.target.own_shelf()?) } else { None };
                    let shelf = request.shelf.or(own.as_ref()).expect("one of both");
                    let (trust, threads) = (request.trust, request.threads);
                    let chain = &Chain { shelf, trust, identities: &identities, threads };
                    let found = &shelf.at(path, request.target.pack_name())?;
                    let identities = encrypted.then_some(&*identities);
                    let archive = Receipted { found, chain, identities, receipt: &receipt };
                    let road = if request.dry_run || !request.paths.is_empty() { part } else { whole };
                    road(request, &archive, staging.as_ref(), watch)?
                }
                Err(findings) => {
                    let mut restored = Restored::default();
                    restored.outcome.conclude(
                        "receipt",
                        format!("{archive_name}{}", receipt::SUFFIX),
                        findings,
                    );
                    restored
                }
            }
        }
        Target::Folder { path, name } => select::from_folder(request, path, name, staging.as_ref(), watch)?,
    };
    if let (Verdict::Holds, Some(staging), Some(destination)) =
        (restored.outcome.verdict(), staging, destination)
    {
        watch.check()?;
        staging.sync()?;
        drop(staging);
        destination.publish()?;
        restored.published = true;
    }
    Ok(restored)
}

fn no_identity(path: &Path) -> Error {
    Error::unavailable(
        format!("{} is encrypted, and no identity was given", path.display()),
        "--identity FILE with the secret key of one of its recipients",
    )
}

/// Everything: read, written and hashed in one pass, then judged.
fn whole(
    request: &Request<'_>,
    &Receipted { found, chain, identities, receipt }: &Receipted<'_>,
    staging: Option<&Staging>,
    watch: &Watch,
) -> Result<Restored> {
    let path = &*found.path;
    watch.expect_bytes(receipt.predicate().payload.bytes);
    let opened = Archive { input: found.whole()?, path, identities };
    let target = staging.map(|staging| staging as _);
    let unpacked = unpack(opened, Some(verify::limits(receipt)), target, request.threads, watch)?;
    let mut restored = Restored { archive_bytes: unpacked.file.size_bytes, ..Restored::default() };
    restored.read_bytes = restored.archive_bytes;
    restored.archive_sha256 = Some(unpacked.file.sha256);
    let findings = receipt::matches(receipt, request.target.receipt_subject(), &unpacked.file);
    restored.outcome.conclude("receipt", verify::describe(receipt), findings);
    match unpacked.contents {
        Ok(mut contents) => {
            chain.complete(&mut contents, staging, &mut restored.outcome, watch)?;
            judge(request, receipt, &contents, staging, &mut restored)?;
        }
        Err(Error::Refused(findings)) => {
            restored.outcome.conclude("archive", "it cannot be read to its end", findings)
        }
        Err(Error::Unavailable { message, .. }) => verify::shut(path, message, &mut restored.outcome),
        Err(error) => return Err(error),
    }
    Ok(restored)
}

fn judge(
    request: &Request<'_>,
    receipt: &VerifiedReceipt,
    contents: &Contents,
    staging: Option<&Staging>,
    restored: &mut Restored,
) -> Result<()> {
    let judge = Judge {
        trust: request.trust,
        receipt: Some(receipt),
        name: request.target.pack_name(),
        allow_unsigned: false,
        payload: Presence::Read,
    };
    let report = pack::check(contents, &judge)?;
    restored.outcome.append(report.outcome);
    restored.pack = report.pack;
    restored.files = report.payload.listed.files;
    restored.bytes = report.payload.listed.bytes;
    if let (Verdict::Holds, Some(staging)) = (restored.outcome.verdict(), staging) {
        make_others(staging, &report.payload.others, &mut restored.outcome)?;
    }
    Ok(())
}

/// Folders and links, from the signed inventory, after all files; links last.
pub fn make_others(staging: &Staging, others: &[inventory::Row], outcome: &mut Outcome) -> Result<()> {
    for row in others.iter().filter(|row| row.member.kind == FileType::Dir) {
        staging.folder(&row.member.path)?;
    }
    for row in others {
        let Some(target) = row.member.target() else { continue };
        if row.archived {
            staging.link(&row.member.path, target)?;
            staging.link_time(&row.member.path, row.member.mtime_s, row.member.mtime_ns)?;
        } else {
            let finding = Finding::new(Code::LinkNotRestored, row.member.path.as_str());
            outcome.notes.push(finding.actual(format!("it leads to {target}, which is not in the pack")));
        }
    }
    Ok(())
}

/// Some paths, or a dry run: only the frames that are needed are read.
fn part(
    request: &Request<'_>,
    archive: &Receipted<'_>,
    staging: Option<&Staging>,
    watch: &Watch,
) -> Result<Restored> {
    let (path, receipt) = (&*archive.found.path, archive.receipt);
    let size_bytes = archive.found.size;
    let mut restored = Restored { archive_bytes: size_bytes, ..Restored::default() };
    let findings = receipt::size_matches(receipt, request.target.receipt_subject(), size_bytes);
    let detail = format!("{}; of the file only its size was compared", verify::describe(receipt));
    restored.outcome.conclude("receipt", detail, findings.into_iter().collect());
    match select::from_archive(request, archive, staging, watch, &mut restored) {
        Err(Error::Refused(findings)) => restored.outcome.conclude("archive", "it cannot be read", findings),
        Err(Error::Unavailable { message, .. }) => verify::shut(path, message, &mut restored.outcome),
        other => other?,
    }
    if request.dry_run && restored.outcome.verdict() == Verdict::Holds {
        restored.outcome.skip("payload", Status::Skipped, "a dry run reads the lists alone");
    }
    Ok(restored)
}
