//! Alpine: `number{.number}{letter}{_suffix{number}}{~hash}{-rN}` (apk-package(5)).

use super::{by_value, is_number, span};
use std::cmp::Ordering;

/// Suffixes in order; a release has none, and comes between those that precede it and those that follow it.
const SUFFIXES: [(&str, i8); 9] = [
    ("alpha", -4),
    ("beta", -3),
    ("pre", -2),
    ("rc", -1),
    ("cvs", 1),
    ("svn", 2),
    ("git", 3),
    ("hg", 4),
    ("p", 5),
];

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Version::parse(a)?, Version::parse(b)?);
    let order = numbers(&a.numbers, &b.numbers).then(a.letter.cmp(&b.letter));
    let order = order.then_with(|| suffixes(&a.suffixes, &b.suffixes));
    // What a hash stands for, only its repository knows.
    if order.is_eq() && a.hash != b.hash {
        return None;
    }
    Some(order.then_with(|| by_value(a.build, b.build)))
}

struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: Option<char>,
    suffixes: Vec<(i8, &'a str)>,
    hash: &'a str,
    build: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Version<'a>> {
        let (text, build) = text.rsplit_once("-r").unwrap_or((text, "0"));
        let (text, hash) = text.split_once('~').unwrap_or((text, ""));
        let (core, rest) = span(text, |c| c.is_ascii_digit() || c == '.');
        let letter = rest.chars().next().filter(char::is_ascii_lowercase);
        let rest = if letter.is_some() { rest.get(1..)? } else { rest };
        let mut suffixes = Vec::new();
        if !rest.is_empty() {
            for suffix in rest.strip_prefix('_')?.split('_') {
                let (word, number) = span(suffix, |c| c.is_ascii_lowercase());
                let &(_, rank) = SUFFIXES.iter().find(|(name, _)| *name == word)?;
                suffixes.push((rank, Some(number).filter(|number| number.is_empty() || is_number(number))?));
            }
        }
        let numbers: Vec<&str> = core.split('.').collect();
        let is_valid = is_number(build) && numbers.iter().all(|number| is_number(number));
        is_valid.then_some(Version { numbers, letter, suffixes, hash, build })
    }
}

/// Past the first, numbers that begin with a zero are fractions: 1.05 comes before 1.1.
fn numbers(a: &[&str], b: &[&str]) -> Ordering {
    let each = a.iter().zip(b).enumerate().map(|(at, (a, b))| match at {
        0 => by_value(a, b),
        _ if a.starts_with('0') || b.starts_with('0') => a.cmp(b),
        _ => by_value(a, b),
    });
    each.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}

fn suffixes(a: &[(i8, &str)], b: &[(i8, &str)]) -> Ordering {
    let none = (0, "");
    let each = (0..a.len().max(b.len())).map(|at| {
        let (a, b) = (a.get(at).unwrap_or(&none), b.get(at).unwrap_or(&none));
        a.0.cmp(&b.0).then_with(|| by_value(a.1, b.1))
    });
    each.fold(Ordering::Equal, Ordering::then)
}
