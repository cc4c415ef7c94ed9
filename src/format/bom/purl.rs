//! Package URLs: what the same package is called everywhere (ECMA-427).

use packageurl::PackageUrl;
use std::fmt;

/// A valid package URL, in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl(String);

impl Purl {
    /// `pkg:kind/namespace/name@version`, normalised as the kind's rules say. A namespace of several segments has
    /// slashes in it; an empty one is none. `None` if the parts cannot be a package URL.
    pub fn new(kind: &str, namespace: &str, name: &str, version: &str) -> Option<Purl> {
        Purl::qualified(kind, namespace, name, version, &[])
    }

    /// The same with qualifiers, such as `("arch", "amd64")`; those that are empty are left out.
    pub fn qualified(
        kind: &str,
        namespace: &str,
        name: &str,
        version: &str,
        qualifiers: &[(&str, &str)],
    ) -> Option<Purl> {
        let mut purl = PackageUrl::new(kind.to_owned(), name.to_owned()).ok()?;
        if !namespace.is_empty() {
            purl.with_namespace(namespace.to_owned()).ok()?;
        }
        if !version.is_empty() {
            purl.with_version(version.to_owned()).ok()?;
        }
        for (key, value) in qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
            purl.add_qualifier((*key).to_owned(), (*value).to_owned()).ok()?;
        }
        Some(Purl(purl.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
