//! What a pack says of its payload: members as they stand in it, the lines of its lists, and `pack.json`; each from what was
//! read, none with a clock reading.

use crate::evidence::elsewhere::Elsewhere;
use crate::format::bag::fetch;
use crate::format::digest::{Digests, Sha256};
use crate::format::inventory;
use crate::format::kind::Kind;
use crate::format::member::{FileType, Member};
use crate::format::pack::{Pack, SCHEMA};
use crate::format::path::PackPath;
use crate::format::seal::{PolicyRef, Tool, Totals};
use crate::pipeline::pack::Read;
use crate::tree::member::{LinkTo, Member as Scanned, MemberKind};
use std::io::{self, Write};

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
    pub(super) fn list(
        &self,
        out: &mut dyn Write,
        line: impl Fn(&mut dyn Write, &PackPath, &Digests) -> io::Result<()>,
    ) -> io::Result<()> {
        (0..self.scanned.len()).try_for_each(|at| match self.listed(at) {
            Some(read) => line(out, &self.scanned[at].path, &read.digests),
            None => Ok(()),
        })
    }

    pub(super) fn inventory(&self, out: &mut dyn Write) -> io::Result<()> {
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
    pub(super) fn fetches(&self, elsewhere: &Elsewhere, out: &mut dyn Write) -> io::Result<()> {
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
