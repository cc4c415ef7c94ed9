//! Whether a folder is a complete and valid bag (RFC 8493, section 3), whoever made it: versions 0.93 to 1.0.
//!
//! One file a check, in the order they run. What 1.0 forbids and its drafts did not is a warning in a bag that
//! declares an older version.

mod collisions;
mod declaration;
mod fetch;
mod hash;
mod info;
mod listing;
mod manifest;
mod open;
mod payload;
mod tag_files;
mod walk;

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::bag::declaration::Version;
use crate::format::bag::manifest::Kind;
use crate::format::bag::text::{Encoding, TextLines};
use listing::Listing;
use open::{Opened, open_inside};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What may be kept of the manifests of one kind, in bytes: some million paths. One kind is let go before the next is
/// read.
const LISTING_BYTES_MAX: usize = 192 * 1024 * 1024;

/// The checks that follow the declaration, in order.
const CHECKS: [&str; 5] = ["manifests", "payload", "tag files", "bag-info", "fetch"];

/// Checks every rule of the bag at `root`, hashing each file once, with `threads` threads (at least one).
///
/// Never opens a file outside `root`. Memory grows with what the manifests list, up to a limit of some 200 MiB.
///
/// # Errors
/// `root` is no folder; a folder or manifest cannot be read; the manifests list more than fits the limit. A single
/// file that cannot be read is a finding.
pub fn check_bag(root: &Path, threads: usize) -> Result<Outcome> {
    let root = root.canonicalize().map_err(Error::io("open", root))?;
    if !root.is_dir() {
        let hint = "name the folder that holds bagit.txt";
        return Err(Error::input(format!("{} is not a folder", root.display()), hint));
    }
    let mut outcome = Outcome::default();
    let Some(bag) = declaration::check(root, &mut outcome)? else {
        for name in CHECKS {
            outcome.skip(name, Status::Skipped, "the tag files are in an encoding that is not known here");
        }
        return Ok(outcome);
    };
    let mut listing = Listing::read(&bag, Kind::Payload)?;
    listing.conclude(&mut outcome);
    let fetch = fetch::Fetch::read(&bag, &mut listing)?;
    let totals = payload::check(&bag, &listing, threads, &mut outcome)?;
    let payload_manifests = listing.into_names();
    tag_files::check(&bag, &payload_manifests, &mut outcome)?;
    info::check(&bag, totals, &mut outcome)?;
    fetch.conclude(&mut outcome);
    Ok(outcome)
}

/// A bag whose declaration was read.
struct Bag {
    /// Canonical.
    root: PathBuf,
    version: Version,
    encoding: Encoding,
    listing_bytes_max: usize,
}

impl Bag {
    /// The lines of a tag file; `None` if there is no such file. A link out of the bag, a folder or a special file is
    /// refused with a finding.
    fn lines(&self, name: &str, found: &mut Vec<Finding>) -> Result<Option<TextLines<BufReader<File>>>> {
        let opened = open_inside(&self.root, Path::new(name)).map_err(self.io("open", name))?;
        Ok(match opened {
            Opened::File(file, _) => Some(TextLines::new(BufReader::new(file), self.encoding)),
            Opened::Absent => None,
            other => {
                found.extend(refuse(name, &other));
                None
            }
        })
    }

    /// An I/O error at a path of the bag.
    fn io(&self, action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Error {
        Error::io(action, self.root.join(path))
    }

    /// What RFC 8493 forbids and its drafts did not.
    fn by_version(&self, subject: impl Into<String>) -> Finding {
        let code = if self.version.is_strict() { Code::BagInvalid } else { Code::BagWarning };
        Finding::new(code, subject)
    }

    /// A byte-order mark where UTF-8 is declared (RFC 8493, section 2.3).
    fn bom(&self, name: &str, has_bom: bool) -> Option<Finding> {
        (has_bom && self.encoding == Encoding::Utf8)
            .then(|| self.by_version(name).actual("begins with a byte-order mark"))
    }
}

/// What is wrong with a thing that stands where a file should; `None` for a file and for nothing.
fn refuse(path: &str, opened: &Opened) -> Option<Finding> {
    let (code, actual) = match opened {
        Opened::File(..) | Opened::Absent => return None,
        Opened::Outside => (Code::PathUnsafe, "a link that leaves the bag"),
        Opened::Folder => (Code::BagInvalid, "a folder"),
        Opened::Special => (Code::BagInvalid, "a FIFO, socket or device"),
    };
    Some(Finding::new(code, path).expected("a file").actual(actual))
}

/// `1 file`, `2 files`.
fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
