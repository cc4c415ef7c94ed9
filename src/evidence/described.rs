//! What one side of a comparison says of itself: a pack in its tag files, a tree by what was scanned and hashed.

use crate::error::{Error, Result};
use crate::evidence::artifacts::Artifacts;
use crate::evidence::compose::release_member;
use crate::evidence::ddl;
use crate::evidence::payload::{Fault, Lists};
use crate::evidence::sbom::{self, CYCLONEDX, Format, Sbom, Subject};
use crate::finding::{Code, Finding};
use crate::format::bom::release::ReleaseFile;
use crate::format::class::Class;
use crate::format::cyclonedx::read::{BOM_BYTES_MAX, Bom, BomFault};
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::member::{FileType, Member};
use crate::format::pack::Pack;
use crate::format::path::PackPath;
use crate::format::seal::PolicyRef;
use crate::pipeline::contents::Contents;
use crate::pipeline::hash::{Hashed, Wanted, hash_files};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::tree::member::{Member as Scanned, MemberKind};
use crate::tree::scan::Scan;
use crate::tree::software;
use std::path::Path;

/// One side of a comparison.
pub struct Described {
    /// Whose release or backup it is; absent where nothing but a folder's name says so.
    pub project: Option<String>,
    /// Its version, where something says which.
    pub version: Option<String>,
    /// Release or backup. A tree is described as what it would become.
    pub kind: Kind,
    /// The policy that chose the files.
    pub policy: PolicyRef,
    /// What its DDL files define; absent where there are none, or where an earlier attestar did not look.
    pub ddl: Option<DdlPack>,
    /// Its SBOM; absent where there is none.
    pub bom: Option<Bom>,
    /// Where the files come from.
    pub source: Source,
}

/// Where the files of a side come from.
pub enum Source {
    /// The tag files of a pack: its lists are read again for each look at them, and never kept.
    Pack(Contents),
    /// A tree that was hashed, in bytewise order of the path.
    Tree(Vec<Entry>),
}

/// A file, folder or link, in as little memory as a million of them call for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies in the tree.
    pub path: PackPath,
    /// What the policy says it is for.
    pub class: Option<Class>,
    /// Permission bits.
    pub mode: u16,
    /// What it is, and what is in it.
    pub what: What,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A regular file.
    File {
        /// Bytes of content.
        size: u64,
        /// Their digest.
        sha256: Sha256,
    },
    /// A folder that is a member of its own.
    Folder,
    /// A symbolic link, with the text it holds.
    Link(Box<str>),
}

impl Described {
    /// A pack, from what was read of it. The seal and the closure are judged elsewhere.
    pub fn pack(pack: Pack, contents: Contents) -> Result<Described> {
        Ok(Described {
            project: Some(pack.project),
            version: Some(pack.version),
            kind: pack.kind,
            policy: pack.policy,
            ddl: pack.ddl,
            bom: bom(&contents)?,
            source: Source::Pack(contents),
        })
    }

    /// A tree, whose files are hashed and whose lockfiles, artifacts and DDL are read here. Gives what is worth saying of
    /// it, too.
    pub fn tree(tree: Tree<'_>, threads: usize, watch: &Watch) -> Result<(Described, Vec<Finding>)> {
        let root = Root::open(tree.root)?;
        let members = &tree.scan.members;
        let hashed = hashed(&root, members, threads, watch)?;
        let (sbom, document) = tree.sbom(&root, &hashed, watch)?;
        let bom = Bom::parse(&document).map_err(|fault| invalid(&fault))?;
        let policy = PolicyRef { name: tree.policy.name.clone(), sha256: tree.policy.sha256 };
        let entries = members.iter().zip(&hashed).map(|(member, hashed)| entry(member, *hashed, tree.kind));
        let described = Described {
            policy,
            kind: tree.kind,
            ddl: ddl::gather(&root, tree.policy, members, watch)?.pack,
            bom: Some(bom),
            source: Source::Tree(entries.collect()),
            project: tree.project,
            version: tree.version,
        };
        Ok((described, sbom.findings))
    }

    /// Every file, folder and link, in bytewise order of the path.
    pub fn entries(&self) -> Result<Entries<'_>> {
        Ok(match &self.source {
            Source::Tree(entries) => Entries::Tree(entries.iter()),
            Source::Pack(contents) => {
                let lists = Lists::open(&contents.tags, self.kind).map_err(Error::refused)?;
                Entries::Pack(Box::new(lists))
            }
        })
    }
}

