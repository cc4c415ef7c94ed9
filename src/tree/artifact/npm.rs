//! npm's tarballs (`npm pack`): package.json, and those of the packages that are bundled.

use crate::format::bom::{Aggregate, Component, ComponentKind, Licence, Node, Purl, Scope};
use crate::tree::artifact::bounds::{Budget, Trouble, short};
use crate::tree::artifact::parts::{Needed, licence, licences, person};
use crate::tree::artifact::tar::{EntryKind, Tar, inside};
use crate::tree::reading::Reading;
use serde_json::Value;
use std::collections::BTreeMap;

/// How far up bundled packages are looked for.
const NESTING_MAX: usize = 16;

/// The most needs of all bundled packages together.
const NEEDS_MAX: usize = 200_000;

/// A package.json.
struct Package {
    component: Component,
    needed: Needed,
}

/// What a tarball says of itself; `None` if there is no package.json, so that it is any archive.
pub fn read(tar: &mut Tar<'_>) -> Result<Option<Reading>, Trouble> {
    let mut budget = Budget::new();
    let mut reading = Reading::new(Aggregate::Unknown);
    let mut packages: BTreeMap<String, Package> = BTreeMap::new();
    while let Some(entry) = tar.next(&mut budget)? {
        let Some(folder) = inside(&entry.path).and_then(|path| package_folder(&path)) else { continue };
        if entry.kind != EntryKind::File {
            continue;
        }
        let bytes = budget.manifest(&mut tar.body());
        match bytes.and_then(|bytes| package(&bytes)) {
            Ok(package) => drop(packages.insert(folder, package)),
            Err(trouble) => trouble.note(&entry.path, &mut reading),
        }
    }
    let Some(own) = packages.get("") else {
        return Ok((!reading.faults.is_empty()).then_some(reading));
    };
    let root = reading.graph.add_root(own.component.clone());
    let bundled = packages.iter().filter(|(folder, _)| !folder.is_empty());
    let mut nodes: BTreeMap<&str, Node> = bundled
        .map(|(folder, package)| (folder.as_str(), reading.graph.add(package.component.clone())))
        .collect();
    nodes.insert("", root);
    connect(&mut reading, &packages, &nodes);
    Ok(Some(reading))
}

/// Each need is the bundled package that Node would load, or a library of which no version is stated.
fn connect(reading: &mut Reading, packages: &BTreeMap<String, Package>, nodes: &BTreeMap<&str, Node>) {
    let mut elsewhere: BTreeMap<&str, Node> = BTreeMap::new();
    let mut needs = 0_usize;
    for (folder, package) in packages {
        let Some(from) = nodes.get(folder.as_str()).copied() else { continue };
        for (name, scope) in package.needed.all() {
            needs += 1;
            if needs > NEEDS_MAX {
                Trouble::too_large(format!("more than {NEEDS_MAX} dependencies")).note("", reading);
                return;
            }
            let graph = &mut reading.graph;
            let to = bundled(folder, name, nodes)
                .unwrap_or_else(|| *elsewhere.entry(name).or_insert_with(|| graph.add(named(name, scope))));
            let known = graph.component(to).scope;
            graph.component_mut(to).scope = known.min(scope);
            graph.depend(from, to);
        }
    }
    // What is bundled and never asked for is still inside.
    for node in
        nodes.values().filter(|node| !reading.graph.roots().contains(node)).copied().collect::<Vec<_>>()
    {
        for root in reading.graph.roots().to_vec() {
            reading.graph.depend(root, node);
        }
    }
}

