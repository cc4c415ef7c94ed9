//! The pack's DDL files of a dialect, applied in their order to an empty database of that dialect; what is there then is
//! compared with what the pack says that they create.

use crate::database::duckdb::{self, ARGUMENT_BYTES_MAX, Definition, can_be_told, definitions};
use crate::database::postgres::session::Session;
use crate::database::sqlite::{STATEMENT_BYTES_MAX, bound, broken, defend};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::ddl::{DdlFile, Object, ObjectKind};
use crate::format::units::{count, size};
use crate::pipeline::watch::Watch;
use crate::policy::Dialect;
use crate::probe::command::printed;
use crate::probe::deadline::{Deadline, End};
use crate::probe::duckdb::{Runner, text};
use crate::probe::ledger::Ledger;
use crate::probe::postgres::cluster::Cluster;
use crate::probe::postgres::prepared::Wanted;
use crate::probe::postgres::{in_time, programs};
use crate::probe::{Site, is_end};
use crate::tree::ddl::replay::{Replay, Standing, last};
use crate::tree::ddl::{FILE_BYTES_MAX, dialect, split};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The longest file that SQLite is told as a whole, in bytes: of one it copies the rest for each statement.
const WHOLE_BYTES_MAX: usize = 64 << 10;

/// What the policy asks.
pub struct Asked<'a> {
    /// The probe's id.
    pub id: &'a str,
    /// Of which files.
    pub dialect: Dialect,
    /// The folder of PostgreSQL's programs.
    pub programs: Option<&'a str>,
    /// When it has to be through.
    pub deadline: Deadline,
}

/// Something that is there: what it is, and its name without a schema.
type Named = (String, String);

/// Applies them.
pub fn probe(site: &Site<'_>, asked: &Asked<'_>, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    let files: Vec<&DdlFile> = site
        .pack
        .ddl
        .iter()
        .flat_map(|ddl| &ddl.files)
        .filter(|file| file.dialect == Some(asked.dialect))
        .collect();
    if files.is_empty() {
        let finding = Finding::new(Code::ProbeSkipped, asked.id).expected("DDL of this dialect");
        return Err(Error::refused(
            finding.actual("the archive has none: an [[include]] of class ddl names it"),
        ));
    }
    all_are_there(site, asked, &files)?;
    let there = match asked.dialect {
        Dialect::Sqlite => sqlite(site, asked, &files, ledger, watch)?,
        Dialect::Duckdb => duckdb(site, asked, &files, ledger, watch)?,
        _ => postgresql(site, asked, &files, ledger, watch)?,
    };
    if let Some(there) = there {
        objects(site, asked.dialect, &files, &there, ledger)?;
        ledger.covers(format!("{} applied", count(files.len() as u64, "file")));
    }
    Ok(())
}

/// Nothing follows from an order in which files are missing: they could be of this dialect, and come first. Neither is a file
/// read that is too large to be.
fn all_are_there(site: &Site<'_>, asked: &Asked<'_>, files: &[&DdlFile]) -> Result<()> {
    let refused = |subject: &str, expected: String, actual: String| {
        let finding = Finding::new(Code::ProbeSkipped, subject).expected(expected);
        Err(Error::refused(finding.actual(format!("{actual}, so nothing was applied"))))
    };
    let omitted = site.pack.ddl.as_ref().map_or(0, |ddl| ddl.files_omitted);
    if omitted > 0 {
        let actual = format!("{} had no room in the list", count(omitted, "file"));
        return refused(asked.id, "every DDL file, in its order".to_owned(), actual);
    }
    for file in files {
        let path = site.own(&file.path)?;
        let bytes = fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        if bytes > FILE_BYTES_MAX {
            return refused(&file.path, format!("a file of at most {}", size(FILE_BYTES_MAX)), size(bytes));
        }
    }
    Ok(())
}

/// A file as it came back.
fn read(site: &Site<'_>, file: &DdlFile) -> Result<Vec<u8>> {
    let path = site.own(&file.path)?;
    fs::read(&path).map_err(Error::io("read", &path))
}

/// The same as text.
fn read_text(site: &Site<'_>, file: &DdlFile) -> Result<String> {
    String::from_utf8(read(site, file)?).map_err(|error| Error::input(format!("{}: {error}", file.path), ""))
}

