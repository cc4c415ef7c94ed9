//! `yarn.lock`, of yarn 1 and of those after it ("berry"), which share nothing but the name.

use crate::tree::lockfile::{Lockfile, yarn_berry, yarn_classic};
use crate::tree::reading::Reading;

/// Reads a lockfile of yarn.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let is_metadata = |line: &[u8]| line.starts_with(b"__metadata:");
    if lockfile.bytes.split(|byte| *byte == b'\n').any(is_metadata) {
        yarn_berry::read(lockfile)
    } else {
        yarn_classic::read(lockfile)
    }
}
