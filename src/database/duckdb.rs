//! DuckDB: asked through its command line program, with nothing loaded and nothing fetched that was not built into it.

use crate::database::{answer, quote};
use crate::error::{Error, Result};
use crate::format::capture::{Content, Object, Table};
use crate::format::digest::Sha256;
use crate::format::units::size;
use crate::pipeline::program::Program;
use crate::pipeline::program::piped::Piped;
use crate::pipeline::watch::Watch;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256 as Hasher};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// What to do where the program is missing.
pub const INSTALL: &str = "install DuckDB's command line program: pip install duckdb-cli";

/// Nothing is fetched or loaded; values are printed alike everywhere.
const SETTINGS: &str = "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;";

/// The longest argument of the program that is made, in bytes: the kernel takes none of 128 KiB.
pub const ARGUMENT_BYTES_MAX: usize = 100 << 10;

/// The most that a run is told, in bytes: the kernel takes 2 MiB with the environment.
const RUN_BYTES_MAX: usize = 1 << 20;

/// The most that a run answers about a database in rows of JSON, in bytes: definitions of a hundred thousand tables, and far
/// less than this process may hold.
pub const ROWS_BYTES_MAX: usize = 32 << 20;

/// What has a name, with its definition; `DB` stands for the database. Sequences move on by being used: their names alone.
const DEFINITIONS: &str = "\
SELECT * FROM ( \
 SELECT 'table' AS kind, schema_name AS schema, table_name AS name, sql AS definition FROM duckdb_tables() \
  WHERE database_name = DB AND NOT internal AND NOT temporary \
 UNION ALL SELECT 'view', schema_name, view_name, sql FROM duckdb_views() \
  WHERE database_name = DB AND NOT internal AND NOT temporary \
 UNION ALL SELECT 'index', schema_name, index_name, sql FROM duckdb_indexes() WHERE database_name = DB \
 UNION ALL SELECT 'sequence', schema_name, sequence_name, '' FROM duckdb_sequences() WHERE database_name = DB \
 UNION ALL SELECT 'type', schema_name, type_name, coalesce(labels::VARCHAR, logical_type) FROM duckdb_types() \
  WHERE database_name = DB AND NOT internal \
 UNION ALL SELECT function_type, schema_name, function_name, macro_definition FROM duckdb_functions() \
  WHERE database_name = DB AND NOT internal) \
ORDER BY kind, schema, name, definition";

/// The program, and what it gets.
pub struct Duckdb<'a> {
    /// Where it runs: paths in statements are relative to this.
    pub folder: &'a Path,
    /// The program's name or path; what is before it starts it, in whatever surroundings.
    pub program: &'a [String],
    /// The whole environment.
    pub variables: &'a [(OsString, OsString)],
    /// How long it may take.
    pub time_limit: Duration,
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Definition {
    /// `table`, `view`, `index`, …
    pub kind: String,
    /// Its schema.
    pub schema: String,
    /// Without its schema.
    pub name: String,
    #[serde(default)]
    definition: Option<String>,
}

impl Definition {
    /// The table in the attached database of that name.
    pub fn of(&self, database: &str) -> String {
        format!("{}.{}.{}", quote(database), quote(&self.schema), quote(&self.name))
    }

    /// A name for a row of it, all columns together: one that no column has, or it would be that column alone.
    pub fn row(&self) -> String {
        let definition = self.definition.as_deref().unwrap_or_default().to_ascii_lowercase();
        let mut row = "a_row".to_owned();
        while definition.contains(&row) {
            row.push('_');
        }
        row
    }
}

