//! A store in a bucket: S3 and what speaks its protocol, Google Cloud Storage, Azure.
//!
//! Everything that decides a race is a condition that the bucket itself checks: `If-None-Match: *` for what must be new,
//! `If-Match` for a swap. An answer that gets lost leaves open whether the write was done, so each write carries a token
//! of its own in the object's metadata, and after a conflict the object is asked whose it is.

use super::{Arrival, Created, Entry, Listing, ObjectName, Reading, Revision, Store, Swapped, failed};
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::multipart::MultipartStore;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, PutMode, PutOptions,
    UpdateVersion,
};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod conditions;
mod connection;
mod failures;
mod profiles;
mod reading;
mod runtime;
pub mod settings;
mod unfinished;
mod upload;

use conditions::Conditions;
use connection::{Connections, Lock};
use runtime::Runtime;
use unfinished::Unfinished;

/// The metadata that says by which call an object was written. Azure takes letters and digits only.
const TOKEN: &str = "attestarwrite";

/// How often a write is tried whose condition neither held nor failed.
const TRIES: u32 = 5;

/// The pause before the first of them; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// A request that failed sooner than this was not tried again by the library.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What the library must know of a bucket.
pub trait Objects: ObjectStore + MultipartStore {}

impl<T: ObjectStore + MultipartStore> Objects for T {}

/// How a long object gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The multipart upload itself is completed on the condition that nothing has the name. S3.
    Complete,
    /// It is uploaded under `incoming/` and copied on that condition: up to 5 GiB on some.
    Copy,
}

/// A store in a bucket.
pub struct Bucket {
    place: String,
    /// `""`, or a path with a final slash.
    prefix: String,
    objects: Arc<dyn Objects>,
    way: Way,
    unfinished: Option<Unfinished>,
    conditions: Conditions,
    connections: Connections,
    watch: Watch,
    // Last: what is still under way ends with it.
    runtime: Runtime,
}

/// Whose an object is, after a write whose outcome is open.
enum Holder {
    /// This write's: it was done.
    Ours(Revision),
    Another,
    Nobody,
}

impl Bucket {
    /// A bucket of the library's. `prefix` is a path in it, or empty; [`settings`] makes one from an address.
    pub fn new(place: String, prefix: &str, objects: Arc<dyn Objects>, watch: &Watch) -> Result<Bucket> {
        let prefix = if prefix.is_empty() { String::new() } else { format!("{}/", ObjectName::new(prefix)?) };
        Ok(Bucket {
            place,
            prefix,
            objects,
            way: Way::Copy,
            unfinished: None,
            conditions: Conditions::default(),
            connections: Connections::default(),
            watch: watch.clone(),
            runtime: Runtime::start()?,
        })
    }

    /// How many requests were sent, tries again included.
    pub fn requests(&self) -> u64 {
        self.connections.requests()
    }

    fn key(&self, name: &str) -> Key {
        // A valid name is a valid key.
        Key::from(format!("{}{name}", self.prefix))
    }

    fn failed(&self, action: &'static str, name: &str, error: &object_store::Error) -> Error {
        let mut failed = failed(self, action, name, failures::said(error), failures::hint(error));
        if let Error::Store { denied, .. } = &mut failed {
            *denied = failures::is_denied(error);
        }
        failed
    }

