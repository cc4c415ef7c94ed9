//! What a store's log says of a project's backups and drills: which is the newest good one, how far they lie apart, and
//! what was drilled last.

use crate::error::{Error, Result};
use crate::evidence::ledger::Ledger;
use crate::finding::{Code, Finding};
use crate::format::drill_report::{FILE, Previous};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::test_result::TestResult;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::Expect;
use crate::log::Log;
use crate::log::event::Told;
use crate::log::state::State;
use crate::policy::prune::{Archive, Moment};
use crate::store::{ObjectName, Store};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A backup that verifies, or the word that one still stands for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    /// The archive's pack, by name.
    pub name: String,
    /// When it was made, or found to be unchanged.
    pub at: Timestamp,
}

/// The leaves of a project. Of their statements only those are fetched and verified that an answer depends on: a log of years
/// has thousands, and the night of the incident needs one.
pub struct Nights<'a> {
    place: &'a dyn Store,
    origin: Option<&'a str>,
    /// With what this host saw before keys were revoked.
    trust: Trust,
    leaves: Vec<Leaf>,
    now: Timestamp,
    /// Backups that are dated in the future: they count for nothing.
    pub future: Vec<Finding>,
}

impl<'a> Nights<'a> {
    /// Reads the log, compares it with what this host remembers, and takes the leaves of a project. Without one the log
    /// must be of one project alone.
    pub fn read(log: Log<'a>, state: &State<'_>, project: Option<&str>) -> Result<Nights<'a>> {
        let Some(known) = state.read(&log)? else {
            let message = format!("there is no log in {}", log.store.place());
            return Err(Error::input(message, "attestar backup makes one"));
        };
        let all = known.leaves.leaves;
        let project = match project {
            Some(project) => project.to_owned(),
            None => only_project(&all, log.store.place())?,
        };
        let leaves: Vec<Leaf> = all.into_iter().filter(|leaf| leaf.project == project).collect();
        let now = state.now;
        let dated = |(archive, moment): (&Archive<'_>, Moment)| {
            let finding = Finding::new(Code::FutureDated, archive.name);
            finding.expected(format!("at most {now}")).actual(moment.time)
        };
        let future = ledger(&leaves, now).future(Kind::Backup).map(dated).collect();
        Ok(Nights { place: log.store, origin: log.origin, trust: known.trust, future, leaves, now })
    }

    fn ledger(&self) -> Ledger<'_> {
        ledger(&self.leaves, self.now)
    }

    /// What the statement of a leaf says, or what is wrong with it.
    fn told(&self, index: u64) -> Result<Result<Told, Vec<Finding>>> {
        self.log().told(&self.leaves[index as usize])
    }

    fn log(&self) -> Log<'_> {
        Log { store: self.place, trust: &self.trust, origin: self.origin }
    }

    /// Whose leaves they are; nothing if there is none.
    pub fn project(&self) -> Option<&str> {
        self.leaves.first().map(|leaf| &*leaf.project)
    }

    /// The newest backup that verifies, was not pruned, and is not of the future: as of a moment, if one is given.
    pub fn newest(&self, as_of: Option<Timestamp>) -> Result<Night> {
        let ledger = self.ledger();
        let is_candidate = |(archive, moment): &(&Archive<'_>, Moment)| {
            !archive.is_gone && as_of.is_none_or(|latest| moment.time <= latest)
        };
        let mut candidates: Vec<_> = ledger.moments(Kind::Backup).filter(is_candidate).collect();
        // Of two of one moment the one that was logged last.
        candidates.sort_by_key(|(_, moment)| Reverse((moment.time, moment.leaf)));
        let mut refused = Vec::new();
        for (archive, moment) in candidates {
            match self.told(moment.leaf)? {
                Ok(_) => return Ok(Night { name: archive.name.to_owned(), at: moment.time }),
                Err(findings) => refused.extend(findings),
            }
        }
        if !refused.is_empty() {
            return Err(Error::Refused(refused));
        }
        let before = as_of.map_or_else(String::new, |at| format!(" of {at} or before"));
        let message = format!("the log of {} has no backup{before}", self.place.place());
        Err(Error::input(message, "attestar log list says what there is"))
    }

    /// When an archive was last known to be all there is: it was made then, or nothing had changed since.
    pub fn stands_at(&self, name: &str) -> Result<Option<Timestamp>> {
        let ledger = self.ledger();
        let mut newest = None;
        for (_, moment) in ledger.moments(Kind::Backup).filter(|(archive, _)| archive.name == name) {
            if self.told(moment.leaf)?.is_ok() {
                newest = newest.max(Some(moment.time));
            }
        }
        Ok(newest)
    }

    /// The times of good backups from `since` on, and the last one before; in order.
    pub fn times(&self, since: Timestamp) -> Result<Vec<Timestamp>> {
        let ledger = self.ledger();
        let mut moments: Vec<Moment> = ledger.moments(Kind::Backup).map(|(_, moment)| moment).collect();
        moments.sort_by_key(|moment| Reverse(moment.time));
        let mut times = Vec::new();
        for moment in moments {
            if self.told(moment.leaf)?.is_err() {
                continue;
            }
            times.push(moment.time);
            if moment.time < since {
                break;
            }
        }
        times.reverse();
        Ok(times)
    }

    /// The drill before, and when it ended.
    pub fn previous_drill(&self) -> Result<Option<(Previous, Timestamp)>> {
        for index in self.ledger().drills() {
            let leaf = &self.leaves[index as usize];
            let Ok(told) = self.told(index)? else { continue };
            let report = told.subjects.iter().find(|subject| subject.name == FILE);
            let (Some(report), Some(drill_id)) = (report, self.drill_id(leaf)?) else { continue };
            return Ok(Some((Previous { drill_id, sha256: report.digest.sha256 }, leaf.time)));
        }
        Ok(None)
    }

    fn drill_id(&self, leaf: &Leaf) -> Result<Option<String>> {
        let path = leaf.event_path();
        let most = crate::format::bundle::BUNDLE_BYTES_MAX;
        let Some((bundle, _)) = self.place.get(&ObjectName::new(&path)?, most)? else { return Ok(None) };
        let expect = Expect { file: &path, right: Right::Drill, project: Some(&leaf.project), kind: None };
        let verified = self.trust.verify::<TestResult>(&bundle, expect, Some(leaf.time));
        Ok(verified.ok().map(|verified| verified.predicate().drill.drill_id.clone()))
    }
}

