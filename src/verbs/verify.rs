//! `verify`: runs every check it can, and says of each that it could not run why.

use crate::error::{Error, Result};
use crate::evidence::chain::Chain;
use crate::evidence::chain::shelf::{Found, Shelf};
use crate::evidence::gates::audit;
use crate::evidence::pack::{self, Judge, Presence, Report, signer};
use crate::evidence::receipt::{self, VerifiedReceipt};
use crate::evidence::seal::{SEAL, VerifiedSeal};
use crate::evidence::{bag, folder, tree};
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::pack::Pack;
use crate::keys::identity::Identity;
use crate::keys::trust::Trust;
use crate::pipeline::buffers::Pool;
use crate::pipeline::contents::Contents;
use crate::pipeline::open::{self, Archive, READ_BYTES};
use crate::pipeline::pick::{self, Picker};
use crate::pipeline::sink::Written;
use crate::pipeline::unpack::{Limits, unpack};
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::verbs::afterwards::{self, Sealed};
use crate::verbs::target::Target;
use std::path::Path;

/// What to verify, and by what.
pub struct Request<'a> {
    /// The archive or folder.
    pub target: Target,
    /// Where the archives are found that hold the rest of an incremental one; `None`: in the folder that it lies in.
    pub shelf: Option<&'a Shelf<'a>>,
    /// Who may have sealed it.
    pub trust: &'a Trust,
    /// What decrypts it; empty if nothing was given.
    pub identities: &'a [Identity],
    /// A working tree to compare the payload with.
    pub tree: Option<&'a Path>,
    /// Signatures, receipt and closure alone.
    pub evidence_only: bool,
    /// Whether a pack without a seal may pass.
    pub allow_unsigned: bool,
    /// Whether what came after the seal and lies beside it is judged: approvals, and the results of later stages.
    pub approvals: bool,
    /// A policy to judge the pack by, besides the one that it was sealed under.
    pub policy: Option<&'a Policy>,
    /// Worker threads.
    pub threads: usize,
}

/// What was found out.
pub struct Verified {
    /// Checks and findings.
    pub outcome: Outcome,
    /// What the pack says of itself, if it could be read.
    pub pack: Option<Pack>,
    /// The receipt, if it holds.
    pub receipt: Option<VerifiedReceipt>,
    /// The seal, if it holds.
    pub seal: Option<VerifiedSeal>,
    /// What was read: worth only what the outcome says of it.
    pub contents: Option<Contents>,
}

/// Verifies an archive, a pack or any bag.
pub fn verify(request: &Request<'_>, watch: &Watch) -> Result<Verified> {
    let mut outcome = Outcome::default();
    let (archive_name, bundle) = request.target.receipt()?;
    let read = match &request.target {
        Target::Archive { path, encrypted, .. } => {
            let receipt = receipt::verify(request.trust, &archive_name, bundle.as_deref());
            archive(request, path, *encrypted, receipt, &mut outcome, watch)?
        }
        Target::Folder { path, name } if is_pack(path) => {
            let receipt = beside(request, &archive_name, bundle.as_deref(), &mut outcome);
            Some(pack_folder(request, path, name, receipt, &mut outcome, watch)?)
        }
        Target::Folder { path, .. } => {
            foreign_bag(request, path, &mut outcome)?;
            None
        }
    };
    let (pack, seal, receipt, contents) = match read {
        None => (None, None, None, None),
        Some(Read { report, contents, receipt }) => {
            outcome.append(report.outcome);
            if let (Some(tree), Some(contents)) = (request.tree, &contents) {
                tree::check(tree, contents, request.threads, watch, &mut outcome)?;
            }
            if let (Some(pack), Some(contents)) = (&report.pack, &contents) {
                let sealed = Sealed { pack, contents, seal: report.seal.as_ref(), receipt: receipt.as_ref() };
                afterwards::check(request, &sealed, &mut outcome)?;
            }
            (report.pack, report.seal, receipt, contents)
        }
    };
    if request.tree.is_some() && !outcome.checks.iter().any(|check| check.name == "tree") {
        let finding = Finding::new(Code::NothingChecked, "tree");
        outcome.conclude("tree", "the list of the payload could not be read", vec![finding]);
    }
    if request.policy.is_some() && !outcome.checks.iter().any(|check| check.name == audit::CHECK) {
        let finding = Finding::new(Code::NothingChecked, audit::CHECK);
        outcome.conclude(audit::CHECK, "there is no pack to judge by it", vec![finding]);
    }
    Ok(Verified { outcome, pack, receipt, seal, contents })
}

