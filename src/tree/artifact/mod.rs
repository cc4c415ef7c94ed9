//! Built files: what wheels, jars, programs, images and other artifacts say of themselves. One file a format.
//!
//! Nothing is unpacked to disk, nothing is run, and every size, count and depth that comes from a file has a limit.

use crate::tree::reading::Reading;
use std::io::{Read, Seek};

/// A file that can be read from any place.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// What an artifact says of itself; `None` for a file that is of no known kind, which is not a fault. `path` is its path
/// in the tree.
pub fn inspect(path: &str, source: &mut dyn Source) -> Option<Reading> {
    let _ = (path, source);
    None
}
