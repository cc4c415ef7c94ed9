//! What lies in the store of each archive.

use crate::error::Result;
use crate::evidence::receipt::{SUFFIX, pack_name};
use crate::evidence::stored::{ARCHIVES, RELEASES, release_folder};
use crate::format::kind::Kind;
use crate::store::{Entry, ObjectName, Store};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Every object of archives and releases, with its size.
pub(super) struct Shelf(BTreeMap<String, Entry>);

impl Shelf {
    pub(super) fn of(store: &dyn Store) -> Result<Shelf> {
        let mut objects = BTreeMap::new();
        for folder in [ARCHIVES, RELEASES] {
            let entries = store.list(folder)?.entries.into_iter();
            objects.extend(entries.map(|entry| (entry.name.to_string(), entry)));
        }
        Ok(Shelf(objects))
    }

    /// What belongs to an archive and is there, in the order in which it is deleted: the archive, what else lies in the folder
    /// of a release, its receipt.
    pub(super) fn objects(&self, kind: Kind, file: &str, name: &str) -> Vec<ObjectName> {
        let folder = folder(kind, name);
        let (archive, receipt) = (format!("{folder}/{file}"), format!("{folder}/{file}{SUFFIX}"));
        if kind == Kind::Backup {
            let both = [archive, receipt];
            return both.iter().filter_map(|object| Some(self.0.get(object)?.name.clone())).collect();
        }
        let folder = format!("{folder}/");
        let inside = self.0.range(folder.clone()..).take_while(|(object, _)| object.starts_with(&folder));
        let mut objects: Vec<ObjectName> = inside.map(|(_, entry)| entry.name.clone()).collect();
        objects.sort_by_key(|object| match object.as_str() {
            of if of == archive => 0,
            of if of == receipt => 2,
            _ => 1,
        });
        objects
    }

    /// What lies right below a folder.
    pub(super) fn entries(&self, folder: &str) -> impl Iterator<Item = &Entry> {
        self.0.values().filter(move |entry| entry.name.parent() == Some(folder))
    }

    /// The bytes of an object, if it is there.
    pub(super) fn size(&self, object: &ObjectName) -> Option<u64> {
        self.0.get(object.as_str()).map(|entry| entry.size)
    }

    /// The archives right below a folder, with the names of their packs.
    pub(super) fn archives(&self, folder: &str) -> impl Iterator<Item = (&Entry, &str)> {
        self.entries(folder).filter_map(|entry| Some((entry, pack_name(entry.name.file_name())?)))
    }

    /// The bytes of these.
    pub(super) fn bytes(&self, objects: &[ObjectName]) -> u64 {
        objects.iter().filter_map(|object| Some(self.0.get(object.as_str())?.size)).sum()
    }

    /// An archive, if it is there.
    pub(super) fn archive(&self, kind: Kind, file: &str, name: &str) -> Option<&Entry> {
        self.0.get(&format!("{}/{file}", folder(kind, name)))
    }
}

/// Until when a store does not let all of these go.
pub(super) fn locked_until(store: &dyn Store, objects: &[ObjectName]) -> Result<Option<Timestamp>> {
    let mut until = None;
    for object in objects {
        until = until.max(store.locked_until(object)?);
    }
    Ok(until)
}

fn folder(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Backup => ARCHIVES.to_owned(),
        Kind::Release => release_folder(name),
    }
}
