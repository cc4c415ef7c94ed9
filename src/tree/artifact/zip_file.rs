//! Zip files (APPNOTE 6.3), member by member, with a limit on what their directory may cost.

use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Budget, Trouble, limit};
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;
use zip::ZipArchive;
use zip::result::ZipError;

/// How much is read to find the members: 65,535 of them take 8 MiB. In memory each takes some ten times as much.
const DIRECTORY_BYTES_MAX: u64 = 24 << 20;

/// A zip file of which members are read.
pub struct Zip<'a> {
    archive: ZipArchive<Metered<'a>>,
}

impl<'a> Zip<'a> {
    /// Reads the directory.
    pub fn open(source: &'a mut dyn Source, budget: &mut Budget) -> Result<Zip<'a>, Trouble> {
        let left = Rc::new(Cell::new(DIRECTORY_BYTES_MAX));
        let archive = ZipArchive::new(Metered { inner: source, left: left.clone() }).map_err(trouble)?;
        left.set(u64::MAX);
        budget.count(archive.len() as u64)?;
        Ok(Zip { archive })
    }

    /// The names of all members, in the order of the directory; bytes that are not UTF-8 are replaced.
    pub fn names(&self) -> Vec<String> {
        self.archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// The bytes of a member, by its place in [`Zip::names`].
    pub fn read(&mut self, place: usize, most: u64, budget: &mut Budget) -> Result<Vec<u8>, Trouble> {
        let mut member = self.archive.by_index(place).map_err(trouble)?;
        budget.read(&mut member, most)
    }
}

fn trouble(error: ZipError) -> Trouble {
    match error {
        ZipError::Io(error) => error.into(),
        error => Trouble::invalid(format!("the zip file cannot be read: {}", lower(&error.to_string()))),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// A file of which only so much may be read.
struct Metered<'a> {
    inner: &'a mut dyn Source,
    left: Rc<Cell<u64>>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(limit("the directory of the zip file is too large")),
        }
        Ok(read)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
