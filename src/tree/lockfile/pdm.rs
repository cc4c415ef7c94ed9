//! `pdm.lock`, lock version 4: every package with its files' digests, its groups and what it needs.
//!
//! A package with extras stands once more for each set of them, with the same files; here it is one.

use crate::finding::Code;
use crate::format::bom::{self, Aggregate, Scope};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::lockfile::python::{self, Origin, normalized, required_name};
use crate::tree::lockfile::toml_tree;
use crate::tree::reading::{Fault, Reading};
use std::collections::BTreeSet;

/// The newest lock version whose shape is known, by its first number.
const NEWEST: u32 = 4;

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "pdm.lock"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match toml_tree::parse(lockfile.bytes) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    check_version(&mut assembly, &lock);
    let project = python::add_project(&mut assembly, lockfile);
    let mut found = Found::default();
    if let Some((_, project)) = &project {
        found.extras = project.extras.clone();
    }
    for package in lock.get("package").map_or(&[][..], Node::items) {
        found.add(&mut assembly, package);
    }
    for (node, package) in &found.added {
        for needed in package.get("dependencies").map_or(&[][..], Node::items) {
            // What no supported platform needs is not locked; and an extra names its own package.
            if let Some(name) = needed.string().and_then(required_name) {
                found.packages.link(&mut assembly, *node, &name, Scope::Runtime);
            }
        }
    }
    if let Some((root, project)) = project {
        python::link_project(&mut assembly, &mut found.packages, root, &project);
        if !found.has_groups {
            return assembly.finish_by_reach();
        }
    }
    assembly.finish()
}

fn check_version(assembly: &mut Assembly, lock: &Node<'_>) {
    let stated = lock.get("metadata").and_then(|metadata| metadata.get("lock_version"));
    let text = stated.and_then(Node::text).unwrap_or_default();
    let major = text.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major <= NEWEST => {}
        Some(_) => {
            let what = format!("lock version {} is newer than {NEWEST}", text.escape_debug());
            assembly
                .fault(Fault { line: stated.map(Node::line), ..Fault::of_file(Code::SbomSourceNewer, what) });
        }
        None => assembly.fault(Fault {
            line: stated.map(Node::line),
            ..Fault::of_file(Code::SbomSourceInvalid, "no lock version")
        }),
    }
}

#[derive(Default)]
struct Found<'a> {
    packages: Packages,
    /// Each table of the file, and the package that it is about.
    added: Vec<(bom::Node, &'a Node<'a>)>,
    has_groups: bool,
    extras: BTreeSet<String>,
}

impl<'a> Found<'a> {
    fn add(&mut self, assembly: &mut Assembly, package: &'a Node<'a>) {
        let string = |key: &str| package.get(key).and_then(Node::string);
        let Some(name) = string("name") else {
            assembly.invalid(package.line(), "a package without a name");
            return;
        };
        let (version, origin) = (string("version"), origin(package));
        self.has_groups |= package.get("groups").is_some();
        let mut component = python::package(name, version, &origin);
        component.scope = scope(package, &self.extras);
        for hash in
            package.get("files").map_or(&[][..], Node::items).iter().filter_map(|file| file.get("hash"))
        {
            python::add_checksum(assembly, &mut component, hash);
        }
        let node = assembly.package(component);
        self.packages.add(normalized(name), node);
        self.added.push((node, package));
    }
}

/// The group of what the project itself needs is called `default`. Of the others only the manifest tells which are extras
/// and which are for development.
fn scope(package: &Node<'_>, extras: &BTreeSet<String>) -> Scope {
    let Some(groups) = package.get("groups") else { return Scope::Runtime };
    let scope = |group: &str| match group {
        "default" => Scope::Runtime,
        _ if extras.contains(group) => Scope::Optional,
        _ => Scope::Development,
    };
    groups.items().iter().filter_map(Node::string).map(scope).min().unwrap_or_default()
}

fn origin(package: &Node<'_>) -> Origin {
    let text = |key: &str| package.get_text(key);
    match (text("git"), text("url"), text("path")) {
        (Some(git), ..) => Origin::Vcs(format!("git+{git}@{}", text("revision").unwrap_or_default())),
        (_, Some(url), _) => Origin::Url(url.to_owned()),
        (.., Some(_)) => Origin::Local,
        _ => Origin::Index,
    }
}

#[cfg(test)]
mod tests;
