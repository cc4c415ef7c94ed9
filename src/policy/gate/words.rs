//! Words in a text, whole.

/// Whether a text names a version: `1.2.3` and `v1.2.3`, but not in `1.2.30`, `11.2.3` or `1.2.3-rc.1`.
pub(super) fn names_version(text: &str, version: &str) -> bool {
    if version.is_empty() {
        return false;
    }
    text.match_indices(version).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let behind = text.get(at + version.len()..).unwrap_or_default();
        begins(before) && ends(behind)
    })
}

fn begins(before: &str) -> bool {
    let before = before.strip_suffix(['v', 'V']).unwrap_or(before);
    !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+'))
        && !before.strip_suffix('-').is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()))
}

/// A dot ends a sentence, unless the version goes on behind it.
fn ends(behind: &str) -> bool {
    let mut next = behind.chars();
    match next.next() {
        None => true,
        Some('.' | '-' | '+' | '_') => !next.next().is_some_and(char::is_alphanumeric),
        Some(c) => !c.is_alphanumeric(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_only_as_a_whole() {
        for text in [
            "1.2.3",
            "v1.2.3",
            "[1.2.3]",
            "app-1.2.3",
            "of 1.2.3.",
            "1.2.3: ok",
            "release/v1.2.3 x",
            "# 1.2.3 - 2026",
        ] {
            assert!(names_version(text, "1.2.3"), "{text}");
        }
        for text in ["", "1.2.30", "11.2.3", "0.1.2.3", "1.2.3-rc.1", "1.2.3.4", "1.2.3+b", "dev1.2.3"] {
            assert!(!names_version(text, "1.2.3"), "{text}");
        }
        assert!(!names_version("x", ""));
    }
}