/// The leaves, taken at their word: whoever needs one asks what its statement says.
fn ledger(leaves: &[Leaf], now: Timestamp) -> Ledger<'_> {
    let mut ledger = Ledger::at(now);
    leaves.iter().zip(0..).for_each(|(leaf, index)| ledger.enter(index, leaf, None));
    ledger
}

fn is_backup(leaf: &Leaf) -> bool {
    matches!(leaf.what, What::BackedUp | What::Unchanged)
}

/// The project of a log that has one.
fn only_project(leaves: &[Leaf], place: &str) -> Result<String> {
    let projects: BTreeSet<&str> =
        leaves.iter().filter(|leaf| is_backup(leaf)).map(|leaf| &*leaf.project).collect();
    let mut names = projects.iter();
    match (names.next(), names.next()) {
        (Some(one), None) => Ok((*one).to_owned()),
        (None, _) => Err(Error::input(format!("the log of {place} has no backup"), "attestar log list")),
        _ => {
            let all: Vec<&str> = projects.into_iter().collect();
            let message = format!("{place} has backups of several projects: {}", all.join(", "));
            Err(Error::usage(message, "name one: attestar log list says what there is"))
        }
    }
}

/// The widest gap between two that follow each other.
pub fn widest_gap(times: &[Timestamp]) -> SignedDuration {
    let gaps = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    gaps.max().unwrap_or(SignedDuration::ZERO)
}
