//! What could not be done, or could not be checked.
//!
//! A thing that *was* checked and is wrong is a [`Finding`](crate::finding::Finding), not an error.

use std::io;
use std::path::{Path, PathBuf};

/// The one error of the library. Messages are lower case, without a full stop, with the path in them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused: `cannot {action} {path}`.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "open", "write".
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The call itself makes no sense: a flag, a name, a missing argument (exit 2).
    #[error("{message}")]
    Usage {
        /// What is wrong with the call.
        message: String,
        /// What to type instead, or empty.
        hint: String,
    },
    /// A policy or trust file that is not valid (exit 2).
    #[error("{}:{line}: {message}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The line of the mistake, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
        /// The nearest thing that would be right, or empty.
        hint: String,
    },
    /// The input cannot be worked with (exit 1).
    #[error("{message}")]
    Input {
        /// What is wrong with it.
        message: String,
        /// What to do about it, or empty.
        hint: String,
    },
    /// Something needed for the check was not given: trust, an identity, a passphrase (exit 5).
    #[error("{message}")]
    Unavailable {
        /// What is missing.
        message: String,
        /// How to give it.
        hint: String,
    },
    /// A store could not do it: `cannot {action} {name} in {place}` (exit 1).
    #[error("cannot {action} {name} in {place}")]
    Store {
        /// The store, without credentials.
        place: String,
        /// The object or folder it was tried on.
        name: String,
        /// What was tried, as a verb: "read", "create".
        action: &'static str,
        /// What the store, or the way to it, said.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What to do about it, or empty.
        hint: String,
        /// Whether this user lacks the right to it.
        denied: bool,
    },
    /// The operation stopped because what it met must be refused; the findings say what and where.
    #[error("{} refused", match .0.len() { 1 => "1 finding:".to_string(), n => format!("{n} findings:") })]
    Refused(Vec<crate::finding::Finding>),
    /// A program that was asked something did not answer within its time limit (exit 1).
    #[error("{0}")]
    Late(String),
    /// The user pressed Ctrl-C, or the process was asked to end (exit 130).
    #[error("interrupted")]
    Interrupted,
}

/// What every fallible function of the library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An I/O error that says what was tried on which path.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }

    /// Bad usage, with what to type instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::Usage { message: message.into(), hint: hint.into() }
    }

    /// Bad input, with what to do about it.
    pub fn input(message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::Input { message: message.into(), hint: hint.into() }
    }

    /// A missing key, identity or passphrase, with how to give it.
    pub fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::Unavailable { message: message.into(), hint: hint.into() }
    }

    /// A mistake in a policy or trust file.
    pub fn config(file: &Path, line: usize, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::Config { file: file.to_owned(), line, message: message.into(), hint: hint.into() }
    }

    /// A single finding that stops the operation.
    pub fn refused(finding: crate::finding::Finding) -> Error {
        Error::Refused(vec![finding])
    }

    /// Whether nothing more can be asked after it: an interruption, or the end of the time.
    pub fn is_last(&self) -> bool {
        matches!(self, Error::Late(_) | Error::Interrupted)
    }

    /// What caused it, from the outermost cause to the innermost.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        std::iter::successors(std::error::Error::source(self), |cause| cause.source())
    }

    /// The message with what caused it, in one line.
    pub fn with_causes(&self) -> String {
        self.causes().fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    /// The same with what to do about it, where a hint has no line of its own.
    pub fn with_hint(&self) -> String {
        match self.hint() {
            "" => self.with_causes(),
            hint => format!("{}; hint: {hint}", self.with_causes()),
        }
    }

    /// Whether it is that a file is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether a store, or a folder's owner, does not let this user do it: a right that others may have.
    pub fn is_denied(&self) -> bool {
        match self {
            Error::Store { denied, .. } => *denied,
            Error::Io { source, .. } => source.kind() == std::io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// The next thing to type, or empty.
    pub fn hint(&self) -> &str {
        match self {
            Error::Usage { hint, .. }
            | Error::Config { hint, .. }
            | Error::Input { hint, .. }
            | Error::Unavailable { hint, .. }
            | Error::Store { hint, .. } => hint,
            Error::Io { source, .. } => io_hint(source),
            Error::Refused(_) | Error::Late(_) | Error::Interrupted => "",
        }
    }
}

/// What helps with the system errors that people meet most.
pub(crate) fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space or write to another disk; nothing half-done was left"
        }
        io::ErrorKind::ReadOnlyFilesystem => "choose a folder on a file system that can be written to",
        io::ErrorKind::PermissionDenied => "check who owns it and who may read or write it",
        _ => "",
    }
}