/// What was read of a pack.
struct Read {
    report: Report,
    contents: Option<Contents>,
    receipt: Option<VerifiedReceipt>,
}

/// A folder that claims to be one of ours is held to it.
pub fn is_pack(path: &Path) -> bool {
    path.join("pack.json").is_file() || path.join(SEAL).is_file()
}

type ReceiptResult = Result<VerifiedReceipt, Vec<Finding>>;

fn archive(
    request: &Request<'_>,
    path: &Path,
    encrypted: bool,
    receipt: ReceiptResult,
    outcome: &mut Outcome,
    watch: &Watch,
) -> Result<Option<Read>> {
    let own = if request.shelf.is_none() { Some(request.target.own_shelf()?) } else { None };
    let shelf = request.shelf.or(own.as_ref()).expect("one of both");
    let found = shelf.at(path, request.target.pack_name())?;
    watch.expect_bytes(found.size);
    let readable = !encrypted || !request.identities.is_empty();
    if request.evidence_only || !readable {
        let written = digest(&found, watch)?;
        let receipt = conclude_receipt(request, receipt, &written, outcome);
        return evidence_alone(request, &found, encrypted, receipt, outcome, watch);
    }
    let identities = age_identities(request.identities);
    let limits = receipt.as_ref().ok().map(limits);
    let opened = Archive { input: found.whole()?, path, identities: encrypted.then_some(&*identities) };
    let unpacked = unpack(opened, limits, None, request.threads, watch)?;
    let receipt = conclude_receipt(request, receipt, &unpacked.file, outcome);
    match unpacked.contents {
        Ok(mut contents) => {
            let (trust, threads) = (request.trust, request.threads);
            let chain = Chain { shelf, trust, identities: &identities, threads };
            chain.complete(&mut contents, None, outcome, watch)?;
            let judge = judge(request, receipt.as_ref(), Presence::Read);
            let report = pack::check(&contents, &judge)?;
            Ok(Some(Read { report, contents: Some(contents), receipt }))
        }
        Err(Error::Refused(findings)) => {
            outcome.conclude("archive", "it cannot be read to its end", findings);
            Ok(None)
        }
        Err(Error::Unavailable { message, .. }) => {
            shut(path, message, outcome);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Notes that nothing which was given decrypts the archive: what is known of its receipt counts all the same.
pub fn shut(path: &Path, message: String, outcome: &mut Outcome) {
    let finding = Finding::new(Code::NoIdentity, path.display().to_string()).actual(message);
    outcome.conclude("payload", "no identity that was given decrypts it", vec![finding]);
}

/// How much the receipt allows an archive to hold.
pub fn limits(receipt: &VerifiedReceipt) -> Limits {
    let payload = receipt.predicate().payload;
    Limits { files: payload.files, bytes: payload.bytes }
}

fn judge<'a>(request: &'a Request<'_>, receipt: Option<&'a VerifiedReceipt>, payload: Presence) -> Judge<'a> {
    let name = request.target.pack_name();
    Judge { trust: request.trust, receipt, name, allow_unsigned: request.allow_unsigned, payload }
}

/// Digests a file without looking into it.
fn digest(found: &Found<'_>, watch: &Watch) -> Result<Written> {
    let (sender, receiver) = crossbeam_channel::bounded(0);
    drop(receiver);
    open::read_file(&mut *found.whole()?, &found.path, &Pool::new(1, READ_BYTES), sender, watch)
}

fn conclude_receipt(
    request: &Request<'_>,
    receipt: ReceiptResult,
    file: &Written,
    outcome: &mut Outcome,
) -> Option<VerifiedReceipt> {
    let archive_name = request.target.receipt_subject();
    match receipt {
        Ok(receipt) => {
            let findings = receipt::matches(&receipt, archive_name, file);
            let holds = findings.is_empty();
            outcome.conclude("receipt", describe(&receipt), findings);
            holds.then_some(receipt)
        }
        Err(findings) => {
            let file = format!("{archive_name}{}", receipt::SUFFIX);
            outcome.conclude("receipt", pack::unjudged(&findings).unwrap_or(&file), findings);
            None
        }
    }
}

/// Who signed a receipt, and when.
pub fn describe(receipt: &VerifiedReceipt) -> String {
    let time = receipt.predicate().created_at.strftime("%Y-%m-%d %H:%M UTC");
    format!("signed by {}, {time}", signer(receipt))
}

/// Evidence without reading the payload: from the folder beside the archive, else from inside it.
fn evidence_alone(
    request: &Request<'_>,
    found: &Found<'_>,
    encrypted: bool,
    receipt: Option<VerifiedReceipt>,
    outcome: &mut Outcome,
    watch: &Watch,
) -> Result<Option<Read>> {
    let presence = if request.evidence_only { Presence::NotAsked } else { Presence::Shut };
    let contents = match request.target.evidence_beside() {
        Some(folder) => folder_contents(request, &folder, outcome, watch)?,
        None if encrypted && request.identities.is_empty() => {
            let finding = Finding::new(Code::NoIdentity, found.path.display().to_string());
            let why = "it is inside the archive, and no identity was given that decrypts it";
            outcome.conclude("seal", why, vec![finding]);
            return Ok(None);
        }
        None => {
            let identities = age_identities(request.identities);
            let identities = encrypted.then_some(&*identities);
            pick::tags(Picker::of(found.parts()?, &found.path, identities)?, watch)?
        }
    };
    let report = pack::check(&contents, &judge(request, receipt.as_ref(), presence))?;
    Ok(Some(Read { report, contents: Some(contents), receipt }))
}

/// The identities as the age crate takes them.
pub fn age_identities(identities: &[Identity]) -> Vec<Box<dyn age::Identity + Send + Sync>> {
    identities.iter().map(|identity| Box::new(identity.as_age().clone()) as _).collect()
}

fn folder_contents(
    request: &Request<'_>,
    path: &Path,
    outcome: &mut Outcome,
    watch: &Watch,
) -> Result<Contents> {
    let read = folder::read(path, request.target.pack_name(), false, request.threads, watch)?;
    if !read.findings.is_empty() {
        outcome.conclude("folder", "names and files that no pack has", read.findings);
    }
    Ok(read.contents)
}

/// The receipt beside a pack's folder. The archive itself is not what was asked about.
fn beside(
    request: &Request<'_>,
    archive_name: &str,
    bundle: Option<&[u8]>,
    outcome: &mut Outcome,
) -> Option<VerifiedReceipt> {
    if bundle.is_none() {
        outcome.skip("receipt", Status::Skipped, "none lies beside this folder");
        return None;
    }
    match receipt::verify(request.trust, archive_name, bundle) {
        Ok(receipt) => {
            let detail = format!("{}; the archive itself was not asked about", describe(&receipt));
            outcome.conclude("receipt", detail, Vec::new());
            Some(receipt)
        }
        Err(findings) => {
            let file = format!("{archive_name}{}", receipt::SUFFIX);
            outcome.conclude("receipt", pack::unjudged(&findings).unwrap_or(&file), findings);
            None
        }
    }
}

fn pack_folder(
    request: &Request<'_>,
    path: &Path,
    name: &str,
    receipt: Option<VerifiedReceipt>,
    outcome: &mut Outcome,
    watch: &Watch,
) -> Result<Read> {
    let mut read = folder::read(path, name, !request.evidence_only, request.threads, watch)?;
    let presence = match (request.evidence_only, read.has_payload) {
        (true, _) => Presence::NotAsked,
        (false, true) => Presence::Read,
        (false, false) => Presence::Absent,
    };
    if !read.findings.is_empty() {
        outcome.conclude("folder", "names and files that no pack has", read.findings);
    }
    if presence == Presence::Read {
        let own = if request.shelf.is_none() { Some(request.target.own_shelf()?) } else { None };
        let shelf = request.shelf.or(own.as_ref()).expect("one of both");
        let identities = age_identities(request.identities);
        let chain = Chain { shelf, trust: request.trust, identities: &identities, threads: request.threads };
        chain.complete(&mut read.contents, None, outcome, watch)?;
    }
    let report = pack::check(&read.contents, &judge(request, receipt.as_ref(), presence))?;
    Ok(Read { report, contents: Some(read.contents), receipt })
}

fn foreign_bag(request: &Request<'_>, path: &Path, outcome: &mut Outcome) -> Result<()> {
    if request.allow_unsigned {
        outcome.skip("seal", Status::Skipped, "there is none, and --allow-unsigned admits that");
    } else {
        let finding = Finding::new(Code::SealMissing, SEAL);
        outcome.conclude(
            "seal",
            "a bag of another tool has none; --allow-unsigned admits that",
            vec![finding],
        );
    }
    let checked = bag::check_bag(path, request.threads)?;
    outcome.append(checked);
    Ok(())
}
