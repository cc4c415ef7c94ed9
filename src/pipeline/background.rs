//! A thread that waits for something outside beside those that work: the runtime of a store's connections.

use crate::{Error, Result};
use std::thread::JoinHandle;

/// A thread of its own, waited for when this is dropped. Whoever starts one tells its work to end first.
pub struct Background(Option<JoinHandle<()>>);

impl Background {
    /// Starts it; its name is what a list of threads shows.
    pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Background> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        thread
            .map(|thread| Background(Some(thread)))
            .map_err(|error| Error::input(format!("cannot start a thread: {error}"), ""))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A panic over there was seen by whoever waited for its answer.
        let _ = self.0.take().map(JoinHandle::join);
    }
}
