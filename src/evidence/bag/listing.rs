//! What the manifests of one kind list together: every path once, with its digest in each manifest.

use super::manifest::{Manifest, check_place, manifest_names};
use super::{Bag, collisions, count};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome};
use crate::format::bag::algorithm::Algorithm;
use crate::format::bag::manifest::{
    Kind, ManifestLine, ManifestLines, Quirk, check_path, decode_line_breaks,
};
use crate::format::lines::{BAD_LINES_MAX, LineError};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::io::BufRead;

/// What a path costs besides its own bytes and its digests: its places in the map, on the heap, among the hashes of
/// the search for collisions, and in the flags.
const PATH_OVERHEAD_BYTES: usize = 112;

/// The manifests of one kind. Paths have numbers, in the order they were first listed.
pub struct Listing {
    pub manifests: Vec<Manifest>,
    paths: HashMap<Box<str>, u32>,
    /// By number: whether fetch.txt says where the file is.
    pub is_fetched: Vec<bool>,
    paths_bytes: usize,
    found: Vec<Finding>,
}

impl Listing {
    /// Reads every manifest of this kind in the bag.
    pub fn read(bag: &Bag, kind: Kind) -> Result<Listing> {
        let mut listing = Listing {
            manifests: Vec::new(),
            paths: HashMap::new(),
            is_fetched: Vec::new(),
            paths_bytes: 0,
            found: Vec::new(),
        };
        for (name, algorithm) in manifest_names(bag, kind)? {
            let mut found = Vec::new();
            if let Some(lines) = bag.lines(&name, &mut found)? {
                let mut lines = ManifestLines::new(lines, bag.version);
                listing.manifests.push(Manifest::new(name, algorithm));
                listing.read_manifest(bag, kind, &mut lines)?;
            }
            listing.found.extend(found);
        }
        listing.is_fetched = vec![false; listing.paths.len()];
        listing.find_gaps(bag, kind);
        listing.found.extend(collisions::find(listing.paths.keys().map(|path| &**path)));
        listing.find_unknown_algorithms();
        Ok(listing)
    }

    /// The number of a listed path.
    pub fn id(&self, path: &str) -> Option<u32> {
        self.paths.get(path).copied()
    }

    /// Every path with its number, in no order.
    pub fn paths(&self) -> impl Iterator<Item = (&str, u32)> {
        self.paths.iter().map(|(path, &id)| (&**path, id))
    }

    /// The manifests' file names; all else is let go.
    pub fn into_names(self) -> Vec<String> {
        self.manifests.into_iter().map(|manifest| manifest.name).collect()
    }

