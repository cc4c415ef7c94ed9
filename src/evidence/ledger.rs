//! The archives of one project, as its log has them at a leaf: what [`policy::prune`](crate::policy::prune) judges.

use crate::evidence::receipt::pack_name;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::log::event::Told;
use crate::policy::prune::{Archive, Moment};
use std::collections::HashMap;

/// The archives of one project, releases and backups apart.
#[derive(Clone, Debug, Default)]
pub struct Ledger<'l> {
    releases: Archives<'l>,
    backups: Archives<'l>,
}

/// The archives of one kind, each with the index of its name.
#[derive(Clone, Debug, Default)]
struct Archives<'l> {
    all: Vec<Archive<'l>>,
    by_name: HashMap<&'l str, usize>,
}

impl<'l> Ledger<'l> {
    /// Enters the leaf of this place in the log, and what its statement says.
    pub fn enter(&mut self, index: u64, leaf: &'l Leaf, told: &'l Told) {
        let moment = Moment { time: leaf.time, leaf: index };
        let named = &*leaf.name;
        match leaf.what {
            What::Sealed => self.releases.put(named, moment, &told.bases),
            What::BackedUp => self.backups.put(named, moment, &told.bases),
            What::Unchanged => self.change(named, |archive| archive.moments.push(moment)),
            What::Verified => {
                for archive in &told.subjects {
                    let name = pack_name(&archive.name).unwrap_or(&archive.name);
                    self.change(name, |archive| archive.verified = Some(index));
                }
            }
            What::Drilled => self.change(named, |archive| {
                archive.is_doubtful = !told.passed;
                archive.drilled = if told.passed { Some(index) } else { archive.drilled };
            }),
            What::Pruned => self.change(named, |archive| archive.is_gone = true),
            What::Approved | What::Waived | What::Gated => {}
        }
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
    /// An archive that was put into the store; one that was pruned and is put there again is there again.
    fn put(&mut self, name: &'l str, moment: Moment, bases: &'l [String]) {
        let bases: Vec<&'l str> = bases.iter().map(String::as_str).collect();
        if let Some(archive) = self.by_name.get(name).and_then(|&at| self.all.get_mut(at)) {
            archive.moments.push(moment);
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
