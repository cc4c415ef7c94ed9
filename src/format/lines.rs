//! Lines of the text formats: how long one may be, and what can be wrong with it.

use std::io;

/// The longest line that any text format here may have, in bytes before its line end. A path is at most
/// [`PATH_BYTES_MAX`](super::path::PATH_BYTES_MAX) bytes, three times that when percent-encoded; URLs and descriptions are the rest.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// After so many bad lines a file is none of its format: reading it ends there, so that findings are bounded too.
pub const BAD_LINES_MAX: usize = 100;

/// Why a line could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The bytes could not be read at all; nothing follows.
    #[error("cannot read on: {0}")]
    Io(#[from] io::Error),
    /// The line breaks the rules of its format. Later lines can still be read, unless this one was too long.
    #[error("line {number}: {reason}")]
    Bad {
        /// The line, from 1.
        number: u64,
        /// The rule that it breaks.
        reason: &'static str,
    },
}

impl LineError {
    /// A line that breaks a rule.
    pub fn bad(number: u64, reason: &'static str) -> LineError {
        LineError::Bad { number, reason }
    }
}
