//! A session of `psql`: asked in SQL, it answers in lines of JSON.

use crate::database::answer;
use crate::database::postgres::Server;
use crate::error::{Error, Result};
use crate::pipeline::program::piped::Piped;
use crate::pipeline::watch::Watch;
use serde::de::DeserializeOwned;

/// How long the word is that `psql` prints when it has answered everything before, in bytes: no value can be made to be it.
const MARK_BYTES: usize = 16;

/// How many rows `psql` holds at once of an answer that is read only so far.
const ROWS_AT_ONCE: usize = 10;

/// Everything that changes how values are printed, fixed: what is recorded on one server is compared on another.
const SETTINGS: &str = "SET client_encoding = 'UTF8'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; \
                        SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex'; \
                        SET search_path = pg_catalog; SET row_security = off; SET lock_timeout = '60s'; \
                        SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;\n";

/// An open session. Dropped, it is ended.
pub struct Session {
    psql: Piped,
    mark: String,
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
        let psql = Piped::start(&server.tool(&words), watch).map_err(missing)?;
        let mut session = Session { psql, mark: mark()? };
        session.tell(SETTINGS)?;
        Ok(session)
    }

    /// Sends statements; each row that they give is a line.
    pub fn tell(&mut self, statements: &str) -> Result<()> {
        self.psql.say(statements)
    }

    /// Asks to be told when everything so far is answered: [`Session::answer`] reads up to there.
    pub fn mark(&mut self) -> Result<()> {
        self.psql.say(&format!("\\echo {}\n", self.mark))
    }

    /// The lines up to the next mark.
    pub fn answer(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            match self.psql.line()? {
                None => return Err(self.psql.failure("it ended before it answered")),
                Some(line) if line == self.mark => return Ok(lines),
                Some(line) => lines.push(line),
            }
        }
    }

    /// The [answer] to a statement that somebody else wrote, as lines, and nothing after it. A comment or a quote in it that has
    /// no end swallows nothing: the server complains of it.
    pub fn answer_to(mut self, statement: &str) -> Result<Vec<String>> {
        self.tell(&format!("\\set FETCH_COUNT {ROWS_AT_ONCE}\n{statement}\n;\n"))?;
        self.mark()?;
        self.psql.say_no_more();
        let mut is_whole = false;
        let lines = answer::read(|room| match self.psql.line_within(room + self.mark.len())? {
            None => Err(self.psql.failure("it ended before it answered")),
            Some(line) if line == self.mark => {
                is_whole = true;
                Ok(None)
            }
            line => Ok(line),
        })?;
        // One that was read only so far is ended.
        if is_whole { self.close().map(|()| lines) } else { Ok(lines) }
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

fn missing(error: Error) -> Error {
    if error.is_not_found() {
        return Error::unavailable("psql is not there", "install PostgreSQL's client programs");
    }
    error
}

/// A word that nobody knows before.
fn mark() -> Result<String> {
    let mut random = [0; MARK_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Error::input(format!("no randomness of the system: {error}"), ""))?;
    Ok(random.iter().fold("attestar-".to_owned(), |mark, byte| format!("{mark}{byte:02x}")))
}

/// A line of JSON.
pub fn read<T: DeserializeOwned>(line: &str) -> Result<T> {
    serde_json::from_str(line)
        .map_err(|error| Error::input(format!("psql: an answer that is not understood: {error}"), ""))
}
