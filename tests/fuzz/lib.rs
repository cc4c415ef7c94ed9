//! The bodies and seeds of the fuzz targets, shared with the test that runs a share of them on stable.

pub mod bodies;
pub mod seeds;