    /// Sends requests and waits for their end. What the library gives up at once, such as an answer whose content breaks
    /// off, is tried again; what it gave up after trying for long is not.
    fn ask<T, F>(&self, request: impl Fn() -> F) -> Result<object_store::Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        for attempt in 1..TRIES {
            let begun = Instant::now();
            match self.ask_once(request())? {
                Err(error) if failures::may_pass(&error) && begun.elapsed() < AT_ONCE => {
                    self.pause(attempt)?
                }
                answer => return Ok(answer),
            }
        }
        self.ask_once(request())
    }

    /// The same for what must not be repeated blindly.
    fn ask_once<T: Send + 'static>(
        &self,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<object_store::Result<T>> {
        self.watch.check()?;
        self.runtime.begin(request).wait(&self.watch)
    }

    /// What is known of an object: size and time, metadata, and what [`connection`] read from the answer.
    fn look(&self, name: &str) -> Result<object_store::Result<GetResult>> {
        self.ask(|| {
            let (objects, key) = (self.objects.clone(), self.key(name));
            let options = GetOptions { head: true, ..GetOptions::default() };
            async move { objects.get_opts(&key, options).await }
        })
    }

    fn meta(&self, action: &'static str, name: &ObjectName) -> Result<Option<ObjectMeta>> {
        match self.look(name.as_str())? {
            Ok(found) => Ok(Some(found.meta)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed(action, name.as_str(), &error)),
        }
    }

    /// Whose an object is.
    fn holder(&self, name: &str, token: &str) -> Result<object_store::Result<Holder>> {
        Ok(match self.look(name)? {
            Ok(GetResult { meta, attributes, .. }) => {
                let written = attributes.get(&Attribute::Metadata(TOKEN.into()));
                let ours = written.is_some_and(|written| written.as_ref() == token);
                Ok(if ours { Holder::Ours(revision(meta.e_tag, meta.version)) } else { Holder::Another })
            }
            Err(object_store::Error::NotFound { .. }) => Ok(Holder::Nobody),
            Err(error) => Err(error),
        })
    }

    /// A small write on a condition; `None` if that failed.
    fn put(
        &self,
        action: &'static str,
        name: &str,
        bytes: &[u8],
        mode: &PutMode,
    ) -> Result<Option<Revision>> {
        let token = token()?;
        let payload = Bytes::copy_from_slice(bytes);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let options =
                PutOptions { mode: mode.clone(), attributes: attributes(&token), ..PutOptions::default() };
            let (objects, key, payload) = (self.objects.clone(), self.key(name), payload.clone());
            let put = self.ask_once(async move { objects.put_opts(&key, payload.into(), options).await })?;
            let error = match put {
                Ok(done) => return Ok(Some(revision(done.e_tag, done.version))),
                Err(error) => error,
            };
            let conflict = failures::is_conflict(&error);
            if !conflict && !failures::is_open(&error) {
                return Err(self.failed(action, name, &error));
            }
            match (self.holder(name, &token)?, mode) {
                (Ok(Holder::Ours(revision)), _) => return Ok(Some(revision)),
                (Ok(Holder::Another), _) if conflict => return Ok(None),
                (Ok(Holder::Nobody), PutMode::Update(_)) if conflict => return Ok(None),
                (Err(look), _) if conflict => return Err(self.failed(action, name, &look)),
                _ if attempt == TRIES || !(conflict || failures::may_pass(&error)) => {
                    return Err(self.failed(action, name, &error));
                }
                _ => self.pause(attempt)?,
            }
        }
    }

    /// Some bytes of an object, if it still is what is expected.
    fn window(
        &self,
        name: &str,
        range: Range<u64>,
        if_match: Option<String>,
    ) -> impl Future<Output = object_store::Result<Bytes>> + Send + 'static {
        let (objects, key) = (self.objects.clone(), self.key(name));
        let options = GetOptions { range: Some(GetRange::Bounded(range)), if_match, ..GetOptions::default() };
        async move { objects.get_opts(&key, options).await?.bytes().await }
    }

    fn pause(&self, attempt: u32) -> Result<()> {
        self.runtime.pause(PAUSE * 2_u32.pow(attempt - 1), &self.watch)
    }

    fn entry(&self, meta: &ObjectMeta) -> Result<Entry, String> {
        let key = meta.location.as_ref();
        let name = key.strip_prefix(&self.prefix).unwrap_or(key);
        let time = &meta.last_modified;
        let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0);
        let modified = Timestamp::new(time.timestamp(), nanos).unwrap_or(Timestamp::MIN);
        match ObjectName::new(name) {
            Ok(name) => Ok(Entry { name, size: meta.size, modified }),
            Err(_) => Err(name.to_owned()),
        }
    }
}

async fn delete(objects: Arc<dyn Objects>, key: Key) -> object_store::Result<()> {
    let one = futures_util::stream::once(async move { Ok(key) });
    objects.delete_stream(Box::pin(one)).try_for_each(|_| async { Ok(()) }).await
}

/// Whether it is that the object is not there; a bucket that is not there is another matter.
fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && !failures::said(error).starts_with("NoSuchBucket")
}

/// The content that an entity tag or a generation stands for: S3 and Azure compare the one, Google the other.
fn revision(e_tag: Option<String>, version: Option<String>) -> Revision {
    Revision(format!("{}\n{}", e_tag.unwrap_or_default(), version.unwrap_or_default()))
}

fn version_of(revision: &Revision) -> UpdateVersion {
    let (e_tag, version) = revision.0.split_once('\n').unwrap_or((&revision.0, ""));
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    UpdateVersion { e_tag: some(e_tag), version: some(version) }
}

/// What no other write has.
fn token() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::input(format!("the system gives no randomness: {error}"), ""))?;
    Ok(data_encoding::HEXLOWER.encode(&random))
}

fn attributes(token: &str) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(TOKEN.into()), token.to_owned())])
}

impl Store for Bucket {
    fn place(&self) -> &str {
        &self.place
    }

    fn head(&self, name: &ObjectName) -> Result<Option<Entry>> {
        Ok(self.meta("look at", name)?.and_then(|meta| self.entry(&meta).ok()))
    }

