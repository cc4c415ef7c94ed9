//! Reading a log: its checkpoint, its leaves, its tiles. Nothing is given out that does not hash to a checkpoint which a
//! trusted key signed.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::checkpoint::Checkpoint;
use crate::format::digest::Sha256;
use crate::format::leaf::Leaf;
use crate::format::note::NOTE_BYTES_MAX;
use crate::format::tlog::entries;
use crate::format::tlog::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use crate::format::tlog::proof_file::ProofFile;
use crate::format::tlog::tile::{FULL, Tile, Tiles};
use crate::format::tlog::tree::{Nodes, Tree, leaf_hash};
use crate::keys::verify::Verified;
use crate::log::{BUNDLE_BYTES_MAX, CHECKPOINT, Log, invalid, name};
use crate::store::{ObjectName, Revision};

/// A checkpoint as the store has it.
#[derive(Clone, Debug)]
pub struct Head {
    /// The signed note.
    pub note: Vec<u8>,
    /// What it says, and who signed it.
    pub signed: Verified<Checkpoint>,
    /// Which content of the object it is.
    pub(super) revision: Revision,
}

impl Head {
    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.signed.checkpoint()
    }

    /// How many leaves the log has.
    pub fn size(&self) -> u64 {
        self.checkpoint().size
    }
}

/// Every leaf of a log at one checkpoint, and their tree.
#[derive(Clone, Debug)]
pub struct Leaves {
    /// The checkpoint that they hash to.
    pub head: Head,
    /// In the order of the log.
    pub leaves: Vec<Leaf>,
    tree: Tree,
}

impl Leaves {
    /// The root of the first leaves; nothing if there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Sha256> {
        self.tree.root_at(size)
    }

    /// The proof that a leaf is in the log.
    pub fn prove(&self, index: u64) -> ProofFile {
        let Ok(hashes) = inclusion(&mut &self.tree, index, self.tree.size());
        let entry = self.leaves[index as usize].to_bytes();
        ProofFile { entry, index, hashes, checkpoint: self.head.note.clone() }
    }
}

