//! Files, folders and links: two sorted lists are merged, and only what differs is kept.

use crate::error;
use crate::evidence::changes::Both;
use crate::evidence::described::{Described, Entries, Entry, What};
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::json::optional_sha256;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::cmp::Ordering;

/// What happened to a file, folder or link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileEvent {
    /// Only the second side has it.
    Added,
    /// Only the first side has it.
    Removed,
    /// Both have it, but not the same: its content, type, mode, class or link target.
    Altered,
    /// Its content is as it was, at another path.
    Renamed,
}

/// A file, folder or link that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileChange {
    /// What happened to it.
    pub change: FileEvent,
    /// What it is for: on the second side, else on the first.
    pub class: Option<Class>,
    /// Where it lies: on the second side, else on the first.
    pub path: String,
    /// Where it lay, if it was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// What the first side says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<FileState>,
    /// What the second side says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<FileState>,
}

/// A file, folder or link as one side has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileState {
    /// File, folder or link.
    pub r#type: EntryType,
    /// What it is for.
    pub class: Option<Class>,
    /// Permission bits, four octal digits; in a release 0644 or 0755.
    #[serde(serialize_with = "octal")]
    #[schemars(with = "String")]
    pub mode: u16,
    /// Bytes of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The digest of a file.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_sha256::serialize")]
    #[schemars(with = "Option<String>")]
    pub sha256: Option<Sha256>,
    /// The text of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Box<str>>,
}

fn octal<S: Serializer>(mode: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

/// What differs, and how much each side lists.
pub fn changes(a: &Described, b: &Described) -> error::Result<(Vec<FileChange>, Both<u64>)> {
    let merged = merge(a, b)?;
    let renames = renames(&merged.removed, &merged.added);
    let mut changes = merged.altered;
    changes.extend(conclude(merged.removed, merged.added, &renames));
    let key = |change: &FileChange| (change.class.is_none(), change.class);
    changes.sort_by(|x, y| key(x).cmp(&key(y)).then_with(|| x.path.cmp(&y.path)));
    Ok((changes, merged.seen))
}

/// What two lists do not have in common.
#[derive(Default)]
struct Merged {
    added: Vec<Entry>,
    removed: Vec<Entry>,
    altered: Vec<FileChange>,
    seen: Both<u64>,
}

fn merge(a: &Described, b: &Described) -> error::Result<Merged> {
    // A release keeps neither modes nor folders as they were, so against a backup they tell nothing.
    let is_alike = a.kind == b.kind;
    let next = |entries: &mut Entries<'_>| loop {
        match entries.next_entry()? {
            Some(entry) if !is_alike && entry.what == What::Folder => {}
            Some(entry) if !is_alike => return Ok(Some(Entry { mode: in_release(&entry), ..entry })),
            entry => return Ok(entry),
        }
    };
    let (mut from_a, mut from_b) = (a.entries()?, b.entries()?);
    let (mut in_a, mut in_b) = (next(&mut from_a)?, next(&mut from_b)?);
    let mut merged = Merged::default();
    loop {
        let order = match (&in_a, &in_b) {
            (None, None) => return Ok(merged),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.path.cmp(&b.path),
        };
        let left = if order.is_le() { take(&mut in_a, next(&mut from_a)) } else { Ok(None) }?;
        let right = if order.is_ge() { take(&mut in_b, next(&mut from_b)) } else { Ok(None) }?;
        merged.seen.a += u64::from(left.is_some());
        merged.seen.b += u64::from(right.is_some());
        match (left, right) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => merged.altered.push(change(FileEvent::Altered, Some(&a), Some(&b))),
            (Some(a), None) => merged.removed.push(a),
            (None, Some(b)) => merged.added.push(b),
            (None, None) => {}
        }
    }
}

/// Gives what is there, and puts the next one in its place.
fn take(place: &mut Option<Entry>, next: error::Result<Option<Entry>>) -> error::Result<Option<Entry>> {
    Ok(std::mem::replace(place, next?))
}

/// The mode that a release gives a member.
fn in_release(entry: &Entry) -> u16 {
    match entry.what {
        What::File { .. } if entry.mode & 0o111 == 0 => 0o644,
        What::File { .. } | What::Folder => 0o755,
        What::Link(_) => 0o777,
    }
}

