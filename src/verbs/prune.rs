//! `prune`: what the policy lets go is deleted, each archive only once the log says so. The rest stays, and why is said.
//!
//! In this order: decide by the log as it is, sign a statement of each archive, log them if the log has not grown since, then
//! delete, those first that need others. So a run that ends anywhere leaves a store that the next one completes, and
//! nothing that is there needs anything that is gone.

mod orphans;
mod shelf;

use crate::error::{Error, Result};
use crate::evidence::halves;
use crate::evidence::ledger::Ledger;
use crate::evidence::logged::{self, Judging, Logged};
use crate::evidence::pruned::{self, Retention, entries};
use crate::evidence::register::{Register, archive_of, object_of};
use crate::evidence::stored::is_backup_of;
use crate::finding::{Code, Finding, Outcome, Verdict};
use crate::format::digest::Sha256;
use crate::format::event::Event;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::keys::right::Right;
use crate::keys::verify::Expect;
use crate::log::append::{Appended, Record, Writer};
use crate::log::event::Told;
use crate::log::state::State;
use crate::log::{CHECKPOINT, Log};
use crate::pipeline::watch::Watch;
use crate::policy::prune::{Fate, Why, judge};
use crate::store::{ObjectName, Store};
use jiff::Timestamp;
use orphans::Search;
use shelf::{Shelf, locked_until};
use std::collections::BTreeMap;

/// How often it is decided again because the log has grown meanwhile.
const ATTEMPTS_MAX: usize = 100;

/// What to prune, and by what.
pub struct Request<'a> {
    /// Reads the store's log, and writes to it; its key signs what is pruned, and must be one that may `prune`.
    pub log: &'a Writer<'a>,
    /// What is kept.
    pub retention: &'a Retention,
    /// The present: what is dated later is in the future.
    pub now: Timestamp,
}

/// An archive, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The pack's name.
    pub name: String,
    /// Release or backup.
    pub kind: Kind,
    /// When it was made, as was signed.
    pub time: Timestamp,
    /// Its size in the store, with all that belongs to it; 0 if it is not there.
    pub bytes: u64,
    /// Why it stays; `None` if it may go.
    pub kept: Option<Why>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How the log verified. Unless it holds, nothing is decided.
    pub outcome: Outcome,
    /// Every archive that was there, in the order of the log.
    pub judged: Vec<Judged>,
    /// What was deleted, or would be.
    pub deleted: Vec<Judged>,
    /// What an earlier run had logged and not deleted, and is gone now: objects.
    pub completed: Vec<String>,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
    /// What became of the log; `None` if nothing was logged.
    pub logged: Option<Appended>,
}

/// Decides, and says what would be deleted; nothing is.
pub fn plan(log: &Log<'_>, state: &State<'_>, retention: &Retention, now: Timestamp) -> Result<Pruned> {
    let deciding = Deciding { log, state, retention, now };
    let unseen = unseen(&deciding)?;
    let mut pruned = planned(decide(&deciding, None)?);
    pruned.warnings.extend(unseen);
    Ok(pruned)
}

