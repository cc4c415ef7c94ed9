//! Tiles: up to 256 hashes of one height beside each other, each in a file that never changes.
//!
//! A tile of level L holds hashes of subtrees of 256^L leaves; those between come from hashing its own. The last tile of
//! a level is partial until it is full, and has another name for each width.

use crate::format::digest::Sha256;
use crate::format::tlog::tree::{Nodes, Tree};
use std::collections::BTreeMap;

/// How many hashes, or entries, a full tile has.
pub const FULL: u16 = 256;

/// The levels that a log of [`SIZE_MAX`](crate::format::checkpoint::SIZE_MAX) leaves has.
pub(super) const LEVELS: u8 = 6;

/// A tile by its place, and how full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Its level, from the leaves up.
    pub level: u8,
    /// Its place in the level.
    pub index: u64,
    /// How many hashes it has: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// Its path below the log: `tile/0/x001/067`, or `tile/0/x001/067.p/5` where it is partial.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, name(self.index, self.width))
    }

    /// The path of the entries whose hashes a tile of level 0 has.
    pub fn entries_path(&self) -> String {
        format!("tile/entries/{}", name(self.index, self.width))
    }

    /// The same tile once it is full.
    pub fn full(&self) -> Tile {
        Tile { width: FULL, ..*self }
    }

    /// The tile of a level that has this hash of it, in a tree of so many leaves.
    pub fn holding(level: u8, hash: u64, size: u64) -> Tile {
        let index = hash / u64::from(FULL);
        let width = (size >> (8 * u32::from(level))) - index * u64::from(FULL);
        Tile { level, index, width: u16::try_from(width).map_or(FULL, |width| width.min(FULL)) }
    }

    /// The last tile of a level in a tree of so many leaves, if it is partial.
    pub fn partial(level: u8, size: u64) -> Option<Tile> {
        let hashes = size >> (8 * u32::from(level));
        let width = (hashes % u64::from(FULL)) as u16;
        (width > 0).then_some(Tile { level, index: hashes / u64::from(FULL), width })
    }

    /// Every tile of a tree of so many leaves, level by level.
    pub fn all(size: u64) -> impl Iterator<Item = Tile> {
        (0..LEVELS).flat_map(move |level| {
            let full = size >> (8 * u32::from(level)) >> 8;
            let full = (0..full).map(move |index| Tile { level, index, width: FULL });
            full.chain(Tile::partial(level, size))
        })
    }

    /// The hashes in its file; nothing unless there are as many as its width.
    pub fn hashes(&self, bytes: &[u8]) -> Option<Vec<Sha256>> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let is_whole = rest.is_empty() && hashes.len() == usize::from(self.width);
        is_whole.then(|| hashes.iter().map(|hash| Sha256(*hash)).collect())
    }
}

/// The file that holds these hashes.
pub(super) fn bytes(hashes: &[Sha256]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The root over hashes that are the leaves of a tree.
pub(super) fn root(hashes: &[Sha256]) -> Sha256 {
    hashes.iter().copied().collect::<Tree>().root()
}

/// An index in groups of three digits, and the width where the tile is partial.
fn name(index: u64, width: u16) -> String {
    let mut name = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        name = format!("x{:03}/{name}", rest % 1000);
        rest /= 1000;
    }
    if width < FULL { format!("{name}.p/{width}") } else { name }
}

/// The tree behind tiles that are fetched as they are needed.
pub struct Tiles<F> {
    size: u64,
    fetch: F,
    known: BTreeMap<Tile, Vec<Sha256>>,
}

impl<F, E> Tiles<F>
where
    F: FnMut(Tile) -> Result<Vec<Sha256>, E>,
{
    /// Of a tree of so many leaves; `fetch` gives as many hashes as the tile is wide.
    pub fn new(size: u64, fetch: F) -> Tiles<F> {
        Tiles { size, fetch, known: BTreeMap::new() }
    }
}

