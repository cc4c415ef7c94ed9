//! `diff`: what differs between two packs, archives or trees. A pack is judged first; what does not verify is not
//! compared.

use crate::error::{Error, Result};
use crate::evidence::changes::Changes;
use crate::evidence::described::{Described, Tree};
use crate::evidence::receipt::SUFFIX;
use crate::evidence::seal::SEAL;
use crate::finding::{Code, Finding, Outcome, Severity, Verdict};
use crate::format::kind::Kind;
use crate::keys::identity::Identity;
use crate::keys::trust::Trust;
use crate::pipeline::watch::Watch;
use crate::tree::scan::{ScanOptions, scan};
use crate::tree::{git, policy_file, version};
use crate::verbs::seal::OUT;
use crate::verbs::target::Target;
use crate::verbs::verify;
use std::path::{Path, PathBuf};

/// What to compare, and by what to judge it.
pub struct Request<'a> {
    /// The first side.
    pub a: Side,
    /// The second side: what is only here was added.
    pub b: Side,
    /// Who may have sealed the packs.
    pub trust: &'a Trust,
    /// What decrypts archives; empty if nothing was given.
    pub identities: &'a [Identity],
    /// The policy that chooses the files of the trees; without one, each tree's own.
    pub policy: Option<&'a Path>,
    /// Worker threads.
    pub threads: usize,
}

/// What a side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// An archive, or the folder of a pack.
    Pack(Target),
    /// A bag that attestar did not make. Nothing of it is signed.
    Bag(PathBuf),
    /// Any other folder.
    Tree(PathBuf),
}

/// What came of it.
pub struct Diff {
    /// What was found out about each side.
    pub sides: [Judged; 2],
    /// What differs; nothing if a side does not verify, or could not be read.
    pub changes: Option<Changes>,
    /// What the whole comes to: that nothing differs is not part of it.
    pub verdict: Verdict,
}

/// A side, and what was found out about it.
#[derive(Default)]
pub struct Judged {
    /// The checks of a pack; of a tree only what is worth saying.
    pub outcome: Outcome,
    /// The project, where something says which.
    pub project: Option<String>,
    /// The version, where something says which.
    pub version: Option<String>,
    /// The policy that chose the files of a tree: where it was found.
    pub policy: Option<String>,
}

/// Compares two sides.
pub fn diff(request: &Request<'_>, watch: &Watch) -> Result<Diff> {
    let (mut a, read_a) = judge(request, &request.a, watch)?;
    let (mut b, read_b) = judge(request, &request.b, watch)?;
    let verdict = verdict(&[(&request.a, &a.outcome), (&request.b, &b.outcome)]);
    let readable = |side: &Side, read: &Option<Described>| read.is_some() || matches!(side, Side::Tree(_));
    let is_shown = matches!(verdict, Verdict::Holds | Verdict::Unverified)
        && readable(&request.a, &read_a)
        && readable(&request.b, &read_b);
    if !is_shown {
        return Ok(Diff { sides: [a, b], changes: None, verdict });
    }
    // A tree is described as what it would be beside the pack.
    let kind = read_a.as_ref().or(read_b.as_ref()).map_or(Kind::Release, |pack| pack.kind);
    let describe = |read: Option<Described>, at: &Side, other: &Side, judged: &mut Judged| match (read, at) {
        (None, Side::Tree(root)) => tree(request, root, other, kind, judged, watch),
        (Some(described), _) => Ok(described),
        (None, _) => Err(Error::Interrupted),
    };
    let described_a = describe(read_a, &request.a, &request.b, &mut a)?;
    let described_b = describe(read_b, &request.b, &request.a, &mut b)?;
    let changes = Changes::between(&described_a, &described_b)?;
    let is_nothing = changes.compared.a == 0 && changes.compared.b == 0;
    let verdict = if is_nothing { Verdict::Unverified } else { verdict };
    Ok(Diff { sides: [a, b], changes: Some(changes), verdict })
}

