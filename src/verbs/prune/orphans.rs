//! Backups that lie in the store and that the log will never know: an archive that came without its receipt, or one that
//! counts on what was pruned before it could be logged itself. Nobody can restore from it, and the host that put it there may
//! not be the one that can take it away.

use super::shelf::{Shelf, locked_until};
use super::{Due, Judged};
use crate::error::Result;
use crate::evidence::logged::Logged;
use crate::evidence::receipt::{self, SUFFIX};
use crate::evidence::stored::{ARCHIVES, GRACE, Register, is_backup_of};
use crate::finding::{Code, Finding};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::store::{Entry, ObjectName, Store};
use jiff::Timestamp;

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
    /// Archives without a receipt: nothing that a leaf could be of.
    pub(super) bare: Vec<ObjectName>,
    /// What the store has locked.
    pub(super) warnings: Vec<Finding>,
}

impl Search<'_> {
    /// All that have lain there for so long that nobody can be at them any more.
    pub(super) fn orphans(&self) -> Result<Orphans> {
        let (mut found, register) = (Orphans::default(), Register::of(self.logged));
        for (entry, name) in self.shelf.archives(ARCHIVES) {
            let is_old = self.now.duration_since(entry.modified) > GRACE;
            let has_leaf = |what: What| {
                self.logged.leaves.leaves.iter().any(|leaf| leaf.what == what && leaf.name == name)
            };
            if !is_backup_of(self.project, name) || !is_old || has_leaf(What::BackedUp) {
                continue;
            }
            let objects = self.shelf.objects(Kind::Backup, entry.name.file_name(), name);
            let orphan = self.orphan(entry, name, &register, objects.clone())?;
            if matches!(orphan, Orphan::MayBeLogged) {
                continue;
            }
            if let Some(until) = locked_until(self.store, &objects)? {
                found.warnings.push(Finding::warning(Code::Locked, name).actual(format!("until {until}")));
                continue;
            }
            match orphan {
                Orphan::Unfounded(_) if has_leaf(What::Pruned) => found.unfinished.extend(objects),
                Orphan::Unfounded(due) => found.due.push(due),
                Orphan::Bare => found.bare.extend(objects),
                Orphan::MayBeLogged => {}
            }
        }
        Ok(found)
    }

    fn orphan(
        &self,
        entry: &Entry,
        name: &str,
        register: &Register<'_>,
        objects: Vec<ObjectName>,
    ) -> Result<Orphan> {
        let file = entry.name.file_name();
        let receipt = ObjectName::new(&format!("{}{SUFFIX}", entry.name))?;
        let Some((bundle, _)) = self.store.get(&receipt, BUNDLE_BYTES_MAX)? else { return Ok(Orphan::Bare) };
        let Ok(receipt) = receipt::verify(&self.logged.trust, file, Some(&bundle)) else {
            return Ok(Orphan::MayBeLogged);
        };
        let said = receipt.predicate();
        let subject = receipt.statement().subject.first();
        let Some(subject) = subject.filter(|_| register.fallen(&said.bases).is_some()) else {
            return Ok(Orphan::MayBeLogged);
        };
        let sha256 = subject.digest.sha256;
        let judged = Judged {
            name: name.to_owned(),
            kind: Kind::Backup,
            time: said.created_at,
            bytes: self.shelf.bytes(&objects),
            kept: None,
        };
        Ok(Orphan::Unfounded(Due { judged, archive: (file.to_owned(), sha256), objects }))
    }
}

enum Orphan {
    /// It came without its receipt.
    Bare,
    /// It counts on what was pruned.
    Unfounded(Due),
    /// The next backup logs it; or its receipt is none, which is not for a prune to hide.
    MayBeLogged,
}
