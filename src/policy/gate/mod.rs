//! Gates: what must hold before a release may go. One file a kind; [`KINDS`] is the table of all.
//!
//! A gate is pure: it is parsed from a `[[gate]]` of the policy, and judges what [`Evidence`] gives it. Who gathers the
//! evidence (from the tree, or from a pack that an auditor holds) is no business of its own.

pub mod changelog;
pub mod checklist;
pub mod command;
pub mod evidence;
pub mod fresh;
pub mod judged;
pub mod junit;
pub mod markdown;
pub mod metric;
pub mod notes;
pub mod openapi;
mod parse;
mod pointer;
pub mod sarif;
pub mod schema;
pub mod secrets;
pub mod signed;
pub mod sources;
pub mod stage;
pub mod template;
#[cfg(test)]
mod testing;
pub mod version;
mod week;
pub mod window;
mod zone;

pub use evidence::{Document, Evidence, Git, PayloadFile, Release};
pub use judged::{Judged, Status};
pub use parse::gates;
pub use stage::{Bump, Stage, When};

use crate::error::Result;
use crate::finding::{Code, Severity};
use crate::format::settings::Section;
use std::fmt::Debug;
use std::sync::Arc;

/// A checked `[[gate]]`.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its id, unique in the policy: `[a-z0-9-]{1,64}`.
    pub id: String,
    /// What kind of check it is.
    pub kind: &'static Kind,
    /// The check itself, with its own keys.
    pub check: Arc<dyn Check>,
    /// When it must hold.
    pub stage: Stage,
    /// For which releases.
    pub when: When,
    /// What a failure weighs: an error refuses, a warning is said.
    pub severity: Severity,
    /// The line it starts on, from 1.
    pub line: usize,
}

/// What a kind of gate does once it is parsed.
pub trait Check: Debug + Send + Sync {
    /// Judges the evidence. Evidence that is missing or cannot be read is a failure that says so, never an error and
    /// never a skip. Nothing of the present time may get into what is recorded: see [`Judged`].
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged;
}

/// A kind of gate: what documents say of it, and how its keys are read.
#[derive(Debug)]
pub struct Kind {
    /// The value of `check`.
    pub name: &'static str,
    /// The code of what it finds.
    pub code: Code,
    /// When it holds, as the end of a sentence that begins "holds when".
    pub holds_when: &'static str,
    /// Its own keys with what each means, required ones marked so.
    pub keys: &'static [(&'static str, &'static str)],
    /// A whole `[[gate]]` that works.
    pub example: &'static str,
    /// Whether a waiver can lift it: never for secrets and integrity.
    pub waivable: bool,
    /// Reads its own keys. Common and unknown keys were dealt with before.
    pub parse: fn(&Section<'_>) -> Result<Arc<dyn Check>>,
}

/// Every kind, in the order of the documents.
pub const KINDS: &[Kind] = &[
    version::KIND,
    changelog::KIND,
    notes::KIND,
    checklist::KIND,
    signed::KIND,
    window::KIND,
    fresh::KIND,
    junit::KIND,
    sarif::KIND,
    metric::KIND,
    schema::KIND,
    openapi::KIND,
    secrets::KIND,
    command::KIND,
];

#[cfg(test)]
mod tests {
    use crate::format::settings::Document;
    use crate::policy::gate::{KINDS, gates};
    use std::path::Path;

    #[test]
    fn every_example_parses_as_a_gate_of_its_kind() {
        for kind in KINDS {
            let document = Document::parse(Path::new("p.toml"), kind.example).unwrap();
            let gates = gates(&document.root()).unwrap_or_else(|error| panic!("{}: {error}", kind.name));
            assert_eq!(gates.len(), 1, "{}", kind.name);
            assert_eq!(gates[0].kind.name, kind.name);
        }
    }

    #[test]
    fn every_kind_says_what_it_is_for() {
        for kind in KINDS {
            assert!(!kind.holds_when.ends_with('.') && !kind.holds_when.contains("  "), "{}", kind.name);
            assert!(
                KINDS.iter().filter(|other| other.name == kind.name || other.code == kind.code).count() == 1
            );
            for (key, meaning) in kind.keys {
                assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{} {key}", kind.name);
                let is_shown = kind.example.contains(&format!("\n{key} ="));
                assert!(
                    is_shown || !meaning.starts_with("required"),
                    "{} {key} is not in the example",
                    kind.name
                );
            }
        }
    }
}
