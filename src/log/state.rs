//! What this host remembers of each log that it saw: the newest checkpoint, and when it first saw each.
//!
//! A store cannot be asked whether it is the one of yesterday. So the last checkpoint is kept here, outside of it, and a
//! log that does not extend it is refused. When each one was seen tells what was there before a key was revoked: nothing
//! inside a checkpoint tells its age.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::checkpoint::Checkpoint;
use crate::format::digest::Sha256;
use crate::format::json;
use crate::keys::trust::Trust;
use crate::log::read::{Head, Leaves};
use crate::log::{CHECKPOINT, Log};
use crate::store::sync_folder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The value of `schema`.
const SCHEMA: &str = "attestar/log_state/v1";

/// The file that is locked while another one is written.
const LOCK: &str = "lock";

/// The most checkpoints that are kept of a log; past it every other one of the older half is dropped.
const KEPT_MAX: usize = 4096;

/// Where this host remembers logs.
#[derive(Clone, Copy)]
pub struct State<'a> {
    /// The folder; `None` remembers nothing.
    pub folder: Option<&'a Path>,
    /// The present, by the clock of this host.
    pub now: Timestamp,
}

/// What is remembered of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    schema: String,
    /// The store, as people know it.
    pub store: String,
    /// The log's origin.
    pub origin: String,
    /// The newest checkpoint, a signed note.
    pub checkpoint: String,
    /// Every one that was seen, in order; the last one is the newest.
    pub seen: Vec<Seen>,
    /// How many leaves from the first on were judged by the policy that was this host's at the time: what they prune might be
    /// pruned, whatever later policies say.
    #[serde(default)]
    pub prunes_judged: u64,
}

/// A checkpoint, and when it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How many leaves the log had.
    pub size: u64,
    /// Their root.
    #[serde(with = "json::sha256")]
    pub root: Sha256,
    /// When this host saw it first.
    #[serde(with = "json::timestamp")]
    pub at: Timestamp,
}

/// A log that this host has no reason to doubt.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its leaves.
    pub leaves: Leaves,
    /// The trust, with what was in the log before keys were revoked.
    pub trust: Trust,
    /// Whether this host had seen the log before, so that it was compared with something.
    pub seen_before: bool,
}

impl Remembered {
    /// When this host first saw a checkpoint, if it did.
    pub fn seen_at(&self, checkpoint: &Checkpoint) -> Option<Timestamp> {
        let is_it = |seen: &&Seen| seen.size == checkpoint.size && seen.root == checkpoint.root;
        let found = self.seen.iter().find(is_it)?;
        (self.origin == checkpoint.origin).then_some(found.at)
    }

    /// The newest checkpoint.
    pub fn newest(&self) -> Checkpoint {
        let Some(Seen { size, root, .. }) = self.seen.last().copied() else {
            return Checkpoint { origin: self.origin.clone(), size: 0, root: Sha256::of(b"") };
        };
        Checkpoint { origin: self.origin.clone(), size, root }
    }
}

impl State<'_> {
    /// The file that remembers the log of a store.
    pub fn file(&self, store: &str) -> Option<PathBuf> {
        let digest = Sha256::of(store.as_bytes()).to_string();
        Some(self.folder?.join("logs").join(format!("{}.json", &digest[..16])))
    }

    /// What is remembered of the log of a store.
    pub fn recall(&self, store: &str) -> Result<Option<Remembered>> {
        self.file(store).map_or(Ok(None), |file| read(&file, Some(store)))
    }

    /// What is remembered of every log.
    pub fn all(&self) -> Result<Vec<Remembered>> {
        let Some(folder) = self.folder.map(|folder| folder.join("logs")) else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(Error::io("read", &folder))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            files.push(entry.map_err(Error::io("read", &folder))?.path());
        }
        files.sort_unstable();
        let is_log = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "json");
        let read = files.iter().filter(is_log).map(|file| read(file, None));
        Ok(read.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The trust in a log's checkpoints, those included that this host saw before their signer's key was revoked; and what it
    /// remembers.
    pub fn trusting(&self, log: &Log<'_>) -> Result<(Trust, Option<Remembered>)> {
        let mut trust = log.trust.clone();
        let remembered = self.recall(log.store.place())?;
        remembered.iter().for_each(|remembered| remembered.keep_checkpoints(&mut trust));
        Ok((trust, remembered))
    }

    /// Every leaf of a log that extends what this host remembers of it; `None` where there is no log, nor was one. A host that
    /// has seen the log before remembers this checkpoint, too.
    pub fn read(&self, log: &Log<'_>) -> Result<Option<Known>> {
        let (mut trust, remembered) = self.trusting(log)?;
        let leaves = {
            let log = Log { trust: &trust, ..*log };
            let head = log.head()?.filter(|head| head.size() > 0);
            self.check(&log, head.as_ref())?;
            let Some(head) = head else { return Ok(None) };
            let leaves = log.leaves(head)?;
            if remembered.is_some() {
                self.remember(&log, &leaves.head)?;
            }
            leaves
        };
        if let Some(remembered) = &remembered {
            remembered.keep(&mut trust, &leaves);
        }
        Ok(Some(Known { leaves, trust, seen_before: remembered.is_some() }))
    }

    /// Refuses a log that does not extend the newest checkpoint that is remembered; gives that one.
    pub fn check(&self, log: &Log<'_>, head: Option<&Head>) -> Result<Option<Remembered>> {
        let Some(remembered) = self.recall(log.store.place())? else { return Ok(None) };
        let newest = remembered.newest();
        match head {
            Some(head) => log.extends(head.checkpoint(), &newest)?,
            None => {
                let finding = Finding::new(Code::LogForked, CHECKPOINT).actual("there is no log");
                return Err(Error::refused(finding.expected(format!("{} leaves, or more", newest.size))));
            }
        }
        Ok(Some(remembered))
    }

    /// Remembers a checkpoint that was verified and compared with what was remembered before.
    pub fn remember(&self, log: &Log<'_>, head: &Head) -> Result<()> {
        let store = log.store.place();
        let Some(file) = self.file(store) else { return Ok(()) };
        let folder = file.parent().expect("a file lies in a folder");
        make(folder)?;
        let _lock = lock(folder)?;
        let Checkpoint { origin, size, root } = head.checkpoint().clone();
        let (mut seen, prunes_judged) = self
            .recall(store)?
            .map_or_else(Default::default, |remembered| (remembered.seen, remembered.prunes_judged));
        // Another process may have seen more meanwhile.
        if seen.last().is_some_and(|last| last.size >= size) {
            return Ok(());
        }
        seen.push(Seen { size, root, at: self.now });
        let checkpoint = String::from_utf8_lossy(&head.note).into_owned();
        let remembered = Remembered {
            schema: SCHEMA.to_owned(),
            store: store.to_owned(),
            origin,
            checkpoint,
            seen: thin(seen),
            prunes_judged,
        };
        write(&file, folder, &remembered)
    }

    /// Notes that every prune among the first leaves of a log was judged, and might be. Where nothing is remembered of the
    /// log, this is not, either.
    pub fn remember_judged(&self, store: &str, size: u64) -> Result<()> {
        let Some(file) = self.file(store) else { return Ok(()) };
        let folder = file.parent().expect("a file lies in a folder");
        if !folder.is_dir() {
            return Ok(());
        }
        let _lock = lock(folder)?;
        match self.recall(store)? {
            Some(remembered) if remembered.prunes_judged < size => {
                write(&file, folder, &Remembered { prunes_judged: size, ..remembered })
            }
            _ => Ok(()),
        }
    }
}

