//! The answer to a question that somebody else wrote: read so far and no further, alike from every database. A hostile view
//! answers without end.

use crate::error::Result;

/// The most rows of an answer that are compared: a question is about few things. One more is read, so that a longer answer is
/// seen to be longer.
pub const ROWS_MAX: usize = 1000;

/// The most of an answer that is read, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// The rows of an answer so far.
#[derive(Debug, Default)]
pub struct Answer {
    rows: Vec<String>,
    bytes: usize,
}

impl Answer {
    /// How many bytes the next row may have.
    pub fn room(&self) -> usize {
        BYTES_MAX.saturating_sub(self.bytes)
    }

    /// Takes a row; `false` once no more is read.
    pub fn take(&mut self, row: String) -> bool {
        self.bytes = self.bytes.saturating_add(row.len());
        self.rows.push(row);
        self.rows.len() <= ROWS_MAX
    }

    /// What was read.
    pub fn rows(self) -> Vec<String> {
        self.rows
    }
}

/// The rows of an answer that gives the next one, given how many bytes it may have; `None` after the last.
pub fn read(mut next: impl FnMut(usize) -> Result<Option<String>>) -> Result<Vec<String>> {
    let mut answer = Answer::default();
    while let Some(row) = next(answer.room())? {
        if !answer.take(row) {
            break;
        }
    }
    Ok(answer.rows())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// What is read of so many rows of so many bytes, and how many were asked for.
    fn asked(rows: usize, bytes: usize) -> (Option<usize>, usize) {
        let mut asked = 0;
        let found = read(|room| {
            asked += 1;
            match asked {
                number if number > rows => Ok(None),
                _ if bytes > room => Err(Error::input("it is too long", "")),
                _ => Ok(Some("x".repeat(bytes))),
            }
        });
        (found.ok().map(|rows| rows.len()), asked)
    }

    #[test]
    fn one_row_more_than_is_compared_is_read_and_nothing_after_it() {
        assert_eq!(asked(3, 5), (Some(3), 4));
        assert_eq!(asked(ROWS_MAX, 5), (Some(ROWS_MAX), ROWS_MAX + 1));
        assert_eq!(asked(usize::MAX, 5), (Some(ROWS_MAX + 1), ROWS_MAX + 1));
    }

    #[test]
    fn rows_have_room_together() {
        assert_eq!(asked(4, BYTES_MAX / 4), (Some(4), 5));
        assert_eq!(asked(5, BYTES_MAX / 4), (None, 5));
        assert_eq!(asked(1, BYTES_MAX + 1), (None, 1));
    }
}
