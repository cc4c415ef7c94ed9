//! Licences as SPDX expressions, where they are such; else as they were written.

/// A licence that a file states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licence {
    /// A valid SPDX 2.3 expression (annex D), of one licence or several.
    Expression(String),
    /// Any other text: a name, a classifier.
    Named(String),
}

impl Licence {
    /// Reads what a file states. The old ways of writing an expression (`MIT/Apache-2.0`, lower-case names and
    /// operators) become valid ones; what does not, stays a name, and so does a family without a version, as `BSD`. `None` for nothing, for npm's `UNLICENSED` and
    /// `SEE LICENSE IN …`, and for SPDX's `NOASSERTION` and `NONE`, which name no licence.
    pub fn read(text: &str) -> Option<Licence> {
        let text = text.trim();
        if ["", "UNLICENSED", "NOASSERTION", "NONE"].contains(&text) || text.starts_with("SEE LICENSE IN") {
            return None;
        }
        let valid = |text: &str| spdx::Expression::parse(text).is_ok();
        if valid(text) {
            return Some(Licence::Expression(text.to_owned()));
        }
        match spdx::Expression::canonicalize(text) {
            Ok(Some(canonical)) if valid(&canonical) && is_no_guess(text, &canonical) => {
                Some(Licence::Expression(canonical))
            }
            _ => Some(Licence::Named(text.to_owned())),
        }
    }

    /// The expression or the name.
    pub fn text(&self) -> &str {
        match self {
            Licence::Expression(text) | Licence::Named(text) => text,
        }
    }
}

/// Whether two spellings of a licence have the same digits, but for zeros: `Apache 2` is `Apache-2.0`. The table of
/// imprecise names also knows `BSD` and `GPL`, and means one of several licences by them.
fn is_no_guess(stated: &str, canonical: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(|c| matches!(c, '1'..='9')).collect() };
    digits(stated) == digits(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_spellings_become_expressions_and_guesses_stay_names() {
        let read = |text: &str| Licence::read(text).unwrap();
        for (stated, expression) in [
            ("MIT", "MIT"),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
            ("Apache 2.0", "Apache-2.0"),
            ("mit", "MIT"),
            ("gplv3", "GPL-3.0-only"),
        ] {
            assert_eq!(read(stated), Licence::Expression(expression.to_owned()), "{stated}");
        }
        for stated in ["BSD", "GPL", "gnu gpl v2", "Apache", "Proprietary", "see COPYING"] {
            assert_eq!(read(stated), Licence::Named(stated.to_owned()));
        }
        for nothing in ["", " ", "UNLICENSED", "SEE LICENSE IN LICENSE.md", "NOASSERTION", "NONE"] {
            assert_eq!(Licence::read(nothing), None);
        }
    }
}
