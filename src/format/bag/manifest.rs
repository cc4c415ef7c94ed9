//! Manifests and tag manifests (RFC 8493, sections 2.1.3 and 2.2.1): lines of a checksum and a path.

use super::algorithm::Algorithm;
use super::declaration::Version;
use super::text::{TextLine, TextLines};
use crate::format::lines::LineError;
use crate::format::path::{PackPath, PathFault, decode_manifest};
use data_encoding::HEXLOWER_PERMISSIVE;
use std::fmt;
use std::io::BufRead;

/// What a manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `manifest-ALG.txt`: every payload file.
    Payload,
    /// `tagmanifest-ALG.txt`: tag files.
    Tag,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Kind::Payload => "manifest-",
            Kind::Tag => "tagmanifest-",
        }
    }
}

/// The file name of a manifest.
pub fn file_name(kind: Kind, algorithm: Algorithm) -> String {
    format!("{}{}.txt", kind.prefix(), algorithm.name())
}

/// The kind of manifest that has this file name, and its algorithm's name; `None` for any other file.
pub fn parse_file_name(name: &str) -> Option<(Kind, &str)> {
    let stem = name.strip_suffix(".txt")?;
    [Kind::Payload, Kind::Tag].into_iter().find_map(|kind| Some((kind, stem.strip_prefix(kind.prefix())?)))
}

/// What a line has that RFC 8493, section 6.1.3, lets a reader accept if it warns of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// `*` before the path: md5sum's mark of binary mode.
    Asterisk,
    /// `./` before the path.
    DotSlash,
    /// `\` before the checksum, and `\\`, `\n` or `\r` in the path: md5sum's escapes.
    Backslash,
    /// A `%` in a 1.0 path that begins none of `%0A`, `%0D` and `%25`, and so should be `%25`.
    BarePercent,
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quirk::Asterisk => "a * before the path",
            Quirk::DotSlash => "./ before the path",
            Quirk::Backslash => "a backslash before the checksum",
            Quirk::BarePercent => "a % that is not encoded",
        })
    }
}

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestLine {
    /// Counted from 1.
    pub number: u64,
    /// The checksum's bytes, of whatever length.
    pub checksum: Vec<u8>,
    /// The path, decoded. Any text: [`check_path`] says whether it may be opened.
    pub path: String,
    /// What was tolerated in the line.
    pub quirks: Vec<Quirk>,
}

/// The lines of a manifest, one at a time.
pub struct ManifestLines<R> {
    lines: TextLines<R>,
    version: Version,
}

impl<R: BufRead> ManifestLines<R> {
    /// The lines of a manifest in a bag of this version: it says whether paths are percent-encoded, and whether
    /// blank lines are skipped (before 1.0).
    pub fn new(lines: TextLines<R>, version: Version) -> ManifestLines<R> {
        ManifestLines { lines, version }
    }

    /// Whether the file began with a byte-order mark; known once the first line was read.
    pub fn has_bom(&self) -> bool {
        self.lines.has_bom()
    }
}

impl<R: BufRead> Iterator for ManifestLines<R> {
    type Item = Result<ManifestLine, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next()? {
                Ok(line) if line.text.trim().is_empty() && !self.version.is_strict() => {}
                line => return Some(line.and_then(|line| parse_line(&line, self.version))),
            }
        }
    }
}

fn parse_line(line: &TextLine, version: Version) -> Result<ManifestLine, LineError> {
    let mut quirks = Vec::new();
    let text = line.text.strip_prefix('\\').inspect(|_| quirks.push(Quirk::Backslash)).unwrap_or(&line.text);
    let bad = |reason| LineError::bad(line.number, reason);
    let (checksum, path) =
        text.split_once([' ', '\t']).ok_or(bad("not a checksum, whitespace and a path"))?;
    let checksum =
        HEXLOWER_PERMISSIVE.decode(checksum.as_bytes()).map_err(|_| bad("a checksum that is not hex"))?;
    if checksum.is_empty() {
        return Err(bad("no checksum"));
    }
    let mut path = path.trim_start_matches([' ', '\t']);
    for (mark, quirk) in [("*", Quirk::Asterisk), ("./", Quirk::DotSlash)] {
        if let Some(rest) = path.strip_prefix(mark) {
            path = rest;
            quirks.push(quirk);
        }
    }
    if path.is_empty() {
        return Err(bad("no path"));
    }
    let mut path = path.to_owned();
    if quirks.contains(&Quirk::Backslash) {
        path = unescape(&path).ok_or(bad("an escape that is none of \\\\, \\n and \\r"))?;
    }
    if version.is_strict() {
        if has_bare_percent(&path) {
            quirks.push(Quirk::BarePercent);
        }
        path = decode_manifest(&path);
    }
    Ok(ManifestLine { number: line.number, checksum, path, quirks })
}

fn has_bare_percent(path: &str) -> bool {
    path.split('%')
        .skip(1)
        .any(|rest| !["0A", "0a", "0D", "0d", "25"].iter().any(|code| rest.starts_with(code)))
}

/// Undoes the escapes of md5sum and its kin: `\\`, `\n`, `\r`; `None` for any other.
pub fn unescape(path: &str) -> Option<String> {
    let mut plain = String::with_capacity(path.len());
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            c => c,
        });
    }
    Some(plain)
}

/// A path of a bag before 1.0 that may mean another one: some tools encoded CR and LF there, and no other
/// character, although the drafts did not say so. `None` if it can only mean itself.
pub fn decode_line_breaks(path: &str) -> Option<String> {
    let mut decoded = path.to_owned();
    for (code, character) in [("%0A", "\n"), ("%0a", "\n"), ("%0D", "\r"), ("%0d", "\r")] {
        decoded = decoded.replace(code, character);
    }
    (decoded != path).then_some(decoded)
}

