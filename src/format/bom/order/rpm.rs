//! RPM: `[epoch:]version[-release]`, each part as rpm(8) orders it.

use super::{by_value, is_number, span};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let ((epoch_a, a), (epoch_b, b)) = (epoch(a)?, epoch(b)?);
    let ((version_a, release_a), (version_b, release_b)) = (release(a), release(b));
    let order = by_value(epoch_a, epoch_b).then_with(|| part(version_a, version_b));
    // A release that only one side states cannot be compared.
    match (release_a, release_b) {
        (Some(a), Some(b)) => Some(order.then_with(|| part(a, b))),
        (None, None) => Some(order),
        _ => Some(order).filter(|order| order.is_ne()),
    }
}

fn epoch(text: &str) -> Option<(&str, &str)> {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let is_valid = is_number(epoch) && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
    is_valid.then_some((epoch, rest))
}

fn release(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once('-').map_or((text, None), |(version, release)| (version, Some(release)))
}

/// Runs of digits and runs of letters in turn; what separates them counts for nothing, but for a tilde, which comes
/// before everything, and a caret, which comes after the end only.
fn part(mut a: &str, mut b: &str) -> Ordering {
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^';
    loop {
        (a, b) = (a.trim_start_matches(is_separator), b.trim_start_matches(is_separator));
        let order = match (a.chars().next(), b.chars().next()) {
            (None, None) => return Ordering::Equal,
            (Some('~'), Some('~')) | (Some('^'), Some('^')) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (Some('~'), _) | (None, Some('^')) => Ordering::Less,
            (_, Some('~')) | (Some('^'), None) => Ordering::Greater,
            (Some('^'), Some(_)) | (None, Some(_)) => Ordering::Less,
            (Some(_), Some('^') | None) => Ordering::Greater,
            (Some(x), Some(y)) => match (x.is_ascii_digit(), y.is_ascii_digit()) {
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (digits, _) => {
                    let of = |c: char| if digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
                    let ((run_a, rest_a), (run_b, rest_b)) = (span(a, of), span(b, of));
                    (a, b) = (rest_a, rest_b);
                    if digits { by_value(run_a, run_b) } else { run_a.cmp(run_b) }
                }
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}
