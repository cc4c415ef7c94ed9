//! Archives without their receipt, and receipts without their archive: what a run left that did not end. Nobody can restore
//! from either, and no leaf can be of it.

use crate::error::Result;
use crate::evidence::receipt::{SUFFIX, pack_name};
use crate::evidence::stored::{is_backup_of, is_left};
use crate::store::{Entry, ObjectName, Store};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// The halves of a project's backups that have lain there for so long that whoever put them there is not at it any more, and
/// whose names are not among those that the log has.
pub fn left<'e>(
    entries: impl IntoIterator<Item = &'e Entry>,
    project: &str,
    logged: &HashSet<&str>,
    now: Timestamp,
) -> Vec<&'e Entry> {
    let entries: HashMap<&str, &Entry> =
        entries.into_iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let is_left = |entry: &&Entry| {
        let name = pack_name(archive(entry.name.file_name()));
        name.is_some_and(|name| is_backup_of(project, name) && !logged.contains(name))
            && !entries.contains_key(&*other(&entry.name))
            && is_left(entry, now)
    };
    let mut left: Vec<&Entry> = entries.values().copied().filter(is_left).collect();
    left.sort_by_key(|entry| &entry.name);
    left
}

/// What is said of one.
pub fn why(object: &ObjectName) -> &'static str {
    match object.as_str().ends_with(SUFFIX) {
        true => "a run that did not end had left it there without its archive",
        false => "a run that did not end had put it there without a receipt",
    }
}

/// Takes one away, unless its other half has come; tells whether it did.
pub fn remove(store: &dyn Store, object: &ObjectName) -> Result<bool> {
    let is_half = store.head(&ObjectName::new(&other(object))?)?.is_none();
    if is_half {
        store.delete(object)?;
    }
    Ok(is_half)
}

/// The archive's file name, whichever half has this one.
fn archive(file_name: &str) -> &str {
    file_name.strip_suffix(SUFFIX).unwrap_or(file_name)
}

/// Of an archive its receipt, of a receipt its archive.
fn other(object: &ObjectName) -> String {
    let receipt = format!("{object}{SUFFIX}");
    object.as_str().strip_suffix(SUFFIX).map_or(receipt, str::to_owned)
}
