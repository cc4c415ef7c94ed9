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
    /// operators) become valid ones; what does not, stays a name. `None` for nothing, for npm's `UNLICENSED` and
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
            Ok(Some(canonical)) if valid(&canonical) => Some(Licence::Expression(canonical)),
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
