//! The file of a database, what may lie beside it, and how it is opened with that.

use crate::database;
use crate::database::sqlite::{broken, defend, open_copy};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, Form};
use crate::format::units::count;
use crate::probe::Site;
use crate::probe::beside;
use crate::probe::deadline::End;
use crate::probe::ledger::Ledger;
use crate::probe::sqlite::{journal, wal};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// How much is copied at once, in bytes.
const COPY_BYTES: usize = 1 << 20;

/// What lies beside a database that is in use, or was.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The file of a capture; nothing may lie beside it that would be read into it.
pub(super) fn captured_file(site: &Site<'_>, captured: &Captured, ledger: &mut Ledger) -> Result<PathBuf> {
    let Form::File(name) = &captured.form else {
        let finding = Finding::new(Code::ProbeSkipped, format!("captures/{}", captured.id));
        return Err(Error::refused(finding.expected("a database file").actual("it was captured in parts")));
    };
    let file = site.own(&format!("captures/{}/{name}", captured.id))?;
    let before = ledger.failures();
    for side in SIDE_FILES {
        if let Some(finding) = beside::found(site, &file, side, "SQLite") {
            ledger.failed("side files", finding);
        }
    }
    if ledger.failures() == before {
        ledger.passed("side files", "none", "none");
    }
    Ok(file)
}

/// A file of the payload, as it lay there: if it has a write-ahead log, both are copied, and read as SQLite reads them
/// after a crash.
pub(super) fn open_with_wal(
    site: &Site<'_>,
    id: &str,
    file: &Path,
    end: End<'_>,
    ledger: &mut Ledger,
) -> Result<Connection> {
    let log = came_back(site, file, "-wal")?;
    let journal = came_back(site, file, "-journal")?;
    if log.is_none() && journal.is_none() {
        return open_copy(file);
    }
    if let Some(log) = &log {
        let subject = site.shown(log);
        let told = wal::check(log, &subject, end)?;
        match told.torn {
            None => ledger.passed("write-ahead log", "it ends with a commit", count(told.frames, "frame")),
            Some(why) => {
                let finding = Finding::new(Code::WalTorn, subject).expected("it ends with a commit");
                ledger.failed("write-ahead log", finding.actual(why));
            }
        }
    }
    if let Some(journal) = &journal
        && journal::names_another(journal)?
    {
        let finding = Finding::new(Code::ProbeFailed, site.shown(journal));
        let finding = finding.expected("a journal of this database alone");
        return Err(Error::refused(finding.actual("it names another file, which SQLite would delete")));
    }
    let room = site.room(id)?;
    let copy = room.join("database");
    let whole = [(Some(file.to_owned()), ""), (log, "-wal"), (journal, "-journal")];
    for (from, suffix) in whole.iter().filter_map(|(from, suffix)| Some((from.as_ref()?, suffix))) {
        copied(from, &database::beside(&copy, suffix), &site.shown(from), end)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&copy, flags).map_err(broken(file))?;
    defend(&connection).map_err(broken(file))?;
    connection.pragma_update(None, "query_only", true).map_err(broken(file))?;
    Ok(connection)
}

/// Copies a file, which `shown` is the name of, into a new one, unless the end comes before that.
fn copied(from: &Path, to: &Path, shown: &str, end: End<'_>) -> Result<()> {
    let source = File::open(from).map_err(Error::io("open", from))?;
    let mut target = File::create_new(to).map_err(Error::io("create", to))?;
    let mut source = BufReader::with_capacity(COPY_BYTES, end.reads(source, shown));
    let copied = io::copy(&mut source, &mut target).map_err(Error::io("copy", from));
    end.check(shown)?;
    copied.map(|_| ())
}

/// A file beside a database, if one came back.
fn came_back(site: &Site<'_>, file: &Path, suffix: &str) -> Result<Option<PathBuf>> {
    let path = database::beside(file, suffix);
    match site.within(&site.shown(&path)) {
        Err(error) if error.is_not_found() => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::watch::Watch;
    use crate::probe::deadline::Deadline;
    use std::fs;
    use std::time::Duration;

    #[test]
    fn a_copy_is_whole_and_ends_with_the_time_and_with_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        let content = vec![7; 3 * COPY_BYTES + 5];
        fs::write(&from, &content).unwrap();
        let watch = Watch::default();
        let end = |limit| End { deadline: Deadline::after(limit), watch: &watch };
        copied(&from, &to, "var/a", end(Duration::from_secs(60))).unwrap();
        assert_eq!(fs::read(&to).unwrap(), content);
        fs::remove_file(&to).unwrap();
        let late = copied(&from, &to, "var/a", end(Duration::ZERO)).unwrap_err();
        assert_eq!(late.to_string(), "var/a: it did not end within 0 s");
        assert_eq!(fs::metadata(&to).unwrap().len(), 0);
        let late = wal::check(&from, "var/a-wal", end(Duration::ZERO)).unwrap_err();
        assert_eq!(late.to_string(), "var/a-wal: it did not end within 0 s");
        fs::remove_file(&to).unwrap();
        watch.interrupt();
        let ended = copied(&from, &to, "var/a", end(Duration::from_secs(60))).unwrap_err();
        assert!(matches!(ended, Error::Interrupted));
    }
}
