//! The reference store: in memory, with every condition, and failing on purpose where a test wants it.
//!
//! A [`Memory`] is one host's way to objects that many hosts share. Each host has a plan of faults, by the number of the
//! call that they meet, so that a test can run a scenario once for each of its calls:
//!
//! ```
//! use attestar::store::{Created, ObjectName, Store, memory::{Fault, Memory}};
//!
//! let store = Memory::new();
//! store.fault_at(0, Fault::AnswerLost);
//! let name = ObjectName::new("log/checkpoint")?;
//! assert!(store.create(&name, b"one").is_err());
//! assert_eq!(store.host().create(&name, b"two")?, Created::AlreadyThere);
//! assert_eq!(store.calls(), ["create log/checkpoint"]);
//! # Ok::<(), attestar::Error>(())
//! ```

use super::{
    Arrival, Created, Entry, INCOMING, Listing, ObjectName, Reading, Revision, Store, Swapped, compare,
    failed,
};
use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use crate::pipeline::watch::Watch;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of one call.
pub enum Fault {
    /// It has no effect and fails.
    Refused,
    /// It has its effect, and fails: the caller cannot know.
    AnswerLost,
    /// Half of the bytes pass, then it fails. For calls that carry none, as [`Fault::Refused`].
    Cut,
    /// A list does not know the latest change of an object. For other calls, nothing.
    Stale,
    /// The host dies before it: this call and every later one of the host fail, and what was on its way in stays.
    KilledBefore,
    /// The host dies when it has had its effect.
    KilledAfter,
    /// Another host gets in between: the call has its effect after this.
    Overtaken(Box<dyn FnOnce(&Memory) + Send>),
}

/// One host's way to objects in memory.
pub struct Memory {
    objects: Arc<Mutex<Objects>>,
    host: Mutex<Host>,
    watch: Watch,
}

/// What all hosts share.
#[derive(Clone, Default)]
struct Objects {
    now: Timestamp,
    /// One for each change, so that no two contents have the same.
    revision: u64,
    there: BTreeMap<ObjectName, Object>,
    /// What was there before the latest change.
    before: BTreeMap<ObjectName, Object>,
    /// What cannot be deleted, and until when.
    locks: BTreeMap<ObjectName, Timestamp>,
    /// What is on its way in, and since when.
    arriving: BTreeMap<u64, (ObjectName, Timestamp)>,
}

#[derive(Clone)]
struct Object {
    bytes: Arc<[u8]>,
    revision: u64,
    modified: Timestamp,
}

/// What is one host's alone.
#[derive(Default)]
struct Host {
    calls: Vec<String>,
    faults: BTreeMap<usize, Fault>,
    dead: bool,
}

/// What the plan leaves of a call that has an effect.
struct Course {
    cut: bool,
    stale: bool,
    answered: bool,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

impl Memory {
    /// An empty store, and the first host.
    pub fn new() -> Memory {
        Memory { objects: Arc::default(), host: Mutex::default(), watch: Watch::default() }
    }

    /// Another host, with the same objects and no faults.
    pub fn host(&self) -> Memory {
        self.watched_host(&Watch::default())
    }

    /// The same objects once more: what becomes of them here and there has nothing to do with each other.
    pub fn copy(&self) -> Memory {
        let objects = lock(&self.objects).clone();
        Memory { objects: Arc::new(Mutex::new(objects)), ..Memory::new() }
    }

    /// Another host, interrupted by this watch.
    pub fn watched_host(&self, watch: &Watch) -> Memory {
        Memory { objects: self.objects.clone(), host: Mutex::default(), watch: watch.clone() }
    }

    /// Plans what becomes of a call of this host; the first is 0. Each write of an arrival is a call, and its end.
    pub fn fault_at(&self, call: usize, fault: Fault) {
        lock(&self.host).faults.insert(call, fault);
    }

    /// The calls of this host so far: `create log/pending`.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.host).calls.clone()
    }

    /// The time of what is put in place from now on; until then it is 1970.
    pub fn set_now(&self, now: Timestamp) {
        lock(&self.objects).now = now;
    }

    /// Locks an object: until that time nobody can delete it.
    pub fn lock_until(&self, name: &ObjectName, until: Timestamp) {
        lock(&self.objects).locks.insert(name.clone(), until);
    }

    /// Puts bytes in place of an object's, as nobody may: what a test wants to be found.
    pub fn damage(&self, name: &ObjectName, bytes: &[u8]) {
        lock(&self.objects).put(name, bytes);
    }

