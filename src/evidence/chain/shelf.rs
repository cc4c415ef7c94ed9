//! Where archives are found by the names of their packs: in a store, or in the folder that another one lies in.

use crate::error::{Error, Result};
use crate::evidence::held::Held;
use crate::evidence::receipt::SUFFIX;
use crate::evidence::stored::{ARCHIVES, release_folder};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::leaf::is_name;
use crate::pipeline::pick::ReadSeek;
use crate::store::window::Window;
use crate::store::{Entry, ObjectName, Store};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What follows a pack's name in its archive's.
pub const SUFFIXES: [&str; 2] = [".tar.zst.age", ".tar.zst"];

/// Where archives are found.
pub enum Shelf<'s> {
    /// A store: backups, and releases.
    Store(&'s dyn Store),
    /// The same, where what lies there is known, with its receipts.
    Held(&'s dyn Store, &'s Held),
    /// A folder with archives, and their receipts beside them.
    Folder(PathBuf),
}

/// An archive that was found.
pub struct Found<'s> {
    /// Its file name.
    pub file_name: String,
    /// For messages.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// The bytes of its receipt, if there is one.
    pub receipt: Option<Vec<u8>>,
    place: Place<'s>,
}

enum Place<'s> {
    File,
    Object(&'s dyn Store, ObjectName),
}

impl<'s> Found<'s> {
    /// The same as [`Found::parts`], for whoever needs nothing else.
    pub fn into_parts(self) -> Result<Box<dyn ReadSeek + 's>> {
        match self.place {
            Place::File => Ok(Box::new(File::open(&self.path).map_err(Error::io("open", &self.path))?)),
            Place::Object(store, name) => Ok(Box::new(Window::new(store, name, self.size))),
        }
    }
}

impl Found<'_> {
    /// Whether its name says that it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.file_name.ends_with(".age")
    }

    /// Its bytes, from the start.
    pub fn whole(&self) -> Result<Box<dyn Read + Send + '_>> {
        match &self.place {
            Place::File => Ok(Box::new(File::open(&self.path).map_err(Error::io("open", &self.path))?)),
            Place::Object(store, name) => match store.read(name)? {
                Some(reading) => Ok(Box::new(reading)),
                None => Err(gone(*store, name)),
            },
        }
    }

    /// Its bytes, here and there.
    pub fn parts(&self) -> Result<Box<dyn ReadSeek + '_>> {
        match &self.place {
            Place::File => Ok(Box::new(File::open(&self.path).map_err(Error::io("open", &self.path))?)),
            Place::Object(store, name) => Ok(Box::new(Window::new(*store, name.clone(), self.size))),
        }
    }
}

impl Shelf<'_> {
    /// The archive of a pack; `None` if there is none.
    pub fn find(&self, pack: &str) -> Result<Option<Found<'_>>> {
        if !is_name(pack) {
            return Ok(None);
        }
        match self {
            Shelf::Folder(folder) => in_folder(folder, pack),
            Shelf::Store(store) => in_store(*store, pack),
            Shelf::Held(store, held) => Ok(of_held(*store, held, pack)),
        }
    }

    /// The archive that lies at a path; where none does, that of the pack.
    pub fn at(&self, path: &Path, pack: &str) -> Result<Found<'_>> {
        if let (Ok(metadata), Some(name)) = (fs::metadata(path), path.file_name()) {
            let (file_name, size) = (name.to_string_lossy().into_owned(), metadata.len());
            return Ok(Found { file_name, path: path.to_owned(), size, receipt: None, place: Place::File });
        }
        let missing = || Error::input(format!("there is no {}", path.display()), "");
        self.find(pack)?.ok_or_else(missing)
    }
}

fn in_folder<'s>(folder: &Path, pack: &str) -> Result<Option<Found<'s>>> {
    for suffix in SUFFIXES {
        let file_name = format!("{pack}{suffix}");
        let path = folder.join(&file_name);
        let size = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        let receipt = receipt_beside(&folder.join(format!("{file_name}{SUFFIX}")))?;
        return Ok(Some(Found { file_name, path, size, receipt, place: Place::File }));
    }
    Ok(None)
}

fn receipt_beside(path: &Path) -> Result<Option<Vec<u8>>> {
    // Opening a FIFO would wait for whoever writes into it.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut bytes = Vec::new();
    file.take(BUNDLE_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}

fn in_store<'s>(store: &'s dyn Store, pack: &str) -> Result<Option<Found<'s>>> {
    for folder in [ARCHIVES.to_owned(), release_folder(pack)] {
        for suffix in SUFFIXES {
            let name = ObjectName::new(&format!("{folder}/{pack}{suffix}"))?;
            let Some(entry) = store.head(&name)? else { continue };
            let receipt = store.get(&ObjectName::new(&format!("{name}{SUFFIX}"))?, BUNDLE_BYTES_MAX)?;
            return Ok(Some(found(store, entry, receipt.map(|(bytes, _)| bytes))));
        }
    }
    Ok(None)
}

fn of_held<'s>(store: &'s dyn Store, held: &Held, pack: &str) -> Option<Found<'s>> {
    let folders = [ARCHIVES.to_owned(), release_folder(pack)].into_iter();
    let mut names =
        folders.flat_map(|folder| SUFFIXES.map(|suffix| format!("{folder}/{pack}{suffix}")).into_iter());
    let archive = names.find_map(|name| held.get(&name))?;
    Some(found(store, archive.entry.clone(), archive.receipt().map(<[u8]>::to_vec)))
}

fn found<'s>(store: &'s dyn Store, entry: Entry, receipt: Option<Vec<u8>>) -> Found<'s> {
    let Entry { name, size, .. } = entry;
    let file_name = name.file_name().to_owned();
    match store.file(&name) {
        Some(path) => Found { file_name, path, size, receipt, place: Place::File },
        None => {
            let path = PathBuf::from(&file_name);
            Found { file_name, path, size, receipt, place: Place::Object(store, name) }
        }
    }
}

fn gone(store: &dyn Store, name: &ObjectName) -> Error {
    Error::input(format!("{name} went away from {} meanwhile", store.place()), "try again")
}
