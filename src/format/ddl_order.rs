//! The order in which DDL files are to be applied: rule by rule of the policy, and inside a rule by number.

use std::cmp::Ordering;

/// The numbers that a file's name begins with, `V` before them or not: `0007_prices.sql`, `V1_2__prices.sql`,
/// `V1.10__x.sql`. Digits as text without leading zeros, because there is no limit to their number; `None` without any.
pub fn numbers(path: &str) -> Option<Vec<&str>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_prefix(['V', 'v']).filter(|rest| begins_with_digit(rest)).unwrap_or(name);
    let mut numbers = Vec::new();
    let mut rest = name;
    while begins_with_digit(rest) {
        let (digits, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        numbers.push(digits.trim_start_matches('0'));
        rest = behind.strip_prefix(['.', '_']).unwrap_or_default();
    }
    (!numbers.is_empty()).then_some(numbers)
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Sorts the paths of one rule's files: by number if all have one, else bytewise. A tool that numbers its files wants
/// 2 before 10; a folder where some files have no number is in no such scheme.
pub fn sort<T>(files: &mut [T], path: impl Fn(&T) -> &str) {
    let numbered = files.iter().all(|file| numbers(path(file)).is_some());
    let by_number = |a: &str, b: &str| match numbered {
        true => compare(&numbers(a).unwrap_or_default(), &numbers(b).unwrap_or_default()),
        false => Ordering::Equal,
    };
    files.sort_by(|a, b| by_number(path(a), path(b)).then_with(|| path(a).cmp(path(b))));
}

fn compare(a: &[&str], b: &[&str]) -> Ordering {
    let each = a.iter().zip(b).map(|(a, b)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    each.fold(Ordering::Equal, Ordering::then).then_with(|| a.len().cmp(&b.len()))
}