impl Duckdb<'_> {
    /// Runs statements, each one or several of them, on an empty database in memory, to which others may be attached; gives
    /// each row as JSON. More than the program can be told in one run, and rows of more than [`ROWS_BYTES_MAX`], are errors.
    pub fn run<S: AsRef<str>>(&self, statements: &[S], watch: &Watch) -> Result<Vec<Value>> {
        let mut piped = self.start(&["-jsonlines"], statements, watch)?;
        let rows = rows(&mut piped);
        ended(piped, rows.is_ok(), rows)
    }

    /// The [answer] to the last of these statements, each row a line of values parted by `|`, NULL as nothing.
    pub fn answer<S: AsRef<str>>(&self, statements: &[S], watch: &Watch) -> Result<Vec<String>> {
        let mut piped = self.start(&["-list", "-noheader", "-nullvalue", ""], statements, watch)?;
        let mut is_whole = false;
        let lines = answer::read(|room| {
            let line = piped.line_within(room)?;
            is_whole = line.is_none();
            Ok(line)
        });
        ended(piped, is_whole, lines)
    }

    fn start<S: AsRef<str>>(&self, form: &[&str], statements: &[S], watch: &Watch) -> Result<Piped> {
        let fixed = ["-no-init", "-batch", "-bail"].iter().chain(form).chain(&[":memory:", "-c", SETTINGS]);
        let fixed = fixed.map(|word| (*word).to_owned());
        let words: Vec<String> =
            self.program.iter().cloned().chain(fixed).chain(arguments(statements)?).collect();
        let program = Program {
            folder: self.folder,
            words: &words,
            variables: self.variables,
            time_limit: self.time_limit,
            output_bytes_max: 0,
        };
        let name = self.program.last().map_or("duckdb", String::as_str);
        Piped::start(&program, watch).map_err(|error| missing(error, name))
    }

    /// `v1.5.6 (Variegata) 069cc9f9b5`
    pub fn version(&self, watch: &Watch) -> Result<String> {
        let rows = self.run(&["SELECT 'DuckDB ' || version() AS version"], watch)?;
        let version = rows.first().and_then(|row| row.get("version")).and_then(Value::as_str);
        Ok(version.unwrap_or("DuckDB").to_owned())
    }

    /// What has a name in the attached database `name`.
    pub fn definitions(&self, attach: &str, name: &str, watch: &Watch) -> Result<Vec<Definition>> {
        read(self.run(&[attach, &definitions(name)], watch)?)
    }
}

/// Every row that it prints as JSON.
fn rows(piped: &mut Piped) -> Result<Vec<Value>> {
    let (mut rows, mut room) = (Vec::new(), ROWS_BYTES_MAX);
    while let Some(line) = piped.line_within(room)? {
        room = room.saturating_sub(line.len());
        if line.starts_with('{') {
            rows.push(serde_json::from_str(&line).map_err(not_understood)?);
        }
    }
    Ok(rows)
}

/// What was read, once the program has ended: before that, it cannot be told what it did besides. One whose answer was not read
/// to its end is cut off.
fn ended<T>(piped: Piped, is_whole: bool, read: Result<T>) -> Result<T> {
    match &read {
        Ok(_) if is_whole => piped.finish()?,
        Err(error) if error.is_last() => {}
        _ => piped.cut_off()?,
    }
    read
}

/// An error if these are more than the program can be told in one run.
pub fn can_be_told<S: AsRef<str>>(statements: &[S]) -> Result<()> {
    arguments(statements).map(|_| ())
}

/// Statements as arguments of the program, as few as the kernel allows. None begins with a point: to the program such a one
/// is a command, and no statement.
fn arguments<S: AsRef<str>>(statements: &[S]) -> Result<Vec<String>> {
    let arguments: Vec<String> = groups(statements, ARGUMENT_BYTES_MAX)
        .map(|group| format!(" {}", group.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(";\n")))
        .collect();
    let longest = arguments.iter().map(String::len).max().unwrap_or(0);
    let whole: usize = arguments.iter().map(String::len).sum();
    for (bytes, most, what) in
        [(longest, ARGUMENT_BYTES_MAX, "a statement"), (whole, RUN_BYTES_MAX, "statements")]
    {
        // What parts them is not counted.
        if bytes > most + most / 10 {
            let told = format!("duckdb: {what} of {}, and its program is told at most", size(bytes as u64));
            return Err(Error::input(format!("{told} {} at once", size(most as u64)), ""));
        }
    }
    Ok(arguments.into_iter().flat_map(|argument| ["-c".to_owned(), argument]).collect())
}

/// Questions that do not depend on each other, in as few groups as runs are needed to ask them.
pub fn runs(questions: &[String]) -> impl Iterator<Item = &[String]> {
    groups(questions, RUN_BYTES_MAX / 2)
}

/// Neighbours, as many as stay within so many bytes together; one that is longer stays alone.
fn groups<S: AsRef<str>>(all: &[S], bytes_max: usize) -> impl Iterator<Item = &[S]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |one: &&S| {
            bytes += one.as_ref().len();
            bytes <= bytes_max
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let (group, others) = rest.split_at(count);
        rest = others;
        (!group.is_empty()).then_some(group)
    })
}

/// The query for everything that has a name in the attached database.
pub fn definitions(name: &str) -> String {
    DEFINITIONS.replace("DB", &literal(name))
}

/// A query for the rows of each table, in order; digested where that is wished.
pub fn counts(database: &str, definitions: &[Definition], is_digested: bool) -> Vec<String> {
    let sum = if is_digested { "sum(md5_number_lower(ROW::VARCHAR)::HUGEINT)::VARCHAR" } else { "NULL" };
    let one = |table: &Definition| {
        let (name, row) = (table.of(database), table.row());
        format!("SELECT count(*) AS rows, {} AS sum FROM {name} {row}", sum.replace("ROW", &row))
    };
    tables(definitions).map(one).collect()
}