/// What the pack says that the files create, followed through their statements in order, against what is there.
fn objects(
    site: &Site<'_>,
    dialect: Dialect,
    files: &[&DdlFile],
    there: &BTreeSet<Named>,
    ledger: &mut Ledger,
) -> Result<()> {
    let (expected, uncertain) = expected(site, dialect, files)?;
    let (mut held, mut unsure, before) = (0u64, 0u64, ledger.failures());
    for (named, standing) in &expected {
        let (code, wanted, actual) = match (standing, there.contains(named)) {
            (Standing::There, true) => {
                held += 1;
                continue;
            }
            (Standing::Gone, false) => continue,
            (Standing::Unsure, _) => {
                unsure += 1;
                continue;
            }
            // One of the statements that nobody can follow may have done it.
            _ if uncertain > 0 => {
                unsure += 1;
                continue;
            }
            (Standing::There, false) => {
                (Code::ObjectMissing, named.0.clone(), "it is not there once all files are applied")
            }
            (Standing::Gone, true) => (
                Code::ObjectExtra,
                format!("no {}: it was dropped", named.0),
                "it is there once all files are applied",
            ),
        };
        ledger.failed("objects", Finding::new(code, &named.1).expected(wanted).actual(actual));
    }
    if expected.is_empty() {
        ledger.skipped("objects", "the pack lists no table, view or index");
    } else if unsure == expected.len() as u64 {
        ledger.skipped("objects", "of none can be told by reading the files whether it should be there");
    } else if ledger.failures() == before {
        let all = count(held, "object");
        ledger.passed("objects", &all, &all);
        ledger.covers(all);
    }
    if unsure > 0 {
        let why = format!(
            "whether {} should be there cannot be told by reading the files",
            count(unsure, "object")
        );
        ledger.skipped("what was not followed", why);
    }
    let unparsed: u64 = files.iter().map(|file| file.statements_unparsed + file.omitted).sum();
    if unparsed > 0 {
        let why = format!("{}: nothing is known of what is created there", count(unparsed, "statement"));
        ledger.skipped("what was not parsed", why);
    }
    Ok(())
}

/// What has to be there at the end, and how many statements nobody can follow. The pack lists what a file creates and drops,
/// not in which order: the files that came back say that, and they are those that were signed.
fn expected(
    site: &Site<'_>,
    dialect: Dialect,
    files: &[&DdlFile],
) -> Result<(BTreeMap<Named, Standing>, u64)> {
    let mut replay = Replay::new(dialect);
    for file in files {
        replay.file(&read(site, file)?);
    }
    let mut expected = BTreeMap::new();
    let found = replay.objects().iter().filter_map(|(object, standing)| Some((named(object)?, *standing)));
    for (named, standing) in found {
        // Of several by one name, each in a schema of its own, one that is there suffices.
        let known = expected.entry(named).or_insert(standing);
        *known = match (*known, standing) {
            (Standing::There, _) | (_, Standing::There) => Standing::There,
            (Standing::Gone, Standing::Gone) => Standing::Gone,
            _ => Standing::Unsure,
        };
    }
    for listed in
        files.iter().flat_map(|file| &file.creates).filter(|it| !replay.is_temporary(it)).filter_map(named)
    {
        expected.entry(listed).or_insert(Standing::There);
    }
    Ok((expected, replay.uncertain()))
}

/// Tables, views and indexes, which every dialect has; names as they are without schema and quotes.
fn named(object: &Object) -> Option<Named> {
    let kind = match object.kind {
        ObjectKind::Table => "table",
        ObjectKind::View | ObjectKind::MaterializedView => "view",
        ObjectKind::Index => "index",
        _ => return None,
    };
    Some((kind.to_owned(), last(&object.name)))
}

fn refused(file: &DdlFile, why: impl ToString, ledger: &mut Ledger) {
    let finding = Finding::new(Code::DdlFailed, &*file.path).expected("it applies to what was there before");
    ledger.failed("apply", finding.actual(why.to_string()));
}

fn applied(files: &[&DdlFile], ledger: &mut Ledger) {
    let all = count(files.len() as u64, "file");
    ledger.passed("apply", &all, &all);
}

