//! A private folder for a run, gone when the run ends. What a killed run left behind is removed by the next one.

use crate::finding::{Code, Finding};
use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use rustix::fs::OFlags;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the names begin with.
const PREFIX: &str = ".attestar-run-";

/// The file in it that is locked for as long as its run lives; the system unlocks it when the process ends.
const LOCK: &str = "lock";

/// How long is waited for a lock that another run holds: what a killed one left may be large, and is removed under it.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long is waited between two tries.
const PAUSE: Duration = Duration::from_millis(20);

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
    pub fn new(parent: &Path, watch: &Watch) -> Result<Scratch> {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        // Nobody looks for what was abandoned while a folder is there without its lock.
        let held = locked(File::open(parent), parent, watch)?;
        let abandoned = remove_abandoned(parent)?;
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(parent);
        let folder = folder.map_err(Error::io("create a folder in", parent))?;
        let path = folder.path().join(LOCK);
        let lock = locked(File::create(&path), &path, watch)?;
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
        let _held = locked(File::open(&self.parent), &self.parent, &Watch::default())?;
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

/// A file or folder that is locked until it is dropped, or its process ends. A run holds one for as long as it takes to make or
/// remove a folder; whoever holds it longer keeps nobody waiting for good.
fn locked(opened: io::Result<File>, path: &Path, watch: &Watch) -> Result<File> {
    let opened = opened.map_err(Error::io("open", path))?;
    let begun = Instant::now();
    loop {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => watch.pause(PAUSE)?,
            Err(TryLockError::WouldBlock) => {
                let message = format!("{} is locked by another program", path.display());
                return Err(Error::input(
                    message,
                    "`fuser` or `lsof` names it; or another folder for the scratch",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
        }
    }
}

/// Opens the lock of a run, whatever lies there: a pipe keeps nobody waiting, and no link is followed.
fn open_lock(folder: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(folder.join(LOCK))
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
        let lock = open_lock(&path);
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
        let scratch = Scratch::new(&parent.path().join("state"), &Watch::default()).unwrap();
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
        let alive = Scratch::new(parent.path(), &Watch::default()).unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("app.db"), "secret").unwrap();
        let unlocked = parent.path().join(format!("{PREFIX}unlocked"));
        fs::create_dir(&unlocked).unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        let next = Scratch::new(parent.path(), &Watch::default()).unwrap();
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
                        let scratch = Scratch::new(parent.path(), &Watch::default()).unwrap();
                        assert!(scratch.findings().is_empty(), "{:?}", scratch.abandoned);
                        scratch.make("captures").unwrap();
                        scratch.remove().unwrap();
                    }
                });
            }
        });
    }

    #[test]
    fn one_that_waits_for_a_lock_can_be_interrupted() {
        let parent = tempfile::tempdir().unwrap();
        let held = File::open(parent.path()).unwrap();
        held.lock().unwrap();
        let watch = Watch::default();
        watch.interrupt();
        assert!(matches!(Scratch::new(parent.path(), &watch), Err(Error::Interrupted)));
    }

    #[test]
    fn a_pipe_in_the_place_of_a_lock_keeps_nobody_waiting() {
        let parent = tempfile::tempdir().unwrap();
        let odd = parent.path().join(format!("{PREFIX}odd"));
        fs::create_dir(&odd).unwrap();
        let made = std::process::Command::new("mkfifo").arg(odd.join(LOCK)).status().unwrap();
        assert!(made.success());
        Scratch::new(parent.path(), &Watch::default()).unwrap();
        assert!(!odd.exists());
    }
}
