//! A fixed number of byte buffers, lent and given back: what bounds the memory of a pipeline.

use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// How often a waiting thread looks whether the work was called off.
const LOOK: Duration = Duration::from_millis(50);

/// A buffer that grew past twice its size is cut back when it is returned.
const GROWTH_MAX: usize = 2;

/// The buffers of one stage. Whoever takes must take in the order in which the next stage consumes, or a later block
/// could hold the buffer that an earlier one waits for.
pub struct Pool {
    spare: Receiver<Vec<u8>>,
    back: Sender<Vec<u8>>,
    capacity: usize,
}

impl Pool {
    /// So many buffers of so many bytes; allocated when first used.
    pub fn new(count: usize, capacity: usize) -> Pool {
        let (back, spare) = bounded(count);
        for _ in 0..count {
            back.send(Vec::new()).expect("the channel holds all of them");
        }
        Pool { spare, back, capacity }
    }

    /// An empty buffer, as soon as there is one; an error when the work was called off meanwhile.
    pub fn take(&self, watch: &Watch) -> Result<Buffer> {
        loop {
            watch.check()?;
            match self.spare.recv_timeout(LOOK) {
                Ok(mut bytes) => {
                    bytes.clear();
                    bytes.shrink_to(GROWTH_MAX * self.capacity);
                    bytes.reserve(self.capacity);
                    return Ok(Buffer { bytes, back: self.back.clone() });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Interrupted),
            }
        }
    }
}

/// A lent buffer; goes back by itself.
pub struct Buffer {
    bytes: Vec<u8>,
    back: Sender<Vec<u8>>,
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // The pool may be gone already: then so is the buffer.
        let _ = self.back.try_send(std::mem::take(&mut self.bytes));
    }
}
