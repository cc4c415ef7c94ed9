//! What a command was pointed at: an archive, or a folder with a bag in it.

use crate::error::{Error, Result};
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::receipt::{SUFFIX, pack_name};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes of a receipt that are read.
const RECEIPT_BYTES_MAX: u64 = 1 << 20;

/// A target that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `NAME.tar.zst` or `NAME.tar.zst.age`.
    Archive {
        /// The file.
        path: PathBuf,
        /// Its name, which receipt and seal must agree with.
        file_name: String,
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// A folder with `bagit.txt` in it, or a pack's evidence.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Its name.
        name: String,
    },
}

impl Target {
    /// Finds out what lies there.
    pub fn find(path: &Path) -> Result<Target> {
        let metadata = fs::metadata(path).map_err(Error::io("open", path))?;
        // `.` and `..` have names too.
        let absolute = path.canonicalize().map_err(Error::io("open", path))?;
        let name = match path.file_name().or(absolute.file_name()).map(|name| name.to_str()) {
            Some(Some(name)) => name.to_owned(),
            _ => {
                return Err(Error::input(format!("{} has no name that a pack can have", path.display()), ""));
            }
        };
        if metadata.is_dir() {
            return Target::folder(path, name);
        }
        if pack_name(&name).is_none() {
            let message = format!("{} is neither an archive of attestar nor a bag", path.display());
            return Err(Error::input(
                message,
                "give NAME.tar.zst.age, NAME.tar.zst, or the folder of a pack",
            ));
        }
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is no regular file", path.display()), ""));
        }
        Ok(Target::archive(path.to_owned(), &name))
    }

    /// An archive of this file name; whether it lies there is for whoever opens it.
    pub fn archive(path: PathBuf, file_name: &str) -> Target {
        Target::Archive { path, encrypted: file_name.ends_with(".age"), file_name: file_name.to_owned() }
    }

    fn folder(path: &Path, name: String) -> Result<Target> {
        let parts = ["bagit.txt", "pack.json", "tagmanifest-sha256.txt", "data"];
        if parts.iter().all(|part| path.join(part).symlink_metadata().is_err()) {
            let message = format!("{} is no bag: there is neither bagit.txt nor data/ in it", path.display());
            return Err(Error::input(message, "give an archive, or the folder of a pack"));
        }
        Ok(Target::Folder { path: path.to_owned(), name })
    }

    /// The name of the pack.
    pub fn pack_name(&self) -> &str {
        match self {
            Target::Archive { file_name, .. } => pack_name(file_name).unwrap_or(file_name),
            Target::Folder { name, .. } => name,
        }
    }

    /// The file that a receipt beside the target is about.
    pub fn receipt_subject(&self) -> &str {
        match self {
            Target::Archive { file_name, .. } => file_name,
            Target::Folder { name, .. } => name,
        }
    }

    /// The receipt that lies beside: the archive's file name, and the receipt's bytes if there is one.
    pub fn receipt(&self) -> Result<(String, Option<Vec<u8>>)> {
        match self {
            Target::Archive { path, file_name, .. } => {
                let beside = path.with_file_name(format!("{file_name}{SUFFIX}"));
                Ok((file_name.clone(), read_if_there(&beside)?))
            }
            Target::Folder { name, .. } => {
                let parent = self.folder_of()?;
                let encrypted = format!("{name}.tar.zst.age");
                for archive in [&encrypted, &format!("{name}.tar.zst")] {
                    if let Some(receipt) = read_if_there(&parent.join(format!("{archive}{SUFFIX}")))? {
                        return Ok((archive.clone(), Some(receipt)));
                    }
                }
                Ok((encrypted, None))
            }
        }
    }

    /// The folder that archive, receipt and evidence lie in, as an absolute path.
    pub fn folder_of(&self) -> Result<PathBuf> {
        let (Target::Archive { path, .. } | Target::Folder { path, .. }) = self;
        let absolute = path.canonicalize().map_err(Error::io("open", path))?;
        Ok(absolute.parent().unwrap_or(&absolute).to_owned())
    }

    /// Whether something must be decrypted to read all of its payload: it, or the archives that it builds upon.
    pub fn is_shut(&self) -> bool {
        match self {
            Target::Archive { encrypted, .. } => *encrypted,
            Target::Folder { path, .. } => {
                path.join("pack.json").is_file() && path.join("fetch.txt").is_file()
            }
        }
    }

    /// The folder that it lies in, as the place where its bases are.
    pub fn own_shelf(&self) -> Result<Shelf<'static>> {
        Ok(Shelf::Folder(self.folder_of()?))
    }

    /// The folder of the pack's evidence, be it there or not: beside the archive, or the folder itself.
    pub fn evidence_folder(&self) -> PathBuf {
        match self {
            Target::Archive { path, .. } => path.with_file_name(self.pack_name()),
            Target::Folder { path, .. } => path.clone(),
        }
    }

    /// The evidence folder beside an archive, if it is there.
    pub fn evidence_beside(&self) -> Option<PathBuf> {
        let Target::Archive { .. } = self else { return None };
        let folder = self.evidence_folder();
        folder.join("tagmanifest-sha256.txt").is_file().then_some(folder)
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    // Opening a FIFO would wait for whoever writes into it.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::input(format!("{} is no regular file", path.display()), ""));
    }
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(RECEIPT_BYTES_MAX).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}
