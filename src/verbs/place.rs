//! Where a seal goes: three names in one folder, and where something is filed two more beside them, taken all or not at
//! all.

use crate::error::{Error, Result};
use crate::evidence::filing::{DIGESTS, FOLDER};
use crate::keys::recipient::Recipient;
use crate::pipeline::staging::Staging;
use crate::pipeline::whole_file;
use crate::verbs::seal::receipt_name;
use rustix::fs::{CWD, RenameFlags};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The three names, and a folder beside them where everything is made first.
pub struct Place {
    out: PathBuf,
    name: String,
    archive_name: String,
    /// The name of the archive that is filed.
    filing: Option<String>,
    /// Removed with everything in it, unless it was emptied by publishing.
    work: TempDir,
}

/// Where everything lies.
#[derive(Clone, Debug)]
pub struct Placed {
    /// `OUT/NAME.tar.zst.age` (or `.tar.zst`).
    pub archive: PathBuf,
    /// The receipt beside it.
    pub receipt: PathBuf,
    /// `OUT/NAME/`.
    pub evidence: PathBuf,
    /// `OUT/filing/NAME.tar` and `OUT/filing/inpi.txt`.
    pub filing: Option<[PathBuf; 2]>,
}

impl Place {
    /// Makes the output folder, and refuses names that are taken. `filing` is the name of the archive that is filed.
    pub fn prepare(
        out: &Path,
        name: &str,
        recipients: &[Recipient],
        filing: Option<String>,
    ) -> Result<Place> {
        let suffix = if recipients.is_empty() { "tar.zst" } else { "tar.zst.age" };
        let archive_name = format!("{name}.{suffix}");
        let filed = filing.as_ref().map(|name| format!("{FOLDER}/{name}"));
        let names = [name, &archive_name, &receipt_name(&archive_name)];
        for taken in names.into_iter().chain(filed.as_deref()) {
            if out.join(taken).symlink_metadata().is_ok() {
                return Err(Error::input(
                    format!("{} is there already; a seal is never overwritten", out.join(taken).display()),
                    "seal another --version, or move it away",
                ));
            }
        }
        fs::create_dir_all(out).map_err(Error::io("create", out))?;
        let work = tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".sealing").tempdir_in(out);
        let work = work.map_err(Error::io("create a folder in", out))?;
        Ok(Place { out: out.to_owned(), name: name.to_owned(), archive_name, filing, work })
    }

    /// The pack's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The archive's file name.
    pub fn archive_name(&self) -> &str {
        &self.archive_name
    }

    /// The archive's final path, for messages.
    pub fn archive_path(&self) -> PathBuf {
        self.out.join(&self.archive_name)
    }

    /// The evidence folder, while it is made.
    pub fn evidence(&self) -> PathBuf {
        self.work.path().join("evidence")
    }

    /// Empties the work folder, for a first or another attempt.
    pub fn clear(&self) -> Result<()> {
        let evidence = self.evidence();
        match fs::remove_dir_all(&evidence) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &evidence)(error));
            }
            _ => {}
        }
        fs::create_dir(&evidence).map_err(Error::io("create", &evidence))
    }

    /// The archive's file, empty.
    pub fn archive_file(&self) -> Result<File> {
        let path = self.work.path().join("archive");
        File::create(&path).map_err(Error::io("create", path))
    }

    /// The file of the archive that is filed, while it is made.
    pub fn filing_file(&self) -> PathBuf {
        self.work.path().join("filing")
    }

    /// What the digests of filed archives say before this one; nothing if there are none.
    pub fn filed_before(&self) -> Result<String> {
        let path = self.out.join(FOLDER).join(DIGESTS);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(Error::io("read", &path)),
        }
    }

    /// Puts the digests of filed archives beside what was made.
    pub fn filed(&self, digests: &str) -> Result<()> {
        let path = self.work.path().join(DIGESTS);
        whole_file::replace(&path, |out| out.write_all(digests.as_bytes()))
    }

    /// The evidence folder's `data/`, to be filled.
    pub fn payload_folder(&self) -> Result<Staging> {
        let data = self.evidence().join("data");
        fs::create_dir(&data).map_err(Error::io("create", &data))?;
        Staging::open(&data)
    }

    /// Takes the names: what is filed, evidence, archive, and last the receipt, which says that all is there. The digests
    /// of filed archives are no name to be taken: they grow.
    pub fn publish(self, receipt: &[u8]) -> Result<Placed> {
        let made = self.work.path().join("receipt");
        let mut file = File::create(&made).map_err(Error::io("create", &made))?;
        file.write_all(receipt).and_then(|()| file.sync_all()).map_err(Error::io("write", &made))?;
        let placed = Placed {
            archive: self.archive_path(),
            receipt: self.out.join(receipt_name(&self.archive_name)),
            evidence: self.out.join(&self.name),
            filing: self
                .filing
                .as_ref()
                .map(|name| [name, DIGESTS].map(|name| self.out.join(FOLDER).join(name))),
        };
        let mut steps = Vec::new();
        if let Some([archive, _]) = &placed.filing {
            let folder = self.out.join(FOLDER);
            fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
            steps.push(("filing", archive));
        }
        let own =
            [("evidence", &placed.evidence), ("archive", &placed.archive), ("receipt", &placed.receipt)];
        steps.extend(own);
        for (done, (from, to)) in steps.iter().enumerate() {
            if let Err(error) = take_name(&self.work.path().join(from), to) {
                self.give_back(&steps[..done]);
                return Err(Error::io("create", *to)(error));
            }
        }
        if let Some([_, digests]) = &placed.filing
            && let Err(error) = fs::rename(self.work.path().join(DIGESTS), digests)
        {
            self.give_back(&steps);
            return Err(Error::io("write", digests)(error));
        }
        let folder = File::open(&self.out).map_err(Error::io("open", &self.out))?;
        folder.sync_all().map_err(Error::io("write", &self.out))?;
        Ok(placed)
    }
}

impl Place {
    /// Back into the work folder, which goes with everything in it.
    fn give_back(&self, taken: &[(&str, &PathBuf)]) {
        for (name, path) in taken.iter().rev() {
            let _ = fs::rename(path, self.work.path().join(name));
        }
        // A folder that has other archives stays.
        let _ = fs::remove_dir(self.out.join(FOLDER));
    }
}

/// Renames, and never over something.
fn take_name(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system can: then look first.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        renamed => Ok(renamed?),
    }
}
