//! Where a restore writes before anything is verified: a folder of its own, reached through one handle, never through
//! a name that the archive could bend.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use crate::pipeline::unpack::Target;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Timespec, Timestamps};
use rustix::io::Errno;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The mode of folders that the pack says nothing about, before the umask.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// A folder that is being filled.
pub struct Staging {
    folder: OwnedFd,
    path: PathBuf,
    /// Folders that were made.
    made: Mutex<HashSet<String>>,
    /// The file that comes in pieces.
    open: Mutex<Option<File>>,
}

impl Staging {
    /// Opens an empty folder to be filled.
    pub fn open(path: &Path) -> Result<Staging> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|errno| Error::io("open", path)(errno.into()))?;
        Ok(Staging { folder, path: path.to_owned(), made: Mutex::default(), open: Mutex::default() })
    }

    /// Makes a link, after all files: from the signed inventory, and never following one.
    pub fn link(&self, path: &PackPath, target: &str) -> Result<()> {
        self.parents(path)?;
        let (parent, name) = self.parent_of(path)?;
        let parent = parent.as_ref().unwrap_or(&self.folder);
        self.placed(path, rustix::fs::symlinkat(target, parent, name).map_err(io::Error::from))
    }

    /// Makes an empty folder, or sees that it is there.
    pub fn folder(&self, path: &PackPath) -> Result<()> {
        self.parents(path)?;
        self.make(path.as_str())
    }

    /// A second file with the content of one that was written.
    pub fn copy(&self, from: &PackPath, to: &Member) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = self.open_at(from.as_str(), flags, Mode::empty());
        let mut source =
            opened.map(File::from).map_err(|errno| self.failed("open", from.as_str())(errno.into()))?;
        let mut file = self.create(&to.path)?;
        io::copy(&mut source, &mut file).map_err(self.failed("write", to.path.as_str()))?;
        self.complete(&file, to)
    }

    /// Gives a file that was written another mode and time.
    pub fn metadata(&self, member: &Member) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let (parent, name) = self.parent_of(&member.path)?;
        let parent = parent.as_ref().unwrap_or(&self.folder);
        // One that its owner may not read can be written still, or its mode be set by name.
        match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(file) => self.complete(&File::from(file), member),
            Err(Errno::ACCESS) => {
                let set = rustix::fs::chmodat(parent, name, Mode::from_raw_mode(0o600), AtFlags::empty());
                set.and_then(|()| rustix::fs::openat(parent, name, flags, Mode::empty()))
                    .map_err(|errno| self.failed("open", member.path.as_str())(errno.into()))
                    .and_then(|file| self.complete(&File::from(file), member))
            }
            Err(errno) => Err(self.failed("open", member.path.as_str())(errno.into())),
        }
    }

    /// Sets a link's own modification time.
    pub fn link_time(&self, path: &PackPath, mtime_s: i64, mtime_ns: u32) -> Result<()> {
        let (parent, name) = self.parent_of(path)?;
        let parent = parent.as_ref().unwrap_or(&self.folder);
        let set = rustix::fs::utimensat(parent, name, &times(mtime_s, mtime_ns), AtFlags::SYMLINK_NOFOLLOW);
        set.map_err(|errno| self.failed("set the time of", path.as_str())(errno.into()))
    }

    /// Has the system write everything to the disk.
    pub fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.folder).map_err(|errno| Error::io("write", &self.path)(errno.into()))
    }

    /// Creates a file that was not there; whatever is there already is another member of the pack.
    fn create(&self, path: &PackPath) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let attempt = || self.open_at(path.as_str(), flags, Mode::from_raw_mode(0o600));
        let opened = match attempt() {
            Err(Errno::NOENT) => {
                self.parents(path)?;
                attempt()
            }
            other => other,
        };
        self.placed(path, opened.map(File::from).map_err(io::Error::from))
    }

    fn open_at(&self, path: &str, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match rustix::fs::openat2(&self.folder, path, flags, mode, resolve) {
                Err(Errno::NOSYS) => {}
                opened => return opened,
            }
        }
        // No link is made before the last file is written, and nobody else knows the folder.
        rustix::fs::openat(&self.folder, path, flags, mode)
    }

    fn parent_of<'p>(&self, path: &'p PackPath) -> Result<(Option<OwnedFd>, &'p str)> {
        let Some(parent) = path.parent() else { return Ok((None, path.name())) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = self.open_at(parent, flags, Mode::empty());
        opened
            .map(|folder| (Some(folder), path.name()))
            .map_err(|errno| self.failed("open", parent)(errno.into()))
    }

    /// Makes the folders that a path lies in.
    fn parents(&self, path: &PackPath) -> Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        if self.made.lock().unwrap_or_else(PoisonError::into_inner).contains(parent) {
            return Ok(());
        }
        let ends = parent.match_indices('/').map(|(at, _)| at).chain([parent.len()]);
        ends.into_iter().try_for_each(|end| self.make(&parent[..end]))
    }

    fn make(&self, folder: &str) -> Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.contains(folder) {
            return Ok(());
        }
        match rustix::fs::mkdirat(&self.folder, folder, FOLDER_MODE) {
            Ok(()) => {
                made.insert(folder.to_owned());
                Ok(())
            }
            Err(Errno::EXIST | Errno::NOTDIR) => Err(collision(folder)),
            Err(errno) => Err(self.failed("create", folder)(errno.into())),
        }
    }

    fn placed<T>(&self, path: &PackPath, placed: io::Result<T>) -> Result<T> {
        placed.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => collision(path.as_str()),
            _ => self.failed("create", path.as_str())(source),
        })
    }

    fn failed(&self, action: &'static str, path: &str) -> impl FnOnce(io::Error) -> Error {
        Error::io(action, self.path.join(path))
    }

    fn write(&self, file: &mut File, member: &Member, content: &[u8]) -> Result<()> {
        file.write_all(content).map_err(self.failed("write", member.path.as_str()))
    }

    /// Mode and time, once the content is there.
    fn complete(&self, file: &File, member: &Member) -> Result<()> {
        rustix::fs::fchmod(file, Mode::from_raw_mode(member.mode as _))
            .and_then(|()| rustix::fs::futimens(file, &times(member.mtime_s, member.mtime_ns)))
            .map_err(|errno| self.failed("set mode and time of", member.path.as_str())(errno.into()))
    }
}

impl Target for Staging {
    fn whole(&self, member: &Member, content: &[u8]) -> Result<()> {
        debug_assert_eq!(member.kind, FileType::File);
        let mut file = self.create(&member.path)?;
        self.write(&mut file, member, content)?;
        self.complete(&file, member)
    }

    fn piece(&self, member: &Member, content: &[u8], last: bool) -> Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match open.take() {
            Some(file) => file,
            None => self.create(&member.path)?,
        };
        self.write(&mut file, member, content)?;
        if last {
            return self.complete(&file, member);
        }
        *open = Some(file);
        Ok(())
    }
}

fn collision(path: &str) -> Error {
    Error::refused(
        Finding::new(Code::NameCollision, path).actual("another member of the pack already has this place"),
    )
}

fn times(seconds: i64, nanos: u32) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
