//! Maven, as far as its order is plain: numbers, and the qualifiers that it knows. Words that it does not know
//! (`-jre`, `-android`) are compared with nothing.

use super::{by_value, span};
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Number(&'a str),
    /// A qualifier by its rank; a release has [`RELEASE`].
    Known(u8),
    Other(&'a str),
}

const RELEASE: u8 = 6;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let (a, b) = (tokens(&a)?, tokens(&b)?);
    for at in 0..a.len().max(b.len()) {
        let order = match (a.get(at), b.get(at)) {
            (Some(a), Some(b)) => order(*a, *b)?,
            (Some(a), None) => order(*a, nothing(*a))?,
            (None, Some(b)) => order(nothing(*b), *b)?,
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

/// What stands for a token that is not there.
fn nothing(other: Token<'_>) -> Token<'static> {
    if matches!(other, Token::Number(_)) { Token::Number("0") } else { Token::Known(RELEASE) }
}

fn order(a: Token<'_>, b: Token<'_>) -> Option<Ordering> {
    match (a, b) {
        (Token::Number(a), Token::Number(b)) => Some(by_value(a, b)),
        (Token::Known(a), Token::Known(b)) => Some(a.cmp(&b)),
        (Token::Number(_), Token::Known(_)) => Some(Ordering::Greater),
        (Token::Known(_), Token::Number(_)) => Some(Ordering::Less),
        (Token::Other(a), Token::Other(b)) if a == b => Some(Ordering::Equal),
        _ => None,
    }
}

/// Numbers and words; a version begins with a number.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    for part in text.split(['.', '-', '_']) {
        if part.is_empty() {
            return None;
        }
        let mut rest = part;
        while !rest.is_empty() {
            let is_digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let of = |c: char| if is_digits { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
            let (run, after) = span(rest, of);
            if run.is_empty() {
                return None;
            }
            tokens.push(if is_digits { Token::Number(run) } else { word(run, !after.is_empty()) });
            rest = after;
        }
    }
    matches!(tokens.first(), Some(Token::Number(_))).then_some(tokens)
}

/// `a`, `b` and `m` are short forms only where a number follows.
fn word(word: &str, before_number: bool) -> Token<'_> {
    Token::Known(match word {
        "alpha" => 1,
        "beta" => 2,
        "milestone" => 3,
        "a" if before_number => 1,
        "b" if before_number => 2,
        "m" if before_number => 3,
        "rc" | "cr" => 4,
        "snapshot" => 5,
        "ga" | "final" | "release" => RELEASE,
        "sp" => 7,
        other => return Token::Other(other),
    })
}
