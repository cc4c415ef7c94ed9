//! Writes what is said about a pack: its tag files, each from what was read, none with a clock reading.

use crate::error::{Error, Result};
use crate::evidence::agreement::{BAG_INFO, BAGIT, PACK, POLICY};
use crate::evidence::closure::TAG_MANIFEST;
use crate::evidence::elsewhere::Elsewhere;
use crate::evidence::payload::{HASHES_BLAKE3, HASHES_SHA256, INVENTORY, MANIFEST};
use crate::format::bag::declaration::Declaration;
use crate::format::bag::fetch;
use crate::format::bag::info::{self, Element, Oxum};
use crate::format::digest::{Digests, Sha256};
use crate::format::inventory;
use crate::format::kind::Kind;
use crate::format::listing::{Encoding, write_line};
use crate::format::member::{FileType, Member};
use crate::format::pack::{Pack, SCHEMA};
use crate::format::path::PackPath;
use crate::format::seal::{PolicyRef, Tool, Totals};
use crate::pipeline::crew;
use crate::pipeline::pack::Read;
use crate::tree::member::{LinkTo, Member as Scanned, MemberKind};
use jiff::Timestamp;
use sha2::Digest as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a pack is called, and under which policy it is made.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `{project}-{version}`.
    pub name: String,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// Release or backup.
    pub kind: Kind,
    /// The policy's name.
    pub policy_name: String,
    /// The policy's text.
    pub policy_text: String,
    /// Seconds since 1970 that a release stands for.
    pub source_date_epoch: i64,
}

/// Members of the scan with what was read of each.
pub struct Payload<'a> {
    /// What the scan found, in order.
    pub scanned: &'a [Scanned],
    /// How they stand in the pack.
    pub shape: Shape,
    /// What was read of each; links that are not archived have an empty entry.
    pub read: &'a [Read],
    /// What earlier archives hold of it.
    pub elsewhere: Option<&'a Elsewhere>,
}

/// How members stand in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As [`release_member`] makes them, with this time.
    Release(i64),
    /// As [`backup_member`] makes them.
    Backup,
}

impl Shape {
    /// The member of a pack that something of a tree becomes.
    pub fn member(self, scanned: &Scanned) -> Member {
        match self {
            Shape::Release(epoch) => release_member(scanned, epoch),
            Shape::Backup => backup_member(scanned),
        }
    }
}

/// A release's form of what was scanned: modes 0644 and 0755, one time, no owners.
pub fn release_member(scanned: &Scanned, epoch: i64) -> Member {
    let (kind, mode) = match &scanned.kind {
        MemberKind::File if scanned.mode & 0o111 != 0 => (FileType::File, 0o755),
        MemberKind::File => (FileType::File, 0o644),
        MemberKind::Dir => (FileType::Dir, 0o755),
        MemberKind::Link(link) => (FileType::Link(link.target.clone()), 0o777),
    };
    let path = scanned.path.clone();
    Member { path, kind, size: scanned.size, mode, mtime_s: epoch, mtime_ns: 0, uid: 0, gid: 0 }
}

/// A backup's form of what was scanned: as it was, but for bits beyond the permissions.
pub fn backup_member(scanned: &Scanned) -> Member {
    let (kind, mode) = match &scanned.kind {
        MemberKind::File => (FileType::File, u32::from(scanned.mode)),
        MemberKind::Dir => (FileType::Dir, u32::from(scanned.mode)),
        MemberKind::Link(link) => (FileType::Link(link.target.clone()), 0o777),
    };
    let Scanned { size, mtime_s, mtime_ns, uid, gid, .. } = *scanned;
    Member { path: scanned.path.clone(), kind, size, mode, mtime_s, mtime_ns, uid, gid }
}

