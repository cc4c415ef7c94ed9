//! A whole pack: seal, closure, payload and agreement, in the order that people read them.

use crate::error::Result;
use crate::evidence::attested::Attested;
use crate::evidence::payload::Payload;
use crate::evidence::receipt::VerifiedReceipt;
use crate::evidence::seal::{SEAL, Sealed, VerifiedSeal};
use crate::evidence::{agreement, closure, payload, seal};
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::units::{count, number, size};
use crate::keys::trust::Trust;
use crate::pipeline::contents::Contents;
use std::borrow::Cow;

/// What a pack is judged by.
pub struct Judge<'a> {
    /// Who may have sealed it.
    pub trust: &'a Trust,
    /// The receipt of its archive, if that was verified.
    pub receipt: Option<&'a VerifiedReceipt>,
    /// The name that the archive's file, or the folder, has.
    pub name: &'a str,
    /// Whether a pack without a seal may pass.
    pub allow_unsigned: bool,
    /// Whether the payload was read.
    pub payload: Presence,
}

/// Whether the payload was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It was.
    Read,
    /// It is not in this folder, and should be checked.
    Absent,
    /// It is in the archive, which nothing that was given decrypts.
    Shut,
    /// It was not asked for.
    NotAsked,
}

/// What was found out about a pack.
pub struct Report {
    /// Checks and findings.
    pub outcome: Outcome,
    /// What the pack says of itself, if it can be read.
    pub pack: Option<Pack>,
    /// The seal, if it holds.
    pub seal: Option<VerifiedSeal>,
    /// The payload as listed.
    pub payload: Payload,
}

/// Runs every check of a pack.
pub fn check(contents: &Contents, judge: &Judge<'_>) -> Result<Report> {
    let trust = kept(contents, judge)?;
    let judge = &Judge { trust: &trust, ..*judge };
    let mut outcome = Outcome::default();
    let tags = &contents.tags;
    let pack = agreement::read_pack(tags)?;
    let closure = closure::check(tags, None)?;
    let seal = check_seal(contents, judge, pack.as_ref().ok(), &closure, &mut outcome)?;
    let failed = count(closure.listed as u64, "tag file");
    let detail = format!("{failed}: none missing, none extra, none altered");
    let detail = if closure.findings.is_empty() { detail } else { failed };
    outcome.conclude("closure", detail, closure.findings);
    // What cannot say what it is, is held to the rules of a release.
    let kind = pack.as_ref().map_or(Kind::Release, |pack| pack.kind);
    let payload = check_payload(contents, kind, judge, &mut outcome)?;
    if let Ok(pack) = &pack {
        let (tags, trust, receipt) = (&contents.tags, judge.trust, judge.receipt);
        Attested { tags, pack, payload: &payload, trust, receipt }.check(&mut outcome)?;
    }
    match &pack {
        Err(finding) => outcome.conclude("agreement", "pack.json cannot be read", vec![finding.clone()]),
        Ok(pack) => {
            let mut findings = agreement::names(pack, judge.name, seal.as_ref(), judge.receipt);
            if contents.root != judge.name {
                let finding = Finding::new(Code::Disagreement, "folder in the archive: name");
                findings.push(finding.expected(judge.name).actual(&contents.root));
            }
            findings.extend(agreement::counts(tags, pack, &payload)?);
            outcome.conclude(
                "agreement",
                format!("{} {}, {}", pack.project, pack.version, pack.kind),
                findings,
            );
        }
    }
    Ok(Report { outcome, pack: pack.ok(), seal, payload })
}

/// The trust. Where the log is known to have had the receipt before some moment, all that the receipt stands for was there
/// then: the seal, and every tag file that the tag manifest lists.
fn kept<'t>(contents: &Contents, judge: &Judge<'t>) -> Result<Cow<'t, Trust>> {
    let Some((receipt, at)) =
        judge.receipt.and_then(|receipt| Some((receipt.predicate(), receipt.kept_at()?)))
    else {
        return Ok(Cow::Borrowed(judge.trust));
    };
    let mut trust = judge.trust.clone();
    trust.keep(receipt.seal_sha256, at);
    let manifest = agreement::small(&contents.tags, closure::TAG_MANIFEST)?;
    let manifest =
        manifest.filter(|bytes| Sha256::of(bytes) == receipt.tagmanifest_sha256).unwrap_or_default();
    let lines = manifest.split(|byte| *byte == b'\n');
    let digests = lines.filter_map(|line| Sha256::from_hex(std::str::from_utf8(line.get(..64)?).ok()?));
    digests.for_each(|digest| trust.keep(digest, at));
    Ok(Cow::Owned(trust))
}

