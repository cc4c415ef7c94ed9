//! The folder that a restore ends in: filled beside or inside it, and taken only once everything is verified.

use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a freshly made file system has, and what a restore into it leaves alone.
const OF_THE_FILE_SYSTEM: &str = "lost+found";

/// A new or empty folder, and the work folder that becomes it.
pub struct Destination {
    to: PathBuf,
    work: TempDir,
    /// Whether the work folder lies inside: a mounted volume cannot be replaced, only filled.
    inside: bool,
}

impl Destination {
    /// Refuses a folder that holds something, and makes the work folder on the same file system.
    pub fn prepare(to: &Path) -> Result<Destination> {
        let exists = match fs::symlink_metadata(to) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => {
                return Err(Error::input(
                    format!("{} is there already, and is no folder", to.display()),
                    "choose a new --to",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::io("open", to)(error)),
        };
        if exists {
            refuse_full(to)?;
        }
        let parent = parent_of(to)?;
        fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
        let inside = exists && !replaceable(to, &parent)?;
        let name = to.file_name().unwrap_or(OsStr::new("restore")).to_string_lossy().into_owned();
        let (prefix, folder) = if inside { (".".to_owned(), to) } else { (format!(".{name}."), &*parent) };
        let work = tempfile::Builder::new().prefix(&prefix).suffix(".restoring").tempdir_in(folder);
        let work = work.map_err(Error::io("create a folder in", folder))?;
        let tree = work.path().join("tree");
        fs::create_dir(&tree).map_err(Error::io("create", tree))?;
        Ok(Destination { to: to.to_owned(), work, inside })
    }

    /// The folder to fill.
    pub fn work(&self) -> PathBuf {
        self.work.path().join("tree")
    }

    /// Puts everything in its place.
    pub fn publish(self) -> Result<()> {
        let tree = self.work();
        if !self.inside {
            // An empty folder may be replaced by a rename; a full one may not, so nothing is lost in a race.
            if self.to.is_dir() {
                let mode = fs::metadata(&self.to).map_err(Error::io("open", &self.to))?.permissions();
                fs::set_permissions(&tree, mode).map_err(Error::io("set the mode of", &tree))?;
            }
            fs::rename(&tree, &self.to).map_err(Error::io("create", &self.to))?;
        } else {
            for entry in fs::read_dir(&tree).map_err(Error::io("read", &tree))? {
                let entry = entry.map_err(Error::io("read", &tree))?;
                let to = self.to.join(entry.file_name());
                fs::rename(entry.path(), &to).map_err(Error::io("create", to))?;
            }
        }
        let parent = if self.inside { self.to.clone() } else { parent_of(&self.to)? };
        fs::File::open(&parent).and_then(|folder| folder.sync_all()).map_err(Error::io("write", parent))
    }
}

fn parent_of(to: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(to).map_err(Error::io("open", to))?;
    Ok(absolute.parent().unwrap_or(&absolute).to_owned())
}

fn refuse_full(to: &Path) -> Result<()> {
    for entry in fs::read_dir(to).map_err(Error::io("read", to))? {
        let entry = entry.map_err(Error::io("read", to))?;
        if entry.file_name() != OF_THE_FILE_SYSTEM {
            return Err(Error::input(
                format!(
                    "{} is not empty: there is {} in it",
                    to.display(),
                    entry.file_name().to_string_lossy()
                ),
                "restore into a new folder; nothing is ever restored over something",
            ));
        }
    }
    Ok(())
}

/// Whether a rename can replace the folder: not if it is a mount point, not empty to the system, or if nothing may be
/// made beside it.
fn replaceable(to: &Path, parent: &Path) -> Result<bool> {
    if is_mount_point(to) {
        return Ok(false);
    }
    let device =
        |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).map_err(Error::io("open", path));
    let empty = fs::read_dir(to).map_err(Error::io("read", to))?.next().is_none();
    Ok(empty && device(to)? == device(parent)? && tempfile::tempfile_in(parent).is_ok())
}

/// Whether something is mounted there, a folder of the same file system included. Elsewhere than on Linux only the device
/// tells.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS);
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &Path) -> bool {
    false
}
