//! A pending checkpoint by a key that was revoked before this host saw anything of it.
//!
//! It is not completed: nobody may believe it. Nor is it in the way. A writer tells whoever asked that a leaf is in the log
//! only once `log/checkpoint` says so, and that never goes back; so what is pending beyond the checkpoint was promised to
//! nobody, and the next writer replaces it as it would any earlier content of `log/pending`. The statements whose leaves are
//! dropped with it stay in the store: whoever still may can log them again.
//!
//! That holds only if its writer is dead: one that is merely slow would publish what is being dropped. So it is left alone until
//! it has lain there for longer than any append takes ([`QUIET`]).
//!
//! Its writer may have come so far as to put tiles in place. Its successor will give some of the same names other bytes, so
//! they are taken away first.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::checkpoint::Checkpoint;
use crate::format::note::{NOTE_BYTES_MAX, Note};
use crate::format::tlog::staged;
use crate::log::append::{Writer, staged_name};
use crate::log::read::Head;
use crate::log::{Log, PENDING, invalid, name};
use crate::store::{ObjectName, Revision};
use jiff::SignedDuration;

/// How long it has to have lain there. The steps of an append follow each other within seconds, on a bad line within minutes.
const QUIET: SignedDuration = SignedDuration::from_hours(1);

/// What `log/pending` holds.
pub(super) enum Pending {
    /// Nothing: there was no writer yet.
    Nothing,
    /// A checkpoint that is to be completed, if the log has not come so far.
    Next(Box<Head>),
    /// One that nobody may believe.
    Withdrawn(Withdrawn),
}

/// A checkpoint by a revoked key.
pub(super) struct Withdrawn {
    checkpoint: Checkpoint,
    revision: Revision,
    finding: Finding,
}

impl Pending {
    /// What it says, and which content of the object it is.
    pub(super) fn parts(&self) -> Option<(&Checkpoint, &Revision)> {
        match self {
            Pending::Nothing => None,
            Pending::Next(head) => Some((head.checkpoint(), &head.revision)),
            Pending::Withdrawn(withdrawn) => Some((&withdrawn.checkpoint, &withdrawn.revision)),
        }
    }
}

impl Log<'_> {
    /// What is pending. A checkpoint by an unknown key, or none at all, is an error.
    pub(super) fn pending(&self) -> Result<Pending> {
        let Some((note, revision)) = self.store.get(&ObjectName::new(PENDING)?, NOTE_BYTES_MAX)? else {
            return Ok(Pending::Nothing);
        };
        let finding = match self.trust.verify_checkpoint(&note, PENDING, self.origin) {
            Ok(signed) => return Ok(Pending::Next(Box::new(Head { note, signed, revision }))),
            Err(finding) if finding.code == Code::SignerRevoked => finding,
            Err(finding) => return Err(Error::refused(finding)),
        };
        let note = Note::parse(&note).map_err(|fault| invalid(PENDING, fault))?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(|fault| invalid(PENDING, fault))?;
        Ok(Pending::Withdrawn(Withdrawn { checkpoint, revision, finding }))
    }
}

