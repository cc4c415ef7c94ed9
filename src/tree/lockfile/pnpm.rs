//! `pnpm-lock.yaml`, versions 5 to 9.
//!
//! | version | a package's key | and with its peers |
//! |---|---|---|
//! | 5 | `/name/1.0.0` | `/name/1.0.0_peer@2.0.0` |
//! | 6 | `/name@1.0.0` | `/name@1.0.0(peer@2.0.0)` |
//! | 7, 9 | `name@1.0.0` in `packages` | `name@1.0.0(peer@2.0.0)` in `snapshots` |
//!
//! One package stands there once for each set of peers; here it is one component. Before version 7 the file says of each
//! package when it is needed; since then that follows from who needs whom.

use crate::format::bom::{Aggregate, Checksum, Node as Package, Scope};
use crate::format::yaml;
use crate::format::yaml::node::{Entry, Node};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::javascript::{self as js, LISTS, Source};
use crate::tree::reading::Reading;
use std::collections::HashMap;

/// The newest major version of the format that is known.
const VERSION_MAX: u32 = 9;

/// Reads a lockfile of pnpm.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    // With a document before the last one pnpm pins itself and its configuration, which are no part of the project.
    let file = match yaml::parse_all(lockfile.bytes).map(|mut documents| documents.pop()) {
        Ok(Some(file)) => file,
        Ok(None) => return Reading::new(Aggregate::Complete),
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    let stated = file.get("lockfileVersion");
    let major = stated.and_then(Node::text).and_then(|text| text.split('.').next()?.parse().ok());
    let line = stated.map_or(file.line(), Node::line);
    let Some(major) = major.filter(|major| *major >= 5) else {
        assembly.invalid(line, "no lockfileVersion of 5 or newer");
        return assembly.finish();
    };
    if major > VERSION_MAX {
        assembly.newer(line, format!("lockfileVersion {major}; known up to {VERSION_MAX}"));
    }
    let mut reader =
        Reader { lockfile, file: &file, major, assembly, packages: HashMap::new(), projects: HashMap::new() };
    reader.read_packages();
    reader.read_projects();
    reader.read_needs();
    if major < 7 { reader.assembly.finish() } else { reader.assembly.finish_by_reach() }
}

struct Reader<'a> {
    lockfile: &'a Lockfile<'a>,
    file: &'a Node<'a>,
    major: u32,
    assembly: Assembly,
    packages: HashMap<&'a str, Package>,
    projects: HashMap<&'a str, Package>,
}

impl<'a> Reader<'a> {
    fn read_packages(&mut self) {
        let packages = self.map("packages");
        for entry in packages.map(Node::entries).unwrap_or_default() {
            self.read_package(entry);
        }
        // The same packages once more, for each set of peers.
        for entry in self.map("snapshots").map(Node::entries).unwrap_or_default() {
            if self.packages.contains_key(&*entry.key) {
                continue;
            }
            match self.packages.get(without_peers(&entry.key)) {
                Some(package) => drop(self.packages.insert(&entry.key, *package)),
                None => self.missing(entry.line(), &entry.key),
            }
        }
    }

    fn read_package(&mut self, entry: &'a Entry<'a>) {
        let node = &entry.node;
        let in_key = if self.major < 6 { in_key_of_5(&entry.key) } else { in_key(&entry.key) };
        // What comes from no registry has its name, and in most versions its version, in fields of their own.
        let name = node.get_text("name").or(in_key.map(|(name, _)| name));
        let registered =
            in_key.map(|(_, version)| version).filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
        let version = node.get_text("version").or(registered).unwrap_or_default();
        let Some(name) = name.filter(|name| !name.is_empty() && node.is_map()) else {
            let what = format!("`{}` is no package", entry.key.escape_debug());
            return self.assembly.invalid(entry.line(), what);
        };
        let resolution = node.get("resolution");
        let text = |key: &str| resolution.and_then(|resolution| resolution.get_text(key));
        let repository = text("repo").map(|repo| format!("{repo}#{}", text("commit").unwrap_or_default()));
        let source = match (&repository, text("tarball"), text("directory")) {
            (Some(repository), ..) => Source::Git(repository),
            (None, _, Some(_)) => Source::Local,
            (None, Some(address), None) if registered.is_none() => Source::of(address),
            _ => Source::Registry,
        };
        let mut component = js::package(name, version, source);
        component.checksums = text("integrity").map(Checksum::from_integrity).unwrap_or_default();
        let is = |key: &str| node.get(key).is_some_and(Node::is_true);
        component.scope = match (is("dev"), is("optional")) {
            (true, _) => Scope::Development,
            (false, true) => Scope::Optional,
            (false, false) => Scope::Runtime,
        };
        let package = self.assembly.package(component);
        self.packages.insert(&entry.key, package);
    }

