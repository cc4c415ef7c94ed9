//! A policy that was checked: the rules as the rest of the crate uses them.

use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// Where a policy came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, as it was named.
    File(PathBuf),
    /// A shipped policy: `builtin:NAME`.
    Builtin(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Builtin(name) => write!(f, "builtin:{name}"),
        }
    }
}

/// A checked policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The policy's own name; default: the file's stem, or the builtin's name.
    pub name: String,
    /// Where it came from.
    pub source: Source,
    /// The text exactly as read: it goes into the pack as `policy.toml`.
    pub text: String,
    /// The digest of the text.
    pub sha256: Sha256,
    /// The `{project}` of pack names, if the policy names it.
    pub project: Option<String>,
    /// The file in the tree that holds the version.
    pub version_file: Option<PackPath>,
    /// How tags are named, with exactly one `{version}`; default `v{version}`.
    pub tag: String,
    /// What belongs in the pack; the first match wins.
    pub include: Vec<Include>,
    /// The classes that a release takes.
    pub release_classes: BTreeSet<Class>,
    /// Where the HASHES manifests lie in the tree.
    pub hashes: HashesPaths,
    /// How to seal.
    pub seal: SealOptions,
}

/// One `[[include]]` rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// What the files it takes are.
    pub class: Class,
    /// Globs of what it takes: case-sensitive, `*` stops at `/`, `**` crosses.
    pub paths: Vec<String>,
    /// Globs of what it leaves to later rules.
    pub exclude: Vec<String>,
    /// The SQL dialect; class `ddl` only.
    pub dialect: Option<Dialect>,
    /// Matching nothing is a finding.
    pub required: bool,
    /// The line of the file it starts on, from 1.
    pub line: usize,
}

/// Where the HASHES manifests lie, relative to the root of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashesPaths {
    /// For `sha256sum -c`.
    pub sha256: PackPath,
    /// For `b3sum -c`.
    pub blake3: PackPath,
}

/// The `[seal]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealOptions {
    /// The signing key: a path, `file:PATH` or `env:NAME`.
    pub key: Option<String>,
    /// age recipients, `age1…`; checked for their shape only.
    pub recipients: Vec<String>,
    /// zstd level, 1 to 19; default 3.
    pub compression_level: i32,
}

/// A dialect of SQL that a ddl rule may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// ISO SQL, and nothing else.
    Ansi,
    /// DuckDB.
    Duckdb,
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
}
