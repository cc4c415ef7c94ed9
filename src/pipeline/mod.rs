//! The one-pass machine that reads, hashes, packs, compresses and encrypts, and its way back. The only place with
//! worker threads.
//!
//! - In: [`feed`] → [`pack`] → [`compress`] → [`sink`], with [`lanes`] beside it for files past one buffer.
//! - [`buffers`] bounds the memory, [`crew`] shares work out, [`watch`] carries progress and interruption, [`source`] reads files that may change.
//! - Beside it: [`program`] runs programs of the team's for a gate, [`background`] waits for a store's answers.

pub mod alarm;
pub mod background;
pub mod buffers;
pub mod compress;
pub mod contents;
pub mod crew;
pub mod feed;
pub mod hash;
pub mod lanes;
pub mod look;
pub mod meter;
pub mod open;
pub mod pack;
pub mod pick;
pub mod program;
pub mod scratch;
pub mod sink;
pub mod source;
pub mod staging;
pub mod unpack;
pub mod watch;
pub mod whole_file;
