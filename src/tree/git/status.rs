//! Whether the files are those of the commit, as `git status` would say, without starting anything or writing the index.

use crate::error::Result;
use crate::tree::git::open::{Checkout, open};
use gix::Repository;
use gix::attrs::StateRef;
use gix::bstr::{BStr, BString};
use gix::dir::walk::{Delegate, EmissionMode};
use gix::dir::{EntryRef, entry};
use gix::hash::ObjectId;
use gix::index::entry::{Flags, Mode};
use gix::status::index_worktree::Options;
use gix::status::plumbing::index_as_worktree::traits::{HashEq, SubmoduleStatus};
use gix::status::plumbing::index_as_worktree_with_renames::{Entry, Summary, VisitEntry};
use gix::status::tree_index::TrackRenames;
use gix::worktree::stack::state::attributes::Source;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// How many paths are named.
const PATHS_MAX: usize = 10;

/// What differs between HEAD and the files. Only files under the root that was asked for count, not those of the rest
/// of the work tree, and none under an excluded path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Tracked files that were changed, added, deleted, or are in conflict, in the index or in the work tree.
    pub changed: u64,
    /// Files that are neither tracked nor ignored.
    pub untracked: u64,
    /// Files that were not compared: the index says to skip them (`skip-worktree` of a sparse checkout, `assume-unchanged`),
    /// or a filter that the repository's configuration names would have to be run.
    pub uncompared: u64,
    /// Submodules whose commit is the recorded one; what lies in them was not looked at.
    pub submodules: u64,
    /// The first of the changed and untracked paths in bytewise order, relative to the work tree.
    pub paths: Vec<String>,
    /// Every one of them, for gates.
    pub differing: Differing,
    /// What could not be read, and why, for people. The numbers are then too small.
    pub unread: Option<String>,
}

/// Every path that counts, sorted, relative to the root; those that are not UTF-8, and so can be no payload, are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// See [`Status::changed`].
    pub changed: Vec<String>,
    /// See [`Status::untracked`].
    pub untracked: Vec<String>,
    /// See [`Status::uncompared`].
    pub uncompared: Vec<String>,
}

impl Status {
    /// Whether the commit describes the files. Unknown, `None`, where something could not be read or compared.
    pub fn is_clean(&self) -> Option<bool> {
        match self {
            Status { changed: 0, untracked: 0, uncompared: 0, unread: None, .. } => Some(true),
            Status { changed: 0, untracked: 0, .. } => None,
            _ => Some(false),
        }
    }
}

/// The status of the checkout that `root` is, or lies in; `None` without one. `excluded` are absolute paths of files and folders that say
/// nothing of the tree: the output folder, a store.
///
/// Line ends, `ident` and encodings are converted as the attributes say; filters of the configuration are not run.
pub fn status(root: &Path, excluded: &[PathBuf]) -> Result<Option<Status>> {
    let Some(checkout) = open(root)? else { return Ok(None) };
    let mut status = Status::default();
    match &checkout.repository {
        Err(why) => status.unread = Some(why.clone()),
        Ok(repository) => match read(repository, &checkout, excluded) {
            Ok(found) => status = found,
            Err(error) => status.unread = Some(checkout.fault(error)),
        },
    }
    Ok(Some(status))
}

fn read(repository: &Repository, checkout: &Checkout, excluded: &[PathBuf]) -> gix::Result<Status> {
    let index = repository.index_or_empty()?;
    let mut seen = Seen::new(repository, checkout, excluded);
    // The working folder of this process must not matter: nothing here is limited to it.
    let empty = gix::index::State::new(repository.object_hash());
    let mut all = repository.pathspec(false, None::<&BStr>, false, &empty, Source::IdMapping)?;
    let tree = repository.head_tree_id_or_empty()?;
    repository.tree_index_status(&tree, &index, Some(&mut all), TrackRenames::Disabled, |change, _, _| {
        seen.changed(change.fields().0);
        Ok(ControlFlow::Continue(()))
    })?;
    let submodules = Submodules { work_tree: seen.work_tree.clone() };
    let attributes = repository.attributes_only(&index, Source::WorktreeThenIdMapping)?;
    let (progress, never) = (&mut gix::progress::Discard, AtomicBool::new(false));
    repository.index_worktree_status(
        &index,
        None::<&BStr>,
        &mut Tracked { seen: &mut seen, attributes },
        // Not by size: what a file is in git may be longer or shorter than in the tree.
        HashEq,
        submodules,
        progress,
        &never,
        Options::default(),
    )?;
    // Apart, since together all paths would be kept until the end of the walk.
    let walk = repository.dirwalk_options()?.empty_patterns_match_prefix(false);
    let walk = walk.emit_untracked(EmissionMode::Matching);
    repository.dirwalk(&index, None::<&BStr>, &never, walk, &mut Untracked { seen: &mut seen })?;
    for entry in index.entries() {
        let path = entry.path(&index);
        if entry.flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID) {
            seen.uncompared(path);
        } else if entry.mode == Mode::COMMIT {
            seen.submodule(path);
        }
    }
    Ok(seen.finish())
}

/// What was met.
struct Seen {
    work_tree: PathBuf,
    /// The root in the work tree, with a slash at its end; empty for the work tree itself.
    root: Vec<u8>,
    /// Paths in the work tree.
    excluded: Vec<Vec<u8>>,
    changed: HashSet<BString>,
    untracked: Vec<BString>,
    uncompared: Vec<BString>,
    first: BTreeSet<BString>,
    status: Status,
}

