//! Bytes and nothing else: one file a format. No file system, no clock, no randomness, no network.

pub mod bag;
pub mod digest;
pub mod hashes;
pub mod lines;
pub mod path;
