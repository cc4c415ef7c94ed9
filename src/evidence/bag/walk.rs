//! The files of a folder of the bag, in the order the system gives them, following no link.

use crate::error::{Error, Result};
use std::fs::{self, FileType, ReadDir};
use std::path::{Path, PathBuf};

/// A file, link or special file.
pub struct Member {
    /// Relative to the bag.
    pub path: PathBuf,
    /// What it is; never a folder.
    pub kind: FileType,
}

/// Walks a folder. Holds one folder open at a time, and the names of those still to come.
pub struct Walk {
    root: PathBuf,
    folders: Vec<PathBuf>,
    open: Option<(PathBuf, ReadDir)>,
    skipped: Option<&'static str>,
}

impl Walk {
    /// All members of the payload.
    pub fn payload(root: &Path) -> Walk {
        Walk { root: root.to_owned(), folders: vec!["data".into()], open: None, skipped: None }
    }

    /// All members of the bag but its payload.
    pub fn tags(root: &Path) -> Walk {
        Walk { root: root.to_owned(), folders: vec![PathBuf::new()], open: None, skipped: Some("data") }
    }

    fn step(&mut self) -> Result<Option<Member>> {
        loop {
            let Some((folder, entries)) = &mut self.open else {
                let Some(folder) = self.folders.pop() else { return Ok(None) };
                let absolute = self.root.join(&folder);
                let entries = fs::read_dir(&absolute).map_err(Error::io("read the folder", absolute))?;
                self.open = Some((folder, entries));
                continue;
            };
            let failed = |e| Error::io("read the folder", self.root.join(&*folder))(e);
            let Some(entry) = entries.next().transpose().map_err(failed)? else {
                self.open = None;
                continue;
            };
            let kind = entry.file_type().map_err(failed)?;
            let path = folder.join(entry.file_name());
            if self.skipped.is_some_and(|skipped| path == Path::new(skipped)) {
                continue;
            }
            if !kind.is_dir() {
                return Ok(Some(Member { path, kind }));
            }
            self.folders.push(path);
        }
    }
}

impl Iterator for Walk {
    type Item = Result<Member>;

    /// After an error it has ended.
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.folders.clear();
            self.open = None;
        }
        step.transpose()
    }
}