    fn get(&self, name: &ObjectName, most: usize) -> Result<Option<(Vec<u8>, Revision)>> {
        let got = self.ask(|| {
            let (objects, key) = (self.objects.clone(), self.key(name.as_str()));
            async move {
                let found = objects.get_opts(&key, GetOptions::default()).await?;
                let meta = found.meta.clone();
                let fits = usize::try_from(meta.size).is_ok_and(|size| size <= most);
                Ok(if fits { Some((found.bytes().await?, meta)) } else { None })
            }
        })?;
        match got {
            Ok(Some((bytes, meta))) if bytes.len() as u64 == meta.size => {
                Ok(Some((bytes.to_vec(), revision(meta.e_tag, meta.version))))
            }
            Ok(Some(_)) => Err(failed(self, "read", name.as_str(), "the answer was cut short", "try again")),
            Ok(None) => Err(super::too_long(self, name, most)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed("read", name.as_str(), &error)),
        }
    }

    fn range(&self, name: &ObjectName, offset: u64, len: usize) -> Result<Vec<u8>> {
        let end = offset.saturating_add(len as u64);
        if offset < end {
            match self.ask(|| self.window(name.as_str(), offset..end, None))? {
                Ok(bytes) => return Ok(bytes.to_vec()),
                Err(error) if is_absent(&error) => {}
                // A range past the end is refused in many ways: see below whether it was that.
                Err(error) => match self.meta("read", name)? {
                    Some(meta) if meta.size <= offset => return Ok(Vec::new()),
                    _ => return Err(self.failed("read", name.as_str(), &error)),
                },
            }
        }
        match self.meta("read", name)? {
            Some(_) => Ok(Vec::new()),
            None => Err(failed(self, "read", name.as_str(), io::Error::from(io::ErrorKind::NotFound), "")),
        }
    }

    fn read(&self, name: &ObjectName) -> Result<Option<Reading<'_>>> {
        let Some(meta) = self.meta("read", name)? else { return Ok(None) };
        Ok(Some(Reading::new(meta.size, reading::Windows::new(self, name, &meta))))
    }

    fn list(&self, folder: &str) -> Result<Listing> {
        if !folder.is_empty() {
            ObjectName::new(folder)?;
        }
        let listed = self.ask(|| {
            let (objects, below) = (self.objects.clone(), self.key(folder));
            let below = Some(below).filter(|key| !key.as_ref().is_empty());
            async move { objects.list(below.as_ref()).try_collect::<Vec<_>>().await }
        })?;
        let mut listing = Listing::default();
        for meta in listed.map_err(|error| self.failed("list", folder, &error))? {
            match self.entry(&meta) {
                Ok(entry) if !conditions::is_own(&entry.name, folder) => listing.entries.push(entry),
                Ok(_) => {}
                Err(foreign) => listing.foreign.push(foreign),
            }
        }
        listing.entries.sort_by(|one, other| one.name.cmp(&other.name));
        listing.foreign.sort();
        Ok(listing)
    }

    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<Created> {
        self.conditions.hold_for(self)?;
        let put = self.put("create", name.as_str(), bytes, &PutMode::Create)?;
        Ok(if put.is_some() { Created::Created } else { Created::AlreadyThere })
    }

    fn swap(&self, name: &ObjectName, bytes: &[u8], expected: Option<&Revision>) -> Result<Swapped> {
        self.conditions.hold_for(self)?;
        let mode = expected.map_or(PutMode::Create, |seen| PutMode::Update(version_of(seen)));
        let put = self.put("replace", name.as_str(), bytes, &mode)?;
        Ok(put.map_or(Swapped::Changed, Swapped::Swapped))
    }

    fn arrive(&self, name: &ObjectName) -> Result<Box<dyn Arrival + '_>> {
        self.watch.check()?;
        self.conditions.hold_for(self)?;
        Ok(Box::new(upload::Arriving::new(self, name)?))
    }

    fn locked_until(&self, name: &ObjectName) -> Result<Option<Timestamp>> {
        match self.look(name.as_str())? {
            Ok(found) => Ok(found.extensions.get::<Lock>().map(|lock| lock.0)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed("ask the lock of", name.as_str(), &error)),
        }
    }

    fn delete(&self, name: &ObjectName) -> Result<bool> {
        if self.meta("delete", name)?.is_none() {
            return Ok(false);
        }
        let deleted = self.ask(|| delete(self.objects.clone(), self.key(name.as_str())))?;
        match deleted {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("delete", name.as_str(), &error)),
        }
    }

    fn sweep(&self, before: Timestamp) -> Result<Vec<String>> {
        let mut swept = Vec::new();
        for entry in self.list(super::INCOMING)?.entries {
            if entry.modified < before && self.delete(&entry.name)? {
                swept.push(entry.name.to_string());
            }
        }
        if let Some(unfinished) = &self.unfinished {
            swept.extend(unfinished.abort(self, before)?);
        }
        swept.sort();
        Ok(swept)
    }
}
