//! Outside judges: programs that others wrote say whether what attestar writes is what it claims to be.
//!
//! Everything here goes through the built program and the files it leaves, never through the library, so that no
//! mistake can be on both sides. A judge that is not installed fails its tests; `tests/run` installs them all.

mod judge;
mod sample;

mod artifacts;
mod bags;
mod bundles;
mod ddl;
mod deploy;
mod drills;
mod foreign_bags;
mod frames;
mod keys;
mod lockfiles_cdxgen;
mod lockfiles_node;
mod lockfiles_python;
mod released;
#[path = "../repository/mod.rs"]
mod repository;
mod sbom;
mod sbom_trees;
mod stock_tools;
mod tlog;
