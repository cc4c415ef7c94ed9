//! `gate --stage promote|close --pack PACK`: the gates of a stage that comes after the seal. The pack must verify first;
//! what is not in it (canary reports, the decision log, a retrospective) is read from the tree. The result is signed over
//! the tag manifest and laid beside the seal, whether it lets the release go or not.

use crate::error::{Error, Result};
use crate::evidence::agreement::small;
use crate::evidence::approvals::{Over, collect};
use crate::evidence::closure::TAG_MANIFEST;
use crate::evidence::gates::events::Reader;
use crate::evidence::gates::programs::Environment;
use crate::evidence::gates::said::Said;
use crate::evidence::gates::stages::{file_name, waiver_name};
use crate::evidence::gates::waivers::WaiverFile;
use crate::evidence::gates::{Evaluation, record};
use crate::evidence::later;
use crate::evidence::seal::SEAL;
use crate::finding::{Code, Finding, Outcome, Severity, Verdict};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::keys::identity::Identity;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::pipeline::watch::Watch;
use crate::pipeline::whole_file;
use crate::policy::Policy;
use crate::policy::gate::evidence::Approval;
use crate::policy::gate::{Stage, Status};
use crate::tree::git;
use crate::tree::scan::{Scan, ScanOptions, scan};
use crate::verbs::gate::{Gated, Judged, known};
use crate::verbs::origin::origin;
use crate::verbs::seal::not_payload;
use crate::verbs::target::Target;
use crate::verbs::verify::{self, Verified};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// What to evaluate over which pack.
pub struct Request<'a> {
    /// The tree that the evidence of this stage lies in.
    pub root: &'a Path,
    /// The policy whose gates they are.
    pub policy: &'a Policy,
    /// The pack: its evidence folder, or the archive beside that.
    pub pack: Target,
    /// `promote` or `close`.
    pub stage: Stage,
    /// Only the gates of these ids; empty for all. A part of a stage is not signed.
    pub only: &'a [String],
    /// The folder of the tree that gets what is sealed, which is never looked at.
    pub out: &'a Path,
    /// By whom the pack, and earlier ones, must be sealed, and who may approve.
    pub trust: &'a Trust,
    /// What decrypts the archive, where no evidence lies beside it.
    pub identities: &'a [Identity],
    /// Signed waivers.
    pub waivers: &'a [WaiverFile],
    /// The tier, if it was given.
    pub tier: Option<&'a str>,
    /// Tells the time.
    pub now: Timestamp,
    /// The environment for programs of the policy's gates; `None` unless whoever runs this named the policy.
    pub programs: Option<Environment<'a>>,
    /// Reads the log of the policy's store, if a gate asks for what happened.
    pub events: Reader<'a>,
    /// Signs the result; `None` to look only.
    pub key: Option<&'a SigningKey>,
    /// Worker threads.
    pub threads: usize,
}

/// What came of it.
pub struct Staged<'p> {
    /// What the pack came to. Unless it verifies, nothing was evaluated.
    pub pack: Outcome,
    /// The gates, if they were evaluated.
    pub gated: Option<Gated<'p>>,
    /// What is worth saying of policy and tree.
    pub notes: Vec<Finding>,
    /// The signed result, if it was signed.
    pub signed: Option<PathBuf>,
}

