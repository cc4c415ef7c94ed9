//! One layer (OCI image layer filesystem changeset): what is kept of it, and what it takes away from those below.

use crate::tree::artifact::bounds::{Budget, MEMBER_BYTES_MAX, Trouble};
use crate::tree::artifact::bytes::Bytes;
use crate::tree::artifact::image::{dpkg, rpm};
use crate::tree::artifact::parts::file_name;
use crate::tree::artifact::tar::{Entry, EntryKind, Tar, inside};
use crate::tree::lockfile::{LOCKFILE_BYTES_MAX, kind_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The largest manifest that is kept for the lockfile beside it, and how many are.
const BESIDE_BYTES_MAX: u64 = 256 << 10;
const BESIDE_MAX: usize = 4096;

/// The most files and folders that a layer may take away, and the most troubles that are kept of it.
const TAKEN_MAX: usize = 200_000;
const TROUBLES_MAX: usize = 100;

/// The most files that are kept of a layer.
const FILES_MAX: usize = 20_000;

/// What lockfile readers look for in their folder.
const BESIDE: &[&str] = &["package.json", "Cargo.toml", "pyproject.toml", "go.sum", "go.mod"];

/// Where the databases of packages lie, and what tells which system it is.
pub const APK: &[&str] = &["lib/apk/db/installed", "usr/lib/apk/db/installed"];
/// The release files, the one that is read first in front.
pub const OS_RELEASE: &[&str] = &["etc/os-release", "usr/lib/os-release"];

/// What is kept of a layer.
#[derive(Debug, Default)]
pub struct Layer {
    /// By path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Links where a database or release file is looked for, and where they point.
    pub links: BTreeMap<String, String>,
    /// Files and folders that those below lose: `.wh.NAME`, or a link or file in the place of a folder.
    pub removed: BTreeSet<String>,
    /// Folders that begin anew: `.wh..wh..opq`.
    pub opaque: BTreeSet<String>,
    /// What could not be read, by path.
    pub troubles: Vec<(String, Trouble)>,
}

impl Layer {
    fn trouble(&mut self, path: &str, trouble: Trouble) {
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push((path.to_owned(), trouble));
        }
    }
}

/// Walks a layer to its end, or to where it cannot be read; what was found until there counts.
pub fn walk(bytes: &mut dyn Bytes, budget: &mut Budget) -> Layer {
    let mut layer = Layer::default();
    let mut tar = Tar::new(bytes);
    loop {
        match tar.next(budget) {
            Ok(Some(entry)) => layer.entry(&entry, &mut tar, budget),
            Ok(None) => break,
            Err(trouble) => {
                layer.trouble("", trouble);
                return layer;
            }
        }
    }
    // What pads the tar; behind it stands the checksum of a compressed layer.
    if let Err(error) = io::copy(bytes, &mut io::sink()) {
        layer.trouble("", error.into());
    }
    layer
}

impl Layer {
    fn entry(&mut self, entry: &Entry, tar: &mut Tar<'_>, budget: &mut Budget) {
        let Some(path) = inside(&entry.path) else {
            self.trouble(&entry.path, Trouble::invalid("a path that leaves the layer"));
            return;
        };
        if let Some(name) = file_name(&path).strip_prefix(".wh.") {
            self.whiteout(&path, name, budget);
            return;
        }
        match entry.kind {
            EntryKind::File => self.file(path, tar, budget),
            EntryKind::Folder => {}
            EntryKind::Symlink => self.link(path, |path| resolved(path, &entry.link), budget),
            EntryKind::HardLink => self.link(path, |_| inside(&entry.link), budget),
            EntryKind::Other if is_place(&path) || kind_of(&path).is_some() => {
                self.trouble(&path, Trouble::invalid("it is a device, a FIFO or a sparse file"));
            }
            EntryKind::Other => {}
        }
    }

    fn whiteout(&mut self, path: &str, name: &str, budget: &mut Budget) {
        if let Err(trouble) = self.take_away(path, budget) {
            self.trouble(path, trouble);
            return;
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        match name {
            ".wh..opq" => drop(self.opaque.insert(folder.to_owned())),
            // Other names of that kind are the business of aufs.
            _ if name.starts_with(".wh.") => {}
            _ => drop(self.removed.insert(joined(folder, name))),
        }
    }

    /// Counts one more path that those below lose.
    fn take_away(&self, path: &str, budget: &mut Budget) -> Result<(), Trouble> {
        if self.removed.len() + self.opaque.len() >= TAKEN_MAX {
            return Err(Trouble::too_large(format!("more than {TAKEN_MAX} whiteouts")));
        }
        budget.spend(path.len() + 64)
    }

    fn file(&mut self, path: String, tar: &mut Tar<'_>, budget: &mut Budget) {
        let Some(most) = most_of(&path) else { return };
        let is_beside = !is_place(&path) && kind_of(&path).is_none();
        if is_beside && self.files.len() >= BESIDE_MAX {
            return;
        }
        if self.files.len() >= FILES_MAX {
            self.trouble(&path, Trouble::too_large(format!("more than {FILES_MAX} lockfiles")));
            return;
        }
        self.links.remove(&path);
        match budget.read(&mut tar.body(), most) {
            Ok(bytes) => drop(self.files.insert(path, bytes)),
            Err(_) if is_beside => {}
            Err(trouble) => {
                self.trouble(&path, trouble);
                // What lies below is not what the image has.
                self.removed.insert(path);
            }
        }
    }

    /// A link where a database is looked for is kept; whatever was there before it is gone.
    fn link(&mut self, path: String, target: impl Fn(&str) -> Option<String>, budget: &mut Budget) {
        let is_above = |place: &str| place.strip_prefix(&*path).is_some_and(|rest| rest.starts_with('/'));
        if most_of(&path).is_none() && !places().any(is_above) {
            return;
        }
        if let Err(trouble) = self.take_away(&path, budget) {
            self.trouble(&path, trouble);
            return;
        }
        self.files.remove(&path);
        if is_place(&path) {
            match target(&path) {
                Some(target) => drop(self.links.insert(path.clone(), target)),
                None => self.trouble(&path, Trouble::invalid("a link that leaves the layer")),
            }
        }
        self.removed.insert(path);
    }
}

/// Every place of a database or release file.
fn places() -> impl Iterator<Item = &'static str> {
    [dpkg::STATUS, dpkg::STATUS_FOLDER]
        .into_iter()
        .chain(APK.iter().copied())
        .chain(OS_RELEASE.iter().copied())
        .chain(rpm::PLACES.iter().copied())
        .chain(rpm::LOGS.iter().copied())
}

/// Whether a database or a release file is looked for here.
fn is_place(path: &str) -> bool {
    let in_folder = |rest: &str| rest.starts_with('/') && !rest.ends_with(".md5sums");
    path.strip_prefix(dpkg::STATUS_FOLDER).is_some_and(in_folder) || places().any(|place| place == path)
}

/// The most bytes that are kept of a file; `None` if nothing is.
fn most_of(path: &str) -> Option<u64> {
    if is_place(path) {
        return Some(MEMBER_BYTES_MAX);
    }
    // What others published says nothing of what is in the image.
    if path.split('/').any(|part| matches!(part, "node_modules" | "site-packages" | "dist-packages")) {
        return None;
    }
    if kind_of(path).is_some() {
        return Some(LOCKFILE_BYTES_MAX);
    }
    BESIDE.contains(&file_name(path)).then_some(BESIDE_BYTES_MAX)
}

/// Where a symbolic link points, from the top of the layer; `None` if it leaves it.
pub fn resolved(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => path.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