/// The same by a log that was checked, and whose prunes were judged, a moment ago.
pub fn plan_by(
    logged: &Logged,
    log: &Log<'_>,
    state: &State<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Pruned> {
    let deciding = Deciding { log, state, retention, now };
    Ok(planned(decide_by(&deciding, logged, Pruned::default())?))
}

fn planned(Decided { mut pruned, due, unfinished, halves, .. }: Decided) -> Pruned {
    pruned.deleted = due.into_iter().map(|due| due.judged).collect();
    pruned.completed = unfinished.iter().map(ObjectName::to_string).collect();
    let left =
        |object: &ObjectName| Finding::warning(Code::LeftBehind, object.as_str()).actual(halves::why(object));
    pruned.warnings.extend(halves.iter().map(left));
    pruned
}

/// Prunes.
pub fn prune(request: &Request<'_>, watch: &Watch) -> Result<Pruned> {
    let Request { log: writer, retention, now } = *request;
    let store = writer.log.store;
    let deciding = Deciding { log: &writer.log, state: writer.state, retention, now };
    may(request)?;
    let set_aside = writer.complete()?;
    let (mut done, mut completed) = (Vec::new(), Vec::new());
    let mut cleaned = Vec::from_iter(set_aside);
    cleaned.extend(unseen(&deciding)?);
    let (mut logged, mut known) = (None, None);
    for _ in 0..ATTEMPTS_MAX {
        watch.check()?;
        let Decided { mut pruned, due, unfinished, halves, size, logged: seen } =
            decide(&deciding, known.as_ref())?;
        known = seen;
        for object in &halves {
            if halves::remove(store, object)? {
                let cleaned_up = Finding::warning(Code::Cleaned, object.as_str());
                cleaned.push(cleaned_up.actual(halves::why(object)));
            }
        }
        for object in &unfinished {
            store.delete(object)?;
            completed.push(object.to_string());
        }
        // Whether anything can be deleted here at all shows with the first one, before leaves are given to the rest.
        let first = done.is_empty();
        let batch: Vec<Due> = if first { due.into_iter().take(1).collect() } else { due };
        if !batch.is_empty() {
            let records: Vec<Record> = batch.iter().map(|due| due.record(request)).collect();
            let Some(appended) = writer.append_at(&records, size)? else { continue };
            let before: Option<Appended> = logged.take();
            let added = appended.added + before.map_or(0, |before| before.added);
            logged = Some(Appended { added, ..appended });
            for one in batch {
                delete(store, &one, watch)?;
                done.push(one.judged);
            }
            if first {
                continue;
            }
        }
        pruned.judged.retain(|judged| judged.kept.is_some());
        pruned.judged.extend(done.iter().cloned());
        pruned.judged.sort_by_key(|judged| judged.time);
        pruned.warnings.append(&mut cleaned);
        if pruned.outcome.verdict() == Verdict::Holds {
            let judged = logged.as_ref().map_or(size, |appended: &Appended| appended.size);
            writer.state.remember_judged(store.place(), judged)?;
        }
        return Ok(Pruned { deleted: done, completed, logged, ..pruned });
    }
    let message = format!("the log of {} grew {ATTEMPTS_MAX} times meanwhile", store.place());
    Err(Error::input(message, "try again: what is logged is deleted, and nothing else"))
}

/// Refuses a key that may not prune, before anything is read or written with it.
fn may(request: &Request<'_>) -> Result<()> {
    let project = Some(&*request.retention.project);
    let expect = Expect { file: "the prune", right: Right::Prune, project, kind: None };
    let may = request.log.log.trust.may_sign(&request.log.key.public(), expect, request.now);
    may.map(drop).map_err(Error::refused)
}

/// An archive that may go.
struct Due {
    judged: Judged,
    /// Its file and digest, as its receipt says.
    archive: (String, Sha256),
    objects: Vec<ObjectName>,
}

impl Due {
    fn record(&self, request: &Request<'_>) -> Record {
        let event = Event {
            project: request.retention.project.clone(),
            kind: self.judged.kind,
            what: What::Pruned,
            name: self.judged.name.clone(),
            passed: true,
            at: request.now,
        };
        let statement = event.of([self.archive.clone()]);
        let bundle = request.log.key.sign_statement(&statement).to_bytes();
        Record::of(What::Pruned, &self.judged.name, &statement.predicate, request.now, bundle)
    }
}

/// In that order: of what a leaf put there, the archive before anything that says what it was.
fn delete(store: &dyn Store, due: &Due, watch: &Watch) -> Result<()> {
    for object in &due.objects {
        watch.check()?;
        store.delete(object)?;
    }
    Ok(())
}

/// What was decided by a log of so many leaves.
#[derive(Default)]
struct Decided {
    pruned: Pruned,
    /// Those first that need others.
    due: Vec<Due>,
    /// What earlier runs logged and did not delete.
    unfinished: Vec<ObjectName>,
    /// Archives that never got their receipt, and receipts whose archive is gone.
    halves: Vec<ObjectName>,
    size: u64,
    /// The log, so that a statement is fetched once however often is decided.
    logged: Option<Logged>,
}

/// By what is decided.
struct Deciding<'a> {
    log: &'a Log<'a>,
    state: &'a State<'a>,
    retention: &'a Retention,
    now: Timestamp,
}

/// What is said where this host has nothing to compare the log with: it could be an old one.
fn unseen(request: &Deciding<'_>) -> Result<Option<Finding>> {
    let is_seen =
        request.state.folder.is_none() || request.state.recall(request.log.store.place())?.is_some();
    let finding = || Finding::warning(Code::LogNotRemembered, CHECKPOINT);
    Ok((!is_seen)
        .then(|| finding().actual("nothing was remembered here to compare it with; from now on it is")))
}