impl<F, E> Nodes for Tiles<F>
where
    F: FnMut(Tile) -> Result<Vec<Sha256>, E>,
{
    type Error = E;

    fn node(&mut self, level: u32, index: u64) -> Result<Sha256, E> {
        let (height, first) = (level % 8, index << (level % 8));
        let tile = Tile::holding((level / 8) as u8, first, self.size);
        if !self.known.contains_key(&tile) {
            let hashes = (self.fetch)(tile)?;
            self.known.insert(tile, hashes);
        }
        let at = (first % u64::from(FULL)) as usize;
        Ok(root(&self.known[&tile][at..at + (1 << height)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tlog::proof::{consistency, inclusion};
    use crate::format::tlog::tree::leaf_hash;
    use std::collections::BTreeSet;

    #[test]
    fn paths_are_those_of_the_standard() {
        let path = |level, index, width| Tile { level, index, width }.path();
        assert_eq!(path(0, 1_234_067, FULL), "tile/0/x001/x234/067");
        assert_eq!(path(1, 0, 17), "tile/1/000.p/17");
        assert_eq!(path(2, 1000, 255), "tile/2/x001/000.p/255");
        assert_eq!(Tile { level: 0, index: 5, width: 1 }.entries_path(), "tile/entries/005.p/1");
    }

    #[test]
    fn the_tiles_of_a_tree_are_those_of_the_standards_example() {
        let all: Vec<Tile> = Tile::all(70_000).collect();
        let count =
            |level, width| all.iter().filter(|tile| (tile.level, tile.width) == (level, width)).count();
        let counts = [count(0, FULL), count(0, 112), count(1, FULL), count(1, 17), count(2, 1)];
        assert_eq!((counts, all.len()), ([273, 1, 1, 1, 1], 277));
        let small: Vec<Tile> = Tile::all(256).collect();
        assert_eq!(small, [Tile { level: 0, index: 0, width: FULL }, Tile { level: 1, index: 0, width: 1 }]);
        assert_eq!(Tile::all(0).count(), 0);
    }

    #[test]
    fn a_file_of_another_length_is_no_tile() {
        let tile = Tile { level: 0, index: 0, width: 2 };
        assert_eq!(tile.hashes(&[7; 64]), Some(vec![Sha256([7; 32]); 2]));
        assert_eq!((tile.hashes(&[7; 63]), tile.hashes(&[7; 96]), tile.hashes(&[])), (None, None, None));
    }

    #[test]
    fn proofs_from_tiles_are_those_of_the_tree() {
        let tree: Tree = (0..66_000_u64).map(|at| leaf_hash(&at.to_be_bytes())).collect();
        for size in [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 66_000_u64] {
            let asked = std::cell::RefCell::new(BTreeSet::new());
            let fetch = |tile: Tile| {
                asked.borrow_mut().insert(tile);
                let first = tile.index * 256;
                let hashes = (first..first + u64::from(tile.width))
                    .map(|at| (&tree).node(8 * u32::from(tile.level), at));
                hashes.collect::<Result<Vec<_>, _>>()
            };
            let Ok(root) = Tiles::new(size, fetch).range(0, size);
            assert_eq!(Some(root), tree.root_at(size), "{size}");
            for at in [0, size / 3, size - 1] {
                let Ok(expected) = inclusion(&mut &tree, at, size);
                assert_eq!(inclusion(&mut Tiles::new(size, fetch), at, size), Ok(expected), "{at} of {size}");
                let Ok(expected) = consistency(&mut &tree, at, size);
                assert_eq!(
                    consistency(&mut Tiles::new(size, fetch), at, size),
                    Ok(expected),
                    "{at} to {size}"
                );
            }
            let all: BTreeSet<Tile> = Tile::all(size).collect();
            assert!(asked.borrow().is_subset(&all), "only tiles that the tree has are fetched");
        }
    }
}
