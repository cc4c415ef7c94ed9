//! Semantic Versioning 2.0.0, section 11; with the `v` of Go, and the shorter and longer numbers of NuGet.

use super::{by_value, is_number};
use std::cmp::Ordering;

/// The most numbers of a version: NuGet has four.
const NUMBERS_MAX: usize = 4;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Version::parse(a)?, Version::parse(b)?);
    let numbers = a.numbers.iter().zip(&b.numbers).map(|(a, b)| by_value(a, b));
    let order = numbers.fold(Ordering::Equal, Ordering::then);
    Some(order.then_with(|| prerelease(a.prerelease, b.prerelease)))
}

struct Version<'a> {
    numbers: [&'a str; NUMBERS_MAX],
    prerelease: Option<&'a str>,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Version<'a>> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let (core, prerelease) = match text.split_once('-') {
            Some((core, prerelease)) => (core, Some(prerelease)),
            None => (text, None),
        };
        let mut numbers = ["0"; NUMBERS_MAX];
        for (at, number) in core.split('.').enumerate() {
            *numbers.get_mut(at).filter(|_| is_number(number))? = number;
        }
        let is_valid = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let valid = prerelease.is_none_or(|prerelease| prerelease.split('.').all(is_valid));
        valid.then_some(Version { numbers, prerelease })
    }
}

/// Before the release itself; identifiers one by one, numbers before words, and the longer one last.
fn prerelease(a: Option<&str>, b: Option<&str>) -> Ordering {
    let (a, b) = match (a, b) {
        (None, None) => return Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(a), Some(b)) => (a, b),
    };
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (is_number(a), is_number(b)) {
                (true, true) => by_value(a, b),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}
