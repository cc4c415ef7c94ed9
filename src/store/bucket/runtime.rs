//! The asynchronous world of the object store's library, closed in: one thread drives every request, so that uploads go
//! on while the caller computes, and callers wait for answers as for any other call.

use crate::error::{Error, Result};
use crate::pipeline::background::Background;
use crate::pipeline::watch::Watch;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use futures_util::future::{AbortHandle, abortable, pending};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

/// How often a waiting caller looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// Where requests run.
pub struct Runtime {
    handle: Handle,
    stop: AbortHandle,
    _thread: Background,
}

impl Runtime {
    /// Starts the thread.
    pub fn start() -> Result<Runtime> {
        let failed = |error| Error::input(format!("cannot start connections: {error}"), "");
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (ended, stop) = abortable(pending::<()>());
        let thread = Background::start("store", move || {
            let _ = runtime.block_on(ended);
            // A name that is still being looked up would be waited for.
            runtime.shutdown_background();
        })?;
        Ok(Runtime { handle, stop, _thread: thread })
    }

    /// Begins something.
    pub fn begin<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let (answer, receiver) = bounded(1);
        let task = self.handle.spawn(async move {
            let _ = answer.send(work.await);
        });
        Task { answer: receiver, task }
    }

    /// Waits, unless interrupted.
    pub fn pause(&self, time: Duration, watch: &Watch) -> Result<()> {
        // Made inside the runtime: that is where its clock is.
        self.begin(async move { tokio::time::sleep(time).await }).wait(watch)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

/// Something that was begun. Dropped, it is given up.
pub struct Task<T> {
    answer: Receiver<T>,
    task: JoinHandle<()>,
}

impl<T> Task<T> {
    /// Waits for its end, or for an interruption.
    pub fn wait(self, watch: &Watch) -> Result<T> {
        loop {
            watch.check()?;
            match self.answer.recv_timeout(LOOK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::input("the connection to the store broke down", "this is a bug"));
                }
            }
        }
    }

    /// Waits for its end at most so long, interrupted or not: for tidying up.
    pub fn at_most(self, time: Duration) -> Option<T> {
        self.answer.recv_timeout(time).ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
