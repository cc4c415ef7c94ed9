//! The HASHES manifests of a tree: which files they list, and whether what they say still holds.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome, Severity, Status};
use crate::format::digest::{Blake3, Digests, Sha256};
use crate::format::hashes;
use crate::format::path::PackPath;
use crate::pipeline::hash::{Hashed, Wanted, hash_files};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::HashesPaths;
use crate::tree::member::{LinkTo, Member, MemberKind};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufReader, ErrorKind};

/// The file whose digest stands beside a member in the manifests: itself, or where a link ends. Folders, and the
/// manifests themselves, are not listed.
pub fn listed_as<'a>(member: &'a Member, manifests: &HashesPaths) -> Option<&'a PackPath> {
    let file = match &member.kind {
        MemberKind::File => &member.path,
        MemberKind::Link(link) => match &link.to {
            LinkTo::File(target) => target,
            _ => return None,
        },
        MemberKind::Dir => return None,
    };
    let is_manifest = |path: &PackPath| *path == manifests.sha256 || *path == manifests.blake3;
    (!is_manifest(&member.path) && !is_manifest(file)).then_some(file)
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Listed files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Checks every file of the tree that the policy takes, and every other one that is listed, by both manifests.
pub fn check(
    root: &Root,
    members: &[Member],
    manifests: &HashesPaths,
    threads: usize,
    watch: &Watch,
    outcome: &mut Outcome,
) -> Result<Checked> {
    let mut findings = Vec::new();
    let lists = [&manifests.sha256, &manifests.blake3].map(|path| List::read(root, path, &mut findings));
    outcome.conclude("manifests", format!("{}, {}", manifests.sha256, manifests.blake3), findings);
    let lists = Lists(lists);
    if lists.0.iter().all(Option::is_none) {
        outcome.skip("files", Status::Skipped, "no list says what they were");
        return Ok(Checked::default());
    }
    let entries = entries(members, manifests, &lists);
    let wanted: Vec<Wanted<'_>> = entries.iter().filter_map(Entry::wanted).collect();
    watch.expect_bytes(wanted.iter().map(|file| file.size).sum());
    let hashed = hash_files(root, &wanted, threads, watch)?;
    let of = |file: &PackPath| {
        let at = wanted.binary_search_by(|wanted| wanted.path.cmp(file.as_str()));
        at.ok().map(|at| &hashed[at])
    };
    let judged = entries.iter().filter_map(|entry| lists.judge(entry, of(entry.file)?));
    let mut findings: Vec<Finding> = judged.collect();
    let listed = entries.iter().filter(|entry| entry.wanted().is_some() && lists.lists(entry));
    let read = listed.filter_map(|entry| of(entry.file)?.as_ref().ok());
    let checked = read
        .fold(Checked::default(), |sum, (size, _)| Checked { files: sum.files + 1, bytes: sum.bytes + size });
    if checked.files == 0 {
        findings.push(Finding::new(Code::NothingChecked, "files"));
    }
    outcome.conclude("files", detail(checked, &findings), findings);
    Ok(checked)
}

fn detail(checked: Checked, findings: &[Finding]) -> String {
    let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match (checked.files, wrong) {
        (0, _) => "none was checked".to_owned(),
        (files, 0) => format!("{files} read, each as it was listed"),
        (files, wrong) => format!("{files} read, {wrong} not as listed"),
    }
}

/// A path to judge, and the file whose digest is its own.
struct Entry<'a> {
    path: &'a PackPath,
    file: &'a PackPath,
    size: u64,
    /// Whether the policy takes it; else only a manifest speaks of it.
    taken: bool,
}

impl<'a> Entry<'a> {
    /// What to read for it; nothing for a link, whose file is read anyway.
    fn wanted(&self) -> Option<Wanted<'a>> {
        (self.path == self.file).then_some(Wanted { path: self.path.as_str(), size: self.size })
    }
}

