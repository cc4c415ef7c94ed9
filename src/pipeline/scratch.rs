//! A private folder for a run, gone when the run ends. What a killed run left behind is removed by the next one.

use crate::finding::{Code, Finding};
use crate::{Error, Result};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the names begin with.
const PREFIX: &str = ".attestar-run-";

/// The file in it that is locked for as long as its run lives; the system unlocks it when the process ends.
const LOCK: &str = "lock";

/// The folder of a run.
pub struct Scratch {
    folder: Option<TempDir>,
    parent: PathBuf,
    _lock: File,
    abandoned: Abandoned,
}

/// What earlier runs left behind.
#[derive(Debug, Default)]
struct Abandoned {
    removed: Vec<PathBuf>,
    /// What could not be removed. That is no reason not to run.
    left: Vec<Error>,
}

impl Scratch {
    /// Makes a folder in `parent`, which is made too, that nobody else may look into.
    pub fn new(parent: &Path) -> Result<Scratch> {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        // Nobody looks for what was abandoned while a folder is there without its lock.
        let held = locked(File::open(parent), parent)?;
        let abandoned = remove_abandoned(parent)?;
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(parent);
        let folder = folder.map_err(Error::io("create a folder in", parent))?;
        let path = folder.path().join(LOCK);
        let lock = locked(File::create(&path), &path)?;
        drop(held);
        Ok(Scratch { folder: Some(folder), parent: parent.to_owned(), _lock: lock, abandoned })
    }

    /// What earlier runs left on this host: what is gone now, and what could not be removed.
    pub fn findings(&self) -> Vec<Finding> {
        let cleaned = |path: &PathBuf| {
            let finding = Finding::warning(Code::Cleaned, path.display().to_string());
            finding.actual("a run that did not end had left it; it was removed")
        };
        let left = |error: &Error| {
            let finding = Finding::warning(Code::LeftBehind, error.to_string());
            finding.actual(format!("an earlier run had left it: {}", error.with_causes()))
        };
        let Abandoned { removed, left: stays } = &self.abandoned;
        removed.iter().map(cleaned).chain(stays.iter().map(left)).collect()
    }

    /// A new empty folder in it.
    pub fn make(&self, name: &str) -> Result<PathBuf> {
        let path = self.join(name);
        fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        Ok(path)
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.as_ref().map(|folder| folder.path().join(name)).unwrap_or_default()
    }

    /// Leaves it, under a name that no later run takes for abandoned, and says where.
    pub fn keep(mut self) -> Result<PathBuf> {
        let Some(folder) = self.folder.take() else { return Ok(PathBuf::new()) };
        let path = folder.keep();
        let name = path.file_name().unwrap_or_default().to_string_lossy().replace(PREFIX, "attestar-kept-");
        let kept = path.with_file_name(name);
        fs::rename(&path, &kept).map_err(Error::io("rename", &path))?;
        Ok(kept)
    }

    /// Removes it now, and says if that fails.
    pub fn remove(mut self) -> Result<()> {
        self.close()
    }

    fn close(&mut self) -> Result<()> {
        let Some(folder) = self.folder.take() else { return Ok(()) };
        let _held = locked(File::open(&self.parent), &self.parent)?;
        let path = folder.keep();
        remove_tree(&path).map_err(Error::io("remove", path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next run removes, and tells of, what is left.
        let _ = self.close();
    }
}

/// A file or folder that is locked until it is dropped, or its process ends.
fn locked(opened: io::Result<File>, path: &Path) -> Result<File> {
    let opened = opened.map_err(Error::io("open", path))?;
    opened.lock().map_err(Error::io("lock", path))?;
    Ok(opened)
}

/// Removes the folders whose runs do not live any more. One without a lock was left by a run that was killed as it made it.
fn remove_abandoned(parent: &Path) -> Result<Abandoned> {
    let mut abandoned = Abandoned::default();
    for entry in fs::read_dir(parent).map_err(Error::io("read", parent))? {
        let entry = entry.map_err(Error::io("read", parent))?;
        let is_run = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        if !is_run || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let lock = File::open(path.join(LOCK));
        let gone = match lock.as_ref().map(File::try_lock) {
            Ok(Err(TryLockError::WouldBlock)) => continue,
            Ok(Err(TryLockError::Error(error))) => Err(Error::io("lock", &path)(error)),
            Ok(Ok(())) | Err(_) => remove_tree(&path).map_err(Error::io("remove", &path)),
        };
        match gone {
            Ok(()) => abandoned.removed.push(path),
            Err(error) => abandoned.left.push(error),
        }
    }
    Ok(abandoned)
}

/// Removes a folder with everything in it, also where the mode of a folder keeps its owner from doing so: what was restored has
/// the modes that it had, and what a program made has any.
fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_folders(folder)?;
            fs::remove_dir_all(folder)
        }
        done => done,
    }
}

/// Lets their owner into all folders of a tree. No link is followed.
fn open_folders(top: &Path) -> io::Result<()> {
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let mode = fs::symlink_metadata(&folder)?.mode();
        if mode & 0o700 != 0o700 {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode & 0o777 | 0o700))?;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes_with_its_run() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(&parent.path().join("state")).unwrap();
        let folder = scratch.make("captures/app").unwrap();
        fs::write(folder.join("app.db"), "x").unwrap();
        let mode = fs::metadata(scratch.join("")).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, scratch.findings().len()), (0o700, 0));
        scratch.remove().unwrap();
        assert_eq!(fs::read_dir(parent.path().join("state")).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_lives_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Scratch::new(parent.path()).unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("app.db"), "secret").unwrap();
        let unlocked = parent.path().join(format!("{PREFIX}unlocked"));
        fs::create_dir(&unlocked).unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        let next = Scratch::new(parent.path()).unwrap();
        let mut gone = next.abandoned.removed.clone();
        gone.sort();
        assert_eq!(gone, [dead.clone(), unlocked.clone()]);
        assert!(!unlocked.exists());
        assert!(!dead.exists() && alive.join(LOCK).exists() && parent.path().join("other").exists());
    }

    #[test]
    fn runs_that_begin_at_once_do_not_take_each_others_folders() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let scratch = Scratch::new(parent.path()).unwrap();
                        assert!(scratch.findings().is_empty(), "{:?}", scratch.abandoned);
                        scratch.make("captures").unwrap();
                        scratch.remove().unwrap();
                    }
                });
            }
        });
    }
}
