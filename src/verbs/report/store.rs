//! What a page about a store shows: from a log that was checked, statements that verify, and reports that are the ones
//! which were signed. No archive is read.

use crate::error::Result;
use crate::evidence::held::Held;
use crate::evidence::ledger::Ledger;
use crate::evidence::logged::{self, Judging, Logged};
use crate::evidence::pruned::{self, Retention};
use crate::evidence::settled::settle;
use crate::evidence::stored;
use crate::finding::{Outcome, Verdict};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::statement::Subject;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::event::Told;
use crate::log::state::State;
use crate::policy::Policy;
use crate::policy::prune::Archive;
use crate::report::outcome::OutcomeDocument;
use crate::report::store::{ArchiveFacts, EventFacts, Limits, PruneFacts, ReportRef, StoreFacts};
use crate::store::Store;
use crate::verbs::prune::{self, Judged};
use crate::verbs::report::drills::Reports;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What is kept in a store.
const KINDS: [Kind; 2] = [Kind::Release, Kind::Backup];

/// Which store, and by what it is judged.
pub struct Request<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Who may sign what lies there.
    pub trust: &'a Trust,
    /// Which log it must be; `None` takes the one that is there.
    pub origin: Option<&'a str>,
    /// What this host remembers, and the present.
    pub state: State<'a>,
    /// Whether it may be the first time that this host sees it.
    pub first: bool,
    /// The policy that says how often what is to be done.
    pub policy: Option<&'a Policy>,
    /// Whose leaves count; `None`: those of every project in the store.
    pub project: Option<&'a str>,
    /// What it keeps.
    pub retention: Option<&'a Retention>,
}

/// What earlier looks have read.
#[derive(Default)]
pub struct Earlier {
    reports: Reports,
    /// Statements that were verified, and the trust by which they were.
    statements: Option<(Trust, Arc<Logged>)>,
}

impl Earlier {
    /// Lets every statement be fetched and verified again: one may be gone or altered without a leaf.
    pub fn forget_statements(&mut self) {
        self.statements = None;
    }

    /// What was verified by this trust.
    fn verified(&self, trust: &Trust) -> Option<&Logged> {
        self.statements.as_ref().filter(|(by, _)| by == trust).map(|(_, logged)| &**logged)
    }
}

/// Looks at a store. It ends soon after the store's watch is told so; `earlier` spares whoever looks again what it has read.
pub fn look(request: &Request<'_>, earlier: &mut Earlier) -> Result<(StoreFacts, Outcome)> {
    let mut outcome = Outcome::default();
    let log = Log { store: request.store, trust: request.trust, origin: request.origin };
    let judging = Judging { log, state: request.state, first: request.first };
    let before = earlier.verified(request.trust);
    let mut logged = logged::check_after(&judging, before, &mut outcome)?.map(Arc::new);
    if let Some(seen) = logged.take() {
        let (began, held) = (Instant::now(), Held::default());
        let clock = || request.state.now + began.elapsed();
        let settled = settle(&judging, &clock, &held, seen, &mut outcome)?;
        if let Some(logged) = &settled.logged {
            pruned::check(logged, request.retention, settled.now, &mut outcome);
            stored::conclude(&settled.held, settled.findings, &mut outcome);
        }
        logged = settled.logged;
    }
    let mut facts = StoreFacts {
        store: request.store.place().to_owned(),
        origin: logged.as_ref().map(|logged| logged.leaves.head.checkpoint().origin.clone()),
        project: request.project.map(str::to_owned),
        looked_at: request.state.now,
        limits: limits(request.policy),
        leaves: logged.as_ref().map_or(0, |logged| logged.leaves.head.size()),
        events: Vec::new(),
        archives: Vec::new(),
        drills: Vec::new(),
        prune: None,
        prune_says: String::new(),
        outcome: OutcomeDocument::new(&outcome),
    };
    (facts.prune, facts.prune_says) = pruned_next(request, &log, logged.as_deref(), &outcome)?;
    if let Some(logged) = &logged {
        tell(request, logged, &mut earlier.reports, &mut facts, &mut outcome)?;
    }
    earlier.statements = logged.map(|logged| (request.trust.clone(), logged));
    facts.outcome = OutcomeDocument::new(&outcome);
    Ok((facts, outcome))
}

/// What the next prune takes, and by which policy; or why that is not known.
fn pruned_next(
    request: &Request<'_>,
    log: &Log<'_>,
    logged: Option<&Logged>,
    outcome: &Outcome,
) -> Result<(Option<Vec<PruneFacts>>, String)> {
    let (Some(policy), Some(retention)) = (request.policy, request.retention) else {
        return Ok((None, "no policy was named that says what is kept".to_owned()));
    };
    let Some(logged) = logged.filter(|_| outcome.verdict() == Verdict::Holds) else {
        return Ok((None, "the log does not hold, and by it would be decided".to_owned()));
    };
    let planned = prune::plan_by(logged, log, &request.state, retention, request.state.now)?;
    let fact = |judged: &Judged| PruneFacts {
        name: judged.name.clone(),
        bytes: (judged.bytes > 0).then_some(judged.bytes),
        why: format!("{}: no rule keeps it", judged.kind),
    };
    Ok((Some(planned.deleted.iter().map(fact).collect()), format!("by policy {}", policy.name)))
}

