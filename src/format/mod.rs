//! Bytes and nothing else: one file a format. No file system, no clock, no randomness, no network.

pub mod class;
pub mod digest;
pub mod frames;
pub mod index;
pub mod inventory;
pub mod kind;
pub mod member;
pub mod pack;
pub mod path;
pub mod tar;
