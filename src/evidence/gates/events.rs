//! What the log of the policy's store says happened, as gates ask it. The log is read whole and verified, and so is every
//! statement that could count: one that is missing or does not verify could be the one that says that something failed.

use crate::error::Error;
use crate::evidence::receipt::pack_name;
use crate::finding::Finding;
use crate::format::leaf::{Leaf, What};
use crate::log::Log;
use crate::log::event::Told;
use crate::log::state::State;
use crate::policy::gate::evidence::Event;

/// Reads the events of a project, or says in words why that cannot be. Nothing is read unless a gate asks.
pub type Reader<'a> = &'a dyn Fn(&str) -> Result<Vec<Event>, String>;

/// What no gate asks for.
const IGNORED: [What; 3] = [What::Approved, What::Waived, What::Gated];

/// Reads the events of a project, each verified by who may sign it.
pub fn read(log: &Log<'_>, state: &State<'_>, project: &str) -> Result<Vec<Event>, String> {
    if log.trust.is_empty() {
        return Err("nobody is trusted to have signed the log".to_owned());
    }
    let known = state.read(log).map_err(words)?;
    let known = known.ok_or_else(|| format!("there is no log in {}", log.store.place()))?;
    let log = Log { trust: &known.trust, ..*log };
    let mut events = Vec::new();
    for (index, leaf) in known.leaves.leaves.iter().enumerate() {
        if leaf.project != project || IGNORED.contains(&leaf.what) {
            continue;
        }
        let told = log.told(leaf).map_err(words)?;
        let told = told.map_err(|findings| format!("leaf {index}: {}", of(&findings)))?;
        events.extend(seen(leaf, &told));
    }
    Ok(events)
}

/// An event for each archive that was read again; else one, of the pack that the leaf names.
fn seen(leaf: &Leaf, told: &Told) -> Vec<Event> {
    let event = |archive: &str| Event {
        what: leaf.what.to_string(),
        at: leaf.time,
        passed: told.passed,
        archive: Some(archive.to_owned()),
        sha256: leaf.event,
    };
    if leaf.what == What::Verified {
        return told.subjects.iter().map(|one| event(pack_name(&one.name).unwrap_or(&one.name))).collect();
    }
    vec![event(&leaf.name)]
}

fn words(error: Error) -> String {
    match &error {
        Error::Refused(findings) => of(findings),
        _ => error.to_string(),
    }
}

/// The first of these in a line.
fn of(findings: &[Finding]) -> String {
    let Some(Finding { code, subject, actual, .. }) = findings.first() else { return String::new() };
    let actual = actual.as_ref().map(|actual| format!(": {actual}")).unwrap_or_default();
    format!("{code}: {subject}{actual}")
}
