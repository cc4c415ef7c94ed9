//! The scratch of a drill: a private folder where nothing else lies, with room for what is restored, gone at the end.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::units::size;
use crate::pipeline::scratch::Scratch;
use crate::pipeline::watch::Watch;
use crate::policy::capture::Source;
use crate::verbs::drill::{Request, live};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// Of the folders above what is restored: others pass through, and see nothing.
const PASSABLE: u32 = 0o711;

/// That others may look into a folder, or write to it, as modes say it.
const READ: u32 = 0o044;
const WRITE: u32 = 0o022;

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

    /// Lets nobody else look into what was restored: where a server is another user's, others pass by it.
    pub(super) fn shut(&self) -> Result<()> {
        let restored = self.restored();
        fs::set_permissions(&restored, fs::Permissions::from_mode(0o700))
            .map_err(Error::io("change", restored))
    }

    /// The signed list of the payload.
    pub(super) fn manifest(&self) -> PathBuf {
        self.0.join("manifest-sha256.txt")
    }

    /// Keeps that list, for this user alone.
    pub(super) fn keep_manifest(&self, list: &[u8]) -> Result<()> {
        let path = self.manifest();
        let file = fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(list)).map_err(Error::io("write", path))
    }

    /// What earlier drills left.
    pub(super) fn findings(&self) -> Vec<Finding> {
        self.0.findings()
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

/// Makes it, where it can do no harm: that is judged before anything is made, and again once it is there.
pub(super) fn make(request: &Request<'_>, watch: &Watch) -> Result<Room> {
    let (folder, open) = match &request.policy.drill.scratch {
        Some(named) => (Path::new(named), open_to_others(Path::new(named))?),
        None => (request.scratch, WRITE),
    };
    // What lies beside it where others may write is theirs.
    if open & WRITE == 0 {
        is_apart(request, &meant(folder)?)?;
    }
    let me = rustix::process::geteuid().as_raw();
    let parent = if open == 0 { folder.to_owned() } else { folder.join(format!("attestar-{me}")) };
    is_apart(request, &meant(&parent)?)?;
    if open == 0 {
        make_passable(&parent)?
    } else {
        own_folder(&parent)?
    }
    let parent = parent.canonicalize().map_err(Error::io("open", &parent))?;
    is_apart(request, &parent)?;
    let scratch = Scratch::new(&parent, watch)?;
    scratch.make("work")?;
    Ok(Room(scratch))
}

/// How others may look into a folder, or write to it: they could lock it, or put something beside what is made in it, and so
/// keep drills from running. One that is not there yet is made for this user alone.
fn open_to_others(folder: &Path) -> Result<u32> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.uid() != rustix::process::geteuid().as_raw() => Ok(WRITE),
        Ok(metadata) => Ok(metadata.mode() & (READ | WRITE)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Error::io("open", folder)(error)),
    }
}

/// Where a folder will lie that may not be there yet: what is there of it as it is called without links, and the rest.
fn meant(folder: &Path) -> Result<PathBuf> {
    for there in folder.ancestors() {
        match there.canonicalize() {
            Ok(place) => {
                let rest = folder.strip_prefix(there).unwrap_or(Path::new(""));
                let climbs = rest.components().any(|part| part == Component::ParentDir);
                return if climbs { Err(climbing(folder)) } else { Ok(place.join(rest)) };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("open", there)(error)),
        }
    }
    Ok(folder.to_owned())
}

fn climbing(folder: &Path) -> Error {
    let finding = Finding::new(Code::ScratchUnsafe, folder.display().to_string());
    let finding = finding.expected("a folder whose place is known before it is made");
    Error::refused(finding.actual("`..` after a folder that is not there"))
}

/// Makes a folder and those above it that are missing. The user of a throwaway server passes through them, whatever mode this
/// one's files get by themselves.
fn make_passable(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => passable(folder)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create", folder)(error)),
        }
    }
    Ok(())
}

fn passable(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(PASSABLE)).map_err(Error::io("change", folder))
}

/// A folder among those of everybody that is nobody else's.
fn own_folder(path: &Path) -> Result<()> {
    match fs::DirBuilder::new().mode(PASSABLE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", path)(error));
        }
        _ => {}
    }
    let metadata = fs::symlink_metadata(path).map_err(Error::io("open", path))?;
    let me = rustix::process::geteuid().as_raw();
    if metadata.is_dir() && metadata.uid() == me && metadata.mode() & 0o022 == 0 {
        return if metadata.mode() & 0o7777 == PASSABLE { Ok(()) } else { passable(path) };
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
