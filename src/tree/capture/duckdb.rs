//! DuckDB: exported, or copied into a new file, by its own program, which opens the database read only. A process that
//! writes to it holds a lock that lets no other in; the capture then fails and says so.

use crate::database::duckdb::{self, Definition, Duckdb, literal};
use crate::error::{Error, Result};
use crate::format::capture::{CaptureKind, Captured, Form};
use crate::pipeline::watch::Watch;
use crate::policy::capture::{Capture, DuckdbForm};
use crate::tree::capture::Environment;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The name under which the database is attached.
const NAME: &str = "captured";

/// The name of the copy.
const COPY: &str = "copy";

/// How often it is tried to see the same tables before and in the transaction that copies them.
const TRIES: usize = 3;

/// The statement that opens the database read only, wherever the program runs.
fn attach(source: &Path) -> Result<String> {
    let whole = source.canonicalize().map_err(Error::io("open", source))?;
    let text = whole.to_str().ok_or_else(|| {
        Error::input(format!("{}: DuckDB takes no path that is not UTF-8", source.display()), "")
    })?;
    Ok(format!("ATTACH {} AS {NAME} (READ_ONLY)", literal(text)))
}

/// Copies the database `source` into the empty folder `to`, and says what the copy holds.
pub(super) fn capture(
    capture: &Capture,
    source: &Path,
    form: DuckdbForm,
    to: &Path,
    environment: Environment<'_>,
    watch: &Watch,
) -> Result<Captured> {
    let variables = variables(environment);
    let program = Duckdb {
        folder: to,
        program: &["duckdb".to_owned()],
        variables: &variables,
        time_limit: Duration::from_secs(capture.time_limit_s),
    };
    let bytes = fs::metadata(source).map_err(Error::io("read", source))?.len();
    let is_digested = bytes <= capture.digest_up_to;
    let attach = attach(source)?;
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let order = match form {
        DuckdbForm::Export => {
            format!("EXPORT DATABASE {NAME} TO {} (FORMAT parquet)", literal(&to.to_string_lossy()))
        }
        DuckdbForm::Copy => format!("COPY FROM DATABASE {NAME} TO {COPY}"),
    };
    let before = match form {
        DuckdbForm::Export => attach.clone(),
        DuckdbForm::Copy => {
            format!("{attach}; ATTACH {} AS {COPY}", literal(&to.join(&name).to_string_lossy()))
        }
    };
    let mut known = program.definitions(&attach, NAME, watch)?;
    for _ in 0..TRIES {
        let mut script = vec![before.clone(), "BEGIN TRANSACTION".to_owned(), duckdb::definitions(NAME)];
        script.extend(duckdb::counts(NAME, &known, is_digested));
        script.extend([order.clone(), "COMMIT".to_owned()]);
        let mut rows = program.run(&script, watch)?;
        let counted = rows.split_off(rows.iter().take_while(|row| row.get("kind").is_some()).count());
        let seen: Vec<Definition> = duckdb::read(rows)?;
        if seen != known {
            empty(to)?;
            known = seen;
            continue;
        }
        if form == DuckdbForm::Export {
            without_places(to)?;
        }
        let (schema_sha256, tables, objects) = duckdb::facts(&known, counted, is_digested)?;
        return Ok(Captured {
            id: capture.id.clone(),
            kind: CaptureKind::Duckdb,
            form: if form == DuckdbForm::Export { Form::Folder } else { Form::File(name) },
            tool: program.version(watch)?,
            server: None,
            database: None,
            schema_sha256: Some(schema_sha256),
            tables,
            objects,
        });
    }
    Err(Error::input(
        format!("{}: its tables change all the time", source.display()),
        "capture it while nobody alters it",
    ))
}

/// What the program gets: where it is, and one time zone for all that it prints.
fn variables(environment: Environment<'_>) -> Vec<(OsString, OsString)> {
    let path = environment("PATH").map(|path| ("PATH".into(), path));
    path.into_iter().chain([("TZ".into(), "UTC".into())]).collect()
}

/// `load.sql` names the files where they were written; they are found beside it wherever that is.
fn without_places(folder: &Path) -> Result<()> {
    let path = folder.join("load.sql");
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let place = format!("{}/", folder.to_string_lossy().replace('\'', "''"));
    fs::write(&path, text.replace(&format!("FROM '{place}"), "FROM '")).map_err(Error::io("write", &path))
}

fn empty(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}