/// Makes the folder if need be, so that it and what it lies in stay made after a power cut. A lock that lies in it says that it
/// was seen to.
fn make(folder: &Path) -> Result<()> {
    if folder.join(LOCK).exists() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    for above in folder.ancestors().skip(1).filter(|above| *above != Path::new("")) {
        sync_folder(above).map_err(Error::io("create", folder))?;
    }
    Ok(())
}

/// Held while the file is read and written anew.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    file.lock().map_err(Error::io("lock", &path))?;
    Ok(file)
}

/// What a file remembers, which must be of this store where one is named.
fn read(file: &Path, store: Option<&str>) -> Result<Option<Remembered>> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(Error::io("read", file))?,
    };
    let broken = |why: &str| {
        let hint = "put it back from a backup of this host; without it, nothing shows that the log is whole";
        Error::input(format!("{} is not what attestar remembers: {why}", file.display()), hint)
    };
    let remembered: Remembered = serde_json::from_slice(&text).map_err(|error| broken(&error.to_string()))?;
    let grows = remembered.seen.windows(2).all(|pair| pair[0].size < pair[1].size);
    let is_of = store.is_none_or(|store| remembered.store == store);
    match remembered.schema == SCHEMA && is_of && grows {
        true => Ok(Some(remembered)),
        false => Err(broken("it is of another store or version")),
    }
}

/// Bounds what is kept: of the older half every other one goes.
fn thin(seen: Vec<Seen>) -> Vec<Seen> {
    if seen.len() <= KEPT_MAX {
        return seen;
    }
    let half = seen.len() / 2;
    seen.into_iter().enumerate().filter(|(at, _)| *at >= half || at % 2 == 0).map(|(_, seen)| seen).collect()
}

/// Under the lock, so that one name will do for what is on its way: the next one takes the place of what a killed run left.
fn write(file: &Path, folder: &Path, remembered: &Remembered) -> Result<()> {
    let new = file.with_extension("new");
    let put = || {
        let mut out = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        out.write_all(&json::document(remembered))?;
        out.sync_all()?;
        fs::rename(&new, file)
    };
    put().map_err(|error| {
        let _ = fs::remove_file(&new);
        Error::io("write", file)(error)
    })?;
    sync_folder(folder).map_err(Error::io("write", folder))
}

impl Remembered {
    /// The trust, with what this log held when this host saw it: statements that were in it before their signer's key was
    /// revoked count. Checkpoints count where the log has the root that was seen.
    pub fn keep(&self, trust: &mut Trust, leaves: &Leaves) {
        let mut from = 0;
        for seen in self.seen.iter().filter(|seen| leaves.root_at(seen.size) == Some(seen.root)) {
            let new = leaves.leaves.iter().take(seen.size as usize).skip(from);
            new.for_each(|leaf| trust.keep(leaf.event, seen.at));
            from = seen.size as usize;
            self.keep_checkpoint(trust, seen);
        }
    }

    /// The trust, with the checkpoints alone.
    pub fn keep_checkpoints(&self, trust: &mut Trust) {
        self.seen.iter().for_each(|seen| self.keep_checkpoint(trust, seen));
    }

    fn keep_checkpoint(&self, trust: &mut Trust, seen: &Seen) {
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: seen.size, root: seen.root };
        trust.keep(Sha256::of(checkpoint.to_text().as_bytes()), seen.at);
    }
}
