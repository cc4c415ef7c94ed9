//! Version 1 of npm's lockfiles: packages nested in the packages whose folders they lie in. What the project itself
//! needs is not in it, but in the package.json beside.

use crate::format::bom::{Aggregate, Node as Package, Scope};
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::javascript::{self as js, Source};
use crate::tree::lockfile::npm::{integrity, scope};
use crate::tree::lockfile::places::{Place, Places};
use crate::tree::reading::Reading;

/// Reads what [`npm::read`](crate::tree::lockfile::npm::read) found to be of this version.
pub fn read(lockfile: &Lockfile<'_>, file: &Node<'_>, mut assembly: Assembly) -> Reading {
    let manifest = js::manifest(lockfile.beside, "");
    let text = |key: &str| file.get(key).and_then(Node::string);
    let mut root = js::project(lockfile, "", text("name"), text("version"));
    root.licence = manifest.as_ref().and_then(|manifest| manifest.licence.clone());
    let root = assembly.root(root);
    let mut places = Places::default();
    let Some(top) = places.make("") else { return assembly.finish() };
    places.put(top, root);
    let found = packages(lockfile, file, top, &mut places, &mut assembly);
    for (entry, place, package) in found {
        for need in entry.node.get("requires").map(Node::entries).unwrap_or_default() {
            match places.find(place, &need.key) {
                Some(to) => assembly.need(package, to, Scope::Runtime),
                None => assembly.invalid(need.line(), format!("`{}` is not in it", need.key.escape_debug())),
            }
        }
    }
    let Some(manifest) = manifest else {
        assembly.limit(Aggregate::Unknown);
        return assembly.finish();
    };
    for (name, _, when) in &manifest.needs {
        if let Some(to) = places.find(top, name) {
            assembly.need(root, to, *when);
        }
    }
    assembly.finish()
}

/// Every package with its folder. Goes down by a list of what is still to do, so depth costs no stack.
fn packages<'a>(
    lockfile: &Lockfile<'_>,
    file: &'a Node<'a>,
    top: Place,
    places: &mut Places<'a>,
    assembly: &mut Assembly,
) -> Vec<(&'a Entry<'a>, Place, Package)> {
    let mut found = Vec::new();
    let mut waiting = vec![(file, top)];
    while let Some((above, place)) = waiting.pop() {
        let Some(list) = above.get("dependencies") else { continue };
        if !list.is_map() {
            assembly.invalid(list.line(), "dependencies is not an object");
        }
        for entry in list.entries() {
            if !entry.node.is_map() {
                assembly.invalid(entry.line(), format!("`{}` is not an object", entry.key.escape_debug()));
                continue;
            }
            let Some(place) = places.child(place, &entry.key) else {
                assembly.invalid(entry.line(), "packages in one another, too deep");
                continue;
            };
            let package = package(lockfile, entry, assembly);
            places.put(place, package);
            found.push((entry, place, package));
            waiting.push((&entry.node, place));
        }
    }
    found
}

/// `version` is a version, an alias (`npm:name@version`), or an address; of a folder it is `file:path`.
fn package(lockfile: &Lockfile<'_>, entry: &Entry<'_>, assembly: &mut Assembly) -> Package {
    let stated = entry.node.get("version").and_then(Node::string);
    if stated.is_none() {
        assembly.invalid(entry.line(), format!("`{}` has no version", entry.key.escape_debug()));
    }
    let stated = stated.unwrap_or_default();
    if let Some(folder) = stated.strip_prefix("file:")
        && let Some(member) = js::manifest(lockfile.beside, folder)
    {
        let name = member.name.as_deref().unwrap_or(&entry.key);
        let mut component = js::project(lockfile, folder, Some(name), member.version.as_deref());
        component.licence = member.licence;
        return assembly.root(component);
    }
    let aliased = stated.strip_prefix("npm:").and_then(js::split_name);
    let source = Source::of(stated);
    let (name, version) = match (aliased, source) {
        (Some(aliased), _) => aliased,
        (None, Source::Registry) => (&*entry.key, stated),
        (None, _) => (&*entry.key, ""),
    };
    let mut component = js::package(name, version, source);
    component.scope = scope(&entry.node);
    component.checksums = integrity(&entry.node);
    assembly.package(component)
}
