//! DuckDB: what `EXPORT DATABASE` left is imported into a new database, a database file is opened read only; both by its
//! own program, which may read and write nothing else.

use crate::database::duckdb::{
    Definition, Duckdb, INSTALL, counts, definitions, facts, literal, read, runs, tables,
};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, Form};
use crate::format::units::{count, number};
use crate::pipeline::watch::Watch;
use crate::policy::probe::{Query, Subject};
use crate::probe::Site;
use crate::probe::answers;
use crate::probe::beside;
use crate::probe::confined::{Confined, is_there};
use crate::probe::deadline::Deadline;
use crate::probe::facts::{Back, compare, counted};
use crate::probe::ledger::Ledger;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The name under which the database is attached.
const NAME: &str = "back";

/// What the program takes beside the memory that it counts: its threads, its code, what it has reserved, in bytes.
const OVERHEAD_BYTES: u64 = 1 << 30;

/// What the policy asks.
pub struct Asked<'a> {
    /// The probe's id.
    pub id: &'a str,
    /// Of which database.
    pub of: &'a Subject,
    /// Its own questions.
    pub queries: &'a [Query],
    /// How many rows of each table are read in full.
    pub sample: u64,
    /// When it has to be through.
    pub deadline: Deadline,
}

/// The program, shut off, with its folder.
pub struct Runner<'a> {
    confined: Confined<'a>,
    memory: u64,
    disk: Option<u64>,
}

/// Probes a database.
pub fn probe(site: &Site<'_>, asked: &Asked<'_>, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    let runner = Runner::new(site, asked.id, asked.deadline)?;
    let asked_all = ask(site, asked, &runner, ledger, watch);
    // What it wrote outside is told however it went.
    runner.told(asked.id, asked_all, ledger)
}

fn ask(
    site: &Site<'_>,
    asked: &Asked<'_>,
    runner: &Runner<'_>,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let opened = open(site, asked, runner, watch)?;
    let attach = runner.attach(&opened.file, &opened.folder)?;
    let is_digested = opened.captured.is_some_and(|it| it.tables.iter().any(|table| table.content.is_some()));
    let (version, known, mut back) = look(runner, &attach, is_digested, watch)?;
    let subject = match opened.captured {
        Some(captured) => {
            back.incomparable = (version != captured.tool)
                .then(|| format!("captured by {}, opened by {version}", captured.tool));
            compare(captured, &back, ledger);
            format!("captures/{}", captured.id)
        }
        None => {
            let subject = site.shown(&opened.file);
            counted(&back.tables, &subject, ledger);
            subject
        }
    };
    let rows = back.tables.iter().filter_map(|table| table.rows);
    let tables: Vec<(&Definition, u64)> = tables(&known).zip(rows).collect();
    let wanted = Wanted { subject: &subject, drill_id: site.drill_id, rows: asked.sample };
    sample(runner, &attach, &wanted, &tables, ledger, watch)?;
    for query in asked.queries {
        let statements = [&*attach, &format!("USE {NAME}"), &query.sql];
        let answer = runner.run(|duckdb| duckdb.answer(&statements, watch));
        answers::answered(asked.id, query, answer, ledger)?;
    }
    answers::covered(asked.queries.len(), ledger);
    Ok(())
}

/// A database file to attach, and the folder that it lies in.
struct Opened<'s> {
    file: PathBuf,
    folder: PathBuf,
    captured: Option<&'s Captured>,
}