/// Evaluates a stage over a pack, and signs what it came to.
pub fn stage<'p>(request: &Request<'p>, watch: &Watch) -> Result<Staged<'p>> {
    ask_for_what_can_be(request)?;
    let mut verified = verified(request, watch)?;
    let approvals = approvals(request, &mut verified)?;
    let (Some(pack), Some(contents)) = (&verified.pack, &verified.contents) else {
        return Ok(unverified(verified.outcome));
    };
    if verified.outcome.verdict() != Verdict::Holds {
        return Ok(unverified(verified.outcome));
    }
    if pack.kind != Kind::Release {
        return Err(Error::input(format!("{} is a backup: gates are of releases", pack.name), ""));
    }
    let said = Said::read(&contents.tags, pack, request.trust, verified.receipt.as_ref())?;
    let (evaluation, commit) = evaluate(request, pack, &said, approvals, watch)?;
    watch.check()?;
    let signed = match request.key {
        Some(key) if counts(&evaluation) => {
            let tag_manifest = small(&contents.tags, TAG_MANIFEST)?.unwrap_or_default();
            let release = Sealed { pack, commit: said.commit(), tag_manifest: Sha256::of(&tag_manifest) };
            Some(sign(request, &release, &evaluation, key)?)
        }
        _ => None,
    };
    Ok(Staged {
        notes: notes(request, pack, said.commit(), commit.as_deref()),
        gated: Some(Gated { project: pack.project.clone(), version: pack.version.clone(), evaluation }),
        pack: verified.outcome,
        signed,
    })
}

fn unverified<'p>(pack: Outcome) -> Staged<'p> {
    Staged { pack, gated: None, notes: Vec::new(), signed: None }
}

fn ask_for_what_can_be(request: &Request<'_>) -> Result<()> {
    if request.stage == Stage::Seal {
        return Err(Error::usage(
            "the gates of stage seal are evaluated before there is a pack",
            "leave --pack out, or say --stage promote or close",
        ));
    }
    if request.key.is_some() && !request.only.is_empty() {
        return Err(Error::usage(
            "a part of a stage is not signed",
            "leave --only out, or --key to look at these gates alone",
        ));
    }
    known(request.policy, request.stage, request.only)
}

/// The pack's evidence. Its payload is not what this stage is about, and may be far away.
fn verified(request: &Request<'_>, watch: &Watch) -> Result<Verified> {
    let request = verify::Request {
        target: request.pack.clone(),
        shelf: None,
        trust: request.trust,
        identities: request.identities,
        tree: None,
        evidence_only: true,
        allow_unsigned: false,
        approvals: false,
        policy: None,
        threads: request.threads,
    };
    verify::verify(&request, watch)
}

/// The approvals over the seal. One that does not verify refutes; how many there must be is a gate's business here.
fn approvals(
    request: &Request<'_>,
    verified: &mut Verified,
) -> Result<std::result::Result<Vec<Approval>, String>> {
    let (Some(pack), Some(seal), Some(contents)) = (&verified.pack, &verified.seal, &verified.contents)
    else {
        return Ok(Err("approvals can be judged only over a seal that holds".to_owned()));
    };
    let bundle = small(&contents.tags, SEAL)?.unwrap_or_default();
    let later = later::read(&request.pack.evidence_folder())?;
    let collected = collect(&later.files, &Over::of(pack, seal, &bundle), request.trust);
    let findings: Vec<Finding> = collected.findings.into_iter().chain(later.findings).collect();
    if !findings.is_empty() {
        verified.outcome.conclude("approvals", "not all of them count", findings);
    }
    Ok(Ok(collected.approvals))
}

/// Evaluates the gates; gives the commit that the tree is at, too.
fn evaluate<'p>(
    request: &Request<'p>,
    pack: &Pack,
    said: &Said,
    approvals: std::result::Result<Vec<Approval>, String>,
    watch: &Watch,
) -> Result<(Evaluation<'p>, Option<String>)> {
    let facts = git::facts(request.root)?;
    let excluded = excluded(request)?;
    let scan = scanned(request, &excluded, watch)?;
    let origin = origin(request.root, request.policy, &pack.version, facts, &excluded, &|_| None)?;
    let beside = request.pack.folder_of()?;
    let judged = Judged {
        root: request.root,
        policy: request.policy,
        origin: &origin,
        project: &pack.project,
        version: &pack.version,
        commit: said.commit(),
        tier: request.tier,
        stage: request.stage,
        only: request.only,
        out: &beside,
        trust: request.trust,
        now: request.now,
        programs: request.programs,
        events: request.events,
        approvals,
        waivers: request.waivers,
        threads: request.threads,
    };
    let evaluation = judged.evaluate(&scan, watch)?;
    Ok((evaluation, origin.git.and_then(|git| git.commit)))
}