fn check_seal(
    contents: &Contents,
    judge: &Judge<'_>,
    pack: Option<&Pack>,
    closure: &closure::Closure,
    outcome: &mut Outcome,
) -> Result<Option<VerifiedSeal>> {
    let bundle = agreement::small(&contents.tags, SEAL)?;
    if bundle.is_none() && judge.allow_unsigned {
        outcome.skip("seal", Status::Skipped, "there is none, and --allow-unsigned admits that");
        return Ok(None);
    }
    let (Some(pack), Some(tag_manifest)) = (pack, closure.tag_manifest) else {
        let what = if pack.is_none() { "pack.json" } else { closure::TAG_MANIFEST };
        let finding =
            Finding::new(if bundle.is_none() { Code::SealMissing } else { Code::StatementInvalid }, SEAL);
        outcome.conclude("seal", format!("cannot be judged without {what}"), vec![finding]);
        return Ok(None);
    };
    let sealed = Sealed { bundle: bundle.as_deref(), tag_manifest, kind: pack.kind };
    match seal::verify(judge.trust, &sealed, judge.receipt) {
        Ok(seal) => {
            outcome.conclude("seal", format!("signed by {}", signer(&seal)), Vec::new());
            Ok(Some(seal))
        }
        Err(findings) => {
            outcome.conclude("seal", unjudged(&findings).unwrap_or(SEAL), findings);
            Ok(None)
        }
    }
}

/// What is said of a signature that nobody is trusted to have made.
pub fn unjudged(findings: &[Finding]) -> Option<&'static str> {
    let untrusted = findings.iter().all(|finding| finding.code == Code::NoTrust);
    untrusted.then_some("no trusted key was given to judge it by")
}

/// The signer as people know it: the role, and the fingerprint.
pub fn signer<T>(signed: &crate::keys::verify::Verified<T>) -> String {
    format!("{} {}", signed.role(), signed.fingerprint())
}

fn check_payload(
    contents: &Contents,
    kind: Kind,
    judge: &Judge<'_>,
    outcome: &mut Outcome,
) -> Result<Payload> {
    let mut payload = payload::check(contents, kind)?;
    let total = payload.listed.files;
    if judge.payload != Presence::Read {
        // Without the payload every file is "missing": what the lists say of each other still counts.
        payload.findings.retain(|finding| !matches!(finding.code, Code::Missing | Code::Extra));
    }
    let findings = std::mem::take(&mut payload.findings);
    let files = count(total, "file");
    let detail = format!("{files}, {}", size(payload.listed.bytes));
    match judge.payload {
        Presence::Read if findings.is_empty() && total == 0 && payload.folders + payload.links == 0 => {
            let finding = Finding::new(Code::NothingChecked, "payload");
            outcome.conclude("payload", "no files, so nothing was checked", vec![finding]);
        }
        Presence::Read if payload.elsewhere > 0 => {
            let mut all = findings;
            let missing = format!("{} in archives that were not read", count(payload.elsewhere, "file"));
            all.push(Finding::new(Code::NoPayload, "data/").actual(missing));
            outcome.conclude("payload", format!("{} of {files} are as sealed", number(payload.intact)), all);
        }
        Presence::Read if findings.is_empty() => {
            outcome.conclude("payload", format!("{detail}, SHA-256 and BLAKE3"), findings);
        }
        Presence::Read => {
            outcome.conclude(
                "payload",
                format!("{} of {files} are as sealed", number(payload.intact)),
                findings,
            );
        }
        Presence::Absent => {
            let mut all = findings;
            all.push(Finding::new(Code::NoPayload, "data/"));
            outcome.conclude("payload", format!("{detail} are listed; data/ is not here"), all);
        }
        Presence::Shut => {
            let mut all = findings;
            all.push(Finding::new(Code::NoIdentity, "data/"));
            outcome.conclude("payload", format!("{detail} are listed; not decrypted"), all);
        }
        Presence::NotAsked if findings.is_empty() => {
            outcome.skip(
                "payload",
                Status::Skipped,
                format!("{detail} are listed; not read: the evidence alone is asked for"),
            );
        }
        Presence::NotAsked => outcome.conclude("payload", format!("{detail} are listed"), findings),
    }
    Ok(payload)
}