impl Payload<'_> {
    /// The digests and size that the manifest lists for a member: a file's own, for a link those of the file it ends at.
    fn listed(&self, at: usize) -> Option<Read> {
        match &self.scanned[at].kind {
            MemberKind::File => Some(self.read[at]),
            MemberKind::Dir => None,
            MemberKind::Link(link) => match &link.to {
                LinkTo::File(target) => {
                    let found = self.scanned.binary_search_by(|member| member.path.cmp(target)).ok()?;
                    Some(self.read[found])
                }
                _ => None,
            },
        }
    }

    /// Writes a line for each listed member.
    fn list(
        &self,
        out: &mut dyn Write,
        line: impl Fn(&mut dyn Write, &PackPath, &Digests) -> io::Result<()>,
    ) -> io::Result<()> {
        (0..self.scanned.len()).try_for_each(|at| match self.listed(at) {
            Some(read) => line(out, &self.scanned[at].path, &read.digests),
            None => Ok(()),
        })
    }

    fn inventory(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.scanned.iter().zip(self.read);
        rows.into_iter().try_for_each(|(scanned, read)| {
            let member = self.shape.member(scanned);
            let file = member.kind == FileType::File;
            let row = inventory::Row {
                member: Member { size: read.size, ..member },
                class: scanned.class,
                blake3: file.then_some(read.digests.blake3),
                archived: scanned.is_archived(),
                torn: read.torn,
            };
            row.write(out)
        })
    }

    /// A line for each file whose bytes an earlier archive holds.
    fn fetches(&self, elsewhere: &Elsewhere, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.scanned.iter().zip(self.read).enumerate();
        rows.into_iter().try_for_each(|(at, (scanned, read))| {
            let Some(url) = elsewhere.url(at, scanned.path.as_str()) else { return Ok(()) };
            fetch::write_line(&mut &mut *out, &url, Some(read.size), &format!("data/{}", scanned.path))
        })
    }

    /// `pack.json`.
    pub fn pack(&self, identity: &Identity) -> Pack {
        let mut pack = Pack {
            schema: SCHEMA.to_owned(),
            name: identity.name.clone(),
            project: identity.project.clone(),
            version: identity.version.clone(),
            kind: identity.kind,
            tool: Tool::this(),
            policy: PolicyRef {
                name: identity.policy_name.clone(),
                sha256: Sha256::of(identity.policy_text.as_bytes()),
            },
            source_date_epoch: identity.source_date_epoch,
            payload: Totals::default(),
            classes: Default::default(),
            links: 0,
            folders: 0,
            ddl: None,
            captures: Vec::new(),
            bases: self.elsewhere.map(Elsewhere::bases).unwrap_or_default(),
        };
        for (at, scanned) in self.scanned.iter().enumerate().filter(|(_, scanned)| scanned.is_archived()) {
            match scanned.kind {
                MemberKind::File => {}
                MemberKind::Dir => pack.folders += 1,
                MemberKind::Link(_) => pack.links += 1,
            }
            if let Some(read) = self.listed(at) {
                pack.payload.add(read.size);
                if let Some(class) = scanned.class {
                    pack.classes.entry(class).or_default().add(read.size);
                }
            }
        }
        pack
    }
}

/// The tag files that were written into a folder, with their digests, in bytewise order of their names.
pub struct TagFiles {
    folder: PathBuf,
    /// Whether they are to outlive a power cut: not those that only pass through a scratch folder.
    durable: bool,
    files: Vec<(String, Sha256, u64)>,
}

/// A tag file to be written: its name, and what writes it.
type Job<'a> = (&'static str, Box<dyn Fn(&mut dyn Write) -> io::Result<()> + Sync + 'a>);

impl TagFiles {
    /// None yet, in a folder that is kept.
    pub fn kept(folder: &Path) -> TagFiles {
        TagFiles { folder: folder.to_owned(), durable: true, files: Vec::new() }
    }

    /// None yet, in a folder that goes when the archive is written.
    pub fn passing(folder: &Path) -> TagFiles {
        TagFiles { durable: false, ..TagFiles::kept(folder) }
    }

    /// Writes every tag file but the tag manifest and the seal, beside each other.
    pub fn write(
        mut self,
        identity: &Identity,
        payload: &Payload<'_>,
        pack: &Pack,
        threads: usize,
    ) -> Result<TagFiles> {
        let jobs = jobs(identity, payload, pack);
        for made in crew::each(&jobs, threads, |(name, emit)| self.put(name, emit)) {
            self.files.push(made?);
        }
        Ok(self)
    }

