//! Bytes and nothing else: one file a format. No file system, no clock, no randomness, no network.

pub mod bag;
pub mod bom;
pub mod bundle;
pub mod class;
pub mod ddl;
pub mod digest;
pub mod envelope;
pub mod frames;
pub mod hashes;
pub mod index;
pub mod inventory;
pub(crate) mod json;
pub mod kind;
pub mod lines;
pub mod listing;
pub mod member;
pub mod nearest;
pub mod pack;
pub mod path;
pub mod receipt;
pub mod seal;
pub mod settings;
pub mod statement;
pub mod tar;
pub mod units;
