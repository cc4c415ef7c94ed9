//! The digest lists of a pack, as attestar itself writes them: `{64 lower-case hex}  {path}\n`, nothing else.
//!
//! `manifest-sha256.txt` and `tagmanifest-sha256.txt` percent-encode the path (RFC 8493, section 2.1.3), the HASHES
//! manifests do not. Foreign files of these kinds are read by [`bag`](crate::format::bag) and
//! [`hashes`](crate::format::hashes), which take what the standards let one write.

use crate::format::path::{PATH_BYTES_MAX, decode_manifest, encode_manifest};
use data_encoding::HEXLOWER;
use std::fmt::Display;
use std::io::{self, BufRead, Read, Write};

/// Whether paths are percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// CR, LF and `%` are.
    Percent,
    /// Nothing is.
    Plain,
}

/// Writes a line.
pub fn write_line(
    out: &mut dyn Write,
    encoding: Encoding,
    digest: &impl Display,
    path: &str,
) -> io::Result<()> {
    match encoding {
        Encoding::Percent => writeln!(out, "{digest}  {}", encode_manifest(path)),
        Encoding::Plain => writeln!(out, "{digest}  {path}"),
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The digest's bytes.
    pub digest: [u8; 32],
    /// The path, decoded.
    pub path: String,
}

/// Reads lines one at a time; whatever is not exactly what [`write_line`] writes is an error of kind `InvalidData`.
pub struct Lines<R> {
    input: R,
    encoding: Encoding,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Lines from the start of a list.
    pub fn new(input: R, encoding: Encoding) -> Lines<R> {
        Lines { input, encoding, number: 0, line: Vec::new() }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        self.number += 1;
        let most = (64 + 2 + 3 * PATH_BYTES_MAX + 1) as u64;
        if (&mut self.input).take(most).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        let invalid =
            || io::Error::new(io::ErrorKind::InvalidData, format!("line {} is malformed", self.number));
        let (digest, path) = self.line.split_at_checked(64).ok_or_else(invalid)?;
        let digest =
            HEXLOWER.decode(digest).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(invalid)?;
        let written = path.strip_prefix(b"  ").and_then(|path| path.strip_suffix(b"\n"));
        let written = written.and_then(|path| std::str::from_utf8(path).ok()).ok_or_else(invalid)?;
        let path = match self.encoding {
            Encoding::Plain => written.to_owned(),
            Encoding::Percent => {
                let path = decode_manifest(written);
                if encode_manifest(&path) != written {
                    return Err(invalid());
                }
                path
            }
        };
        Ok(Some(Line { digest, path }))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::Sha256;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_read_back(paths in proptest::collection::vec("[a-z%é /]{1,20}", 0..5)) {
            for encoding in [Encoding::Percent, Encoding::Plain] {
                let mut list = Vec::new();
                for path in &paths {
                    write_line(&mut list, encoding, &Sha256::of(path.as_bytes()), path).unwrap();
                }
                let read: Vec<Line> = Lines::new(&list[..], encoding).collect::<io::Result<_>>().unwrap();
                let expected: Vec<Line> = paths.iter()
                    .map(|path| Line { digest: Sha256::of(path.as_bytes()).0, path: path.clone() }).collect();
                prop_assert_eq!(read, expected);
            }
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let hex = Sha256::of(b"x").to_string();
        for line in [
            format!("{hex}  path"),
            format!("{hex} *path\n"),
            format!("{hex} path\n"),
            format!("{}  path\n", hex.to_uppercase()),
            format!("{}  path\n", &hex[1..]),
            format!("{hex}  100%\n"),
            format!("{hex}  a%0ab\n"),
            "\n".to_owned(),
        ] {
            let read: io::Result<Vec<Line>> = Lines::new(line.as_bytes(), Encoding::Percent).collect();
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData, "{line:?}");
        }
    }
}
