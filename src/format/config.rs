//! TOML files that people write: a mistake is shown with file, line and the nearest name that would be right.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::path::Path;

/// Parses a TOML file into a type that denies unknown fields; `file` only names it in errors.
pub fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, &span));
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        let hint = hint_for(&message).unwrap_or_default();
        Error::config(file, line, message, hint)
    })
}

/// The line, from 1, where a span of the text starts.
pub fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count()
}

/// The candidate that was most likely meant: at most a third of it mistyped.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    let (score, best) = scored.min_by_key(|(score, _)| *score)?;
    (score <= best.chars().count().div_ceil(3)).then_some(best)
}

/// serde says which names it knows; the one that was meant is among them.
fn hint_for(message: &str) -> Option<String> {
    let (wrong, known) = message.split_once("`, expected ")?;
    let (_, wrong) = wrong.split_once('`')?;
    let best = nearest(wrong, known.split('`').skip(1).step_by(2))?;
    Some(format!("did you mean `{best}`?"))
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Sample {
        role: Option<String>,
        projects: Option<Vec<String>>,
    }

    #[test]
    fn an_unknown_name_is_shown_with_its_line_and_the_nearest_one() {
        let error = parse::<Sample>(Path::new("trust.toml"), "role = 'a'\nproject = []\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("trust.toml:2: unknown field `project`"), "{text}");
        assert_eq!(error.hint(), "did you mean `projects`?");
    }

    #[test]
    fn a_name_like_no_other_gets_no_hint() {
        assert_eq!(nearest("zebra", ["role", "key"]), None);
        assert_eq!(nearest("seal-release", ["seal:release", "receipt"]), Some("seal:release"));
    }
}
