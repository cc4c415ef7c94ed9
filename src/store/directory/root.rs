//! The directory of a store, held open: folders are found and made beneath it, never through a symbolic link.

use super::super::{ObjectName, sync_opened};
use super::is_absent;
use crate::pipeline::source::open_beneath;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The file-creation mask decides who else may write: hosts may share a store by a group.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// The directory of a store.
pub struct Root(OwnedFd);

impl Root {
    /// Opens it.
    pub fn open(path: &Path) -> io::Result<Root> {
        Ok(Root(rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// A folder that is there; `""` is the directory itself.
    pub fn folder(&self, path: &str) -> io::Result<OwnedFd> {
        if path.is_empty() { self.0.try_clone() } else { open_beneath(&self.0, path, FOLDER) }
    }

    /// A folder that is made if need be, and stays made after a power cut. What is empty may have been made by a run that was
    /// killed before it synced that: whoever puts the first name into it does so.
    pub fn made_folder(&self, path: &str) -> io::Result<OwnedFd> {
        match self.folder(path) {
            Ok(folder) if !is_empty(&folder)? => return Ok(folder),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut folder = self.0.try_clone()?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match rustix::fs::mkdirat(&folder, part, FOLDER_MODE) {
                Ok(()) | Err(Errno::EXIST) => sync_opened(&folder)?,
                Err(errno) => return Err(errno.into()),
            }
            folder = open_beneath(&folder, part, FOLDER)?;
        }
        Ok(folder)
    }

    /// Whether nothing has a name in it.
    pub fn is_empty(&self) -> io::Result<bool> {
        is_empty(&self.0)
    }

    /// The folder that an object lies in, made if need be.
    pub fn parent(&self, name: &ObjectName) -> io::Result<OwnedFd> {
        self.made_folder(name.parent().unwrap_or(""))
    }

    /// Removes a file; `false` if there was none.
    pub fn remove(&self, name: &ObjectName) -> io::Result<bool> {
        let folder = match self.folder(name.parent().unwrap_or("")) {
            Err(error) if is_absent(&error) => return Ok(false),
            opened => opened?,
        };
        let removed = unlink(&folder, name.file_name())?;
        if removed {
            sync_opened(&folder)?;
        }
        Ok(removed)
    }
}

/// Removes a file; `false` if there was none, or is none any more.
pub fn unlink(folder: &OwnedFd, name: impl Arg) -> io::Result<bool> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(false),
        removed => Ok(removed.map(|()| true)?),
    }
}

fn is_empty(folder: &OwnedFd) -> io::Result<bool> {
    for found in Dir::read_from(folder)? {
        if !matches!(found?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_took_away_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dead.0123"), "dead").unwrap();
        let Root(folder) = Root::open(dir.path()).unwrap();
        assert!(unlink(&folder, c"dead.0123").unwrap());
        assert!(!unlink(&folder, c"dead.0123").unwrap());
    }

    #[test]
    fn a_file_system_that_syncs_no_folders_can_hold_a_store() {
        // As some that lie on a network do not.
        let Root(folder) = Root::open(Path::new("/proc")).unwrap();
        assert_eq!(rustix::fs::fsync(&folder), Err(Errno::INVAL));
        sync_opened(&folder).unwrap();
    }
}
