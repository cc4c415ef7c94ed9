//! Appending, so that many hosts can at once and a crash at any moment harms nothing.
//!
//! 1. Create `log/staged/SIZE-ROOT` with every new file of the log.
//! 2. Replace `log/pending` by the next checkpoint, signed: of all who try on one state of the log, one succeeds, and the
//!    others start again. From now on whoever comes brings them into the log, unless this writer's key is revoked first.
//! 3. Create the tiles and entries from what was staged.
//! 4. Replace `log/checkpoint`, never by one of fewer leaves.
//!
//! Whoever comes first completes what `log/pending` names before anything else, so nobody waits for a writer that was
//! killed; unless its key was revoked meanwhile: then it is set aside (`withdrawn`). A statement is in the store before its leaf
//! is in the log. Writing the same one again adds no second leaf: if its statement was there before, the whole log is searched
//! for it, else what came since.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::checkpoint::Checkpoint;
use crate::format::digest::Sha256;
use crate::format::leaf::{Leaf, What};
use crate::format::statement::Predicate;
use crate::format::tlog::edge::Edge;
use crate::format::tlog::tile::{FULL, Tile};
use crate::format::tlog::{entries, staged};
use crate::keys::signing::SigningKey;
use crate::log::read::Head;
use crate::log::state::State;
use crate::log::withdrawn::Pending;
use crate::log::{CHECKPOINT, Log, PENDING, STAGED, invalid, name};
use crate::store::{Created, ObjectName, Revision, Store, Swapped};
use crossbeam_channel::never;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a writer starts again when others are faster, before it gives up.
const ATTEMPTS_MAX: usize = 10_000;

/// How long the first pause is at most, for whoever comes second; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(32);

/// A leaf with its signed statement.
#[derive(Clone, Debug)]
pub struct Record {
    /// The leaf; its event is the digest of the statement.
    pub leaf: Leaf,
    /// The bundle.
    pub statement: Vec<u8>,
}

impl Record {
    /// The leaf of a signed statement: its project and its time are what the statement says. Where that tells no time,
    /// `otherwise` stands for it.
    pub fn of<P: Predicate>(
        what: What,
        name: &str,
        said: &P,
        otherwise: Timestamp,
        statement: Vec<u8>,
    ) -> Record {
        let leaf = Leaf {
            what,
            project: said.project().to_owned(),
            name: name.to_owned(),
            time: said.signed_at().unwrap_or(otherwise),
            event: Sha256::of(&statement),
        };
        Record { leaf, statement }
    }
}

/// Who appends.
pub struct Writer<'a> {
    /// The log.
    pub log: Log<'a>,
    /// The origin of a log that does not exist yet.
    pub origin: &'a str,
    /// Signs checkpoints.
    pub key: &'a SigningKey,
    /// What this host remembers of the log.
    pub state: &'a State<'a>,
}

/// What came of appending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// How many leaves the log has now.
    pub size: u64,
    /// How many of them are new.
    pub added: u64,
    /// How many were in it before.
    pub already: u64,
}

/// A log with nothing half done, at the moment it was looked at.
struct Settled {
    /// The checkpoint; `None` while there is no leaf.
    head: Option<Head>,
    /// Which content `log/pending` had.
    pending: Option<Revision>,
    /// What is to be said of it, if it is none that may be completed.
    set_aside: Option<Finding>,
}

/// A record that is not known to be in the log.
struct Open<'r> {
    record: &'r Record,
    /// From which leaf on it may be in the log.
    from: u64,
}

