//! PostgreSQL: how its tools reach a server, and what is in a database. Its own `psql` and `pg_dump` do the talking, so that
//! service files, certificates and `.pgpass` mean here what they mean everywhere.

pub mod dsn;
pub mod facts;
pub mod session;
pub mod wording;

use crate::pipeline::program::Program;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How the tools reach a database.
#[derive(Clone)]
pub struct Server {
    /// A connection string without a password: it stands among the arguments, which every user of the machine can read.
    pub dsn: String,
    /// The environment of the tools; the password is in it.
    pub variables: Vec<(OsString, OsString)>,
    /// How long a tool may take.
    pub time_limit: Duration,
}

impl Server {
    /// One of the tools with its arguments; the connection comes last.
    pub fn tool<'a>(&'a self, words: &'a [String]) -> Program<'a> {
        Program {
            folder: Path::new("/"),
            words,
            variables: &self.variables,
            time_limit: self.time_limit,
            output_bytes_max: 0,
        }
    }

    /// The argument that names the database.
    pub fn argument(&self) -> String {
        format!("--dbname={}", self.dsn)
    }
}
