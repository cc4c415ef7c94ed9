//! The walk over the tree's folders: every entry is looked at once, and only what a rule takes is asked for more.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::class::Class;
use crate::format::kind::Kind;
use crate::format::path::PackPath;
use crate::pipeline::crew;
use crate::policy::Policy;
use crate::tree::member::{Link, LinkTo, Member, MemberKind, Stamp};
use crate::tree::names;
use crate::tree::scan::ScanOptions;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The most threads that walk: past that the disk or the kernel's locks decide.
const THREADS_MAX: usize = 8;

/// What the walk gathers, in no order. Links are not resolved yet: each is [`LinkTo::Dangling`].
#[derive(Clone, Default)]
pub(super) struct Walk {
    pub(super) members: Vec<Member>,
    pub(super) unmatched: Vec<Box<str>>,
    pub(super) left_out: BTreeMap<Class, u64>,
    /// How many files and links each rule of the policy takes.
    pub(super) matches: Vec<u64>,
    pub(super) findings: Vec<Finding>,
    /// Names that cannot be sealed, and why: a folder's stands for everything in it.
    refused: BTreeMap<Vec<u8>, String>,
}

/// Walks the whole tree on all cores, following no link.
pub(super) fn walk(root: &Path, policy: &Policy, options: &ScanOptions<'_>) -> Result<Walk> {
    check_root(root)?;
    let plan = Plan { root, policy, kind: options.kind, excluded: excluded(root, options.excluded) };
    let seen = AtomicU64::new(0);
    let empty = Walk { matches: vec![0; policy.include.len()], ..Walk::default() };
    let walks = crew::work(Vec::new(), vec![empty; crew::hands(THREADS_MAX)], |walk, folder, folders| {
        let entries = Walker { plan: &plan, walk }.folder(folder, folders)?;
        (options.progress)(entries + seen.fetch_add(entries, Ordering::Relaxed))
    })?;
    let mut whole = walks.into_iter().reduce(Walk::add).unwrap_or_default();
    whole.note_refused();
    Ok(whole)
}

/// Adds every folder that holds something of the pack, with its own mode, time and owner; `members` stays in order.
pub(super) fn add_folders(root: &Path, members: &mut Vec<Member>) -> Result<()> {
    let (mut folders, mut before) = (Vec::new(), "");
    for path in members.iter().map(|member| member.path.as_str()) {
        folders.extend(names::new_folders(before, path));
        before = path;
    }
    let made = folders.into_iter().map(|folder| {
        let path = PackPath::new(folder.as_bytes()).expect("the folder of a valid path is one");
        let full = root.join(folder);
        let metadata = fs::symlink_metadata(&full).map_err(Error::io("read", &full))?;
        Ok(member(path, MemberKind::Dir, None, &metadata))
    });
    let made: Vec<Member> = made.collect::<Result<_>>()?;
    members.extend(made);
    // Nearly all are in order: a sort that sees that.
    members.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

impl Walk {
    /// Both together, without a third copy of the members.
    fn add(mut self, other: Walk) -> Walk {
        self.members.reserve_exact(other.members.len());
        self.members.extend(other.members);
        self.unmatched.extend(other.unmatched);
        for (class, count) in other.left_out {
            *self.left_out.entry(class).or_default() += count;
        }
        for (sum, count) in self.matches.iter_mut().zip(other.matches) {
            *sum += count;
        }
        self.findings.extend(other.findings);
        self.refused.extend(other.refused);
        self
    }

    fn note_refused(&mut self) {
        let finding = |(name, why): (&Vec<u8>, &String)| {
            Finding::new(Code::NameRefused, names::escape(name)).actual(why)
        };
        self.findings.extend(self.refused.iter().map(finding));
    }
}

/// What holds for the whole walk.
struct Plan<'a> {
    root: &'a Path,
    policy: &'a Policy,
    kind: Kind,
    excluded: HashSet<Vec<u8>>,
}

/// One thread's part of the walk.
struct Walker<'p, 'w> {
    plan: &'p Plan<'p>,
    walk: &'w mut Walk,
}

