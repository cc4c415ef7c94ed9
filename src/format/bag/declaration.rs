//! `bagit.txt`, the bag declaration (RFC 8493, section 2.1.1): exactly two lines, the version and the encoding.

use super::text::{Encoding, TextLines};
use std::fmt;

/// The file's name in the bag.
pub const FILE_NAME: &str = "bagit.txt";

/// The most bytes that are read of a declaration.
pub const DECLARATION_BYTES_MAX: usize = 4096;

const VERSION_LABEL: &str = "BagIt-Version";
const ENCODING_LABEL: &str = "Tag-File-Character-Encoding";

/// A version of BagIt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Before the dot.
    pub major: u16,
    /// After the dot: a number, so 0.93 is 93.
    pub minor: u16,
}

impl Version {
    /// The first draft that bags are found of.
    pub const V0_93: Version = Version { major: 0, minor: 93 };
    /// The draft that calls the metadata `bag-info.txt`.
    pub const V0_96: Version = Version { major: 0, minor: 96 };
    /// The draft from which the declaration's form is fixed.
    pub const V0_97: Version = Version { major: 0, minor: 97 };
    /// RFC 8493.
    pub const V1_0: Version = Version { major: 1, minor: 0 };

    /// Whether there is such a version: 0.93 to 0.97, and 1.0.
    pub fn is_known(self) -> bool {
        (Version::V0_93..=Version::V0_97).contains(&self) || self == Version::V1_0
    }

    /// Whether the rules that RFC 8493 adds to its drafts hold.
    pub fn is_strict(self) -> bool {
        self >= Version::V1_0
    }

