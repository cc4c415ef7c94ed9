//! The name and version that an ecosystem's own manifest gives, at the root of the tree.

use crate::error::Result;
use crate::tree::text;
use std::path::Path;

/// What one manifest says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The file's name.
    pub(super) file: &'static str,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
}

type Parse = fn(&str) -> Option<(Option<String>, Option<String>)>;

/// The manifests that are looked for, in this order.
const KNOWN: [(&str, Parse); 4] =
    [("Cargo.toml", cargo), ("pyproject.toml", pyproject), ("package.json", json), ("composer.json", json)];

/// Every known manifest of the tree that can be read as one.
pub(super) fn all(root: &Path) -> Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for (file, parse) in KNOWN {
        let text = text::read(&root.join(file))?;
        if let Some((name, version)) = text.and_then(|text| parse(&text)) {
            manifests.push(Manifest { file, name, version });
        }
    }
    Ok(manifests)
}

/// `[package]`, which may leave its version to `[workspace.package]`; a workspace alone has a version and no name.
fn cargo(text: &str) -> Option<(Option<String>, Option<String>)> {
    let manifest: toml::Table = toml::from_str(text).ok()?;
    let string = |path: &[&str]| lookup(&manifest, path);
    let version = string(&["package", "version"]).or_else(|| string(&["workspace", "package", "version"]));
    Some((string(&["package", "name"]), version))
}

/// PEP 621's `[project]`, else Poetry's table.
fn pyproject(text: &str) -> Option<(Option<String>, Option<String>)> {
    let manifest: toml::Table = toml::from_str(text).ok()?;
    let either =
        |key| lookup(&manifest, &["project", key]).or_else(|| lookup(&manifest, &["tool", "poetry", key]));
    Some((either("name"), either("version")))
}

fn lookup(table: &toml::Table, path: &[&str]) -> Option<String> {
    let (last, folders) = path.split_last()?;
    let table = folders.iter().try_fold(table, |table, key| table.get(*key)?.as_table())?;
    table.get(*last)?.as_str().map(str::to_owned)
}

fn json(text: &str) -> Option<(Option<String>, Option<String>)> {
    let manifest: serde_json::Value = serde_json::from_str(text).ok()?;
    let string = |key: &str| Some(manifest.get(key)?.as_str()?.to_owned());
    Some((string("name"), string("version")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, version: &str) -> Option<(Option<String>, Option<String>)> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some((some(name), some(version)))
    }

    #[test]
    fn every_ecosystem_says_it_its_own_way() {
        assert_eq!(cargo("[package]\nname = 'a'\nversion = '1.2.3'"), pair("a", "1.2.3"));
        let inherited =
            "[package]\nname = 'a'\nversion.workspace = true\n[workspace.package]\nversion = '2.0.0'";
        assert_eq!(cargo(inherited), pair("a", "2.0.0"));
        assert_eq!(cargo("[workspace]\nmembers = []"), pair("", ""));
        assert_eq!(pyproject("[project]\nname = 'p'\nversion = '1'"), pair("p", "1"));
        assert_eq!(pyproject("[tool.poetry]\nname = 'p'\nversion = '2'"), pair("p", "2"));
        assert_eq!(json("{\"name\": \"n\", \"version\": \"3\"}"), pair("n", "3"));
    }

    #[test]
    fn what_is_no_manifest_says_nothing() {
        assert_eq!(cargo("not toml"), None);
        assert_eq!(json("[]"), pair("", ""));
        assert_eq!(json("{\"version\": 3}"), pair("", ""));
    }
}
