//! Databases: how copies of them are opened, and what is recorded of them, alike when they are captured and when a drill
//! probes what came back.

pub mod answer;
pub mod duckdb;
pub mod postgres;
pub mod secret;
pub mod sqlite;

use std::path::{Path, PathBuf};

/// What lies beside the file of a database by that file's name: `app.db-wal`.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// An identifier in an SQL text: a delimited one (ISO 9075-2, section 5.2), which every dialect here reads.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
