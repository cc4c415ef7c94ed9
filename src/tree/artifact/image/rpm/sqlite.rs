//! `rpmdb.sqlite`: a table of headers, read from memory by SQLite with everything switched off that a hostile schema
//! could use.

use crate::tree::artifact::bounds::{MEMBER_BYTES_MAX, Trouble};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, MAIN_DB, Result};
use std::io::Read;

/// The bytes of a database's header that say that it has a write-ahead log (SQLite file format, section 1.3.3). A
/// database in memory has none, and SQLite refuses to open one that says so.
const FORMAT_VERSIONS: std::ops::Range<usize> = 18..20;
const ROLLBACK: &[u8] = &[1, 1];

/// The columns of the table, as rpm makes it: name and type, and that they are stored.
const COLUMNS: &[(&str, &str, i64)] = &[("hnum", "INTEGER", 0), ("blob", "BLOB", 0)];

/// Gives every header to `take`.
pub fn each(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let broken = |error: rusqlite::Error| Trouble::invalid(format!("the SQLite database: {error}"));
    let database = open(bytes).map_err(broken)?;
    if !is_expected(&database).map_err(broken)? {
        return Err(Trouble::invalid("the SQLite database has not the table Packages as rpm makes it"));
    }
    let mut statement = database.prepare("SELECT blob FROM main.Packages").map_err(broken)?;
    let mut rows = statement.query([]).map_err(broken)?;
    while let Some(row) = rows.next().map_err(broken)? {
        match row.get_ref(0).map_err(broken)? {
            ValueRef::Blob(blob) => take(blob)?,
            _ => take(&[])?,
        }
    }
    Ok(())
}

fn open(bytes: &[u8]) -> Result<Connection> {
    let (before, after) = (bytes.get(..FORMAT_VERSIONS.start), bytes.get(FORMAT_VERSIONS.end..));
    let image = before.unwrap_or_default().chain(ROLLBACK).chain(after.unwrap_or_default());
    let mut database = Connection::open_in_memory()?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    let length_most = i32::try_from(MEMBER_BYTES_MAX).unwrap_or(i32::MAX);
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, length_most),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 10),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        database.set_limit(limit, most)?;
    }
    database.deserialize_read_exact(MAIN_DB, image, bytes.len(), true)?;
    Ok(database)
}

/// Whether `Packages` is a table with its own pages, and has rpm's columns.
fn is_expected(database: &Connection) -> Result<bool> {
    let tables =
        "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = 'Packages' AND rootpage > 0";
    if database.query_row(tables, [], |row| row.get::<_, i64>(0))? != 1 {
        return Ok(false);
    }
    let mut statement = database.prepare("SELECT name, type, hidden FROM pragma_table_xinfo('Packages')")?;
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let columns: Vec<(String, String, i64)> = columns.collect::<Result<_>>()?;
    let expected = COLUMNS.iter().map(|(name, kind, hidden)| (name.to_string(), kind.to_string(), *hidden));
    Ok(columns.into_iter().eq(expected))
}
