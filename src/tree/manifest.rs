//! The ecosystems' own manifests at the root of the tree.

use crate::error::Result;
use crate::format::manifest::{Manifest, parse};
use crate::tree::text;
use std::path::Path;

/// The manifests that are looked for, in this order.
const KNOWN: [&str; 4] = ["Cargo.toml", "pyproject.toml", "package.json", "composer.json"];

/// Every known manifest of the tree that can be read as one, by its file name.
pub(super) fn all(root: &Path) -> Result<Vec<(&'static str, Manifest)>> {
    let mut manifests = Vec::new();
    for file in KNOWN {
        let text = text::read(&root.join(file))?;
        manifests.extend(text.and_then(|text| parse(file, &text)).map(|manifest| (file, manifest)));
    }
    Ok(manifests)
}
