//! `yarn.lock` of yarn 2 and later: YAML, versions 4 to 10 of it.
//!
//! A key lists the ranges that were asked for, `"a@npm:^1.0.0, a@npm:^1.1.0"`; `resolution` is what all of them became.
//! `checksum` is left out: it is of the zip archive that yarn packs for its own cache, and depends on the version of
//! yarn (`10c0/…`), so nobody can compare it with a package that a registry gives out.

use crate::format::bom::{Aggregate, Node as Package, Scope};
use crate::format::yaml;
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::javascript::{self as js, Source};
use crate::tree::reading::Reading;
use std::collections::HashMap;

/// The newest version of the format that is known.
const VERSION_MAX: u32 = 10;

/// Reads a lockfile of yarn 2 or later.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let file = match yaml::parse(lockfile.bytes) {
        Ok(file) => file,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    let metadata = file.get("__metadata");
    let line = metadata.map_or(file.line(), Node::line);
    match metadata.and_then(|metadata| metadata.get_text("version")?.parse::<u32>().ok()) {
        Some(1..=VERSION_MAX) => {}
        Some(version) if version > VERSION_MAX => {
            assembly.newer(line, format!("version {version}; known up to {VERSION_MAX}"));
        }
        _ => assembly.invalid(line, "no version of the format"),
    }
    let mut reader = Reader { lockfile, assembly, by_range: HashMap::new(), by_name: HashMap::new() };
    let mut found = Vec::new();
    for entry in file.entries().iter().filter(|entry| entry.key != "__metadata") {
        found.extend(reader.package(entry).map(|package| (entry, package)));
    }
    for (entry, (package, manifest)) in &found {
        reader.needs(entry, *package, manifest.as_ref());
    }
    reader.assembly.finish_by_reach()
}

struct Reader<'a> {
    lockfile: &'a Lockfile<'a>,
    assembly: Assembly,
    by_range: HashMap<&'a str, Package>,
    /// The package of a name, if there is one only.
    by_name: HashMap<&'a str, Option<Package>>,
}

type Found = (Package, Option<js::Manifest>);

impl<'a> Reader<'a> {
    fn package(&mut self, entry: &'a Entry<'a>) -> Option<Found> {
        let resolution = entry.node.get_text("resolution").and_then(js::split_name);
        let Some((name, reference)) = resolution else {
            let what = format!("`{}` has no resolution", entry.key.escape_debug());
            self.assembly.invalid(entry.line(), what);
            return None;
        };
        let found = match reference.strip_prefix("workspace:") {
            Some(folder) => self.project(name, folder),
            None => (self.assembly.package(component(entry, name, reference)), None),
        };
        for range in entry.key.split(", ") {
            self.by_range.insert(range, found.0);
            if let Some((asked, _)) = js::split_name(range) {
                let only = self.by_name.entry(asked).or_insert(Some(found.0));
                *only = only.filter(|only| *only == found.0);
            }
        }
        Some(found)
    }

    /// A project's version is always `0.0.0-use.local`; the real one, and what is for development, its manifest says.
    fn project(&mut self, name: &str, folder: &str) -> Found {
        let manifest = js::manifest(self.lockfile.beside, folder);
        let version = manifest.as_ref().and_then(|manifest| manifest.version.as_deref());
        let mut component = js::project(self.lockfile, folder, Some(name), version);
        component.licence = manifest.as_ref().and_then(|manifest| manifest.licence.clone());
        (self.assembly.root(component), manifest)
    }

    fn needs(&mut self, entry: &Entry<'_>, package: Package, manifest: Option<&js::Manifest>) {
        let in_manifest: HashMap<&str, Scope> = manifest
            .into_iter()
            .flat_map(|manifest| &manifest.needs)
            .fold(HashMap::new(), |mut map, need| {
                let when = map.entry(&*need.0).or_insert(need.2);
                *when = (*when).min(need.2);
                map
            });
        let meta = entry.node.get("dependenciesMeta");
        for need in entry.node.get("dependencies").map(Node::entries).unwrap_or_default() {
            let optional = meta.and_then(|meta| meta.get(&need.key)?.get("optional"));
            let when = match in_manifest.get(&*need.key) {
                Some(when) => *when,
                None if optional.is_some_and(Node::is_true) => Scope::Optional,
                None => Scope::Runtime,
            };
            let range = need.node.text().unwrap_or_default();
            match self.find(&need.key, range) {
                Some(to) => self.assembly.need(package, to, when),
                None if when == Scope::Optional => {}
                None => {
                    let what = format!("`{}@{}` is not in it", need.key.escape_debug(), range.escape_debug());
                    self.assembly.invalid(need.line(), what);
                }
            }
        }
    }

    /// Before version 8 a range is written without the `npm:` that its key has. What `resolutions` of the root's
    /// manifest replace is still asked for as it was, so the only package of that name is meant too.
    fn find(&self, name: &str, range: &str) -> Option<Package> {
        let as_asked = || self.by_range.get(&*format!("{name}@{range}"));
        let of_npm = || self.by_range.get(&*format!("{name}@npm:{range}"));
        as_asked().or_else(of_npm).copied().or_else(|| *self.by_name.get(name)?)
    }
}

fn component(entry: &Entry<'_>, name: &str, reference: &str) -> crate::format::bom::Component {
    let version = entry.node.get_text("version").unwrap_or_default();
    // `patch:name@npm%3A1.0.0#…` is a package of the registry, changed; `npm:1.0.0::__archiveUrl=…` is one as it is.
    let source = match reference.split_once(':') {
        Some(("npm" | "patch", _)) => Source::Registry,
        Some(("file" | "link" | "portal" | "exec", _)) => Source::Local,
        _ => Source::of(reference),
    };
    js::package(name, version, source)
}
