//! SQLite: opens a copy so that nothing in it can do harm, and says what is in it.

use crate::database::quote;
use crate::error::{Error, Result};
use crate::format::capture::{Content, Object, Table};
use crate::format::digest::Sha256;
use crate::pipeline::watch::Watch;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use sha2::{Digest, Sha256 as Hasher};
use std::path::Path;

/// How many rows are read between two looks at whether to stop.
const ROWS_BETWEEN_CHECKS: u64 = 4096;

/// The longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: u64 = 16 << 20;

/// What is in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// SHA-256 over `type`, `name`, `tbl_name` and `sql` of `sqlite_schema`, each followed by NUL, in that order.
    pub schema_sha256: Sha256,
    /// Its tables, in order of the name; none of SQLite's own.
    pub tables: Vec<Table>,
    /// Its indexes, triggers and views.
    pub objects: Vec<Object>,
}

/// Opens a file that nobody writes to, read only, without its side files, in defensive mode: no schema trick runs code,
/// no extension is loaded, nothing is attached.
pub fn open_copy(path: &Path) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{}?immutable=1", escape(path)), flags)
        .map_err(broken(path))?;
    defend(&connection).map_err(broken(path))?;
    Ok(connection)
}

/// Nothing that a hostile schema could use is left on (<https://www.sqlite.org/security.html>).
pub fn defend(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Keeps a connection to so many bytes of memory, and to programs and patterns of a size that honest schemas stay far below.
/// What is sorted lies in that memory too, and never on a disk. SQLite counts for the whole process, and lowers the limit only.
pub fn bound(connection: &Connection, memory_bytes: u64) -> rusqlite::Result<()> {
    let memory = i64::try_from(memory_bytes).unwrap_or(i64::MAX);
    connection.query_row(&format!("PRAGMA hard_heap_limit = {memory}"), (), |row| row.get::<_, i64>(0))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, i32::try_from(memory_bytes).unwrap_or(i32::MAX)),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, STATEMENT_BYTES_MAX as i32),
        (Limit::SQLITE_LIMIT_VDBE_OP, 5_000_000),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    Ok(())
}

/// Says what is in it. Content digests are made if the whole has at most `digest_up_to` bytes.
pub fn facts(connection: &Connection, path: &Path, digest_up_to: u64, watch: &Watch) -> Result<Facts> {
    let bytes = bytes(connection).map_err(broken(path))?;
    let (schema_sha256, objects) = schema(connection).map_err(broken(path))?;
    let mut tables = Vec::new();
    for (name, is_virtual) in names(connection).map_err(broken(path))? {
        watch.check()?;
        let rows = match count(connection, &name) {
            // Whose module is not here, or whose own tables are damaged: what is stored is told without it.
            Err(error) if is_virtual && !is_interrupted(&error) => None,
            Err(error) if is_the_applications(&error) => None,
            rows => Some(rows.map_err(broken(path))?),
        };
        let is_digested = rows.is_some() && !is_virtual && bytes <= digest_up_to;
        let content = if is_digested { content(connection, &name, path, watch)? } else { None };
        tables.push(Table {
            name,
            rows,
            content: content.map(|digest| Content::RowsSha256(digest.to_string())),
        });
    }
    Ok(Facts { schema_sha256, tables, objects })
}

fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(pragma("page_count")?.unsigned_abs() * pragma("page_size")?.unsigned_abs())
}

fn schema(connection: &Connection) -> rusqlite::Result<(Sha256, Vec<Object>)> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name, tbl_name",
    )?;
    let mut rows = statement.query(())?;
    let mut hasher = Hasher::new();
    let mut objects = Vec::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            hasher.update(row.get_ref(column)?.as_bytes()?);
            hasher.update([0]);
        }
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        if kind != "table" && !name.starts_with("sqlite_") {
            objects.push(Object { kind, name });
        }
    }
    objects.sort();
    Ok((Sha256(hasher.finalize().into()), objects))
}

