//! Debian: `[epoch:]upstream[-revision]` (Debian Policy, section 5.6.12).

use super::{by_value, is_number, span};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Version::parse(a)?, Version::parse(b)?);
    let order = by_value(a.epoch, b.epoch).then_with(|| part(a.upstream, b.upstream));
    Some(order.then_with(|| part(a.revision, b.revision)))
}

struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Version<'a>> {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        let is_known = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
        let is_valid = is_number(epoch) && !upstream.is_empty() && rest.chars().all(is_known);
        is_valid.then_some(Version { epoch, upstream, revision })
    }
}

/// Words and numbers in turn: words by [`weight`], numbers by value.
fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let is_word = |c: char| !c.is_ascii_digit();
        let ((word_a, rest_a), (word_b, rest_b)) = (span(a, is_word), span(b, is_word));
        let ((number_a, next_a), (number_b, next_b)) =
            (span(rest_a, |c| c.is_ascii_digit()), span(rest_b, |c| c.is_ascii_digit()));
        let order = words(word_a, word_b).then_with(|| by_value(number_a, number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

fn words(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.bytes(), b.bytes());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) if weight(a) != weight(b) => return weight(a).cmp(&weight(b)),
            _ => {}
        }
    }
}

/// A tilde comes before the end of a word, letters come after it, and everything else after letters.
fn weight(byte: Option<u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(other) => i32::from(other) + 256,
    }
}
