//! One digest over everything that a backup's lists say of its payload: the same payload, the same digest.

use crate::format::digest::Digests;
use crate::pipeline::pack::Read;
use crate::tree::member::{Member as Scanned, MemberKind};

/// How much is digested at once, in bytes.
const STRETCH_BYTES: usize = 64 << 10;

/// Takes members in order.
#[derive(Default)]
pub(super) struct Listing {
    hasher: blake3::Hasher,
    pending: Vec<u8>,
}

impl Listing {
    /// The next member, and what was read of it. The time of what was captured is that of the capture, and says nothing.
    pub(super) fn push(&mut self, member: &Scanned, read: &Read, captured: bool) {
        let out = &mut self.pending;
        text(out, member.path.as_str());
        let (kind, target) = match &member.kind {
            MemberKind::File => (b'f', ""),
            MemberKind::Dir => (b'd', ""),
            MemberKind::Link(link) => (b'l', &*link.target),
        };
        out.extend_from_slice(&[kind, u8::from(member.is_archived()), u8::from(read.torn)]);
        text(out, target);
        text(out, member.class.map_or("", |class| class.as_str()));
        out.extend_from_slice(&member.mode.to_le_bytes());
        let time = if captured { (0, 0) } else { (member.mtime_s, member.mtime_ns) };
        out.extend_from_slice(&time.0.to_le_bytes());
        out.extend_from_slice(&time.1.to_le_bytes());
        out.extend_from_slice(&member.uid.to_le_bytes());
        out.extend_from_slice(&member.gid.to_le_bytes());
        out.extend_from_slice(&read.size.to_le_bytes());
        if read.digests != Digests::default() {
            out.extend_from_slice(&read.digests.sha256.0);
            out.extend_from_slice(&read.digests.blake3.0);
        }
        if out.len() >= STRETCH_BYTES {
            self.hasher.update(out);
            out.clear();
        }
    }

    /// The digest, as lower-case hex.
    pub(super) fn finish(mut self) -> String {
        self.hasher.update(&self.pending);
        self.hasher.finalize().to_hex().to_string()
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
