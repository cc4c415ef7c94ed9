//! What a page about a store shows: from a log that was checked, statements that verify, and reports that are the ones
//! which were signed. No archive is read.

use crate::error::Result;
use crate::evidence::logged::{self, Judging, Logged};
use crate::evidence::pruned::{self, Retention};
use crate::evidence::receipt::pack_name;
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
use crate::report::outcome::OutcomeDocument;
use crate::report::store::{ArchiveFacts, EventFacts, Limits, PruneFacts, ReportRef, StoreFacts};
use crate::store::Store;
use crate::verbs::prune::{self, Judged};
use crate::verbs::report::drills::Reports;
use std::collections::HashMap;

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
    /// What it keeps.
    pub retention: Option<&'a Retention>,
}

/// Looks at a store. It ends soon after the store's watch is told so; `reports` spares whoever looks again what it has read.
pub fn look(request: &Request<'_>, reports: &mut Reports) -> Result<(StoreFacts, Outcome)> {
    let mut outcome = Outcome::default();
    let log = Log { store: request.store, trust: request.trust, origin: request.origin };
    let judging = Judging { log, state: request.state, first: request.first };
    let logged = logged::check(&judging, &mut outcome)?;
    if let Some(logged) = &logged {
        pruned::check(logged, request.retention, request.state.now, &mut outcome);
        stored::check(request.store, logged, request.state.now, &mut outcome)?;
    }
    let project = request.policy.and_then(|policy| policy.project.clone());
    let mut facts = StoreFacts {
        store: request.store.place().to_owned(),
        origin: logged.as_ref().map(|logged| logged.leaves.head.checkpoint().origin.clone()),
        project,
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
    if let Some(logged) = &logged {
        tell(request, logged, reports, &mut facts)?;
    }
    (facts.prune, facts.prune_says) = pruned_next(request, &log, &outcome)?;
    Ok((facts, outcome))
}

/// What the next prune takes, and by which policy; or why that is not known.
fn pruned_next(
    request: &Request<'_>,
    log: &Log<'_>,
    outcome: &Outcome,
) -> Result<(Option<Vec<PruneFacts>>, String)> {
    let (Some(policy), Some(retention)) = (request.policy, request.retention) else {
        return Ok((None, "no policy was named that says what is kept".to_owned()));
    };
    if outcome.verdict() != Verdict::Holds {
        return Ok((None, "the log does not hold, and by it would be decided".to_owned()));
    }
    let planned = prune::plan(log, &request.state, retention, request.state.now)?;
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
fn tell(request: &Request<'_>, logged: &Logged, reports: &mut Reports, facts: &mut StoreFacts) -> Result<()> {
    let wanted = facts.project.clone();
    let is_wanted = |leaf: &Leaf| wanted.as_ref().is_none_or(|project| *project == leaf.project);
    let leaves = logged.leaves.leaves.iter().zip(&logged.told).enumerate();
    let mut archives = Archives::default();
    for (index, (leaf, told)) in leaves.filter(|(_, (leaf, _))| is_wanted(leaf)) {
        facts.events.push(event(index as u64, leaf, told.as_ref()));
        archives.see(leaf, told.as_ref());
    }
    facts.archives = archives.made.into_iter().flatten().collect();
    facts.drills = reports.of(request.store, wanted.as_deref(), &mut facts.events)?;
    Ok(())
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
        report: told.filter(|_| matches!(leaf.what, What::Verified | What::Drilled)).and_then(report),
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

/// The archives that lie there by what the log says, and what was done with each.
#[derive(Default)]
struct Archives {
    /// In the order of the log; what was pruned leaves a gap.
    made: Vec<Option<ArchiveFacts>>,
    /// Where each stands, by name.
    places: HashMap<String, usize>,
}

impl Archives {
    fn see(&mut self, leaf: &Leaf, told: Option<&Told>) {
        let kind = match leaf.what {
            What::Sealed => Kind::Release,
            What::BackedUp => Kind::Backup,
            What::Pruned => {
                let place = self.places.remove(&leaf.name);
                return place.into_iter().for_each(|at| self.made[at] = None);
            }
            What::Verified | What::Drilled => return self.done(leaf, told),
            _ => return,
        };
        self.places.insert(leaf.name.clone(), self.made.len());
        self.made.push(Some(ArchiveFacts {
            name: leaf.name.clone(),
            project: leaf.project.clone(),
            kind,
            made_at: leaf.time,
            bytes: told.and_then(|told| told.size_bytes),
            verified_at: None,
            drilled_at: None,
        }));
    }

    /// Notes that the archives of a statement were read again and held, or that the drill of one passed.
    fn done(&mut self, leaf: &Leaf, told: Option<&Told>) {
        let counts = |told: &&Told| told.passed || leaf.what == What::Verified;
        for subject in told.filter(counts).iter().flat_map(|told| &told.subjects) {
            let place = pack_name(&subject.name).and_then(|name| self.places.get(name));
            let Some(archive) = place.and_then(|at| self.made[*at].as_mut()) else { continue };
            match leaf.what {
                // Not one byte was read before this.
                What::Verified => {
                    archive.verified_at = told.and_then(|told| told.read_from).or(Some(leaf.time))
                }
                _ => archive.drilled_at = Some(leaf.time),
            }
        }
    }
}
