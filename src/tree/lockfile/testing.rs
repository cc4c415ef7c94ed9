//! What the tests of several lockfile readers share.

use crate::tree::lockfile::Beside;
use std::collections::BTreeMap;

/// Files beside a lockfile, by their relative paths.
impl Beside for BTreeMap<&str, &str> {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        self.get(relative).map(|text| text.as_bytes().to_vec())
    }
}
