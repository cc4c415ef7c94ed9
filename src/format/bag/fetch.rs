//! `fetch.txt`, where payload that is not in the bag is to be had (RFC 8493, section 2.2.3): `url length path`.

use super::declaration::Version;
use super::text::{TextLine, TextLines};
use crate::format::lines::LineError;
use crate::format::path::{decode_manifest, encode_manifest};
use std::io::{self, BufRead, Write};

/// The file's name in the bag.
pub const FILE_NAME: &str = "fetch.txt";

/// One line of `fetch.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLine {
    /// Counted from 1.
    pub number: u64,
    /// Where the bytes are. Any text: [`is_absolute_uri`] says whether it can be an absolute URI.
    pub url: String,
    /// How many bytes there are, or unsaid.
    pub length_bytes: Option<u64>,
    /// The payload file, relative to the bag, decoded. Any text.
    pub path: String,
}

/// The lines of `fetch.txt`, one at a time.
pub struct FetchLines<R> {
    lines: TextLines<R>,
    version: Version,
}

impl<R: BufRead> FetchLines<R> {
    /// The lines of the fetch file in a bag of this version: it says whether paths are percent-encoded, and whether
    /// blank lines are skipped (before 1.0).
    pub fn new(lines: TextLines<R>, version: Version) -> FetchLines<R> {
        FetchLines { lines, version }
    }
}

impl<R: BufRead> Iterator for FetchLines<R> {
    type Item = Result<FetchLine, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next()? {
                Ok(line) if line.text.trim().is_empty() && !self.version.is_strict() => {}
                line => return Some(line.and_then(|line| parse_line(&line, self.version))),
            }
        }
    }
}

fn parse_line(line: &TextLine, version: Version) -> Result<FetchLine, LineError> {
    const BLANKS: [char; 2] = [' ', '\t'];
    let bad = |reason| LineError::bad(line.number, reason);
    let word =
        |text: &'_ str| text.split_once(BLANKS).map(|(word, rest)| (word.len(), text.len() - rest.len()));
    let text = line.text.as_str();
    let (url_end, rest) = word(text).ok_or(bad("not a URL, a length and a path"))?;
    let (url, text) = (&text[..url_end], text[rest..].trim_start_matches(BLANKS));
    let (length_end, rest) = word(text).ok_or(bad("not a URL, a length and a path"))?;
    let (length, path) = (&text[..length_end], text[rest..].trim_start_matches(BLANKS));
    if url.is_empty() || path.is_empty() {
        return Err(bad("not a URL, a length and a path"));
    }
    let length_bytes = match length {
        "-" => None,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| bad("a length past 64 bits"))?)
        }
        _ => return Err(bad("a length that is neither a number nor -")),
    };
    let path = if version.is_strict() { decode_manifest(path) } else { path.to_owned() };
    Ok(FetchLine { number: line.number, url: url.to_owned(), length_bytes, path })
}

/// Whether text has the form that every absolute URI has (RFC 3986, section 4.3): a scheme, a colon, something, and
/// neither whitespace nor control characters.
pub fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let in_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(in_scheme)
        && !rest.is_empty()
        && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Writes a line of a 1.0 fetch file. The URL must hold no whitespace: it is percent-encoded there.
pub fn write_line(out: &mut impl Write, url: &str, length_bytes: Option<u64>, path: &str) -> io::Result<()> {
    debug_assert!(is_absolute_uri(url));
    let length = length_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    writeln!(out, "{url} {length} {}", encode_manifest(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bag::text::Encoding;
    use proptest::prelude::*;

    fn read(text: &[u8], version: Version) -> Vec<Result<FetchLine, String>> {
        let lines = FetchLines::new(TextLines::new(text, Encoding::Utf8), version);
        lines.map(|line| line.map_err(|e| e.to_string())).collect()
    }

    #[test]
    fn url_length_and_path_are_separated_by_any_blanks() {
        let want = FetchLine {
            number: 1,
            url: "https://x/y".into(),
            length_bytes: Some(7),
            path: "data/a b%".into(),
        };
        assert_eq!(read(b"https://x/y 7 data/a b%25\n", Version::V1_0), [Ok(want.clone())]);
        assert_eq!(read(b"https://x/y\t 7\t\tdata/a b%\n", Version::V0_97), [Ok(want.clone())]);
        let unsaid = FetchLine { length_bytes: None, ..want };
        assert_eq!(read(b"https://x/y - data/a b%25\n", Version::V1_0), [Ok(unsaid)]);
    }

    #[test]
    fn lines_that_are_none_are_named() {
        let text =
            b"https://x\nhttps://x 7\nhttps://x 7 \nhttps://x seven data/a\nx 99999999999999999999 data/a\n";
        let faults: Vec<_> = read(text, Version::V1_0).into_iter().map(Result::unwrap_err).collect();
        assert_eq!(
            faults,
            [
                "line 1: not a URL, a length and a path",
                "line 2: not a URL, a length and a path",
                "line 3: not a URL, a length and a path",
                "line 4: a length that is neither a number nor -",
                "line 5: a length past 64 bits",
            ]
        );
    }

    #[test]
    fn a_uri_is_absolute_when_it_has_a_scheme() {
        for good in ["https://x/y", "file:///x", "attestar://n/data/x", "urn:x"] {
            assert!(is_absolute_uri(good), "{good}");
        }
        for wrong in ["", "x", "//x/y", "data/a", "1:x", ":x", "http:", "a b:c", "http:\u{1b}[2J"] {
            assert!(!is_absolute_uri(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "[^ \t\0/][^\0]{0,20}", length_bytes: Option<u64>) {
            let (url, path) = ("attestar://x/y", format!("data/{name}"));
            let mut text = Vec::new();
            write_line(&mut text, url, length_bytes, &path).unwrap();
            let want = FetchLine { number: 1, url: url.to_owned(), length_bytes, path };
            prop_assert_eq!(read(&text, Version::V1_0), [Ok(want)]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            prop_assert!(read(&bytes, Version::V0_97).len() <= bytes.len());
        }
    }
}
