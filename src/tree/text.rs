//! Small text files of the tree, read whole.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest text that is read, in bytes.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The text of a file; `None` if it is not there. One that is too large or not UTF-8 is [`Error::Input`].
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let not_text = |_| Error::input(format!("{} is not UTF-8 text", path.display()), "save it as UTF-8");
    read_bytes(path)?.map(|bytes| String::from_utf8(bytes).map_err(not_text)).transpose()
}

/// The bytes of a small file; `None` if it is not there. One that is too large is [`Error::Input`].
pub(super) fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(Error::io("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        let message = format!("{} is larger than {} MiB", path.display(), TEXT_BYTES_MAX >> 20);
        return Err(Error::input(message, "is it the right file?"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_utf8_texts_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        assert_eq!(read(&path).unwrap(), None);
        std::fs::write(&path, b"\xff").unwrap();
        assert!(matches!(read(&path), Err(Error::Input { .. })));
        File::create(&path).unwrap().set_len(TEXT_BYTES_MAX + 1).unwrap();
        assert!(matches!(read(&path), Err(Error::Input { .. })));
        File::create(&path).unwrap().set_len(TEXT_BYTES_MAX).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().len() as u64, TEXT_BYTES_MAX);
    }
}