/// Verifies a pack by its evidence alone, and gives what it says if that could be read. A tree says nothing yet.
fn judge(request: &Request<'_>, side: &Side, watch: &Watch) -> Result<(Judged, Option<Described>)> {
    let mut judged = Judged::default();
    match side {
        Side::Tree(_) => Ok((judged, None)),
        Side::Bag(path) => {
            let finding = Finding::new(Code::SealMissing, path.join(SEAL).display().to_string());
            let why = "a bag of another tool has none, and is not compared";
            judged.outcome.conclude("seal", why, vec![finding]);
            Ok((judged, None))
        }
        Side::Pack(target) => {
            let to_verify = verify::Request {
                target: target.clone(),
                shelf: None,
                trust: request.trust,
                identities: request.identities,
                tree: None,
                evidence_only: true,
                allow_unsigned: false,
                policy: None,
                // Who approves wants to see what differs first.
                approvals: false,
                threads: request.threads,
            };
            let verified = match verify::verify(&to_verify, watch) {
                Err(Error::Refused(findings)) => {
                    judged.outcome.conclude("archive", "it cannot be read", findings);
                    return Ok((judged, None));
                }
                Err(Error::Unavailable { message, .. }) => {
                    verify::shut(Path::new(target.receipt_subject()), message, &mut judged.outcome);
                    return Ok((judged, None));
                }
                verified => verified?,
            };
            judged.outcome = verified.outcome;
            judged.project = verified.pack.as_ref().map(|pack| pack.project.clone());
            judged.version = verified.pack.as_ref().map(|pack| pack.version.clone());
            // What does not verify is not looked into any further.
            let is_readable = matches!(judged.outcome.verdict(), Verdict::Holds | Verdict::Unverified);
            let read = verified.pack.zip(verified.contents).filter(|_| is_readable);
            let described = read.map(|(pack, contents)| Described::pack(pack, contents)).transpose()?;
            Ok((judged, described))
        }
    }
}

/// What the judged packs come to; a tree needs no judge.
fn verdict(sides: &[(&Side, &Outcome); 2]) -> Verdict {
    let errors = || sides.iter().flat_map(|(_, outcome)| outcome.errors());
    let holds = |(side, outcome): &(&Side, &Outcome)| {
        matches!(side, Side::Tree(_)) || outcome.verdict() == Verdict::Holds
    };
    let without = if sides.iter().all(holds) { Verdict::Holds } else { Verdict::Unverified };
    Verdict::of(errors().collect::<Vec<_>>().into_iter()).unwrap_or(without)
}

/// Scans and hashes a tree under the policy that was named, else under its own.
fn tree(
    request: &Request<'_>,
    root: &Path,
    other: &Side,
    kind: Kind,
    judged: &mut Judged,
    watch: &Watch,
) -> Result<Described> {
    let policy = policy_file::load(root, request.policy)?;
    judged.policy = Some(policy.source.to_string());
    let excluded = [vec![root.join(OUT)], other.places()].concat();
    let progress = |_| watch.check();
    let scan = scan(root, &policy, &ScanOptions { kind, excluded: &excluded, progress: &progress })?;
    let git = git::facts(root)?;
    // What a checkout's folder happens to be called tells nothing.
    let project = version::project_name(root, &policy).ok().filter(|told| told.by != version::BY_FOLDER);
    judged.project = project.map(|told| told.value);
    judged.version = version::version(root, &policy, None, git.as_ref()).ok().map(|told| told.value);
    let scanned = Tree {
        root,
        policy: &policy,
        kind,
        scan: &scan,
        project: judged.project.clone(),
        version: judged.version.clone(),
    };
    let (described, findings) = Described::tree(scanned, request.threads, watch)?;
    // What could not be sealed can be compared all the same, as far as it goes.
    let warning = |finding| Finding { severity: Severity::Warning, ..finding };
    judged.outcome.notes = scan.findings.into_iter().chain(findings).map(warning).collect();
    Ok(described)
}

impl Side {
    /// Finds out what lies there. What claims to be a pack is held to it.
    pub fn find(path: &Path) -> Result<Side> {
        let metadata = std::fs::metadata(path).map_err(Error::io("open", path))?;
        if !metadata.is_dir() {
            return Target::find(path).map(Side::Pack);
        }
        if verify::is_pack(path) && path.join("tagmanifest-sha256.txt").is_file() || path.join(SEAL).is_file()
        {
            return Target::find(path).map(Side::Pack);
        }
        let is_bag = path.join("bagit.txt").is_file();
        Ok(if is_bag { Side::Bag(path.to_owned()) } else { Side::Tree(path.to_owned()) })
    }

    /// Whether it cannot be read without decrypting it.
    pub fn needs_identity(&self) -> bool {
        match self {
            Side::Pack(target @ Target::Archive { encrypted, .. }) => {
                *encrypted && target.evidence_beside().is_none()
            }
            Side::Pack(Target::Folder { .. }) | Side::Bag(_) | Side::Tree(_) => false,
        }
    }

    /// The files and folders that belong to a pack: in a tree they are never payload.
    fn places(&self) -> Vec<PathBuf> {
        let Side::Pack(target) = self else { return Vec::new() };
        let (Target::Archive { path, .. } | Target::Folder { path, .. }) = target;
        let name = target.pack_name();
        let archives = [format!("{name}.tar.zst"), format!("{name}.tar.zst.age")];
        let receipts = archives.clone().map(|archive| format!("{archive}{SUFFIX}"));
        let names = archives.into_iter().chain(receipts).chain([name.to_owned()]);
        // `.` has no parent that could be named.
        let Ok(path) = path.canonicalize() else { return Vec::new() };
        names.map(|name| path.with_file_name(name)).collect()
    }
}
