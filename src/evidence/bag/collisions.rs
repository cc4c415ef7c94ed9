//! Names that are one where case is folded or Unicode normalised (RFC 8493, section 6.1.1).

use crate::finding::{Code, Finding};
use crate::format::path::PackPath;
use std::hash::{DefaultHasher, Hasher as _};

/// A warning for each path that another one of them would take the place of. Only a short hash of each folded name is
/// kept; names of equal hash are then compared.
pub fn find<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    let mut hashes: Vec<(u64, &str)> = paths.map(|path| (hash_of(&fold(path)), path)).collect();
    hashes.sort_unstable();
    let is_one = |pair: &&[(u64, &str)]| pair[0].0 == pair[1].0 && fold(pair[0].1) == fold(pair[1].1);
    let pairs = hashes.windows(2).filter(is_one);
    let mut found: Vec<_> =
        pairs.map(|pair| Finding::new(Code::PathCollision, pair[0].1).actual(pair[1].1)).collect();
    found.sort_by(|a, b| a.subject.cmp(&b.subject));
    found
}

/// The path as a file system sees it that folds case and normalises Unicode.
fn fold(path: &str) -> String {
    // Line breaks, which no PackPath has, fold with nothing.
    let path = path.replace(['\r', '\n'], "\u{fffd}");
    PackPath::new(path.as_bytes()).map_or(path, |path| path.collision_key())
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
