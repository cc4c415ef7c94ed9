//! `pubspec.lock` of Dart's pub: every package, and what it is for. Who needs whom is not in it.

use crate::finding::Code;
use crate::format::bom::{
    self, Aggregate, Checksum, Component, ComponentKind, Purl, Scope, checksum::Algorithm,
};
use crate::format::yaml;
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::reading::{Fault, Reading};

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "pubspec.lock"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match yaml::parse(lockfile.bytes) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Unknown);
    let root = add_project(&mut assembly, lockfile);
    match lock.get("packages") {
        Some(packages) if packages.is_map() || packages.is_null() => {
            for package in packages.entries() {
                add(&mut assembly, package, root);
            }
        }
        _ => assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "no table of packages")),
    }
    // pub writes which SDKs fit at the end; a file without them was cut off. Those of 2014 had none yet, nor did they say
    // what each package is for.
    let packages = lock.get("packages").map_or(&[][..], Node::entries);
    let is_old = !packages.is_empty() && packages.iter().all(|one| one.node.get("dependency").is_none());
    if !is_old && lock.get("sdks").is_none() && lock.get("sdk").is_none() {
        assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "the table of SDKs at its end is missing"));
    }
    assembly.finish()
}

fn add(assembly: &mut Assembly, package: &Entry<'_>, root: Option<bom::Node>) {
    let (name, node) = (&*package.key, &package.node);
    let said = name.escape_debug();
    let source = node.get_text("source").unwrap_or_default();
    let (Some(version), true) = (node.get_text("version"), node.is_map()) else {
        return assembly.invalid(package.line(), format!("`{said}` has no version"));
    };
    let description = node.get("description");
    let text = |key: &str| description.and_then(|description| description.get_text(key)).unwrap_or_default();
    // A package of an SDK has that one's version, and is not in any registry; a folder's is only here.
    let purl = match source {
        "hosted" => Purl::new("pub", "", name, version),
        "git" => {
            let address = format!("git+{}@{}", text("url"), text("resolved-ref"));
            Purl::qualified("pub", "", name, version, &[("vcs_url", &address)])
        }
        _ => None,
    };
    let mut component = Component { purl, ..Component::new(ComponentKind::Library, name, Some(version)) };
    if source == "sdk" && version == "0.0.0" {
        component.version = None;
    }
    if let Some(stated) = description.and_then(|description| description.get("sha256")) {
        match stated.text().and_then(|hex| Checksum::from_hex(Algorithm::Sha256, hex)) {
            Some(checksum) => component.checksums.push(checksum),
            // Registries need not give one.
            None if stated.text() == Some("") => {}
            None => assembly.invalid(stated.line(), format!("`{said}` has a sha256 that is none")),
        }
    }
    let kind = node.get_text("dependency").unwrap_or_default();
    // Whether what others need is for development only is not said.
    component.scope = if kind == "direct dev" { Scope::Development } else { Scope::Runtime };
    let scope = component.scope;
    let node = assembly.package(component);
    if let Some(root) = root.filter(|_| kind.starts_with("direct")) {
        assembly.need(root, node, scope);
    }
}

/// The project that `pubspec.yaml` beside it describes.
fn add_project(assembly: &mut Assembly, lockfile: &Lockfile<'_>) -> Option<bom::Node> {
    let bytes = lockfile.beside.read("pubspec.yaml")?;
    let manifest = match yaml::parse(&bytes) {
        Ok(manifest) => manifest,
        Err(fault) => {
            let line = fault.line.unwrap_or(1);
            let what = format!("pubspec.yaml:{line} beside it: {}", fault.what);
            assembly.fault(Fault::of_file(Code::SbomSourceInvalid, what));
            return None;
        }
    };
    let name = manifest.get_text("name")?;
    let version = manifest.get_text("version");
    let purl = Purl::new("pub", "", name, version.unwrap_or_default());
    Some(assembly.root(Component { purl, ..Component::new(ComponentKind::Application, name, version) }))
}

#[cfg(test)]
mod tests;
