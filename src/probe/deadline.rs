//! When a probe has to be through: one moment for everything that it does.

use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// The end of a probe's time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    over: Instant,
    limit: Duration,
}

impl Deadline {
    /// So long from now.
    pub fn after(limit: Duration) -> Deadline {
        Deadline { over: Instant::now() + limit, limit }
    }

    /// What is left until then.
    pub fn left(self) -> Duration {
        self.over.saturating_duration_since(Instant::now())
    }

    /// An error once it is over; `what` was to be done.
    pub fn check(self, what: &str) -> Result<()> {
        if self.left().is_zero() { Err(self.late(what)) } else { Ok(()) }
    }

    /// That `what` was not through.
    pub fn late(self, what: &str) -> Error {
        Error::Late(format!("{what}: it did not end within {} s", self.limit.as_secs()))
    }
}

/// What ends something that goes on and on: the time, or who runs all this.
#[derive(Clone, Copy)]
pub struct End<'a> {
    /// The time.
    pub deadline: Deadline,
    /// Who runs it.
    pub watch: &'a Watch,
}

impl End<'_> {
    /// An error once it has come; `what` was to be done.
    pub fn check(self, what: &str) -> Result<()> {
        self.watch.check()?;
        self.deadline.check(what)
    }

    /// Reads on until it has come; `what` is what is read. Who reads tells by [`End::check`] what ended it.
    pub fn reads<'a, R>(self, reader: R, what: &'a str) -> Ending<'a, R>
    where
        Self: 'a,
    {
        Ending { reader, what, end: self }
    }
}

/// What is read until an end comes; then a read is an error.
pub struct Ending<'a, R> {
    reader: R,
    what: &'a str,
    end: End<'a>,
}

impl<R: Read> Read for Ending<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.end.check(self.what).map_err(io::Error::other)?;
        self.reader.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_its_time_is() {
        assert!(Deadline::after(Duration::from_secs(60)).check("x").is_ok());
        let over = Deadline::after(Duration::ZERO);
        assert_eq!((over.left(), over.check("it").unwrap_err().is_last()), (Duration::ZERO, true));
        assert_eq!(over.late("it").to_string(), "it: it did not end within 0 s");
    }
}
