//! `bun.lock`, versions 0 to 2: JSON with comments and last commas. A package is a list, its key the path of names under
//! which it is installed: `parent/child` where it is not at the top.

use crate::format::bom::{Aggregate, Checksum, Node as Package, Scope};
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::javascript::{self as js, LISTS, Source};
use crate::tree::lockfile::json::{self, Dialect};
use crate::tree::lockfile::places::{Place, Places};
use crate::tree::reading::Reading;
use std::collections::{HashMap, HashSet};

/// The newest version of the format that is known.
const VERSION_MAX: u32 = 2;

/// Reads a lockfile of bun.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let file = match json::parse(lockfile.bytes, Dialect::Relaxed) {
        Ok(file) => file,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    let stated = file.get("lockfileVersion");
    let line = stated.map_or(file.line(), Node::line);
    match stated.and_then(|node| node.text()?.parse::<u32>().ok()) {
        Some(0..=VERSION_MAX) => {}
        Some(version) => {
            assembly.newer(line, format!("lockfileVersion {version}; known up to {VERSION_MAX}"))
        }
        None => assembly.invalid(line, "no lockfileVersion"),
    }
    for key in ["workspaces", "packages"] {
        if let Some(node) = file.get(key).filter(|node| !node.is_map()) {
            assembly.invalid(node.line(), format!("{key} is not an object"));
        }
    }
    let mut places = Places::default();
    let Some(top) = places.make("") else { return assembly.finish() };
    let projects = projects(lockfile, &file, &mut assembly);
    let mut found: Vec<(&Node<'_>, Place, Package)> = Vec::new();
    found.extend(projects.get("").map(|(node, root)| (*node, top, *root)));
    for entry in file.get("packages").map(Node::entries).unwrap_or_default() {
        let place = names(&entry.key).try_fold(top, |place, name| places.child(place, name));
        let Some(place) = place else {
            assembly.invalid(entry.line(), "packages in one another, too deep");
            continue;
        };
        let Some((package, lists)) = package(entry, &projects, &mut assembly) else { continue };
        places.put(place, package);
        found.extend(lists.map(|lists| (lists, place, package)));
    }
    let is_project: HashSet<Package> = projects.values().map(|(_, project)| *project).collect();
    for (lists, place, package) in found {
        needs(&mut assembly, &places, lists, place, package, is_project.contains(&package));
    }
    assembly.finish_by_reach()
}

/// The projects by their folders: their lists, and what they are here.
fn projects<'a>(
    lockfile: &Lockfile<'_>,
    file: &'a Node<'a>,
    assembly: &mut Assembly,
) -> HashMap<&'a str, (&'a Node<'a>, Package)> {
    let mut projects = HashMap::new();
    for entry in file.get("workspaces").map(Node::entries).unwrap_or_default() {
        let text = |key: &str| entry.node.get(key).and_then(Node::string);
        let manifest = js::manifest(lockfile.beside, &entry.key).unwrap_or_default();
        let version = text("version").or(manifest.version.as_deref());
        // Version 0 has no name of the root.
        let name = text("name").or(manifest.name.as_deref());
        let mut component = js::project(lockfile, &entry.key, name, version);
        component.licence = manifest.licence;
        projects.insert(&*entry.key, (&entry.node, assembly.root(component)));
    }
    projects
}

/// `["name@1.0.0", "registry", {lists}, "sha512-…"]`; what is in no registry lacks some of that. The first item tells.
fn package<'a>(
    entry: &'a Entry<'a>,
    projects: &HashMap<&'a str, (&'a Node<'a>, Package)>,
    assembly: &mut Assembly,
) -> Option<(Package, Option<&'a Node<'a>>)> {
    let items = entry.node.items();
    let Some((name, reference)) = items.first().and_then(Node::string).and_then(js::split_name) else {
        assembly.invalid(entry.line(), format!("`{}` is no package", entry.key.escape_debug()));
        return None;
    };
    if let Some(folder) = reference.strip_prefix("workspace:") {
        let known = projects.get(folder);
        if known.is_none() {
            assembly.invalid(entry.line(), format!("`{}` is no project", folder.escape_debug()));
        }
        return known.map(|(lists, project)| (*project, Some(*lists)));
    }
    if reference == "root:" {
        return projects.get("").map(|(_, root)| (*root, None));
    }
    let source = Source::of(reference);
    let version = if source == Source::Registry { reference } else { "" };
    let mut component = js::package(name, version, source);
    let digests = items.iter().skip(1).filter_map(Node::string).flat_map(Checksum::from_integrity);
    component.checksums = digests.collect();
    Some((assembly.package(component), items.iter().find(|item| item.is_map())))
}

fn needs(
    assembly: &mut Assembly,
    places: &Places<'_>,
    lists: &Node<'_>,
    place: Place,
    package: Package,
    is_project: bool,
) {
    for (list, when) in LISTS {
        if when == Scope::Development && !is_project {
            continue;
        }
        for need in lists.get(list).map(Node::entries).unwrap_or_default() {
            match places.find(place, &need.key) {
                Some(to) => assembly.need(package, to, when),
                None if when == Scope::Optional => {}
                None => assembly.invalid(need.line(), format!("`{}` is not in it", need.key.escape_debug())),
            }
        }
    }
    // Peers may be left out: that is the user's to decide. Optional ones only happen to be there.
    let optional: HashSet<&str> = lists
        .get("optionalPeers")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::string)
        .collect();
    let peers = lists.get("peerDependencies").map(Node::entries).unwrap_or_default();
    for need in peers.iter().filter(|need| !optional.contains(&*need.key)) {
        if let Some(to) = places.find(place, &need.key) {
            assembly.need(package, to, Scope::Runtime);
        }
    }
}

/// The names in a key: at each slash another begins, but for the one in a scope.
fn names(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(key);
    std::iter::from_fn(move || {
        let text = rest?;
        let scope = if text.starts_with('@') { text.find('/').map_or(text.len(), |at| at + 1) } else { 0 };
        let end = text.get(scope..)?.find('/').map(|at| scope + at);
        rest = end.and_then(|end| text.get(end + 1..));
        Some(text.get(..end.unwrap_or(text.len())).unwrap_or(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths_of_names() {
        for (key, expected) in [
            ("a", &["a"][..]),
            ("@s/a", &["@s/a"]),
            ("@s/a/b", &["@s/a", "b"]),
            ("a/@s/b/c", &["a", "@s/b", "c"]),
            ("@", &["@"]),
            ("", &[""]),
        ] {
            assert_eq!(names(key).collect::<Vec<_>>(), expected, "{key}");
        }
    }
}
