//! The tar that attestar writes, and the only one it reads: POSIX.1-2017 pax interchange format, one encoding for
//! each member.
//!
//! A reader re-encodes what it parsed and compares the bytes, so there is nothing in a header that two readers could
//! take differently.

mod header;
mod pax;
mod reader;

pub use header::encode;
pub use reader::{Fault, FaultKind, Reader, Step};

/// Headers and contents are padded to this many bytes.
pub const BLOCK_BYTES: usize = 512;

/// The two zero blocks that end a tar.
pub const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// How many zero bytes follow content of this size, up to the next block.
pub fn padding(size: u64) -> usize {
    let over = (size % BLOCK_BYTES as u64) as usize;
    if over == 0 { 0 } else { BLOCK_BYTES - over }
}
