//! Every payload file is listed, is there, and has the digests that are listed. Each is read once, for all algorithms.

use super::hash::{Reader, compare};
use super::listing::Listing;
use super::open::{Opened, open_inside, open_plain};
use super::walk::{Member, Walk};
use super::{Bag, count, refuse};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::bag::algorithm::Algorithm;
use crate::format::bag::info::Oxum;
use crate::pipeline::crew;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the check of the payload. The totals are those that `Payload-Oxum` counts, or `None` if some of the payload is
/// not here, so that there is nothing to compare.
pub fn check(bag: &Bag, listing: &Listing, threads: usize, outcome: &mut Outcome) -> Result<Option<Oxum>> {
    if let Some(finding) = folder_fault(bag)? {
        outcome.conclude("payload", "no payload folder", vec![finding]);
        return Ok(None);
    }
    if listing.manifests.is_empty() {
        let nothing = Finding::new(Code::NothingChecked, "data/").actual("no manifest lists the payload");
        outcome.conclude("payload", "no manifest", vec![nothing]);
        return Ok(None);
    }
    let run = Run {
        bag,
        listing,
        algorithms: listing.algorithms(),
        is_seen: (0..listing.len()).map(|_| AtomicBool::new(false)).collect(),
    };
    let mut tally = run.hash_all(threads)?;
    let has_holes = run.find_absent(&mut tally.found)?;
    tally.found.sort_by(|a, b| (&a.subject, a.code).cmp(&(&b.subject, b.code)));
    if tally.checked == 0 && !tally.found.iter().any(|finding| finding.severity == Severity::Error) {
        tally.found.push(Finding::new(Code::NothingChecked, "data/").actual("not one payload file"));
    }
    let names: Vec<_> = run.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let detail =
        format!("{}, {}, {}", count(tally.streams, "file"), count(tally.octets, "byte"), names.join(", "));
    outcome.conclude("payload", detail, tally.found);
    Ok((!has_holes).then_some(Oxum { octets: tally.octets, streams: tally.streams }))
}

/// What is wrong with `data` itself.
fn folder_fault(bag: &Bag) -> Result<Option<Finding>> {
    let found = match fs::symlink_metadata(bag.root.join("data")) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Finding::new(Code::NoPayload, "data/").actual("missing")
        }
        Err(e) => return Err(bag.io("open", "data")(e)),
        Ok(data) if data.is_dir() => return Ok(None),
        Ok(data) if data.is_symlink() => Finding::new(Code::PathUnsafe, "data/").actual("a link"),
        Ok(_) => Finding::new(Code::BagInvalid, "data/").actual("not a folder"),
    };
    Ok(Some(found.expected("a folder")))
}

/// What one thread found.
#[derive(Default)]
struct Tally {
    found: Vec<Finding>,
    streams: u64,
    octets: u64,
    checked: u64,
}

/// The check of one payload, shared by the threads.
struct Run<'a> {
    bag: &'a Bag,
    listing: &'a Listing,
    algorithms: Vec<Algorithm>,
    /// By the path's number.
    is_seen: Vec<AtomicBool>,
}

impl Run<'_> {
    /// Shares the files out over the threads.
    fn hash_all(&self, threads: usize) -> Result<Tally> {
        let walk = Mutex::new(Walk::payload(&self.bag.root));
        let tallies = crew::together(threads, || self.work(&walk));
        tallies.into_iter().try_fold(Tally::default(), |mut all, tally| {
            let tally = tally?;
            all.found.extend(tally.found);
            all.streams += tally.streams;
            all.octets += tally.octets;
            all.checked += tally.checked;
            Ok(all)
        })
    }

    /// Takes one file after the other until there is none left.
    fn work(&self, walk: &Mutex<Walk>) -> Result<Tally> {
        let mut reader = Reader::new(&self.algorithms);
        let mut tally = Tally::default();
        loop {
            let next = walk.lock().expect("a worker does not panic").next();
            let Some(member) = next else { return Ok(tally) };
            self.member(member?, &mut reader, &mut tally);
        }
    }

    fn member(&self, member: Member, reader: &mut Reader, tally: &mut Tally) {
        // A name that is not UTF-8 can be in no manifest.
        let path = member.path.to_string_lossy();
        let id = member.path.to_str().and_then(|path| self.listing.id(path));
        let opened = match member.kind.is_symlink() {
            true => open_inside(&self.bag.root, &member.path),
            false => open_plain(&self.bag.root.join(&member.path)),
        };
        let (file, length) = match (opened, id) {
            (Ok(Opened::File(file, length)), _) => (file, length),
            // Links to folders are no files, and what they lead to is walked where it lies.
            (Ok(Opened::Folder), None) => return,
            // A listed one is found missing at the end.
            (Ok(Opened::Absent), Some(_)) => return,
            (Ok(Opened::Absent), None) => {
                return tally.found.push(Finding::new(Code::Extra, path).actual("a link that leads nowhere"));
            }
            (Ok(Opened::Special), None) => {
                return tally.found.push(Finding::new(Code::Extra, path).actual("a FIFO, socket or device"));
            }
            (Ok(other), id) => {
                self.see(id);
                return tally.found.extend(refuse(&path, &other));
            }
            (Err(e), id) => {
                self.see(id);
                return tally.found.push(Finding::new(Code::Unreadable, path).actual(e));
            }
        };
        tally.streams += 1;
        let Some(id) = id else {
            tally.octets += length;
            return tally.found.push(Finding::new(Code::Extra, path));
        };
        self.see(Some(id));
        match reader.read(file) {
            Ok((octets, digests)) => {
                tally.octets += octets;
                // Under unknown algorithms alone it was read for nothing.
                tally.checked += u64::from(!digests.is_empty());
                tally.found.extend(compare(self.listing, id, &path, &digests));
            }
            Err(e) => tally.found.push(Finding::new(Code::Unreadable, path).actual(e)),
        }
    }

    fn see(&self, id: Option<u32>) {
        if let Some(id) = id {
            self.is_seen[id as usize].store(true, Ordering::Relaxed);
        }
    }

    /// Listed files that are not there. Whether fetch.txt excuses some of them.
    fn find_absent(&self, found: &mut Vec<Finding>) -> Result<bool> {
        let mut has_holes = false;
        let is_absent = |id: u32| !self.is_seen[id as usize].load(Ordering::Relaxed);
        for (path, id) in self.listing.paths().filter(|&(_, id)| is_absent(id)) {
            let is_hole = self.listing.is_fetched[id as usize];
            has_holes |= is_hole;
            found.push(match open_inside(&self.bag.root, Path::new(path)) {
                Ok(opened @ (Opened::Folder | Opened::Outside | Opened::Special)) => {
                    refuse(path, &opened).expect("none of these is a file")
                }
                Ok(_) if is_hole => Finding::new(Code::PayloadNotHere, path),
                Ok(_) => Finding::new(Code::Missing, path),
                Err(e) => return Err(Error::io("open", self.bag.root.join(path))(e)),
            });
        }
        Ok(has_holes)
    }
}