impl Writer<'_> {
    /// Appends those of the records that the log does not have, in one step: after it the log has all of them.
    pub fn append(&self, records: &[Record]) -> Result<Appended> {
        let appended = self.append_if(records, |_| true)?;
        Ok(appended.expect("the log may have any size"))
    }

    /// The same, only if the log has no other leaves than the one that was decided by, of this size. Else nothing is written.
    pub fn append_at(&self, records: &[Record], size: u64) -> Result<Option<Appended>> {
        self.append_if(records, |now| now == size)
    }

    /// Appends while the log has a size that will do; nothing if it has not.
    fn append_if(&self, records: &[Record], will_do: impl Fn(u64) -> bool) -> Result<Option<Appended>> {
        self.may_sign()?;
        let settled = self.settle()?;
        if !will_do(settled.size()) {
            return Ok(None);
        }
        let mut open = self.file_statements(records, settled.size())?;
        let asked = open.len() as u64;
        let mut settled = Some(settled);
        for attempt in 0..ATTEMPTS_MAX {
            let now = settled.take().map_or_else(|| self.settle(), Ok)?;
            self.drop_known(&mut open, now.head.as_ref())?;
            let (added, size) = (open.len() as u64, now.size());
            if open.is_empty() {
                self.remember(now.head.as_ref())?;
                return Ok(Some(Appended { size, added, already: asked }));
            }
            if !will_do(size) {
                return Ok(None);
            }
            if let Some(head) = self.try_append(&open, &now)? {
                self.remember(Some(&head))?;
                return Ok(Some(Appended { size: head.size(), added, already: asked - added }));
            }
            pause(attempt, &open[0].record.leaf.event);
        }
        let message = format!("the log of {} changed {ATTEMPTS_MAX} times meanwhile", self.log.store.place());
        Err(Error::input(message, "try again: nothing is lost"))
    }

    /// Whether this writer can append, before anything is made that a leaf is to be of. Completes whatever an earlier one
    /// has left half done, or sets it aside if nobody may believe it; gives what is worth saying of that.
    pub fn complete(&self) -> Result<Option<Finding>> {
        self.may_sign()?;
        Ok(self.settle()?.set_aside)
    }

    /// Puts the statements into the store, before anything is said of them in the log.
    fn file_statements<'r>(&self, records: &'r [Record], size: u64) -> Result<Vec<Open<'r>>> {
        let mut open: Vec<Open<'r>> = Vec::new();
        for record in records {
            let digest = Sha256::of(&record.statement);
            assert_eq!(digest, record.leaf.event, "a leaf has the digest of its statement");
            if open.iter().any(|other| other.record.leaf.event == digest) {
                continue;
            }
            let created =
                self.log.store.create(&ObjectName::new(&record.leaf.event_path())?, &record.statement)?;
            // What comes before its leaf and was not there has no leaf among those that were.
            let from = if created == Created::Created { size } else { 0 };
            open.push(Open { record, from });
        }
        Ok(open)
    }

    /// Takes out what has come into the log up to this checkpoint. A store's word is not enough for that: whoever appends is told
    /// that it is in the log.
    fn drop_known(&self, open: &mut Vec<Open<'_>>, head: Option<&Head>) -> Result<()> {
        let Some(from) = open.iter().map(|one| one.from).min() else { return Ok(()) };
        let (mut known, size) = (Vec::new(), head.map_or(0, Head::size));
        self.log.each_entry(from, size, |index, entry| {
            let leaf = Leaf::parse(entry).map_err(|fault| invalid(format!("leaf {index}"), fault))?;
            if let Some(head) = head.filter(|_| open.iter().any(|one| one.record.leaf.event == leaf.event)) {
                self.log.includes(head.checkpoint(), index, entry)?;
                known.push(leaf.event);
            }
            Ok(())
        })?;
        open.retain(|one| !known.contains(&one.record.leaf.event));
        open.iter_mut().for_each(|one| one.from = size);
        Ok(())
    }

    /// One attempt; `None` if another writer was faster.
    fn try_append(&self, open: &[Open<'_>], now: &Settled) -> Result<Option<Head>> {
        let mut edge = self.log.edge(now.head.as_ref())?;
        for one in open {
            edge.push(&one.record.leaf.to_bytes()).map_err(|fault| Error::input(fault.to_string(), ""))?;
        }
        let origin = now.head.as_ref().map_or(self.origin, |head| &head.checkpoint().origin);
        let next = Checkpoint { origin: origin.to_owned(), size: edge.size(), root: edge.root() };
        let note = self.key.sign_checkpoint(&next);
        self.log.store.create(&staged_name(&next)?, &staged::to_bytes(&edge.files()))?;
        let pending = ObjectName::new(PENDING)?;
        match self.log.store.swap(&pending, &note, now.pending.as_ref())? {
            Swapped::Changed => self.unstage(&next).map(|()| None),
            Swapped::Swapped(_) => self.settle().map(|settled| settled.head),
        }
    }

    /// Takes away what was staged in vain. Not so if it is pending nevertheless: another host may have staged the very same. It
    /// cannot become so later, since what it was to replace is gone. Failing to is no failure.
    fn unstage(&self, lost: &Checkpoint) -> Result<()> {
        let staged = staged_name(lost)?;
        let pending = self.log.pending();
        let is_other = |pending: Pending| pending.parts().is_some_and(|(pending, _)| pending != lost);
        if pending.is_ok_and(is_other) {
            let _ = self.log.store.delete(&staged);
        }
        Ok(())
    }

    /// Nobody signs what no reader would take.
    fn may_sign(&self) -> Result<()> {
        let empty = Checkpoint { origin: self.origin.to_owned(), size: 0, root: Sha256::of(b"") };
        let note = self.key.sign_checkpoint(&empty);
        let verified = self.log.trust.verify_checkpoint(&note, CHECKPOINT, self.log.origin);
        verified.map(drop).map_err(|finding| match finding.code {
            Code::SignerUnknown | Code::SignerNotAllowed | Code::NoTrust => Error::unavailable(
                "the given trust does not let this key sign the log, so nobody would believe it",
                "give it the right `log` in the trust file: attestar keys trust",
            ),
            _ => Error::refused(finding),
        })
    }

    /// Looks at the log, and completes what is pending.
    fn settle(&self) -> Result<Settled> {
        let (trust, _) = self.state.trusting(&self.log)?;
        let log = Log { trust: &trust, ..self.log };
        for _ in 0..ATTEMPTS_MAX {
            // In this order: what is pending now is never behind a checkpoint that was read before.
            let pending = log.pending()?;
            let head = log.head()?;
            let size = head.as_ref().map_or(0, Head::size);
            let checkpoint = pending.parts().map(|(checkpoint, _)| checkpoint);
            let is_ahead = checkpoint.is_some_and(|pending| pending.size > size);
            if let (true, Pending::Next(pending)) = (is_ahead, &pending) {
                self.complete_pending(&log, pending, head.as_ref())?;
                continue;
            }
            let is_other = |pending: &Checkpoint| {
                pending.size == size && Some(pending) != head.as_ref().map(Head::checkpoint)
            };
            if checkpoint.is_some_and(is_other) {
                return Err(invalid(PENDING, "it has as many leaves as the checkpoint, and other ones"));
            }
            self.recall(head.as_ref())?;
            let set_aside = match &pending {
                Pending::Withdrawn(withdrawn) if is_ahead => Some(self.set_aside(withdrawn, head.as_ref())?),
                _ => None,
            };
            let pending = pending.parts().map(|(_, revision)| revision.clone());
            return Ok(Settled { head, pending, set_aside });
        }
        Err(invalid(PENDING, "it does not become the checkpoint"))
    }

    /// Steps 3 and 4, by whoever comes.
    fn complete_pending(&self, log: &Log<'_>, pending: &Head, head: Option<&Head>) -> Result<()> {
        let name = staged_name(pending.checkpoint())?;
        let Some((bytes, _)) = log.store.get(&name, staged::STAGED_BYTES_MAX)? else {
            // Whoever completes takes it away, once the checkpoint is there.
            let now = log.head()?.map_or(0, |head| head.size());
            return if now >= pending.size() {
                Ok(())
            } else {
                Err(invalid(PENDING, "what it names is not staged"))
            };
        };
        let staged =
            staged::parse(&bytes).ok_or_else(|| invalid(name.as_str(), "not what a writer stages"))?;
        // The same leaves may have been staged before, from an earlier checkpoint and so with other files.
        let files = self.follow(pending.checkpoint(), head, &staged)?;
        files.iter().try_for_each(|(path, bytes)| self.create(path, bytes))?;
        let expected = head.map(|head| &head.revision);
        // Whether it was this writer or another one, the checkpoint is there now, or a later one. One of them cleans up.
        if let Swapped::Swapped(_) =
            self.log.store.swap(&ObjectName::new(CHECKPOINT)?, &pending.note, expected)?
        {
            self.clean(pending.size(), &files);
        }
        Ok(())
    }

    /// The files that the staged entries make of the log at `head`, if they make what is pending.
    pub(super) fn follow(
        &self,
        pending: &Checkpoint,
        head: Option<&Head>,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut edge = self.log.edge(head)?;
        let size = pending.size;
        while edge.size() < size {
            let tile = Tile::holding(0, edge.size(), size);
            let bundle = files.get(&tile.entries_path()).and_then(|bundle| entries::parse(bundle));
            let known = (edge.size() % u64::from(FULL)) as usize;
            let new = bundle.as_ref().and_then(|entries| entries.get(known..)).unwrap_or_default();
            if new.is_empty() {
                break;
            }
            for entry in new {
                edge.push(entry).map_err(|fault| invalid(PENDING, fault))?;
            }
        }
        if (edge.size(), edge.root()) != (size, pending.root) {
            return Err(invalid(PENDING, "what is staged does not lead from the checkpoint to it"));
        }
        Ok(edge.files())
    }

    /// Puts a file of the log in its place, where it may lie already: with the same bytes, for it never changes.
    fn create(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let name = name(path)?;
        if self.log.store.create(&name, bytes)? == Created::Created {
            return Ok(());
        }
        match self.log.store.get(&name, bytes.len())? {
            Some((there, _)) if there != bytes => {
                let finding = Finding::new(Code::LogForked, name.as_str());
                Err(Error::refused(
                    finding.actual("it is there with other bytes: the log went on from here before"),
                ))
            }
            // Gone again is as good: then the full tile has come.
            _ => Ok(()),
        }
    }

    /// Takes away what nobody needs any more: what was staged for this size and earlier ones, and the partial tiles
    /// before a full one. Failing to is no failure.
    fn clean(&self, size: u64, files: &BTreeMap<String, Vec<u8>>) {
        let store = self.log.store;
        let folders = files.keys().filter(|path| !path.contains(".p/")).map(|path| format!("log/{path}.p"));
        let gone: Vec<ObjectName> = folders.flat_map(|folder| names(store, &folder)).collect();
        let is_past = |name: &ObjectName| {
            let of = name.file_name().split_once('-').and_then(|(of, _)| of.parse::<u64>().ok());
            of.is_some_and(|of| of <= size)
        };
        let staged = names(store, STAGED).into_iter().filter(is_past);
        for name in gone.into_iter().chain(staged) {
            // Who may not delete need not try it of each.
            if store.delete(&name).is_err_and(|error| error.is_denied()) {
                break;
            }
        }
    }

    /// Refuses a log that does not extend what this host remembers of it.
    fn recall(&self, head: Option<&Head>) -> Result<()> {
        self.state.check(&self.log, head).map(drop)
    }

    fn remember(&self, head: Option<&Head>) -> Result<()> {
        head.map_or(Ok(()), |head| self.state.remember(&self.log, head))
    }
}

