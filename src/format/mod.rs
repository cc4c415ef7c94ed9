//! Bytes and nothing else: one file a format. No file system, no clock, no randomness, no network.

pub mod class;
pub mod digest;
pub mod kind;
pub mod nearest;
pub mod path;
pub mod settings;
