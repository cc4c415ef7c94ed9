//! What is on its way into the directory: written and synced under a name that nobody looks for, then put in place.

use super::super::{Arrival, Created, INCOMING, ObjectName, compare, sync_opened};
use super::Directory;
use super::root::{Root, unlink};
use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use crate::pipeline::watch::Watch;
use crossbeam_channel::never;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::Digest as _;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// The file that a swap holds locked. It stays; the lock ends with the process.
pub const LOCK: &str = ".lock";

/// How long to wait before a lock is tried again.
const LOCK_WAIT: Duration = Duration::from_millis(10);

const FILE_MODE: Mode = Mode::from_raw_mode(0o666);

/// A file in [`INCOMING`], locked as long as it is written, so that a sweep knows whose writer has died. Dropped before
/// it is in place, it is removed.
pub struct Incoming<'d> {
    root: &'d Root,
    folder: OwnedFd,
    name: String,
    file: File,
    placed: bool,
}

impl<'d> Incoming<'d> {
    /// An empty file.
    pub fn begin(root: &'d Root, object: &ObjectName) -> io::Result<Incoming<'d>> {
        let folder = root.made_folder(INCOMING)?;
        // What is deleted to make room needs the lock, and there is no room to make it then.
        match rustix::fs::statat(&folder, LOCK, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => drop(lock_file(&folder)?),
            found => drop(found?),
        }
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let shown = &object.file_name()[..object.file_name().len().min(200)];
        let name = format!("{shown}.{}", HEXLOWER.encode(&random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = File::from(rustix::fs::openat(&folder, &name, flags, FILE_MODE)?);
        let incoming = Incoming { root, folder, name, file, placed: false };
        // A file system without locks keeps its leftovers until they are old: see `sweep`.
        let _ = incoming.file.try_lock();
        Ok(incoming)
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Waits until the bytes are on the disk, and as many as were written.
    pub fn sync(&self, size: u64) -> io::Result<()> {
        self.file.sync_all()?;
        let there = self.file.metadata()?.len();
        if there != size {
            return Err(io::Error::other(format!("{size} bytes were written, {there} are there")));
        }
        Ok(())
    }

    /// Gives the file its name if nothing has it. Whatever has it then has it after a power cut, too: who put it there may
    /// have been killed before it synced that.
    pub fn create(&mut self, name: &ObjectName) -> io::Result<Created> {
        let parent = self.root.parent(name)?;
        match self.rename_new(&parent, name.file_name()) {
            Err(Errno::EXIST) => {}
            renamed => {
                renamed?;
                self.placed = true;
            }
        }
        sync_opened(&parent)?;
        Ok(if self.placed { Created::Created } else { Created::AlreadyThere })
    }

    /// Takes back a name that it was given.
    pub fn withdraw(&self, name: &ObjectName) {
        if self.placed {
            let _ = self.root.remove(name);
        }
    }

    /// Gives the file its name, whatever had it.
    pub fn replace(mut self, name: &ObjectName) -> io::Result<()> {
        let parent = self.root.parent(name)?;
        rustix::fs::renameat(&self.folder, &self.name, &parent, name.file_name())?;
        self.placed = true;
        sync_opened(&parent)
    }

    fn rename_new(&self, parent: &OwnedFd, name: &str) -> rustix::io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(&self.folder, &self.name, parent, name, flags) {
                Err(Errno::INVAL | Errno::NOSYS) => {}
                renamed => return renamed,
            }
        }
        // Some network file systems have no such rename; a second link to the file replaces nothing either.
        rustix::fs::linkat(&self.folder, &self.name, parent, name, AtFlags::empty())?;
        rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty())
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if !self.placed {
            let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// A long object on its way in.
pub struct Arriving<'d> {
    directory: &'d Directory,
    name: ObjectName,
    incoming: Incoming<'d>,
    size: u64,
    sha256: sha2::Sha256,
    watch: &'d Watch,
}

impl<'d> Arriving<'d> {
    /// Nothing of it is there yet.
    pub fn new(
        directory: &'d Directory,
        name: &ObjectName,
        incoming: Incoming<'d>,
        watch: &'d Watch,
    ) -> Arriving<'d> {
        Arriving { directory, name: name.clone(), incoming, size: 0, sha256: sha2::Sha256::new(), watch }
    }
}

impl Write for Arriving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watch.check().map_err(io::Error::other)?;
        let failed = self.directory.failed("write", self.name.as_str());
        self.incoming.write(bytes).map_err(|error| io::Error::other(failed(error)))?;
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Arrival for Arriving<'_> {
    fn finish(self: Box<Self>, size: u64, sha256: &Sha256) -> Result<Created> {
        self.watch.check()?;
        let Arriving { directory, name, mut incoming, size: there, sha256: hasher, .. } = *self;
        compare(directory, &name, (there, &Sha256(hasher.finalize().into())), (size, sha256))?;
        incoming.sync(size).map_err(directory.failed("write", name.as_str()))?;
        incoming.create(&name).map_err(|error| {
            // Nothing is built upon an archive that did not arrive, so it can go again.
            incoming.withdraw(&name);
            directory.failed("create", name.as_str())(error)
        })
    }
}

fn lock_file(folder: &OwnedFd) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(File::from(rustix::fs::openat(folder, LOCK, flags, FILE_MODE)?))
}

/// The right to replace, one process and thread at a time.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for it. Whoever holds it does so for one rename, and loses it when the process ends.
    pub fn take(root: &Root, path: &Path, watch: &Watch) -> Result<Lock> {
        let failed = |error: io::Error| Error::io("lock", path.join(INCOMING).join(LOCK))(error);
        let open = || lock_file(&root.made_folder(INCOMING)?);
        let file = open().map_err(failed)?;
        loop {
            watch.check()?;
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    let _ = never::<()>().recv_timeout(LOCK_WAIT);
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}

/// Removes the files in [`INCOMING`] that were last written before `before` and that no process holds locked.
pub fn sweep(root: &Root, before: Timestamp) -> io::Result<Vec<String>> {
    let folder = match root.folder(INCOMING) {
        Err(error) if super::is_absent(&error) => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut swept = Vec::new();
    for found in Dir::read_from(&folder)? {
        let found = found?;
        let name = found.file_name();
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let Ok(file) = rustix::fs::openat(&folder, name, flags, Mode::empty()).map(File::from) else {
            continue;
        };
        let stat = rustix::fs::fstat(&file)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let age = Timestamp::new(stat.st_mtime as _, stat.st_mtime_nsec as _).unwrap_or(Timestamp::MIN);
        let dead = || !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        if is_file && name.to_bytes() != LOCK.as_bytes() && age < before && dead() {
            // Another host may have been faster, or it has just been put in its place.
            swept.extend(unlink(&folder, name)?.then(|| format!("{INCOMING}/{}", name.to_string_lossy())));
        }
    }
    swept.sort();
    Ok(swept)
}
