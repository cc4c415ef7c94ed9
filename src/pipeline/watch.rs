//! What a long operation tells (how far it is) and is told (to stop).

use crate::{Error, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Shared by the threads of an operation and by whoever watches it. Cloning gives another handle to the same.
#[derive(Clone, Default)]
pub struct Watch(Arc<Inner>);

#[derive(Default)]
struct Inner {
    total_bytes: AtomicU64,
    done_bytes: AtomicU64,
    done_files: AtomicU64,
    interrupted: AtomicBool,
    failed: AtomicBool,
    failure: Mutex<Option<Error>>,
    parent: Option<Watch>,
}

impl Watch {
    /// The watch over one of several operations that run beside each other: it is interrupted with this one and tells it
    /// what was done, and its failure calls none of the others off.
    pub fn child(&self) -> Watch {
        Watch(Arc::new(Inner { parent: Some(self.clone()), ..Inner::default() }))
    }

    /// How many bytes there are to do; 0 while unknown.
    pub fn expect_bytes(&self, total: u64) {
        self.0.total_bytes.store(total, Relaxed);
        self.0.done_bytes.store(0, Relaxed);
        self.0.done_files.store(0, Relaxed);
    }

    /// Counts work that was done.
    pub fn advance(&self, files: u64, bytes: u64) {
        self.0.done_files.fetch_add(files, Relaxed);
        self.0.done_bytes.fetch_add(bytes, Relaxed);
        if let Some(parent) = &self.0.parent {
            parent.advance(files, bytes);
        }
    }

    /// (files done, bytes done, bytes in all or 0).
    pub fn progress(&self) -> (u64, u64, u64) {
        let inner = &self.0;
        (inner.done_files.load(Relaxed), inner.done_bytes.load(Relaxed), inner.total_bytes.load(Relaxed))
    }

    /// Asks the operation to end with [`Error::Interrupted`] and leave nothing behind.
    pub fn interrupt(&self) {
        self.0.interrupted.store(true, Relaxed);
    }

    /// An error if the operation was interrupted or one of its threads has failed.
    pub fn check(&self) -> Result<()> {
        if self.0.interrupted.load(Relaxed) || self.0.failed.load(Relaxed) {
            return Err(Error::Interrupted);
        }
        self.0.parent.as_ref().map_or(Ok(()), Watch::check)
    }

    /// Lets others go on for a moment; an error as [`Watch::check`] gives it.
    pub fn pause(&self, time: Duration) -> Result<()> {
        std::thread::sleep(time);
        self.check()
    }

    /// Calls the other threads off. The first failure is the one that is kept: the later ones are its echo.
    pub fn fail(&self, error: Error) {
        let mut failure = self.0.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if failure.is_none() && !matches!(error, Error::Interrupted) {
            *failure = Some(error);
        }
        self.0.failed.store(true, Relaxed);
    }

    /// The failure that called the threads off, in place of the echo that the caller met; and a clean slate.
    pub fn failure_or(&self, echo: Error) -> Error {
        let mut failure = self.0.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.0.failed.store(false, Relaxed);
        failure.take().unwrap_or(echo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_calls_off_one_operation_and_an_interruption_all() {
        let all = Watch::default();
        let (one, other) = (all.child(), all.child());
        one.fail(Error::input("it broke", ""));
        assert!(one.check().is_err() && other.check().is_ok() && all.check().is_ok());
        other.advance(1, 10);
        assert_eq!(all.progress(), (1, 10, 0));
        all.interrupt();
        assert!(matches!(other.check(), Err(Error::Interrupted)));
    }
}
