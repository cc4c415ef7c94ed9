//! Rollback journals of SQLite (<https://www.sqlite.org/fileformat2.html#the_rollback_journal>): whether one names a
//! super-journal. SQLite deletes the file of that name once it has rolled back, wherever it lies: who writes the journal
//! chooses it.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Ends a journal that names one (`aJournalMagic`).
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Whether it names another file.
pub fn names_another(path: &Path) -> Result<bool> {
    let last = || -> io::Result<[u8; 8]> {
        let (mut file, mut last) = (File::open(path)?, [0; 8]);
        if file.metadata()?.len() >= 8 {
            file.seek(SeekFrom::End(-8))?;
            file.read_exact(&mut last)?;
        }
        Ok(last)
    };
    Ok(last().map_err(Error::io("read", path))? == MAGIC)
}
