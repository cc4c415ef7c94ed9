//! The scratch of a drill: a private folder where nothing else lies, with room for what is restored, gone at the end.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::units::size;
use crate::pipeline::scratch::Scratch;
use crate::policy::capture::Source;
use crate::verbs::drill::{Request, live};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The scratch.
pub(super) struct Room(Scratch);

impl Room {
    /// Where the tree is restored.
    pub(super) fn restored(&self) -> PathBuf {
        self.0.join("restored")
    }

    /// Where probes work.
    pub(super) fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// The signed list of the payload.
    pub(super) fn manifest(&self) -> PathBuf {
        self.0.join("manifest-sha256.txt")
    }

    /// Removes it now.
    pub(super) fn remove(self) -> Result<()> {
        self.0.remove()
    }

    /// Leaves it where it is.
    pub(super) fn keep(self) -> Result<PathBuf> {
        self.0.keep()
    }
}

/// Makes it, where it can do no harm.
pub(super) fn make(request: &Request<'_>) -> Result<Room> {
    let parent = match &request.policy.drill.scratch {
        Some(folder) => PathBuf::from(folder),
        None => own_folder(request.scratch)?,
    };
    fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
    let parent = parent.canonicalize().map_err(Error::io("open", &parent))?;
    is_apart(request, &parent)?;
    let scratch = Scratch::new(&parent)?;
    scratch.make("work")?;
    Ok(Room(scratch))
}

/// A folder among those of everybody that is nobody else's: the user of a throwaway server passes through it, and sees
/// nothing of it.
fn own_folder(temporary: &Path) -> Result<PathBuf> {
    let me = rustix::process::geteuid().as_raw();
    let path = temporary.join(format!("attestar-{me}"));
    match fs::DirBuilder::new().mode(0o711).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", &path)(error));
        }
        _ => {}
    }
    let metadata = fs::symlink_metadata(&path).map_err(Error::io("open", &path))?;
    if metadata.is_dir() && metadata.uid() == me && metadata.mode() & 0o022 == 0 {
        return Ok(path);
    }
    let finding = Finding::new(Code::ScratchUnsafe, path.display().to_string());
    let finding = finding.expected("a folder of this user's that nobody else writes to");
    Err(Error::refused(finding.actual(format!(
        "user {}, mode {:o}",
        metadata.uid(),
        metadata.mode() & 0o7777
    ))))
}

/// Not in the tree, not in the store, not where a database that is captured lies.
fn is_apart(request: &Request<'_>, parent: &Path) -> Result<()> {
    let inside = |folder: &Path| folder.canonicalize().is_ok_and(|folder| parent.starts_with(folder));
    let refused = |what: &str, folder: &Path| {
        let finding = Finding::new(Code::ScratchUnsafe, parent.display().to_string());
        let finding = finding.expected("a folder apart from tree, store and databases");
        Err(Error::refused(finding.actual(format!("it lies {what} {}", folder.display()))))
    };
    // Where all of the machine is the tree, nothing is outside of it.
    let is_machine = request.tree.canonicalize().is_ok_and(|tree| tree == Path::new("/"));
    if !is_machine && inside(request.tree) {
        return refused("in the tree", request.tree);
    }
    let store = Path::new(request.store.place());
    if inside(store) {
        return refused("in the store", store);
    }
    if let Some((folder, what)) = live::around(parent) {
        return refused(&what, &folder);
    }
    for capture in &request.policy.captures {
        let (Source::Sqlite(path) | Source::Duckdb { path, .. }) = &capture.source else { continue };
        let file = request.tree.join(path.as_str());
        let folder = file.parent().unwrap_or(request.tree);
        if !(is_machine && folder == request.tree) && inside(folder) {
            return refused("in the folder of a live database,", folder);
        }
    }
    Ok(())
}

/// What no program of a probe may see: keys, what this host remembers, the store.
pub(super) fn hidden(request: &Request<'_>) -> Vec<PathBuf> {
    let store = PathBuf::from(request.store.place());
    request.hidden.iter().cloned().chain([store]).filter_map(|path| path.canonicalize().ok()).collect()
}

/// Refuses what cannot fit before anything is written.
pub(super) fn has_room(room: &Room, bytes: u64, limit: Option<u64>) -> Result<()> {
    let path = room.work();
    let disk = rustix::fs::statvfs(&path).map_err(|errno| Error::io("look at", &path)(errno.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let most = limit.map_or(free, |limit| limit.min(free));
    if bytes <= most {
        return Ok(());
    }
    let finding = Finding::new(Code::ScratchFull, "scratch").expected(format!("room for {}", size(bytes)));
    Err(Error::refused(finding.actual(match limit {
        Some(limit) if limit < free => format!("`disk_limit` allows {}", size(limit)),
        _ => format!("{} are free", size(free)),
    })))
}
