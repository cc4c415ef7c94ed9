//! What was read of a backup's payload, member by member.

use crate::error::{Error, Result};
use crate::evidence::compose::{Payload, backup_member};
use crate::finding::Finding;
use crate::format::capture::{Captured, part_name};
use crate::format::class::Class;
use crate::format::digest::Digests;
use crate::format::member::Member;
use crate::format::path::PackPath;
use crate::pipeline::pack::{self, ArchiveWriter};
use crate::pipeline::watch::Watch;
use crate::tree::member::{Member as Scanned, MemberKind};
use std::io::{self, Read as _};

/// The size of a part of a stream, in bytes; the last one is shorter. A part is held until its size is known.
const PART_BYTES: usize = 64 << 20;

/// The payload as far as it was read.
pub(super) struct Read {
    prefix: String,
    scanned: Vec<Scanned>,
    members: Vec<Member>,
    read: Vec<pack::Read>,
    /// What was captured.
    pub(super) captured: Vec<Captured>,
    /// Files and links that no rule takes.
    pub(super) unmatched: Vec<Box<str>>,
    /// What is worth saying.
    pub(super) warnings: Vec<Finding>,
}

impl Read {
    /// Nothing yet. `prefix` stands before each path in the archive.
    pub(super) fn new(prefix: &str) -> Read {
        Read {
            prefix: prefix.to_owned(),
            scanned: Vec::new(),
            members: Vec::new(),
            read: Vec::new(),
            captured: Vec::new(),
            unmatched: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// What stands before each path in the archive.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Notes a member that is in the archive.
    pub(super) fn push(&mut self, scanned: Scanned, member: Member, read: pack::Read) {
        self.scanned.push(scanned);
        self.members.push(member);
        self.read.push(read);
    }

    /// The payload, to be listed.
    pub(super) fn payload(&self) -> Payload<'_> {
        Payload { scanned: &self.scanned, members: &self.members, read: &self.read }
    }

    /// Puts a stream into the archive as `FOLDER/part-00001`, …; gives how many bytes it had.
    pub(super) fn parts(
        &mut self,
        archive: &mut ArchiveWriter,
        folder: &str,
        stream: &mut dyn io::Read,
        time_s: i64,
        watch: &Watch,
    ) -> Result<u64> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        for number in 1.. {
            part.clear();
            let failed = |error: io::Error| match watch.check() {
                Err(interrupted) => interrupted,
                Ok(()) => Error::input(format!("{folder}: {error}"), ""),
            };
            stream.take(PART_BYTES as u64).read_to_end(&mut part).map_err(failed)?;
            if part.is_empty() {
                break;
            }
            self.part(archive, &format!("{folder}/{}", part_name(number)), &part, time_s)?;
            bytes += part.len() as u64;
            watch.advance(1, part.len() as u64);
            if part.len() < PART_BYTES {
                break;
            }
        }
        Ok(bytes)
    }

    fn part(&mut self, archive: &mut ArchiveWriter, path: &str, bytes: &[u8], time_s: i64) -> Result<()> {
        let path =
            PackPath::new(path.as_bytes()).map_err(|fault| Error::input(format!("{path}: {fault}"), ""))?;
        let scanned = Scanned {
            path,
            kind: MemberKind::File,
            class: Some(Class::Data),
            size: bytes.len() as u64,
            mode: 0o600,
            mtime_s: time_s,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
        };
        let member = backup_member(&scanned);
        let inside = Member { path: member.path.under(&self.prefix), ..member.clone() };
        archive.file(&inside, &mut &*bytes)?;
        self.push(scanned, member, pack::Read { size: bytes.len() as u64, digests: Digests::of(bytes) });
        Ok(())
    }
}
