//! How large JSON documents lie in their files: compact, but each field of the root and each element of its arrays on a
//! line of its own. So `grep` and `diff` work on them, and they are a third of what indenting would make them.
//!
//! Control characters that JSON allows as they are (DEL and C1) are escaped: a terminal could take them for commands.

use crate::format::digest::Sha256;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Stands where a document's own UUID will be.
pub(crate) const UUID_NONE: &str = "00000000-0000-8000-8000-000000000000";

/// The bytes of a document and a final LF. Its first string that ends in [`UUID_NONE`] ends in a UUID of version 8 then,
/// which is the digest of the document as it was without it: so the same content has the same bytes, and other content
/// another UUID. `bytes_expected` need not be right: memory that grows under a large document is copied again and again.
pub(crate) fn stamped(document: &impl Serialize, bytes_expected: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bytes_expected);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Lines::default());
    document.serialize(&mut serializer).expect("strings and arrays always serialise, and memory takes them");
    let uuid = uuid(Sha256::of(&bytes));
    let place = [UUID_NONE, "\""].concat();
    let at = bytes.windows(place.len()).position(|window| window == place.as_bytes());
    if let Some(place) = at.and_then(|at| bytes.get_mut(at..at + uuid.len())) {
        place.copy_from_slice(uuid.as_bytes());
    }
    bytes.push(b'\n');
    bytes
}

/// An array whose elements are made while they are written, so that a long one never lies in memory beside its text.
pub(crate) struct Each<F>(pub F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// A UUID of version 8 (RFC 9562, section 5.8) from the first bytes of a digest.
fn uuid(digest: Sha256) -> String {
    let mut bytes: [u8; 16] = std::array::from_fn(|at| digest.0[at]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Seconds since 1970 as RFC 3339 in UTC, without fractions, from the year 1 to 9999: the years that readers know.
pub(crate) fn time(epoch_s: i64) -> String {
    const YEAR_ONE_S: i64 = -62_135_596_800;
    let epoch_s = epoch_s.clamp(YEAR_ONE_S, Timestamp::MAX.as_second());
    Timestamp::from_second(epoch_s).expect("within what a timestamp holds").to_string()
}

/// The deepest level whose elements stand on lines of their own: the root is 1, its arrays are 2.
const LINES_DEPTH_MAX: usize = 2;

#[derive(Default)]
struct Lines {
    depth: usize,
    /// For each level that has lines: whether it does, and whether something stands in it.
    levels: [(bool, bool); LINES_DEPTH_MAX + 1],
}

impl Lines {
    fn open<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8], has_lines: bool) -> io::Result<()> {
        self.depth += 1;
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level = (has_lines, false);
        }
        to.write_all(bracket)
    }

    fn element<W: ?Sized + Write>(&mut self, to: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            to.write_all(b",")?;
        }
        match self.levels.get_mut(self.depth) {
            Some((true, filled)) => {
                *filled = true;
                self.line(to, self.depth)
            }
            _ => Ok(()),
        }
    }

    fn close<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.levels.get(self.depth + 1) == Some(&(true, true)) {
            self.line(to, self.depth)?;
        }
        to.write_all(bracket)
    }

    fn line<W: ?Sized + Write>(&self, to: &mut W, spaces: usize) -> io::Result<()> {
        to.write_all(&b"\n  "[..1 + spaces])
    }
}

impl Formatter for Lines {
    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        let is_root = self.depth == 0;
        self.open(to, b"{", is_root)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.close(to, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, is_first: bool) -> io::Result<()> {
        self.element(to, is_first)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        let is_of_root = self.depth == 1;
        self.open(to, b"[", is_of_root)
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.close(to, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, is_first: bool) -> io::Result<()> {
        self.element(to, is_first)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let is_control = |c: char| ('\u{7f}'..='\u{9f}').contains(&c);
        let mut rest = fragment;
        // Almost no text has any. Without a way out in the middle, this looks at many bytes at once.
        let is_suspect = fragment.bytes().fold(false, |found, byte| found | (byte == 0x7f) | (byte == 0xc2));
        while let Some(at) = is_suspect.then(|| rest.find(is_control)).flatten() {
            to.write_all(&rest.as_bytes()[..at])?;
            let mut after = rest[at..].chars();
            let control = after.next().map_or(0, u32::from);
            write!(to, "\\u{control:04x}")?;
            rest = after.as_str();
        }
        to.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn written(document: &impl Serialize) -> String {
        let text = String::from_utf8(stamped(document, 0)).unwrap();
        text.strip_suffix('\n').unwrap().to_owned()
    }

    #[test]
    fn fields_of_the_root_and_elements_of_its_arrays_have_lines_of_their_own() {
        let document = json!({"a": 1, "b": [{"c": [1, {"d": 2}]}, [], {}], "e": {"f": [1, 2]}, "g": []});
        let expected = "{\n \"a\":1,\n \"b\":[\n  {\"c\":[1,{\"d\":2}]},\n  [],\n  {}\n ],\n \"e\":{\"f\":[1,2]},\n \"g\":[]\n}";
        assert_eq!(written(&document), expected);
        assert_eq!(written(&json!({})), "{}");
        let made = BTreeMap::from([("b", Each(|| [1, 2].iter().filter(|number| **number > 1)))]);
        assert_eq!(written(&made), "{\n \"b\":[\n  2\n ]\n}");
    }

    #[test]
    fn what_a_terminal_could_take_for_a_command_is_escaped() {
        let text = written(&json!({"a": "\u{1b}[2J\u{7f}x\u{9b}31m\u{a0}\u{e9}"}));
        assert_eq!(text, "{\n \"a\":\"\\u001b[2J\\u007fx\\u009b31m\u{a0}\u{e9}\"\n}");
    }

    #[test]
    fn the_first_place_for_it_holds_the_digest_of_everything() {
        let document = json!({"a": format!("{UUID_NONE}-urn:uuid:{UUID_NONE}"), "b": UUID_NONE});
        let before = format!("{{\n \"a\":\"{UUID_NONE}-urn:uuid:{UUID_NONE}\",\n \"b\":\"{UUID_NONE}\"\n}}");
        let uuid = uuid(Sha256::of(before.as_bytes()));
        assert_eq!(written(&document), before.replacen(&format!("{UUID_NONE}\""), &format!("{uuid}\""), 1));
    }

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid(Sha256([0xff; 32])), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(uuid(Sha256([0; 32])), "00000000-0000-8000-8000-000000000000");
    }

    #[test]
    fn a_time_is_in_whole_seconds_of_four_digit_years() {
        assert_eq!(time(1_795_132_800), "2026-11-20T00:00:00Z");
        assert_eq!(time(i64::MIN), "0001-01-01T00:00:00Z");
        assert!(time(i64::MAX).starts_with("9999-12-30T"));
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_document_reads_back(texts in proptest::collection::vec(".*", 0..5)) {
            let document = json!({"texts": texts});
            let read: serde_json::Value = serde_json::from_str(&written(&document)).unwrap();
            prop_assert_eq!(read, document);
        }
    }
}
