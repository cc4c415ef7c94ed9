//! What must hold of a pack, whatever form it is in: one file a check.

pub mod agreement;
pub mod approvals;
pub mod artifacts;
pub mod attest;
pub mod attested;
pub mod bag;
pub mod changes;
pub mod closure;
pub mod compose;
pub mod ddl;
pub mod described;
pub mod folder;
pub mod gates;
pub mod gathered;
pub mod hashes;
pub mod later;
pub mod links;
pub mod matcher;
pub mod pack;
pub mod payload;
pub mod provenance;
pub mod receipt;
pub mod sbom;
pub mod seal;
pub mod tree;
pub mod waived;