/// What is asked of a store: by a policy, or by what policies ask that say nothing else.
fn limits(policy: Option<&Policy>) -> Limits {
    let backup = policy.map(|policy| policy.backup.clone()).unwrap_or_default();
    let drill = policy.map(|policy| policy.drill.clone()).unwrap_or_default();
    Limits {
        of: policy.map_or_else(
            || "defaults, as no policy was named".to_owned(),
            |policy| format!("policy {}", policy.name),
        ),
        backup_max_age_s: backup.max_age_s,
        verify_within_s: backup.verify_within_s,
        drill_every_s: drill.every_s,
        rto_ms: drill.rto_s.map(|seconds| seconds.saturating_mul(1000)),
        rpo_ms: drill.rpo_s.map(|seconds| seconds.saturating_mul(1000)),
    }
}

/// Events, archives and drills of the project.
fn tell(
    request: &Request<'_>,
    logged: &Logged,
    reports: &mut Reports,
    facts: &mut StoreFacts,
    outcome: &mut Outcome,
) -> Result<()> {
    let wanted = facts.project.clone();
    let is_wanted = |leaf: &Leaf| wanted.as_ref().is_none_or(|project| *project == leaf.project);
    let leaves = logged.leaves.leaves.iter().zip(&logged.told).zip(0..);
    // What a leaf of one project says of an archive is no word on another's.
    let mut ledgers: BTreeMap<&str, Ledger<'_>> = BTreeMap::new();
    for ((leaf, told), index) in leaves.filter(|((leaf, _), _)| is_wanted(leaf)) {
        facts.events.push(event(index, leaf, told.as_ref()));
        let ledger = ledgers.entry(&leaf.project).or_insert_with(|| Ledger::at(request.state.now));
        ledger.enter(index, leaf, told.as_ref());
    }
    let all = ledgers.values().flat_map(|ledger| KINDS.map(|kind| (kind, ledger.archives(kind))));
    let there = all.flat_map(|(kind, archives)| archives.iter().map(move |archive| (kind, archive)));
    let mut archives: Vec<(u64, ArchiveFacts)> = there
        .filter(|(_, archive)| !archive.is_gone)
        .filter_map(|(kind, entered)| archive(logged, kind, entered))
        .collect();
    archives.sort_by_key(|(put, _)| *put);
    facts.archives = archives.into_iter().map(|(_, archive)| archive).collect();
    facts.drills = reports.of(request.store, &mut facts.events, outcome)?;
    Ok(())
}

/// An archive that lies there by what the log says, what was done with it, and the leaf that put it there.
fn archive(logged: &Logged, kind: Kind, entered: &Archive<'_>) -> Option<(u64, ArchiveFacts)> {
    let leaf = |index: u64| logged.leaves.leaves.get(index as usize);
    let told = |index: u64| logged.told.get(index as usize)?.as_ref();
    let is_put = |index: &u64| leaf(*index).is_some_and(|leaf| leaf.what != What::Unchanged);
    let put = entered.moments.iter().map(|moment| moment.leaf).rfind(is_put)?;
    let made = leaf(put)?;
    let facts = ArchiveFacts {
        name: made.name.clone(),
        project: made.project.clone(),
        kind,
        made_at: made.time,
        bytes: told(put).and_then(|told| told.size_bytes),
        // Not one byte was read before this.
        verified_at: entered.verified.and_then(|at| told(at)?.read_from.or(leaf(at).map(|leaf| leaf.time))),
        drilled_at: entered.drilled.and_then(leaf).map(|leaf| leaf.time),
    };
    Some((put, facts))
}

fn event(index: u64, leaf: &Leaf, told: Option<&Told>) -> EventFacts {
    EventFacts {
        index,
        what: leaf.what,
        project: leaf.project.clone(),
        name: leaf.name.clone(),
        time: leaf.time,
        passed: told.map(|told| told.passed),
        by: told.map(|told| told.role.clone()),
        report: told.and_then(|told| match leaf.what {
            What::Verified => report(told),
            // Its folder is learnt by whoever finds it there.
            What::Drilled => Some(ReportRef { name: told.drill_id.clone()?, ..report(told)? }),
            _ => None,
        }),
    }
}

/// The report among the subjects of a statement: archives are not JSON.
fn report(told: &Told) -> Option<ReportRef> {
    let find = |subject: &Subject| {
        let name = subject.name.strip_suffix(".json")?.to_owned();
        Some(ReportRef { name, sha256: subject.digest.sha256.to_string() })
    };
    told.subjects.iter().find_map(find)
}
