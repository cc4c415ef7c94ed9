//! The archives that a store holds, each with its receipt: one list of the store, and each receipt fetched once.

use crate::error::Result;
use crate::evidence::receipt::{RECEIPT_BYTES_MAX, SUFFIX, pack_name};
use crate::evidence::stored::{ARCHIVES, RELEASES};
use crate::store::{Entry, Store};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The archives of a store as they lay there at one moment, by the names of their objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held(BTreeMap<String, HeldArchive>);

/// An archive that lies in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldArchive {
    /// The archive.
    pub entry: Entry,
    /// Its receipt; `None` if there is none.
    pub receipt: Option<HeldReceipt>,
}

/// A receipt that lies beside an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldReceipt {
    /// Its bytes; none of one that is longer than any receipt.
    pub bytes: Vec<u8>,
    /// Its size and time, which tell whether it is another one by now.
    seen_as: (u64, Timestamp),
}

impl HeldArchive {
    /// The bytes of its receipt, if there is one.
    pub fn receipt(&self) -> Option<&[u8]> {
        self.receipt.as_ref().map(|receipt| &*receipt.bytes)
    }
}

impl Held {
    /// Lists the archives of a store and fetches their receipts.
    pub fn read(store: &dyn Store) -> Result<Held> {
        Held::default().again(store)
    }

    /// The same at a later moment. A receipt that lies there as it did is not fetched once more.
    pub fn again(&self, store: &dyn Store) -> Result<Held> {
        let mut held = BTreeMap::new();
        for folder in [RELEASES, ARCHIVES] {
            let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
            for entry in store.list(folder)?.entries {
                entries.insert(entry.name.to_string(), entry);
            }
            for (object, entry) in &entries {
                if pack_name(entry.name.file_name()).is_some() {
                    let receipt = entries.get(&format!("{object}{SUFFIX}"));
                    let known = self.0.get(object).and_then(|archive| archive.receipt.as_ref());
                    let receipt = receipt.map_or(Ok(None), |entry| fetch(store, entry, known))?;
                    held.insert(object.clone(), HeldArchive { entry: entry.clone(), receipt });
                }
            }
        }
        Ok(Held(held))
    }

    /// The archive of an object's name.
    pub fn get(&self, object: &str) -> Option<&HeldArchive> {
        self.0.get(object)
    }

    /// Every archive, in the order of their objects' names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeldArchive)> {
        self.0.iter().map(|(object, archive)| (&**object, archive))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn fetch(store: &dyn Store, entry: &Entry, known: Option<&HeldReceipt>) -> Result<Option<HeldReceipt>> {
    let seen_as = (entry.size, entry.modified);
    if let Some(known) = known.filter(|known| known.seen_as == seen_as) {
        return Ok(Some(known.clone()));
    }
    let bytes = match entry.size > RECEIPT_BYTES_MAX as u64 {
        true => Some(Vec::new()),
        false => store.get(&entry.name, RECEIPT_BYTES_MAX)?.map(|(bytes, _)| bytes),
    };
    Ok(bytes.map(|bytes| HeldReceipt { bytes, seen_as }))
}
