//! `pylock.toml` (PEP 751, version 1): what one installation is made of. Who needs whom may be left out, and whether a
//! package is installed may hang on extras and groups in its marker, which is not evaluated here.

use crate::finding::Code;
use crate::format::bom::{self, Aggregate, Checksum, Component, Scope, checksum::Algorithm};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::lockfile::python::{self, Origin, normalized};
use crate::tree::lockfile::toml_tree;
use crate::tree::reading::{Fault, Reading};

/// Whether a file is one: `pylock.toml`, or `pylock.NAME.toml` where a project has several.
pub fn is(file_name: &str) -> bool {
    file_name == "pylock.toml" || file_name.starts_with("pylock.") && file_name.ends_with(".toml")
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match toml_tree::parse(lockfile.bytes) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Unknown);
    check_version(&mut assembly, &lock);
    let project = python::add_project(&mut assembly, lockfile);
    let mut packages = Packages::default();
    let mut added = Vec::new();
    for package in lock.get("packages").map_or(&[][..], Node::items) {
        if let Some(node) = add(&mut assembly, &mut packages, package) {
            added.push((node, package));
        }
    }
    for (node, package) in added {
        for needed in package.get("dependencies").map_or(&[][..], Node::items) {
            if let Some(name) = needed.get_text("name") {
                packages.link(&mut assembly, node, &normalized(name), Scope::Runtime);
            }
        }
    }
    if let Some((root, project)) = project {
        python::link_project(&mut assembly, &mut packages, root, &project);
    }
    assembly.finish()
}

fn check_version(assembly: &mut Assembly, lock: &Node<'_>) {
    let stated = lock.get("lock-version");
    match stated.and_then(Node::string).and_then(|version| version.split('.').next()) {
        Some("1") => {}
        Some(other) if other.parse::<u64>().is_ok_and(|major| major > 1) => {
            let what = format!("lock version {other} is newer than 1");
            let line = stated.map(Node::line);
            assembly.fault(Fault { line, ..Fault::of_file(Code::SbomSourceNewer, what) });
        }
        _ => {
            let line = stated.map(Node::line);
            assembly.fault(Fault { line, ..Fault::of_file(Code::SbomSourceInvalid, "no lock version") });
        }
    }
}

fn add(assembly: &mut Assembly, packages: &mut Packages, package: &Node<'_>) -> Option<bom::Node> {
    let string = |key: &str| package.get(key).and_then(Node::string);
    let Some(name) = string("name") else {
        assembly.invalid(package.line(), "a package without a name");
        return None;
    };
    let mut component = python::package(name, string("version"), &origin(package));
    let wheels = package.get("wheels").map_or(&[][..], Node::items);
    let files = wheels.iter().chain(package.get("sdist")).chain(package.get("archive"));
    for hashes in files.filter_map(|file| file.get("hashes")) {
        add_hashes(assembly, &mut component, hashes);
    }
    let node = assembly.package(component);
    packages.add(normalized(name), node);
    Some(node)
}

/// `{sha256 = "HEX"}`; algorithms that are not known here are left out.
fn add_hashes(assembly: &mut Assembly, component: &mut Component, hashes: &Node<'_>) {
    for hash in hashes.entries() {
        let Some(algorithm) = Algorithm::named(&hash.key) else { continue };
        match hash.node.string().and_then(|hex| Checksum::from_hex(algorithm, hex)) {
            Some(checksum) => component.checksums.push(checksum),
            None => {
                let what = format!("`{}` has a hash that is none", component.name.escape_debug());
                assembly.invalid(hash.line(), what);
            }
        }
    }
}

fn origin(package: &Node<'_>) -> Origin {
    if let Some(vcs) = package.get("vcs") {
        let text = |key: &str| vcs.get_text(key).unwrap_or_default();
        return match text("url") {
            "" => Origin::Local,
            url => Origin::Vcs(format!("{}+{url}@{}", text("type"), text("commit-id"))),
        };
    }
    match package.get("archive").map(|archive| archive.get_text("url")) {
        Some(Some(url)) => Origin::Url(url.to_owned()),
        Some(None) => Origin::Local,
        None if package.get("directory").is_some() => Origin::Local,
        None => Origin::Index,
    }
}

#[cfg(test)]
mod tests;
