//! SQLite: a database file, opened so that nothing in it can do harm.

mod journal;
mod wal;

use crate::database::sqlite::{Facts, bound, broken, defend, facts, open_copy};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, Form};
use crate::format::units::count;
use crate::pipeline::alarm::Alarm;
use crate::pipeline::watch::Watch;
use crate::policy::probe::{Query, Subject};
use crate::probe::Site;
use crate::probe::answers::{self, ROWS_MAX};
use crate::probe::deadline::Deadline;
use crate::probe::facts::{Back, compare, counted};
use crate::probe::ledger::Ledger;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};

/// What lies beside a database that is in use, or was.
const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How many faults SQLite tells of a damaged file.
const FAULTS_MAX: usize = 20;

/// What the policy asks.
pub struct Asked<'a> {
    /// The probe's id.
    pub id: &'a str,
    /// Of which file.
    pub of: &'a Subject,
    /// Whether every row must find those that it refers to.
    pub foreign_keys: bool,
    /// Its own questions.
    pub queries: &'a [Query],
    /// When it has to be through.
    pub deadline: Deadline,
}

/// Probes a database file.
pub fn probe(site: &Site<'_>, asked: &Asked<'_>, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    let (file, captured) = match asked.of {
        Subject::Path(path) => match site.within(path.as_str()) {
            Err(error) if error.is_not_found() => (site.restored.join(path.as_str()), None),
            file => (file?, None),
        },
        Subject::Capture(id) => {
            let captured = site.captured(id).map_err(Error::refused)?;
            (captured_file(site, captured, ledger)?, Some(captured))
        }
    };
    if !file.is_file() {
        let finding = Finding::new(Code::ProbeSkipped, shown(site, &file));
        return Err(Error::refused(finding.expected("a database file").actual("it did not come back")));
    }
    let connection = match captured {
        Some(_) => open_copy(&file)?,
        None => open_with_wal(site, asked.id, &file, ledger)?,
    };
    bound(&connection, site.policy.drill.memory_limit).map_err(broken(&file))?;
    let deadline = asked.deadline;
    let handle = connection.get_interrupt_handle();
    let _alarm = Alarm::until_called_off(deadline.left(), move || handle.interrupt());
    let subject = shown(site, &file);
    integrity(&connection, &subject, deadline, ledger)?;
    if asked.foreign_keys {
        foreign_keys(&connection, &subject, deadline, ledger)?;
    }
    let is_digested = captured.is_some_and(|it| it.tables.iter().any(|table| table.content.is_some()));
    match facts(&connection, &file, if is_digested { u64::MAX } else { 0 }, watch) {
        Ok(found) => tables(found, captured, &subject, ledger),
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(_) if deadline.left().is_zero() => return Err(deadline.late(&subject)),
        // That it is damaged was told above; what of it cannot be read is told here.
        Err(error) => {
            let said = error.to_string();
            let what = said.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&said);
            ledger.failed("tables", unread(&subject, what));
        }
    }
    for query in asked.queries {
        deadline.check(&query.sql)?;
        let answer = answer(&connection, query).map_err(|error| match is_interrupted(&error) {
            true => deadline.late(&query.sql),
            false => Error::input(error.to_string(), ""),
        });
        answers::answered(asked.id, query, answer, ledger)?;
    }
    answers::covered(asked.queries.len(), ledger);
    Ok(())
}

/// What is in it, against what its capture recorded; of a file that was not captured, that there is something at all.
fn tables(found: Facts, captured: Option<&Captured>, subject: &str, ledger: &mut Ledger) {
    if let Some(captured) = captured {
        let schema_sha256 = Some(found.schema_sha256);
        let (tables, objects) = (found.tables, found.objects);
        return compare(captured, &Back { schema_sha256, tables, objects, incomparable: None }, ledger);
    }
    counted(&found.tables, subject, ledger);
}

