//! `uv.lock`, version 1: every package of a workspace with its files' digests and what it needs, for each extra and
//! group apart.

use crate::finding::Code;
use crate::format::bom::{self, Aggregate, Component, ComponentKind, Scope};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::lockfile::python::{self, Origin, normalized};
use crate::tree::lockfile::toml_tree;
use crate::tree::reading::{Fault, Reading};
use std::collections::HashSet;

/// The version that is known. Its revisions add what readers may leave aside.
const VERSION: u64 = 1;

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "uv.lock"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match toml_tree::parse(lockfile.bytes) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    check_version(&mut assembly, &lock);
    let members = Members::of(&lock);
    let mut packages = Packages::default();
    let mut added = Vec::new();
    for package in lock.get("package").map_or(&[][..], Node::items) {
        if let Some(node) = add(&mut assembly, &mut packages, package, &members) {
            added.push((node, package));
        }
    }
    for (node, package) in &added {
        link(&mut assembly, &mut packages, *node, package, members.is_root(package));
    }
    assembly.finish_by_reach()
}

fn check_version(assembly: &mut Assembly, lock: &Node<'_>) {
    let stated = lock.get("version");
    match stated.and_then(|version| version.text()?.parse::<u64>().ok()) {
        Some(VERSION) => {}
        Some(other) if other > VERSION => {
            let what = format!("version {other} is newer than {VERSION}");
            assembly
                .fault(Fault { line: stated.map(Node::line), ..Fault::of_file(Code::SbomSourceNewer, what) });
        }
        _ => assembly.fault(Fault {
            line: stated.map(Node::line),
            ..Fault::of_file(Code::SbomSourceInvalid, "no version that is known")
        }),
    }
}

/// Which packages are projects of this tree.
struct Members<'a>(HashSet<&'a str>);

impl<'a> Members<'a> {
    fn of(lock: &'a Node<'_>) -> Members<'a> {
        let listed = lock.get("manifest").and_then(|manifest| manifest.get("members"));
        Members(listed.map_or(&[][..], Node::items).iter().filter_map(Node::string).collect())
    }

    /// A workspace lists its members; without that the project is what lies in the lockfile's own folder.
    fn is_root(&self, package: &Node<'_>) -> bool {
        let name = package.get_text("name").unwrap_or_default();
        let place = |key: &str| package.get("source").and_then(|source| source.get_text(key));
        let is_here = ["editable", "virtual", "directory"].into_iter().any(|key| place(key) == Some("."));
        self.0.contains(name) || self.0.is_empty() && is_here
    }
}

fn add(
    assembly: &mut Assembly,
    packages: &mut Packages,
    package: &Node<'_>,
    members: &Members<'_>,
) -> Option<bom::Node> {
    let string = |key: &str| package.get(key).and_then(Node::string);
    let Some(name) = string("name") else {
        assembly.invalid(package.line(), "a package without a name");
        return None;
    };
    // The version of a project may be made when it is built.
    let (version, source) = (string("version"), package.get("source"));
    let is_root = members.is_root(package);
    let origin = if is_root { Origin::Index } else { origin(source) };
    let mut component = python::package(name, version, &origin);
    let wheels = package.get("wheels").map_or(&[][..], Node::items);
    for hash in wheels.iter().chain(package.get("sdist")).filter_map(|file| file.get("hash")) {
        python::add_checksum(assembly, &mut component, hash);
    }
    let node = if is_root {
        assembly.root(Component { kind: ComponentKind::Application, ..component })
    } else {
        assembly.package(component)
    };
    if let Some(version) = version {
        packages.add(versioned(name, version), node);
    }
    packages.add(normalized(name), node);
    Some(node)
}

/// A key of one version. No name has a space in it.
fn versioned(name: &str, version: &str) -> String {
    format!("{} {version}", normalized(name))
}

fn origin(source: Option<&Node<'_>>) -> Origin {
    let text = |key: &str| source.and_then(|source| source.get_text(key));
    if let Some(git) = text("git") {
        // `https://host/repo?rev=main#COMMIT`: what was asked for, and what it was.
        let (address, commit) = git.split_once('#').unwrap_or((git, ""));
        let repository = address.split('?').next().unwrap_or(address);
        return Origin::Vcs(format!("git+{repository}@{commit}"));
    }
    if let Some(url) = text("url") {
        return Origin::Url(url.to_owned());
    }
    let local = ["path", "directory", "editable", "virtual"];
    if local.into_iter().any(|key| text(key).is_some()) { Origin::Local } else { Origin::Index }
}

/// Links a package with everything that it needs.
fn link(
    assembly: &mut Assembly,
    packages: &mut Packages,
    from: bom::Node,
    package: &Node<'_>,
    is_root: bool,
) {
    let groups = |key: &str| package.get(key).map_or(&[][..], Node::entries).iter().map(|group| &group.node);
    let main = package.get("dependencies").into_iter().map(|list| (Scope::Runtime, list));
    // Of other packages it has only those extras that something asks for, with what these need.
    let extra = if is_root { Scope::Optional } else { Scope::Runtime };
    let optional = groups("optional-dependencies").map(|list| (extra, list));
    let development = groups("dev-dependencies").map(|list| (Scope::Development, list));
    for (scope, list) in main.chain(optional).chain(development) {
        for needed in list.items() {
            let Some(name) = needed.get("name").and_then(Node::string) else {
                assembly.invalid(needed.line(), "a dependency without a name");
                continue;
            };
            // The version is there only where a file has several.
            let key = needed.get_text("version").map_or(normalized(name), |version| versioned(name, version));
            if !packages.link(assembly, from, &key, scope) {
                let what = format!("`{}` is needed, but not in it", key.escape_debug());
                assembly.invalid(needed.line(), what);
            }
        }
    }
}

#[cfg(test)]
mod tests;
