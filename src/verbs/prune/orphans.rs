//! Backups that lie in the store and that the log will never know: an archive that came without its receipt, a receipt whose
//! archive is gone, or an archive that counts on what was pruned before it could be logged itself. Nobody can restore from it, and the host that put it there may
//! not be the one that can take it away.

use super::shelf::{Shelf, locked_until};
use super::{Due, Judged};
use crate::error::Result;
use crate::evidence::halves;
use crate::evidence::logged::Logged;
use crate::evidence::receipt::{self, RECEIPT_BYTES_MAX, SUFFIX};
use crate::evidence::register::Register;
use crate::evidence::stored::{ARCHIVES, is_backup_of, is_left};
use crate::finding::{Code, Finding};
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::store::{Entry, ObjectName, Store};
use jiff::Timestamp;
use std::collections::HashSet;

/// Where to look, and for whose.
pub(super) struct Search<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) logged: &'a Logged,
    pub(super) shelf: &'a Shelf,
    pub(super) project: &'a str,
    pub(super) now: Timestamp,
}

/// What was found.
#[derive(Default)]
pub(super) struct Orphans {
    /// To be logged as pruned, and deleted.
    pub(super) due: Vec<Due>,
    /// What an earlier run has logged as pruned.
    pub(super) unfinished: Vec<ObjectName>,
    /// Archives without a receipt, and receipts without an archive: nothing that a leaf could be of.
    pub(super) halves: Vec<ObjectName>,
    /// What the store has locked.
    pub(super) warnings: Vec<Finding>,
}

impl Search<'_> {
    /// All that have lain there for so long that nobody can be at them any more.
    pub(super) fn orphans(&self) -> Result<Orphans> {
        let (mut found, register) = (Orphans::default(), Register::of(self.logged));
        let (backed_up, pruned) = (self.names(What::BackedUp), self.names(What::Pruned));
        for half in halves::left(self.shelf.entries(ARCHIVES), self.project, &backed_up, self.now) {
            let objects = vec![half.name.clone()];
            if !self.is_locked(half.name.as_str(), &objects, &mut found)? {
                found.halves.extend(objects);
            }
        }
        for (entry, name) in self.shelf.archives(ARCHIVES) {
            let is_open = is_backup_of(self.project, name) && !backed_up.contains(name);
            if !is_open || !is_left(entry, self.now) {
                continue;
            }
            let Some(due) = self.unfounded(entry, name, &register)? else { continue };
            if self.is_locked(name, &due.objects, &mut found)? {
                continue;
            }
            match pruned.contains(name) {
                true => found.unfinished.extend(due.objects),
                false => found.due.push(due),
            }
        }
        Ok(found)
    }

    /// The names of the project's leaves of a kind.
    fn names(&self, what: What) -> HashSet<&str> {
        let leaves = self.logged.leaves.leaves.iter();
        let own = leaves.filter(|leaf| leaf.what == what && leaf.project == self.project);
        own.map(|leaf| &*leaf.name).collect()
    }

    /// Whether the store does not let these go yet, which is said.
    fn is_locked(&self, subject: &str, objects: &[ObjectName], found: &mut Orphans) -> Result<bool> {
        let until = locked_until(self.store, objects)?;
        let locked =
            until.map(|until| Finding::warning(Code::Locked, subject).actual(format!("until {until}")));
        found.warnings.extend(locked);
        Ok(until.is_some())
    }

    /// An archive that counts on what does not stand. Any other one the next backup logs; or its receipt is none, which is not
    /// for a prune to hide.
    fn unfounded(&self, entry: &Entry, name: &str, register: &Register<'_>) -> Result<Option<Due>> {
        let file = entry.name.file_name();
        let receipt = ObjectName::new(&format!("{}{SUFFIX}", entry.name))?;
        let there = self.shelf.size(&receipt).filter(|size| *size <= RECEIPT_BYTES_MAX as u64);
        if there.is_none() {
            return Ok(None);
        }
        let Some((bundle, _)) = self.store.get(&receipt, RECEIPT_BYTES_MAX)? else { return Ok(None) };
        let Ok(receipt) = receipt::verify(&self.logged.trust, file, Some(&bundle)) else { return Ok(None) };
        let said = receipt.predicate();
        let subject = receipt.statement().subject.first();
        let is_own = said.project == self.project && register.fallen(&said.bases).is_some();
        let Some(subject) = subject.filter(|_| is_own) else { return Ok(None) };
        let mut objects = self.shelf.objects(Kind::Backup, file, name);
        // No leaf put it there: what is left without its receipt is taken away all the same, a receipt alone would be nothing.
        objects.reverse();
        let judged = Judged {
            name: name.to_owned(),
            kind: Kind::Backup,
            time: said.created_at,
            bytes: self.shelf.bytes(&objects),
            kept: None,
        };
        Ok(Some(Due { judged, archive: (file.to_owned(), subject.digest.sha256), objects }))
    }
}
