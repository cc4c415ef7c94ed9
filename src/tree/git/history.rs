//! What older commits say: when a file was last committed, whether a branch has HEAD, what lay at a tag.

use crate::error::Result;
use crate::tree::git::open::{Checkout, object_within, open};
use gix::hash::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind;
use gix::prelude::ObjectIdExt;
use gix::{Commit, Repository};
use std::collections::{BinaryHeap, HashSet};
use std::fs;

/// How many commits are looked at for one question: some decades of a busy project, read in some seconds.
pub const COMMITS_MAX: usize = 50_000;

/// The largest commit or folder that is read, in bytes.
const TREE_BYTES_MAX: u64 = 16 << 20;

/// The most files of a commit that are listed.
const FILES_MAX: usize = 1_000_000;

/// The deepest folder that is listed.
const DEPTH_MAX: usize = 128;

/// The history of a checkout. What cannot be read is told in words: a history may be cut off, and then it does not say.
pub struct History {
    repository: Repository,
    /// The root in the work tree, with a slash at its end; empty for the work tree itself.
    root: String,
    checkout: Checkout,
}

type Answer<T> = std::result::Result<T, String>;

/// The history of the checkout that `root` is, or lies in; `None` without one, and the reason where it cannot be opened.
pub fn history(root: &std::path::Path) -> Result<Option<Answer<History>>> {
    let Some(checkout) = open(root)? else { return Ok(None) };
    let repository = match &checkout.repository {
        Ok(repository) => repository.clone(),
        Err(why) => return Ok(Some(Err(why.clone()))),
    };
    let work_tree = repository.workdir().and_then(|workdir| fs::canonicalize(workdir).ok());
    let work_tree = work_tree.unwrap_or_else(|| checkout.work_tree.clone());
    let inside = checkout.root.strip_prefix(&work_tree).ok().and_then(|inside| inside.to_str());
    let root = match inside {
        None => return Ok(Some(Err(checkout.fault("the tree's path in it is not UTF-8")))),
        Some("") => String::new(),
        Some(inside) => format!("{inside}/"),
    };
    Ok(Some(Ok(History { repository, root, checkout })))
}

impl History {
    /// When a file of the root was last committed, in seconds since 1970, by the commits that HEAD comes from: the
    /// committer's time of the newest one that gave it the content it has there. `None` if HEAD does not have it. At most
    /// [`COMMITS_MAX`] commits are looked at.
    pub fn committed_at(&self, path: &str) -> Answer<Option<i64>> {
        self.last_commit(path).map_err(|why| self.checkout.fault(format!("{path}: {why}")))
    }

    /// Whether HEAD has a file of the root.
    pub fn at_head(&self, path: &str) -> Answer<bool> {
        let read = || {
            let Some(head) = self.repository.head()?.id() else { return Ok(None) };
            Ok(Some(self.commit(head.detach())?.tree_id()?.detach()))
        };
        let tree = read().map_err(|error: gix::Error| self.checkout.fault(error))?;
        let Some(tree) = tree else { return Ok(false) };
        Ok(self.inside(tree, &format!("{}{path}", self.root))?.is_some())
    }

    /// Whether HEAD is on a branch, or before its end: the local one of this name, or that of `origin`. `None` where
    /// that cannot be told.
    pub fn on_branch(&self, branch: &str) -> Option<bool> {
        self.branch_has(branch, self.repository.head_id().ok()?.detach())
    }

    /// The same of the commit at which a tag ends.
    pub fn tag_on_branch(&self, tag: &str, branch: &str) -> Option<bool> {
        self.branch_has(branch, self.end_of(&format!("refs/tags/{tag}"))?)
    }

    /// Whether HEAD comes from the commit at which a tag ends. `None` where that cannot be told.
    pub fn comes_from(&self, tag: &str) -> Option<bool> {
        let head = self.repository.head_id().ok()?.detach();
        self.reaches(&[head], self.end_of(&format!("refs/tags/{tag}"))?)
    }

    fn branch_has(&self, branch: &str, commit: ObjectId) -> Option<bool> {
        let names = [format!("refs/remotes/origin/{branch}"), format!("refs/heads/{branch}")];
        let tips: Vec<ObjectId> = names.iter().filter_map(|name| self.end_of(name)).collect();
        if tips.is_empty() {
            return None;
        }
        self.reaches(&tips, commit)
    }

    /// The short names of all tags, sorted.
    pub fn tags(&self) -> Answer<Vec<String>> {
        let read = || {
            let references = self.repository.references()?;
            let tags = references.tags()?.filter_map(std::result::Result::ok);
            Ok(tags.map(|tag| tag.name().shorten().to_string()).collect::<Vec<_>>())
        };
        let mut tags = read().map_err(|error: gix::Error| self.checkout.fault(error))?;
        tags.sort_unstable();
        Ok(tags)
    }

