//! HASHES manifests: `{hex}  {path}` lines, sorted bytewise by path, as `sha256sum -c` and `b3sum -c` read them.
//!
//! The reader is strict. Of what those tools take it reads the mark of binary mode (`*`) and the escaped form (a
//! leading backslash). Comments and blank lines are refused: b3sum refuses them too.

use super::bag::manifest::unescape;
use super::lines::{BAD_LINES_MAX, LINE_BYTES_MAX, LineError};
use super::path::{PackPath, PathFault};
use crate::finding::{Code, Finding};
use data_encoding::HEXLOWER_PERMISSIVE;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};

/// One line: a digest of 32 bytes (SHA-256 or BLAKE3, the file's name says which) and the path that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashLine {
    /// Counted from 1.
    pub number: u64,
    /// The digest's bytes.
    pub digest: [u8; 32],
    /// The file, relative to the folder that the manifest speaks of.
    pub path: PackPath,
}

/// What is wrong with a line of a HASHES manifest.
#[derive(Debug, thiserror::Error)]
pub enum HashFault {
    /// It cannot be read, or is no such line.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Its path may never be opened.
    #[error("line {number}: {fault} in the path")]
    Path {
        /// Counted from 1.
        number: u64,
        /// The path as it stands there.
        path: String,
        /// Why it is refused.
        fault: PathFault,
    },
    /// Its path stands in an earlier line already.
    #[error("line {number}: the path of an earlier line again")]
    Duplicate {
        /// Counted from 1.
        number: u64,
        /// The path.
        path: PackPath,
    },
}

impl HashFault {
    /// The finding of this fault in the manifest called `file`.
    pub fn finding(&self, file: &str) -> Finding {
        match self {
            HashFault::Line(_) => Finding::new(Code::ManifestInvalid, file).actual(self),
            HashFault::Path { path, .. } => {
                Finding::new(Code::PathUnsafe, path).actual(format!("{file}, {self}"))
            }
            HashFault::Duplicate { path, .. } => {
                Finding::new(Code::PathDuplicate, path.as_str()).actual(format!("{file}, {self}"))
            }
        }
    }
}

/// The lines of a HASHES manifest, one at a time, in whatever order they stand.
pub struct HashLines<R> {
    reader: R,
    number: u64,
    ended: bool,
}

impl<R: BufRead> HashLines<R> {
    /// The lines that `reader` holds.
    pub fn new(reader: R) -> HashLines<R> {
        HashLines { reader, number: 0, ended: false }
    }

    /// One line without its LF; `None` at the end.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        self.reader.by_ref().take(limit).read_until(b'\n', &mut line).inspect_err(|_| self.ended = true)?;
        self.number += 1;
        match line.pop() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) => {
                self.ended = true;
                let reason = if line.len() < LINE_BYTES_MAX { "cut short: no line end" } else { "too long" };
                Err(LineError::bad(self.number, reason))
            }
        }
    }

    fn parse_line(&self, line: Vec<u8>) -> Result<HashLine, HashFault> {
        let bad = |reason| LineError::bad(self.number, reason);
        let line = String::from_utf8(line).map_err(|_| bad("not UTF-8"))?;
        let (escaped, text) = line.strip_prefix('\\').map_or((false, line.as_str()), |rest| (true, rest));
        let (digest, path) = text.split_once(' ').ok_or(bad("not a digest, two spaces and a path"))?;
        let digest =
            HEXLOWER_PERMISSIVE.decode(digest.as_bytes()).map_err(|_| bad("a digest that is not hex"))?;
        let digest = digest.try_into().map_err(|_| bad("a digest that has not 32 bytes"))?;
        let path = path.strip_prefix([' ', '*']).ok_or(bad("not a digest, two spaces and a path"))?;
        let path = if escaped { unescape(path).ok_or(bad("an unknown escape"))? } else { path.to_owned() };
        match PackPath::new(path.as_bytes()) {
            Ok(path) => Ok(HashLine { number: self.number, digest, path }),
            Err(fault) => Err(HashFault::Path { number: self.number, path, fault }),
        }
    }
}

