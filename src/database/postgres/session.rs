//! A session of `psql`: asked in SQL, it answers in lines of JSON.

use crate::database::postgres::Server;
use crate::error::{Error, Result};
use crate::pipeline::program::piped::Piped;
use crate::pipeline::watch::Watch;
use serde::de::DeserializeOwned;

/// What `psql` prints when it has answered everything before.
const MARK: &str = "attestar: that was all";

/// Everything that changes how values are printed, fixed: what is recorded on one server is compared on another.
const SETTINGS: &str = "SET client_encoding = 'UTF8'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; \
                        SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex'; \
                        SET search_path = pg_catalog; SET row_security = off; SET lock_timeout = '60s'; \
                        SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;\n";

/// An open session. Dropped, it is ended.
pub struct Session {
    psql: Piped,
}

impl Session {
    /// Connects.
    pub fn open(server: &Server, watch: &Watch) -> Result<Session> {
        let words = [
            "psql",
            "--no-psqlrc",
            "--no-password",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ];
        let words: Vec<String> =
            words.iter().map(|word| (*word).to_owned()).chain([server.argument()]).collect();
        let mut session = Session { psql: Piped::start(&server.tool(&words), watch)? };
        session.tell(SETTINGS)?;
        Ok(session)
    }

    /// Sends statements; each row that they give is a line.
    pub fn tell(&mut self, statements: &str) -> Result<()> {
        self.psql.say(statements)
    }

    /// Asks to be told when everything so far is answered: [`Session::answer`] reads up to there.
    pub fn mark(&mut self) -> Result<()> {
        self.psql.say(&format!("\\echo {MARK}\n"))
    }

    /// The lines up to the next mark.
    pub fn answer(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            match self.psql.line()? {
                None => return Err(self.psql.failure("it ended before it answered")),
                Some(line) if line == MARK => return Ok(lines),
                Some(line) => lines.push(line),
            }
        }
    }

    /// What a query gives, a row a line of JSON.
    pub fn ask<T: DeserializeOwned>(&mut self, query: &str) -> Result<Vec<T>> {
        self.tell(query)?;
        self.tell(";\n")?;
        self.mark()?;
        let lines = self.answer()?;
        lines.iter().map(|line| read(line)).collect()
    }

    /// Ends it; an error that came late is told.
    pub fn close(self) -> Result<()> {
        self.psql.finish()
    }
}

/// A line of JSON.
pub fn read<T: DeserializeOwned>(line: &str) -> Result<T> {
    serde_json::from_str(line)
        .map_err(|error| Error::input(format!("psql: an answer that is not understood: {error}"), ""))
}