impl Writer<'_> {
    /// Takes away the files of the log that only a withdrawn checkpoint has; gives what is to be said of it.
    pub(super) fn set_aside(&self, withdrawn: &Withdrawn, head: Option<&Head>) -> Result<Finding> {
        let store = self.log.store;
        self.is_quiet()?;
        for (path, bytes) in self.only_in(&withdrawn.checkpoint, head)? {
            let object = name(&path)?;
            if store
                .get(&object, bytes.len())
                .is_ok_and(|there| there.is_some_and(|(there, _)| there == bytes))
            {
                store.delete(&object).map_err(|error| may_not(error, &object))?;
            }
        }
        let leaves = withdrawn.checkpoint.size - head.map_or(0, Head::size);
        let why = withdrawn.finding.actual.as_deref().unwrap_or_default();
        let finding = Finding::warning(Code::Cleaned, PENDING);
        Ok(finding.actual(format!("{why}; it was never published, and its {leaves} new leaves are dropped")))
    }

    /// An error while its writer may still be at it.
    fn is_quiet(&self) -> Result<()> {
        let Some(entry) = self.log.store.head(&ObjectName::new(PENDING)?)? else { return Ok(()) };
        let until = entry.modified.saturating_add(QUIET).map_err(|error| invalid(PENDING, error))?;
        if self.state.now > until {
            return Ok(());
        }
        let message = format!("{PENDING} is by a key that was revoked, and its writer may still be at it");
        Err(Error::unavailable(message, format!("run it again after {until}: then it is set aside")))
    }

    /// The files that whoever completed it would have put in place. Of what does not lead to the tree that it signed, none are.
    fn only_in(&self, checkpoint: &Checkpoint, head: Option<&Head>) -> Result<Vec<(String, Vec<u8>)>> {
        let Some((bytes, _)) = self.log.store.get(&staged_name(checkpoint)?, staged::STAGED_BYTES_MAX)?
        else {
            return Ok(Vec::new());
        };
        let files = staged::parse(&bytes).unwrap_or_default();
        match self.follow(checkpoint, head, &files) {
            Ok(made) => Ok(made.into_iter().collect()),
            Err(Error::Refused(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// The error of a host that may not delete, and what to do about it.
fn may_not(error: Error, object: &ObjectName) -> Error {
    if !error.is_denied() {
        return error;
    }
    let message = format!("{object} is of a checkpoint by a revoked key, and this host may not delete it");
    Error::input(message, "whoever may runs once: attestar prune")
}

#[cfg(test)]
mod tests {
    use super::QUIET;
    use crate::error::Error;
    use crate::finding::Code;
    use crate::keys::trust::Trust;
    use crate::log::append::{Appended, Record};
    use crate::log::state::State;
    use crate::log::testing::{backup, hosts, key, log, names, tree, trust, writer};
    use crate::log::{CHECKPOINT, PENDING};
    use crate::store::memory::{Fault, Memory};
    use crate::store::{ObjectName, Store};
    use jiff::Timestamp;

    const MAY: &str = "may = [\"seal:backup\", \"receipt\", \"verify\", \"log\"]";

    /// Host 2 is no longer trusted.
    fn revoked() -> Trust {
        trust(MAY, &format!("{MAY}\nrevoked_at = 2026-11-02T00:00:00Z"))
    }

    /// A host that remembers nothing, long after.
    const LATER: State<'static> = State { folder: None, now: Timestamp::MAX };

    fn append(store: &dyn Store, trust: &Trust, host: u8, records: &[Record]) -> crate::Result<Appended> {
        writer(log(store, trust), &key(host), &LATER).append(records)
    }

    /// A log of host 1 with this many leaves.
    fn of_one(leaves: u64) -> Memory {
        let (store, records) = (Memory::new(), (0..leaves).map(backup).collect::<Vec<_>>());
        append(&store, &hosts(), 1, &records).unwrap();
        store.host()
    }

    #[test]
    fn what_a_revoked_writer_may_still_be_at_is_left_to_it() {
        let store = of_one(3);
        // Its first swap is the one of what is pending.
        let swap = {
            let store = of_one(3);
            append(&store, &hosts(), 2, &[backup(900)]).unwrap();
            store.calls().iter().position(|call| *call == format!("replace {PENDING}")).unwrap()
        };
        store.fault_at(swap, Fault::KilledAfter);
        append(&store, &hosts(), 2, &[backup(900)]).expect_err("it died");
        let (store, trust, key) = (store.host(), revoked(), key(1));
        let entry = store.head(&ObjectName::new(PENDING).unwrap()).unwrap().unwrap();
        let before = store.list("").unwrap().entries;
        let within = State { folder: None, now: entry.modified + QUIET };
        let error = writer(log(&store, &trust), &key, &within).complete().unwrap_err();
        assert!(
            matches!(&error, Error::Unavailable { .. }) && error.hint().contains("again after"),
            "{error}"
        );
        assert_eq!(store.list("").unwrap().entries, before, "nothing was touched");
        let after = State { now: entry.modified + QUIET * 2, ..within };
        assert!(writer(log(&store, &trust), &key, &after).complete().unwrap().is_some());
    }

    #[test]
    fn what_a_revoked_writer_died_at_is_set_aside_unless_it_was_published() {
        for before in [0, 3, 255] {
            let lost = [backup(900), backup(901)];
            let count = {
                let store = of_one(before);
                append(&store, &hosts(), 2, &lost).unwrap();
                store.calls().len()
            };
            let (mut aside, mut published) = (0, 0);
            for (at, fault) in (0..count).flat_map(|at| [(at, Fault::KilledBefore), (at, Fault::KilledAfter)])
            {
                let store = of_one(before);
                store.fault_at(at, fault);
                append(&store, &hosts(), 2, &lost).expect_err("it died");
                let (store, trust, key) = (store.host(), revoked(), key(1));
                let object = |name| store.get(&ObjectName::new(name).unwrap(), 1 << 10).unwrap();
                let is_pending = object(PENDING)
                    .is_some_and(|(note, _)| trust.verify_checkpoint(&note, PENDING, None).is_err());
                if let Err(error) = log(&store, &trust).head() {
                    // Somebody may have been told of it: nobody may go on from it, nor drop it.
                    let refused = writer(log(&store, &trust), &key, &LATER).complete().unwrap_err();
                    for error in [error, refused] {
                        let Error::Refused(findings) = error else { panic!("call {at}: {error}") };
                        assert_eq!(
                            (findings[0].code, &*findings[0].subject),
                            (Code::SignerRevoked, CHECKPOINT)
                        );
                    }
                    published += 1;
                    continue;
                }
                let said = writer(log(&store, &trust), &key, &LATER).complete().unwrap();
                assert_eq!(said.is_some(), is_pending, "call {at}: {said:?}");
                aside += usize::from(is_pending);
                // As many leaves as were dropped: the files of the log have the same names, and other bytes.
                append(&store, &trust, 1, &[backup(950), backup(951)]).unwrap();
                append(&store, &trust, 1, &[backup(952)]).unwrap();
                let found = names(&tree(&store));
                assert_eq!(found.len() as u64, before + 3, "call {at}: {found:?}");
                assert!(
                    found.ends_with(&["shop-b950", "shop-b951", "shop-b952"].map(str::to_owned)),
                    "call {at}"
                );
                assert_eq!(writer(log(&store, &trust), &key, &LATER).complete().unwrap(), None);
            }
            assert!(aside > 4 && published > 0, "{before}: {aside} set aside, {published} published");
        }
    }
}
