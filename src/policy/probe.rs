//! The `[[probe]]` tables: what a drill asks of what came back.

use crate::error::Result;
use crate::format::ddl::Dialect;
use crate::format::nearest::nearest;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::capture::Capture;
use crate::policy::program;
use crate::policy::values::{globs, id, natural, one_of, path, show};

/// The longest that a probe may take, unless the policy says otherwise: an hour.
const TIME_LIMIT_S: u64 = 3600;

/// How many rows of each table a sample has, unless the policy says otherwise.
const SAMPLE: u64 = 1000;

/// A `[[probe]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its id, unique in the policy: `[a-z0-9-]{1,64}`.
    pub id: String,
    /// What it asks, and of what.
    pub ask: Ask,
    /// How long it may take, in seconds.
    pub time_limit_s: u64,
    /// The line it starts on, from 1.
    pub line: usize,
}

/// What a probe asks, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A database file of SQLite.
    Sqlite {
        /// Which.
        of: Subject,
        /// Whether every row must find those that it refers to.
        foreign_keys: bool,
        /// The policy's own questions.
        queries: Vec<Query>,
    },
    /// A database of DuckDB: a file, or what `EXPORT DATABASE` left.
    Duckdb {
        /// Which.
        of: Subject,
        /// The policy's own questions.
        queries: Vec<Query>,
        /// How many rows of each table are read in full.
        sample: u64,
    },
    /// A dump of PostgreSQL, restored into a server.
    Postgres {
        /// The capture.
        capture: String,
        /// The policy's own questions.
        queries: Vec<Query>,
        /// An empty database of a server that is there: a connection string without a password, `env:NAME` or
        /// `file:PATH`. Without one a throwaway server is made.
        dsn: Option<String>,
        /// Extensions that only a superuser may create, made before the restore.
        extensions: Vec<String>,
        /// The folder of the server's programs, where they are not found by themselves.
        programs: Option<String>,
    },
    /// The pack's DDL files of a dialect, applied in their order to an empty database.
    Ddl {
        /// The dialect: `sqlite`, `duckdb` or `postgresql`.
        dialect: Dialect,
        /// The folder of PostgreSQL's programs, where they are not found by themselves.
        programs: Option<String>,
    },
    /// Files: every digest, and that they parse as what their names say.
    Files {
        /// Globs of the files; empty for all.
        paths: Vec<String>,
        /// Whether they are parsed.
        parse: bool,
    },
    /// A program, in the restored tree.
    Command {
        /// The program and its arguments.
        program: Vec<String>,
        /// Names of the variables that it gets.
        variables: Vec<String>,
    },
}

/// What a probe of a database opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What a capture took, with what it recorded of it.
    Capture(String),
    /// A file of the payload.
    Path(PackPath),
}

/// A question of the policy's, and what must be the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// One SQL statement that reads.
    pub sql: String,
    /// The answer.
    pub expect: Expect,
}

/// What must be the answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// These rows, in this order: values parted by `|`, NULL as nothing.
    Rows(Vec<String>),
    /// One number, at least this.
    AtLeast(i64),
}

impl Ask {
    /// Its kind in the policy.
    pub fn kind(&self) -> &'static str {
        match self {
            Ask::Sqlite { .. } => "sqlite",
            Ask::Duckdb { .. } => "duckdb",
            Ask::Postgres { .. } => "postgres",
            Ask::Ddl { .. } => "ddl",
            Ask::Files { .. } => "files",
            Ask::Command { .. } => "command",
        }
    }

    /// Whether it runs programs beside attestar itself.
    pub fn runs_programs(&self) -> bool {
        match self {
            Ask::Sqlite { .. } | Ask::Files { .. } => false,
            Ask::Ddl { dialect, .. } => *dialect != Dialect::Sqlite,
            Ask::Duckdb { .. } | Ask::Postgres { .. } | Ask::Command { .. } => true,
        }
    }

    /// The capture that it asks about.
    pub fn capture(&self) -> Option<&str> {
        match self {
            Ask::Sqlite { of: Subject::Capture(id), .. } | Ask::Duckdb { of: Subject::Capture(id), .. } => {
                Some(id)
            }
            Ask::Postgres { capture, .. } => Some(capture),
            _ => None,
        }
    }
}

