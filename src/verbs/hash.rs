//! `hash`: scan, write the evidence section of the release notes, hash, write both manifests; or check what they say.

mod notes;

use crate::error::{Error, Result};
use crate::evidence::hashes::{self, listed_as};
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::digest::Digests;
use crate::format::listing::{Encoding, write_line};
use crate::format::path::PackPath;
use crate::pipeline::hash::{Hashed, Wanted, hash_files};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::pipeline::whole_file;
use crate::policy::Policy;
use crate::tree::member::MemberKind;
use crate::tree::scan::Scan;
use crate::verbs::seal::{OUT, preview};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What to hash, and by what.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that chooses the files, and says where the manifests lie.
    pub policy: &'a Policy,
    /// Worker threads.
    pub threads: usize,
}

/// What was hashed.
pub struct Hashing {
    /// How many files were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many files and links no rule takes.
    pub unmatched: u64,
    /// Checks and findings.
    pub outcome: Outcome,
}

/// Writes both manifests.
pub fn write(request: &Request<'_>, watch: &Watch) -> Result<Hashing> {
    let mut scan = scan_tree(request, watch)?;
    scan.refuse()?;
    let mut outcome = Outcome::default();
    if notes::write(request, &scan, &mut outcome, watch)? {
        scan = scan_tree(request, watch)?;
    }
    let manifests = &request.policy.hashes;
    let listed = || scan.members.iter().filter_map(|m| Some((m, listed_as(m, manifests)?)));
    let files = listed().filter(|(member, _)| member.kind == MemberKind::File);
    let wanted: Vec<_> = files.map(|(m, _)| Wanted { path: m.path.as_str(), size: m.size }).collect();
    watch.expect_bytes(wanted.iter().map(|file| file.size).sum());
    let hashed = hash_files(&Root::open(request.root)?, &wanted, request.threads, watch)?;
    let hashed: Vec<Hashed> = hashed.into_iter().collect::<Result<_>>()?;
    // A link has the digest of the file it ends at.
    let of = |file: &PackPath| wanted.binary_search_by(|wanted| wanted.path.cmp(file.as_str())).ok();
    let lines: Vec<(&PackPath, &Digests)> =
        listed().filter_map(|(member, file)| Some((&member.path, &hashed[of(file)?].1))).collect();
    if lines.is_empty() {
        let finding = Finding::new(Code::NothingSelected, request.root.display().to_string());
        return Err(Error::refused(finding.actual("nothing but the manifests themselves")));
    }
    put(request.root, &manifests.sha256, |out| {
        lines
            .iter()
            .try_for_each(|(path, digests)| write_line(out, Encoding::Plain, &digests.sha256, path.as_str()))
    })?;
    put(request.root, &manifests.blake3, |out| {
        lines
            .iter()
            .try_for_each(|(path, digests)| write_line(out, Encoding::Plain, &digests.blake3, path.as_str()))
    })?;
    outcome.conclude("files", format!("{} listed", lines.len()), scan.findings);
    let bytes = hashed.iter().map(|(size, _)| size).sum();
    Ok(Hashing { files: hashed.len() as u64, bytes, unmatched: scan.unmatched.len() as u64, outcome })
}

/// Checks the tree by both manifests.
pub fn check(request: &Request<'_>, watch: &Watch) -> Result<Hashing> {
    let scan = scan_tree(request, watch)?;
    let mut outcome = Outcome::default();
    let root = Root::open(request.root)?;
    let manifests = &request.policy.hashes;
    let checked = hashes::check(&root, &scan.members, manifests, request.threads, watch, &mut outcome)?;
    notes::check(request, &scan, &mut outcome, watch)?;
    // That nothing was there is said by the check itself. Warnings were said when the manifests were written.
    let refused =
        |finding: &Finding| finding.severity == Severity::Error && finding.code != Code::NothingSelected;
    let refused: Vec<Finding> = scan.findings.into_iter().filter(refused).collect();
    if !refused.is_empty() {
        outcome.conclude("tree", "what no manifest can list, or the policy requires", refused);
    }
    let unmatched = scan.unmatched.len() as u64;
    Ok(Hashing { files: checked.files, bytes: checked.bytes, unmatched, outcome })
}

/// The files that `seal` would take: what it wrote before is not among them.
fn scan_tree(request: &Request<'_>, watch: &Watch) -> Result<Scan> {
    preview(request.root, request.policy, &request.root.join(OUT), watch)
}

/// Puts a manifest in its place in the tree.
fn put(root: &Path, path: &PackPath, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<()> {
    let folder = root.join(path.parent().unwrap_or_default());
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    if !real(there)?.starts_with(real(root)?) {
        let message = format!("{} leads out of the tree", there.display());
        return Err(Error::input(message, "let [hashes] name a folder of the tree itself"));
    }
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    whole_file::replace(&folder.join(path.name()), write)
}

fn real(folder: &Path) -> Result<PathBuf> {
    folder.canonicalize().map_err(Error::io("open", folder))
}
