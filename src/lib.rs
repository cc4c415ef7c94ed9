//! attestar seals a release, or a nightly backup, into a pack whose every byte is hashed, whose evidence is
//! signed, and whose encrypted archive opens with stock tools; and proves ever after that it verifies and
//! restores.
//!
//! The modules, from the top down; each may use only what stands below it (tests/tidy.rs holds that):
//!
//! - [`verbs`]: one file a command, each reading as its list of steps.
//! - [`telemetry`]: what machines and people hear of a run: metrics, notices.
//! - [`evidence`]: what must hold of a pack, one file a check.
//! - [`probe`]: what a drill asks of what came back, one file a kind.
//! - [`console`]: the pages of a store over HTTP, for this host alone.
//! - [`report`]: the pages people look at. Pure: a document in, one self-contained HTML file out.
//! - [`pipeline`]: the one-pass machine that reads, hashes, packs, compresses and encrypts; and its way back.
//! - [`policy`]: TOML to checked rules. Pure: "now" and all facts come in as arguments.
//! - [`tree`]: what is read: the scan, git, the version.
//! - [`log`]: the transparency log of a store.
//! - [`store`]: where archives are kept: a directory, or a bucket.
//! - [`database`]: how copies of databases are opened, and what is recorded of them.
//! - [`keys`]: all secret material, and trust.
//! - [`mod@format`]: bytes and nothing else, one file a format. No file system, clock or randomness.
//! - [`finding`] and [`error`]: what was checked and is wrong; what could not be done.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod verbs;

pub mod console;
pub mod evidence;
pub mod keys;
pub mod log;
pub mod pipeline;
pub mod policy;
pub mod probe;
pub mod report;
pub mod store;
pub mod telemetry;
pub mod tree;

pub mod database;

pub mod format;

pub mod error;
pub mod finding;

pub use error::{Error, Result};
