//! SQLite: a database file, opened so that nothing in it can do harm.

mod copy;
mod journal;
mod wal;

use crate::database::answer;
use crate::database::quote;
use crate::database::sqlite::{Facts, bound, broken, facts, is_the_applications, names, open_copy};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::Captured;
use crate::format::units::count;
use crate::pipeline::alarm::Alarm;
use crate::pipeline::watch::Watch;
use crate::policy::probe::{Query, Subject};
use crate::probe::Site;
use crate::probe::answers;
use crate::probe::deadline::{Deadline, End};
use crate::probe::facts::{Back, compare, counted};
use crate::probe::ledger::Ledger;
use copy::{captured_file, open_with_wal};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How many faults SQLite tells of a damaged file.
const FAULTS_MAX: usize = 20;

/// When it is first looked whether a statement has to end; then it is looked again and again.
const FIRST_LOOK: Duration = Duration::from_millis(20);

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
    let end = End { deadline: asked.deadline, watch };
    let (file, captured) = locate(site, asked.of, ledger)?;
    let connection = match captured {
        Some(_) => open_copy(&file)?,
        None => open_with_wal(site, asked.id, &file, end, ledger)?,
    };
    bound(&connection, site.policy.drill.memory_limit).map_err(broken(&file))?;
    let _alarm = end.interrupts(&connection);
    let subject = site.shown(&file);
    integrity(&connection, &subject, end, ledger)?;
    if asked.foreign_keys {
        foreign_keys(&connection, &subject, end, ledger)?;
    }
    let is_digested = captured.is_some_and(|it| it.tables.iter().any(|table| table.content.is_some()));
    match facts(&connection, &file, if is_digested { u64::MAX } else { 0 }, watch) {
        Ok(found) => tables(found, captured, &subject, ledger),
        // That it is damaged was told above; what of it cannot be read is told here.
        Err(error) => {
            end.check(&subject)?;
            let said = error.to_string();
            let what = said.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&said);
            ledger.failed("tables", unread(&subject, what));
        }
    }
    end.check(&subject)?;
    for query in asked.queries {
        end.check(&query.sql)?;
        let answer =
            answer(&connection, &query.sql).map_err(|error| end.check(&query.sql).err().unwrap_or(error));
        answers::answered(asked.id, query, answer, ledger)?;
    }
    answers::covered(asked.queries.len(), ledger);
    Ok(())
}

impl End<'_> {
    /// Interrupts the connection's statements from then on.
    pub fn interrupts(self, connection: &Connection) -> Alarm {
        let (handle, deadline, watch) =
            (connection.get_interrupt_handle(), self.deadline, self.watch.clone());
        Alarm::until_called_off(FIRST_LOOK, move || {
            if deadline.left().is_zero() || watch.check().is_err() {
                handle.interrupt();
            }
        })
    }
}

/// The file, and what the capture recorded of it.
fn locate<'s>(
    site: &'s Site<'_>,
    of: &Subject,
    ledger: &mut Ledger,
) -> Result<(PathBuf, Option<&'s Captured>)> {
    let (file, captured) = match of {
        Subject::Path(path) => match site.within(path.as_str()) {
            Err(error) if error.is_not_found() => (site.restored.join(path.as_str()), None),
            file => (file?, None),
        },
        Subject::Capture(id) => {
            let captured = site.captured(id).map_err(Error::refused)?;
            (captured_file(site, captured, ledger)?, Some(captured))
        }
    };
    if file.is_file() {
        return Ok((file, captured));
    }
    let finding = Finding::new(Code::ProbeSkipped, site.shown(&file));
    Err(Error::refused(finding.expected("a database file").actual("it did not come back")))
}

/// What is in it, against what its capture recorded; of a file that was not captured, that there is something at all.
fn tables(found: Facts, captured: Option<&Captured>, subject: &str, ledger: &mut Ledger) {
    if let Some(captured) = captured {
        let schema_sha256 = Some(found.schema_sha256);
        let (tables, objects) = (found.tables, found.objects);
        let (incomparable, refilled) = (None, BTreeSet::new());
        let back = Back { schema_sha256, tables, objects, incomparable, refilled };
        return compare(captured, &back, ledger);
    }
    counted(&found.tables, subject, ledger);
}

fn integrity(connection: &Connection, subject: &str, end: End<'_>, ledger: &mut Ledger) -> Result<()> {
    let judged = match integrity_of(connection, &format!("({FAULTS_MAX})")) {
        Err(error) if is_the_applications(&error) => integrity_by_table(connection, subject, ledger),
        Err(error) => Err(error),
        Ok(faults) => {
            judge(&faults, "ok", "integrity", subject, ledger);
            Ok(())
        }
    };
    if let Err(error) = judged {
        end.check(subject)?;
        ledger.failed("integrity_check", unread(subject, &error.to_string()));
    }
    Ok(())
}