/// Decides; `before` is the log by which it was decided last.
fn decide(request: &Deciding<'_>, before: Option<&Logged>) -> Result<Decided> {
    let mut pruned = Pruned::default();
    let judging = Judging { log: *request.log, state: *request.state, first: true };
    let logged = logged::check_after(&judging, before, &mut pruned.outcome)?;
    // Whoever pruned against the policy may have had the key that is in use here.
    if let Some(logged) = &logged {
        pruned::check(logged, Some(request.retention), request.now, &mut pruned.outcome);
    }
    let Some(logged) = logged.filter(|_| pruned.outcome.verdict() == Verdict::Holds) else {
        return Ok(Decided { pruned, ..Decided::default() });
    };
    let decided = decide_by(request, &logged, pruned)?;
    Ok(Decided { logged: Some(logged), ..decided })
}

/// The same by a log that holds.
fn decide_by(request: &Deciding<'_>, logged: &Logged, mut pruned: Pruned) -> Result<Decided> {
    let shelf = Shelf::of(request.log.store)?;
    let (ledger, stories) = read(logged, &request.retention.project);
    let mut due = Vec::new();
    for kind in [Kind::Backup, Kind::Release] {
        due.extend(of_kind(request, kind, &ledger, &stories, &shelf, &mut pruned)?);
    }
    let mut unfinished = unfinished(request, &ledger, &stories, &shelf, &mut pruned)?;
    let (store, project) = (request.log.store, &*request.retention.project);
    let orphans = Search { store, logged, shelf: &shelf, project, now: request.now }.orphans()?;
    pruned.judged.extend(orphans.due.iter().map(|due| due.judged.clone()));
    pruned.warnings.extend(orphans.warnings);
    due.splice(0..0, orphans.due);
    unfinished.extend(orphans.unfinished);
    let (halves, size) = (orphans.halves, logged.leaves.head.size());
    Ok(Decided { pruned, due, unfinished, halves, size, logged: None })
}

/// What the log says was pruned, and still lies there. What the store has locked is said and left; so is what an archive needs
/// that was logged at the same time.
fn unfinished(
    request: &Deciding<'_>,
    ledger: &Ledger<'_>,
    stories: &BTreeMap<&str, Story>,
    shelf: &Shelf,
    pruned: &mut Pruned,
) -> Result<Vec<ObjectName>> {
    let mut unfinished = Vec::new();
    for (name, story) in stories.iter().filter(|(_, story)| story.is_pruned) {
        let objects = shelf.objects(story.kind, &story.file, name);
        if objects.is_empty() {
            continue;
        }
        let mut there = ledger.archives(story.kind).iter().filter(|archive| !archive.is_gone);
        let warning = |code, why: String| Finding::warning(code, *name).actual(why);
        if let Some(other) = there.find(|archive| archive.bases.contains(name)) {
            pruned.warnings.push(warning(Code::PruneUnfinished, format!("{} needs it", other.name)));
        } else if let Some(until) = locked_until(request.log.store, &objects)? {
            pruned.warnings.push(warning(Code::Locked, format!("until {until}")));
        } else {
            unfinished.extend(objects);
        }
    }
    Ok(unfinished)
}

/// What the log tells of one archive.
struct Story {
    kind: Kind,
    file: String,
    sha256: Sha256,
    size_bytes: u64,
    is_pruned: bool,
}

/// Reads the log as far as it is about the project.
fn read<'l>(logged: &'l Logged, project: &str) -> (Ledger<'l>, BTreeMap<&'l str, Story>) {
    let (mut ledger, mut stories) = (Ledger::default(), BTreeMap::<&str, Story>::new());
    let register = Register::of(logged);
    let own = entries(logged).filter(|(_, leaf, _)| leaf.project == project);
    for (index, leaf, told) in own {
        match leaf.what {
            What::Sealed => {
                stories.extend(story(Kind::Release, &register, leaf, told).map(|story| (&*leaf.name, story)))
            }
            What::BackedUp => {
                stories.extend(story(Kind::Backup, &register, leaf, told).map(|story| (&*leaf.name, story)))
            }
            What::Pruned => stories.get_mut(&*leaf.name).into_iter().for_each(|story| story.prune(told)),
            _ => {}
        }
        ledger.enter(index, leaf, Some(told));
    }
    (ledger, stories)
}