/// Rows as what they are.
pub fn read<T: for<'de> Deserialize<'de>>(rows: Vec<Value>) -> Result<Vec<T>> {
    rows.into_iter().map(|row| serde_json::from_value(row).map_err(not_understood)).collect()
}

#[derive(Deserialize)]
struct Counted {
    rows: u64,
    sum: Option<String>,
}

/// What is in a database: the digest over its definitions, its tables, and everything else that has a name. `counted` is
/// what [`counts`] gave.
pub fn facts(
    definitions: &[Definition],
    counted: Vec<Value>,
    is_digested: bool,
) -> Result<(Sha256, Vec<Table>, Vec<Object>)> {
    let counted: Vec<Counted> = read(counted)?;
    let tables: Vec<&Definition> = tables(definitions).collect();
    if counted.len() != tables.len() {
        let message = format!("duckdb: {} tables, but {} answers", tables.len(), counted.len());
        return Err(Error::input(message, ""));
    }
    let mut hasher = Hasher::new();
    for one in definitions {
        for text in [&one.kind, &one.schema, &one.name, one.definition.as_deref().unwrap_or_default()] {
            hasher.update(text.as_bytes());
            hasher.update([0]);
        }
    }
    let name = |one: &Definition| format!("{}.{}", one.schema, one.name);
    let table = |(table, counted): (&&Definition, Counted)| Table {
        name: name(table),
        rows: Some(counted.rows),
        content: is_digested.then(|| Content::RowsMd5Sum(counted.sum.unwrap_or_else(|| "0".to_owned()))),
    };
    let objects = definitions.iter().filter(|one| one.kind != "table");
    let objects = objects.map(|one| Object { kind: one.kind.clone(), name: name(one) }).collect();
    Ok((Sha256(hasher.finalize().into()), tables.iter().zip(counted).map(table).collect(), objects))
}

/// The tables among what has a name.
pub fn tables(definitions: &[Definition]) -> impl Iterator<Item = &Definition> {
    definitions.iter().filter(|one| one.kind == "table")
}

/// A text in an SQL text.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn missing(error: Error, program: &str) -> Error {
    if error.is_not_found() {
        return Error::input(format!("{program} is not there"), INSTALL);
    }
    error
}

fn not_understood(error: serde_json::Error) -> Error {
    Error::input(format!("duckdb: an answer that is not understood: {error}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_statements_are_told_in_order_and_in_pieces_that_the_kernel_takes() {
        let many: Vec<String> = (0..5000).map(|number| format!("SELECT {number:0100}")).collect();
        let words = arguments(&many).unwrap();
        assert!(
            words.iter().all(|word| word.len() < 128 << 10),
            "no argument is longer than the kernel takes"
        );
        let told: Vec<&str> =
            words.iter().filter(|word| *word != "-c").map(|word| word.trim_start()).collect();
        assert!((5..10).contains(&told.len()), "{}", told.len());
        assert_eq!(told.join(";\n"), many.join(";\n"));
        assert_eq!(runs(&many).map(<[String]>::len).sum::<usize>(), 5000);
        assert!(runs(&many).count() > 1);
        assert_eq!(arguments::<&str>(&[]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_row_has_a_name_that_no_column_has() {
        let row = |definition: &str| {
            let text = |text: &str| text.to_owned();
            let (kind, schema, name) = (text("table"), text("main"), text("t"));
            Definition { kind, schema, name, definition: Some(text(definition)) }.row()
        };
        assert_eq!(row("CREATE TABLE t(s INTEGER);"), "a_row");
        assert_eq!(row("CREATE TABLE t(a_row INTEGER);"), "a_row_");
        assert_eq!(row("CREATE TABLE t(\"A_ROW\" INTEGER, a_row_ INTEGER);"), "a_row__");
    }

    #[test]
    fn what_cannot_be_told_is_said_and_a_point_begins_no_command() {
        let refusal = |statements: &[String]| arguments(statements).unwrap_err().to_string();
        let long = refusal(&["x".repeat(130 << 10)]);
        assert_eq!(
            long,
            "duckdb: a statement of 130.0 KiB, and its program is told at most 100.0 KiB at once"
        );
        let many = refusal(&vec!["x".repeat(90 << 10); 20]);
        assert_eq!(many, "duckdb: statements of 1.8 MiB, and its program is told at most 1.0 MiB at once");
        assert_eq!(arguments(&[".shell echo"]).unwrap(), ["-c", " .shell echo"]);
    }
}
