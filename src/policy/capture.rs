//! The `[[capture]]` tables: databases and programs of which a backup takes a consistent copy.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::size_bytes;
use crate::policy::program::{self, Order};
use crate::policy::values::{self, id, one_of, path, show};

/// Content digests are made of tables up to this many bytes, unless the policy says otherwise.
const DIGEST_UP_TO: u64 = 256 << 20;

/// The longest that a capture may take, unless the policy says otherwise: four hours.
const TIME_LIMIT_S: u64 = 4 * 3600;

/// A `[[capture]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Its id, unique in the policy: `[a-z0-9-]{1,64}`. What is captured lies under `captures/ID/`.
    pub id: String,
    /// What is captured.
    pub source: Source,
    /// How long it may take, in seconds.
    pub time_limit_s: u64,
    /// A digest of the content is made of tables up to this many bytes.
    pub digest_up_to: u64,
    /// The line it starts on, from 1.
    pub line: usize,
}

/// What is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A database file of SQLite, in the tree.
    Sqlite(PackPath),
    /// A database file of DuckDB, in the tree.
    Duckdb {
        /// The file.
        path: PackPath,
        /// How it is copied.
        form: DuckdbForm,
    },
    /// A database of a PostgreSQL server.
    Postgres {
        /// How to reach it: a connection string without a password, `env:NAME`, or `file:PATH`.
        dsn: String,
    },
    /// What a program prints, or leaves in a folder.
    Command {
        /// The program.
        order: Order,
        /// Where what it makes is found.
        output: Output,
    },
}

/// How a database of DuckDB is copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuckdbForm {
    /// `EXPORT DATABASE` to Parquet: readable by others, and by later versions.
    #[default]
    Export,
    /// A database file.
    Copy,
}

/// Where what a program makes is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// It prints it.
    #[default]
    Stdout,
    /// It writes files into the folder that the variable `ATTESTAR_CAPTURE` names.
    Folder,
}

impl Source {
    /// Its name in the policy.
    pub fn kind(&self) -> &'static str {
        match self {
            Source::Sqlite(_) => "sqlite",
            Source::Duckdb { .. } => "duckdb",
            Source::Postgres { .. } => "postgres",
            Source::Command { .. } => "command",
        }
    }

    /// Whether it is read as it is made, and never lies in a file.
    pub fn is_stream(&self) -> bool {
        matches!(self, Source::Postgres { .. } | Source::Command { output: Output::Stdout, .. })
    }

    /// The file of the tree that is captured, which is then not copied as a file too.
    pub fn path(&self) -> Option<&PackPath> {
        match self {
            Source::Sqlite(path) | Source::Duckdb { path, .. } => Some(path),
            Source::Postgres { .. } | Source::Command { .. } => None,
        }
    }
}

/// Reads every `[[capture]]`; no id and no file twice.
pub(super) fn captures(root: &Section<'_>) -> Result<Vec<Capture>> {
    let mut captures: Vec<Capture> = Vec::new();
    for section in root.sections("capture")? {
        let capture = capture(&section)?;
        if let Some(other) = captures.iter().find(|other| other.id == capture.id) {
            let message = format!("the capture `{}` is there already, in line {}", capture.id, other.line);
            return Err(section.error(section.line, message, "give each capture an id of its own"));
        }
        let twice = captures
            .iter()
            .find(|other| other.source.path().is_some() && other.source.path() == capture.source.path());
        if let (Some(other), Some(path)) = (twice, capture.source.path()) {
            let message = format!("{path} is captured already, in line {}", other.line);
            return Err(section.error(section.line, message, "remove one"));
        }
        captures.push(capture);
    }
    Ok(captures)
}

