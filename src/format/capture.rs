//! What a capture recorded of the very copy that it took: `captures` in `pack.json`. A drill compares what comes back with
//! this.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::path::PackPath;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 64;

/// The `kind` of an [`Object`] that is a role.
pub const ROLE: &str = "role";

/// One capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// Its id in the policy, `[a-z0-9-]{1,64}`; the copy lies under `captures/ID/`.
    #[serde(deserialize_with = "id")]
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
    /// What a dump does not say of the database that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Box<DatabaseSettings>>,
    /// The digest over the definitions of everything in the database, as the kind's documentation says.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_sha256")]
    pub schema_sha256: Option<Sha256>,
    /// Every table, in order of the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Everything else that has a name, in order: views, indexes, triggers, sequences. Roles as [`role_name`] reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    pub objects: Vec<Object>,
}

/// How a database of PostgreSQL was made: one that its dump is restored into is made so as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// In which encoding it holds texts: `UTF8`.
    pub encoding: String,
    /// By which locale texts are ordered: `en_US.UTF-8`.
    pub collate: String,
    /// By which locale letters are told from others, and small ones from large ones.
    pub ctype: String,
    /// Whose locales they are: `libc`, `icu` or `builtin`.
    pub provider: String,
    /// The locale of a provider that is not `libc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The schema of each extension, by the extension's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: BTreeMap<String, String>,
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
    /// One file of this name, which names no folder.
    File(#[serde(deserialize_with = "file_name")] String),
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

/// The name of a role, of what PostgreSQL's `quote_ident` makes of it: a bare word, or anything between double quotes but
/// control characters. `None` for every other text: it may be more than a name.
pub fn role_name(identifier: &str) -> Option<String> {
    let is_bare = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_$".contains(&b))
    };
    if is_bare(identifier) {
        return Some(identifier.to_owned());
    }
    let inner = identifier.strip_prefix('"')?.strip_suffix('"')?;
    let is_whole = !inner.replace("\"\"", "").contains('"') && !inner.contains(char::is_control);
    (!inner.is_empty() && is_whole).then(|| inner.replace("\"\"", "\""))
}

/// As a policy allows it: it becomes a folder's name, and a word of commands.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    let is_valid = (1..=ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_valid { Ok(id) } else { Err(D::Error::custom("the id of a capture is 1 to 64 of a-z, 0-9 and -")) }
}

/// One component of a path, so that nothing outside of the capture's folder is opened by it.
fn file_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    match PackPath::new(name.as_bytes()) {
        Ok(path) if path.parent().is_none() => Ok(name),
        Ok(_) => Err(D::Error::custom("the file of a capture is a name, not a path")),
        Err(fault) => Err(D::Error::custom(format!("the name of a capture's file has {fault}"))),
    }
}

/// Roles are made again by name before a dump is restored: nothing but a name may stand there.
fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Object>, D::Error> {
    let objects = Vec::<Object>::deserialize(deserializer)?;
    match objects.iter().find(|object| object.kind == ROLE && role_name(&object.name).is_none()) {
        Some(_) => Err(D::Error::custom("a role of a capture is not the name of one")),
        None => Ok(objects),
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
            database: Some(Box::new(DatabaseSettings {
                encoding: "UTF8".into(),
                collate: "C".into(),
                ctype: "C".into(),
                provider: "libc".into(),
                locale: None,
                extensions: BTreeMap::from([("hstore".into(), "public".into())]),
            })),
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

    fn read(id: &str, file: &str, role: &str) -> serde_json::Result<Captured> {
        serde_json::from_value(serde_json::json!({
            "id": id, "kind": "postgres", "form": {"file": file}, "tool": "sh",
            "objects": [{"kind": "role", "name": role}],
        }))
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        assert!(read("app-1", "app db", "reader").is_ok());
        for id in ["", "..", "../x", "/etc", "a b", "A", "a;id", &"a".repeat(65)] {
            assert!(read(id, "app.db", "reader").is_err(), "{id}");
        }
        for file in ["", ".", "..", "../app.db", "/etc/passwd", "a/b", "a\nb", "C:x/y"] {
            assert!(read("app", file, "reader").is_err(), "{file}");
        }
    }

    #[test]
    fn a_role_is_a_name_and_nothing_more() {
        let names = [
            ("reader", "reader"),
            ("_r$1", "_r$1"),
            ("\"Read Er\"", "Read Er"),
            ("\"a\"\"b\"", "a\"b"),
            ("\"D\\u\"", "D\\u"),
        ];
        for (identifier, name) in names {
            assert_eq!(role_name(identifier).as_deref(), Some(name));
            assert!(read("app", "app.db", identifier).is_ok());
        }
        let others = [
            "",
            "\"",
            "\"\"",
            "x \\! id",
            "x; DROP TABLE t",
            "x\\g",
            "Reader",
            "1x",
            "\"a\"b\"",
            "\"a\nb\"",
            "\"a\" \\! id",
            "\"a\"\"",
            "x\n\\! id",
            "\"a\u{1b}\"",
        ];
        for identifier in others {
            assert_eq!(role_name(identifier), None, "{identifier}");
            assert!(read("app", "app.db", identifier).is_err(), "{identifier}");
        }
    }
}
