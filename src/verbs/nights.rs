//! What a store's log says of a project's backups and drills: which is the newest good one, how far they lie apart, and
//! what was drilled last.

use crate::error::{Error, Result};
use crate::evidence::ledger::Ledger;
use crate::finding::{Code, Finding};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::drill_report::{DrillReport, FILE, Previous, REPORT_BYTES_MAX};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Receipt;
use crate::format::statement::{Predicate, Statement};
use crate::format::test_result::TestResult;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};
use crate::log::Log;
use crate::log::event::Told;
use crate::log::state::State;
use crate::policy::prune::{Archive, Moment};
use crate::store::{ObjectName, Store};
use crate::verbs::report::drills::Shelves;
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
        let refused = match self.newest_good(as_of)? {
            Ok((night, _)) => return Ok(night),
            Err(refused) => refused,
        };
        if !refused.is_empty() {
            return Err(Error::Refused(refused));
        }
        let before = as_of.map_or_else(String::new, |at| format!(" of {at} or before"));
        let message = format!("the log of {} has no backup{before}", self.place.place());
        Err(Error::input(message, "attestar log list says what there is"))
    }

    /// The newest good backup, and of when it is at the latest; `None` without one. What was captured is of a moment between the
    /// backup's begin and its end: the begin loses nothing. A leaf `unchanged` says that it still was all there was.
    pub fn newest_capture(&self) -> Result<Option<Night>> {
        let Ok((night, leaf)) = self.newest_good(None)? else { return Ok(None) };
        let leaf = &self.leaves[leaf as usize];
        let receipt = match leaf.what {
            What::BackedUp => self.statement::<Receipt>(leaf, Right::Receipt)?,
            _ => None,
        };
        let at = receipt.map_or(night.at, |receipt| receipt.predicate().evaluated_at);
        Ok(Some(Night { at, ..night }))
    }

    /// The newest good backup with the leaf that says so; else what is wrong with those that are none.
    fn newest_good(&self, as_of: Option<Timestamp>) -> Result<Result<(Night, u64), Vec<Finding>>> {
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
                Ok(_) => {
                    let night = Night { name: archive.name.to_owned(), at: moment.time };
                    return Ok(Ok((night, moment.leaf)));
                }
                Err(findings) => refused.extend(findings),
            }
        }
        Ok(Err(refused))
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

    /// The drills, the last one first, each with when it ended.
    pub fn drills(&self) -> impl Iterator<Item = Result<(Previous, Timestamp)>> {
        let drills: Vec<u64> = self.ledger().drills().collect();
        drills.into_iter().filter_map(|index| self.drill(index).transpose())
    }

    fn drill(&self, index: u64) -> Result<Option<(Previous, Timestamp)>> {
        let leaf = &self.leaves[index as usize];
        let Ok(told) = self.told(index)? else { return Ok(None) };
        let report = told.subjects.iter().find(|subject| subject.name == FILE);
        let said = self.statement::<TestResult>(leaf, Right::Drill)?;
        let (Some(report), Some(said)) = (report, said) else { return Ok(None) };
        let drill_id = said.predicate().drill.drill_id.clone();
        Ok(Some((Previous { drill_id, sha256: report.digest.sha256 }, leaf.time)))
    }

    /// When the last drill ended that measured a recovery point. One that came to no archive, or to a release, told of no gap.
    pub fn measured_until(&self) -> Result<Option<Timestamp>> {
        let mut drills = self.drills().peekable();
        if drills.peek().is_none() {
            return Ok(None);
        }
        let shelves = Shelves::of(self.place)?;
        for drill in drills {
            let (drill, ended) = drill?;
            if self.report_of(&drill, &shelves)?.is_some_and(|report| measured_rpo(&report)) {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// The report of a drill, if it is there and the one that was signed.
    fn report_of(&self, drill: &Previous, shelves: &Shelves) -> Result<Option<DrillReport>> {
        for entry in shelves.at(self.project().unwrap_or_default(), &drill.drill_id) {
            let Some((bytes, _)) = self.place.get(&entry.name, REPORT_BYTES_MAX)? else { continue };
            if Sha256::of(&bytes) == drill.sha256 {
                return Ok(DrillReport::parse(&bytes).ok());
            }
        }
        Ok(None)
    }

    fn statement<P: Predicate>(&self, leaf: &Leaf, right: Right) -> Result<Option<Verified<Statement<P>>>> {
        let path = leaf.event_path();
        let Some((bundle, _)) = self.place.get(&ObjectName::new(&path)?, BUNDLE_BYTES_MAX)? else {
            return Ok(None);
        };
        let expect = Expect { file: &path, right, project: Some(&leaf.project), kind: None };
        Ok(self.trust.verify::<P>(&bundle, expect, Some(leaf.time)).ok())
    }
}

fn measured_rpo(report: &DrillReport) -> bool {
    report.objectives.rpo().is_some_and(|rpo| rpo.measured_ms.is_some())
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