impl Log<'_> {
    /// The newest checkpoint; `None` where there is no log. One that is not signed by a key that may `log`, or is of
    /// another log, is an error.
    pub fn head(&self) -> Result<Option<Head>> {
        let Some((note, revision)) = self.store.get(&ObjectName::new(CHECKPOINT)?, NOTE_BYTES_MAX)? else {
            return Ok(None);
        };
        let signed = self.trust.verify_checkpoint(&note, CHECKPOINT, self.origin).map_err(Error::refused)?;
        Ok(Some(Head { note, signed, revision }))
    }

    /// Every leaf, each of which is in the tree that the checkpoint signs, and no other.
    pub fn leaves(&self, head: Head) -> Result<Leaves> {
        let (mut leaves, mut tree) = (Vec::new(), Tree::default());
        self.each_entry(0, head.size(), |index, entry| {
            tree.push(leaf_hash(entry));
            let leaf = Leaf::parse(entry);
            leaves.push(leaf.map_err(|fault| invalid(format!("leaf {index}"), fault))?);
            Ok(())
        })?;
        if tree.root() != head.checkpoint().root {
            return Err(invalid(CHECKPOINT, "the entries are not those of the tree that it signs"));
        }
        if let Some(finding) = leaves.last().and_then(|last| head.signed.expired(last.time)) {
            return Err(Error::refused(finding));
        }
        Ok(Leaves { head, leaves, tree })
    }

    /// The entries `from..size`, in order. They are as the store has them: whoever asks compares them with a tree.
    pub(super) fn each_entry(
        &self,
        from: u64,
        size: u64,
        mut see: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut index = from;
        while index < size {
            let tile = Tile::holding(0, index, size);
            let first = tile.index * u64::from(FULL);
            let bundle = self.bundle(tile)?;
            let entries = entries::parse(&bundle).expect("was parsed a moment ago");
            for entry in &entries[(index - first) as usize..] {
                see(index, entry)?;
                index += 1;
            }
        }
        Ok(())
    }

    /// The bundle of the entries whose hashes a tile of level 0 has, as many as it is wide. Where a partial one is gone,
    /// because the full one has come since, that one is cut.
    pub(super) fn bundle(&self, tile: Tile) -> Result<Vec<u8>> {
        let read = self.either(&tile.entries_path(), &tile.full().entries_path(), BUNDLE_BYTES_MAX)?;
        let count = |entries: &[&[u8]]| entries.len() == usize::from(tile.width);
        let parsed = entries::parse(&read.bytes);
        match parsed {
            Some(entries) if count(&entries) => Ok(read.bytes),
            Some(entries) if read.is_full && entries.len() == usize::from(FULL) => {
                let mut cut = Vec::new();
                entries
                    .iter()
                    .take(tile.width.into())
                    .for_each(|entry| assert!(entries::append(&mut cut, entry)));
                Ok(cut)
            }
            _ => Err(invalid(format!("log/{}", read.path), format!("it has not {} entries", tile.width))),
        }
    }

    /// The hashes of a tile, as many as it is wide, with the same way out.
    pub(super) fn tile(&self, tile: Tile) -> Result<Vec<Sha256>> {
        let read = self.either(&tile.path(), &tile.full().path(), 32 * usize::from(FULL))?;
        let hashes = match read.is_full {
            true => tile.full().hashes(&read.bytes).map(|full| full[..tile.width.into()].to_vec()),
            false => tile.hashes(&read.bytes),
        };
        hashes
            .ok_or_else(|| invalid(format!("log/{}", read.path), format!("it has not {} hashes", tile.width)))
    }

    /// What lies under the first of two paths, else under the second.
    fn either(&self, path: &str, full: &str, most: usize) -> Result<Either> {
        for (path, is_full) in [(path, false), (full, path != full)] {
            if let Some((bytes, _)) = self.store.get(&name(path)?, most)? {
                return Ok(Either { bytes, path: path.to_owned(), is_full });
            }
        }
        Err(Error::refused(Finding::new(Code::LogInvalid, format!("log/{path}")).actual("it is not there")))
    }

    /// Whether the log at `head` extends an earlier checkpoint, by its tiles; if it does not, that is an error.
    pub fn extends(&self, head: &Checkpoint, earlier: &Checkpoint) -> Result<()> {
        let forked = |actual: String| {
            let finding = Finding::new(Code::LogForked, CHECKPOINT);
            let expected = format!("{} leaves with root {}, or more after them", earlier.size, earlier.root);
            Err(Error::refused(finding.expected(expected).actual(actual)))
        };
        if head.origin != earlier.origin || head.size < earlier.size {
            return forked(format!("{} leaves of {}", head.size, head.origin));
        }
        let proof = match earlier.size == head.size {
            true => Vec::new(),
            false => consistency(&mut self.tiles(head.size), earlier.size, head.size)?,
        };
        if verify_consistency((earlier.size, earlier.root), (head.size, head.root), &proof) {
            return Ok(());
        }
        forked(format!("{} leaves with root {}, which are others", head.size, head.root))
    }

    /// Whether an entry stands at this place of the log at `head`, by its tiles; if it does not, that is an error.
    pub(super) fn includes(&self, head: &Checkpoint, index: u64, entry: &[u8]) -> Result<()> {
        let proof = inclusion(&mut self.tiles(head.size), index, head.size)?;
        match verify_inclusion(leaf_hash(entry), index, head.size, head.root, &proof) {
            true => Ok(()),
            false => Err(invalid(
                format!("leaf {index}"),
                "the tree that the checkpoint signs has another one there",
            )),
        }
    }

    /// The tree behind the tiles of the store.
    fn tiles(&self, size: u64) -> impl Nodes<Error = Error> {
        Tiles::new(size, |tile| self.tile(tile))
    }

    /// Every tile of the log against its leaves: how many there are, and what is wrong with which.
    pub fn check_tiles(&self, leaves: &Leaves) -> Result<(u64, Vec<Finding>)> {
        let (mut checked, mut findings) = (0, Vec::new());
        for tile in Tile::all(leaves.tree.size()) {
            let first = tile.index * u64::from(FULL);
            let expected = (first..first + u64::from(tile.width)).map(|at| {
                let Ok(hash) = (&mut &leaves.tree).node(8 * u32::from(tile.level), at);
                hash
            });
            match self.tile(tile) {
                Ok(hashes) if hashes.iter().copied().eq(expected) => {}
                Ok(_) => {
                    let finding = Finding::new(Code::LogInvalid, format!("log/{}", tile.path()));
                    findings.push(finding.actual("its hashes are not those of the entries"));
                }
                Err(Error::Refused(more)) => findings.extend(more),
                Err(error) => return Err(error),
            }
            checked += 1;
        }
        Ok((checked, findings))
    }
}

/// What was found under one of two paths.
struct Either {
    bytes: Vec<u8>,
    path: String,
    /// Whether it is the full tile or bundle, where a partial one was asked for.
    is_full: bool,
}
