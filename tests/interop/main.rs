//! Outside judges: programs that others wrote say whether what attestar writes is what it claims to be.
//!
//! Everything here goes through the built program and the files it leaves, never through the library, so that no
//! mistake can be on both sides. A judge that is not installed fails its tests; `tests/run` installs them all.

mod judge;
mod sample;

mod bags;
mod bundles;
mod foreign_bags;
mod frames;
mod keys;
mod sbom;
mod stock_tools;