/// What a leaf tells of the archive that it puts there; nothing of another project's. A release of `shop` can have the name of one
/// of `shop-eu`: what that says must lie there is not for the one to take away.
fn story(kind: Kind, register: &Register<'_>, leaf: &Leaf, told: &Told) -> Option<Story> {
    let archive = archive_of(leaf, told)?;
    let (file, sha256) = (archive.name.clone(), archive.digest.sha256);
    let size_bytes = told.size_bytes.unwrap_or_default();
    let is_own = kind == Kind::Release || is_backup_of(&leaf.project, &leaf.name);
    let is_alone = !register.stands_for_another(&object_of(leaf, told)?, &leaf.project);
    (is_own && is_alone).then_some(Story { kind, file, sha256, size_bytes, is_pruned: false })
}

impl Story {
    /// Whether the archive lies there, as long as it was.
    fn is_whole(&self, name: &str, shelf: &Shelf) -> bool {
        let there = shelf.archive(self.kind, &self.file, name);
        there.is_some_and(|there| there.size == self.size_bytes)
    }

    /// It was pruned, if that was said of this very archive.
    fn prune(&mut self, told: &Told) {
        self.is_pruned |= told.subjects.iter().any(|subject| subject.digest.sha256 == self.sha256);
    }
}

/// Judges the archives of a kind twice: as the log has them, and with what the store says of them. What either keeps stays,
/// so that whoever has only the log comes to the same.
fn of_kind(
    request: &Deciding<'_>,
    kind: Kind,
    ledger: &Ledger<'_>,
    stories: &BTreeMap<&str, Story>,
    shelf: &Shelf,
    pruned: &mut Pruned,
) -> Result<Vec<Due>> {
    let (rule, now) = (request.retention.rule(kind), request.now);
    let logged = ledger.archives(kind);
    let by_log = judge(logged, rule, now);
    let mut there = logged.to_vec();
    for (archive, fate) in there.iter_mut().zip(&by_log) {
        let Some(story) = stories.get(archive.name) else { continue };
        if *fate != Fate::Gone && !story.is_whole(archive.name, shelf) {
            archive.is_doubtful = true;
            pruned.warnings.push(not_whole(archive.name));
        }
        if *fate == Fate::Due {
            let objects = shelf.objects(kind, &story.file, archive.name);
            archive.locked_until = locked_until(request.log.store, &objects)?;
        }
    }
    let by_store = judge(&there, rule, now);
    let mut due = Vec::new();
    for ((archive, by_log), by_store) in there.iter().zip(by_log).zip(by_store) {
        let Some(story) = stories.get(archive.name).filter(|_| by_log != Fate::Gone) else { continue };
        let objects = shelf.objects(kind, &story.file, archive.name);
        let kept = match (by_log, by_store) {
            (Fate::Kept(why), _) | (_, Fate::Kept(why)) => Some(why),
            _ => None,
        };
        let judged = Judged {
            name: archive.name.to_owned(),
            kind,
            time: archive.moments.first().map_or(now, |made| made.time),
            bytes: shelf.bytes(&objects),
            kept,
        };
        pruned.warnings.extend(warning(&judged));
        pruned.judged.push(judged.clone());
        // Of what is not there nothing is deleted, and no leaf shall hide that it is missing.
        let is_there = shelf.archive(kind, &story.file, archive.name).is_some();
        if judged.kept.is_none() && is_there {
            due.push(Due { judged, archive: (story.file.clone(), story.sha256), objects });
        }
    }
    due.reverse();
    Ok(due)
}

/// That an archive of the log is not what it should be: it takes nobody's place. More is for whoever verifies to say.
fn not_whole(name: &str) -> Finding {
    let finding = Finding::warning(Code::Missing, name);
    finding.actual("it is not in the store, or not as long as it was: attestar log verify")
}

fn warning(judged: &Judged) -> Option<Finding> {
    match judged.kept.as_ref()? {
        Why::Future => Some(Finding::warning(Code::FutureDated, &*judged.name).actual(judged.time)),
        Why::Locked(until) => {
            Some(Finding::warning(Code::Locked, &*judged.name).actual(format!("until {until}")))
        }
        _ => None,
    }
}
