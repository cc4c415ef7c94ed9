//! The scan: which files, folders and links of the tree the policy takes. Nothing is opened or followed.

use super::member::Member;
use crate::error::Result;
use crate::finding::Finding;
use crate::format::class::Class;
use crate::format::kind::Kind;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How to scan.
pub struct ScanOptions<'a> {
    /// A release takes `policy.release_classes`; a backup takes every class.
    pub kind: Kind,
    /// Files and folders that are never payload, such as the output folder. They need not exist.
    pub excluded: &'a [PathBuf],
    /// Called for each folder with the number of entries seen so far; an error ends the scan.
    pub progress: &'a dyn Fn(u64) -> Result<()>,
}

/// What the scan found.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Everything of the pack, in bytewise order of the path.
    pub members: Vec<Member>,
    /// Files and links that no rule takes, in bytewise order; control characters and bytes that are not UTF-8
    /// are escaped.
    pub unmatched: Vec<Box<str>>,
    /// How many files and links a rule takes, whose class is not one of the release's.
    pub left_out: BTreeMap<Class, u64>,
    /// How many files the pack holds of each class, and their bytes.
    pub classes: BTreeMap<Class, Count>,
    /// What must be refused, and what is worth saying; errors first.
    pub findings: Vec<Finding>,
}

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many files.
    pub files: u64,
    /// Their size in bytes when they were scanned.
    pub bytes: u64,
}