/// The tables, and whether each is a virtual one.
pub fn names(connection: &Connection) -> rusqlite::Result<Vec<(String, bool)>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'virtual' FROM pragma_table_list \
         WHERE schema = 'main' AND type IN ('table', 'virtual', 'shadow') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY name",
    )?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn count(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let count: i64 =
        connection.query_row(&format!("SELECT count(*) FROM {}", quote(table)), (), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Whether a statement needs a function or an order of texts that only the application has which uses the database: it says so
/// before it begins, and nothing is wrong with the database by that.
pub fn is_the_applications(error: &rusqlite::Error) -> bool {
    let said = error.to_string();
    ["no such collation sequence: ", "unknown function: "].iter().any(|words| said.starts_with(words))
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

/// SHA-256 over every value of every row in the order of the table's own key: a byte for the type, the length in eight
/// bytes, the value. Integers and reals are eight bytes, big-endian. Nothing where a value is made by a function of the application's.
fn content(connection: &Connection, table: &str, path: &Path, watch: &Watch) -> Result<Option<Sha256>> {
    // Without an index the rows come in the order of the rowid, or of the primary key where there is no rowid.
    let query = format!("SELECT * FROM {} NOT INDEXED", quote(table));
    let mut statement = match connection.prepare(&query) {
        Err(error) if is_the_applications(&error) => return Ok(None),
        statement => statement.map_err(broken(path))?,
    };
    let mut hasher = Hasher::new();
    each_row(&mut statement, path, watch, |value| {
        let (kind, bytes): (u8, &[u8]) = match value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => (1, &number.to_be_bytes()),
            ValueRef::Real(number) => (2, &number.to_bits().to_be_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        hasher.update([kind]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    })?;
    Ok(Some(Sha256(hasher.finalize().into())))
}

fn each_row(
    statement: &mut Statement<'_>,
    path: &Path,
    watch: &Watch,
    mut see: impl FnMut(ValueRef<'_>),
) -> Result<()> {
    let columns = statement.column_count();
    let mut rows = statement.query(()).map_err(broken(path))?;
    let mut seen = 0u64;
    while let Some(row) = rows.next().map_err(broken(path))? {
        if seen.is_multiple_of(ROWS_BETWEEN_CHECKS) {
            watch.check()?;
        }
        seen += 1;
        for column in 0..columns {
            see(row.get_ref(column).map_err(broken(path))?);
        }
    }
    Ok(())
}

/// A path in a `file:` address (<https://www.sqlite.org/uri.html>).
fn escape(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// An error of the library as ours.
pub fn broken(path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    move |error| Error::input(format!("{}: {error}", path.display()), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn made(path: &Path, sql: &str) -> Facts {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        facts(&open_copy(path).unwrap(), path, 1 << 20, &Watch::default()).unwrap()
    }

    const SCHEMA: &str = "CREATE TABLE trades (id INTEGER PRIMARY KEY, symbol TEXT, price REAL, note BLOB);\
                          CREATE TABLE pairs (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;\
                          CREATE VIEW dear AS SELECT * FROM trades WHERE price > 10;\
                          CREATE INDEX by_symbol ON trades (symbol);";

    #[test]
    fn tables_rows_and_objects_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let rows = "INSERT INTO trades VALUES (1, 'a', 1.5, x'00'), (2, 'b', NULL, NULL);\
                    INSERT INTO pairs VALUES ('y', 'z'), ('a', 'b');";
        let facts = made(&folder.path().join("odd name?#%.db"), &format!("{SCHEMA}{rows}"));
        let tables: Vec<_> = facts.tables.iter().map(|table| (&*table.name, table.rows)).collect();
        assert_eq!(tables, [("pairs", Some(2)), ("trades", Some(2))]);
        let objects: Vec<_> = facts.objects.iter().map(|o| (&*o.kind, &*o.name)).collect();
        assert_eq!(objects, [("index", "by_symbol"), ("view", "dear")]);
        assert!(facts.tables.iter().all(|table| table.content.is_some()));
    }

    #[test]
    fn the_digest_follows_every_value_and_no_layout() {
        let folder = tempfile::tempdir().unwrap();
        let content = |name: &str, rows: &str| {
            made(&folder.path().join(name), &format!("{SCHEMA}{rows}")).tables[1].content.clone()
        };
        let base = content("a", "INSERT INTO trades VALUES (1, 'a', 1.5, x'00'), (2, 'b', 2.0, NULL)");
        let other_order =
            content("b", "INSERT INTO trades VALUES (2, 'b', 2.0, NULL), (1, 'a', 1.5, x'00'); VACUUM");
        assert_eq!(base, other_order);
        for (name, rows) in [
            ("c", "(1, 'a', 1.5, x'00')"),
            ("d", "(1, 'a', 1.5, x'00'), (2, 'b', 2.5, NULL)"),
            ("e", "(1, 'a', 1.5, x'00'), (2, 'b', 2.0, '')"),
            ("f", "(1, 'a', 1.5, char(0)), (2, 'b', 2.0, NULL)"),
            ("g", "(1, 'a', 1.5, x'00'), (3, 'b', 2.0, NULL)"),
        ] {
            assert_ne!(content(name, &format!("INSERT INTO trades VALUES {rows}")), base, "{rows}");
        }
    }

    #[test]
    fn a_large_database_has_no_content_digests_and_a_virtual_table_none_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        made(&path, "CREATE TABLE t (x); INSERT INTO t VALUES (1); CREATE VIRTUAL TABLE f USING fts5(body);");
        let connection = open_copy(&path).unwrap();
        let facts = facts(&connection, &path, 100, &Watch::default()).unwrap();
        let t = facts.tables.iter().find(|table| table.name == "t").unwrap();
        assert_eq!((t.rows, &t.content), (Some(1), &None));
        let virtual_one = facts.tables.iter().find(|table| table.name == "f").unwrap();
        assert_eq!((virtual_one.rows, &virtual_one.content), (Some(0), &None));
    }

    #[test]
    fn an_interruption_is_an_error_whenever_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        // To count these takes longer than all else together.
        let rows = "CREATE VIRTUAL TABLE f USING fts5(body); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL \
                    SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO f SELECT 'word ' || i FROM n";
        made(&path, rows);
        let connection = open_copy(&path).unwrap();
        let look = || facts(&connection, &path, 0, &Watch::default());
        let whole = look().unwrap();
        let (mut ended, mut rounds) = (0, 0);
        let started = Instant::now();
        // The moments are others each time: until one was in the midst of it.
        while rounds < 60 || ended == 0 {
            assert!(started.elapsed() < Duration::from_secs(120), "no moment of {rounds} was");
            let number = rounds % 60;
            rounds += 1;
            let handle = connection.get_interrupt_handle();
            let found = std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_micros(100 * number));
                    handle.interrupt();
                });
                look()
            });
            match found {
                Err(error) => ended += usize::from(error.to_string().contains("interrupted")),
                Ok(found) => assert_eq!(found, whole),
            }
        }
    }

    #[test]
    fn what_is_no_database_or_wants_to_do_harm_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        std::fs::write(&path, vec![7; 8192]).unwrap();
        let refusal = open_copy(&path).and_then(|c| facts(&c, &path, 0, &Watch::default())).unwrap_err();
        assert!(refusal.to_string().contains("not a database"), "{refusal}");
        std::fs::remove_file(&path).unwrap();
        made(&path, "CREATE TABLE t (x);");
        let connection = open_copy(&path).unwrap();
        for harm in [
            "ATTACH '/tmp/other.db' AS other",
            "INSERT INTO t VALUES (1)",
            "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema",
        ] {
            assert!(connection.execute_batch(harm).is_err(), "{harm}");
        }
    }
}
