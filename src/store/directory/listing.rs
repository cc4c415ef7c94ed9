//! What lies in a folder of the directory, at any depth.

use super::super::{Entry, INCOMING, Listing, ObjectName};
use super::incoming::LOCK;
use super::is_absent;
use super::root::Root;
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// What a freshly made file system has.
const OF_THE_FILE_SYSTEM: &str = "lost+found";

/// Everything below a folder. A folder that is not there holds nothing.
pub fn list(root: &Root, path: &Path, folder: &str, watch: &Watch) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut folders = vec![folder.to_owned()];
    if !folder.is_empty() {
        ObjectName::new(folder)?;
    }
    while let Some(folder) = folders.pop() {
        watch.check()?;
        match read(root, &folder, &mut folders, &mut listing) {
            Err(error) if is_absent(&error) => {}
            read => read.map_err(Error::io("list", path.join(&folder)))?,
        }
    }
    listing.entries.sort_by(|one, other| one.name.cmp(&other.name));
    listing.foreign.sort();
    Ok(listing)
}

/// What is known of a file.
pub fn entry(name: ObjectName, stat: &Stat) -> Entry {
    // Times that no calendar has stand for the earliest one: they only ever make something look older.
    let modified = Timestamp::new(stat.st_mtime as _, stat.st_mtime_nsec as _).unwrap_or(Timestamp::MIN);
    Entry { name, size: stat.st_size as u64, modified }
}

/// One folder: its files into the listing, its folders among those still to read.
fn read(root: &Root, path: &str, folders: &mut Vec<String>, listing: &mut Listing) -> io::Result<()> {
    let folder = root.folder(path)?;
    for found in Dir::read_from(&folder)? {
        let found = found?;
        let file_name = found.file_name().to_string_lossy();
        let full = if path.is_empty() { file_name.to_string() } else { format!("{path}/{file_name}") };
        let own = match path {
            "" => [INCOMING, OF_THE_FILE_SYSTEM].contains(&&*file_name),
            INCOMING => file_name == LOCK,
            _ => false,
        };
        if own || [".", ".."].contains(&&*file_name) {
            continue;
        }
        let stat = match rustix::fs::statat(&folder, found.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        match (ObjectName::new(&full), FileType::from_raw_mode(stat.st_mode)) {
            (Ok(name), FileType::RegularFile) => listing.entries.push(entry(name, &stat)),
            (Ok(_), FileType::Directory) => folders.push(full),
            _ => listing.foreign.push(full),
        }
    }
    Ok(())
}
