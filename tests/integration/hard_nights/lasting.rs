//! What of a disk lasts when its power fails, by the calls that were made: of a file what it was when it was synced, of a
//! folder the names that it had when it was. Nothing else does.

use super::syscalls::Call;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// The flags of `open` that matter here, and the one of `renameat2`.
const O_CREAT: u64 = 0o100;
const RENAME_NOREPLACE: u64 = 1;

/// Which names in folders last. File systems differ; whatever is built upon one of these is in danger on some.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Names {
    /// Those that were synced.
    Synced,
    /// All: only the bytes of files need syncing.
    All,
}

/// A disk below one folder.
#[derive(Clone)]
pub(super) struct Disk {
    nodes: Vec<Node>,
}

#[derive(Clone)]
enum Node {
    /// What lasts of it, and its mode.
    File(Arc<Vec<u8>>, u32),
    Folder {
        now: BTreeMap<String, usize>,
        synced: BTreeMap<String, usize>,
    },
}

/// Everything below a folder that lasts: paths, and for files their bytes and mode.
pub(super) type Lasting = BTreeMap<String, Option<(Arc<Vec<u8>>, u32)>>;

impl Disk {
    /// The folders as they are, all of it synced long ago.
    pub(super) fn of(root: &Path) -> Disk {
        let mut disk = Disk { nodes: Vec::new() };
        disk.take(root);
        disk
    }

    fn take(&mut self, path: &Path) -> usize {
        let place = self.nodes.len();
        if path.is_file() {
            let mode = path.metadata().unwrap().permissions().mode();
            self.nodes.push(Node::File(Arc::new(fs::read(path).unwrap()), mode));
            return place;
        }
        self.nodes.push(empty());
        let names = crate::world::names_in(path);
        let names: BTreeMap<String, usize> =
            names.into_iter().map(|name| (name.clone(), self.take(&path.join(name)))).collect();
        self.nodes[place] = Node::Folder { now: names.clone(), synced: names };
        place
    }

    fn find(&self, path: &Path) -> Option<usize> {
        path.iter().try_fold(0, |place, part| self.names(place)?.get(part.to_str()?).copied())
    }

    fn names(&self, place: usize) -> Option<&BTreeMap<String, usize>> {
        match &self.nodes[place] {
            Node::Folder { now, .. } => Some(now),
            Node::File(..) => None,
        }
    }

    /// The names of the folder in which a path lies, and its own name there; nothing if the folder is not there.
    fn within<'p>(&mut self, path: &'p Path) -> Option<(&mut BTreeMap<String, usize>, &'p str)> {
        let folder = self.find(path.parent()?)?;
        match &mut self.nodes[folder] {
            Node::Folder { now, .. } => Some((now, path.file_name()?.to_str()?)),
            Node::File(..) => None,
        }
    }

    fn make(&mut self, path: &Path, node: Node) {
        let place = self.nodes.len();
        if let Some((names, name)) = self.within(path)
            && !names.contains_key(name)
        {
            names.insert(name.to_owned(), place);
            self.nodes.push(node);
        }
    }

    fn remove(&mut self, path: &Path) -> Option<usize> {
        let (names, name) = self.within(path)?;
        names.remove(name)
    }

    fn rename(&mut self, from: &Path, to: &Path, flags: u64) {
        let is_taken = flags & RENAME_NOREPLACE != 0 && self.find(to).is_some();
        if !is_taken && let Some(place) = self.remove(from) {
            let (names, name) = self.within(to).expect("the folder is there");
            names.insert(name.to_owned(), place);
        }
    }

    /// What is synced now lasts; of a file that are these bytes.
    fn sync(&mut self, path: &Path, bytes: &Path) {
        let Some(place) = self.find(path) else { return };
        match &mut self.nodes[place] {
            Node::File(lasting, _) => *lasting = Arc::new(fs::read(bytes).unwrap()),
            Node::Folder { now, synced } => *synced = now.clone(),
        }
    }

    /// Does to the disk, whose root is `root`, what a call does. What a file held when it was synced lies in `bytes`.
    pub(super) fn does(&mut self, call: &Call, root: &Path, bytes: &Path) {
        let path = |at: usize| Path::new(call.arguments.get(at)?).strip_prefix(root).ok();
        let flags = |at: usize| call.arguments.get(at).map_or(0, |flags| flags.parse().unwrap());
        let Some(first) = path(0) else { return };
        match &*call.name {
            "open" | "openat" | "openat2" if flags(1) & O_CREAT != 0 => self.make(first, file()),
            "mkdir" | "mkdirat" => self.make(first, empty()),
            "rename" | "renameat" | "renameat2" => {
                self.rename(first, path(1).expect("within the root"), flags(2));
            }
            "unlink" | "unlinkat" | "rmdir" => drop(self.remove(first)),
            "fsync" | "fdatasync" => self.sync(first, bytes),
            // What is written lasts once it is synced.
            "write" | "pwrite64" | "writev" | "ftruncate" | "fallocate" | "fchmod" | "open" | "openat"
            | "openat2" => {}
            other => panic!("{other}: what does it do to a disk?"),
        }
    }

    /// What lasts, below each of these folders.
    pub(super) fn lasting(&self, folders: &[&str], names: Names) -> Lasting {
        let mut all = Lasting::new();
        self.collect(0, "", names, &mut all);
        let is_below = |path: &str| {
            folders
                .iter()
                .any(|folder| Path::new(path).starts_with(folder) || Path::new(folder).starts_with(path))
        };
        all.retain(|path, _| is_below(path));
        all
    }

    fn collect(&self, place: usize, path: &str, which: Names, all: &mut Lasting) {
        match &self.nodes[place] {
            Node::File(bytes, mode) => drop(all.insert(path.to_owned(), Some((bytes.clone(), *mode)))),
            Node::Folder { now, synced } => {
                if !path.is_empty() {
                    all.insert(path.to_owned(), None);
                }
                for (name, place) in if which == Names::All { now } else { synced } {
                    let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    self.collect(*place, &below, which, all);
                }
            }
        }
    }

    /// Every name that there is now, whether it lasts or not.
    pub(super) fn now(&self, folders: &[&str]) -> Vec<String> {
        self.lasting(folders, Names::All).into_keys().collect()
    }
}

fn empty() -> Node {
    Node::Folder { now: BTreeMap::new(), synced: BTreeMap::new() }
}

fn file() -> Node {
    Node::File(Arc::default(), 0o600)
}

/// Puts what lasted below a folder in which none of it is.
pub(super) fn lay(lasting: &Lasting, root: &Path) {
    for (path, file) in lasting {
        let path = root.join(path);
        match file {
            None => fs::create_dir_all(&path).unwrap(),
            Some((bytes, mode)) => {
                fs::write(&path, &**bytes).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
            }
        }
    }
}
