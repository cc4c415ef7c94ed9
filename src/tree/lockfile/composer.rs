//! `composer.lock`: what is installed, what to develop besides, and what each requires.

use crate::finding::Code;
use crate::format::bom::{
    self, Aggregate, Checksum, Component, ComponentKind, Licence, Purl, Scope, checksum::Algorithm,
};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::json::{self, Dialect};
use crate::tree::lockfile::packages::Packages;
use crate::tree::reading::{Fault, Reading};

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "composer.lock"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match json::parse(lockfile.bytes, Dialect::Strict) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    let mut packages = Packages::default();
    let mut added = Vec::new();
    for (list, scope) in [("packages", Scope::Runtime), ("packages-dev", Scope::Development)] {
        match lock.get(list) {
            Some(list) if list.is_list() => {
                let nodes = list.items().iter();
                added.extend(nodes.filter_map(|node| Some((add(&mut assembly, node, scope)?, node))));
            }
            Some(list) if list.is_null() => {}
            None if scope == Scope::Development => {}
            _ => assembly.fault(Fault::of_file(Code::SbomSourceInvalid, format!("no list of {list}"))),
        }
    }
    for (node, package) in &added {
        packages.add(lower(package.get_text("name").unwrap_or_default()), *node);
    }
    // What is asked for by another name is there too: a package may stand for others, wholly or by what they do.
    for (node, package) in &added {
        for name in ["replace", "provide"].into_iter().flat_map(|key| keys(package, key)) {
            packages.add(name, *node);
        }
    }
    for (node, package) in &added {
        for name in keys(package, "require") {
            // What the project itself replaces or provides is not locked, so a name may lead nowhere.
            packages.link(&mut assembly, *node, &name, Scope::Runtime);
        }
    }
    add_project(&mut assembly, &mut packages, lockfile);
    assembly.finish()
}

fn add(assembly: &mut Assembly, package: &Node<'_>, scope: Scope) -> Option<bom::Node> {
    let string = |key: &str| package.get(key).and_then(Node::string);
    let (Some(name), Some(version)) = (string("name"), string("version")) else {
        assembly.invalid(package.line(), "a package without a name or a version");
        return None;
    };
    let mut component = described(name, Some(version), ComponentKind::Library);
    component.scope = scope;
    component.licence = licence(package);
    // SHA-1 of the archive. GitHub makes its archives anew each time, so those have none.
    let shasum = package.get("dist").and_then(|dist| dist.get("shasum"));
    let shasum = shasum.and_then(|node| Some((node, node.text()?)));
    if let Some((shasum, text)) = shasum.filter(|(_, text)| !text.is_empty()) {
        match Checksum::from_hex(Algorithm::Sha1, text) {
            Some(checksum) => component.checksums.push(checksum),
            None => assembly
                .invalid(shasum.line(), format!("`{}` has a shasum that is none", name.escape_debug())),
        }
    }
    Some(assembly.package(component))
}

/// A package's name is `vendor/name` in any case; without a vendor there is no package URL.
fn described(name: &str, version: Option<&str>, kind: ComponentKind) -> Component {
    let purl = name
        .split_once('/')
        .and_then(|(vendor, short)| Purl::new("composer", vendor, short, version.unwrap_or_default()));
    Component { purl, ..Component::new(kind, name, version) }
}

/// Several licences are a choice between them, as the documentation of `composer.json` says.
fn licence(package: &Node<'_>) -> Option<Licence> {
    let stated = package.get("license")?;
    let all: Vec<&str> = match stated.string() {
        Some(one) => vec![one],
        None => stated.items().iter().filter_map(Node::string).collect(),
    };
    let in_brackets = |one: &&str| match all.len() {
        1 => (*one).to_owned(),
        _ if one.contains(' ') && !one.starts_with('(') => format!("({one})"),
        _ => (*one).to_owned(),
    };
    let joined = all.iter().map(in_brackets).collect::<Vec<_>>().join(" OR ");
    // Composer writes the operators in lower case, SPDX 2.3 in upper case.
    match Licence::read(&joined.replace(" or ", " OR ").replace(" and ", " AND ")) {
        Some(expression @ Licence::Expression(_)) => Some(expression),
        _ => Licence::read(&joined),
    }
}

/// What PHP itself, its extensions and Composer are is no package.
fn is_platform(name: &str) -> bool {
    !name.contains('/')
}

fn keys(package: &Node<'_>, key: &str) -> Vec<String> {
    let entries = package.get(key).map_or(&[][..], Node::entries);
    entries.iter().map(|entry| lower(&entry.key)).filter(|name| !is_platform(name)).collect()
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The project that `composer.json` beside it describes.
fn add_project(assembly: &mut Assembly, packages: &mut Packages, lockfile: &Lockfile<'_>) {
    let Some(bytes) = lockfile.beside.read("composer.json") else { return };
    let manifest = match json::parse(&bytes, Dialect::Strict) {
        Ok(manifest) => manifest,
        Err(fault) => {
            let line = fault.line.unwrap_or(1);
            let what = format!("composer.json:{line} beside it: {}", fault.what);
            return assembly.fault(Fault::of_file(Code::SbomSourceInvalid, what));
        }
    };
    let string = |key: &str| manifest.get(key).and_then(Node::string);
    let Some(name) = string("name") else { return };
    let mut root = described(name, string("version"), ComponentKind::Application);
    root.licence = licence(&manifest);
    let root = assembly.root(root);
    for (list, when) in [("require", Scope::Runtime), ("require-dev", Scope::Development)] {
        for name in keys(&manifest, list) {
            // A manifest may be newer than the lockfile; Composer itself only warns of that.
            packages.link(assembly, root, &name, when);
        }
    }
}

#[cfg(test)]
mod tests;
