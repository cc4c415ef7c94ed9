//! `packages.lock.json` of NuGet, version 1 and 2: the packages of one project, for each framework that it is built for.

use crate::finding::Code;
use crate::format::bom::{
    self, Aggregate, Checksum, Component, ComponentKind, Purl, Scope, checksum::Algorithm,
};
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::json::{self, Dialect};
use crate::tree::lockfile::packages::Packages;
use crate::tree::reading::{Fault, Reading};

/// The newest version that is known. Version 2 adds packages whose versions are managed centrally.
const NEWEST: u64 = 2;

/// Whether a file is one; `packages.NAME.lock.json` is that of the project NAME.
pub fn is(file_name: &str) -> bool {
    file_name == "packages.lock.json"
        || file_name.starts_with("packages.") && file_name.ends_with(".lock.json")
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match json::parse(lockfile.bytes, Dialect::Strict) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    check_version(&mut assembly, &lock);
    let frameworks = match lock.get("dependencies") {
        Some(frameworks) if frameworks.is_map() => frameworks.entries(),
        _ => {
            assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "no table of dependencies"));
            &[]
        }
    };
    let mut direct = Vec::new();
    for framework in frameworks {
        read_framework(&mut assembly, framework, &mut direct);
    }
    // The project's file has any name, and says nothing of itself here: it is called as the lockfile's folder.
    if !direct.is_empty() {
        let root = assembly.root(Component::new(ComponentKind::Application, project(lockfile.path), None));
        for node in direct {
            assembly.need(root, node, Scope::Runtime);
        }
    }
    assembly.finish()
}

fn check_version(assembly: &mut Assembly, lock: &Node<'_>) {
    let stated = lock.get("version");
    match stated.map(|node| (node, node.text().and_then(|text| text.parse::<u64>().ok()))) {
        Some((_, Some(1..=NEWEST))) => {}
        Some((node, Some(version))) if version > NEWEST => {
            assembly.newer(node.line(), format!("version {version} is newer than {NEWEST}"));
        }
        Some((node, _)) => assembly.invalid(node.line(), "the version is none"),
        None => assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "no version")),
    }
}

/// A framework, or a framework on one platform: `net8.0`, `net8.0/win-x64`. Names are alike in any case.
fn read_framework(assembly: &mut Assembly, framework: &Entry<'_>, direct: &mut Vec<bom::Node>) {
    if !framework.node.is_map() {
        let what = format!("`{}` is no table of packages", framework.key.escape_debug());
        return assembly.invalid(framework.line(), what);
    }
    let mut packages = Packages::default();
    let mut added = Vec::new();
    for package in framework.node.entries() {
        let Some(component) = described(assembly, package) else { continue };
        let node = assembly.package(component);
        packages.add(package.key.to_lowercase(), node);
        let kind = package.node.get_text("type").unwrap_or_default();
        if matches!(kind, "Direct" | "Project") {
            direct.push(node);
        }
        added.push((node, package));
    }
    for (node, package) in added {
        for needed in package.node.get("dependencies").map_or(&[][..], Node::entries) {
            // A table of one platform has only what differs from that of its framework.
            packages.link(assembly, node, &needed.key.to_lowercase(), Scope::Runtime);
        }
    }
}

fn described(assembly: &mut Assembly, package: &Entry<'_>) -> Option<Component> {
    let (name, node) = (&*package.key, &package.node);
    let said = name.escape_debug();
    if node.get_text("type") == Some("Project") {
        return Some(Component::new(ComponentKind::Library, name, None));
    }
    let Some(version) = node.get("resolved").and_then(Node::string) else {
        assembly.invalid(package.line(), format!("`{said}` has no resolved version"));
        return None;
    };
    let purl = Purl::new("nuget", "", name, version);
    let mut component = Component { purl, ..Component::new(ComponentKind::Library, name, Some(version)) };
    // SHA-512 of the package as its author made it: a signature that a registry adds to it is not part of that.
    if let Some(hash) = node.get("contentHash") {
        match hash.string().and_then(|hash| Checksum::from_base64(Algorithm::Sha512, hash)) {
            Some(checksum) => component.checksums.push(checksum),
            None => assembly.invalid(hash.line(), format!("`{said}` has a contentHash that is none")),
        }
    }
    Some(component)
}

/// `src/App/packages.lock.json` is of the project App, `packages.App.lock.json` too.
fn project(path: &str) -> &str {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let named = file.strip_prefix("packages.").and_then(|rest| rest.strip_suffix(".lock.json"));
    let folder = folder.rsplit('/').next().filter(|folder| !folder.is_empty());
    named.filter(|name| !name.is_empty()).or(folder).unwrap_or(file)
}

#[cfg(test)]
mod tests;
