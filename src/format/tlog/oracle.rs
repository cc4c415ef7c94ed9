//! Another implementation of RFC 6962, for tests: crate `ct-merkle`, fed with our SHA-256.

use crate::format::digest::Sha256;
use ct_merkle::digest::generic_array::GenericArray;
use ct_merkle::digest::{FixedOutput, HashMarker, OutputSizeUser, Update, consts::U32};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Digest;

/// SHA-256 as the traits of an older generation want it.
#[derive(Clone, Default)]
pub(super) struct Hasher(sha2::Sha256);

impl OutputSizeUser for Hasher {
    type OutputSize = U32;
}

impl Update for Hasher {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(&mut self.0, bytes);
    }
}

impl FixedOutput for Hasher {
    fn finalize_into(self, out: &mut GenericArray<u8, U32>) {
        let digest: [u8; 32] = self.0.finalize().into();
        out.copy_from_slice(&digest);
    }
}

impl HashMarker for Hasher {}

pub(super) type Tree = MemoryBackedTree<Hasher, Vec<u8>>;

/// The root of its tree.
pub(super) fn root(tree: &Tree) -> Sha256 {
    Sha256((*tree.root().as_bytes()).into())
}

/// Its proof that a leaf is in the tree.
pub(super) fn inclusion(tree: &Tree, index: u64) -> Vec<Sha256> {
    hashes(tree.prove_inclusion(index as usize).as_bytes())
}

/// Its proof that the tree extends the one of so many leaves.
pub(super) fn consistency(tree: &Tree, old_size: u64) -> Vec<Sha256> {
    hashes(tree.prove_consistency((tree.len() - old_size) as usize).as_bytes())
}

/// What it says of our proof of inclusion.
pub(super) fn accepts_inclusion(tree: &Tree, index: u64, proof: &[Sha256]) -> bool {
    let leaf = tree.get(index as usize).expect("a leaf of the tree");
    tree.root().verify_inclusion(leaf, index, &InclusionProof::from_bytes(bytes(proof))).is_ok()
}

/// What it says of our proof of consistency.
pub(super) fn accepts_consistency(tree: &Tree, old: (u64, Sha256), proof: &[Sha256]) -> bool {
    let Ok(proof) = ConsistencyProof::try_from_bytes(bytes(proof)) else { return false };
    tree.root().verify_consistency(&RootHash::new(old.1.0.into(), old.0), &proof).is_ok()
}

fn bytes(hashes: &[Sha256]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn hashes(bytes: &[u8]) -> Vec<Sha256> {
    bytes.as_chunks::<32>().0.iter().map(|hash| Sha256(*hash)).collect()
}
