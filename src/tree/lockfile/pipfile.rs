//! `Pipfile.lock` of Pipenv: what is installed, and what to develop besides. Who needs whom is not in it.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Scope};
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::json::{self, Dialect};
use crate::tree::lockfile::python::{self, Origin};
use crate::tree::reading::{Fault, Reading};

/// The version of the format that is known.
const SPEC: u64 = 6;

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "Pipfile.lock"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match json::parse(lockfile.bytes, Dialect::Strict) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Unknown);
    check_version(&mut assembly, &lock);
    python::add_project(&mut assembly, lockfile);
    for category in lock.entries().iter().filter(|entry| entry.key != "_meta") {
        if !category.node.is_map() {
            let what = format!("`{}` is no table of packages", category.key.escape_debug());
            assembly.invalid(category.line(), what);
        }
        // Categories besides these two are the project's own: what is asked for by their names.
        let scope = match &*category.key {
            "default" => Scope::Runtime,
            "develop" => Scope::Development,
            _ => Scope::Optional,
        };
        for package in category.node.entries() {
            add(&mut assembly, package, scope);
        }
    }
    assembly.finish()
}

fn check_version(assembly: &mut Assembly, lock: &Node<'_>) {
    let stated = lock.get("_meta").and_then(|meta| meta.get("pipfile-spec"));
    match stated.map(|spec| (spec, spec.text().and_then(|text| text.parse::<u64>().ok()))) {
        Some((_, Some(spec))) if spec <= SPEC => {}
        Some((node, Some(spec))) => {
            assembly.newer(node.line(), format!("pipfile-spec {spec} is newer than {SPEC}"))
        }
        Some((node, None)) => assembly.invalid(node.line(), "pipfile-spec is no number"),
        None => assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "no pipfile-spec")),
    }
}

fn add(assembly: &mut Assembly, package: &Entry<'_>, scope: Scope) {
    let (name, node) = (&*package.key, &package.node);
    let said = name.escape_debug();
    if !node.is_map() {
        return assembly.invalid(package.line(), format!("`{said}` is no package"));
    }
    let text = |key: &str| node.get_text(key);
    let origin = match (text("git"), text("file"), text("path")) {
        (Some(git), ..) => Origin::Vcs(format!("git+{git}@{}", text("ref").unwrap_or_default())),
        (_, Some(url), _) if url.contains("://") => Origin::Url(url.to_owned()),
        (_, Some(_), _) | (.., Some(_)) => Origin::Local,
        _ => Origin::Index,
    };
    let version = match node.get("version") {
        None => None,
        Some(stated) => match stated.string().and_then(|version| version.strip_prefix("==")) {
            Some(version) => Some(version.trim_start_matches('=')),
            None => {
                assembly.invalid(stated.line(), format!("the version of `{said}` is no pin"));
                None
            }
        },
    };
    let mut component = python::package(name, version, &origin);
    component.scope = scope;
    for hash in node.get("hashes").map_or(&[][..], Node::items) {
        python::add_checksum(assembly, &mut component, hash);
    }
    assembly.package(component);
}

#[cfg(test)]
mod tests;
