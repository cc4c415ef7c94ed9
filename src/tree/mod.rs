//! What is read: the scan of the tree, its git facts, its version.

pub mod git;
mod links;
pub mod member;
mod names;
pub mod scan;
mod walk;

pub use git::GitFacts;
pub use member::{Link, LinkTo, Member, MemberKind};
pub use scan::{Count, Scan, ScanOptions};
