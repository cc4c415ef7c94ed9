//! Bytes and nothing else: one file a format. No file system, no clock, no randomness, no network.

pub mod bundle;
pub mod config;
pub mod digest;
pub mod envelope;
pub(crate) mod json;
pub mod kind;
pub mod path;
pub mod receipt;
pub mod seal;
pub mod statement;
