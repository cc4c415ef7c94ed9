//! Paths inside a pack: relative, `/`-separated UTF-8 that can be a file name anywhere it is unpacked.
//!
//! A [`PackPath`] can only be made by validation, so nothing else ever reaches a file name.

use std::borrow::{Borrow, Cow};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The longest path that is read, in bytes: Linux's PATH_MAX.
pub const PATH_BYTES_MAX: usize = 4096;

/// A validated relative path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackPath(Box<str>);

/// Why bytes cannot be a [`PackPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// No bytes at all, or an empty component (`a//b`, `a/`).
    #[error("an empty component")]
    Empty,
    /// Starts with `/`, or with a drive letter.
    #[error("not relative")]
    Absolute,
    /// A `.` or `..` component.
    #[error("a dot component")]
    Dots,
    /// CR, LF or NUL.
    #[error("a line break or NUL")]
    Control,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Longer than [`PATH_BYTES_MAX`], or a component longer than 255 bytes.
    #[error("too long")]
    TooLong,
}

impl PackPath {
    /// Validates bytes: UTF-8, relative, no empty, `.` or `..` component, no CR, LF or NUL, no drive letter.
    pub fn new(bytes: &[u8]) -> Result<PackPath, PathFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| PathFault::NotUtf8)?;
        check(text)?;
        Ok(PackPath(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it lies in; `None` at the top.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The same path under a folder; `prefix` is a validated path with a final slash.
    pub fn under(&self, prefix: &str) -> PackPath {
        PackPath(format!("{prefix}{}", self.0).into())
    }

    /// Whether another operating system reads this name as something else: a backslash separates folders there,
    /// and a trailing dot or space is dropped.
    pub fn has_backslash(&self) -> bool {
        self.0.contains('\\')
    }

    /// The form under which names collide on file systems that fold case or normalise Unicode.
    pub fn collision_key(&self) -> String {
        let ascii = self.0.is_ascii();
        let folded: String = if ascii {
            self.0.to_ascii_lowercase()
        } else {
            self.0.nfd().flat_map(char::to_lowercase).nfc().collect()
        };
        folded.split('/').map(|part| part.trim_end_matches(['.', ' '])).collect::<Vec<_>>().join("/")
    }
}

/// Encodes CR, LF and `%` for a manifest line (RFC 8493, section 2.1.3).
pub fn encode_manifest(path: &str) -> Cow<'_, str> {
    if !path.contains(['%', '\r', '\n']) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(path.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

/// Decodes `%0A`, `%0D` and `%25` of a manifest line, in either case; every other `%` stands for itself.
pub fn decode_manifest(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let escape = match rest.get(at..at + 3) {
            Some("%0A" | "%0a") => "\n",
            Some("%0D" | "%0d") => "\r",
            Some("%25") => "%",
            _ => {
                decoded.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        };
        decoded.push_str(escape);
        rest = &rest[at + 3..];
    }
    decoded.push_str(rest);
    decoded
}

fn check(text: &str) -> Result<(), PathFault> {
    if text.len() > PATH_BYTES_MAX {
        return Err(PathFault::TooLong);
    }
    if text.starts_with('/') || has_drive_letter(text) {
        return Err(PathFault::Absolute);
    }
    if text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(PathFault::Control);
    }
    text.split('/').try_for_each(|part| match part {
        "" => Err(PathFault::Empty),
        "." | ".." => Err(PathFault::Dots),
        long if long.len() > 255 => Err(PathFault::TooLong),
        _ => Ok(()),
    })
}

fn has_drive_letter(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', rest @ ..]
        if letter.is_ascii_alphabetic() && matches!(rest.first(), None | Some(b'/' | b'\\')))
}

impl fmt::Display for PackPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PackPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for PackPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for PackPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_may_never_be_a_file_name_is_refused() {
        let refused: [(&[u8], PathFault); 12] = [
            (b"", PathFault::Empty),
            (b"a//b", PathFault::Empty),
            (b"a/", PathFault::Empty),
            (b"/etc/passwd", PathFault::Absolute),
            (b"C:/x", PathFault::Absolute),
            (b"c:\\x", PathFault::Absolute),
            (b"../x", PathFault::Dots),
            (b"a/../b", PathFault::Dots),
            (b"./a", PathFault::Dots),
            (b"a\nb", PathFault::Control),
            (b"a\0b", PathFault::Control),
            (b"a\xff", PathFault::NotUtf8),
        ];
        for (bytes, fault) in refused {
            assert_eq!(PackPath::new(bytes), Err(fault), "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(PackPath::new(&[b'a'; 256]), Err(PathFault::TooLong));
    }

    #[test]
    fn names_that_fold_together_have_one_collision_key() {
        let key = |text: &str| PackPath::new(text.as_bytes()).unwrap().collision_key();
        assert_eq!(key("README"), key("readme"));
        assert_eq!(key("caf\u{e9}"), key("cafe\u{301}"));
        assert_eq!(key("a./b"), key("a/b"));
        assert_ne!(key("a"), key("b"));
    }

    proptest! {
        #[test]
        fn manifest_encoding_is_undone_by_decoding(path in "[a-z%\r\n0-9A-F]{0,40}") {
            prop_assert_eq!(decode_manifest(&encode_manifest(&path)), path);
        }
    }
}
