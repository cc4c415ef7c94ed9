//! Names of objects: paths that a directory, a bucket, a URL and a shell all read the same way.

use crate::error::{Error, Result};
use crate::format::path::PackPath;
use std::fmt;

/// The longest name, in bytes. A bucket takes 1,024 with its prefix.
pub const NAME_BYTES_MAX: usize = 512;

/// A validated name: a relative path whose components are of `A–Z a–z 0–9 - _ . + = @ : ,` and begin with no dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName(PackPath);

impl ObjectName {
    /// Validates a name.
    pub fn new(name: &str) -> Result<ObjectName> {
        let refused = |fault: &str| {
            Error::input(
                format!("{name:?} cannot be the name of an object in a store: {fault}"),
                "such names have letters, digits and - _ . + = @ : , only",
            )
        };
        let path = PackPath::new(name.as_bytes()).map_err(|fault| refused(&fault.to_string()))?;
        if name.len() > NAME_BYTES_MAX {
            return Err(refused("too long"));
        }
        if let Some(other) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.+=@:,/".contains(*c)) {
            return Err(refused(&format!("{other:?}")));
        }
        if name.split('/').any(|part| part.starts_with('.')) {
            return Err(refused("a component that begins with a dot"));
        }
        Ok(ObjectName(path))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The folder it lies in; `None` at the top.
    pub fn parent(&self) -> Option<&str> {
        self.0.parent()
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.name()
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_every_kind_of_store_takes() {
        for name in [
            "archives/app-20261120T010002Z.tar.zst.age.sigstore.json",
            "log/tile/0/x001/x234/067.p/8",
            "releases/app-1.0.0+build/attestations/approval.sre.abc=.sigstore.json",
        ] {
            assert_eq!(ObjectName::new(name).unwrap().as_str(), name);
        }
        let long = "a/".repeat(NAME_BYTES_MAX / 2) + "a";
        for name in
            ["", "/a", "a/", "a//b", "../a", "a/../b", "a b", "a\\b", "a%b", "ä", ".a", "a/.b", "a\nb", &long]
        {
            let error = ObjectName::new(name).unwrap_err();
            assert!(!error.hint().is_empty(), "{name:?}: {error}");
        }
    }
}
