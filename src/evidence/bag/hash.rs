//! Hashing files, and comparing their digests with what the manifests list.

use super::listing::Listing;
use crate::finding::{Code, Finding};
use crate::format::bag::algorithm::{Algorithm, MadeDigest, MultiHasher};
use data_encoding::HEXLOWER;
use std::fs::File;
use std::io::{self, Read as _};

/// How much of a file is read at a time, in bytes; one such buffer a thread.
const READ_BYTES: usize = 256 * 1024;

/// Reads files, each once for all algorithms.
pub struct Reader {
    hasher: MultiHasher,
    buffer: Vec<u8>,
}

impl Reader {
    /// A reader that makes these digests.
    pub fn new(algorithms: &[Algorithm]) -> Reader {
        Reader { hasher: MultiHasher::new(algorithms.iter().copied()), buffer: vec![0; READ_BYTES] }
    }

    /// The length in bytes, and the digests in the order of the algorithms. On an error the hasher is left clean.
    pub fn read(&mut self, mut file: File) -> io::Result<(u64, Vec<MadeDigest>)> {
        let mut length = 0;
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok((length, self.hasher.finish())),
                Ok(read) => {
                    self.hasher.update(&self.buffer[..read]);
                    length += read as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.hasher.finish();
                    return Err(e);
                }
            }
        }
    }
}

/// Compares a file's digests with those of every manifest that lists it. Manifests of which some match and some do
/// not disagree: one of them was not made of these bytes.
pub fn compare(listing: &Listing, id: u32, path: &str, digests: &[MadeDigest]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut matched = Vec::new();
    for manifest in &listing.manifests {
        let Some((algorithm, expected)) = manifest.digest(id) else { continue };
        let actual = digests.iter().find(|(made, _)| *made == algorithm);
        let actual = actual.expect("every algorithm of the manifests is made").1.as_slice();
        if actual == expected {
            matched.push(manifest.name.as_str());
            continue;
        }
        let show = |digest: &[u8]| format!("{} {}", algorithm.name(), HEXLOWER.encode(digest));
        found.push(Finding::new(Code::Altered, path).expected(show(expected)).actual(show(actual)));
    }
    match (matched.is_empty(), found.is_empty()) {
        (true, true) if !listing.algorithms().is_empty() => {
            let finding = Finding::new(Code::NotCheckable, path);
            found.push(finding.actual("listed only under an algorithm that is not known here"));
        }
        (false, false) => {
            let finding = Finding::new(Code::Disagreement, path);
            found.push(finding.actual(format!("matches {} and no other", matched.join(", "))));
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_leaves_nothing_behind_in_the_next_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let mut reader = Reader::new(&[Algorithm::Md5]);
        reader.hasher.update(b"the part that was read");
        // A folder can be opened and not read.
        assert_eq!(
            reader.read(File::open(folder.path()).unwrap()).unwrap_err().kind(),
            io::ErrorKind::IsADirectory
        );
        let (length, digests) = reader.read(File::open(path).unwrap()).unwrap();
        assert_eq!(
            (length, HEXLOWER.encode(&digests[0].1).as_str()),
            (3, "900150983cd24fb0d6963f7d28e17f72")
        );
    }
}
