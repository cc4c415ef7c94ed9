//! The tree of a transparency log: RFC 6962 hashes, the tiles of <https://c2sp.org/tlog-tiles>, and proofs.

pub mod edge;
pub mod entries;
pub mod proof;
pub mod proof_file;
pub mod staged;
pub mod tile;
pub mod tree;

#[cfg(test)]
mod oracle;
