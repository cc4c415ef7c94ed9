//! Composer: up to four numbers, and a stability after them. Branches (`dev-main`, `1.x-dev`) have no order.

use super::{by_value, is_number, span};
use std::cmp::Ordering;

/// What a stability is called, from the least stable on; a release is none of them, and `patch` comes after it.
const STABILITIES: [(&str, u8); 9] = [
    ("alpha", 1),
    ("beta", 2),
    ("rc", 3),
    ("stable", 4),
    ("patch", 5),
    ("pl", 5),
    ("a", 1),
    ("b", 2),
    ("p", 5),
];
const RELEASE: u8 = 4;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let (a, b) = (parse(&a)?, parse(&b)?);
    let numbers = a.0.iter().zip(&b.0).map(|(a, b)| by_value(a, b));
    let order = numbers.fold(Ordering::Equal, Ordering::then);
    Some(order.then(a.1.cmp(&b.1)).then_with(|| by_value(a.2, b.2)))
}

/// The numbers, the stability's rank, and its own number.
fn parse(text: &str) -> Option<([&str; 4], u8, &str)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(text, _)| text);
    let (core, rest) = span(text, |c| c.is_ascii_digit() || c == '.');
    let mut numbers = ["0"; 4];
    for (at, number) in core.trim_end_matches('.').split('.').enumerate() {
        *numbers.get_mut(at).filter(|_| is_number(number))? = number;
    }
    let rest = rest.trim_start_matches(['-', '_', '.']);
    if rest.is_empty() {
        return Some((numbers, RELEASE, ""));
    }
    let (word, number) = span(rest, |c| c.is_ascii_alphabetic());
    let &(_, rank) = STABILITIES.iter().find(|(name, _)| *name == word)?;
    let number = number.trim_start_matches(['-', '.']);
    (number.is_empty() || is_number(number)).then_some((numbers, rank, number))
}
