//! `bag-info.txt`, the bag's metadata (RFC 8493, section 2.2.2), and its `Payload-Oxum`.

use super::declaration::Version;
use super::text::TextLine;
use crate::format::lines::{BAD_LINES_MAX, LineError};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// The label of the element that counts the payload.
pub const PAYLOAD_OXUM: &str = "Payload-Oxum";

/// The most bytes of labels and values that are kept of one file.
const INFO_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The file's name in a bag of this version: `package-info.txt` before 0.96.
pub fn file_name(version: Version) -> &'static str {
    if version < Version::V0_96 { "package-info.txt" } else { "bag-info.txt" }
}

/// One metadata element: a label and its value, which may have several lines, separated by LF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    label: String,
    value: String,
}

impl Element {
    /// `None` unless the element can be written so that it reads back the same: the label has no colon, no line
    /// break, no byte-order mark, and no whitespace around it; the value has no CR, and no line after its first
    /// begins with whitespace.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Option<Element> {
        let (label, value) = (label.into(), value.into());
        let label_holds =
            !label.is_empty() && !label.contains([':', '\r', '\n', '\u{feff}']) && label.trim() == label;
        let value_holds = !value.contains('\r') && !value.contains("\n ") && !value.contains("\n\t");
        (label_holds && value_holds).then_some(Element { label, value })
    }

    /// The label, as it is written.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The value; continued lines are joined by LF.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether this is the reserved element of that label: their case is free.
    pub fn is(&self, label: &str) -> bool {
        self.label.eq_ignore_ascii_case(label)
    }
}

/// Reads all elements in their order, and every line that breaks a rule. Before 1.0, whitespace around the colon is
/// free and blank lines are skipped.
pub fn parse(
    lines: impl Iterator<Item = Result<TextLine, LineError>>,
    version: Version,
) -> (Vec<Element>, Vec<LineError>) {
    let mut elements: Vec<Element> = Vec::new();
    let mut faults = Vec::new();
    let mut kept_bytes = 0;
    for line in lines {
        let taken = line.and_then(|line| {
            kept_bytes += line.text.len() + 1;
            let reason = match take_line(&mut elements, &line.text, version) {
                Ok(()) if kept_bytes > INFO_BYTES_MAX => "more than 4 MiB of metadata; the rest is not read",
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            Err(LineError::bad(line.number, reason))
        });
        faults.extend(taken.err());
        if kept_bytes > INFO_BYTES_MAX || faults.len() == BAD_LINES_MAX {
            break;
        }
    }
    (elements, faults)
}

/// Starts a new element, or continues the last one.
fn take_line(elements: &mut Vec<Element>, text: &str, version: Version) -> Result<(), &'static str> {
    if text.trim().is_empty() && !version.is_strict() {
        return Ok(());
    }
    if text.starts_with([' ', '\t']) {
        let last = elements.last_mut().ok_or("a continuation of nothing")?;
        last.value.push('\n');
        last.value.push_str(text.trim_start_matches([' ', '\t']));
        return Ok(());
    }
    let (label, value) = text.split_once(':').ok_or("no colon")?;
    let element = if version.is_strict() {
        let value = match value.strip_prefix([' ', '\t']) {
            None if !value.is_empty() => return Err("no space or tab after the colon"),
            rest => rest.unwrap_or_default(),
        };
        Element::new(label, value)
    } else {
        Element::new(label.trim(), value.trim())
    };
    elements.push(element.ok_or("a label that is empty or has whitespace around it")?);
    Ok(())
}

/// Writes the elements in their order, each line of a value indented after its first.
pub fn write(out: &mut impl Write, elements: &[Element]) -> io::Result<()> {
    for element in elements {
        writeln!(out, "{}: {}", element.label, element.value.replace('\n', "\n  "))?;
    }
    Ok(())
}

/// The "octetstream sum" of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oxum {
    /// Bytes over all payload files.
    pub octets: u64,
    /// Payload files.
    pub streams: u64,
}

impl FromStr for Oxum {
    type Err = ();

    /// `OctetCount.StreamCount`, digits alone.
    fn from_str(text: &str) -> Result<Oxum, ()> {
        let number = |digits: &str| {
            let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|_| all_digits).ok_or(())
        };
        let (octets, streams) = text.split_once('.').ok_or(())?;
        Ok(Oxum { octets: number(octets)?, streams: number(streams)? })
    }
}

impl fmt::Display for Oxum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.octets, self.streams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bag::text::{Encoding, TextLines};
    use proptest::prelude::*;

    fn read(text: &[u8], version: Version) -> (Vec<(String, String)>, Vec<String>) {
        let (elements, faults) = parse(TextLines::new(text, Encoding::Utf8), version);
        let pairs = elements.into_iter().map(|e| (e.label, e.value)).collect();
        (pairs, faults.iter().map(ToString::to_string).collect())
    }

    fn pair(label: &str, value: &str) -> (String, String) {
        (label.to_owned(), value.to_owned())
    }

    #[test]
    fn order_repeats_and_continued_lines_are_kept() {
        let text = b"Contact-Name: A\r\nNote: one\r\n   two:\n\tthree\nContact-Name: B\n";
        let want =
            vec![pair("Contact-Name", "A"), pair("Note", "one\ntwo:\nthree"), pair("Contact-Name", "B")];
        assert_eq!(read(text, Version::V1_0), (want.clone(), vec![]));
        assert_eq!(read(text, Version::V0_97), (want, vec![]));
    }

    #[test]
    fn whitespace_around_the_colon_is_free_before_1_0_only() {
        let text = b"Note  :   x\n\nOther:y\n";
        assert_eq!(read(text, Version::V0_96), (vec![pair("Note", "x"), pair("Other", "y")], vec![]));
        let (elements, faults) = read(text, Version::V1_0);
        assert_eq!(elements, []);
        assert_eq!(
            faults,
            [
                "line 1: a label that is empty or has whitespace around it",
                "line 2: no colon",
                "line 3: no space or tab after the colon",
            ]
        );
        assert_eq!(read(b"  x\n", Version::V1_0).1, ["line 1: a continuation of nothing"]);
    }

    #[test]
    fn an_oxum_is_two_numbers_and_a_dot() {
        assert_eq!("279164409832.1198".parse(), Ok(Oxum { octets: 279_164_409_832, streams: 1198 }));
        for wrong in ["", ".", "1", "1.", ".1", "+1.1", "1.1.1", "1 .1", "99999999999999999999.1"] {
            assert_eq!(wrong.parse::<Oxum>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn the_file_had_another_name_before_0_96() {
        assert_eq!(file_name(Version::V0_93), "package-info.txt");
        assert_eq!(file_name(Version::V0_96), "bag-info.txt");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs: Vec<(String, String)>) {
            let elements: Vec<_> = pairs.into_iter().filter_map(|(l, v)| Element::new(l, v)).collect();
            let mut text = Vec::new();
            write(&mut text, &elements).unwrap();
            let (back, faults) = parse(TextLines::new(&text[..], Encoding::Utf8), Version::V1_0);
            prop_assert!(faults.is_empty(), "{faults:?}");
            prop_assert_eq!(back, elements);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, strict: bool) {
            let version = if strict { Version::V1_0 } else { Version::V0_93 };
            let (elements, _) = read(&bytes, version);
            prop_assert!(elements.len() <= bytes.len());
        }
    }
}