/// The file of a capture; nothing may lie beside it that would be read into it.
fn captured_file(site: &Site<'_>, captured: &Captured, ledger: &mut Ledger) -> Result<PathBuf> {
    let Form::File(name) = &captured.form else {
        let finding = Finding::new(Code::ProbeSkipped, format!("captures/{}", captured.id));
        return Err(Error::refused(finding.expected("a database file").actual("it was captured in parts")));
    };
    let file = site.own(&format!("captures/{}/{name}", captured.id))?;
    let before = ledger.findings.len();
    for side in SIDE_FILES {
        let beside = with_suffix(&file, side);
        if beside.symlink_metadata().is_ok() {
            let finding = Finding::new(Code::WalStale, shown(site, &beside));
            let finding = finding.expected("nothing beside a copy that is whole by itself");
            ledger.failed("side files", finding.actual("SQLite would read it into the database"));
        }
    }
    if ledger.findings.len() == before {
        ledger.passed("side files", "none", "none");
    }
    Ok(file)
}

/// A file of the payload, as it lay there: if it has a write-ahead log, both are copied, and read as SQLite reads them
/// after a crash.
fn open_with_wal(site: &Site<'_>, id: &str, file: &Path, ledger: &mut Ledger) -> Result<Connection> {
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

fn integrity(connection: &Connection, subject: &str, deadline: Deadline, ledger: &mut Ledger) -> Result<()> {
    let ask = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FAULTS_MAX})"))?;
        statement.query_map((), |row| row.get(0))?.collect()
    };
    let faults = match ask() {
        Ok(faults) => faults,
        Err(error) if is_interrupted(&error) => return Err(deadline.late(subject)),
        Err(error) => {
            ledger.failed("integrity_check", unread(subject, &error.to_string()));
            return Ok(());
        }
    };
    if faults == ["ok"] {
        ledger.covers("integrity");
        ledger.passed("integrity_check", "ok", "ok");
    } else {
        ledger.failed("integrity_check", corrupt(subject).actual(faults.join("; ")));
    }
    Ok(())
}

fn foreign_keys(
    connection: &Connection,
    subject: &str,
    deadline: Deadline,
    ledger: &mut Ledger,
) -> Result<()> {
    let ask = || -> rusqlite::Result<(u64, Option<String>)> {
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query(())?;
        let (mut orphans, mut first) = (0u64, None);
        while let Some(row) = rows.next()? {
            orphans += 1;
            if first.is_none() {
                let (table, rowid, parent): (String, Option<i64>, String) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                let rowid = rowid.map_or_else(String::new, |rowid| format!(" row {rowid}"));
                first = Some(format!("{table}{rowid} refers to {parent}"));
            }
        }
        Ok((orphans, first))
    };
    let finding =
        Finding::new(Code::ForeignKeyOrphan, subject).expected("every row finds those that it refers to");
    match ask() {
        Ok((0, _)) => ledger.passed("foreign_key_check", count(0, "orphan"), count(0, "orphan")),
        Ok((orphans, first)) => {
            let first = first.unwrap_or_default();
            ledger.failed(
                "foreign_key_check",
                finding.actual(format!("{}: {first}", count(orphans, "orphan"))),
            );
        }
        Err(error) if is_interrupted(&error) => return Err(deadline.late(subject)),
        Err(error) => ledger.failed("foreign_key_check", finding.actual(error)),
    }
    Ok(())
}

/// The rows of an answer as text. A statement that would write is refused.
fn answer(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&query.sql)?;
    if !statement.readonly() {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let columns = statement.column_count();
    let mut rows = statement.query(())?;
    let mut answer = Vec::new();
    while let Some(row) = rows.next()? {
        if answer.len() == ROWS_MAX {
            break;
        }
        let values = (0..columns).map(|column| row.get_ref(column).map(text));
        answer.push(values.collect::<rusqlite::Result<Vec<_>>>()?.join("|"));
    }
    Ok(answer)
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(blob) => data_encoding::HEXLOWER.encode(blob),
    }
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// What could not be read: for want of what the policy gives, or because it is damaged.
fn unread(subject: &str, error: &str) -> Finding {
    if error.contains("out of memory") || error.contains("too big") {
        let finding = Finding::new(Code::ProbeFailed, subject).expected("what fits into `memory_limit`");
        return finding.actual(error);
    }
    corrupt(subject).actual(error)
}

fn corrupt(subject: &str) -> Finding {
    Finding::new(Code::DatabaseCorrupt, subject).expected("a whole database")
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A path as it is in the tree.
fn shown(site: &Site<'_>, file: &Path) -> String {
    file.strip_prefix(site.restored).unwrap_or(file).display().to_string()
}