/// A tree that was scanned.
pub struct Tree<'a> {
    /// Where it is.
    pub root: &'a Path,
    /// The policy that it was scanned under.
    pub policy: &'a Policy,
    /// What it would become.
    pub kind: Kind,
    /// What the scan found.
    pub scan: &'a Scan,
    /// The project, where something says which.
    pub project: Option<String>,
    /// The version, where something says which.
    pub version: Option<String>,
}

impl Tree<'_> {
    /// The SBOM that a seal would write, but for its time.
    fn sbom(&self, root: &Root, hashed: &[Hashed], watch: &Watch) -> Result<(Sbom, Vec<u8>)> {
        let members = &self.scan.members;
        let mut said = software::lockfiles(self.root, self.scan, self.policy, watch)?;
        said.extend(Artifacts::new(members, self.policy).read_all(root, watch)?);
        let artifacts = members.iter().zip(hashed).filter(|(member, _)| member.is_artifact());
        let file = |(member, &(size, digests)): (&Scanned, &Hashed)| ReleaseFile {
            path: member.path.clone(),
            digests,
            size,
        };
        let subject = Subject {
            project: self.project.as_deref().unwrap_or("tree"),
            version: self.version.as_deref(),
            supplier: self.policy.supplier.as_deref(),
            epoch_s: 0,
        };
        let files = artifacts.map(file).collect();
        let (sbom, [document]) = sbom::write(&subject, said, files, [Format::CycloneDx]);
        Ok((sbom, document))
    }
}

/// The SBOM of a pack.
fn bom(contents: &Contents) -> Result<Option<Bom>> {
    let bytes = contents.tags.read(CYCLONEDX, BOM_BYTES_MAX as u64).map_err(Error::io("read", CYCLONEDX))?;
    match bytes {
        Some(bytes) => Bom::parse(&bytes).map(Some).map_err(|fault| invalid(&fault)),
        None if contents.tags.size(CYCLONEDX).is_some() => Err(invalid(&BomFault::TooLarge)),
        None => Ok(None),
    }
}

fn invalid(fault: &BomFault) -> Error {
    Error::refused(Finding::new(Code::SbomInvalid, CYCLONEDX).actual(fault))
}

/// Both digests of each file; of folders and links those of nothing.
fn hashed(root: &Root, members: &[Scanned], threads: usize, watch: &Watch) -> Result<Vec<Hashed>> {
    let files = members.iter().filter(|member| member.kind == MemberKind::File);
    let wanted: Vec<Wanted<'_>> = files.map(|m| Wanted { path: m.path.as_str(), size: m.size }).collect();
    watch.expect_bytes(wanted.iter().map(|file| file.size).sum());
    let mut hashed = hash_files(root, &wanted, threads, watch)?.into_iter();
    let one = |member: &Scanned| match member.kind {
        MemberKind::File => hashed.next().unwrap_or(Err(Error::Interrupted)),
        MemberKind::Dir | MemberKind::Link(_) => Ok(Hashed::default()),
    };
    members.iter().map(one).collect()
}

/// A scanned member in the form that a pack would give it.
fn entry(scanned: &Scanned, (size, digests): Hashed, kind: Kind) -> Entry {
    let what = match &scanned.kind {
        MemberKind::File => What::File { size, sha256: digests.sha256 },
        MemberKind::Dir => What::Folder,
        MemberKind::Link(link) => What::Link(link.target.clone()),
    };
    let mode = match kind {
        Kind::Release => release_member(scanned, 0).mode as u16,
        Kind::Backup => scanned.mode,
    };
    Entry { path: scanned.path.clone(), class: scanned.class, mode, what }
}

/// The files, folders and links of a side, one at a time.
pub enum Entries<'a> {
    /// From the lists of a pack.
    Pack(Box<Lists<'a>>),
    /// From a tree that was hashed.
    Tree(std::slice::Iter<'a, Entry>),
}

impl Entries<'_> {
    /// The next one. Lists that contradict each other are refused, wherever that shows.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        let lists = match self {
            Entries::Tree(entries) => return Ok(entries.next().cloned()),
            Entries::Pack(lists) => lists,
        };
        let (row, line) = match lists.next_member() {
            Ok(Some(listed)) => listed,
            Ok(None) => return Ok(None),
            Err(Fault::Finding(finding)) => return Err(Error::refused(Finding::clone(&finding))),
            Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
        };
        let Member { path, kind, size, mode, .. } = row.member;
        let what = match kind {
            // The lists give no file without its line.
            FileType::File => {
                What::File { size, sha256: Sha256(line.map(|line| line.digest).unwrap_or_default()) }
            }
            FileType::Dir => What::Folder,
            FileType::Link(target) => What::Link(target),
        };
        Ok(Some(Entry { path, class: row.class, mode: mode as u16, what }))
    }
}
