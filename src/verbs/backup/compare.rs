//! What changed since the last backup: the scan and the cache, both in the order of the paths, side by side.
//!
//! A file whose size, times and number are as they were is not read. One that was touched is read; if an earlier archive holds
//! the same bytes, under whatever name, it is referred to.

use crate::error::{Error, Result};
use crate::evidence::elsewhere::Elsewhere;
use crate::format::backup_cache::Record;
use crate::format::digest::Digests;
use crate::format::receipt::Base;
use crate::pipeline::hash::{Wanted, hash_files};
use crate::pipeline::pack::Read;
use crate::pipeline::source::{Root, SMALL_BYTES_MAX};
use crate::pipeline::watch::Watch;
use crate::tree::member::{Member as Scanned, MemberKind};
use crate::verbs::backup::Request;
use crate::verbs::backup::listing::Listing;
use crate::verbs::backup::payload::KnownParts;
use crate::verbs::backup::previous::Previous;
use crate::verbs::backup::source::{CAPTURES, Source};
use std::collections::{HashMap, HashSet};
use std::io;

/// What is known before anything is put into an archive.
#[derive(Default)]
pub(super) struct Known {
    /// What each member held when it was read, now or before; empty where that is not known.
    pub(super) read: Vec<Read>,
    /// Which earlier archive holds it.
    pub(super) elsewhere: Elsewhere,
    /// The parts of streams that earlier archives hold.
    pub(super) parts: KnownParts,
}

/// The first look.
pub(super) struct Compared {
    /// Files that have to be read, by their place among the members.
    pub(super) touched: Vec<usize>,
    /// The digest over everything that is listed, if no file has to be read.
    pub(super) listing: Option<String>,
    /// The sizes of large files that earlier archives hold.
    large: HashSet<u64>,
}

/// Reads the cache once, beside what was scanned, and keeps nothing of it.
pub(super) fn compare(source: &Source, previous: &Previous) -> io::Result<Compared> {
    let mut reader = previous.read()?;
    let (mut listing, mut touched, mut large) = (Listing::default(), Vec::new(), HashSet::new());
    let mut record = reader.read()?;
    for (at, member) in source.members.iter().enumerate() {
        if member.kind != MemberKind::File {
            listing.push(member, &Read::default(), source.is_captured(at));
            continue;
        }
        while let Some(passed) = record.filter(|record| *record.path < *member.path.as_str().as_bytes()) {
            note_large(&mut large, passed);
            record = reader.read()?;
        }
        match record
            .filter(|record| *record.path == *member.path.as_str().as_bytes() && is_same(member, record))
        {
            Some(record) => listing.push(member, &read_of(record), source.is_captured(at)),
            None => touched.push(at),
        }
    }
    while let Some(passed) = record {
        note_large(&mut large, passed);
        record = reader.read()?;
    }
    let listing = touched.is_empty().then(|| listing.finish());
    Ok(Compared { touched, listing, large })
}

fn note_large(large: &mut HashSet<u64>, record: &Record) {
    if record.size > SMALL_BYTES_MAX {
        large.insert(record.size);
    }
}

/// Whether a file is, as far as the system tells, the one that was read.
fn is_same(member: &Scanned, record: &Record) -> bool {
    let Scanned { size, mtime_s, mtime_ns, stamp, .. } = *member;
    let found = (size, mtime_s, mtime_ns, stamp.ctime_ns, stamp.inode, stamp.device);
    let kept = (record.size, record.mtime_s, record.mtime_ns, record.ctime_ns, record.inode, record.device);
    !record.unsettled && found == kept
}

fn read_of(record: &Record) -> Read {
    Read { size: record.size, digests: record.digests, torn: record.torn }
}

