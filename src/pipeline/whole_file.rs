//! Small files that are put in their place whole, or not at all.

use crate::error::{Error, Result};
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file, over an older one if there is one.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    put(path, write, |made| made.persist(path).map_err(|error| error.error))
}

/// The same of a file that is there for programs of other users to read, whatever the umask takes away.
pub fn replace_for_all(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    put(path, write, |made| {
        made.as_file().set_permissions(Permissions::from_mode(0o644))?;
        made.persist(path).map_err(|error| error.error)
    })
}

/// Writes a file that was not there; one that is there is [`io::ErrorKind::AlreadyExists`].
pub fn create(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    put(path, write, |made| made.persist_noclobber(path).map_err(|error| error.error))
}

/// A temporary file in the same folder, on the disk before it gets its name; then the name, on the disk too.
fn put(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    take_name: impl FnOnce(NamedTempFile) -> io::Result<File>,
) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let put = || {
        // As any program would create it: the umask takes away what it wants.
        let readable = Permissions::from_mode(0o666);
        let made = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
        let mut out = BufWriter::new(made.as_file());
        write(&mut out)?;
        out.flush()?;
        drop(out);
        made.as_file().sync_all()?;
        take_name(made)?;
        File::open(folder)?.sync_all()
    };
    put().map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_replaced_whole_and_one_that_is_there_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        create(&path, |out| out.write_all(b"one")).unwrap();
        assert!(matches!(
            create(&path, |out| out.write_all(b"two")),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists
        ));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, |out| out.write_all(b"three")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
    }

    #[test]
    fn what_cannot_be_written_whole_leaves_the_old_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "old").unwrap();
        let failed = replace(&path, |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(matches!(failed, Err(Error::Io { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