/// All paths that the policy takes or a manifest lists, in bytewise order, each once.
fn entries<'a>(members: &'a [Member], manifests: &HashesPaths, lists: &'a Lists) -> Vec<Entry<'a>> {
    let taken = members.iter().filter_map(|member| {
        let file = listed_as(member, manifests)?;
        Some(Entry { path: &member.path, file, size: member.size, taken: true })
    });
    let listed = lists.0.iter().flatten().flat_map(|list| list.digests.keys());
    let listed = listed.map(|path| Entry { path, file: path, size: 0, taken: false });
    let mut entries: Vec<Entry<'_>> = taken.chain(listed).collect();
    // Three runs that are sorted already: a merge. What the policy takes comes first among equals, and stays.
    entries.sort_by(|a, b| a.path.cmp(b.path));
    entries.dedup_by(|later, first| later.path == first.path);
    entries
}

/// One manifest.
struct List {
    digests: BTreeMap<PackPath, [u8; 32]>,
    /// Whether every line could be read, so that what is not in it was not listed.
    is_whole: bool,
}

impl List {
    fn read(root: &Root, path: &PackPath, findings: &mut Vec<Finding>) -> Option<List> {
        match root.open_file(path.as_str()) {
            Ok((file, _)) => {
                let (digests, faults) = hashes::read(BufReader::new(file));
                findings.extend(faults.iter().map(|fault| fault.finding(path.as_str())));
                Some(List { digests, is_whole: faults.is_empty() })
            }
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                findings.push(Finding::new(Code::HashesMissing, path.as_str()));
                None
            }
            Err(error) => {
                findings.push(unreadable(path, &error));
                None
            }
        }
    }
}

/// The SHA-256 list and the BLAKE3 list, as far as they are there.
struct Lists([Option<List>; 2]);

impl Lists {
    fn lists(&self, entry: &Entry<'_>) -> bool {
        self.0.iter().flatten().any(|list| list.digests.contains_key(entry.path))
    }

    /// What is wrong with a path, if anything: one finding, the gravest.
    fn judge(&self, entry: &Entry<'_>, hashed: &Result<Hashed>) -> Option<Finding> {
        match hashed {
            Ok((_, digests)) => self.altered(entry, digests).or_else(|| self.extra(entry)),
            Err(_) if !self.lists(entry) && !entry.taken => None,
            Err(Error::Io { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Some(Finding::new(Code::Missing, entry.path.as_str()))
            }
            Err(error) => Some(unreadable(entry.path, error)),
        }
    }

    /// A file that has not the digest that is listed.
    fn altered(&self, entry: &Entry<'_>, found: &Digests) -> Option<Finding> {
        let listed = |list: &Option<List>| list.as_ref()?.digests.get(entry.path).copied();
        let finding = |algorithm: &str, listed: &dyn Display, found: &dyn Display| {
            Finding::new(Code::Altered, entry.path.as_str())
                .expected(format!("{algorithm} {listed}"))
                .actual(format!("{algorithm} {found}"))
        };
        let sha256 = listed(&self.0[0]).map(Sha256).filter(|listed| *listed != found.sha256);
        let blake3 = listed(&self.0[1]).map(Blake3).filter(|listed| *listed != found.blake3);
        let sha256 = sha256.map(|listed| finding("sha256", &listed, &found.sha256));
        sha256.or_else(|| blake3.map(|listed| finding("blake3", &listed, &found.blake3)))
    }

    /// A file that the policy takes and a list lacks.
    fn extra(&self, entry: &Entry<'_>) -> Option<Finding> {
        let lacks = |list: &&List| list.is_whole && !list.digests.contains_key(entry.path);
        (entry.taken && self.0.iter().flatten().any(|list| lacks(&list)))
            .then(|| Finding::new(Code::Extra, entry.path.as_str()).actual("not listed"))
    }
}

/// A file that is there, and cannot be read as one.
fn unreadable(path: &PackPath, error: &Error) -> Finding {
    let Error::Io { source, .. } = error else {
        return Finding::new(Code::Unreadable, path.as_str()).actual(error);
    };
    let is_link = source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    match source.kind() {
        _ if is_link => Finding::new(Code::Altered, path.as_str()).actual("a link to something else"),
        ErrorKind::InvalidInput | ErrorKind::IsADirectory => {
            Finding::new(Code::Altered, path.as_str()).actual("no longer a regular file")
        }
        _ => Finding::new(Code::Unreadable, path.as_str()).actual(source),
    }
}
