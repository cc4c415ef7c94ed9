//! `fetch.txt` speaks of payload that the manifests list (RFC 8493, section 2.2.3). Nothing is ever fetched here.

use super::listing::Listing;
use super::{Bag, count};
use crate::error::Result;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::bag::fetch::{FILE_NAME, FetchLine, FetchLines, is_absolute_uri};
use crate::format::bag::manifest::check_path;
use crate::format::lines::{BAD_LINES_MAX, LineError};
use std::fmt::Display;
use std::fs;

/// What reading `fetch.txt` found.
pub struct Fetch {
    is_there: bool,
    entries: u64,
    not_here: u64,
    found: Vec<Finding>,
}

impl Fetch {
    /// Reads the file and marks in the listing what it says where to get.
    pub fn read(bag: &Bag, listing: &mut Listing) -> Result<Fetch> {
        let mut fetch = Fetch { is_there: true, entries: 0, not_here: 0, found: Vec::new() };
        let Some(lines) = bag.lines(FILE_NAME, &mut fetch.found)? else {
            fetch.is_there = !fetch.found.is_empty();
            return Ok(fetch);
        };
        for line in FetchLines::new(lines, bag.version) {
            match line {
                Err(LineError::Io(e)) => return Err(bag.io("read", FILE_NAME)(e)),
                Err(e) => fetch.found.push(Finding::new(Code::BagInvalid, FILE_NAME).actual(e)),
                Ok(line) => fetch.take(bag, listing, &line),
            }
            // It speaks of little that is in the bag; so findings are bounded by what the manifests list.
            if fetch.found.len() > listing.len() + BAD_LINES_MAX {
                break;
            }
        }
        Ok(fetch)
    }

    fn take(&mut self, bag: &Bag, listing: &mut Listing, line: &FetchLine) {
        self.entries += 1;
        let FetchLine { number, url, length_bytes, path } = line;
        let said = |what: &dyn Display| format!("{what} ({FILE_NAME}, line {number})");
        if let Err(fault) = check_path(path) {
            return self.found.push(Finding::new(Code::PathUnsafe, path).actual(said(&fault)));
        }
        if !is_absolute_uri(url) {
            self.found.push(bag.by_version(path).expected("an absolute URI").actual(said(url)));
        }
        let Some(id) = listing.id(path) else {
            let what = said(&"to be fetched, but listed in no payload manifest");
            return self.found.push(Finding::new(Code::BagInvalid, path).actual(what));
        };
        if std::mem::replace(&mut listing.is_fetched[id as usize], true) {
            return self.found.push(Finding::new(Code::BagWarning, path).actual(said(&"listed before")));
        }
        match (fs::symlink_metadata(bag.root.join(path)), length_bytes) {
            (Err(_), _) => self.not_here += 1,
            (Ok(file), Some(length)) if file.is_file() && file.len() != *length => {
                let finding = Finding::new(Code::BagWarning, path).expected(said(&count(*length, "byte")));
                self.found.push(finding.actual(count(file.len(), "byte")));
            }
            _ => {}
        }
    }

    /// Ends the check of `fetch.txt`. What is not here was said by the check of the payload.
    pub fn conclude(self, outcome: &mut Outcome) {
        if !self.is_there {
            return outcome.skip("fetch", Status::NotApplicable, format!("the bag has no {FILE_NAME}"));
        }
        let detail = format!("{}, {} not here", count(self.entries, "file"), self.not_here);
        outcome.conclude("fetch", detail, self.found);
    }
}
