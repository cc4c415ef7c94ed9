//! `log`: what a store's log says, whether it is whole, and proofs of what is in it.

use crate::error::{Error, Result};
use crate::evidence::held::Held;
use crate::evidence::logged::{self, Judging, Logged};
use crate::evidence::pruned::{self, Retention};
use crate::evidence::settled::settle;
use crate::evidence::stored;
use crate::finding::{Code, Finding, Outcome};
use crate::format::leaf::{Leaf, What};
use crate::format::nearest::nearest;
use crate::format::tlog::proof_file::ProofFile;
use crate::keys::trust::Trust;
use crate::log::read::Leaves;
use crate::log::state::State;
use crate::log::{CHECKPOINT, Log};
use crate::store::Store;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;

/// Which log, and by what it is judged.
pub struct Request<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Who may sign checkpoints and statements.
    pub trust: &'a Trust,
    /// Which log it must be; `None` takes the one that is there.
    pub origin: Option<&'a str>,
    /// What this host remembers, and the present.
    pub state: State<'a>,
    /// By what prunes are judged; without it they are not.
    pub retention: Option<&'a Retention>,
}

impl<'a> Request<'a> {
    fn log(&self) -> Log<'a> {
        Log { store: self.store, trust: self.trust, origin: self.origin }
    }
}

/// Every leaf, in order. The log is compared with what this host remembers of it, where it remembers anything.
pub fn list(request: &Request<'_>) -> Result<Leaves> {
    match request.state.read(&request.log())? {
        Some(known) => Ok(known.leaves),
        None => {
            let finding = Finding::new(Code::NothingChecked, CHECKPOINT);
            Err(Error::refused(finding.actual(format!("there is no log in {}", request.store.place()))))
        }
    }
}

/// What `log verify` found out.
pub struct Verified {
    /// Checks and findings.
    pub outcome: Outcome,
    /// How many leaves the log has, if it is whole.
    pub leaves: Option<u64>,
}

/// Checks everything that can be without reading an archive. `first` admits that this host remembers nothing.
pub fn verify(request: &Request<'_>, first: bool) -> Result<Verified> {
    let judging = Judging { log: request.log(), state: request.state, first };
    let (began, mut outcome) = (Instant::now(), Outcome::default());
    let clock = || request.state.now + began.elapsed();
    let Some(logged) = logged::check(&judging, &mut outcome)? else {
        return Ok(Verified { outcome, leaves: None });
    };
    let settled = settle(&judging, &clock, &Held::default(), Arc::new(logged), &mut outcome)?;
    if let Some(logged) = &settled.logged {
        judge_prunes(request, logged, settled.now, &mut outcome)?;
        stored::conclude(&settled.held, settled.findings, &mut outcome);
    }
    Ok(Verified { outcome, leaves: settled.logged.map(|logged| logged.leaves.head.size()) })
}

/// Runs the check `pruned`. What holds now need not be judged again by a policy of later.
pub fn judge_prunes(
    request: &Request<'_>,
    logged: &Logged,
    now: Timestamp,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut judged = Outcome::default();
    pruned::check(logged, request.retention, now, &mut judged);
    if request.retention.is_some() && judged.errors().next().is_none() {
        request.state.remember_judged(request.store.place(), logged.leaves.head.size())?;
    }
    outcome.append(judged);
    Ok(())
}

/// A proof, and of what.
pub struct Proof {
    /// The leaf.
    pub leaf: Leaf,
    /// How many leaves the log has.
    pub size: u64,
    /// The file.
    pub file: ProofFile,
}

/// Proves that the receipt of an archive is in the log.
pub fn prove(request: &Request<'_>, name: &str) -> Result<Proof> {
    let leaves = list(request)?;
    prove_in(&leaves, name).ok_or_else(|| {
        let names = leaves.leaves.iter().filter(is_archive).map(|leaf| &*leaf.name);
        let near = nearest(name, names).map(|near| format!("did you mean {near}?"));
        let message = format!("the log of {} has no archive {name}", request.store.place());
        Error::input(message, near.unwrap_or_else(|| "attestar log list".to_owned()))
    })
}

/// The same of a log that was read before; nothing if it has no such archive.
pub fn prove_in(leaves: &Leaves, name: &str) -> Option<Proof> {
    let index = leaves.leaves.iter().rposition(|leaf| leaf.name == name && is_archive(&leaf))?;
    let file = leaves.prove(index as u64);
    Some(Proof { leaf: leaves.leaves[index].clone(), size: leaves.head.size(), file })
}

fn is_archive(leaf: &&Leaf) -> bool {
    matches!(leaf.what, What::Sealed | What::BackedUp)
}
