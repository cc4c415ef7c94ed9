//! Where archives, receipts, events and the log live: a directory, or a bucket. The same names in each.
//!
//! A store holds objects: whole, named, seldom replaced. Two operations decide races, and everything above is built on
//! them: [`Store::create`], of which one of many callers succeeds, and [`Store::swap`], which replaces what the caller
//! has seen and nothing else. What is long is streamed in by [`Store::arrive`] and appears whole or not at all.
//!
//! Calls block. Each is tried again where that helps, and every one ends with [`Error::Interrupted`](crate::Error) soon
//! after the [`Watch`](crate::pipeline::watch::Watch) that the store was opened with was told so.

use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use jiff::Timestamp;
use rustix::io::Errno;
use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

pub mod bucket;
pub mod directory;
pub mod leftovers;
pub mod memory;
pub mod name;
pub mod open;
pub mod window;

pub use name::ObjectName;

/// The folder of what is on its way. Nothing there belongs to anything yet; no list but its own shows it.
pub const INCOMING: &str = "incoming";

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: ObjectName,
    /// Bytes.
    pub size: u64,
    /// When it was put there, by the clock of the store.
    pub modified: Timestamp,
}

/// What a folder of a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in bytewise order of their names.
    pub entries: Vec<Entry>,
    /// What is there and cannot be an object: other names, links, devices. Left alone.
    pub foreign: Vec<String>,
}

/// Which content of an object a caller has seen. Two revisions of one object are equal only if its content is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(pub(crate) String);

impl Revision {
    /// A revision that no object has.
    pub fn of_nothing() -> Revision {
        Revision("none".to_owned())
    }
}

/// How a create-only write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there now, by this call.
    Created,
    /// Something has the name already, and is as it was.
    AlreadyThere,
}

/// How a compare-and-swap ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// The new content is there, with this revision.
    Swapped(Revision),
    /// The object is not, or no longer, what was expected. After an answer that got lost this can also mean that the new
    /// content was there, and was replaced in turn: look before doing it again.
    Changed,
}

/// A place for objects, of which many hosts may write at once.
pub trait Store: Send + Sync {
    /// The store as people know it: a path, or `s3://bucket/prefix`. No credentials.
    fn place(&self) -> &str;

    /// The store that has this place now, which can be another one: a folder is moved away, a disk is mounted over it. `None`
    /// where that cannot be, as every call goes to the place anew.
    fn again(&self) -> Result<Option<Box<dyn Store>>> {
        Ok(None)
    }

    /// Size and time of an object; `None` if there is none.
    fn head(&self, name: &ObjectName) -> Result<Option<Entry>>;

    /// A small object whole, and which content that is; `None` if there is none. One of more than `most` bytes is an
    /// error.
    fn get(&self, name: &ObjectName, most: usize) -> Result<Option<(Vec<u8>, Revision)>>;

    /// `len` bytes from `offset`; fewer only where the object ends. Not being there is an error.
    fn range(&self, name: &ObjectName, offset: u64, len: usize) -> Result<Vec<u8>>;

    /// An object from its beginning to its end, however long; `None` if there is none. An answer cut short is resumed;
    /// an object that is replaced meanwhile is an error before the end is reached. Errors of the reader hold an
    /// [`Error`]: [`error_of`] takes it out.
    fn read(&self, name: &ObjectName) -> Result<Option<Reading<'_>>>;

    /// The file that an object is, where the store lies in the file system of this host.
    fn file(&self, _name: &ObjectName) -> Option<PathBuf> {
        None
    }

    /// Everything below a folder, at any depth; `""` is the whole store but [`INCOMING`].
    fn list(&self, folder: &str) -> Result<Listing>;

    /// Puts a small object where none is. Of many callers at once one creates.
    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<Created>;

    /// Replaces a small object if it still is what the caller has seen; `None`: if there is none.
    fn swap(&self, name: &ObjectName, bytes: &[u8], expected: Option<&Revision>) -> Result<Swapped>;

    /// The way in for what is long. Nothing has the name before [`Arrival::finish`].
    fn arrive(&self, name: &ObjectName) -> Result<Box<dyn Arrival + '_>>;

    /// Until when the store lets nobody delete an object, as far as it tells; `None` if it may be deleted.
    fn locked_until(&self, _name: &ObjectName) -> Result<Option<Timestamp>> {
        Ok(None)
    }

    /// Takes an object away; `false` if there was none. What the store has locked is an error.
    fn delete(&self, name: &ObjectName) -> Result<bool>;

    /// Removes what was on its way in before `before` and never finished, by whichever host, and says what. An arrival
    /// whose process still runs is left alone where the store can tell.
    fn sweep(&self, before: Timestamp) -> Result<Vec<String>>;
}

/// An object on its way in. Dropped before [`finish`](Arrival::finish), it leaves nothing.
///
/// Errors of the writer hold an [`Error`]: [`error_of`] takes it out.
pub trait Arrival: Write + Send {
    /// Puts the object in place, if nothing has its name and its bytes are the ones that were meant: a different size or
    /// digest of what was written is an error, and leaves nothing.
    fn finish(self: Box<Self>, size: u64, sha256: &Sha256) -> Result<Created>;
}

/// The bytes of an object, streamed.
pub struct Reading<'s> {
    /// How many there are.
    pub size: u64,
    content: Box<dyn Read + Send + 's>,
}

impl<'s> Reading<'s> {
    /// So many bytes from here.
    pub(crate) fn new(size: u64, content: impl Read + Send + 's) -> Reading<'s> {
        Reading { size, content: Box::new(content) }
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.content.read(bytes)
    }
}

/// The library's error inside one of a [`Reading`] or [`Arrival`]; any other I/O error becomes one about `place`.
pub fn error_of(error: io::Error, place: &str) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Io { action: "use", path: place.into(), source: error },
    }
}

/// Sees to it that the names in a folder are there after a power cut. A folder that this user may not open was made by others.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match std::fs::File::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => sync_opened(&opened?),
    }
}

/// The same of one that is open. Some file systems do not sync folders.
pub(crate) fn sync_opened(folder: &impl AsFd) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        synced => Ok(synced?),
    }
}

/// An error about a store: what was tried, on what, where.
pub(crate) fn failed(
    store: &dyn Store,
    action: &'static str,
    name: &str,
    source: impl Into<Box<dyn StdError + Send + Sync>>,
    hint: impl Into<String>,
) -> Error {
    let (place, name) = (store.place().to_owned(), name.to_owned());
    Error::Store { place, name, action, source: source.into(), hint: hint.into(), denied: false }
}

/// The error for an object that is longer than it may be.
pub(crate) fn too_long(store: &dyn Store, name: &ObjectName, most: usize) -> Error {
    failed(store, "read", name.as_str(), format!("it is longer than {most} bytes"), "")
}

/// Compares what was written with what was meant.
pub(crate) fn compare(
    store: &dyn Store,
    name: &ObjectName,
    written: (u64, &Sha256),
    meant: (u64, &Sha256),
) -> Result<()> {
    let difference = if written.0 != meant.0 {
        format!("{} bytes were written, {} were meant", written.0, meant.0)
    } else if written.1 != meant.1 {
        format!("the bytes that were written have the SHA-256 {}, meant was {}", written.1, meant.1)
    } else {
        return Ok(());
    };
    Err(failed(store, "put in place", name.as_str(), difference, "the source changed meanwhile; try again"))
}

impl fmt::Debug for dyn Store + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place())
    }
}
