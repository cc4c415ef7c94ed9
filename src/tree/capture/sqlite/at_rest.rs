//! A database with a WAL that nobody has open. Whoever reads it as SQLite does makes the WAL and its index anew, and who may
//! only read cannot take them away again: they would be the backup's in the folder of an application, which then cannot write,
//! or could not be made at all. All of such a database is in its one file, so that is read as it lies there.

use crate::database::beside;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Where a database says how it is written and read (<https://www.sqlite.org/fileformat2.html>), and what it says of a WAL.
const VERSIONS_AT: u64 = 18;
const WITH_WAL: [u8; 2] = [2, 2];

/// What lies beside a database that is in use, or was when its application died.
const IN_USE: [&str; 2] = ["-wal", "-journal"];

/// A database file that was at rest when it was looked at.
pub(super) struct AtRest {
    /// Where it is, whatever links lead there: its WAL lies beside that.
    path: PathBuf,
    /// Locked as a reader locks it, until this is dropped: whoever opens the database meanwhile cannot take its WAL away.
    file: File,
    seen: (u64, u64, [i64; 4]),
}

impl AtRest {
    /// Nothing where it is in use, has no WAL, or cannot be told.
    pub(super) fn of(database: &Path) -> Option<AtRest> {
        let path = database.canonicalize().ok().filter(|path| path.is_file())?;
        let file = File::open(&path).ok()?;
        let mut versions = [0; WITH_WAL.len()];
        file.read_exact_at(&mut versions, VERSIONS_AT).ok()?;
        if versions != WITH_WAL {
            return None;
        }
        fcntl_lock(&file, FlockOperation::NonBlockingLockShared).ok()?;
        let seen = key(&file.metadata().ok()?);
        Some(AtRest { path, file, seen }).filter(AtRest::is_unused)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it still is what it was: nobody has begun to use it, or put another one in its place.
    pub(super) fn lasts(&self) -> bool {
        let now = [self.file.metadata(), fs::metadata(&self.path)];
        now.iter().all(|now| now.as_ref().is_ok_and(|now| key(now) == self.seen)) && self.is_unused()
    }

    fn is_unused(&self) -> bool {
        IN_USE.iter().all(|suffix| {
            let found = fs::symlink_metadata(beside(&self.path, suffix));
            found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        })
    }
}

fn key(file: &Metadata) -> (u64, u64, [i64; 4]) {
    (file.ino(), file.len(), [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use std::process::Command;

    fn made(path: &Path, mode: &str) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (x)")).unwrap();
        connection
    }

    #[test]
    fn only_what_has_a_wal_and_is_not_open_is_at_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        assert!(AtRest::of(&path).is_none());
        let open = made(&path, "WAL");
        assert!(AtRest::of(&path).is_none());
        drop(open);
        assert!(AtRest::of(&path).is_some_and(|at_rest| at_rest.lasts()));
        fs::write(folder.path().join("app.db-journal"), "").unwrap();
        assert!(AtRest::of(&path).is_none());
        let other = folder.path().join("other.db");
        drop(made(&other, "DELETE"));
        assert!(AtRest::of(&other).is_none());
        assert!(AtRest::of(folder.path()).is_none());
    }

    #[test]
    fn whoever_begins_to_use_it_or_replaces_it_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        drop(made(&path, "WAL"));
        let at_rest = AtRest::of(&path).unwrap();
        let open = Connection::open(&path).unwrap();
        open.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert!(!at_rest.lasts());
        drop((at_rest, open));
        let at_rest = AtRest::of(&path).unwrap();
        let other = folder.path().join("other.db");
        fs::copy(&path, &other).unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(!at_rest.lasts());
    }

    #[test]
    fn who_opens_it_and_closes_it_meanwhile_leaves_its_wal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        drop(made(&path, "WAL"));
        let at_rest = AtRest::of(&path).unwrap();
        let script = "import sqlite3, sys\n\
                      with sqlite3.connect(sys.argv[1]) as app: app.execute('INSERT INTO t VALUES (1)')\n\
                      app.close()";
        let ended = Command::new("python3").args(["-c", script]).arg(&path).status().unwrap();
        assert!(ended.success());
        assert!(folder.path().join("app.db-wal").exists() && !at_rest.lasts());
        drop(at_rest);
        assert_eq!(Connection::open(&path).unwrap().execute("DELETE FROM t", ()).unwrap(), 1);
        assert!(AtRest::of(&path).is_some(), "the next one to close it takes it away");
    }
}
