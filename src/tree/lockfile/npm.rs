//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//!
//! Since version 2 a file has `packages`: every folder of the installed tree, by its path. Who needs whom follows from
//! Node's rule: a package is looked for in the `node_modules` of its own folder, then of each folder above.

use crate::format::bom::{Aggregate, Checksum, Node as Package, Scope};
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::javascript::{self as js, LISTS, Source};
use crate::tree::lockfile::json::{self, Dialect};
use crate::tree::lockfile::npm_v1;
use crate::tree::lockfile::places::{Place, Places};
use crate::tree::reading::Reading;

/// The newest version of the format that is known.
const VERSION_MAX: u32 = 3;

/// Reads a lockfile of npm.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let file = match json::parse(lockfile.bytes, Dialect::Strict) {
        Ok(file) => file,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    if !file.is_map() {
        assembly.invalid(file.line(), "not an object");
        return assembly.finish();
    }
    let stated = file.get("lockfileVersion");
    match stated.map(|node| (node.line(), node.text().and_then(|text| text.parse::<u32>().ok()))) {
        // npm 2 to 4 wrote npm-shrinkwrap.json without it, in the shape of version 1.
        None | Some((_, Some(1..=VERSION_MAX))) => {}
        Some((line, Some(version))) if version > VERSION_MAX => {
            assembly.newer(line, format!("lockfileVersion {version}; known up to {VERSION_MAX}"));
        }
        Some((line, _)) => assembly.invalid(line, "a lockfileVersion that is none"),
    }
    match file.get("packages") {
        Some(packages) if packages.is_map() => packages_of(lockfile, &file, packages, assembly),
        Some(other) => {
            assembly.invalid(other.line(), "packages is not an object");
            assembly.finish()
        }
        None => npm_v1::read(lockfile, &file, assembly),
    }
}

fn packages_of(
    lockfile: &Lockfile<'_>,
    file: &Node<'_>,
    packages: &Node<'_>,
    mut assembly: Assembly,
) -> Reading {
    let mut places = Places::default();
    let mut found: Vec<(&Entry<'_>, Place, Package)> = Vec::new();
    for entry in packages.entries() {
        if !entry.node.is_map() {
            assembly.invalid(entry.line(), format!("`{}` is not an object", entry.key.escape_debug()));
            continue;
        }
        let Some(place) = places.make(&entry.key) else {
            assembly.invalid(entry.line(), "a path of too many folders");
            continue;
        };
        if entry.node.get("link").is_some_and(Node::is_true) {
            match entry.node.get_text("resolved") {
                Some(target) => places.link(place, target),
                None => assembly.invalid(entry.line(), "a link that leads nowhere"),
            }
            continue;
        }
        let package = match Places::name(&entry.key) {
            Some(name) => installed(&mut assembly, entry, name),
            None => project(lockfile, file, entry, &mut assembly),
        };
        places.put(place, package);
        found.push((entry, place, package));
    }
    for (entry, place, package) in &found {
        needs(&mut assembly, &places, entry, *place, *package);
    }
    assembly.finish()
}

/// A package in a `node_modules` folder. Its own name is written only where the folder has another one.
fn installed(assembly: &mut Assembly, entry: &Entry<'_>, folder: &str) -> Package {
    let node = &entry.node;
    let name = node.get("name").and_then(Node::string).unwrap_or(folder);
    let version = node.get("version").and_then(Node::string);
    if version.is_none() {
        assembly.invalid(entry.line(), format!("`{}` has no version", entry.key.escape_debug()));
    }
    // The address of a registry's archive says nothing new; that of a repository does.
    let source = match node.get("resolved").and_then(Node::string).map(Source::of) {
        Some(git @ Source::Git(_)) => git,
        _ => Source::Registry,
    };
    let mut component = js::package(name, version.unwrap_or_default(), source);
    component.scope = scope(node);
    component.licence = node.get("license").and_then(js::licence);
    component.checksums = integrity(node);
    assembly.package(component)
}

/// The root, or a folder that is linked into it: a member of its workspace.
fn project(lockfile: &Lockfile<'_>, file: &Node<'_>, entry: &Entry<'_>, assembly: &mut Assembly) -> Package {
    let text = |key: &str| {
        let of_root = || if entry.key.is_empty() { file.get(key) } else { None };
        entry.node.get(key).or_else(of_root).and_then(Node::string)
    };
    // A member whose folder is called as its package has no name here.
    let folder = entry.key.rsplit('/').next().filter(|_| !entry.key.is_empty());
    let mut component = js::project(lockfile, &entry.key, text("name").or(folder), text("version"));
    component.licence = entry.node.get("license").and_then(js::licence);
    assembly.root(component)
}

/// `dev` is for what only development needs, `devOptional` for what it needs as well as something optional.
pub fn scope(node: &Node<'_>) -> Scope {
    let is = |key: &str| node.get(key).is_some_and(Node::is_true);
    if is("dev") {
        Scope::Development
    } else if is("optional") || is("devOptional") {
        Scope::Optional
    } else {
        Scope::Runtime
    }
}

/// The digests of the archive that the registry gives.
pub fn integrity(node: &Node<'_>) -> Vec<Checksum> {
    node.get("integrity").and_then(Node::string).map(Checksum::from_integrity).unwrap_or_default()
}

fn needs(assembly: &mut Assembly, places: &Places<'_>, entry: &Entry<'_>, place: Place, package: Package) {
    let is_installed = Places::name(&entry.key).is_some();
    let listed = |list: &str, name: &str| entry.node.get(list).is_some_and(|list| list.get(name).is_some());
    for (list, when) in LISTS {
        // What a package's own developers need is not installed with it.
        if when == Scope::Development && is_installed {
            continue;
        }
        for need in entry.node.get(list).map(Node::entries).unwrap_or_default() {
            match places.find(place, &need.key) {
                Some(to) => assembly.need(package, to, when),
                None if when == Scope::Optional || listed("optionalDependencies", &need.key) => {}
                None => assembly.invalid(need.line(), format!("`{}` is not in it", need.key.escape_debug())),
            }
        }
    }
    // npm before 7 left peers to the user, and since then they may be left out, so one that is missing is no fault.
    // Optional ones only happen to be there.
    let meta = entry.node.get("peerDependenciesMeta");
    let is_optional =
        |name: &str| meta.and_then(|meta| meta.get(name)?.get("optional")).is_some_and(Node::is_true);
    let peers = entry.node.get("peerDependencies").map(Node::entries).unwrap_or_default();
    for need in peers.iter().filter(|need| !is_optional(&need.key)) {
        if let Some(to) = places.find(place, &need.key) {
            assembly.need(package, to, Scope::Runtime);
        }
    }
}
