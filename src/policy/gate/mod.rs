//! Gates: what must hold before a release may go. One file a kind; [`KINDS`] is the table of all.
//!
//! A gate is pure: it is parsed from a `[[gate]]` of the policy, and judges what [`Evidence`] gives it. Who gathers the
//! evidence (from the tree, or from a pack that an auditor holds) is no business of its own.

pub mod approvals;
pub mod backup;
pub mod changelog;
pub mod checklist;
pub mod clean;
pub mod command;
pub mod config;
pub mod ddl_order;
pub mod decision_log;
pub mod docs;
pub mod drill;
pub mod evidence;
mod flat;
pub mod fresh;
pub mod hashes;
pub mod incidents;
pub mod judged;
pub mod junit;
mod log;
pub mod markdown;
pub mod metric;
pub mod notes;
pub mod openapi;
mod parse;
mod pointer;
pub mod retention;
pub mod sarif;
pub mod schema;
pub mod secrets;
pub mod signed;
pub mod sources;
pub mod stage;
pub mod streak;
pub mod tag;
pub mod template;
pub mod version;
mod week;
pub mod window;
mod words;
mod zone;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

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
    /// What it is set to: all keys of its own, in one spelling. Two gates of one kind and of the same settings ask the
    /// same, whatever they are called.
    pub settings: String,
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
    tag::KIND,
    clean::KIND,
    hashes::KIND,
    changelog::KIND,
    notes::KIND,
    ddl_order::KIND,
    checklist::KIND,
    approvals::KIND,
    signed::KIND,
    window::KIND,
    fresh::KIND,
    junit::KIND,
    sarif::KIND,
    metric::KIND,
    schema::KIND,
    openapi::KIND,
    docs::KIND,
    config::KIND,
    decision_log::KIND,
    incidents::KIND,
    streak::KIND,
    backup::KIND,
    drill::KIND,
    secrets::KIND,
    retention::KIND,
    command::KIND,
];
