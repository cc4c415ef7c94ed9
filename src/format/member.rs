//! One member of a pack: what the tar header and the inventory both say of it.

use crate::format::path::PackPath;

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link, with the text it holds.
    Link(Box<str>),
}

/// A member's name and metadata. Sizes in bytes; permission bits only in `mode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Relative to the pack's folder in a tar, to the tree in an inventory.
    pub path: PackPath,
    /// File, folder or link.
    pub kind: FileType,
    /// Bytes of content; 0 for folders and links.
    pub size: u64,
    /// Permission bits, 0 to 0o777.
    pub mode: u32,
    /// Modification time: seconds since 1970 (may be negative in a backup).
    pub mtime_s: i64,
    /// Nanoseconds of the modification time.
    pub mtime_ns: u32,
    /// Numeric owner; 0 in a release.
    pub uid: u32,
    /// Numeric group; 0 in a release.
    pub gid: u32,
}

/// How many bytes a [`Member::fingerprint`] has: with both digests and the size a row is 96 bytes.
pub const FINGERPRINT_BYTES: usize = 24;

impl Member {
    /// The target of a link.
    pub fn target(&self) -> Option<&str> {
        match &self.kind {
            FileType::Link(target) => Some(target),
            FileType::File | FileType::Dir => None,
        }
    }

    /// A digest over everything the member says of itself (BLAKE3, cut to 24 bytes), so that a reader can compare the
    /// tar with the inventory without keeping either.
    pub fn fingerprint(&self) -> [u8; FINGERPRINT_BYTES] {
        let mut hasher = blake3::Hasher::new();
        let (kind, target) = match &self.kind {
            FileType::File => (b'f', ""),
            FileType::Dir => (b'd', ""),
            FileType::Link(target) => (b'l', &**target),
        };
        let mut fixed = [0; 41];
        fixed[0] = kind;
        fixed[1..9].copy_from_slice(&self.size.to_le_bytes());
        fixed[9..13].copy_from_slice(&self.mode.to_le_bytes());
        fixed[13..21].copy_from_slice(&self.mtime_s.to_le_bytes());
        fixed[21..25].copy_from_slice(&self.mtime_ns.to_le_bytes());
        fixed[25..29].copy_from_slice(&self.uid.to_le_bytes());
        fixed[29..33].copy_from_slice(&self.gid.to_le_bytes());
        fixed[33..41].copy_from_slice(&(self.path.as_str().len() as u64).to_le_bytes());
        hasher.update(&fixed).update(self.path.as_str().as_bytes()).update(target.as_bytes());
        let mut cut = [0; FINGERPRINT_BYTES];
        hasher.finalize_xof().fill(&mut cut);
        cut
    }
}