/// What SQLite finds wrong: `of` is how many faults it tells, or which table it looks at.
fn integrity_of(connection: &Connection, of: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check{of}"))?;
    let mut faults: Vec<String> =
        statement.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    faults.retain(|fault| fault != "ok");
    Ok(faults)
}

/// The same of each table by itself, but for those that only the application can check.
fn integrity_by_table(connection: &Connection, subject: &str, ledger: &mut Ledger) -> rusqlite::Result<()> {
    let (mut held, mut left, mut faults) = (0u64, Vec::new(), Vec::new());
    for (name, _) in names(connection)? {
        match integrity_of(connection, &format!("({})", quote(&name))) {
            Ok(found) => {
                held += 1;
                faults.extend(found);
            }
            Err(error) if is_the_applications(&error) => left.push(format!("{name}: {error}")),
            Err(error) => return Err(error),
        }
    }
    if held > 0 {
        let tables = count(held, "table");
        judge(&faults, &tables, &format!("integrity of {tables}"), subject, ledger);
    }
    ledger.skipped("integrity_check", format!("only the application can check {}", left.join(", ")));
    Ok(())
}

fn judge(faults: &[String], held: &str, covered: &str, subject: &str, ledger: &mut Ledger) {
    if faults.is_empty() {
        ledger.covers(covered);
        ledger.passed("integrity_check", held, held);
    } else {
        ledger.failed("integrity_check", corrupt(subject).actual(faults.join("; ")));
    }
}

fn foreign_keys(connection: &Connection, subject: &str, end: End<'_>, ledger: &mut Ledger) -> Result<()> {
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
        Err(error) if is_the_applications(&error) => {
            ledger
                .skipped("foreign_key_check", format!("only the application can compare its keys: {error}"));
        }
        Err(error) => {
            end.check(subject)?;
            ledger.failed("foreign_key_check", finding.actual(error));
        }
    }
    Ok(())
}

/// The [answer] as rows of text. A statement that would write is refused.
fn answer(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let failed = |error: rusqlite::Error| Error::input(error.to_string(), "");
    let mut statement = connection.prepare(sql).map_err(failed)?;
    if !statement.readonly() {
        return Err(failed(rusqlite::Error::InvalidQuery));
    }
    let columns = statement.column_count();
    let mut rows = statement.query(()).map_err(failed)?;
    answer::read(|room| {
        let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
        let mut text = String::new();
        for column in 0..columns {
            let value = row.get_ref(column).map_err(failed)?;
            if text.len() + bytes(value) > room {
                return Err(Error::input("SQLite: it answers more than is read", ""));
            }
            text.push_str(if column == 0 { "" } else { "|" });
            text.push_str(&words(value));
        }
        Ok(Some(text))
    })
}

/// How many bytes a value has as text, at least.
fn bytes(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(text) => text.len(),
        ValueRef::Blob(blob) => blob.len().saturating_mul(2),
        _ => 0,
    }
}

fn words(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(blob) => data_encoding::HEXLOWER.encode(blob),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::answer::{BYTES_MAX, ROWS_MAX};

    /// How many rows are read of so many of this value.
    fn read(rows: usize, value: &str) -> Result<usize> {
        let connection = Connection::open_in_memory().unwrap();
        let many =
            format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
        answer(&connection, &format!("{many} SELECT {value} FROM n")).map(|rows| rows.len())
    }

    #[test]
    fn a_longer_answer_is_seen_to_be_longer() {
        assert_eq!(read(ROWS_MAX, "i").unwrap(), ROWS_MAX);
        assert_eq!(read(ROWS_MAX + 500, "i").unwrap(), ROWS_MAX + 1);
    }

    #[test]
    fn large_values_are_read_within_bounds() {
        assert_eq!(read(2, &format!("zeroblob({})", BYTES_MAX / 4)).unwrap(), 2);
        for (rows, value) in [(3, BYTES_MAX / 4), (1, BYTES_MAX / 2 + 1), (900, 1 << 20)] {
            let error = read(rows, &format!("zeroblob({value})")).unwrap_err().to_string();
            assert_eq!(error, "SQLite: it answers more than is read");
        }
        let text = read(1, &format!("printf('%.*c', {}, 'x')", BYTES_MAX + 1)).unwrap_err();
        assert!(text.to_string().contains("more than is read"), "{text}");
    }

    #[test]
    fn what_writes_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(answer(&connection, "CREATE TABLE t (x)").is_err());
    }
}