impl Walker<'_, '_> {
    /// Looks at everything in a folder, and puts the folders in it onto the list. Gives the number of entries.
    fn folder(&mut self, mut path: Vec<u8>, folders: &mut Vec<Vec<u8>>) -> Result<u64> {
        let full = self.full(&path);
        let entries = match fs::read_dir(&full) {
            // It was removed since it was listed: then it is not part of the tree.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_empty() => return Ok(0),
            entries => entries.map_err(Error::io("read the folder", &full))?,
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        let start = path.len();
        let mut seen = 0;
        for entry in entries {
            let entry = entry.map_err(Error::io("read the folder", &full))?;
            seen += 1;
            path.truncate(start);
            path.extend_from_slice(entry.file_name().as_bytes());
            if path[start..] == *b".git" || self.plan.excluded.contains(&path) {
                continue;
            }
            let file_type = entry.file_type().map_err(|error| Error::io("read", entry.path())(error))?;
            if file_type.is_dir() {
                folders.push(path.clone());
            } else {
                self.entry(&path, file_type, &entry)?;
            }
        }
        if seen == 0 && start > 0 {
            self.empty_folder(&path[..start - 1])?;
        }
        Ok(seen)
    }

    /// A file, a link, or something that cannot be archived.
    fn entry(&mut self, path: &[u8], file_type: FileType, entry: &DirEntry) -> Result<()> {
        let Some((rule, include)) = self.plan.policy.classify_bytes(path) else {
            self.walk.unmatched.push(names::escape(path).into());
            return Ok(());
        };
        let class = include.class;
        let is_payload = file_type.is_file() || file_type.is_symlink();
        self.walk.matches[rule] += u64::from(is_payload);
        if !self.plan.takes(class) {
            *self.walk.left_out.entry(class).or_default() += u64::from(is_payload);
            return Ok(());
        }
        let Some(path) = self.name(path) else { return Ok(()) };
        if !is_payload {
            let finding = Finding::new(Code::SpecialSkipped, path.as_str()).actual(special(file_type));
            self.walk.findings.push(finding);
            return Ok(());
        }
        let Some(metadata) = still_there(entry.metadata(), || entry.path())? else { return Ok(()) };
        if file_type.is_file() {
            self.add(path, MemberKind::File, class, &metadata);
        } else if let Some(target) = still_there(fs::read_link(entry.path()), || entry.path())? {
            self.link(path, target, class, &metadata);
        }
        Ok(())
    }

    fn link(&mut self, path: PackPath, target: PathBuf, class: Class, metadata: &Metadata) {
        match String::from_utf8(target.into_os_string().into_vec()) {
            Ok(target) => {
                let link = Link { target: target.into(), to: LinkTo::Dangling };
                self.add(path, MemberKind::Link(Box::new(link)), class, metadata);
            }
            Err(error) => {
                let actual = format!("leads to {}, which is not UTF-8", names::escape(error.as_bytes()));
                self.walk.findings.push(Finding::new(Code::NameRefused, path.as_str()).actual(actual));
            }
        }
    }

    fn empty_folder(&mut self, folder: &[u8]) -> Result<()> {
        let class = self.plan.policy.classify_folder(folder).map(|(_, include)| include.class);
        let Some(class) = class.filter(|&class| self.plan.takes(class)) else { return Ok(()) };
        let Some(path) = self.name(folder) else { return Ok(()) };
        let full = self.full(folder);
        if let Some(metadata) = still_there(fs::symlink_metadata(&full), || full.clone())? {
            self.add(path, MemberKind::Dir, class, &metadata);
        }
        Ok(())
    }

    /// The name as a path of the pack; if it cannot be one, that is noted.
    fn name(&mut self, path: &[u8]) -> Option<PackPath> {
        match names::check(path, self.plan.kind) {
            Ok(path) => Some(path),
            Err((at, why)) => {
                self.walk.refused.insert(at.to_vec(), why);
                None
            }
        }
    }

    fn add(&mut self, path: PackPath, kind: MemberKind, class: Class, metadata: &Metadata) {
        let special_bits = metadata.mode() & 0o7000;
        if special_bits != 0 && !matches!(kind, MemberKind::Link(_)) {
            let finding = Finding::new(Code::SetuidDropped, path.as_str());
            self.walk.findings.push(finding.actual(format!("mode {:o}", metadata.mode() & 0o7777)));
        }
        self.walk.members.push(member(path, kind, Some(class), metadata));
    }

    fn full(&self, path: &[u8]) -> PathBuf {
        let root = self.plan.root;
        if path.is_empty() { root.to_owned() } else { root.join(OsStr::from_bytes(path)) }
    }
}

impl Plan<'_> {
    fn takes(&self, class: Class) -> bool {
        self.kind == Kind::Backup || self.policy.release_classes.contains(&class)
    }
}

fn member(path: PackPath, kind: MemberKind, class: Option<Class>, metadata: &Metadata) -> Member {
    let is_file = kind == MemberKind::File;
    let stamp = || Stamp {
        ctime_ns: metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec()),
        inode: metadata.ino(),
        device: metadata.dev(),
    };
    Member {
        path,
        class,
        size: if is_file { metadata.size() } else { 0 },
        stamp: if is_file { stamp() } else { Stamp::default() },
        kind,
        mode: (metadata.mode() & 0o777) as u16,
        mtime_s: metadata.mtime(),
        mtime_ns: metadata.mtime_nsec() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
    }
}

fn check_root(root: &Path) -> Result<()> {
    let hint = "name the tree with -C DIR";
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::input(format!("{} is not a folder", root.display()), hint)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::input(format!("there is no folder {}", root.display()), hint))
        }
        Err(error) => Err(Error::io("read", root)(error)),
    }
}

/// What is excluded, relative to the root. A link is excluded where it lies and where it leads.
fn excluded(root: &Path, paths: &[PathBuf]) -> HashSet<Vec<u8>> {
    let root = real(root);
    let both = paths.iter().flat_map(|path| {
        let beside = path.parent().zip(path.file_name()).map(|(parent, name)| real(parent).join(name));
        [Some(real(path)), beside]
    });
    let relative = both
        .flatten()
        .filter_map(|path| Some(path.strip_prefix(&root).ok()?.as_os_str().as_bytes().to_vec()));
    relative.filter(|path| !path.is_empty()).collect()
}

/// The absolute path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    match real {
        Some((above, real)) => match path.strip_prefix(above) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        },
        None => path,
    }
}

/// `None` for what was removed since its folder was listed: it is no longer part of the tree.
fn still_there<T>(found: io::Result<T>, path: impl Fn() -> PathBuf) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path())(error)),
    }
}

fn special(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_socket() {
        "a socket"
    } else if file_type.is_fifo() {
        "a FIFO"
    } else {
        "a device"
    }
}