    /// The projects of a workspace, by their folders. A file of a single project may have its lists at the top instead.
    fn read_projects(&mut self) {
        let Some(importers) = self.map("importers") else {
            let root = self.project(".");
            self.projects.insert(".", root);
            return;
        };
        for entry in importers.entries() {
            let project = self.project(&entry.key);
            self.projects.insert(&entry.key, project);
        }
    }

    fn project(&mut self, folder: &str) -> Package {
        let manifest = js::manifest(self.lockfile.beside, folder).unwrap_or_default();
        let (name, version) = (manifest.name.as_deref(), manifest.version.as_deref());
        let mut component = js::project(self.lockfile, folder, name, version);
        component.licence = manifest.licence;
        self.assembly.root(component)
    }

    fn read_needs(&mut self) {
        match self.map("importers") {
            Some(importers) => importers.entries().iter().for_each(|entry| {
                if let Some(project) = self.projects.get(&*entry.key).copied() {
                    self.needs(project, &entry.key, &entry.node);
                }
            }),
            None => {
                if let Some(project) = self.projects.get(".").copied() {
                    self.needs(project, ".", self.file);
                }
            }
        }
        let with_needs = if self.file.get("snapshots").is_some() { "snapshots" } else { "packages" };
        for entry in self.map(with_needs).map(Node::entries).unwrap_or_default() {
            if let Some(package) = self.packages.get(&*entry.key).copied() {
                self.needs(package, ".", &entry.node);
            }
        }
    }

    fn needs(&mut self, from: Package, folder: &str, lists: &'a Node<'a>) {
        for (list, when) in LISTS {
            for need in lists.get(list).map(Node::entries).unwrap_or_default() {
                // A project's need is `{specifier, version}` since version 6, or where `specifiers` are not apart.
                let Some(reference) = need.node.text().or_else(|| need.node.get_text("version")) else {
                    let what = format!("`{}` has no version", need.key.escape_debug());
                    self.assembly.invalid(need.line(), what);
                    continue;
                };
                if let Some(link) = reference.strip_prefix("link:") {
                    // A link to a folder that is no project of the workspace leads out of what is described here.
                    let project =
                        joined(folder, link).and_then(|folder| self.projects.get(&*folder).copied());
                    project.into_iter().for_each(|project| self.assembly.need(from, project, when));
                    continue;
                }
                match self.find(&need.key, reference) {
                    Some(to) => self.assembly.need(from, to, when),
                    None if when == Scope::Optional => {}
                    None => self.missing(need.line(), &format!("{}@{reference}", need.key)),
                }
            }
        }
    }

    /// A reference is what follows the name in the package's key; of an alias, and of what is in no registry, the key.
    fn find(&self, name: &str, reference: &str) -> Option<Package> {
        let key = match self.major {
            ..6 => format!("/{name}/{reference}"),
            6 => format!("/{name}@{reference}"),
            _ => format!("{name}@{reference}"),
        };
        self.packages.get(&*key).or_else(|| self.packages.get(reference)).copied()
    }

    fn map(&mut self, key: &str) -> Option<&'a Node<'a>> {
        let node = self.file.get(key)?;
        if !node.is_map() && !node.is_null() {
            self.assembly.invalid(node.line(), format!("{key} is not a map"));
        }
        Some(node).filter(|node| node.is_map())
    }

    fn missing(&mut self, line: usize, what: &str) {
        self.assembly.invalid(line, format!("`{}` is not in it", what.escape_debug()));
    }
}

/// `name@1.0.0(peer@2.0.0)(other@3.0.0)` is `name@1.0.0`. An address may have brackets too, but not before its slashes.
fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or(key)
}

fn in_key(key: &str) -> Option<(&str, &str)> {
    js::split_name(without_peers(key.strip_prefix('/').unwrap_or(key)))
}

/// `/@scope/name/1.0.0_peer@2.0.0`; before the first slash there may be a registry's host.
fn in_key_of_5(key: &str) -> Option<(&str, &str)> {
    let (_, path) = key.split_once('/')?;
    let slashes = if path.starts_with('@') { 2 } else { 1 };
    let (at, _) = path.match_indices('/').nth(slashes - 1)?;
    let version = path.get(at + 1..)?;
    Some((path.get(..at)?, version.split(['_', '(']).next().unwrap_or(version)))
}

/// A folder relative to another; `None` if it leaves the lockfile's.
fn joined(folder: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(link.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}
