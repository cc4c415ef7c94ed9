//! Merkle tree hashes (RFC 6962, section 2.1), from the leaves up.

use crate::format::digest::Sha256;
use sha2::Digest;
use std::convert::Infallible;

/// The hash of a leaf: SHA-256(0x00, entry).
pub fn leaf_hash(entry: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::new_with_prefix([0]).chain_update(entry).finalize().into())
}

/// The hash of two subtrees: SHA-256(0x01, left, right).
pub fn node_hash(left: Sha256, right: Sha256) -> Sha256 {
    Sha256(sha2::Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Where the hashes of whole subtrees come from: memory, or tiles.
pub trait Nodes {
    /// Why one cannot be had.
    type Error;

    /// The hash over the leaves `index * 2^level .. (index + 1) * 2^level`. It is asked only for what the tree has.
    fn node(&mut self, level: u32, index: u64) -> Result<Sha256, Self::Error>;

    /// The tree hash over the leaves `from..to`, of which `from` is a multiple of the largest power of two below the
    /// number of leaves. No leaf at all has the hash of nothing.
    fn range(&mut self, from: u64, to: u64) -> Result<Sha256, Self::Error> {
        match to - from {
            0 => Ok(Sha256::of(b"")),
            leaves if leaves.is_power_of_two() => {
                let level = leaves.trailing_zeros();
                self.node(level, from >> level)
            }
            leaves => {
                let middle = from + split(leaves);
                Ok(node_hash(self.range(from, middle)?, self.range(middle, to)?))
            }
        }
    }
}

/// The largest power of two below a number of at least 2: where RFC 6962 splits a tree.
pub(super) fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// A tree in memory: 64 bytes a leaf.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Each level's whole subtrees, from the leaves up.
    levels: Vec<Vec<Sha256>>,
}

impl Tree {
    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Sha256) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() % 2 == 1 {
                return;
            }
            hash = node_hash(hashes[hashes.len() - 2], hash);
        }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The root of its first leaves; nothing if it has fewer.
    pub fn root_at(&self, size: u64) -> Option<Sha256> {
        (size <= self.size()).then(|| {
            let Ok(root) = (&mut &*self).range(0, size);
            root
        })
    }

    /// Its root.
    pub fn root(&self) -> Sha256 {
        let Ok(root) = (&mut &*self).range(0, self.size());
        root
    }
}

impl Nodes for &Tree {
    type Error = Infallible;

    fn node(&mut self, level: u32, index: u64) -> Result<Sha256, Infallible> {
        Ok(self.levels[level as usize][index as usize])
    }
}

impl FromIterator<Sha256> for Tree {
    fn from_iter<I: IntoIterator<Item = Sha256>>(leaves: I) -> Tree {
        let mut tree = Tree::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tlog::oracle;

    #[test]
    fn known_answers_of_rfc_6962() {
        // The roots of the first trees over the inputs that implementations of Certificate Transparency test with.
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(
            tree.root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (input, root) in inputs.iter().zip(roots) {
            tree.push(leaf_hash(&data_encoding::HEXLOWER.decode(input.as_bytes()).unwrap()));
            assert_eq!(tree.root().to_string(), root);
        }
        assert_eq!(tree.root_at(9), None);
    }

    #[test]
    fn another_implementation_agrees_at_every_size() {
        let (mut tree, mut other) = (Tree::default(), oracle::Tree::new());
        for size in 1..=600_u64 {
            let entry = size.to_be_bytes();
            tree.push(leaf_hash(&entry));
            other.push(entry.to_vec());
            assert_eq!(tree.root(), oracle::root(&other), "{size}");
        }
        assert_eq!(
            tree.root_at(257).unwrap(),
            (0..257_u64).map(|at| leaf_hash(&(at + 1).to_be_bytes())).collect::<Tree>().root()
        );
    }
}