fn scanned(request: &Request<'_>, excluded: &[PathBuf], watch: &Watch) -> Result<Scan> {
    let progress = |_| watch.check();
    scan(request.root, request.policy, &ScanOptions { kind: Kind::Release, excluded, progress: &progress })
}

/// What is never looked at: the output folder of the tree, and the pack itself wherever it lies.
fn excluded(request: &Request<'_>) -> Result<Vec<PathBuf>> {
    let mut excluded = not_payload(request.root, request.policy, request.out);
    let folder = request.pack.folder_of()?;
    // A folder that holds the tree is no place to leave out.
    let root = request.root.canonicalize().map_err(Error::io("open", request.root))?;
    if root.starts_with(&folder) {
        let name = request.pack.pack_name();
        let files = ["", ".tar.zst", ".tar.zst.age", ".tar.zst.sigstore.json", ".tar.zst.age.sigstore.json"];
        excluded.extend(files.iter().map(|suffix| folder.join(format!("{name}{suffix}"))));
    } else {
        excluded.push(folder);
    }
    Ok(excluded)
}

/// A stage of which no gate applied says nothing that is worth a signature. Neither does one that was asked for with what
/// cannot be: a waiver that does not count, a policy that has expired.
fn counts(evaluation: &Evaluation<'_>) -> bool {
    let ran = evaluation.gates.iter().any(|gate| gate.status() != Status::Skipped);
    ran && evaluation.besides.iter().all(|finding| finding.severity == Severity::Warning)
}

/// The pack that a result is of.
struct Sealed<'a> {
    pack: &'a Pack,
    commit: Option<&'a str>,
    tag_manifest: Sha256,
}

/// Signs the result, and lays it beside the seal: over the one that this key signed before.
fn sign(
    request: &Request<'_>,
    sealed: &Sealed<'_>,
    evaluation: &Evaluation<'_>,
    key: &SigningKey,
) -> Result<PathBuf> {
    let evidence = request.pack.evidence_folder();
    if !evidence.join(SEAL).is_file() {
        let message = format!("there is no seal in {} to lay the result beside", evidence.display());
        return Err(Error::input(message, "keep the evidence folder beside the archive"));
    }
    let about = record::About {
        policy: request.policy,
        pack: &sealed.pack.name,
        project: &sealed.pack.project,
        version: &sealed.pack.version,
        commit: sealed.commit,
        time_verified: Some(request.now),
    };
    let statement = about.summary(evaluation).over_sealed(sealed.tag_manifest);
    let bundle = key.sign_statement(&statement).to_bytes();
    for lifted in &evaluation.lifted {
        let waiver = evidence.join(waiver_name(request.stage, &lifted.gate));
        whole_file::replace(&waiver, |out| out.write_all(&lifted.bundle))?;
    }
    let path = evidence.join(file_name(request.stage, key.public().digest()));
    whole_file::replace(&path, |out| out.write_all(&bundle))?;
    Ok(path)
}

/// That another policy or another commit was used than was sealed.
fn notes(request: &Request<'_>, pack: &Pack, sealed: Option<&str>, tree: Option<&str>) -> Vec<Finding> {
    let mut notes = Vec::new();
    if request.policy.sha256 != pack.policy.sha256 {
        let finding = Finding::new(Code::OtherPolicy, request.policy.source.to_string());
        let expected = format!("sha256 {}", pack.policy.sha256);
        notes.push(finding.expected(expected).actual(format!("sha256 {}", request.policy.sha256)));
    }
    if let (Some(sealed), Some(tree)) = (sealed, tree)
        && sealed != tree
    {
        let finding = Finding::new(Code::OtherCommit, request.root.display().to_string());
        notes.push(finding.expected(format!("commit {sealed}")).actual(format!("commit {tree}")));
    }
    notes
}
