//! Versions that are nothing but numbers: Haskell's PVP, and R, which takes dashes for dots.

use super::{by_value, is_number};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let numbers = |text| -> Option<Vec<&str>> {
        let numbers: Vec<&str> = str::split(text, ['.', '-']).collect();
        numbers.iter().all(|number| is_number(number)).then_some(numbers)
    };
    let (a, b) = (numbers(a)?, numbers(b)?);
    let each = a.iter().zip(&b).map(|(a, b)| by_value(a, b));
    Some(each.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len())))
}
