//! What a capture recorded of the very copy that it took: `captures` in `pack.json`. A drill compares what comes back with
//! this.

use crate::format::digest::Sha256;
use crate::format::json;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// Its id in the policy; the copy lies under `captures/ID/`.
    pub id: String,
    /// What was captured.
    pub kind: CaptureKind,
    /// How the copy lies there.
    pub form: Form,
    /// What made it, with its version: `pg_dump (PostgreSQL) 15.18`.
    pub tool: String,
    /// The server and its version, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The digest over the definitions of everything in the database, as the kind's documentation says.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_sha256")]
    pub schema_sha256: Option<Sha256>,
    /// Every table, in order of the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Everything else that has a name, in order: views, indexes, triggers, sequences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
}

/// What can be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureKind {
    /// A database file of SQLite.
    Sqlite,
    /// A database file of DuckDB.
    Duckdb,
    /// A database of a PostgreSQL server.
    Postgres,
    /// What a program made.
    Command,
}

/// How a copy lies under `captures/ID/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One file of this name.
    File(String),
    /// Files and folders.
    Folder,
    /// A stream in parts, `part-00001` on; together they are what was captured.
    Parts,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name, with its schema where the kind has any: `public.trades`.
    pub name: String,
    /// How many rows; absent where they cannot be counted (a virtual table whose module is not there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The digest of the content; absent where the table is larger than the policy wants read twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// A digest of all rows of a table, and how it is made. What makes one another way is compared with nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// SHA-256 over the values of every row in the order of the key, each with its type and length, as lower-case hex.
    RowsSha256(String),
    /// The sum of the first 64 bits of the MD5 of each row as the database prints it, as a decimal number: it does not
    /// depend on the order of the rows. Against chance, not against an attacker; the archive's own digests are for that.
    RowsMd5Sum(String),
}

/// Something else that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// `view`, `index`, `trigger`, `sequence`, …
    pub kind: String,
    /// Its name, with its schema where the kind has any.
    pub name: String,
}

impl CaptureKind {
    /// Its name in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            CaptureKind::Sqlite => "sqlite",
            CaptureKind::Duckdb => "duckdb",
            CaptureKind::Postgres => "postgres",
            CaptureKind::Command => "command",
        }
    }
}

impl fmt::Display for CaptureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a part of a stream, counted from 1: names sort in the order of the stream up to 99,999 parts (6 TiB).
pub fn part_name(number: usize) -> String {
    format!("part-{number:05}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_back_as_they_were_written() {
        let captured = Captured {
            id: "ledger".into(),
            kind: CaptureKind::Postgres,
            form: Form::Parts,
            tool: "pg_dump (PostgreSQL) 15.18".into(),
            server: Some("PostgreSQL 15.18".into()),
            schema_sha256: Some(Sha256::of(b"schema")),
            tables: vec![
                Table {
                    name: "public.trades".into(),
                    rows: Some(3),
                    content: Some(Content::RowsMd5Sum("12".into())),
                },
                Table { name: "public.x".into(), rows: None, content: None },
            ],
            objects: vec![Object { kind: "view".into(), name: "public.v".into() }],
        };
        let text = serde_json::to_string(&captured).unwrap();
        assert!(text.contains(r#""content":{"rows-md5-sum":"12"}"#), "{text}");
        assert_eq!(serde_json::from_str::<Captured>(&text).unwrap(), captured);
        let bare = r#"{"id":"q","kind":"command","form":{"file":"q.bin"},"tool":"sh","extra":1}"#;
        assert!(serde_json::from_str::<Captured>(bare).is_err());
        assert!(part_name(9) < part_name(10));
    }
}
