//! What the artifacts of a release say of themselves, looked at while they are sealed.
//!
//! Small files are looked at in the buffer that is hashed and packed, so what the SBOM says is of the very bytes that
//! are sealed. Large ones are read a second time; one that changed since the scan is refused.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::path::PackPath;
use crate::pipeline::source::{Root, SMALL_BYTES_MAX};
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::tree::artifact::{self, Folder, Source};
use crate::tree::member::{Member, MemberKind};
use crate::tree::reading::Reading;
use crate::tree::software::Said;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

/// Gathers what artifacts say.
pub struct Artifacts<'a> {
    members: &'a [Member],
    policy: &'a Policy,
    /// The `oci-layout` files of image layouts that lie in the tree as folders.
    layouts: Vec<&'a PackPath>,
    said: Mutex<BTreeMap<String, Reading>>,
}

impl<'a> Artifacts<'a> {
    /// For these members of a scan, in order.
    pub fn new(members: &'a [Member], policy: &'a Policy) -> Artifacts<'a> {
        let mut artifacts = Artifacts { members, policy, layouts: Vec::new(), said: Mutex::default() };
        let wanted = members.iter().filter(|member| artifacts.is_wanted(member)).map(|member| &member.path);
        artifacts.layouts = wanted.filter(|path| path.name() == "oci-layout").collect();
        artifacts
    }

    /// Looks at a small file as it is packed, from any thread. A file that is read again counts as it was last.
    pub fn look(&self, path: &PackPath, content: &[u8]) {
        let found = self.members.binary_search_by(|member| member.path.cmp(path));
        if !found.is_ok_and(|at| self.is_wanted(&self.members[at])) {
            return;
        }
        let inspect = || artifact::inspect(path.as_str(), &mut Cursor::new(content));
        if let Some(reading) = Reading::guarded(inspect) {
            self.note(path, reading);
        }
    }

    /// Looks at the large files, and gives what all said, in bytewise order of the path.
    pub fn finish(self, root: &Root, watch: &Watch) -> Result<Vec<Said>> {
        self.read(root, SMALL_BYTES_MAX + 1, watch)
    }

    /// The same where nothing was looked at before: every file is read.
    pub fn read_all(self, root: &Root, watch: &Watch) -> Result<Vec<Said>> {
        self.read(root, 0, watch)
    }

    fn read(self, root: &Root, bytes_min: u64, watch: &Watch) -> Result<Vec<Said>> {
        let is_left = |member: &&Member| member.size >= bytes_min && self.is_wanted(member);
        for member in self.members.iter().filter(is_left) {
            watch.check()?;
            let (mut file, _) = root.open_file(member.path.as_str())?;
            let reading = Reading::guarded(|| artifact::inspect(member.path.as_str(), &mut file));
            unchanged(root, member, &file)?;
            if let Some(reading) = reading {
                self.note(&member.path, reading);
            }
        }
        for layout in &self.layouts {
            watch.check()?;
            self.note(layout, self.read_layout(root, layout)?);
        }
        let said = self.said.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(said
            .into_iter()
            .map(|(path, reading)| Said { path, lockfile: None, sha256: None, reading })
            .collect())
    }

    /// A whole folder is one artifact: the files in it say nothing by themselves.
    fn read_layout(&self, root: &Root, layout: &PackPath) -> Result<Reading> {
        let folder = layout.parent().unwrap_or_default();
        let reading = artifact::inspect_layout(folder, &InTree { root, folder });
        for member in self.members.iter().filter(|member| is_within(&member.path, folder)) {
            if member.kind == MemberKind::File {
                unchanged(root, member, &root.open_file(member.path.as_str())?.0)?;
            }
        }
        Ok(reading)
    }

    fn is_wanted(&self, member: &Member) -> bool {
        let is_in_layout = |layout: &&PackPath| is_within(&member.path, layout.parent().unwrap_or_default());
        member.is_artifact()
            && !self.policy.sbom.excludes(&member.path)
            && !self.layouts.iter().any(is_in_layout)
    }

    fn note(&self, path: &PackPath, reading: Reading) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(path.to_string(), reading);
    }
}

/// Whether a path lies in a folder; the empty one is the whole tree.
fn is_within(path: &PackPath, folder: &str) -> bool {
    let rest = path.as_str().strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

/// A folder of the tree, opened without following links.
struct InTree<'a> {
    root: &'a Root,
    folder: &'a str,
}

impl Folder for InTree<'_> {
    fn open(&self, relative: &str) -> Option<Box<dyn Source + '_>> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !relative.split('/').all(is_plain) {
            return None;
        }
        let path =
            if self.folder.is_empty() { relative.to_owned() } else { format!("{}/{relative}", self.folder) };
        let (file, _) = self.root.open_file(&path).ok()?;
        Some(Box::new(file))
    }
}

/// Refuses a file that is not as it was when it was scanned, which was before it was sealed.
fn unchanged(root: &Root, member: &Member, file: &File) -> Result<()> {
    let stat = rustix::fs::fstat(file)
        .map_err(|errno| Error::io("read", root.join(member.path.as_str()))(errno.into()))?;
    let is_same = stat.st_size as u64 == member.size
        && stat.st_mtime == member.mtime_s
        && stat.st_mtime_nsec as u32 == member.mtime_ns;
    if is_same { Ok(()) } else { Err(Error::refused(Finding::new(Code::FileChanging, member.path.as_str()))) }
}