    /// Writes the tag manifest over what is there, which no later tag file may join; gives its digest.
    pub fn close(&mut self) -> Result<Sha256> {
        let mut listed = std::mem::take(&mut self.files);
        listed.sort();
        let digest = self.add(TAG_MANIFEST, |out| {
            listed.iter().try_for_each(|(name, digest, _)| write_line(out, Encoding::Percent, digest, name))
        })?;
        self.files.extend(listed);
        Ok(digest)
    }

    /// Writes one more tag file, named relative to the folder; gives its digest.
    pub fn add(&mut self, name: &str, emit: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<Sha256> {
        let made = self.put(name, &emit)?;
        let digest = made.1;
        self.files.push(made);
        Ok(digest)
    }

    fn put(
        &self,
        name: &str,
        emit: &dyn Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(String, Sha256, u64)> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        let write = || {
            let out = Hashing { file: File::create_new(&path)?, hasher: sha2::Sha256::new(), size: 0 };
            // Lines come in many small pieces.
            let mut out = BufWriter::with_capacity(256 << 10, out);
            emit(&mut out)?;
            let Hashing { file, hasher, size } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            if self.durable {
                file.sync_all()?;
            }
            Ok((name.to_owned(), Sha256(hasher.finalize().into()), size))
        };
        write().map_err(Error::io("write", &path))
    }

    /// The digest of a tag file that was written.
    pub fn digest(&self, name: &str) -> Option<Sha256> {
        self.files.iter().find(|(known, ..)| known == name).map(|(_, digest, _)| *digest)
    }

    /// The files in bytewise order: name, size, and the file to read.
    pub fn in_order(&mut self) -> impl Iterator<Item = (&str, u64, PathBuf)> {
        self.files.sort();
        self.files.iter().map(|(name, _, size)| (&**name, *size, self.folder.join(name)))
    }
}

/// What is to be written, the longest first.
fn jobs<'a>(identity: &'a Identity, payload: &'a Payload<'a>, pack: &'a Pack) -> Vec<Job<'a>> {
    let mut jobs: Vec<Job<'a>> = vec![
        (INVENTORY, Box::new(|out| payload.inventory(out))),
        (
            MANIFEST,
            Box::new(|out| {
                payload.list(out, |out, path, digests| {
                    write_line(out, Encoding::Percent, &digests.sha256, &format!("data/{path}"))
                })
            }),
        ),
    ];
    if let Some(elsewhere) = payload.elsewhere.filter(|elsewhere| !elsewhere.is_empty()) {
        jobs.push((fetch::FILE_NAME, Box::new(|out| payload.fetches(elsewhere, out))));
    }
    if identity.kind == Kind::Release {
        let plain = Encoding::Plain;
        jobs.push((
            HASHES_BLAKE3,
            Box::new(move |out| {
                payload.list(out, |out, path, digests| write_line(out, plain, &digests.blake3, path.as_str()))
            }),
        ));
        jobs.push((
            HASHES_SHA256,
            Box::new(move |out| {
                payload.list(out, |out, path, digests| write_line(out, plain, &digests.sha256, path.as_str()))
            }),
        ));
    }
    jobs.push((BAG_INFO, Box::new(|out| write_bag_info(out, pack))));
    jobs.push((BAGIT, Box::new(|out| out.write_all(Declaration::default().to_text().as_bytes()))));
    jobs.push((PACK, Box::new(|out| out.write_all(&pack.to_bytes()))));
    jobs.push((POLICY, Box::new(|out| out.write_all(identity.policy_text.as_bytes()))));
    jobs
}

fn write_bag_info(out: &mut dyn Write, pack: &Pack) -> io::Result<()> {
    let date = Timestamp::from_second(pack.source_date_epoch).map_err(io::Error::other)?;
    let date = date.to_string();
    let oxum = Oxum { octets: pack.payload.bytes, streams: pack.payload.files };
    let elements = [
        ("Bag-Software-Agent", format!("{} {}", pack.tool.name, pack.tool.version)),
        ("Bagging-Date", date.split('T').next().unwrap_or(&date).to_owned()),
        ("External-Identifier", pack.name.clone()),
        ("Payload-Oxum", oxum.to_string()),
    ];
    let elements: Vec<Element> =
        elements.into_iter().filter_map(|(label, value)| Element::new(label, value)).collect();
    info::write(&mut &mut *out, &elements)
}

/// Digests and counts what is written.
struct Hashing {
    file: File,
    hasher: sha2::Sha256,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