fn open<'s>(site: &'s Site<'_>, asked: &Asked<'_>, runner: &Runner<'_>, watch: &Watch) -> Result<Opened<'s>> {
    let (folder, captured, name) = match asked.of {
        Subject::Path(path) => {
            let file = site.within(path.as_str()).map_err(|error| gone(error, path.as_str()))?;
            if file.metadata().is_ok_and(|it| it.is_file() && it.len() == 0) {
                let finding = Finding::new(Code::NothingChecked, path.as_str()).expected("a database");
                return Err(Error::refused(finding.actual("the file is empty")));
            }
            let folder = file.parent().unwrap_or(site.restored).to_owned();
            return Ok(Opened { file, folder, captured: None });
        }
        Subject::Capture(id) => {
            let captured = site.captured(id).map_err(Error::refused)?;
            let name = match &captured.form {
                Form::File(name) => Some(name),
                Form::Folder => None,
                Form::Parts => {
                    let finding = Finding::new(Code::ProbeSkipped, format!("captures/{id}"));
                    return Err(Error::refused(
                        finding.expected("a database").actual("it was captured in parts"),
                    ));
                }
            };
            (site.folder(captured)?, captured, name)
        }
    };
    match name {
        Some(name) => {
            let file = site.own(&format!("captures/{}/{name}", captured.id))?;
            if let Some(finding) = beside::found(site, &file, ".wal", "DuckDB") {
                return Err(Error::refused(finding));
            }
            Ok(Opened { file, folder, captured: Some(captured) })
        }
        None => {
            let work = runner.confined.work.clone();
            let file = work.join("back.duckdb");
            let attach = format!("ATTACH {} AS {NAME}", text(&file)?);
            let guard = runner.guard(&[&folder, &work])?;
            let script = format!("{attach}; USE {NAME}; {guard}; IMPORT DATABASE {}", text(&folder)?);
            runner.run(|duckdb| duckdb.run(&[script], watch))?;
            Ok(Opened { file, folder: work, captured: Some(captured) })
        }
    }
}

/// A file that did not come back was not asked.
fn gone(error: Error, path: &str) -> Error {
    if !error.is_not_found() {
        return error;
    }
    let finding = Finding::new(Code::ProbeSkipped, path);
    Error::refused(finding.expected("a database file").actual("it did not come back"))
}

/// The version that opened it, and what is in it now: by name, and in detail.
fn look(
    runner: &Runner<'_>,
    attach: &str,
    is_digested: bool,
    watch: &Watch,
) -> Result<(String, Vec<Definition>, Back)> {
    let version = runner.run(|duckdb| duckdb.version(watch))?;
    let known: Vec<Definition> =
        read(runner.run(|duckdb| duckdb.run(&[attach, &definitions(NAME)], watch))?)?;
    let counted = runner.ask_all(attach, &counts(NAME, &known, is_digested), watch)?;
    let (schema_sha256, tables, objects) = facts(&known, counted, is_digested)?;
    let (schema_sha256, refilled) = (Some(schema_sha256), BTreeSet::new());
    let back = Back { schema_sha256, tables, objects, incomparable: None, refilled };
    Ok((version, known, back))
}

/// What is to be sampled.
struct Wanted<'a> {
    /// Of what.
    subject: &'a str,
    /// What decides which rows.
    drill_id: &'a str,
    /// How many of each table.
    rows: u64,
}

/// Reads some rows of each table in full; which ones, the drill's id decides. A table passes by a digest over every value of
/// as many of its rows as there are to be read: what cannot be read has none.
fn sample(
    runner: &Runner<'_>,
    attach: &str,
    wanted: &Wanted<'_>,
    tables: &[(&Definition, u64)],
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let &Wanted { subject, drill_id, rows } = wanted;
    if rows == 0 || tables.is_empty() {
        return Ok(());
    }
    let seed = seed(drill_id);
    let questions: Vec<String> = tables.iter().map(|(table, _)| sampling(NAME, table, rows, seed)).collect();
    let read: Vec<Sampled> = read(runner.ask_all(attach, &questions, watch)?)?;
    let (mut total, before) = (0, ledger.failures());
    for (number, (table, counted)) in tables.iter().enumerate() {
        let (expected, actual) = (rows.min(*counted), read.get(number).map_or(0, Sampled::read));
        total += actual;
        if actual != expected {
            let name = format!("{subject}: {}.{}", table.schema, table.name);
            let finding = Finding::new(Code::RowsDiffer, name).expected(count(expected, "row"));
            ledger.failed("sample", finding.actual(format!("{} could be read", count(actual, "row"))));
        }
    }
    if ledger.failures() == before {
        ledger.passed("sample", count(total, "row"), count(total, "row"));
        ledger.covers(format!("{} rows sampled in each, every value of them read", number(rows)));
    }
    Ok(())
}

/// What decides which rows: a drill's id, of which every digit was drawn.
fn seed(drill_id: &str) -> u32 {
    drill_id.get(..7).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(1)
}