impl Seen {
    fn new(repository: &Repository, checkout: &Checkout, excluded: &[PathBuf]) -> Seen {
        let work_tree = repository.workdir().and_then(|workdir| fs::canonicalize(workdir).ok());
        let work_tree = work_tree.unwrap_or_else(|| checkout.work_tree.clone());
        let inside = |path: &Path| {
            let inside = path.strip_prefix(&work_tree).ok()?;
            Some(inside.as_os_str().as_encoded_bytes().to_vec())
        };
        let mut root = inside(&checkout.root).unwrap_or_default();
        if !root.is_empty() {
            root.push(b'/');
        }
        // A link is excluded as what it is, and as what it leads to.
        let itself = |path: &PathBuf| Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
        let both = excluded.iter().flat_map(|path| [itself(path), fs::canonicalize(path).ok()]);
        let excluded = both.flatten().filter_map(|path| inside(&path)).collect();
        Seen {
            root,
            excluded,
            changed: HashSet::new(),
            untracked: Vec::new(),
            uncompared: Vec::new(),
            first: BTreeSet::new(),
            status: Status::default(),
            work_tree: work_tree.clone(),
        }
    }

    fn counts(&self, path: &BStr) -> bool {
        let is_in = |folder: &Vec<u8>| {
            path.strip_prefix(folder.as_slice()).is_some_and(|rest| rest.first().is_none_or(|&b| b == b'/'))
        };
        path.starts_with(&self.root) && !self.excluded.iter().any(is_in)
    }

    fn changed(&mut self, path: &BStr) {
        if self.counts(path) && self.changed.insert(path.to_owned()) {
            self.status.changed += 1;
            self.name(path);
        }
    }

    fn untracked(&mut self, path: &BStr) {
        if self.counts(path) {
            self.status.untracked += 1;
            self.untracked.push(path.to_owned());
            self.name(path);
        }
    }

    fn uncompared(&mut self, path: &BStr) {
        if self.counts(path) {
            self.status.uncompared += 1;
            self.uncompared.push(path.to_owned());
        }
    }

    fn submodule(&mut self, path: &BStr) {
        self.status.submodules += u64::from(self.counts(path) && !self.changed.contains(path));
    }

    fn name(&mut self, path: &BStr) {
        self.first.insert(path.to_owned());
        if self.first.len() > PATHS_MAX {
            self.first.pop_last();
        }
    }

    fn finish(mut self) -> Status {
        self.status.paths = self.first.iter().map(ToString::to_string).collect();
        self.status.differing = Differing {
            changed: in_root(self.changed.iter(), &self.root),
            untracked: in_root(self.untracked.iter(), &self.root),
            uncompared: in_root(self.uncompared.iter(), &self.root),
        };
        self.status
    }
}

/// Paths of the work tree as paths of the root.
fn in_root<'p>(paths: impl Iterator<Item = &'p BString>, root: &[u8]) -> Vec<String> {
    let inside = paths.filter_map(|path| path.strip_prefix(root));
    let mut inside: Vec<String> =
        inside.filter_map(|path| Some(std::str::from_utf8(path).ok()?.to_owned())).collect();
    inside.sort_unstable();
    inside
}

/// Takes the files of the work tree that are none of the index.
struct Untracked<'s> {
    seen: &'s mut Seen,
}

impl Delegate for Untracked<'_> {
    fn emit(&mut self, entry: EntryRef<'_>, _: Option<entry::Status>) -> ControlFlow<()> {
        if entry.status == entry::Status::Untracked {
            self.seen.untracked(&entry.rela_path);
        }
        ControlFlow::Continue(())
    }
}

/// Takes the entries of the index that the work tree differs from.
struct Tracked<'r, 's> {
    seen: &'s mut Seen,
    attributes: gix::AttributeStack<'r>,
}

impl<'i> VisitEntry<'i> for Tracked<'_, '_> {
    type ContentChange = ObjectId;
    type SubmoduleStatus = ();

    fn visit_entry(&mut self, entry: Entry<'i, ObjectId, ()>) {
        let path = entry.destination_rela_path();
        match entry.summary() {
            None => {}
            Some(Summary::Modified) if self.has_filter(path) => self.seen.uncompared(path),
            Some(_) => self.seen.changed(path),
        }
    }
}

impl Tracked<'_, '_> {
    /// Whether a filter would make other bytes of the file.
    fn has_filter(&mut self, path: &BStr) -> bool {
        let mut found = self.attributes.selected_attribute_matches(["filter"]);
        let Ok(platform) = self.attributes.at_entry(path, None) else { return false };
        platform.matching_attributes(&mut found);
        found
            .iter_selected()
            .any(|found| matches!(found.assignment.state, StateRef::Set | StateRef::Value(_)))
    }
}

/// Compares the commit that is checked out in a submodule with the recorded one, and nothing else.
#[derive(Clone)]
struct Submodules {
    work_tree: PathBuf,
}

impl SubmoduleStatus for Submodules {
    type Output = ();

    fn status(&mut self, entry: &gix::index::Entry, path: &BStr) -> gix::Result<Option<()>> {
        let folder = self.work_tree.join(gix::path::from_bstr(path)?);
        // One that is not checked out has nothing that could differ.
        if folder.join(".git").symlink_metadata().is_err() {
            return Ok(None);
        }
        let options = gix::open::Options::isolated().bail_if_untrusted(false);
        let head = gix::open_opts(&folder, options).and_then(|repository| Ok(repository.head_id()?.detach()));
        Ok((head.ok() != Some(entry.id)).then_some(()))
    }
}

#[cfg(test)]
mod tests;
