//! Proofs: that a leaf is in a tree, and that a tree extends another one (RFC 6962, section 2.1; how they are verified:
//! RFC 9162, sections 2.1.3.2 and 2.1.4.2).

use crate::format::digest::Sha256;
use crate::format::tlog::tree::{Nodes, node_hash, split};

/// The hashes that show that the leaf at `index` is in the tree of `size` leaves, from its sibling up. `index` is below
/// `size`.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Sha256>, N::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(nodes.range(middle, to)?);
            to = middle;
        } else {
            path.push(nodes.range(from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Whether these hashes show that a leaf of this hash is at `index` in the tree of this size and root.
pub fn verify_inclusion(leaf: Sha256, index: u64, size: u64, root: Sha256, proof: &[Sha256]) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for &sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// The hashes that show that the tree of `size` leaves extends the one of `old_size`. Nothing, and a tree itself, need
/// none. `old_size` is at most `size`.
pub fn consistency<N: Nodes>(nodes: &mut N, old_size: u64, size: u64) -> Result<Vec<Sha256>, N::Error> {
    if old_size == 0 {
        return Ok(Vec::new());
    }
    let (mut from, mut to) = (0, size);
    // Whether the subtree that is looked at is one whose hash the old root itself tells.
    let mut is_known = true;
    let mut path = Vec::new();
    while old_size != to {
        let middle = from + split(to - from);
        if old_size <= middle {
            path.push(nodes.range(middle, to)?);
            to = middle;
        } else {
            path.push(nodes.range(from, middle)?);
            from = middle;
            is_known = false;
        }
    }
    if !is_known {
        path.push(nodes.range(from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether these hashes show that the tree of `new` (size and root) extends the one of `old`.
pub fn verify_consistency(old: (u64, Sha256), new: (u64, Sha256), proof: &[Sha256]) -> bool {
    let ((old_size, old_root), (size, root)) = (old, new);
    if old_size == 0 {
        return proof.is_empty() && old_root == Sha256::of(b"");
    }
    if old_size == size {
        return proof.is_empty() && old_root == root;
    }
    if old_size > size {
        return false;
    }
    // A tree that is one whole subtree of the new one is where the proof begins.
    let begin = old_size.is_power_of_two().then_some(old_root);
    let mut hashes = begin.into_iter().chain(proof.iter().copied());
    let Some(first) = hashes.next() else { return false };
    let (mut at, mut last) = (old_size - 1, size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut hash) = (first, first);
    for sibling in hashes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(sibling, old_hash);
            hash = node_hash(sibling, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && hash == root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tlog::oracle;
    use crate::format::tlog::tree::{Tree, leaf_hash};
    use proptest::prelude::*;

    fn trees(size: u64) -> (Tree, oracle::Tree) {
        let (mut tree, mut other) = (Tree::default(), oracle::Tree::new());
        for at in 0..size {
            tree.push(leaf_hash(&at.to_be_bytes()));
            other.push(at.to_be_bytes().to_vec());
        }
        (tree, other)
    }

    fn prove(tree: &Tree, index: u64) -> Vec<Sha256> {
        let Ok(proof) = inclusion(&mut &*tree, index, tree.size());
        proof
    }

    fn extend(tree: &Tree, old_size: u64) -> Vec<Sha256> {
        let Ok(proof) = consistency(&mut &*tree, old_size, tree.size());
        proof
    }

    #[test]
    fn every_proof_of_every_small_tree_is_the_one_of_another_implementation() {
        for size in 1..=40 {
            let (tree, other) = trees(size);
            for index in 0..size {
                let proof = prove(&tree, index);
                assert_eq!(proof, oracle::inclusion(&other, index), "{index} of {size}");
                let leaf = leaf_hash(&index.to_be_bytes());
                assert!(verify_inclusion(leaf, index, size, tree.root(), &proof), "{index} of {size}");
                for wrong in (0..size).filter(|&wrong| wrong != index) {
                    assert!(!verify_inclusion(leaf, wrong, size, tree.root(), &proof), "{wrong} of {size}");
                }
            }
            for old in 1..size {
                let (proof, root) = (extend(&tree, old), tree.root_at(old).unwrap());
                assert_eq!(proof, oracle::consistency(&other, old), "{old} of {size}");
                assert!(verify_consistency((old, root), (size, tree.root()), &proof), "{old} of {size}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        let (tree, _) = trees(5);
        let (root, nothing) = (tree.root(), Sha256::of(b""));
        assert!(verify_consistency((5, root), (5, root), &[]));
        assert!(!verify_consistency((5, root), (5, nothing), &[]));
        assert!(!verify_consistency((6, root), (5, root), &[]), "a log never shrinks");
        assert!(verify_consistency((0, nothing), (5, root), &extend(&tree, 0)));
        assert!(!verify_consistency((0, root), (5, root), &[]));
        assert!(!verify_consistency((4, root), (5, root), &[]));
        assert!(!verify_consistency((3, root), (5, root), &[]));
        assert!(!verify_inclusion(leaf_hash(b""), 0, 0, nothing, &[]), "an empty tree has no leaf");
        assert!(!verify_inclusion(root, 5, 5, root, &[]));
    }

    proptest! {
        #[test]
        fn another_implementation_takes_our_proofs_and_no_other(
            size in 2_u64..700, at in any::<prop::sample::Index>(), bit in 0_usize..256, hash in any::<prop::sample::Index>()
        ) {
            let (tree, other) = trees(size);
            let index = at.index(size as usize) as u64;
            let leaf = leaf_hash(&index.to_be_bytes());
            let mut proof = prove(&tree, index);
            prop_assert!(oracle::accepts_inclusion(&other, index, &proof));
            let flip = |proof: &mut Vec<Sha256>| {
                let at = hash.index(proof.len());
                proof[at].0[bit / 8] ^= 1 << (bit % 8);
            };
            flip(&mut proof);
            prop_assert!(!oracle::accepts_inclusion(&other, index, &proof));
            prop_assert!(!verify_inclusion(leaf, index, size, tree.root(), &proof));
            flip(&mut proof);
            prop_assert!(!verify_inclusion(leaf, index, size, tree.root(), &proof[1..]));
            proof.push(proof[0]);
            prop_assert!(!verify_inclusion(leaf, index, size, tree.root(), &proof));

            let old = 1 + at.index(size as usize - 1) as u64;
            let before = (old, tree.root_at(old).unwrap());
            let mut proof = extend(&tree, old);
            prop_assert!(oracle::accepts_consistency(&other, before, &proof));
            flip(&mut proof);
            prop_assert!(!verify_consistency(before, (size, tree.root()), &proof));
            flip(&mut proof);
            prop_assert!(!verify_consistency(before, (size, tree.root()), &proof[1..]));
            proof.push(proof[0]);
            prop_assert!(!verify_consistency(before, (size, tree.root()), &proof));
        }
    }
}