/// Reads every `[[probe]]`; no id twice, and each capture that one names is among `captures`, of the same kind.
pub(super) fn probes(root: &Section<'_>, captures: &[Capture]) -> Result<Vec<Probe>> {
    let mut probes: Vec<Probe> = Vec::new();
    for section in root.sections("probe")? {
        let probe = probe(&section)?;
        if let Some(other) = probes.iter().find(|other| other.id == probe.id) {
            let message = format!("the probe `{}` is there already, in line {}", probe.id, other.line);
            return Err(section.error(section.line, message, "give each probe an id of its own"));
        }
        is_captured(&section, &probe, captures)?;
        probes.push(probe);
    }
    Ok(probes)
}

fn is_captured(section: &Section<'_>, probe: &Probe, captures: &[Capture]) -> Result<()> {
    let Some(named) = probe.ask.capture() else { return Ok(()) };
    let line = section.text("capture")?.map_or(section.line, |text| text.line);
    let Some(capture) = captures.iter().find(|capture| capture.id == named) else {
        let near = nearest(named, captures.iter().map(|capture| &*capture.id));
        let hint = near.map_or_else(
            || "a [[capture]] of this policy".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(section.error(line, format!("there is no capture `{}`", show(named)), hint));
    };
    if capture.source.kind() == probe.ask.kind() {
        return Ok(());
    }
    let message =
        format!("the capture `{named}` is of kind {}, in line {}", capture.source.kind(), capture.line);
    Err(section.error(line, message, format!("kind = \"{}\"", capture.source.kind())))
}

/// Reads the keys of one kind.
type Read = fn(&Section<'_>) -> Result<Ask>;

fn probe(section: &Section<'_>) -> Result<Probe> {
    const KINDS: [(&str, Read, &[&str]); 6] = [
        ("sqlite", sqlite, &["capture", "path", "queries", "foreign_keys"]),
        ("duckdb", duckdb, &["capture", "path", "queries", "sample"]),
        ("postgres", postgres, &["capture", "queries", "dsn", "extensions", "programs"]),
        ("ddl", ddl, &["dialect", "programs"]),
        ("files", files, &["paths", "parse"]),
        ("command", command, &["run", "variables"]),
    ];
    let known = KINDS.map(|(name, read, keys)| (name, (read, keys)));
    let Some((read, keys)) = one_of(section, "kind", &known)? else {
        let hint = "kind = \"sqlite\", \"duckdb\", \"postgres\", \"ddl\", \"files\" or \"command\"";
        return Err(section.error(section.line, "a probe without `kind`", hint));
    };
    section.only(&[&["id", "kind", "time_limit"], keys].concat())?;
    Ok(Probe {
        id: id(section, "probe")?,
        ask: read(section)?,
        time_limit_s: program::time_limit_s(section, TIME_LIMIT_S)?,
        line: section.line,
    })
}

fn sqlite(section: &Section<'_>) -> Result<Ask> {
    let foreign_keys = section.flag("foreign_keys")?.is_none_or(|flag| flag.value);
    Ok(Ask::Sqlite { of: subject(section)?, foreign_keys, queries: queries(section)? })
}

fn duckdb(section: &Section<'_>) -> Result<Ask> {
    let sample = natural(section, "sample")?.unwrap_or(SAMPLE);
    Ok(Ask::Duckdb { of: subject(section)?, queries: queries(section)?, sample })
}

fn postgres(section: &Section<'_>) -> Result<Ask> {
    let Some(capture) = section.text("capture")? else {
        let message = "a probe of this kind needs `capture`";
        return Err(section.error(section.line, message, "the id of a [[capture]]: capture = \"ledger\""));
    };
    let dsn = section.text("dsn")?;
    if let Some(dsn) = dsn.filter(|dsn| matches!(dsn.value.trim(), "" | "env:" | "file:")) {
        let hint = "an empty database to restore into, or no `dsn` for a throwaway server";
        return Err(section.error(dsn.line, "`dsn` names nothing", hint));
    }
    let extensions = section.texts("extensions")?.map_or_else(Vec::new, |list| list.value);
    Ok(Ask::Postgres {
        capture: capture.value.to_owned(),
        queries: queries(section)?,
        dsn: dsn.map(|dsn| dsn.value.to_owned()),
        extensions: extensions.iter().map(|name| name.value.to_owned()).collect(),
        programs: programs(section)?,
    })
}

fn ddl(section: &Section<'_>) -> Result<Ask> {
    let known =
        [("sqlite", Dialect::Sqlite), ("duckdb", Dialect::Duckdb), ("postgresql", Dialect::Postgresql)];
    let Some(dialect) = one_of(section, "dialect", &known)? else {
        let message = "a probe of this kind needs `dialect`";
        return Err(section.error(
            section.line,
            message,
            "dialect = \"sqlite\", \"duckdb\" or \"postgresql\"",
        ));
    };
    Ok(Ask::Ddl { dialect, programs: programs(section)? })
}

fn files(section: &Section<'_>) -> Result<Ask> {
    let parse = section.flag("parse")?.is_none_or(|flag| flag.value);
    Ok(Ask::Files { paths: globs(section, "paths")?, parse })
}

fn command(section: &Section<'_>) -> Result<Ask> {
    Ok(Ask::Command { program: program::words(section, "probe")?, variables: program::variables(section)? })
}

/// `capture` or `path`, and one of them.
fn subject(section: &Section<'_>) -> Result<Subject> {
    match (section.text("capture")?, path(section, "path")?) {
        (Some(capture), None) => Ok(Subject::Capture(capture.value.to_owned())),
        (None, Some(path)) => Ok(Subject::Path(path)),
        (found, _) => {
            let message = match found {
                Some(_) => "a probe has `capture` or `path`, not both",
                None => "a probe of this kind needs `capture` or `path`",
            };
            Err(section.error(section.line, message, "the id of a [[capture]]: capture = \"app\""))
        }
    }
}

fn programs(section: &Section<'_>) -> Result<Option<String>> {
    let Some(folder) = section.text("programs")? else { return Ok(None) };
    if folder.value.starts_with('/') {
        return Ok(Some(folder.value.to_owned()));
    }
    let message = format!("`programs` cannot be `{}`", show(folder.value));
    Err(section.error(folder.line, message, "an absolute path: programs = \"/usr/lib/postgresql/17/bin\""))
}

fn queries(section: &Section<'_>) -> Result<Vec<Query>> {
    let mut queries = Vec::new();
    for query in section.sections("queries")? {
        query.only(&["sql", "expect", "at_least"])?;
        let Some(sql) = query.text("sql")?.filter(|sql| !sql.value.trim().is_empty()) else {
            return Err(query.error(query.line, "a query without `sql`", EXAMPLE));
        };
        if sql.value.trim().trim_end_matches(';').contains(';') {
            return Err(query.error(sql.line, "`sql` holds more than one statement", "one query each"));
        }
        let sql = sql.value.trim().trim_end_matches(';').to_owned();
        queries.push(Query { sql, expect: expect(&query)? });
    }
    Ok(queries)
}

const EXAMPLE: &str = "queries = [{ sql = \"SELECT count(*) FROM trades\", at_least = 1000 }]";

fn expect(query: &Section<'_>) -> Result<Expect> {
    if let Some(least) = query.number("at_least")? {
        if let Some(expect) = query.text("expect").ok().flatten() {
            return Err(query.error(expect.line, "a query has `expect` or `at_least`, not both", EXAMPLE));
        }
        return Ok(Expect::AtLeast(least.value));
    }
    if let Ok(Some(text)) = query.text("expect") {
        return Ok(Expect::Rows(vec![text.value.to_owned()]));
    }
    match query.texts("expect")? {
        Some(rows) => Ok(Expect::Rows(rows.value.iter().map(|row| row.value.to_owned()).collect())),
        None => Err(query.error(query.line, "a query without `expect` or `at_least`", EXAMPLE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::format::settings::Document;
    use crate::policy::capture::captures;
    use std::path::Path;

    const CAPTURES: &str = "[[capture]]\nid = 'app'\nkind = 'sqlite'\npath = 'var/app.db'\n\
                            [[capture]]\nid = 'ledger'\nkind = 'postgres'\ndsn = 'env:LEDGER'\n";

    fn read(text: &str) -> Result<Vec<Probe>> {
        let text = format!("{CAPTURES}{text}");
        let document = Document::parse(Path::new("p.toml"), &text).unwrap();
        let root = document.root();
        probes(&root, &captures(&root).unwrap())
    }

    #[test]
    fn every_kind_is_read() {
        let text = "[[probe]]\nid = 'a'\nkind = 'sqlite'\ncapture = 'app'\nforeign_keys = false\ntime_limit = '5m'\n\
                    queries = [{ sql = 'SELECT 1;', expect = '1' }, { sql = 'SELECT 2', expect = ['1', '2|'] }, { sql = 'SELECT 3', at_least = 3 }]\n\
                    [[probe]]\nid = 'b'\nkind = 'duckdb'\npath = 'var/c.duckdb'\n\
                    [[probe]]\nid = 'c'\nkind = 'postgres'\ncapture = 'ledger'\nextensions = ['postgis']\nprograms = '/opt/pg/bin'\n\
                    [[probe]]\nid = 'd'\nkind = 'ddl'\ndialect = 'postgresql'\n\
                    [[probe]]\nid = 'e'\nkind = 'files'\npaths = ['etc/**']\nparse = false\n\
                    [[probe]]\nid = 'f'\nkind = 'command'\nrun = ['scripts/smoke.sh', 'x']\nvariables = ['LANG']\n";
        let probes = read(text).unwrap();
        let kinds: Vec<&str> = probes.iter().map(|probe| probe.ask.kind()).collect();
        assert_eq!(kinds, ["sqlite", "duckdb", "postgres", "ddl", "files", "command"]);
        let Ask::Sqlite { of, foreign_keys, queries } = &probes[0].ask else { panic!("the first") };
        assert_eq!(
            (of, *foreign_keys, probes[0].time_limit_s),
            (&Subject::Capture("app".into()), false, 300)
        );
        let expected = [
            ("SELECT 1", Expect::Rows(vec!["1".into()])),
            ("SELECT 2", Expect::Rows(vec!["1".into(), "2|".into()])),
            ("SELECT 3", Expect::AtLeast(3)),
        ];
        let expected = expected.map(|(sql, expect)| Query { sql: sql.into(), expect });
        assert_eq!(*queries, expected);
        assert!(matches!(probes[1].ask, Ask::Duckdb { sample: SAMPLE, .. }));
        let runs: Vec<bool> = probes.iter().map(|probe| probe.ask.runs_programs()).collect();
        assert_eq!(runs, [false, true, true, true, false, true]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line_and_what_was_meant() {
        let first = CAPTURES.lines().count() + 1;
        let probe = |rest: &str| format!("[[probe]]\nid = 'x'\n{rest}");
        for (text, line, message, hint) in [
            (probe("kind = 'sqlit'\n"), 2, "`kind` cannot be `sqlit`", "did you mean `sqlite`?"),
            (probe("capture = 'app'\n"), 0, "a probe without `kind`", "kind ="),
            (probe("kind = 'sqlite'\n"), 0, "a probe of this kind needs `capture` or `path`", "capture ="),
            (
                probe("kind = 'sqlite'\ncapture = 'app'\npath = 'a'\n"),
                0,
                "a probe has `capture` or `path`, not both",
                "",
            ),
            (
                probe("kind = 'sqlite'\ncapture = 'ap'\n"),
                3,
                "there is no capture `ap`",
                "did you mean `app`?",
            ),
            (
                probe("kind = 'sqlite'\ncapture = 'ledger'\n"),
                3,
                "the capture `ledger` is of kind postgres, in line 5",
                "postgres",
            ),
            (probe("kind = 'postgres'\n"), 0, "a probe of this kind needs `capture`", ""),
            (probe("kind = 'postgres'\ncapture = 'ledger'\ndsn = 'env:'\n"), 4, "`dsn` names nothing", ""),
            (probe("kind = 'ddl'\n"), 0, "a probe of this kind needs `dialect`", ""),
            (probe("kind = 'ddl'\ndialect = 'mysql'\n"), 3, "`dialect` cannot be `mysql`", ""),
            (
                probe("kind = 'ddl'\ndialect = 'sqlite'\nprograms = 'bin'\n"),
                4,
                "`programs` cannot be `bin`",
                "",
            ),
            (probe("kind = 'command'\n"), 0, "a probe of this kind needs `run`", ""),
            (probe("kind = 'files'\nqueries = []\n"), 3, "unknown key `queries` in [probe]", ""),
            (
                probe("kind = 'sqlite'\ncapture = 'app'\nqueries = [{ sql = 'SELECT 1' }]\n"),
                4,
                "a query without `expect` or `at_least`",
                "",
            ),
            (
                probe(
                    "kind = 'sqlite'\ncapture = 'app'\nqueries = [{ sql = 'SELECT 1; DROP TABLE t', expect = '' }]\n",
                ),
                4,
                "`sql` holds more than one statement",
                "",
            ),
            (
                probe("kind = 'files'\n[[probe]]\nid = 'x'\nkind = 'files'\n"),
                3,
                "the probe `x` is there already, in line 9",
                "",
            ),
        ] {
            match read(&text) {
                Err(Error::Config { line: at, message: said, hint: meant, .. }) => {
                    assert_eq!((at, &*said), (first + line, message), "{text}");
                    assert!(meant.contains(hint), "{meant}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
