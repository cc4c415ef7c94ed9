//! What is read: the scan of the tree, its git facts, its version.

pub mod artifact;
pub mod capture;
pub mod ci;
pub mod ddl;
pub mod git;
mod links;
pub mod lockfile;
mod manifest;
pub mod member;
mod names;
pub mod policy_file;
pub mod reading;
pub mod scan;
pub mod software;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
pub mod version;
mod walk;

pub use git::GitFacts;
pub use member::{Link, LinkTo, Member, MemberKind};
pub use scan::{Count, Scan, ScanOptions};
pub use version::Told;
