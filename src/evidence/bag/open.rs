//! Opening files of a bag without ever leaving it (RFC 8493, section 5.1).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What stands at a path of the bag.
pub enum Opened {
    /// A regular file, and its length in bytes.
    File(File, u64),
    /// Nothing, or a link that leads nowhere.
    Absent,
    /// A link that leads out of the bag. Nothing was opened.
    Outside,
    /// A folder.
    Folder,
    /// A FIFO, socket or device. Nothing was opened.
    Special,
}

/// Opens a path that a manifest names, or that is a link: links are followed as long as they stay in the bag.
/// `root` is canonical; `path` has passed [`check_path`](crate::format::bag::manifest::check_path).
pub fn open_inside(root: &Path, path: &Path) -> io::Result<Opened> {
    let real = match fs::canonicalize(root.join(path)) {
        Err(e) if leads_nowhere(&e) => return Ok(Opened::Absent),
        real => real?,
    };
    if real.starts_with(root) { open_plain(&real) } else { Ok(Opened::Outside) }
}

/// Opens a file whose last component is no link. Neither blocks on a FIFO nor wakes a device.
pub fn open_plain(path: &Path) -> io::Result<Opened> {
    let kind = match fs::symlink_metadata(path) {
        Err(e) if leads_nowhere(&e) => return Ok(Opened::Absent),
        metadata => metadata?.file_type(),
    };
    if kind.is_dir() {
        return Ok(Opened::Folder);
    }
    if !kind.is_file() {
        return Ok(Opened::Special);
    }
    // It may have become something else since.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    Ok(if metadata.is_file() { Opened::File(file, metadata.len()) } else { Opened::Special })
}

fn leads_nowhere(e: &io::Error) -> bool {
    // A chain of links without end leads nowhere too.
    matches!(
        e.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    ) || e.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}
