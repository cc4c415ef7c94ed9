//! A store in a directory: on this machine, on a mounted disk, on a network file system.
//!
//! What is written goes into [`INCOMING`](super::INCOMING) first, is synced, and gets its name by a rename that replaces
//! nothing; then the folder is synced. Names are resolved beneath the root, never through a symbolic link.

use super::{Arrival, Created, Entry, Listing, ObjectName, Reading, Revision, Store, Swapped, sync_folder};
use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use crate::pipeline::source::{self, Steadiness};
use crate::pipeline::watch::Watch;
use jiff::Timestamp;
use rustix::fs::Stat;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

mod incoming;
mod listing;
mod root;

use incoming::{Incoming, Lock};
use root::Root;

/// A store in a directory.
pub struct Directory {
    place: String,
    path: PathBuf,
    root: Root,
    files: source::Root,
    watch: Watch,
}

impl Directory {
    /// A directory that is there.
    pub fn open(path: &Path, watch: &Watch) -> Result<Directory> {
        let root = Root::open(path).map_err(Error::io("open the store", path))?;
        Ok(Directory {
            place: path.display().to_string(),
            path: path.to_owned(),
            files: source::Root::open(path)?,
            root,
            watch: watch.clone(),
        })
    }

    /// A directory that is made if need be. What it lies in must be there: a disk that is not mounted is no store.
    pub fn open_or_create(path: &Path, watch: &Watch) -> Result<Directory> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create the store", path)(error));
            }
            _ => {}
        }
        let directory = Directory::open(path, watch)?;
        directory.last().map_err(Error::io("create the store", path))?;
        Ok(directory)
    }

    /// Sees to it that a new store is one after a power cut, too.
    fn last(&self) -> io::Result<()> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if self.root.is_empty()? { sync_folder(parent.unwrap_or(Path::new("."))) } else { Ok(()) }
    }

    /// The file of an object; `None` if there is none.
    fn opened(&self, name: &ObjectName) -> Result<Option<(File, Stat)>> {
        self.watch.check()?;
        match self.files.open_file(name.as_str()) {
            Ok(opened) => Ok(Some(opened)),
            Err(Error::Io { source, .. }) if is_absent(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An I/O error about an object.
    fn failed(&self, action: &'static str, name: &str) -> impl FnOnce(io::Error) -> Error {
        Error::io(action, self.path.join(name))
    }

    /// The bytes, synced under a name that nobody looks for.
    fn written(&self, name: &ObjectName, bytes: &[u8]) -> Result<Incoming<'_>> {
        self.watch.check()?;
        let write = || {
            let mut incoming = Incoming::begin(&self.root, name)?;
            incoming.write(bytes)?;
            incoming.sync(bytes.len() as u64)?;
            Ok(incoming)
        };
        write().map_err(self.failed("write", name.as_str()))
    }
}

/// Whether it is that nothing has the name: neither it nor, perhaps, the folder it would lie in.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The revision of a content is its digest.
fn revision(bytes: &[u8]) -> Revision {
    Revision(Sha256::of(bytes).to_string())
}

impl Store for Directory {
    fn place(&self) -> &str {
        &self.place
    }

    fn again(&self) -> Result<Option<Box<dyn Store>>> {
        Ok(Some(Box::new(Directory::open(&self.path, &self.watch)?)))
    }

    fn head(&self, name: &ObjectName) -> Result<Option<Entry>> {
        let found = self.opened(name)?;
        Ok(found.map(|(_, stat)| listing::entry(name.clone(), &stat)))
    }

    fn get(&self, name: &ObjectName, most: usize) -> Result<Option<(Vec<u8>, Revision)>> {
        let Some((file, _)) = self.opened(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(most as u64 + 1).read_to_end(&mut bytes);
        read.map_err(self.failed("read", name.as_str()))?;
        if bytes.len() > most {
            return Err(super::too_long(self, name, most));
        }
        let revision = revision(&bytes);
        Ok(Some((bytes, revision)))
    }

    fn range(&self, name: &ObjectName, offset: u64, len: usize) -> Result<Vec<u8>> {
        let Some((file, stat)) = self.opened(name)? else {
            return Err(self.failed("read", name.as_str())(io::ErrorKind::NotFound.into()));
        };
        let there = (stat.st_size as u64).saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(there).map_or(len, |there| there.min(len))];
        file.read_exact_at(&mut bytes, offset).map_err(self.failed("read", name.as_str()))?;
        Ok(bytes)
    }

    fn read(&self, name: &ObjectName) -> Result<Option<Reading<'_>>> {
        let Some((file, stat)) = self.opened(name)? else { return Ok(None) };
        let size = stat.st_size as u64;
        let path = self.path.join(name.as_str());
        Ok(Some(Reading::new(size, Whole { file, before: stat, left: size, path, watch: &self.watch })))
    }

    fn file(&self, name: &ObjectName) -> Option<PathBuf> {
        Some(self.path.join(name.as_str()))
    }

    fn list(&self, folder: &str) -> Result<Listing> {
        listing::list(&self.root, &self.path, folder, &self.watch)
    }

    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<Created> {
        self.written(name, bytes)?.create(name).map_err(self.failed("create", name.as_str()))
    }

    fn swap(&self, name: &ObjectName, bytes: &[u8], expected: Option<&Revision>) -> Result<Swapped> {
        let mut incoming = self.written(name, bytes)?;
        let swapped = Swapped::Swapped(revision(bytes));
        let Some(expected) = expected else {
            let created = incoming.create(name).map_err(self.failed("create", name.as_str()))?;
            return Ok(if created == Created::Created { swapped } else { Swapped::Changed });
        };
        let _lock = Lock::take(&self.root, &self.path, &self.watch)?;
        let now = match self.opened(name)? {
            Some((mut file, _)) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(self.failed("read", name.as_str()))?;
                Some(revision(&bytes))
            }
            None => None,
        };
        if now.as_ref() != Some(expected) {
            return Ok(Swapped::Changed);
        }
        incoming.replace(name).map_err(self.failed("replace", name.as_str()))?;
        Ok(swapped)
    }

    fn arrive(&self, name: &ObjectName) -> Result<Box<dyn Arrival + '_>> {
        self.watch.check()?;
        let incoming = Incoming::begin(&self.root, name).map_err(self.failed("write", name.as_str()))?;
        Ok(Box::new(incoming::Arriving::new(self, name, incoming, &self.watch)))
    }

    fn delete(&self, name: &ObjectName) -> Result<bool> {
        let _lock = Lock::take(&self.root, &self.path, &self.watch)?;
        self.root.remove(name).map_err(self.failed("delete", name.as_str()))
    }

    fn sweep(&self, before: Timestamp) -> Result<Vec<String>> {
        self.watch.check()?;
        incoming::sweep(&self.root, before).map_err(self.failed("clean", super::INCOMING))
    }
}

/// A file from its beginning to where it ended when it was opened.
struct Whole<'d> {
    file: File,
    before: Stat,
    left: u64,
    path: PathBuf,
    watch: &'d Watch,
}

impl Whole<'_> {
    /// Whether what was read is the file as it was opened.
    fn steadiness(&self) -> io::Result<Steadiness> {
        let after = rustix::fs::fstat(&self.file)?;
        let steady = self.left == 0 && source::same(&self.before, &after);
        Ok(if steady { Steadiness::Steady } else { Steadiness::Changing })
    }

    fn next(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let read = self.file.read(&mut bytes[..most])?;
        self.left -= read as u64;
        if read == 0 && !bytes.is_empty() && self.steadiness()? == Steadiness::Changing {
            return Err(io::Error::other("it changed while it was read"));
        }
        Ok(read)
    }
}

impl Read for Whole<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.watch.check().map_err(io::Error::other)?;
        self.next(bytes).map_err(|source| io::Error::other(Error::io("read", &self.path)(source)))
    }
}
