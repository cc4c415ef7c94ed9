//! `yarn.lock` of yarn 1: indented lines of its own kind. What the projects themselves need is not in it, but in the
//! package.json beside it.

use crate::format::bom::{Aggregate, Checksum, Component, Node as Package, Scope};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::javascript::{self as js, Source};
use crate::tree::lockfile::yarn_lines::{self, Block};
use crate::tree::reading::Reading;
use std::collections::HashMap;

/// Reads a lockfile of yarn 1.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let file = match yarn_lines::parse(lockfile.bytes) {
        Ok(file) => file,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    match file.version {
        Some((_, 1)) => {}
        Some((line, version)) => assembly.newer(line, format!("yarn lockfile v{version}; known is v1")),
        None => assembly.invalid(1, "no `# yarn lockfile v1`"),
    }
    let mut by_range: HashMap<&str, Package> = HashMap::new();
    let mut found = Vec::new();
    for block in &file.blocks {
        let Some(component) = component(block) else {
            assembly.invalid(block.line, "a package without name or version");
            continue;
        };
        let package = assembly.package(component);
        for range in &block.ranges {
            by_range.insert(range, package);
        }
        found.push((block, package));
    }
    for (block, package) in found {
        for need in &block.needs {
            match by_range.get(&*format!("{}@{}", need.name, need.range)) {
                Some(to) => {
                    assembly.need(package, *to, if need.optional { Scope::Optional } else { Scope::Runtime })
                }
                None if need.optional => {}
                None => {
                    let what = format!("`{}@{}` is not in it", need.name, need.range);
                    assembly.invalid(need.line, what.escape_debug().to_string());
                }
            }
        }
    }
    projects(lockfile, &by_range, assembly)
}

/// A range that was asked for may name another package than it is called: `called@npm:real@^1.0.0`.
fn component(block: &Block<'_>) -> Option<Component> {
    let (called, range) = js::split_name(block.ranges.first()?)?;
    let aliased = range.strip_prefix("npm:").and_then(js::split_name);
    let name = aliased.map_or(called, |(real, _)| real);
    let resolved = block.resolved.as_deref().unwrap_or_default();
    // Every package has the address of its archive here; one that was asked for by an address is in no registry.
    let source = match (Source::of(range), Source::of(resolved)) {
        (_, git @ Source::Git(_)) => git,
        (Source::Git(_) | Source::Address(_), address @ Source::Address(_)) => address,
        (Source::Local, _) => Source::Local,
        _ => Source::Registry,
    };
    let mut component = js::package(name, block.version.as_deref()?, source);
    component.checksums = block.integrity.as_deref().map(Checksum::from_integrity).unwrap_or_default();
    Some(component)
}

/// The root and the members of its workspace. Where not all of them can be found, nobody can tell what is only for
/// development, so nothing is called that.
fn projects(lockfile: &Lockfile<'_>, by_range: &HashMap<&str, Package>, mut assembly: Assembly) -> Reading {
    let Some(root) = js::manifest(lockfile.beside, "") else {
        assembly.limit(Aggregate::Unknown);
        return assembly.finish();
    };
    let mut all_known = !root.has_globs;
    let mut manifests = vec![(String::new(), root.clone())];
    for member in root.members {
        match js::manifest(lockfile.beside, &member) {
            Some(manifest) => manifests.push((member, manifest)),
            None => all_known = false,
        }
    }
    let mut nodes = HashMap::new();
    for (folder, manifest) in &manifests {
        let (name, version) = (manifest.name.as_deref(), manifest.version.as_deref());
        let mut component = js::project(lockfile, folder, name, version);
        component.licence = manifest.licence.clone();
        nodes.insert(name.unwrap_or(folder), assembly.root(component));
    }
    for (folder, manifest) in &manifests {
        let Some(project) = nodes.get(manifest.name.as_deref().unwrap_or(folder)).copied() else { continue };
        for (name, range, when) in &manifest.needs {
            // Members of the workspace are not in the file.
            let to = by_range.get(&*format!("{name}@{range}")).or_else(|| nodes.get(&**name));
            to.into_iter().for_each(|to| assembly.need(project, *to, *when));
        }
    }
    if all_known {
        return assembly.finish_by_reach();
    }
    assembly.limit(Aggregate::Unknown);
    assembly.finish()
}
