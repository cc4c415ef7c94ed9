//! Which policy a tree is under.

use crate::error::{Error, Result};
use crate::policy::{Policy, Source};
use crate::tree::text;
use std::path::{Path, PathBuf};

/// The policy's name in a tree.
pub const POLICY_FILE: &str = "attestar.toml";

/// The policy that was named, `FILE` or `builtin:NAME`; else the tree's `attestar.toml`; else `builtin:default`.
/// Its [`Policy::source`] says which it is.
pub fn load(root: &Path, named: Option<&Path>) -> Result<Policy> {
    if let Some(name) = named.and_then(Path::to_str).and_then(|named| named.strip_prefix("builtin:")) {
        return Policy::builtin(name);
    }
    let path: PathBuf = named.map_or_else(|| of(root), Path::to_owned);
    match (text::read(&path)?, named) {
        (Some(text), _) => Policy::parse(Source::File(path), text),
        (None, None) => Policy::builtin("default"),
        (None, Some(_)) => {
            let message = format!("there is no policy {}", path.display());
            Err(Error::usage(message, "attestar init writes one; --policy builtin:default needs none"))
        }
    }
}

/// The policy's path, as people write it: of the tree `.` it is `attestar.toml`.
fn of(root: &Path) -> PathBuf {
    let path = root.join(POLICY_FILE);
    path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TEXT: &str = "schema = 1\n[[include]]\nclass = 'doc'\npaths = ['**']\n";

    #[test]
    fn of_the_tree_that_one_stands_in_it_has_no_dot() {
        for (root, path) in
            [(".", "attestar.toml"), ("./shop", "shop/attestar.toml"), ("/shop", "/shop/attestar.toml")]
        {
            assert_eq!(of(Path::new(root)), Path::new(path));
        }
    }

    #[test]
    fn the_named_policy_comes_before_the_trees_and_that_before_the_default() {
        let root = tempfile::tempdir().unwrap();
        let load = |named: Option<&Path>| load(root.path(), named);
        assert_eq!(load(None).unwrap().source, Source::Builtin("default"));
        let (own, other) = (root.path().join(POLICY_FILE), root.path().join("other.toml"));
        fs::write(&own, TEXT).unwrap();
        fs::write(&other, TEXT).unwrap();
        assert_eq!(load(None).unwrap().source, Source::File(own));
        assert_eq!(load(Some(&other)).unwrap().source, Source::File(other.clone()));
        assert_eq!(load(Some(Path::new("builtin:default"))).unwrap().source, Source::Builtin("default"));
    }

    #[test]
    fn a_named_policy_that_is_not_there_is_never_replaced_by_the_default() {
        let root = tempfile::tempdir().unwrap();
        let error = load(root.path(), Some(&root.path().join("x.toml"))).unwrap_err();
        assert!(matches!(error, Error::Usage { .. }), "{error:?}");
    }

    #[test]
    fn a_tree_whose_policy_is_broken_is_not_sealed_under_the_default() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(POLICY_FILE), "schema = 1\nx = 1\n").unwrap();
        assert!(matches!(load(root.path(), None), Err(Error::Config { line: 2, .. })));
    }
}