    /// One call: what the plan says happens to it.
    fn call<T>(
        &self,
        action: &'static str,
        name: &str,
        work: impl FnOnce(&mut Objects, &Course) -> Result<T>,
    ) -> Result<T> {
        self.watch.check()?;
        let course = self.course(action, name)?;
        let done = work(&mut lock(&self.objects), &course);
        if course.answered { done } else { Err(self.no_answer(action, name)) }
    }

    /// What the plan leaves of the call.
    fn course(&self, action: &'static str, name: &str) -> Result<Course> {
        let fault = {
            let mut host = lock(&self.host);
            let number = host.calls.len();
            host.calls.push(format!("{action} {name}"));
            let fault = host.faults.remove(&number);
            let died = host.dead;
            host.dead |= matches!(fault, Some(Fault::KilledBefore | Fault::KilledAfter));
            if died { Some(Fault::Refused) } else { fault }
        };
        let mut course = Course { cut: false, stale: false, answered: true };
        match fault {
            None => {}
            Some(Fault::Refused | Fault::KilledBefore) => return Err(self.no_answer(action, name)),
            Some(Fault::AnswerLost | Fault::KilledAfter) => course.answered = false,
            Some(Fault::Cut) => course.cut = true,
            Some(Fault::Stale) => course.stale = true,
            Some(Fault::Overtaken(other)) => other(&self.host()),
        }
        Ok(course)
    }

    fn no_answer(&self, action: &'static str, name: &str) -> Error {
        failed(self, action, name, "there was no answer", "try again")
    }

    /// Bytes of an object, as much of them as the plan lets through.
    fn bytes(&self, action: &'static str, name: &ObjectName) -> Result<Option<(Object, bool)>> {
        self.call(action, name.as_str(), |objects, course| {
            Ok(objects.there.get(name).map(|object| (object.clone(), course.cut)))
        })
    }

    /// A call that a cut stops before it has an effect.
    fn change<T>(
        &self,
        action: &'static str,
        name: &ObjectName,
        work: impl FnOnce(&mut Objects) -> T,
    ) -> Result<T> {
        self.call(action, name.as_str(), |objects, course| match course.cut {
            true => Err(self.no_answer(action, name.as_str())),
            false => Ok(work(objects)),
        })
    }
}

impl Objects {
    fn put(&mut self, name: &ObjectName, bytes: &[u8]) -> Revision {
        self.before = self.there.clone();
        self.revision += 1;
        let object = Object { bytes: bytes.into(), revision: self.revision, modified: self.now };
        self.there.insert(name.clone(), object);
        Revision(self.revision.to_string())
    }

    fn lock_of(&self, name: &ObjectName) -> Option<Timestamp> {
        self.locks.get(name).copied().filter(|until| *until > self.now && self.there.contains_key(name))
    }

    fn create(&mut self, name: &ObjectName, bytes: &[u8]) -> Created {
        if self.there.contains_key(name) {
            return Created::AlreadyThere;
        }
        self.put(name, bytes);
        Created::Created
    }
}

impl Object {
    fn entry(&self, name: &ObjectName) -> Entry {
        Entry { name: name.clone(), size: self.bytes.len() as u64, modified: self.modified }
    }
}

impl Store for Memory {
    fn place(&self) -> &str {
        "memory"
    }

    fn head(&self, name: &ObjectName) -> Result<Option<Entry>> {
        self.change("look at", name, |objects| objects.there.get(name).map(|object| object.entry(name)))
    }

    fn get(&self, name: &ObjectName, most: usize) -> Result<Option<(Vec<u8>, Revision)>> {
        match self.bytes("get", name)? {
            None => Ok(None),
            Some((_, true)) => Err(self.no_answer("get", name.as_str())),
            Some((object, false)) if object.bytes.len() > most => Err(super::too_long(self, name, most)),
            Some((object, false)) => Ok(Some((object.bytes.to_vec(), Revision(object.revision.to_string())))),
        }
    }

    fn range(&self, name: &ObjectName, offset: u64, len: usize) -> Result<Vec<u8>> {
        match self.bytes("read a range of", name)? {
            Some((object, false)) => {
                let from = usize::try_from(offset).map_or(object.bytes.len(), |o| o.min(object.bytes.len()));
                let to = from.saturating_add(len).min(object.bytes.len());
                Ok(object.bytes[from..to].to_vec())
            }
            Some((_, true)) => Err(self.no_answer("read a range of", name.as_str())),
            None => Err(failed(self, "read", name.as_str(), io::Error::from(io::ErrorKind::NotFound), "")),
        }
    }