impl Settled {
    fn size(&self) -> u64 {
        self.head.as_ref().map_or(0, Head::size)
    }
}

impl Log<'_> {
    /// The right edge of the tree at a checkpoint, compared with its root.
    fn edge(&self, head: Option<&Head>) -> Result<Edge> {
        let size = head.map_or(0, Head::size);
        let tiles = Edge::tiles(size).map(|tile| Ok((tile, self.tile(tile)?))).collect::<Result<_>>()?;
        let bundle = Tile::partial(0, size).map(|tile| self.bundle(tile)).transpose()?.unwrap_or_default();
        let edge = Edge::new(size, tiles, bundle).map_err(|fault| invalid("log/tile", fault))?;
        match head {
            Some(head) if edge.root() != head.checkpoint().root => {
                Err(invalid("log/tile", "the last tiles are not those of the tree that the checkpoint signs"))
            }
            _ => Ok(edge),
        }
    }
}

/// Lets others go first, so that a hundred writers who try at once do not all stand in each other's way: each for another
/// while, which its own statement tells, and longer each time, up to four seconds.
fn pause(attempt: usize, own: &Sha256) {
    let share = u32::from(own.0[attempt % own.0.len()]);
    let _ = never::<()>().recv_timeout(PAUSE * (1 << attempt.min(7)) * share / 255);
}

/// Where the files of the next checkpoint wait.
pub(super) fn staged_name(next: &Checkpoint) -> Result<ObjectName> {
    ObjectName::new(&format!("{STAGED}/{}-{}", next.size, next.root))
}

fn names(store: &dyn Store, folder: &str) -> Vec<ObjectName> {
    let listing = store.list(folder).unwrap_or_default();
    listing.entries.into_iter().map(|entry| entry.name).collect()
}