    fn parse(text: &str) -> Option<Version> {
        let (major, minor) = text.split_once('.')?;
        let number =
            |digits: &str| digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        Some(Version { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What `bagit.txt` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The version whose rules the bag claims to follow.
    pub version: Version,
    /// The declared encoding's name, as it stands there.
    pub encoding: String,
}

/// A rule that a declaration breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationFault {
    /// Bytes that are not UTF-8, whatever the tag files are.
    #[error("not UTF-8")]
    NotUtf8,
    /// It begins with a byte-order mark.
    #[error("a byte-order mark")]
    Bom,
    /// It has not exactly two lines.
    #[error("{0} lines, not 2")]
    Lines(usize),
    /// The first line is not `BagIt-Version: M.N`.
    #[error("no BagIt-Version in line 1")]
    NoVersion,
    /// A version that there is not.
    #[error("version {0} is none of 0.93 to 0.97 and 1.0")]
    UnknownVersion(Version),
    /// The second line is not `Tag-File-Character-Encoding: NAME`.
    #[error("no Tag-File-Character-Encoding in line 2")]
    NoEncoding,
    /// Whitespace that 0.97 and 1.0 do not allow.
    #[error("whitespace other than one space after the colon")]
    Whitespace,
}

impl Default for Declaration {
    /// What is written: version 1.0, UTF-8.
    fn default() -> Declaration {
        Declaration { version: Version::V1_0, encoding: "UTF-8".to_owned() }
    }
}

impl Declaration {
    /// Reads as much as can be read, and says every rule that is broken. What cannot be read is as in 1.0.
    /// Before 0.97 whitespace is free, and before 1.0 blank lines may follow.
    pub fn parse(bytes: &[u8]) -> (Declaration, Vec<DeclarationFault>) {
        let mut faults = Vec::new();
        let mut text = TextLines::new(bytes, Encoding::Utf8);
        let mut lines: Vec<String> = Vec::new();
        for line in text.by_ref() {
            lines.push(line.map_or_else(|_| "\u{fffd}".to_owned(), |line| line.text));
        }
        if std::str::from_utf8(bytes).is_err() {
            faults.push(DeclarationFault::NotUtf8);
        }
        if text.has_bom() {
            faults.push(DeclarationFault::Bom);
        }
        let declaration = Declaration::from_lines(&lines, &mut faults);
        let blank_tail = lines.iter().skip(2).all(|line| line.trim().is_empty());
        if lines.len() != 2 && (declaration.version.is_strict() || lines.len() < 2 || !blank_tail) {
            faults.push(DeclarationFault::Lines(lines.len()));
        }
        (declaration, faults)
    }

    fn from_lines(lines: &[String], faults: &mut Vec<DeclarationFault>) -> Declaration {
        let first = lines.first().and_then(|line| Field::parse(line, VERSION_LABEL));
        let second = lines.get(1).and_then(|line| Field::parse(line, ENCODING_LABEL));
        let mut declaration = Declaration::default();
        match first.as_ref().and_then(|field| Version::parse(field.value)) {
            Some(version) => declaration.version = version,
            None => faults.push(DeclarationFault::NoVersion),
        }
        if !declaration.version.is_known() {
            faults.push(DeclarationFault::UnknownVersion(declaration.version));
        }
        match &second {
            Some(field) if !field.value.is_empty() => declaration.encoding = field.value.to_owned(),
            _ => faults.push(DeclarationFault::NoEncoding),
        }
        let exact = [&first, &second].into_iter().flatten().all(|field| field.is_exact);
        if !exact && declaration.version >= Version::V0_97 {
            faults.push(DeclarationFault::Whitespace);
        }
        declaration
    }

    /// The two lines, as [`Declaration::parse`] reads them.
    pub fn to_text(&self) -> String {
        format!("{VERSION_LABEL}: {}\n{ENCODING_LABEL}: {}\n", self.version, self.encoding)
    }
}

/// One `label: value` line of a declaration.
struct Field<'a> {
    value: &'a str,
    /// Whether the only whitespace around the colon and the value is one space after the colon.
    is_exact: bool,
}

impl<'a> Field<'a> {
    /// The label's case is free: RFC 8493's own examples write `BagIt-version`.
    fn parse(line: &'a str, label: &str) -> Option<Field<'a>> {
        let (name, rest) = line.split_once(':')?;
        let value = rest.trim();
        let is_exact = name == name.trim() && rest.strip_prefix(' ') == Some(value);
        name.trim().eq_ignore_ascii_case(label).then_some(Field { value, is_exact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

    fn faults(text: &str) -> Vec<DeclarationFault> {
        Declaration::parse(text.as_bytes()).1
    }

    #[test]
    fn every_version_is_read_with_every_line_end() {
        for version in ["0.93", "0.94", "0.95", "0.96", "0.97", "1.0"] {
            for end in ["\n", "\r", "\r\n"] {
                let text = GOOD.replace("1.0", version).replace('\n', end);
                let (declaration, faults) = Declaration::parse(text.as_bytes());
                assert_eq!((declaration.version.to_string().as_str(), faults), (version, vec![]));
            }
        }
        assert_eq!(faults(GOOD.trim_end()), []);
        assert_eq!(faults(&GOOD.replace("BagIt-V", "BagIt-v")), []);
    }

    #[test]
    fn each_broken_rule_is_named() {
        use DeclarationFault::*;
        assert_eq!(faults(""), [NoVersion, NoEncoding, Lines(0)]);
        assert_eq!(faults(&format!("\u{feff}{GOOD}")), [Bom]);
        assert_eq!(faults(&format!("{GOOD}\n")), [Lines(3)]);
        assert_eq!(faults(&GOOD.replace("1.0", "one")), [NoVersion]);
        assert_eq!(faults(&GOOD.replace("1.0", "+1.0")), [NoVersion]);
        assert_eq!(faults(&GOOD.replace("1.0", "2.0")), [UnknownVersion(Version { major: 2, minor: 0 })]);
        assert_eq!(faults(&GOOD.replace("UTF-8", "")), [NoEncoding]);
        assert_eq!(faults(&GOOD.replace(": ", ":  ")), [Whitespace]);
        let swapped: String = GOOD.lines().rev().map(|line| format!("{line}\n")).collect();
        assert_eq!(faults(&swapped), [NoVersion, NoEncoding]);
        assert!(Declaration::parse(b"BagIt-Version: 1.0\n\xff\n").1.contains(&NotUtf8));
    }

    #[test]
    fn whitespace_is_free_before_0_97_and_blank_lines_may_follow_before_1_0() {
        let loose = "BagIt-Version : 0.96 \nTag-File-Character-Encoding:UTF-8\n\n";
        assert_eq!(faults(loose), []);
        assert_eq!(faults(&loose.replace("0.96", "0.97")), [DeclarationFault::Whitespace]);
        assert_eq!(
            faults(&GOOD.replace("1.0", "0.97").replace("UTF-8", "UTF-8\n\nmore")),
            [DeclarationFault::Lines(4)]
        );
    }

    #[test]
    fn what_is_written_is_what_the_rfc_shows() {
        assert_eq!(Declaration::default().to_text(), GOOD);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let (declaration, faults) = Declaration::parse(&bytes);
            prop_assert!(!faults.is_empty() || Declaration::parse(declaration.to_text().as_bytes()).1.is_empty());
        }
    }
}
