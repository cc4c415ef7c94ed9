//! DuckDB: asked through its command line program, with nothing loaded and nothing fetched that was not built into it.

use crate::database::quote;
use crate::error::{Error, Result};
use crate::format::capture::{Content, Object, Table};
use crate::format::digest::Sha256;
use crate::pipeline::program::Program;
use crate::pipeline::program::piped::Piped;
use crate::pipeline::watch::Watch;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256 as Hasher};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Nothing is fetched or loaded; values are printed alike everywhere.
const SETTINGS: &str = "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;";

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

impl Duckdb<'_> {
    /// Runs statements on an empty database in memory, to which others may be attached; gives each row as JSON.
    pub fn run(&self, statements: &str, watch: &Watch) -> Result<Vec<Value>> {
        let lines = self.lines(&["-jsonlines"], statements, watch)?;
        let rows = lines.iter().filter(|line| line.starts_with('{'));
        rows.map(|line| serde_json::from_str(line).map_err(not_understood)).collect()
    }

    /// The same, each row a line of values parted by `|`, NULL as nothing.
    pub fn answer(&self, statements: &str, watch: &Watch) -> Result<Vec<String>> {
        self.lines(&["-list", "-noheader", "-nullvalue", ""], statements, watch)
    }

    fn lines(&self, form: &[&str], statements: &str, watch: &Watch) -> Result<Vec<String>> {
        let script = format!("{SETTINGS} {statements}");
        let last = [":memory:", "-c", &script];
        let fixed = ["-no-init", "-batch", "-bail"].iter().chain(form).chain(&last);
        let words: Vec<String> =
            self.program.iter().cloned().chain(fixed.map(|word| (*word).to_owned())).collect();
        let program = Program {
            folder: self.folder,
            words: &words,
            variables: self.variables,
            time_limit: self.time_limit,
            output_bytes_max: 0,
        };
        let name = self.program.last().map_or("duckdb", String::as_str);
        let mut piped = Piped::start(&program, watch).map_err(|error| missing(error, name))?;
        let mut lines = Vec::new();
        while let Some(line) = piped.line()? {
            lines.push(line);
        }
        piped.finish()?;
        Ok(lines)
    }

    /// `v1.5.6 (Variegata) 069cc9f9b5`
    pub fn version(&self, watch: &Watch) -> Result<String> {
        let rows = self.run("SELECT 'DuckDB ' || version() AS version", watch)?;
        let version = rows.first().and_then(|row| row.get("version")).and_then(Value::as_str);
        Ok(version.unwrap_or("DuckDB").to_owned())
    }

    /// What has a name in the attached database `name`.
    pub fn definitions(&self, attach: &str, name: &str, watch: &Watch) -> Result<Vec<Definition>> {
        read(self.run(&format!("{attach}; {}", definitions(name)), watch)?)
    }
}

/// The query for everything that has a name in the attached database.
pub fn definitions(name: &str) -> String {
    DEFINITIONS.replace("DB", &literal(name))
}

/// The query for the rows of each table, in order; digested where that is wished.
pub fn counts(database: &str, definitions: &[Definition], is_digested: bool) -> String {
    let mut query = String::new();
    for table in tables(definitions) {
        let sum =
            if is_digested { "sum(md5_number_lower(a_row::VARCHAR)::HUGEINT)::VARCHAR" } else { "NULL" };
        let name = format!("{}.{}.{}", quote(database), quote(&table.schema), quote(&table.name));
        let _ = write!(query, "SELECT count(*) AS rows, {sum} AS sum FROM {name} a_row; ");
    }
    query
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
        return Error::input(
            format!("{program} is not there"),
            "install DuckDB's command line program: pip install duckdb-cli",
        );
    }
    error
}

fn not_understood(error: serde_json::Error) -> Error {
    Error::input(format!("duckdb: an answer that is not understood: {error}"), "")
}
