//! `approve`: signs that a sealed release may go. Nothing is approved unseen: what is signed was verified just before.

use crate::error::{Error, Result};
use crate::evidence::agreement::small;
use crate::evidence::approvals::{Over, collect, file_name};
use crate::evidence::later::LaterFile;
use crate::evidence::seal::SEAL;
use crate::finding::{Code, Finding, Severity};
use crate::format::approval::Approval;
use crate::format::kind::Kind;
use crate::keys::public::PublicKey;
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::keys::verify::Expect;
use crate::pipeline::watch::Watch;
use crate::pipeline::whole_file;
use crate::verbs::target::Target;
use crate::verbs::verify::{self, verify};
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};

/// What to approve.
pub struct Request<'a> {
    /// The archive, or the folder of its evidence.
    pub target: Target,
    /// The role, which must be the one that trust gives the key.
    pub role: &'a str,
    /// Signs.
    pub key: &'a SigningKey,
    /// Who may seal, and who may approve.
    pub trust: &'a Trust,
    /// The present.
    pub now: Timestamp,
    /// Worker threads.
    pub threads: usize,
}

/// What was approved.
pub struct Approved {
    /// The pack's name.
    pub name: String,
    /// What the approval says.
    pub approval: Approval,
    /// Where it lies.
    pub path: PathBuf,
    /// Who signed.
    pub signer: PublicKey,
    /// Whether this key had approved it before, so that nothing was written.
    pub already: bool,
}

/// Approves a release, if its evidence verifies, and if whoever trusts alike will count the approval.
pub fn approve(request: &Request<'_>, watch: &Watch) -> Result<Approved> {
    let folder = evidence_folder(&request.target)?;
    let seen = see(request, watch)?;
    let over = Over::of(&seen.pack, &seen.seal, &seen.bundle);
    may(request, &over)?;
    let name = file_name(request.role, &request.key.public().key_id());
    let path = folder.join(&name);
    let before = before(request, &over, &name, &path)?;
    let approval = Approval {
        project: over.project.to_owned(),
        kind: Kind::Release,
        version: over.version.to_owned(),
        role: request.role.to_owned(),
        seal_sha256: over.seal,
        approved_at: before.unwrap_or(request.now),
    };
    if before.is_none() {
        let statement = approval.clone().over(over.tag_manifest);
        let bundle = request.key.sign_statement(&statement).to_bytes();
        whole_file::create(&path, |out| out.write_all(&bundle))?;
    }
    Ok(Approved {
        name: request.target.pack_name().to_owned(),
        approval,
        path,
        signer: request.key.public(),
        already: before.is_some(),
    })
}

/// The approval lies beside the seal, so the evidence has to be there.
fn evidence_folder(target: &Target) -> Result<PathBuf> {
    let folder = target.evidence_folder();
    if folder.join(SEAL).is_file() {
        return Ok(folder);
    }
    let message = format!("there is no seal in {}", folder.display());
    Err(Error::input(
        message,
        "an approval lies beside the seal: keep the evidence folder beside the archive",
    ))
}

/// What was seen before it is approved.
struct Seen {
    pack: crate::format::pack::Pack,
    seal: crate::evidence::seal::VerifiedSeal,
    bundle: Vec<u8>,
}

/// Verifies everything but the payload, by the approver's own trust.
fn see(request: &Request<'_>, watch: &Watch) -> Result<Seen> {
    let to_verify = verify::Request {
        target: request.target.clone(),
        shelf: None,
        trust: request.trust,
        identities: &[],
        tree: None,
        evidence_only: true,
        allow_unsigned: false,
        approvals: false,
        policy: None,
        threads: request.threads,
    };
    let verified = verify(&to_verify, watch)?;
    let errors: Vec<Finding> = verified.outcome.errors().cloned().collect();
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let bundle = match &verified.contents {
        Some(contents) => small(&contents.tags, SEAL)?,
        None => None,
    };
    match (verified.pack, verified.seal, bundle) {
        (Some(pack), Some(seal), Some(bundle)) if pack.kind == Kind::Release => {
            Ok(Seen { pack, seal, bundle })
        }
        (Some(pack), ..) if pack.kind == Kind::Backup => {
            Err(Error::input(format!("{} is a backup, which nobody approves", pack.name), ""))
        }
        _ => Err(Error::refused(Finding::new(Code::SealMissing, SEAL))),
    }
}

/// Refuses to sign what nobody who trusts alike would count.
fn may(request: &Request<'_>, over: &Over<'_>) -> Result<()> {
    let expect = Expect {
        file: "the approval",
        right: Right::Approve,
        project: Some(over.project),
        kind: Some(Kind::Release),
    };
    let public = request.key.public();
    let signer = request.trust.may_sign(&public, expect, request.now).map_err(Error::refused)?;
    if signer.role != request.role {
        let message = format!("trust gives this key the role {}, not {}", signer.role, request.role);
        return Err(Error::usage(message, format!("--role {}", signer.role)));
    }
    if public.key_id() == over.sealer {
        let message = "this key sealed the release, and its approval would never count";
        return Err(Error::usage(message, "somebody else approves, with a key of their own"));
    }
    Ok(())
}

/// When this key approved this seal before; an error if something else has the name.
fn before(request: &Request<'_>, over: &Over<'_>, name: &str, path: &Path) -> Result<Option<Timestamp>> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let file = LaterFile { name: name.to_owned(), bytes };
    let collected = collect(&[file], over, request.trust);
    if let Some(approval) = collected.approvals.first() {
        return Ok(Some(approval.approved_at));
    }
    let findings: Vec<Finding> = collected
        .findings
        .into_iter()
        .map(|finding| Finding { severity: Severity::Error, ..finding })
        .collect();
    Err(Error::Refused(findings))
}
