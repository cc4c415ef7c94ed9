//! Which of two versions of a package is the later one, as its own ecosystem orders them.
//!
//! Where an ecosystem has no order, or a version is none of its versions, there is no answer: nothing is guessed.

mod apk;
mod composer;
mod debian;
mod gem;
mod maven;
mod numbers;
mod pep440;
mod rpm;
mod semver;

use std::cmp::Ordering;

/// The longest version that is compared, in bytes.
const VERSION_BYTES_MAX: usize = 256;

/// Compares two versions of a package whose package URL has this type. Versions of one rank need not be the same
/// text: SemVer ranks build metadata alike.
pub fn compare(purl_type: &str, a: &str, b: &str) -> Option<Ordering> {
    if a.len().max(b.len()) > VERSION_BYTES_MAX {
        return None;
    }
    match purl_type {
        "cargo" | "golang" | "hex" | "npm" | "nuget" | "pub" | "swift" => semver::compare(a, b),
        "apk" => apk::compare(a, b),
        "cocoapods" | "gem" => gem::compare(a, b),
        "composer" => composer::compare(a, b),
        "cran" | "hackage" => numbers::compare(a, b),
        "deb" => debian::compare(a, b),
        "maven" => maven::compare(a, b),
        "pypi" => pep440::compare(a, b),
        "rpm" => rpm::compare(a, b),
        _ => None,
    }
}

/// Compares two runs of ASCII digits of any length as numbers; an empty one is 0.
fn by_value(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether there is something, and all of it is digits.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits off the bytes that `is` holds for, from the start.
fn span(text: &str, is: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c: char| !is(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