    /// The files of the root at a tag, in the order of git; links and submodules are none.
    pub fn files_at(&self, tag: &str) -> Answer<Vec<String>> {
        let mut files = Vec::new();
        let tree = self.tree_at(tag)?;
        let Some(tree) = self.inside(tree, self.root.trim_end_matches('/'))? else { return Ok(files) };
        let mut pending = vec![(tree, String::new(), 0)];
        while let Some((tree, folder, depth)) = pending.pop() {
            for (name, kind, id) in self.entries(tree)? {
                let path = format!("{folder}{name}");
                match kind {
                    EntryKind::Tree if depth < DEPTH_MAX => pending.push((id, format!("{path}/"), depth + 1)),
                    EntryKind::Blob | EntryKind::BlobExecutable if files.len() < FILES_MAX => {
                        files.push(path)
                    }
                    EntryKind::Link | EntryKind::Commit => {}
                    _ => return Err(self.checkout.fault(format!("tag {tag}: too many files, or too deep"))),
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// The content of a file of the root at a tag; `None` if it was not there.
    pub fn read_at(&self, tag: &str, path: &str, bytes_max: u64) -> Answer<Option<Vec<u8>>> {
        let tree = self.tree_at(tag)?;
        let Some(id) = self.inside(tree, &format!("{}{path}", self.root))? else { return Ok(None) };
        let blob = object_within(id.attach(&self.repository), bytes_max);
        let mut blob = blob.map_err(|error| self.fault_of(path, error))?;
        if blob.kind != Kind::Blob {
            return Err(self.fault_of(path, "it is no file"));
        }
        Ok(Some(std::mem::take(&mut blob.data)))
    }

    fn fault_of(&self, path: &str, why: impl std::fmt::Display) -> String {
        self.checkout.fault(format!("{path}: {why}"))
    }

    fn end_of(&self, name: &str) -> Option<ObjectId> {
        Some(self.repository.try_find_reference(name).ok()??.peel_to_id().ok()?.detach())
    }

    fn commit(&self, id: ObjectId) -> gix::Result<Commit<'_>> {
        object_within(id.attach(&self.repository), TREE_BYTES_MAX)?.try_into_commit()
    }

    /// Walks back from the newest commit to the oldest.
    fn reaches(&self, tips: &[ObjectId], wanted: ObjectId) -> Option<bool> {
        let mut seen: HashSet<ObjectId> = HashSet::new();
        let mut next = BinaryHeap::new();
        for tip in tips {
            next.push((i64::MAX, *tip));
        }
        let mut whole = true;
        while let Some((_, id)) = next.pop() {
            if id == wanted {
                return Some(true);
            }
            if !seen.insert(id) {
                continue;
            }
            if seen.len() > COMMITS_MAX {
                return None;
            }
            match self.commit(id) {
                Ok(commit) => {
                    let time = commit.time().map_or(0, |time| time.seconds);
                    next.extend(commit.parent_ids().map(|parent| (time, parent.detach())));
                }
                // Behind what is not here it may be, or not.
                Err(_) => whole = false,
            }
        }
        whole.then_some(false)
    }

    fn last_commit(&self, path: &str) -> Answer<Option<i64>> {
        let words = |error: gix::Error| error.to_string();
        let path = format!("{}{path}", self.root);
        let Some(head) = self.repository.head().map_err(words)?.id() else { return Ok(None) };
        let mut at = self.commit(head.detach()).map_err(words)?;
        let has = |commit: &Commit<'_>| {
            self.inside(commit.tree_id().map_err(|error| error.to_string())?.detach(), &path)
        };
        let Some(content) = has(&at)? else { return Ok(None) };
        for _ in 0..COMMITS_MAX {
            // A parent that has the same content had it before this commit.
            let mut older = None;
            for parent in at.parent_ids().map(|parent| parent.detach()) {
                let parent =
                    self.commit(parent).map_err(|_| "the history is cut off before it".to_owned())?;
                if has(&parent)? == Some(content) {
                    older = Some(parent);
                    break;
                }
            }
            match older {
                Some(parent) => at = parent,
                None => return at.time().map(|time| Some(time.seconds)).map_err(|error| error.to_string()),
            }
        }
        Err(format!("it was last committed more than {COMMITS_MAX} commits ago"))
    }

    /// The folder of a tag's commit.
    fn tree_at(&self, tag: &str) -> Answer<ObjectId> {
        let fault = |why: String| self.checkout.fault(format!("tag {}: {why}", tag.escape_debug()));
        let id =
            self.end_of(&format!("refs/tags/{tag}")).ok_or_else(|| fault("it is not there".to_owned()))?;
        let commit = self.commit(id).map_err(|error| fault(error.to_string()))?;
        Ok(commit.tree_id().map_err(|error| fault(error.to_string()))?.detach())
    }

    /// What lies at a path in a folder.
    fn inside(&self, tree: ObjectId, path: &str) -> Answer<Option<ObjectId>> {
        let mut id = tree;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match self.child(id, part)? {
                Some(inside) => id = inside,
                None => return Ok(None),
            }
        }
        Ok(Some(id))
    }

    /// What has a name in a folder; nothing if it is none.
    fn child(&self, id: ObjectId, wanted: &str) -> Answer<Option<ObjectId>> {
        let words = |error: gix::Error| self.checkout.fault(error);
        let object = object_within(id.attach(&self.repository), TREE_BYTES_MAX).map_err(words)?;
        if object.kind != Kind::Tree {
            return Ok(None);
        }
        for entry in object.into_tree().iter() {
            let entry = entry.map_err(|error| self.checkout.fault(error))?;
            let name: &[u8] = entry.filename();
            if name == wanted.as_bytes() {
                return Ok(Some(entry.object_id()));
            }
        }
        Ok(None)
    }

    /// What a folder holds; nothing if it is none. Names that are not UTF-8 are nothing that a pack can hold.
    fn entries(&self, id: ObjectId) -> Answer<Vec<(String, EntryKind, ObjectId)>> {
        let words = |error: gix::Error| self.checkout.fault(error);
        let object = object_within(id.attach(&self.repository), TREE_BYTES_MAX).map_err(words)?;
        if object.kind != Kind::Tree {
            return Ok(Vec::new());
        }
        let tree = object.into_tree();
        let mut entries = Vec::new();
        for entry in tree.iter() {
            let entry = entry.map_err(|error| self.checkout.fault(error))?;
            if let Ok(name) = std::str::from_utf8(entry.filename()) {
                entries.push((name.to_owned(), entry.mode().kind(), entry.object_id()));
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests;