/// A query that reads some rows of a table in full: it gives how many, and a digest of every value of theirs.
fn sampling(database: &str, table: &Definition, rows: u64, seed: u32) -> String {
    let (name, row) = (table.of(database), table.row());
    let some = format!("SELECT * FROM {name} USING SAMPLE reservoir({rows} ROWS) REPEATABLE ({seed})");
    format!("SELECT count(*) AS rows, bit_xor(hash({row}))::VARCHAR AS seen FROM ({some}) {row}")
}

/// A sample: how many rows, and the digest of all values of them. Nothing is known to compare it with; that it is there shows
/// that they were read.
#[derive(serde::Deserialize)]
struct Sampled {
    rows: u64,
    seen: Option<String>,
}

impl Sampled {
    /// How many rows were read in full.
    fn read(&self) -> u64 {
        let is_digest = |seen: &String| seen.parse::<u64>().is_ok();
        if self.seen.as_ref().is_some_and(is_digest) { self.rows } else { 0 }
    }
}

impl<'a> Runner<'a> {
    /// The program for a probe.
    pub fn new(site: &'a Site<'_>, id: &str, deadline: Deadline) -> Result<Runner<'a>> {
        is_there("duckdb", site.environment, INSTALL)?;
        let options = &site.policy.drill;
        let mut confined = site.confined(id, deadline)?;
        let (memory, disk) = (options.memory_limit, options.disk_limit);
        // It keeps its own limit, and says what it needs beyond; what it does not count, the system does.
        confined.memory = Some(memory.saturating_mul(2).saturating_add(OVERHEAD_BYTES));
        Ok(Runner { confined, memory, disk })
    }

    /// Its own folder.
    pub fn work(&self) -> &Path {
        &self.confined.work
    }

    /// Writes down what it did elsewhere.
    pub fn told<T>(&self, id: &str, asked: Result<T>, ledger: &mut Ledger) -> Result<T> {
        self.confined.told(id, asked, ledger)
    }

    /// Runs it, within what is left of the time.
    pub fn run<T>(&self, act: impl FnOnce(&Duckdb<'_>) -> Result<T>) -> Result<T> {
        let words = self.confined.words(&["duckdb".to_owned()])?;
        let asked = act(&Duckdb {
            folder: Path::new("/"),
            program: &words,
            variables: &self.confined.variables,
            time_limit: self.confined.deadline.left(),
        });
        asked.map_err(|error| match error {
            // It is not what shuts it off that failed.
            Error::Input { message, hint } => {
                let said = message.strip_prefix("unshare: ").unwrap_or(&message);
                Error::Input { message: said.to_owned(), hint }
            }
            // It is not what shuts it off that is late, nor is it what was left of the time that is its limit.
            Error::Late(_) => self.confined.deadline.late("duckdb"),
            error => error,
        })
    }

    /// Answers to questions, each by itself, in as many runs as they need; `first` is said in each.
    fn ask_all(&self, first: &str, questions: &[String], watch: &Watch) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        for some in runs(questions) {
            let statements: Vec<&str> =
                std::iter::once(first).chain(some.iter().map(String::as_str)).collect();
            rows.extend(self.run(|duckdb| duckdb.run(&statements, watch))?);
        }
        Ok(rows)
    }

    /// Statements that keep it to some folders, and to what it may use; nothing after them can lift that.
    pub fn guard(&self, folders: &[&Path]) -> Result<String> {
        let list =
            folders.iter().map(|folder| text(&folder.join(""))).collect::<Result<Vec<_>>>()?.join(", ");
        let spill = text(&self.confined.work.join("spill"))?;
        let disk =
            self.disk.map_or_else(String::new, |bytes| format!(" SET max_temp_directory_size = '{bytes}B';"));
        Ok(format!(
            "SET temp_directory = {spill};{disk} SET memory_limit = '{}B'; SET allowed_directories = [{list}]; \
             SET enable_external_access = false; SET lock_configuration = true",
            self.memory
        ))
    }

    /// Statements that open a database read only, and nothing else.
    fn attach(&self, file: &Path, folder: &Path) -> Result<String> {
        let guard = self.guard(&[folder, &self.confined.work])?;
        Ok(format!("{guard}; ATTACH {} AS {NAME} (READ_ONLY)", text(file)?))
    }
}

/// A path as a text of SQL.
pub fn text(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        Error::input(format!("{}: DuckDB takes no path that is not UTF-8", path.display()), "")
    })?;
    Ok(literal(text))
}
