//! The right edge of a tree: all that is needed to append to it, which is its partial tiles.

use crate::format::digest::Sha256;
use crate::format::tlog::entries;
use crate::format::tlog::tile::{FULL, LEVELS, Tile, bytes, root};
use crate::format::tlog::tree::{leaf_hash, node_hash};
use std::collections::BTreeMap;

/// A tree by its partial tiles, and every file that appending to it has made.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// The hashes of each level's partial tile.
    partial: Vec<Vec<Sha256>>,
    /// The partial bundle of entries.
    entries: Vec<u8>,
    /// Full tiles and bundles that were completed since, by their path below the log.
    completed: BTreeMap<String, Vec<u8>>,
    /// The size it was read at.
    from: u64,
}

/// What an edge is made of does not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeFault {
    /// The bundle does not have the entries whose hashes the tile has.
    #[error("the entries are not those of the tree")]
    Entries,
    /// An entry is longer than [`entries::ENTRY_BYTES_MAX`].
    #[error("an entry is longer than a log takes")]
    TooLong,
}

impl Edge {
    /// The partial tiles that the edge of a tree of so many leaves is made of.
    pub fn tiles(size: u64) -> impl Iterator<Item = Tile> {
        (0..LEVELS).filter_map(move |level| Tile::partial(level, size))
    }

    /// The edge of a tree of so many leaves, from the hashes of [`Edge::tiles`], each as many as the tile is wide, and the
    /// bundle of the one of level 0, empty if there is none.
    pub fn new(size: u64, tiles: Vec<(Tile, Vec<Sha256>)>, bundle: Vec<u8>) -> Result<Edge, EdgeFault> {
        let mut partial = vec![Vec::new(); usize::from(LEVELS)];
        tiles.into_iter().for_each(|(tile, hashes)| partial[usize::from(tile.level)] = hashes);
        let entries = entries::parse(&bundle).ok_or(EdgeFault::Entries)?;
        if !entries.iter().map(|entry| leaf_hash(entry)).eq(partial[0].iter().copied()) {
            return Err(EdgeFault::Entries);
        }
        Ok(Edge { size, from: size, partial, entries: bundle, completed: BTreeMap::new() })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Sha256 {
        let mut subtrees = Vec::new();
        for hashes in self.partial.iter().rev() {
            let mut rest = hashes.as_slice();
            while let Some(bits) = rest.len().checked_ilog2() {
                let (whole, after) = rest.split_at(1 << bits);
                subtrees.push(root(whole));
                rest = after;
            }
        }
        let last = subtrees.pop().unwrap_or_else(|| Sha256::of(b""));
        subtrees.into_iter().rev().fold(last, |right, left| node_hash(left, right))
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: &[u8]) -> Result<(), EdgeFault> {
        if !entries::append(&mut self.entries, entry) {
            return Err(EdgeFault::TooLong);
        }
        let mut hash = leaf_hash(entry);
        for level in 0..LEVELS {
            if self.partial.len() <= usize::from(level) {
                self.partial.push(Vec::new());
            }
            let hashes = &mut self.partial[usize::from(level)];
            hashes.push(hash);
            if hashes.len() < usize::from(FULL) {
                break;
            }
            let tile = Tile { level, index: self.size >> (8 * (u32::from(level) + 1)), width: FULL };
            self.completed.insert(tile.path(), bytes(hashes));
            if level == 0 {
                self.completed.insert(tile.entries_path(), std::mem::take(&mut self.entries));
            }
            hash = root(hashes);
            hashes.clear();
        }
        self.size += 1;
        Ok(())
    }

    /// Every file, by its path below the log, that the tree has now and did not have when the edge was read.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.completed.clone();
        let partial = (0..LEVELS).filter_map(|level| Tile::partial(level, self.size));
        for tile in partial.filter(|tile| Tile::partial(tile.level, self.from) != Some(*tile)) {
            files.insert(tile.path(), bytes(&self.partial[usize::from(tile.level)]));
            if tile.level == 0 {
                files.insert(tile.entries_path(), self.entries.clone());
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tlog::tree::{Nodes, Tree};

    /// A log in memory: its files, and the tree that they should be of.
    struct Log {
        files: BTreeMap<String, Vec<u8>>,
        tree: Tree,
    }

    impl Log {
        fn edge(&self) -> Result<Edge, EdgeFault> {
            let size = self.tree.size();
            let read = |tile: Tile| (tile, tile.hashes(&self.files[&tile.path()]).unwrap());
            let bundle = Tile::partial(0, size).map(|tile| self.files[&tile.entries_path()].clone());
            Edge::new(size, Edge::tiles(size).map(read).collect(), bundle.unwrap_or_default())
        }

        fn append(&mut self, count: u64) {
            let mut edge = self.edge().unwrap();
            for at in self.tree.size()..self.tree.size() + count {
                edge.push(format!("entry {at}").as_bytes()).unwrap();
                self.tree.push(leaf_hash(format!("entry {at}").as_bytes()));
            }
            for (path, bytes) in edge.files() {
                let before = self.files.insert(path.clone(), bytes.clone());
                assert!(before.is_none(), "{path} was there: a file never changes");
            }
            assert_eq!((edge.size(), edge.root()), (self.tree.size(), self.tree.root()));
        }
    }

    #[test]
    fn whatever_is_appended_at_once_the_files_are_those_of_the_tree() {
        for steps in [&[1, 1, 1, 253, 1, 300][..], &[600], &[256, 256], &[255, 2], &[65_530, 5, 1, 700]] {
            let mut log = Log { files: BTreeMap::new(), tree: Tree::default() };
            steps.iter().for_each(|&count| log.append(count));
            let size = log.tree.size();
            for tile in Tile::all(size) {
                let first = tile.index * 256;
                let hashes = (first..first + u64::from(tile.width)).map(|at| {
                    let Ok(hash) = (&mut &log.tree).node(8 * u32::from(tile.level), at);
                    hash
                });
                assert!(tile.hashes(&log.files[&tile.path()]).unwrap().into_iter().eq(hashes), "{tile:?}");
                if tile.level == 0 {
                    let entries = entries::parse(&log.files[&tile.entries_path()]).unwrap();
                    assert_eq!(entries.len(), usize::from(tile.width));
                    assert_eq!(entries[0], format!("entry {first}").as_bytes());
                }
            }
        }
    }

    #[test]
    fn entries_of_another_tree_are_refused() {
        let mut log = Log { files: BTreeMap::new(), tree: Tree::default() };
        log.append(3);
        let mut bundle = Vec::new();
        ["entry 0", "entry 1", "entry x"]
            .iter()
            .for_each(|entry| assert!(entries::append(&mut bundle, entry.as_bytes())));
        for bad in [bundle.clone(), bundle[..18].to_vec(), bundle[..bundle.len() - 1].to_vec(), Vec::new()] {
            log.files.insert("tile/entries/000.p/3".into(), bad);
            assert_eq!(log.edge().unwrap_err(), EdgeFault::Entries);
        }
    }

    #[test]
    fn an_entry_that_is_too_long_changes_nothing() {
        let mut edge = Edge::default();
        assert_eq!(edge.push(&vec![0; entries::ENTRY_BYTES_MAX + 1]), Err(EdgeFault::TooLong));
        assert_eq!((edge.size(), edge.files().len(), edge.root()), (0, 0, Sha256::of(b"")));
    }
}
