//! What a writer stages before it may append: the new files of the log, in one object.
//!
//! For each file its path, its length and a line end, then its bytes; in bytewise order of the paths.

use crate::format::checkpoint::decimal;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The largest staged object that is read, in bytes.
pub const STAGED_BYTES_MAX: usize = 64 << 20;

/// The object that holds these files.
pub fn to_bytes(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in files {
        let mut head = String::new();
        let _ = writeln!(head, "{path} {}", content.len());
        bytes.extend(head.as_bytes());
        bytes.extend(content);
    }
    bytes
}

/// The files that an object holds; nothing if it is not byte for byte as [`to_bytes`] writes it.
pub fn parse(bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let (mut files, mut rest) = (BTreeMap::new(), bytes);
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (path, length) = std::str::from_utf8(&rest[..end]).ok()?.split_once(' ')?;
        let length = usize::try_from(decimal(length)?).ok()?;
        let (content, after) = rest[end + 1..].split_at_checked(length)?;
        let is_later = files.last_key_value().is_none_or(|(last, _): (&String, _)| last.as_str() < path);
        if !is_later {
            return None;
        }
        files.insert(path.to_owned(), content.to_vec());
        rest = after;
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_back_and_other_forms_are_refused() {
        let file = |path: &str, content: &[u8]| (path.to_owned(), content.to_vec());
        let files: BTreeMap<_, _> =
            [file("tile/0/000.p/1", b"\n1\n"), file("tile/entries/000.p/1", b"")].into();
        let bytes = to_bytes(&files);
        assert_eq!(bytes, b"tile/0/000.p/1 3\n\n1\ntile/entries/000.p/1 0\n");
        assert_eq!(parse(&bytes), Some(files));
        assert_eq!(parse(b""), Some(BTreeMap::new()));
        for bad in
            [&b"a 1\n"[..], b"a 01\nx", b"a\n", b"a 0", b"b 0\na 0\n", b"a 0\na 0\n", b"\xff 0\n", b"a -1\n"]
        {
            assert_eq!(parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
