//! One thing of the tree that goes into the pack. Compact: a million of them are kept in memory.

use crate::format::class::Class;
use crate::format::path::PackPath;

/// A file, folder or link of the payload, or a link that only the inventory lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it lies in the tree.
    pub path: PackPath,
    /// What it is.
    pub kind: MemberKind,
    /// What the policy says it is for; `None` for a folder that is kept only because payload lies in it.
    pub class: Option<Class>,
    /// Size in bytes when it was scanned; 0 for folders and links.
    pub size: u64,
    /// Permission bits, 0o000 to 0o777.
    pub mode: u16,
    /// Modification time: whole seconds since 1970, rounded down.
    pub mtime_s: i64,
    /// Modification time: nanoseconds past `mtime_s`.
    pub mtime_ns: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// What else tells whether a file was touched.
    pub stamp: Stamp,
}

/// Which file it was when it was scanned, and when the system last noted a change of it: of content, mode or owner. No
/// program can set that time. Zeros for what is no file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since 1970.
    pub ctime_ns: i64,
    /// The file's number.
    pub inode: u64,
    /// The number of the file system that it lies in.
    pub device: u64,
}

/// What a [`Member`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file.
    File,
    /// A folder: an empty one, or in a backup any that holds payload.
    Dir,
    /// A symbolic link.
    Link(Box<Link>),
}

/// A symbolic link, read and resolved, never followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The text of the link.
    pub target: Box<str>,
    /// Where it ends, through all links on the way.
    pub to: LinkTo,
}

/// Where a link ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTo {
    /// At a file of the payload.
    File(PackPath),
    /// At a folder of the payload.
    Folder(PackPath),
    /// At the root of the tree.
    Root,
    /// At nothing that is in the pack. Such a link is an inventory line only.
    Dangling,
    /// Outside the tree, or it is absolute. An inventory line only.
    Leaves,
}

impl Member {
    /// Whether it is a file of class artifact: what provenance and SBOM name.
    pub fn is_artifact(&self) -> bool {
        self.kind == MemberKind::File && self.class == Some(Class::Artifact)
    }

    /// Whether it is archived under `data/`; the others are inventory lines only.
    pub fn is_archived(&self) -> bool {
        match &self.kind {
            MemberKind::Link(link) => !matches!(link.to, LinkTo::Dangling | LinkTo::Leaves),
            MemberKind::File | MemberKind::Dir => true,
        }
    }
}