impl<R: BufRead> Iterator for HashLines<R> {
    type Item = Result<HashLine, HashFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.read_line().transpose()?;
        Some(line.map_err(HashFault::Line).and_then(|line| self.parse_line(line)))
    }
}

/// Reads a whole manifest: every path's digest, and every line that is wrong or a duplicate. Past [`BAD_LINES_MAX`]
/// of those the rest is not read.
pub fn read(reader: impl BufRead) -> (BTreeMap<PackPath, [u8; 32]>, Vec<HashFault>) {
    let mut digests = BTreeMap::new();
    let mut faults = Vec::new();
    for line in HashLines::new(reader) {
        match line {
            Ok(HashLine { number, path, .. }) if digests.contains_key(&path) => {
                faults.push(HashFault::Duplicate { number, path });
            }
            Ok(line) => {
                digests.insert(line.path, line.digest);
            }
            Err(fault) => faults.push(fault),
        }
        if faults.len() == BAD_LINES_MAX {
            break;
        }
    }
    (digests, faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::{Blake3, Sha256};
    use crate::format::listing::{Encoding, write_line};
    use proptest::prelude::*;
    use std::io;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn codes(text: &str) -> Vec<(Code, String)> {
        let (_, faults) = read(text.as_bytes());
        faults.iter().map(|fault| (fault.finding("HASHES").code, fault.to_string())).collect()
    }

    #[test]
    fn both_modes_and_the_escaped_form_are_read() {
        let text = format!("{HEX}  a b\n{} *c\n\\{HEX}  d\\\\e\n{HEX}  f\\\\g\n", HEX.to_uppercase());
        let (digests, faults) = read(text.as_bytes());
        assert!(faults.is_empty(), "{faults:?}");
        let paths: Vec<_> = digests.keys().map(PackPath::as_str).collect();
        assert_eq!(paths, ["a b", "c", "d\\e", "f\\\\g"]);
        assert!(digests.values().all(|&digest| Sha256(digest) == Sha256::of(b"abc")));
    }

    #[test]
    fn whatever_is_not_such_a_line_is_refused_with_its_number() {
        let wrong = [
            ("# comment\n".to_owned(), "line 1: a digest that is not hex"),
            ("\n".to_owned(), "line 1: not a digest, two spaces and a path"),
            (format!("{HEX}  a\n{HEX} b\n"), "line 2: not a digest, two spaces and a path"),
            (format!("{}  a\n", &HEX[2..]), "line 1: a digest that has not 32 bytes"),
            (format!("\\{HEX}  a\\t\n"), "line 1: an unknown escape"),
            (format!("{HEX}  a"), "line 1: cut short: no line end"),
        ];
        for (text, fault) in wrong {
            assert_eq!(codes(&text), [(Code::ManifestInvalid, fault.to_owned())]);
        }
    }

    #[test]
    fn duplicates_and_paths_that_leave_the_tree_have_their_own_codes() {
        assert_eq!(codes(&format!("{HEX}  a\n{HEX}  b\n{HEX}  a\n"))[0].0, Code::PathDuplicate);
        for path in ["../a", "/etc/passwd", "a/../../b", "C:/x", "a\r", "./a"] {
            assert_eq!(codes(&format!("{HEX}  {path}\n"))[0].0, Code::PathUnsafe, "{path}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let lines: Vec<_> = HashLines::new(io::BufReader::new(io::repeat(b'a'))).collect();
        assert!(matches!(
            lines[..],
            [Err(HashFault::Line(LineError::Bad { number: 1, reason: "too long" }))]
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(names: Vec<String>, seed: [u8; 32]) {
            let paths: Vec<_> = names.iter().filter_map(|name| PackPath::new(name.as_bytes()).ok()).collect();
            let mut text = Vec::new();
            for path in &paths {
                write_line(&mut text, Encoding::Plain, &Blake3(seed), path.as_str()).unwrap();
            }
            let lines: Vec<_> = HashLines::new(&text[..]).map(Result::unwrap).collect();
            prop_assert!(lines.iter().all(|line| line.digest == seed));
            prop_assert_eq!(lines.into_iter().map(|line| line.path).collect::<Vec<_>>(), paths);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            prop_assert!(HashLines::new(&bytes[..]).count() <= bytes.len());
        }
    }
}
