//! Consistent copies of live databases, taken without stopping them, and what is recorded of each copy.

mod command;
mod duckdb;
mod postgres;
mod sqlite;

use crate::database::{beside, secret};
use crate::error::Result;
use crate::format::capture::Captured;
use crate::pipeline::watch::Watch;
use crate::policy::capture::{Capture, Output, Source};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Looks a variable up in the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where captures are taken from and to.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The tree.
    pub root: &'a Path,
    /// An empty folder outside the tree for this capture alone.
    pub folder: &'a Path,
    /// The environment that tools are looked up in and programs get their variables from.
    pub environment: Environment<'a>,
}

/// What was taken.
pub enum Taken {
    /// Files, which lie in the folder now.
    Files(Captured),
    /// Something that is read as it is made.
    Stream(Stream),
}

/// A capture that is read as it is made.
pub struct Stream(Made);

enum Made {
    Postgres(Box<postgres::Dump>),
    Command(Box<command::Run>),
}

/// A captured file, and what of SQLite or DuckDB belongs to it by its name, whether that is there or not.
pub fn parts(file: PathBuf) -> impl Iterator<Item = PathBuf> {
    let beside = ["-wal", "-shm", "-journal", ".wal"].map(|suffix| beside(&file, suffix));
    beside.into_iter().chain([file])
}

/// Takes a capture, or begins to.
pub fn take(capture: &Capture, place: Place<'_>, watch: &Watch) -> Result<Taken> {
    let Place { root, folder, environment } = place;
    let taken = match &capture.source {
        Source::Sqlite(path) => {
            let source = root.join(path.as_str());
            Taken::Files(sqlite::capture(capture, &source, &folder.join(path.name()), watch)?)
        }
        Source::Duckdb { path, form } => {
            let source = root.join(path.as_str());
            Taken::Files(duckdb::capture(capture, &source, *form, folder, environment, watch)?)
        }
        Source::Postgres { dsn } => {
            let dsn = secret::resolve(dsn, root, environment)?;
            let dump = postgres::Dump::start(capture, &dsn, environment, watch)?;
            Taken::Stream(Stream(Made::Postgres(Box::new(dump))))
        }
        Source::Command { order, output: Output::Stdout } => {
            let run = command::Run::start(capture, order, root, environment, watch)?;
            Taken::Stream(Stream(Made::Command(Box::new(run))))
        }
        Source::Command { order, output: Output::Folder } => {
            Taken::Files(command::fill(capture, order, root, folder, environment, watch)?)
        }
    };
    Ok(taken)
}

impl Stream {
    /// Waits for whoever makes it, and gives what is recorded; a bad end is an error, and what was read is worth nothing.
    pub fn finish(self) -> Result<Captured> {
        match self.0 {
            Made::Postgres(dump) => dump.finish(),
            Made::Command(run) => run.finish(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Made::Postgres(dump) => dump.read(buffer),
            Made::Command(run) => run.read(buffer),
        }
    }
}
