//! A pack that lies on disk as a folder: its tag files, and its payload if that is there.

use crate::error::{Error, Result};
use crate::evidence::later::is_later;
use crate::evidence::payload::listed;
use crate::finding::{Code, Finding};
use crate::format::index::IndexWriter;
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use crate::pipeline::contents::{Contents, Row, Tags};
use crate::pipeline::hash::{Wanted, hash_files};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most bytes of a tag file that are read.
const TAG_BYTES_MAX: u64 = 8 << 30;

/// What a folder holds, and what of it no pack can hold.
pub struct Folder {
    /// Tag files, and payload rows.
    pub contents: Contents,
    /// Names that are none, links among the tag files, devices, unreadable files.
    pub findings: Vec<Finding>,
    /// Whether there is a `data/`.
    pub has_payload: bool,
}

/// Reads a pack's folder. The payload is hashed only if that is asked for.
pub fn read(path: &Path, name: &str, hash_payload: bool, threads: usize, watch: &Watch) -> Result<Folder> {
    let mut findings = Vec::new();
    let tags = read_tags(path, &mut findings)?;
    let has_payload = path.join("data").symlink_metadata().is_ok();
    let mut walk = Walk { kept: HashSet::new(), members: Vec::new(), findings };
    let payload_wanted = has_payload && hash_payload;
    if payload_wanted {
        // Folders that the inventory lists are members even when something lies in them.
        let folders = listed(&tags, |kind| *kind == FileType::Dir);
        walk.kept = folders.into_iter().map(|folder| folder.path.as_str().to_owned()).collect();
        walk.folder(&path.join("data"), "")?;
    }
    let Walk { mut members, mut findings, .. } = walk;
    members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let rows = if payload_wanted { rows(path, &members, threads, watch, &mut findings)? } else { Vec::new() };
    let index = index(&members).map_err(Error::io("list", path))?;
    let others = members.into_iter().filter(|member| member.kind != FileType::File).collect();
    Ok(Folder {
        contents: Contents::of_folder(name.to_owned(), rows, others, tags, index),
        findings,
        has_payload,
    })
}

fn read_tags(root: &Path, findings: &mut Vec<Finding>) -> Result<Tags> {
    let mut tags = Tags::default();
    let mut pending = vec![String::new()];
    while let Some(folder) = pending.pop() {
        for (name, file_type) in entries(&root.join(&folder), &folder, findings)? {
            if file_type.is_dir() {
                if name != "data" {
                    pending.push(name);
                }
            } else if !file_type.is_file() {
                findings.push(Finding::new(Code::Extra, name).actual("a tag file that is no regular file"));
            } else if !is_later(&name) {
                // What came after the seal is judged by itself.
                let file = Root::open(root)?.open_file(&name)?.0;
                let path = PackPath::new(name.as_bytes()).expect("entries gives valid names only");
                tags.add(path, file, TAG_BYTES_MAX).map_err(Error::io("read", root.join(&name)))?;
            }
        }
    }
    Ok(tags)
}

/// What lies in a folder, named from the root; names that no pack can have are findings.
fn entries(path: &Path, folder: &str, findings: &mut Vec<Finding>) -> Result<Vec<(String, fs::FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
        let entry = entry.map_err(Error::io("read", path))?;
        let file_type = entry.file_type().map_err(Error::io("read", entry.path()))?;
        let mut name = if folder.is_empty() { Vec::new() } else { format!("{folder}/").into_bytes() };
        name.extend_from_slice(entry.file_name().as_bytes());
        match PackPath::new(&name) {
            Ok(name) => entries.push((name.as_str().to_owned(), file_type)),
            Err(fault) => {
                let shown = String::from_utf8_lossy(&name).into_owned();
                findings.push(Finding::new(Code::PathUnsafe, shown).actual(format!("a path with {fault}")));
            }
        }
    }
    Ok(entries)
}

struct Walk {
    kept: HashSet<String>,
    members: Vec<Member>,
    findings: Vec<Finding>,
}

impl Walk {
    fn folder(&mut self, path: &Path, folder: &str) -> Result<()> {
        let entries = entries(path, folder, &mut self.findings)?;
        if self.kept.contains(folder) {
            self.member(folder, FileType::Dir, 0);
        }
        for (name, file_type) in entries {
            let inside = name.rsplit_once('/').map_or(&*name, |(_, inside)| inside);
            let full = path.join(inside);
            if file_type.is_dir() {
                self.folder(&full, &name)?;
            } else if file_type.is_symlink() {
                let target = fs::read_link(&full).map_err(Error::io("read", &full))?;
                self.member(&name, FileType::Link(target.to_string_lossy().into()), 0);
            } else if file_type.is_file() {
                let size = fs::symlink_metadata(&full).map_err(Error::io("read", &full))?.len();
                self.member(&name, FileType::File, size);
            } else {
                self.findings.push(
                    Finding::new(Code::Extra, format!("data/{name}")).actual("a device, FIFO or socket"),
                );
            }
        }
        Ok(())
    }

    fn member(&mut self, path: &str, kind: FileType, size: u64) {
        let path = PackPath::new(path.as_bytes()).expect("entries gives valid names only");
        self.members.push(Member { path, kind, size, mode: 0, mtime_s: 0, mtime_ns: 0, uid: 0, gid: 0 });
    }
}

fn rows(
    root: &Path,
    members: &[Member],
    threads: usize,
    watch: &Watch,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Row>> {
    let files = members.iter().filter(|member| member.kind == FileType::File);
    let wanted: Vec<Wanted<'_>> = files.map(|m| Wanted { path: m.path.as_str(), size: m.size }).collect();
    watch.expect_bytes(wanted.iter().map(|file| file.size).sum());
    let mut hashed = hash_files(&Root::open(&root.join("data"))?, &wanted, threads, watch)?.into_iter();
    let mut rows = Vec::with_capacity(members.len());
    for member in members {
        let (size, digests) = match member.kind {
            FileType::File => match hashed.next().expect("a result for each file") {
                Ok(hashed) => hashed,
                Err(Error::Io { source, .. }) => {
                    let finding = Finding::new(Code::Unreadable, format!("data/{}", member.path));
                    findings.push(finding.actual(source));
                    (member.size, Default::default())
                }
                Err(error) => return Err(error),
            },
            FileType::Dir | FileType::Link(_) => (0, Default::default()),
        };
        rows.push(Row { fingerprint: member.fingerprint(), size, digests });
    }
    Ok(rows)
}

/// The index that names the rows.
fn index(members: &[Member]) -> std::io::Result<Vec<u8>> {
    let mut index = IndexWriter::new()?;
    for member in members {
        index.push(&format!("data/{}", member.path), 0, member.size)?;
    }
    index.finish()
}
