//! The name and version that an ecosystem's own manifest states: Cargo.toml, pyproject.toml, package.json, composer.json.

/// What one manifest says of its project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The project's name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// Reads a manifest by its file name; `None` for a file that is none, or cannot be read as one.
pub fn parse(file_name: &str, text: &str) -> Option<Manifest> {
    match file_name {
        "Cargo.toml" => cargo(text),
        "pyproject.toml" => pyproject(text),
        "package.json" | "composer.json" => json(text),
        _ => None,
    }
}

/// `[package]`, which may leave its version to `[workspace.package]`; a workspace alone has a version and no name.
fn cargo(text: &str) -> Option<Manifest> {
    let manifest: toml::Table = toml::from_str(text).ok()?;
    let string = |path: &[&str]| lookup(&manifest, path);
    let version = string(&["package", "version"]).or_else(|| string(&["workspace", "package", "version"]));
    Some(Manifest { name: string(&["package", "name"]), version })
}

/// PEP 621's `[project]`, else Poetry's table.
fn pyproject(text: &str) -> Option<Manifest> {
    let manifest: toml::Table = toml::from_str(text).ok()?;
    let either =
        |key| lookup(&manifest, &["project", key]).or_else(|| lookup(&manifest, &["tool", "poetry", key]));
    Some(Manifest { name: either("name"), version: either("version") })
}

fn lookup(table: &toml::Table, path: &[&str]) -> Option<String> {
    let (last, folders) = path.split_last()?;
    let table = folders.iter().try_fold(table, |table, key| table.get(*key)?.as_table())?;
    table.get(*last)?.as_str().map(str::to_owned)
}

fn json(text: &str) -> Option<Manifest> {
    let manifest: serde_json::Value = serde_json::from_str(text).ok()?;
    let string = |key: &str| Some(manifest.get(key)?.as_str()?.to_owned());
    Some(Manifest { name: string("name"), version: string("version") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, version: &str) -> Option<Manifest> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Manifest { name: some(name), version: some(version) })
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
        assert_eq!(parse("go.mod", "module example.com/x"), None);
    }
}
