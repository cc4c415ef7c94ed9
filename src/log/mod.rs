//! The transparency log of a store: what happened, one leaf an event, appended to and never changed.
//!
//! Its form is that of <https://c2sp.org/tlog-tiles>, below `log/` of the store: a signed checkpoint, tiles, and entries,
//! so that other people's tools read it. Many hosts append to one log without a server, by the protocol in [`append`].
//! Each host remembers the last checkpoint it saw ([`state`]), so that a log that was rolled back is caught.

pub mod append;
pub mod event;
pub mod read;
pub mod state;
mod withdrawn;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::keys::trust::Trust;
use crate::store::{ObjectName, Store};

/// The newest signed checkpoint.
pub const CHECKPOINT: &str = "log/checkpoint";

/// The checkpoint that the next one will be.
pub const PENDING: &str = "log/pending";

/// The folder of files that wait for their checkpoint.
pub const STAGED: &str = "log/staged";

/// The most bytes of a bundle of entries: 256 of the longest.
const BUNDLE_BYTES_MAX: usize = 256 * (2 + u16::MAX as usize);

/// The log of a store.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    /// Where it lies.
    pub store: &'a dyn Store,
    /// Who may sign its checkpoints.
    pub trust: &'a Trust,
    /// Which log it must be; `None` takes the one that is there.
    pub origin: Option<&'a str>,
}

/// The name of an object below `log/`.
fn name(path: &str) -> Result<ObjectName> {
    ObjectName::new(&format!("log/{path}"))
}

/// The error of a log that contradicts itself.
fn invalid(subject: impl Into<String>, why: impl ToString) -> Error {
    Error::refused(Finding::new(Code::LogInvalid, subject).actual(why))
}