/// Says why a path of a bag may not be opened (RFC 8493, section 5.1). As [`PackPath`], but CR and LF are allowed:
/// the RFC has an encoding for them, so bags hold such names.
pub fn check_path(path: &str) -> Result<(), PathFault> {
    PackPath::new(path.replace(['\r', '\n'], "_").as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bag::text::Encoding;
    use crate::format::digest::Sha256;
    use crate::format::listing::{self, write_line};
    use proptest::prelude::*;

    fn read(text: &[u8], version: Version) -> Vec<Result<ManifestLine, String>> {
        let lines = ManifestLines::new(TextLines::new(text, Encoding::Utf8), version);
        lines.map(|line| line.map_err(|e| e.to_string())).collect()
    }

    fn one(text: &str, version: Version) -> (String, Vec<Quirk>) {
        let line = read(text.as_bytes(), version).remove(0).unwrap();
        assert_eq!(line.checksum, [0xab, 0xcd]);
        (line.path, line.quirks)
    }

    #[test]
    fn file_names_tell_kind_and_algorithm() {
        assert_eq!(file_name(Kind::Tag, Algorithm::Sha256), "tagmanifest-sha256.txt");
        assert_eq!(parse_file_name("tagmanifest-sha256.txt"), Some((Kind::Tag, "sha256")));
        assert_eq!(parse_file_name("manifest-blake2b512.txt"), Some((Kind::Payload, "blake2b512")));
        assert_eq!(parse_file_name("manifest-sha256.txt.old"), None);
        assert_eq!(parse_file_name("bag-info.txt"), None);
    }

    #[test]
    fn checksum_and_path_are_separated_by_any_blanks() {
        for text in ["abcd data/a b", "ABCD  data/a b", "aBcD \t data/a b\r\n"] {
            assert_eq!(one(text, Version::V1_0), ("data/a b".to_owned(), vec![]));
        }
    }

    #[test]
    fn only_three_codes_are_decoded_and_only_from_1_0_on() {
        let text = "abcd data/a%0Ab%0dc%25d%20";
        let decoded = "data/a\nb\rc%d%20".to_owned();
        assert_eq!(one(text, Version::V1_0), (decoded, vec![Quirk::BarePercent]));
        assert_eq!(one(text, Version::V0_97), (text[5..].to_owned(), vec![]));
        assert_eq!(decode_line_breaks("data/a%0Ab%25").as_deref(), Some("data/a\nb%25"));
        assert_eq!(decode_line_breaks("data/%25"), None);
    }

    #[test]
    fn marks_of_the_checksum_tools_are_taken_and_told() {
        assert_eq!(one("abcd *data/a", Version::V0_97), ("data/a".to_owned(), vec![Quirk::Asterisk]));
        assert_eq!(one("abcd  ./data/a", Version::V0_97), ("data/a".to_owned(), vec![Quirk::DotSlash]));
        let both = ("data/a".to_owned(), vec![Quirk::Asterisk, Quirk::DotSlash]);
        assert_eq!(one("abcd *./data/a", Version::V1_0), both);
        assert_eq!(
            one("\\abcd  data/a\\\\b\\n", Version::V0_93),
            ("data/a\\b\n".to_owned(), vec![Quirk::Backslash])
        );
    }

    #[test]
    fn lines_that_are_none_are_named_and_the_next_is_read() {
        let text = b"# a comment\nabc data/a\nabcd\nabcd \n\n\\abcd data/\\x\nabcd data/a\n";
        let lines = read(text, Version::V1_0);
        let faults: Vec<_> = lines.iter().filter_map(|line| line.as_ref().err()).collect();
        assert_eq!(
            faults,
            [
                "line 1: a checksum that is not hex",
                "line 2: a checksum that is not hex",
                "line 3: not a checksum, whitespace and a path",
                "line 4: no path",
                "line 5: not a checksum, whitespace and a path",
                "line 6: an escape that is none of \\\\, \\n and \\r",
            ]
        );
        assert!(lines[6].is_ok());
        assert_eq!(read(b"\n\nabcd data/a\n", Version::V0_97).len(), 1);
    }

    #[test]
    fn paths_that_leave_the_bag_may_not_be_opened_and_line_breaks_may() {
        assert_eq!(check_path("data/../../x"), Err(PathFault::Dots));
        assert_eq!(check_path("/etc/passwd"), Err(PathFault::Absolute));
        assert_eq!(check_path("data/a\nb\r"), Ok(()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(names in proptest::collection::vec("[^/\0 *\\.\t][^/\0]{0,20}", 0..8)) {
            let paths: Vec<_> = names.iter().map(|name| format!("data/{name}")).collect();
            let mut text = Vec::new();
            for path in &paths {
                write_line(&mut text, listing::Encoding::Percent, &Sha256::of(path.as_bytes()), path).unwrap();
            }
            let lines: Vec<_> = read(&text, Version::V1_0).into_iter().map(Result::unwrap).collect();
            prop_assert!(lines.iter().all(|line| line.quirks.is_empty()));
            prop_assert!(lines.iter().all(|line| line.checksum == Sha256::of(line.path.as_bytes()).0));
            prop_assert_eq!(lines.into_iter().map(|line| line.path).collect::<Vec<_>>(), paths);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, strict: bool) {
            let version = if strict { Version::V1_0 } else { Version::V0_93 };
            prop_assert!(read(&bytes, version).len() <= bytes.len());
        }
    }
}
