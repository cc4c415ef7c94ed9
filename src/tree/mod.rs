//! What is read: the scan of the tree, its git facts, its version.

pub mod git;
pub mod member;
pub mod scan;

pub use git::GitFacts;
pub use member::{Link, LinkTo, Member, MemberKind};
pub use scan::{Scan, ScanOptions};
