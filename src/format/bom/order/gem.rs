//! RubyGems: numbers and words in turn, where a word makes a version a pre-release.

use super::{by_value, is_number, span};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (segments(a)?, segments(b)?);
    let each = (0..a.len().max(b.len())).map(|at| {
        // What is not there counts as 0.
        let (a, b) = (a.get(at).unwrap_or(&"0"), b.get(at).unwrap_or(&"0"));
        match (is_number(a), is_number(b)) {
            (true, true) => by_value(a, b),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => a.cmp(b),
        }
    });
    Some(each.fold(Ordering::Equal, Ordering::then))
}

/// `1.0.0.rc1` is 1, 0, 0, rc, 1. Zeros before a word, and at the end, count for nothing.
/// A dash begins a pre-release too, but lockfiles also write platforms so: those are not compared.
fn segments(text: &str) -> Option<Vec<&str>> {
    let (mut segments, mut has_word) = (Vec::new(), false);
    for (at, part) in text.split('.').enumerate() {
        let is_first = at == 0;
        if part.is_empty() || (is_first && !part.starts_with(|c: char| c.is_ascii_digit())) {
            return None;
        }
        let mut rest = part;
        while !rest.is_empty() {
            let is_digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let of = |c: char| if is_digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
            let (segment, after) = span(rest, of);
            if segment.is_empty() {
                return None;
            }
            if !is_digits && !has_word {
                has_word = true;
                drop_zeros(&mut segments);
            }
            segments.push(segment);
            rest = after;
        }
    }
    drop_zeros(&mut segments);
    Some(segments)
}

fn drop_zeros(segments: &mut Vec<&str>) {
    while segments.last().is_some_and(|last| is_number(last) && last.bytes().all(|byte| byte == b'0')) {
        segments.pop();
    }
}