/// Which removed file is which added one: places in both lists. The same digest is the same content; where several
/// files have it, those with the same name come first, and then those that are left, in order. Empty files are all
/// alike, so they need the same name.
fn renames(removed: &[Entry], added: &[Entry]) -> Vec<(usize, usize)> {
    let (left, right) = (by_content(removed), by_content(added));
    let (mut pairs, mut r) = (Vec::new(), 0);
    let mut groups = left.chunk_by(|x, y| x.0 == y.0);
    for group in &mut groups {
        let digest = group[0].0;
        while right.get(r).is_some_and(|file| file.0 < digest) {
            r += 1;
        }
        let end = r + right[r..].iter().take_while(|file| file.0 == digest).count();
        pair(group, &right[r..end], &mut pairs);
        r = end;
    }
    pairs
}

/// A file's digest, its name, its place in the list, and whether there is something in it.
type Content<'a> = (Sha256, &'a str, usize, bool);

fn by_content(entries: &[Entry]) -> Vec<Content<'_>> {
    let content = |(at, entry): (usize, &'_ Entry)| match entry.what {
        What::File { size, sha256 } => Some((sha256, at, size > 0)),
        _ => None,
    };
    let files = entries.iter().enumerate().filter_map(content);
    let mut files: Vec<_> =
        files.map(|(sha256, at, full)| (sha256, entries[at].path.name(), at, full)).collect();
    files.sort_unstable();
    files
}

/// Pairs files of one content: both lists are in order of the name, then of the path.
fn pair(removed: &[Content<'_>], added: &[Content<'_>], pairs: &mut Vec<(usize, usize)>) {
    let (mut left, mut right) = (Vec::<&Content<'_>>::new(), Vec::<&Content<'_>>::new());
    let (mut a, mut b) = (removed.iter().peekable(), added.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.1.cmp(b.1),
        };
        match order {
            Ordering::Less => left.extend(a.next()),
            Ordering::Greater => right.extend(b.next()),
            Ordering::Equal => pairs.extend(a.next().zip(b.next()).map(|(a, b)| (a.2, b.2))),
        }
    }
    let others = left.into_iter().zip(right).filter(|(a, _)| a.3);
    pairs.extend(others.map(|(a, b)| (a.2, b.2)));
}

/// What was removed, added and renamed.
fn conclude(removed: Vec<Entry>, added: Vec<Entry>, renames: &[(usize, usize)]) -> Vec<FileChange> {
    let (mut left, mut right) = (vec![false; removed.len()], vec![false; added.len()]);
    let mut changes = Vec::with_capacity(removed.len() + added.len() - renames.len());
    for &(a, b) in renames {
        (left[a], right[b]) = (true, true);
        let renamed = change(FileEvent::Renamed, Some(&removed[a]), Some(&added[b]));
        changes.push(FileChange { renamed_from: Some(removed[a].path.to_string()), ..renamed });
    }
    let alone = |paired: &[bool], at: usize| !paired[at];
    let gone = removed.iter().enumerate().filter(|(at, _)| alone(&left, *at));
    changes.extend(gone.map(|(_, entry)| change(FileEvent::Removed, Some(entry), None)));
    let new = added.iter().enumerate().filter(|(at, _)| alone(&right, *at));
    changes.extend(new.map(|(_, entry)| change(FileEvent::Added, None, Some(entry))));
    changes
}

fn change(change: FileEvent, a: Option<&Entry>, b: Option<&Entry>) -> FileChange {
    let of = b.or(a);
    FileChange {
        change,
        class: of.and_then(|entry| entry.class),
        path: of.map(|entry| entry.path.to_string()).unwrap_or_default(),
        renamed_from: None,
        a: a.map(FileState::of),
        b: b.map(FileState::of),
    }
}

impl FileState {
    fn of(entry: &Entry) -> FileState {
        let (r#type, size, sha256, target) = match &entry.what {
            What::File { size, sha256 } => (EntryType::File, Some(*size), Some(*sha256), None),
            What::Folder => (EntryType::Folder, None, None, None),
            What::Link(target) => (EntryType::Link, None, None, Some(target.clone())),
        };
        FileState { r#type, class: entry.class, mode: entry.mode, size, sha256, target }
    }
}
