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

/// Digests over what a member says of itself, so that a reader can compare the tar with the inventory without keeping
/// either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of type, path and link target (BLAKE3, 16 bytes): which member it is.
    pub identity: [u8; 16],
    /// Of mode, modification time and owner (BLAKE3, 8 bytes).
    pub metadata: [u8; 8],
}

impl Member {
    /// The target of a link.
    pub fn target(&self) -> Option<&str> {
        match &self.kind {
            FileType::Link(target) => Some(target),
            FileType::File | FileType::Dir => None,
        }
    }

    /// Which member it is, and its metadata, in 24 bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        let (kind, target) = match &self.kind {
            FileType::File => (b'f', ""),
            FileType::Dir => (b'd', ""),
            FileType::Link(target) => (b'l', &**target),
        };
        let mut identity = blake3::Hasher::new();
        identity.update(&[kind]).update(&(self.path.as_str().len() as u64).to_le_bytes());
        identity.update(self.path.as_str().as_bytes()).update(target.as_bytes());
        let mut numbers = [0; 24];
        numbers[..4].copy_from_slice(&self.mode.to_le_bytes());
        numbers[4..12].copy_from_slice(&self.mtime_s.to_le_bytes());
        numbers[12..16].copy_from_slice(&self.mtime_ns.to_le_bytes());
        numbers[16..20].copy_from_slice(&self.uid.to_le_bytes());
        numbers[20..24].copy_from_slice(&self.gid.to_le_bytes());
        Fingerprint { identity: cut(&identity.finalize()), metadata: cut(&blake3::hash(&numbers)) }
    }
}

/// The first bytes of a digest.
fn cut<const N: usize>(digest: &blake3::Hash) -> [u8; N] {
    *digest.as_bytes().first_chunk().expect("a digest has 32 bytes")
}
