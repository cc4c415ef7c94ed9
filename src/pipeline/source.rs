//! Reads files that may change, vanish or turn into something else while they are read.

use crate::{Error, Result};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files up to this many bytes are held whole, and read again when they changed meanwhile.
pub const SMALL_BYTES_MAX: u64 = 8 << 20;

/// How often a small file that keeps changing is read.
const TRIES: usize = 4;

/// The folder that files are read from, held open: names are resolved beneath it, never through a symbolic link.
pub struct Root {
    folder: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens the folder.
    pub fn open(path: &Path) -> Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|errno| Error::io("open", path)(errno.into()))?;
        Ok(Root { folder, path: path.to_owned() })
    }

    /// Opens a regular file for reading. Not being one any more is an error of kind `InvalidInput`.
    pub fn open_file(&self, path: &str) -> Result<(File, Stat)> {
        self.try_open(path).map_err(|source| Error::Io { action: "read", path: self.path.join(path), source })
    }

    /// The full path of a file, for messages.
    pub fn join(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    fn try_open(&self, path: &str) -> io::Result<(File, Stat)> {
        // Non-blocking, so that a file which became a FIFO cannot hang the run.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = File::from(open_beneath(&self.folder, path, flags)?);
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no longer a regular file"));
        }
        Ok((file, stat))
    }
}

/// Opens `path` beneath `folder` without following any link: `openat2` where the system has it.
pub fn open_beneath(folder: &OwnedFd, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(folder, path, flags, Mode::empty(), resolve) {
            Err(rustix::io::Errno::NOSYS) => {}
            opened => return Ok(opened?),
        }
    }
    open_by_component(folder, path, flags)
}

/// The same with one `openat` for each component, for systems without `openat2`.
fn open_by_component(folder: &OwnedFd, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let (parents, name) = path.rsplit_once('/').map_or((None, path), |(parents, name)| (Some(parents), name));
    let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut held: Option<OwnedFd> = None;
    for part in parents.into_iter().flat_map(|parents| parents.split('/')) {
        let from = held.as_ref().unwrap_or(folder);
        held = Some(rustix::fs::openat(from, part, step, Mode::empty())?);
    }
    let from = held.as_ref().unwrap_or(folder);
    Ok(rustix::fs::openat(from, name, flags | OFlags::NOFOLLOW, Mode::empty())?)
}

/// How reading a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steadiness {
    /// Size and times were the same before and after.
    Steady,
    /// It changed, every time it was read.
    Changing,
}

/// Whether two looks at a file saw the same content, as far as the system tells.
pub fn same(before: &Stat, after: &Stat) -> bool {
    let key = |s: &Stat| (s.st_size, s.st_mtime, s.st_mtime_nsec, s.st_ctime, s.st_ctime_nsec);
    key(before) == key(after)
}

/// Appends a whole file to `bytes`, again and again until it held still. Gives what the file was at the last read. A
/// file that outgrows [`SMALL_BYTES_MAX`] meanwhile counts as changing, and no more of it is held.
pub fn read_small(file: &File, first: Stat, bytes: &mut Vec<u8>) -> io::Result<(Stat, Steadiness)> {
    let start = bytes.len();
    if first.st_size as u64 > SMALL_BYTES_MAX {
        read_at_most(file, bytes, SMALL_BYTES_MAX)?;
        return Ok((first, Steadiness::Changing));
    }
    let mut before = first;
    for attempt in 0..TRIES {
        bytes.truncate(start);
        let size = before.st_size as u64;
        // One byte more than the size, so that growth is seen and the end needs no second call.
        let read = read_at_most(file, bytes, size + 1)?;
        let after = rustix::fs::fstat(file)?;
        if read == size && same(&before, &after) {
            return Ok((after, Steadiness::Steady));
        }
        before = after;
        if before.st_size as u64 > SMALL_BYTES_MAX {
            break;
        }
        if attempt + 1 < TRIES {
            std::thread::sleep(std::time::Duration::from_millis(2 << attempt));
        }
    }
    Ok((before, Steadiness::Changing))
}

/// Appends up to `limit` bytes from the start of the file; gives how many.
fn read_at_most(file: &File, bytes: &mut Vec<u8>, limit: u64) -> io::Result<u64> {
    let start = bytes.len();
    let limit = limit as usize;
    bytes.resize(start + limit, 0);
    let mut have = 0;
    while have < limit {
        match file.read_at(&mut bytes[start + have..], have as u64) {
            Ok(0) => break,
            Ok(count) if have + count == limit - 1 => {
                have += count;
                break;
            }
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                bytes.truncate(start);
                return Err(error);
            }
        }
    }
    bytes.truncate(start + have);
    Ok(have as u64)
}

/// Fills `bytes` from `offset`; gives how many were there before the file ended, the rest stays as it is.
pub fn read_piece(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut have = 0;
    while have < bytes.len() {
        match file.read_at(&mut bytes[have..], offset + have as u64) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

/// Reads into `buffer` until it is full or the input ends.
pub fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < buffer.len() {
        match input.read(&mut buffer[have..]) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_that_has_outgrown_what_is_held_no_more_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(SMALL_BYTES_MAX + 5).unwrap();
        let (mut bytes, stat) = (vec![7], rustix::fs::fstat(&file).unwrap());
        let (_, steadiness) = read_small(&file, stat, &mut bytes).unwrap();
        assert_eq!((bytes.len() as u64, steadiness), (1 + SMALL_BYTES_MAX, Steadiness::Changing));
        file.set_len(SMALL_BYTES_MAX).unwrap();
        let (_, steadiness) = read_small(&file, rustix::fs::fstat(&file).unwrap(), &mut bytes).unwrap();
        assert_eq!((bytes.len() as u64, steadiness), (1 + 2 * SMALL_BYTES_MAX, Steadiness::Steady));
    }
}
