//! One manifest of a bag, and which there are.

use super::Bag;
use crate::error::Result;
use crate::finding::{Code, Finding};
use crate::format::bag::algorithm::Algorithm;
use crate::format::bag::manifest::{Kind, parse_file_name};
use std::fs;

/// One manifest: a digest for each path that it lists.
pub struct Manifest {
    /// Its file name.
    pub name: String,
    /// `None` if its digests cannot be made here.
    pub algorithm: Option<Algorithm>,
    /// By the path's number; zeros where the path is not listed.
    digests: Vec<u8>,
    is_listed: Vec<bool>,
}

impl Manifest {
    /// A manifest of which no line was read yet.
    pub fn new(name: String, algorithm: Option<Algorithm>) -> Manifest {
        Manifest { name, algorithm, digests: Vec::new(), is_listed: Vec::new() }
    }

    /// Whether it lists the path of this number.
    pub fn lists(&self, id: u32) -> bool {
        self.is_listed.get(id as usize) == Some(&true)
    }

    /// The digest that it lists for the path of this number, if that can be checked here.
    pub fn digest(&self, id: u32) -> Option<(Algorithm, &[u8])> {
        let algorithm = self.algorithm.filter(|_| self.lists(id))?;
        let start = id as usize * algorithm.digest_bytes();
        Some((algorithm, &self.digests[start..start + algorithm.digest_bytes()]))
    }

    /// What it takes in memory.
    pub fn kept_bytes(&self) -> usize {
        self.digests.capacity() + self.is_listed.capacity()
    }

    /// Takes a digest; `Err` if the path stands in it already, with whether the digest is another one.
    pub fn take(&mut self, id: u32, digest: &[u8]) -> Result<(), bool> {
        if self.lists(id) {
            return Err(self.digest(id).is_some_and(|(_, listed)| listed != digest));
        }
        let length = self.is_listed.len().max(id as usize + 1);
        self.is_listed.resize(length, false);
        self.is_listed[id as usize] = true;
        if let Some(algorithm) = self.algorithm {
            let start = id as usize * algorithm.digest_bytes();
            self.digests.resize(length * algorithm.digest_bytes(), 0);
            self.digests[start..start + digest.len()].copy_from_slice(digest);
        }
        Ok(())
    }
}

/// The manifests of a kind that lie in the bag, with their algorithm if it is known here; sorted by name.
pub fn manifest_names(bag: &Bag, kind: Kind) -> Result<Vec<(String, Option<Algorithm>)>> {
    let failed = || bag.io("read the folder", "");
    let mut names = Vec::new();
    for entry in fs::read_dir(&bag.root).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        if let Some((name, (found, algorithm))) =
            name.to_str().and_then(|name| Some((name, parse_file_name(name)?)))
            && found == kind
        {
            names.push((name.to_owned(), Algorithm::from_name(algorithm)));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Payload manifests list payload alone, tag manifests anything but payload and tag manifests. `Err` has the finding
/// and what is wrong, to be said with the line.
pub fn check_place(bag: &Bag, kind: Kind, path: &str) -> Result<(), (Finding, &'static str)> {
    match (kind, path.starts_with("data/")) {
        (Kind::Payload, false) => Err((Finding::new(Code::BagInvalid, path), "not under data/")),
        (Kind::Tag, true) => Err((Finding::new(Code::BagInvalid, path), "payload in a tag manifest")),
        (Kind::Tag, false) if matches!(parse_file_name(path), Some((Kind::Tag, _))) => {
            Err((bag.by_version(path), "a tag manifest in a tag manifest"))
        }
        _ => Ok(()),
    }
}