fn bundled(folder: &str, name: &str, nodes: &BTreeMap<&str, Node>) -> Option<Node> {
    let mut folder = folder;
    for _ in 0..NESTING_MAX {
        let place = match folder {
            "" => format!("node_modules/{name}"),
            folder => format!("{folder}/node_modules/{name}"),
        };
        if let Some(node) = nodes.get(place.as_str()) {
            return Some(*node);
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder.rfind("/node_modules/").and_then(|at| folder.get(..at)).unwrap_or("");
    }
    None
}

/// The folder of a package.json, without the archive's own: empty for the package itself, `node_modules/NAME` and so on
/// for what is bundled; `None` for any other file.
fn package_folder(path: &str) -> Option<String> {
    let (_, rest) = path.split_once('/')?;
    if rest == "package.json" {
        return Some(String::new());
    }
    let folder = rest.strip_suffix("/package.json").filter(|folder| folder.starts_with("node_modules/"))?;
    let mut parts = folder.split('/');
    while let Some(part) = parts.next() {
        let name = parts.next().filter(|_| part == "node_modules")?;
        if name.starts_with('@') {
            parts.next()?;
        }
    }
    Some(folder.to_owned())
}

fn package(bytes: &[u8]) -> Result<Package, Trouble> {
    let json: Value =
        serde_json::from_slice(bytes).map_err(|error| Trouble::invalid(format!("not JSON: {error}")))?;
    let text = |key: &str| json.get(key).and_then(Value::as_str).and_then(short);
    let name = text("name").ok_or_else(|| Trouble::invalid("a package.json without a name"))?;
    let version = text("version");
    let mut component = Component::new(ComponentKind::Library, name, version);
    component.purl = purl(name, version.unwrap_or_default());
    component.licence = stated_licence(&json);
    component.supplier = match json.get("author") {
        Some(Value::String(author)) => person(author),
        Some(author) => author.get("name").and_then(Value::as_str).and_then(person),
        None => None,
    };
    let mut needed = Needed::default();
    for (key, scope) in [("dependencies", Scope::Runtime), ("peerDependencies", Scope::Runtime)] {
        for name in json.get(key).and_then(Value::as_object).into_iter().flat_map(|all| all.keys()) {
            let meta = json.get("peerDependenciesMeta").and_then(|all| all.get(name));
            let is_optional = key == "peerDependencies"
                && meta.and_then(|meta| meta.get("optional")).and_then(Value::as_bool) == Some(true);
            let overridden = json.get("optionalDependencies").and_then(|all| all.get(name)).is_some();
            needed.add(name, if is_optional || overridden { Scope::Optional } else { scope });
        }
    }
    for name in
        json.get("optionalDependencies").and_then(Value::as_object).into_iter().flat_map(|all| all.keys())
    {
        needed.add(name, Scope::Optional);
    }
    Ok(Package { component, needed })
}

/// `license`, or the lists of old.
fn stated_licence(json: &Value) -> Option<Licence> {
    let one = |value: &Value| -> Option<String> {
        let text = value.as_str().or_else(|| value.get("type").and_then(Value::as_str))?;
        Some(text.to_owned())
    };
    if let Some(text) = json.get("license").and_then(one) {
        return licence(&text);
    }
    let all: Option<Vec<String>> =
        json.get("licenses").and_then(Value::as_array).map(|all| all.iter().filter_map(one).collect());
    let all = all?;
    licences(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn named(name: &str, scope: Scope) -> Component {
    let mut component = Component::new(ComponentKind::Library, name, None);
    component.purl = purl(name, "");
    component.scope = scope;
    component
}

fn purl(name: &str, version: &str) -> Option<Purl> {
    let (scope, name) = name.rsplit_once('/').unwrap_or(("", name));
    Purl::new("npm", scope, name, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_manifests_of_packages_count() {
        for (path, expected) in [
            ("package/package.json", Some("")),
            ("anything/package.json", Some("")),
            ("package/node_modules/a/package.json", Some("node_modules/a")),
            ("package/node_modules/@s/a/package.json", Some("node_modules/@s/a")),
            ("package/node_modules/a/node_modules/b/package.json", Some("node_modules/a/node_modules/b")),
            ("package/node_modules/a/esm/package.json", None),
            ("package/node_modules/@s/package.json", None),
            ("package/test/package.json", None),
            ("package.json", None),
        ] {
            assert_eq!(package_folder(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn licences_have_been_written_in_four_ways() {
        let read = |text: &str| {
            package(format!("{{\"name\": \"x\", {text}}}").as_bytes()).unwrap().component.licence
        };
        assert_eq!(read("\"license\": \"MIT\""), Some(Licence::Expression("MIT".into())));
        assert_eq!(read("\"license\": {\"type\": \"ISC\"}"), Some(Licence::Expression("ISC".into())));
        let either = read("\"licenses\": [{\"type\": \"MIT\"}, {\"type\": \"ISC\"}]");
        assert_eq!(either, Some(Licence::Expression("MIT OR ISC".into())));
        assert_eq!(read("\"license\": \"UNLICENSED\""), None);
    }
}
