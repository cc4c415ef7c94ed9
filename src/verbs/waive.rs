//! `waive`: signs that one gate need not hold for one release.

use crate::error::{Error, Result};
use crate::evidence::gates::waivers::{not_waivable, unknown_gate};
use crate::finding::Finding;
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::seal::PolicyRef;
use crate::format::waiver::Waiver;
use crate::keys::public::PublicKey;
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::keys::verify::Expect;
use crate::pipeline::whole_file;
use crate::policy::Policy;
use crate::tree::git;
use crate::tree::version;
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 2_000;

/// What to waive.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that the gate is in.
    pub policy: &'a Policy,
    /// The gate's id.
    pub gate: &'a str,
    /// The version that it need not hold for.
    pub version: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Until when.
    pub until: Timestamp,
    /// The role, which must be the one that trust gives the key.
    pub role: &'a str,
    /// Signs.
    pub key: &'a SigningKey,
    /// Who may waive.
    pub trust: &'a Trust,
    /// The folder that gets the waiver, unless a file is named.
    pub folder: &'a Path,
    /// The file that gets it.
    pub out: Option<&'a Path>,
    /// The present.
    pub now: Timestamp,
}

/// What was signed.
pub struct Signed {
    /// What it says.
    pub waiver: Waiver,
    /// Where it lies.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// Who signed.
    pub signer: PublicKey,
}

/// Signs a waiver, if whoever trusts alike will take it; never over a file that is there.
pub fn waive(request: &Request<'_>) -> Result<Signed> {
    let facts = git::facts(request.root)?;
    let project = version::project_name(request.root, request.policy)?.value;
    let version =
        version::version(request.root, request.policy, Some(request.version), facts.as_ref())?.value;
    sensible(request)?;
    may(request, &project)?;
    let waiver = Waiver {
        project,
        kind: Kind::Release,
        version,
        commit: facts.and_then(|facts| facts.commit),
        policy: PolicyRef { name: request.policy.name.clone(), sha256: request.policy.sha256 },
        gate: request.gate.to_owned(),
        role: request.role.to_owned(),
        reason: request.reason.trim().to_owned(),
        until: request.until,
    };
    let bundle = request.key.sign_statement(&waiver.clone().of_policy()).to_bytes();
    let path = request.out.map_or_else(|| request.folder.join(file_name(&waiver)), Path::to_owned);
    write(&path, &bundle)?;
    Ok(Signed { waiver, path, sha256: Sha256::of(&bundle), signer: request.key.public() })
}

/// Refuses a waiver that could lift nothing.
fn sensible(request: &Request<'_>) -> Result<()> {
    let Some(gate) = request.policy.gates.iter().find(|gate| gate.id == request.gate) else {
        let ids: Vec<&str> = request.policy.gates.iter().map(|gate| &*gate.id).collect();
        return Err(Error::usage(
            unknown_gate(request.policy, request.gate),
            format!("its gates: {}", if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }),
        ));
    };
    if !gate.kind.waivable {
        let hint = "mend what it finds: secrets and integrity are never waived";
        return Err(Error::usage(not_waivable(&gate.id, gate.kind), hint));
    }
    if request.until <= request.now {
        let message = format!("the waiver would have ended already, at {}", request.until);
        return Err(Error::usage(message, "--until a later time, for example --until 24h"));
    }
    let reason = request.reason.trim();
    let why = match reason {
        "" => "is empty",
        reason if reason.chars().any(char::is_control) => "has control characters in it",
        reason if reason.len() > REASON_BYTES_MAX => "is longer than 2,000 bytes",
        _ => return Ok(()),
    };
    Err(Error::usage(format!("the reason {why}"), "--reason \"why this release cannot wait\""))
}

/// Refuses to sign what nobody who trusts alike would take.
fn may(request: &Request<'_>, project: &str) -> Result<()> {
    let expect =
        Expect { file: "the waiver", right: Right::Waive, project: Some(project), kind: Some(Kind::Release) };
    let may = request.trust.may_sign(&request.key.public(), expect, request.now);
    let signer = may.map_err(|finding: Finding| Error::refused(finding))?;
    if signer.role == request.role {
        return Ok(());
    }
    let message = format!("trust gives this key the role {}, not {}", signer.role, request.role);
    Err(Error::usage(message, format!("--role {}", signer.role)))
}

/// `shop-1.0.0.waiver.release-window.sigstore.json`
fn file_name(waiver: &Waiver) -> String {
    format!("{}-{}.waiver.{}.sigstore.json", waiver.project, waiver.version, waiver.gate)
}

fn write(path: &Path, bundle: &[u8]) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        let message = format!("{} is there already; a waiver is never overwritten", path.display());
        return Err(Error::input(message, "--out another file, or move it away"));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    whole_file::create(path, |out| out.write_all(bundle))
}