fn sqlite(
    site: &Site<'_>,
    asked: &Asked<'_>,
    files: &[&DdlFile],
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<Option<BTreeSet<Named>>> {
    let memory = Path::new(":memory:");
    let connection = Connection::open_in_memory().map_err(broken(memory))?;
    defend(&connection)
        .and_then(|()| bound(&connection, site.policy.drill.memory_limit))
        .map_err(broken(memory))?;
    let end = End { deadline: asked.deadline, watch };
    let _alarm = end.interrupts(&connection);
    for file in files {
        let sql = read_text(site, file)?;
        for piece in pieces(&sql, Dialect::Sqlite, WHOLE_BYTES_MAX) {
            end.check(&file.path)?;
            if piece.len() as u64 > STATEMENT_BYTES_MAX {
                let told = format!("{}: a statement of {}", file.path, size(piece.len() as u64));
                let most = size(STATEMENT_BYTES_MAX);
                return Err(Error::input(format!("{told}, and SQLite is told at most {most} at once"), ""));
            }
            if let Err(error) = connection.execute_batch(piece) {
                end.check(&file.path)?;
                refused(file, error, ledger);
                return Ok(None);
            }
        }
    }
    applied(files, ledger);
    // The pack's names are folded, as both dialects compare them.
    let mut statement = connection
        .prepare("SELECT type, lower(name) FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .map_err(broken(memory))?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).map_err(broken(memory))?;
    rows.collect::<rusqlite::Result<_>>().map(Some).map_err(broken(memory))
}

fn duckdb(
    site: &Site<'_>,
    asked: &Asked<'_>,
    files: &[&DdlFile],
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<Option<BTreeSet<Named>>> {
    let runner = Runner::new(site, asked.id, asked.deadline)?;
    let result = on_duckdb(site, &runner, files, ledger, watch);
    // What it wrote outside is told however it went.
    runner.told(asked.id, result, ledger)
}

/// A file as it is told to a database: whole, or cut between its statements where it is too long for that.
fn pieces(sql: &str, dialect: Dialect, bytes_max: usize) -> Vec<&str> {
    if sql.len() <= bytes_max {
        return vec![sql];
    }
    let rules = dialect::rules(Some(dialect));
    let cuts = split::statements(sql, &rules).map(|statement| statement.start).skip(1);
    let cuts: Vec<usize> = std::iter::once(0).chain(cuts).chain([sql.len()]).collect();
    cuts.windows(2).filter_map(|cut| sql.get(cut[0]..cut[1])).collect()
}

fn on_duckdb(
    site: &Site<'_>,
    runner: &Runner<'_>,
    files: &[&DdlFile],
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<Option<BTreeSet<Named>>> {
    let guard = runner.guard(&[runner.work()])?;
    let attach = format!("ATTACH {} AS back; USE back; {guard}", text(&runner.work().join("ddl.duckdb"))?);
    for file in files {
        let sql = read_text(site, file)?;
        let pieces = pieces(&sql, Dialect::Duckdb, ARGUMENT_BYTES_MAX);
        let statements: Vec<&str> = std::iter::once(&*attach).chain(pieces).collect();
        // What is too long to be told says nothing about the file.
        can_be_told(&statements).map_err(|error| Error::input(format!("{}: {error}", file.path), ""))?;
        match runner.run(|duckdb| duckdb.run(&statements, watch)) {
            Ok(_) => {}
            Err(error) if is_end(&error) => return Err(error),
            Err(error) => {
                refused(file, error, ledger);
                return Ok(None);
            }
        }
    }
    applied(files, ledger);
    let query = [attach, definitions("back")];
    let found: Vec<Definition> = duckdb::read(runner.run(|duckdb| duckdb.run(&query, watch))?)?;
    Ok(Some(found.into_iter().map(|one| (one.kind, one.name.to_ascii_lowercase())).collect()))
}

/// Tables, views and indexes of the user's, by name.
const RELATIONS: &str = "\
SELECT json_build_array(CASE WHEN c.relkind IN ('r', 'p', 'f') THEN 'table' WHEN c.relkind IN ('v', 'm') THEN 'view' \
 ELSE 'index' END, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'i', 'I') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

fn postgresql(
    site: &Site<'_>,
    asked: &Asked<'_>,
    files: &[&DdlFile],
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<Option<BTreeSet<Named>>> {
    let programs = programs::find(asked.programs, None, site.environment)?;
    let cluster = Cluster::start(site, asked.id, &programs, asked.deadline, watch)?;
    let result = in_time(asked.deadline, on_cluster(site, &cluster, files, ledger, watch));
    // What it wrote outside is told however it went.
    cluster.end()?.told(asked.id, result, ledger)
}

fn on_cluster(
    site: &Site<'_>,
    cluster: &Cluster<'_>,
    files: &[&DdlFile],
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<Option<BTreeSet<Named>>> {
    cluster.prepare(&Wanted::default(), watch)?;
    for file in files {
        let ended = cluster.apply(&site.own(&file.path)?, watch)?;
        if ended.code != Some(0) {
            refused(file, printed(&ended), ledger);
            return Ok(None);
        }
    }
    applied(files, ledger);
    let mut session = Session::open(&cluster.restorer(), watch)?;
    let there: Vec<Named> = session.ask(RELATIONS)?;
    session.close()?;
    Ok(Some(there.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_cut_between_its_statements_and_nothing_of_it_is_lost() {
        let one =
            "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT ';'; SELECT CASE 1 WHEN 1 THEN 2 END; END;\n";
        let all = format!("-- begins\n{one}/* ; */ {one}SELECT 1; -- ends");
        assert_eq!(pieces(&all, Dialect::Sqlite, all.len()), [&*all]);
        let cut = pieces(&all, Dialect::Sqlite, 10);
        assert_eq!((cut.len(), cut.concat()), (3, all.clone()), "{cut:?}");
        let memory = Connection::open_in_memory().unwrap();
        memory.execute_batch("CREATE TABLE t (x)").unwrap();
        for piece in pieces(&all.replacen(" a ", " b ", 1), Dialect::Sqlite, 10) {
            memory.execute_batch(piece).unwrap();
        }
    }
}