/// Reads the keys of one kind.
type Read = fn(&Section<'_>) -> Result<Source>;

fn capture(section: &Section<'_>) -> Result<Capture> {
    const KINDS: [(&str, Read, &[&str]); 4] = [
        ("sqlite", sqlite, &["path", "digest_up_to"]),
        ("duckdb", duckdb, &["path", "form", "digest_up_to"]),
        ("postgres", postgres, &["dsn", "digest_up_to"]),
        ("command", command, &["run", "variables", "output"]),
    ];
    let known = KINDS.map(|(name, read, keys)| (name, (read, keys)));
    let Some((read, keys)) = one_of(section, "kind", &known)? else {
        let message = "a capture without `kind`";
        return Err(section.error(
            section.line,
            message,
            "kind = \"sqlite\", \"postgres\", \"duckdb\" or \"command\"",
        ));
    };
    section.only(&[&["id", "kind", "time_limit"], keys].concat())?;
    Ok(Capture {
        id: id(section, "capture")?,
        source: read(section)?,
        time_limit_s: program::time_limit_s(section, TIME_LIMIT_S)?,
        digest_up_to: digest_up_to(section)?,
        line: section.line,
    })
}

fn sqlite(section: &Section<'_>) -> Result<Source> {
    file(section).map(Source::Sqlite)
}

fn duckdb(section: &Section<'_>) -> Result<Source> {
    let forms = [("export", DuckdbForm::Export), ("copy", DuckdbForm::Copy)];
    Ok(Source::Duckdb { path: file(section)?, form: one_of(section, "form", &forms)?.unwrap_or_default() })
}

fn postgres(section: &Section<'_>) -> Result<Source> {
    let hint = "dsn = \"postgresql://backup@db.example/app\", \"env:NAME\" or \"file:PATH\"";
    let Some(dsn) = section.text("dsn")? else {
        return Err(section.error(section.line, "a capture of this kind needs `dsn`", hint));
    };
    // A password in it was refused before.
    if matches!(dsn.value.trim(), "" | "env:" | "file:") {
        return Err(section.error(dsn.line, "`dsn` names nothing", hint));
    }
    Ok(Source::Postgres { dsn: dsn.value.to_owned() })
}

fn command(section: &Section<'_>) -> Result<Source> {
    let outputs = [("stdout", Output::Stdout), ("folder", Output::Folder)];
    let output = one_of(section, "output", &outputs)?.unwrap_or_default();
    let order = Order {
        program: program::words(section, "capture")?,
        time_limit_s: program::time_limit_s(section, TIME_LIMIT_S)?,
        variables: program::variables(section)?,
    };
    Ok(Source::Command { order, output })
}

fn file(section: &Section<'_>) -> Result<PackPath> {
    path(section, "path")?.ok_or_else(|| {
        let message = "a capture of this kind needs `path`";
        section.error(section.line, message, "the database file, relative to the tree: path = \"var/app.db\"")
    })
}

fn digest_up_to(section: &Section<'_>) -> Result<u64> {
    let Some(text) = section.text("digest_up_to")? else { return Ok(DIGEST_UP_TO) };
    size_bytes(text.value).ok_or_else(|| {
        let message = format!("`digest_up_to` cannot be `{}`", show(text.value));
        section.error(text.line, message, values::A_SIZE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::format::settings::Document;
    use std::path::Path;

    fn read(text: &str) -> Result<Vec<Capture>> {
        let document = Document::parse(Path::new("p.toml"), text).unwrap();
        captures(&document.root())
    }

    #[test]
    fn every_kind_is_read() {
        let text = "[[capture]]\nid = 'app'\nkind = 'sqlite'\npath = 'var/app.db'\ntime_limit = '10m'\n\
                    [[capture]]\nid = 'candles'\nkind = 'duckdb'\npath = 'var/c.duckdb'\nform = 'copy'\n\
                    [[capture]]\nid = 'ledger'\nkind = 'postgres'\ndsn = 'env:LEDGER'\ndigest_up_to = '1GiB'\n\
                    [[capture]]\nid = 'queue'\nkind = 'command'\nrun = ['scripts/dump.sh', 'all']\noutput = 'folder'\n";
        let captures = read(text).unwrap();
        let kinds: Vec<&str> = captures.iter().map(|capture| capture.source.kind()).collect();
        assert_eq!(kinds, ["sqlite", "duckdb", "postgres", "command"]);
        assert_eq!((captures[0].time_limit_s, captures[1].time_limit_s), (600, TIME_LIMIT_S));
        assert_eq!((captures[0].digest_up_to, captures[2].digest_up_to), (DIGEST_UP_TO, 1 << 30));
        assert_eq!(captures[1].source.path().unwrap().as_str(), "var/c.duckdb");
        match &captures[3].source {
            Source::Command { order, output: Output::Folder } => {
                assert_eq!(order.program, ["scripts/dump.sh", "all"])
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        let head = "[[capture]]\nid = 'a'\n";
        for (text, line, message) in [
            ("", 1, "a capture without `kind`"),
            ("kind = 'mysql'", 3, "`kind` cannot be `mysql`"),
            ("kind = 'sqlite'", 1, "a capture of this kind needs `path`"),
            ("kind = 'sqlite'\npath = '../x'", 4, "`path` cannot be a path in the tree: a dot component"),
            ("kind = 'sqlite'\npath = 'x'\ndsn = 'env:A'", 5, "unknown key `dsn` in [capture]"),
            ("kind = 'postgres'", 1, "a capture of this kind needs `dsn`"),
            ("kind = 'postgres'\ndsn = 'env:'", 4, "`dsn` names nothing"),
            ("kind = 'postgres'\ndsn = 'env:A'\ndigest_up_to = '3'", 5, "`digest_up_to` cannot be `3`"),
            ("kind = 'command'", 1, "a capture of this kind needs `run`"),
            ("kind = 'command'\nrun = ['x']\ntime_limit = '25h'", 5, "`time_limit` is above 24h"),
            (
                "kind = 'sqlite'\npath = 'x'\n[[capture]]\nid = 'a'\nkind = 'sqlite'\npath = 'y'",
                5,
                "the capture `a` is there already, in line 1",
            ),
            (
                "kind = 'sqlite'\npath = 'x'\n[[capture]]\nid = 'b'\nkind = 'duckdb'\npath = 'x'",
                5,
                "x is captured already, in line 1",
            ),
        ] {
            match read(&format!("{head}{text}")) {
                Err(Error::Config { line: at, message: said, .. }) => {
                    assert_eq!((at, &*said), (line, message))
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
