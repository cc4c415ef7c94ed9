//! Where the randomness of new keys comes from. It is passed in, so that a test decides it.

use crate::error::{Error, Result};

/// A source of bytes that nobody can guess.
pub trait Entropy {
    /// Fills the whole buffer, or fails.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()>;
}

/// The operating system's randomness: `getrandom(2)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes)
            .map_err(|error| Error::input(format!("the system gives no randomness: {error}"), ""))
    }
}

/// Bytes that are the same in every run. For tests alone.
#[cfg(test)]
pub(crate) struct FixedEntropy(pub u8);

#[cfg(test)]
impl Entropy for FixedEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
        Ok(())
    }
}
