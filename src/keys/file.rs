//! Reading and writing key files: small, wiped after use, never overwritten.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The largest key, identity, recipients or trust file that is read: 1 MiB.
const KEY_FILE_BYTES_MAX: usize = 1 << 20;

/// The mode of a file that holds a secret.
pub(super) const SECRET: u32 = 0o600;
/// The mode of a file that may be shown to anyone.
pub(super) const PUBLIC: u32 = 0o644;

/// The whole of a small file.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    // Reserved whole, so that no outgrown buffer with half a secret in it is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES_MAX + 1));
    File::open(path)
        .map_err(Error::io("open", path))?
        .take(KEY_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() > KEY_FILE_BYTES_MAX {
        return Err(Error::input(format!("{} is larger than 1 MiB: not a key file", path.display()), ""));
    }
    Ok(bytes)
}

/// The whole of a small text file.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>> {
    let bytes = read(path)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Error::input(format!("{} is not text", path.display()), "")),
    }
}

/// Writes a file that was not there, to the disk. What could not be written whole is taken away again.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(path)),
        opened => opened.map_err(Error::io("create", path))?,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| File::open(folder)?.sync_all());
    written.map_err(|error| {
        // The first error is the one to tell; that the rest cannot be removed either changes nothing.
        let _ = std::fs::remove_file(path);
        Error::io("write", path)(error)
    })
}

/// The error for a file that would have to be overwritten.
pub(super) fn exists(path: &Path) -> Error {
    Error::input(
        format!("{} is there already; keys are never overwritten", path.display()),
        "move it away first, or set ATTESTAR_HOME to another folder",
    )
}
