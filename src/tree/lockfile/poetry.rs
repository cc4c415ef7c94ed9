//! `poetry.lock`, of Poetry 1 and 2: every package with its files' digests and what it needs.
//!
//! Until lock version 1.2 digests stood in `[metadata.files]`, later with each package. `category` told what a package
//! is for until Poetry 1.5, `groups` does since 2.0; between the two it takes `pyproject.toml` to know.

use crate::finding::Code;
use crate::format::bom::{self, Aggregate, Scope};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::lockfile::python::{self, Origin, normalized};
use crate::tree::lockfile::toml_tree;
use crate::tree::reading::{Fault, Reading};

/// The newest lock version that is known.
const NEWEST: (u32, u32) = (2, 1);

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "poetry.lock"
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
    let mut packages = Packages::default();
    let mut added = Vec::new();
    for package in lock.get("package").map_or(&[][..], Node::items) {
        if let Some((node, said)) = add(&mut assembly, &mut packages, package, &lock) {
            added.push((node, package, said));
        }
    }
    for (node, package, _) in &added {
        for entry in package.get("dependencies").map_or(&[][..], Node::entries) {
            // What no supported Python or platform needs is not locked, so a name may lead nowhere.
            packages.link(&mut assembly, *node, &normalized(&entry.key), Scope::Runtime);
        }
    }
    if let Some((root, project)) = project {
        python::link_project(&mut assembly, &mut packages, root, &project);
        // What the file says of itself is better than what can be told from the manifest.
        if added.iter().all(|(_, _, said)| said.is_none()) {
            return assembly.finish_by_reach();
        }
    }
    assembly.finish()
}

fn check_version(assembly: &mut Assembly, lock: &Node<'_>) {
    let stated = lock.get("metadata").and_then(|metadata| metadata.get("lock-version"));
    let Some(stated) = stated else {
        // Poetry 1.0 had none yet; but its metadata stand at the end, and a file without them was cut off.
        if lock.get("metadata").is_none() {
            assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "the metadata at its end are missing"));
        }
        return;
    };
    let text = stated.text().unwrap_or_default();
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
    let mut parts = text.split('.');
    match (number(parts.next()), number(parts.next())) {
        (Some(major), Some(minor)) if (major, minor) <= NEWEST => {}
        (Some(_), Some(_)) => {
            let what =
                format!("lock version {} is newer than {}.{}", text.escape_debug(), NEWEST.0, NEWEST.1);
            assembly.newer(stated.line(), what);
        }
        _ => assembly.invalid(stated.line(), "the lock version is none"),
    }
}

/// Adds a package; gives its scope too, where the file states it.
fn add(
    assembly: &mut Assembly,
    packages: &mut Packages,
    package: &Node<'_>,
    lock: &Node<'_>,
) -> Option<(bom::Node, Option<Scope>)> {
    let string = |key: &str| package.get(key).and_then(Node::string);
    let (Some(name), Some(version)) = (string("name"), string("version")) else {
        let what = "a package without a name or a version";
        assembly.invalid(package.line(), what);
        return None;
    };
    let mut component = python::package(name, Some(version), &origin(package));
    let files = package.get("files").or_else(|| lock.get("metadata")?.get("files")?.get(name));
    for file in files.map_or(&[][..], Node::items) {
        if let Some(hash) = file.get("hash") {
            python::add_checksum(assembly, &mut component, hash);
        }
    }
    let said = scope(package);
    component.scope = match said.unwrap_or_default() {
        Scope::Runtime if package.get("optional").is_some_and(Node::is_true) => Scope::Optional,
        scope => scope,
    };
    let node = assembly.package(component);
    packages.add(normalized(name), node);
    Some((node, said))
}

fn scope(package: &Node<'_>) -> Option<Scope> {
    if let Some(groups) = package.get("groups") {
        let is_main = groups.items().iter().any(|group| group.string() == Some("main"));
        return Some(if is_main { Scope::Runtime } else { Scope::Development });
    }
    let category = package.get("category")?.string()?;
    Some(if category == "main" { Scope::Runtime } else { Scope::Development })
}

fn origin(package: &Node<'_>) -> Origin {
    let Some(source) = package.get("source") else { return Origin::Index };
    let text = |key: &str| source.get_text(key).unwrap_or_default();
    match text("type") {
        "directory" | "file" => Origin::Local,
        "url" => Origin::Url(text("url").to_owned()),
        "git" => {
            let commit = source.get_text("resolved_reference").unwrap_or(text("reference"));
            Origin::Vcs(format!("git+{}@{commit}", text("url")))
        }
        // Another index.
        _ => Origin::Index,
    }
}

#[cfg(test)]
mod tests;