    /// How many paths are listed.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// The algorithms that can be checked, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.manifests.iter().filter_map(|manifest| manifest.algorithm).collect()
    }

    /// What reading the manifests found; to be asked once.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.found)
    }

    /// Ends the check of the payload manifests.
    pub fn conclude(&mut self, outcome: &mut Outcome) {
        let mut found = self.take_findings();
        if self.manifests.is_empty() {
            found.push(
                Finding::new(Code::BagInvalid, "manifest-sha256.txt")
                    .actual("the bag has no payload manifest"),
            );
        }
        let algorithms = self.algorithms();
        if !algorithms.is_empty() && algorithms.iter().all(|algorithm| algorithm.is_weak()) {
            let names: Vec<_> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
            found.push(Finding::new(Code::WeakDigest, "data/").actual(names.join(", ")));
        }
        let names: Vec<_> = self.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        outcome.conclude(
            "manifests",
            format!("{} in {}", count(self.len() as u64, "path"), names.join(", ")),
            found,
        );
    }

    fn read_manifest(
        &mut self,
        bag: &Bag,
        kind: Kind,
        lines: &mut ManifestLines<impl BufRead>,
    ) -> Result<()> {
        let mut quirks: BTreeMap<Quirk, u64> = BTreeMap::new();
        let mut bad_lines = 0;
        let name = self.manifest().name.clone();
        for line in lines.by_ref() {
            let taken = match line {
                Err(LineError::Io(e)) => return Err(bag.io("read", &name)(e)),
                Err(e) => Err(Finding::new(Code::ManifestInvalid, &name).actual(e)),
                Ok(line) => {
                    line.quirks.iter().for_each(|&quirk| *quirks.entry(quirk).or_default() += 1);
                    self.take_line(bag, kind, line)
                }
            };
            if let Err(finding) = taken {
                bad_lines += usize::from(finding.code == Code::ManifestInvalid);
                self.paths_bytes += finding.subject.len() + PATH_OVERHEAD_BYTES;
                self.found.push(finding);
            }
            if bad_lines == BAD_LINES_MAX {
                break;
            }
            if self.kept_bytes() > bag.listing_bytes_max {
                let hint = "split it into smaller bags";
                return Err(Error::input(
                    format!("{} lists too much to check at once", bag.root.display()),
                    hint,
                ));
            }
        }
        self.found.extend(bag.bom(&name, lines.has_bom()));
        for (quirk, lines) in quirks {
            let said = format!("{quirk}, in {}", count(lines, "line"));
            self.found.push(Finding::new(Code::BagWarning, &name).actual(said));
        }
        Ok(())
    }

    /// What all this takes in memory.
    fn kept_bytes(&self) -> usize {
        self.paths_bytes + self.manifests.iter().map(Manifest::kept_bytes).sum::<usize>()
    }

    /// The manifest that is being read.
    fn manifest(&mut self) -> &mut Manifest {
        self.manifests.last_mut().expect("a manifest is pushed before its lines are read")
    }

    fn take_line(&mut self, bag: &Bag, kind: Kind, line: ManifestLine) -> Result<(), Finding> {
        let ManifestLine { number, checksum, mut path, .. } = line;
        let name = self.manifest().name.clone();
        if self.manifest().algorithm.is_some_and(|algorithm| algorithm.digest_bytes() != checksum.len()) {
            let fault = LineError::bad(number, "a checksum of another length than the algorithm's");
            return Err(Finding::new(Code::ManifestInvalid, name).actual(fault));
        }
        let said = |what: &dyn Display| format!("{what} ({name}, line {number})");
        check_path(&path).map_err(|fault| Finding::new(Code::PathUnsafe, &path).actual(said(&fault)))?;
        check_place(bag, kind, &path).map_err(|(finding, what)| finding.actual(said(&what)))?;
        if !bag.version.is_strict()
            && let Some(decoded) = decode_line_breaks(&path)
            && bag.root.join(&path).symlink_metadata().is_err()
        {
            path = decoded;
        }
        let id = self.number(&path);
        self.manifest().take(id, &checksum).map_err(|is_other| match is_other {
            true => {
                Finding::new(Code::PathDuplicate, &path).actual(said(&"listed before with another digest"))
            }
            false => bag.by_version(&path).actual(said(&"listed before")),
        })
    }

    /// The number of a path, a new one if it was not listed before.
    fn number(&mut self, path: &str) -> u32 {
        if let Some(&id) = self.paths.get(path) {
            return id;
        }
        let id = u32::try_from(self.paths.len()).expect("LISTING_BYTES_MAX allows far fewer than 2^32 paths");
        self.paths_bytes += path.len() + PATH_OVERHEAD_BYTES;
        self.paths.insert(path.into(), id);
        id
    }

    /// Paths that some manifest lists and another one does not. Before 1.0 one payload manifest was enough
    /// (RFC 8493, section 3), and tag manifests only should agree (section 2.2.1).
    fn find_gaps(&mut self, bag: &Bag, kind: Kind) {
        if kind == Kind::Payload && !bag.version.is_strict() {
            return;
        }
        let code = if kind == Kind::Payload { Code::BagInvalid } else { Code::BagWarning };
        let start = self.found.len();
        for (path, &id) in &self.paths {
            for manifest in self.manifests.iter().filter(|manifest| !manifest.lists(id)) {
                let finding = Finding::new(code, &**path).expected(format!("listed in {}", manifest.name));
                self.found.push(finding.actual("not listed there"));
            }
        }
        self.found[start..].sort_by(|a, b| (&a.subject, &a.expected).cmp(&(&b.subject, &b.expected)));
    }

    /// Manifests whose digests cannot be made here: a warning beside one whose digests can.
    fn find_unknown_algorithms(&mut self) {
        let make = if self.algorithms().is_empty() { Finding::new } else { Finding::warning };
        let unknown = self.manifests.iter().filter(|manifest| manifest.algorithm.is_none());
        let found = unknown.map(|manifest| make(Code::NotCheckable, manifest.name.clone()));
        self.found.extend(found.map(|finding| finding.actual("an algorithm that is not known here")));
    }
}