/// Reads what was touched, and finds for every file the archive that holds its bytes, if any does.
pub(super) fn resolve(
    request: &Request<'_>,
    source: &Source,
    previous: &Previous,
    compared: &Compared,
    watch: &Watch,
) -> Result<Known> {
    let fresh = read_touched(request, source, compared, watch)?;
    let archives = previous.header.archives.iter();
    let archives = archives.map(|held| Base { name: held.name.clone(), sha256: held.sha256 }).collect();
    let mut known = Known {
        read: vec![Read::default(); source.members.len()],
        elsewhere: Elsewhere::new(archives, source.members.len()),
        parts: KnownParts::new(),
    };
    let found = find(source, previous, compared, &fresh, &mut known);
    found.map_err(Error::io("read", "the cache of the last backup"))?;
    Ok(known)
}

/// Digests of files to be found: which members have them.
type Fresh = HashMap<Digests, Vec<(usize, Read)>>;

/// The digests of what was touched. A large file of a size that no archive holds is not read for that.
fn read_touched(request: &Request<'_>, source: &Source, compared: &Compared, watch: &Watch) -> Result<Fresh> {
    let mut fresh = Fresh::new();
    for (captured, folder) in [(false, request.root), (true, &*source.captures)] {
        let is_wanted = |at: &&usize| {
            let size = source.members.get(**at).map_or(0, |member| member.size);
            source.is_captured(**at) == captured
                && (size <= SMALL_BYTES_MAX || compared.large.contains(&size))
        };
        let wanted: Vec<usize> = compared.touched.iter().filter(is_wanted).copied().collect();
        if wanted.is_empty() {
            continue;
        }
        let members = wanted.iter().filter_map(|&at| source.members.get(at));
        let files: Vec<Wanted<'_>> =
            members.map(|member| Wanted { path: member.path.as_str(), size: member.size }).collect();
        let hashed = hash_files(&Root::open(folder)?, &files, request.threads, watch)?;
        for (at, hashed) in wanted.into_iter().zip(hashed) {
            // What cannot be read now is said when it is to be archived.
            let Ok((size, digests)) = hashed else { continue };
            fresh.entry(digests).or_default().push((at, Read { size, digests, torn: false }));
        }
    }
    Ok(fresh)
}

/// Reads the cache once more: what was not touched is where it was, and what was is looked for by its digests.
fn find(
    source: &Source,
    previous: &Previous,
    compared: &Compared,
    fresh: &Fresh,
    known: &mut Known,
) -> io::Result<()> {
    let mut reader = previous.read()?;
    let mut members = source.members.iter().enumerate().peekable();
    let mut touched = compared.touched.iter().copied().peekable();
    while let Some(record) = reader.read()? {
        let place = record.place.as_deref().unwrap_or(&record.path);
        let Ok(place) = std::str::from_utf8(place) else { continue };
        if record.path.starts_with(CAPTURES.as_bytes()) {
            known.parts.insert(record.digests, (record.archive, place.into()));
        }
        for (at, read) in fresh.get(&record.digests).into_iter().flatten() {
            let Some(member) = source.members.get(*at) else { continue };
            // Whoever has the member's own path is the one to name.
            if known.elsewhere.of(*at).is_none() || *record.path == *member.path.as_str().as_bytes() {
                refer(known, (*at, member), read, (record.archive, place));
            }
        }
        while members.next_if(|(_, member)| *member.path.as_str().as_bytes() < *record.path).is_some() {}
        let Some((at, member)) =
            members.next_if(|(_, member)| *member.path.as_str().as_bytes() == *record.path)
        else {
            continue;
        };
        while touched.next_if(|&touched| touched < at).is_some() {}
        if member.kind == MemberKind::File && touched.peek() != Some(&at) {
            refer(known, (at, member), &read_of(record), (record.archive, place));
        }
    }
    Ok(())
}

fn refer(known: &mut Known, (at, member): (usize, &Scanned), read: &Read, (archive, place): (u32, &str)) {
    if let Some(slot) = known.read.get_mut(at) {
        *slot = *read;
    }
    known.elsewhere.put(at, archive, (place != member.path.as_str()).then_some(place));
}
