//! The archives of one project, as its log has them at a leaf: the one reading of the log that pruning, drills, the nightly
//! check and the pages share. What may go is judged by [`policy::prune`](crate::policy::prune).

use crate::evidence::receipt::pack_name;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::moment::SKEW;
use crate::log::event::Told;
use crate::policy::prune::{Archive, Moment};
use jiff::Timestamp;
use std::collections::HashMap;

/// The archives of one project, releases and backups apart.
#[derive(Clone, Debug, Default)]
pub struct Ledger<'l> {
    releases: Archives<'l>,
    backups: Archives<'l>,
    /// Drills, by their places in the log.
    drills: Vec<u64>,
    /// What is dated later is of the future; `None` where whoever asks judges dates himself.
    latest: Option<Timestamp>,
}

/// The archives of one kind, each with the index of its name.
#[derive(Clone, Debug, Default)]
struct Archives<'l> {
    all: Vec<Archive<'l>>,
    by_name: HashMap<&'l str, usize>,
}

impl<'l> Ledger<'l> {
    /// An empty one in which what is dated in the future counts for nothing: clocks may be [`SKEW`] apart.
    pub fn at(now: Timestamp) -> Ledger<'l> {
        Ledger { latest: Some(now + SKEW), ..Ledger::default() }
    }

    /// Enters the leaf of this place in the log, and what its statement says; `None` where that was not asked, so that the
    /// leaf alone is taken at its word.
    pub fn enter(&mut self, index: u64, leaf: &'l Leaf, told: Option<&'l Told>) {
        let moment = Moment { time: leaf.time, leaf: index };
        let named = &*leaf.name;
        let is_past = self.is_past(leaf.time);
        let passed = told.is_none_or(|told| told.passed);
        match leaf.what {
            What::Sealed => self.releases.put(named, moment, told),
            What::BackedUp => self.backups.put(named, moment, told),
            What::Unchanged if passed => self.change(named, |archive| archive.moments.push(moment)),
            What::Verified if is_past => {
                for archive in told.into_iter().flat_map(|told| &told.subjects) {
                    let name = pack_name(&archive.name).unwrap_or(&archive.name);
                    self.change(name, |archive| archive.verified = Some(index));
                }
            }
            What::Drilled if is_past => self.drill(named, index, told),
            What::Pruned => self.change(named, |archive| archive.is_gone = true),
            _ => {}
        }
    }

    fn drill(&mut self, name: &str, index: u64, told: Option<&Told>) {
        self.drills.push(index);
        let Some(told) = told else { return };
        self.change(name, |archive| {
            archive.is_doubtful = !told.passed;
            archive.drilled = if told.passed { Some(index) } else { archive.drilled };
        });
    }

    fn is_past(&self, time: Timestamp) -> bool {
        self.latest.is_none_or(|latest| time <= latest)
    }

    /// Every moment that an archive of a kind holds and that counts, in the order of the archives; of those that are gone,
    /// too.
    pub fn moments(&self, kind: Kind) -> impl Iterator<Item = (&Archive<'l>, Moment)> {
        self.all_moments(kind).filter(|(_, moment)| self.is_past(moment.time))
    }

    /// Those that are dated in the future.
    pub fn future(&self, kind: Kind) -> impl Iterator<Item = (&Archive<'l>, Moment)> {
        self.all_moments(kind).filter(|(_, moment)| !self.is_past(moment.time))
    }

    fn all_moments(&self, kind: Kind) -> impl Iterator<Item = (&Archive<'l>, Moment)> {
        let archives = self.archives(kind).iter();
        archives.flat_map(|archive| archive.moments.iter().map(move |moment| (archive, *moment)))
    }

    /// Drills that count, by their places in the log, the last one first.
    pub fn drills(&self) -> impl Iterator<Item = u64> {
        self.drills.iter().rev().copied()
    }

    /// The archives of a kind, in the order of the log; those that are gone, too.
    pub fn archives(&self, kind: Kind) -> &[Archive<'l>] {
        match kind {
            Kind::Release => &self.releases.all,
            Kind::Backup => &self.backups.all,
        }
    }

    /// What an archive is, and its place among those of its kind.
    pub fn find(&self, name: &str) -> Option<(Kind, usize)> {
        let release = self.releases.by_name.get(name).map(|&at| (Kind::Release, at));
        release.or_else(|| self.backups.by_name.get(name).map(|&at| (Kind::Backup, at)))
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Archive<'l>)) {
        let archive = match self.find(name) {
            Some((Kind::Release, at)) => self.releases.all.get_mut(at),
            Some((Kind::Backup, at)) => self.backups.all.get_mut(at),
            None => None,
        };
        if let Some(archive) = archive {
            change(archive);
        }
    }
}

impl<'l> Archives<'l> {
    /// An archive that was put into the store; one that was pruned and is put there again is there again. Who says of one that
    /// stands that it was put there once more takes nothing from what it needs.
    fn put(&mut self, name: &'l str, moment: Moment, told: Option<&'l Told>) {
        let mut bases: Vec<&'l str> =
            told.into_iter().flat_map(|told| &told.bases).map(String::as_str).collect();
        if let Some(archive) = self.by_name.get(name).and_then(|&at| self.all.get_mut(at)) {
            archive.moments.push(moment);
            if !archive.is_gone {
                let earlier: Vec<&str> =
                    archive.bases.iter().filter(|base| !bases.contains(base)).copied().collect();
                bases.extend(earlier);
            }
            archive.bases = bases;
            archive.is_gone = false;
            return;
        }
        self.by_name.insert(name, self.all.len());
        self.all.push(Archive {
            name,
            moments: vec![moment],
            bases,
            verified: None,
            drilled: None,
            is_doubtful: false,
            locked_until: None,
            is_gone: false,
        });
    }
}
