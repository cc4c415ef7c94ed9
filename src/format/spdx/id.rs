//! Identifiers of SPDX 2.3 (section 3): letters, digits, `.` and `-`. What they stand for has any character, so each ends
//! in a digest of it: two names that look alike once made safe stay two.

use crate::format::digest::Sha256;

/// How much of a name is kept for people.
const READABLE_CHARS_MAX: usize = 48;

/// How much of a digest is kept: 12 bytes.
const DIGEST_CHARS: usize = 24;

/// `SPDXRef-…` of a `bom-ref`.
pub(super) fn element(bom_ref: &str) -> String {
    ["SPDXRef-", &unique(bom_ref)].concat()
}

/// `LicenseRef-…` of a licence's name.
pub(super) fn licence(name: &str) -> String {
    ["LicenseRef-", &unique(name)].concat()
}

/// The readable part of a text: what an identifier or a URI may not have becomes `-`.
pub(super) fn readable(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    text.chars().take(READABLE_CHARS_MAX).map(safe).collect()
}

fn unique(text: &str) -> String {
    let digest = Sha256::of(text.as_bytes()).to_string();
    [&readable(text), "-", &digest[..DIGEST_CHARS]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_stay_apart() {
        assert_ne!(element("pkg:npm/a_b@1"), element("pkg:npm/a-b@1"));
        assert_ne!(licence(&"x".repeat(100)), licence(&"x".repeat(101)));
    }

    #[test]
    fn an_identifier_has_safe_characters_and_a_bounded_length() {
        for name in ["", "a b\u{1b}[31m", "\u{65e5}\u{672c}", &"../".repeat(1000)] {
            let id = element(name);
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'), "{id}");
            assert!(id.len() <= 8 + READABLE_CHARS_MAX + 1 + DIGEST_CHARS);
        }
    }
}