    fn read(&self, name: &ObjectName) -> Result<Option<Reading<'_>>> {
        let Some((object, cut)) = self.bytes("read", name)? else { return Ok(None) };
        let size = object.bytes.len() as u64;
        let through = if cut { size / 2 } else { size };
        let content = Cursor::new(object.bytes).take(through);
        let broken = cut.then(|| self.no_answer("read", name.as_str()));
        Ok(Some(Reading::new(size, Content { content, broken, watch: &self.watch })))
    }

    fn list(&self, folder: &str) -> Result<Listing> {
        let within = if folder.is_empty() { String::new() } else { format!("{}/", ObjectName::new(folder)?) };
        self.call("list", folder, |objects, course| {
            if course.cut {
                return Err(self.no_answer("list", folder));
            }
            let there = if course.stale { &objects.before } else { &objects.there };
            let below = there.iter().filter(|(name, _)| name.as_str().starts_with(&within));
            let entries = below.map(|(name, object)| object.entry(name)).collect();
            Ok(Listing { entries, foreign: Vec::new() })
        })
    }

    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<Created> {
        self.change("create", name, |objects| objects.create(name, bytes))
    }

    fn swap(&self, name: &ObjectName, bytes: &[u8], expected: Option<&Revision>) -> Result<Swapped> {
        self.change("replace", name, |objects| {
            let now = objects.there.get(name).map(|object| Revision(object.revision.to_string()));
            if now.as_ref() != expected {
                return Swapped::Changed;
            }
            Swapped::Swapped(objects.put(name, bytes))
        })
    }

    fn arrive(&self, name: &ObjectName) -> Result<Box<dyn Arrival + '_>> {
        let id = self.change("begin", name, |objects| {
            objects.revision += 1;
            objects.arriving.insert(objects.revision, (name.clone(), objects.now));
            objects.revision
        })?;
        Ok(Box::new(Arriving { store: self, name: name.clone(), id, bytes: Vec::new() }))
    }

    fn locked_until(&self, name: &ObjectName) -> Result<Option<Timestamp>> {
        self.change("ask the lock of", name, |objects| objects.lock_of(name))
    }

    fn delete(&self, name: &ObjectName) -> Result<bool> {
        let deleted = self.change("delete", name, |objects| {
            if let Some(until) = objects.lock_of(name) {
                return Err(until);
            }
            objects.before = objects.there.clone();
            Ok(objects.there.remove(name).is_some())
        })?;
        let locked = |until| failed(self, "delete", name.as_str(), format!("it is locked until {until}"), "");
        deleted.map_err(locked)
    }

    fn sweep(&self, before: Timestamp) -> Result<Vec<String>> {
        self.call("sweep", INCOMING, |objects, _| {
            let old = objects.arriving.extract_if(.., |_, (_, since)| *since < before);
            Ok(old.map(|(id, (name, _))| format!("{INCOMING}/{name}.{id}")).collect())
        })
    }
}

/// The bytes of an object, and how they break off.
struct Content<'m> {
    content: io::Take<Cursor<Arc<[u8]>>>,
    broken: Option<Error>,
    watch: &'m Watch,
}

impl Read for Content<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.watch.check().map_err(io::Error::other)?;
        match self.content.read(bytes)? {
            0 if !bytes.is_empty() => {
                self.broken.take().map_or(Ok(0), |broken| Err(io::Error::other(broken)))
            }
            read => Ok(read),
        }
    }
}

/// An object on its way in.
struct Arriving<'m> {
    store: &'m Memory,
    name: ObjectName,
    id: u64,
    bytes: Vec<u8>,
}

impl Write for Arriving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.store.change("write", &self.name, |_| self.bytes.extend_from_slice(bytes));
        written.map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Arrival for Arriving<'_> {
    fn finish(self: Box<Self>, size: u64, sha256: &Sha256) -> Result<Created> {
        let written = (self.bytes.len() as u64, &Sha256::of(&self.bytes));
        compare(self.store, &self.name, written, (size, sha256))?;
        self.store.change("finish", &self.name, |objects| {
            let created = objects.create(&self.name, &self.bytes);
            objects.arriving.remove(&self.id);
            created
        })
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        // The dead clean up nothing: that is the sweep's part.
        if !lock(&self.store.host).dead {
            lock(&self.store.objects).arriving.remove(&self.id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
