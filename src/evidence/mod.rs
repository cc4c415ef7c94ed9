//! What must hold of a pack, whatever form it is in: one file a check.

pub mod bag;
pub mod links;
pub mod matcher;
pub mod payload;
