//! A proof file, checked offline: that an archive's receipt is in the log of a store.

use crate::finding::{Code, Finding};
use crate::format::checkpoint::Checkpoint;
use crate::format::digest::Sha256;
use crate::format::leaf::{Leaf, What};
use crate::format::note::Note;
use crate::format::tlog::proof::verify_inclusion;
use crate::format::tlog::proof_file::ProofFile;
use crate::format::tlog::tree::leaf_hash;
use crate::keys::trust::Trust;
use crate::keys::verify::Verified;
use jiff::Timestamp;

/// What a proof shows.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The checkpoint, signed by a key that may `log`.
    pub signed: Verified<Checkpoint>,
    /// The leaf's place.
    pub index: u64,
    /// The leaf.
    pub leaf: Leaf,
}

/// Verifies that `receipt`, the bundle beside the archive of the pack `name`, is in the log.
///
/// `seen` tells when this host first saw a checkpoint, if it has: nothing inside the proof tells its age. What it saw
/// before a key was revoked counts, and so does the receipt that the proof shows to be in it; `trust` learns of both.
pub fn verify(
    proof: &[u8],
    name: &str,
    receipt: Option<&[u8]>,
    trust: &mut Trust,
    seen: impl FnOnce(&Checkpoint) -> Option<Timestamp>,
) -> Result<Proven, Vec<Finding>> {
    let invalid = |why: String| vec![Finding::new(Code::ProofInvalid, name).actual(why)];
    let proof = ProofFile::parse(proof).map_err(|fault| invalid(fault.to_string()))?;
    let leaf = Leaf::parse(&proof.entry).map_err(|fault| invalid(fault.to_string()))?;
    let unsigned = read_checkpoint(&proof.checkpoint);
    let seen_at = unsigned.as_ref().and_then(seen);
    if let (Some(checkpoint), Some(at)) = (&unsigned, seen_at) {
        trust.keep(Sha256::of(checkpoint.to_text().as_bytes()), at);
    }
    let signed =
        trust.verify_checkpoint(&proof.checkpoint, "proof", None).map_err(|finding| vec![finding])?;
    let Checkpoint { size, root, .. } = *signed.checkpoint();
    if !verify_inclusion(leaf_hash(&proof.entry), proof.index, size, root, &proof.hashes) {
        return Err(invalid(format!("leaf {} is not in the tree of the checkpoint", proof.index)));
    }
    if let Some(finding) = signed.expired(leaf.time) {
        return Err(vec![finding]);
    }
    let differ = |expected: String, actual: String| {
        Err(vec![Finding::new(Code::ProofInvalid, name).expected(expected).actual(actual)])
    };
    if !matches!(leaf.what, What::Sealed | What::BackedUp) || leaf.name != name {
        return differ(format!("a leaf of {name}"), format!("{} {}", leaf.what, leaf.name));
    }
    match receipt.map(Sha256::of) {
        None => return Err(invalid("there is no receipt beside the archive to compare with".to_owned())),
        Some(found) if found != leaf.event => {
            return differ(format!("a receipt of sha256 {}", leaf.event), format!("sha256 {found}"));
        }
        Some(found) => seen_at.into_iter().for_each(|at| trust.keep(found, at)),
    }
    Ok(Proven { signed, index: proof.index, leaf })
}

/// What a checkpoint says, before anybody knows who signed it.
fn read_checkpoint(note: &[u8]) -> Option<Checkpoint> {
    let note = Note::parse(note).ok()?;
    Checkpoint::parse(&note.text).ok()
}
