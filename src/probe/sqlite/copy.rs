//! The file of a database, what may lie beside it, and how it is opened with that.

use crate::database::sqlite::{broken, defend, open_copy};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, Form};
use crate::format::units::count;
use crate::probe::Site;
use crate::probe::ledger::Ledger;
use crate::probe::sqlite::{journal, shown, wal};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};

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
        let beside = with_suffix(&file, side);
        if beside.symlink_metadata().is_ok() {
            let finding = Finding::new(Code::WalStale, shown(site, &beside));
            let finding = finding.expected("nothing beside a copy that is whole by itself");
            ledger.failed("side files", finding.actual("SQLite would read it into the database"));
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
    ledger: &mut Ledger,
) -> Result<Connection> {
    let log = beside(site, file, "-wal")?;
    let journal = beside(site, file, "-journal")?;
    if log.is_none() && journal.is_none() {
        return open_copy(file);
    }
    if let Some(log) = &log {
        let told = wal::check(log)?;
        let subject = shown(site, log);
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
        let finding = Finding::new(Code::ProbeFailed, shown(site, journal));
        let finding = finding.expected("a journal of this database alone");
        return Err(Error::refused(finding.actual("it names another file, which SQLite would delete")));
    }
    let room = site.room(id)?;
    let copy = room.join("database");
    let whole = [(Some(file.to_owned()), ""), (log, "-wal"), (journal, "-journal")];
    for (from, suffix) in whole.iter().filter_map(|(from, suffix)| Some((from.as_ref()?, suffix))) {
        fs::copy(from, with_suffix(&copy, suffix)).map_err(Error::io("copy", from))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&copy, flags).map_err(broken(file))?;
    defend(&connection).map_err(broken(file))?;
    connection.pragma_update(None, "query_only", true).map_err(broken(file))?;
    Ok(connection)
}

/// A file beside a database, if one came back.
fn beside(site: &Site<'_>, file: &Path, suffix: &str) -> Result<Option<PathBuf>> {
    let path = with_suffix(file, suffix);
    match site.within(&shown(site, &path)) {
        Err(error) if error.is_not_found() => Ok(None),
        found => found.map(Some),
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
