//! What the manifests beside a `Cargo.lock` add to it: which dependencies of the workspace's own packages are only for
//! tests, and their licences.

use crate::format::bom::{Licence, Scope};
use crate::tree::lockfile::Beside;
use std::collections::{BTreeSet, HashMap};
use toml::{Table, Value};

/// The most manifests that are read; a workspace of more is read as if the others were not there.
const MEMBERS_MAX: usize = 1000;

/// The manifests of a workspace, by the names of their packages.
#[derive(Default)]
pub struct Members(HashMap<String, Member>);

#[derive(Default)]
struct Member {
    needed: BTreeSet<String>,
    licence: Option<Licence>,
}

impl Members {
    /// Reads the manifest beside the lockfile, those of the members that it names without a glob, and those of the paths
    /// that any of them depends on.
    pub fn read(beside: &dyn Beside) -> Members {
        let mut members = Members::default();
        let mut seen = BTreeSet::from([String::new()]);
        let mut waiting = vec![String::new()];
        let mut shared: Option<Table> = None;
        while let Some(folder) = waiting.pop() {
            let path =
                if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
            let Some(manifest) = beside.read(&path).and_then(|bytes| parse(&bytes)) else { continue };
            let workspace = manifest.get("workspace").and_then(Value::as_table);
            if folder.is_empty() {
                shared = workspace.cloned();
            }
            let listed = workspace.and_then(|table| table.get("members")).and_then(Value::as_array);
            let listed = listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            let common = workspace.and_then(|table| table.get("dependencies")).and_then(Value::as_table);
            let all = lists(&manifest);
            let tables = all.iter().map(|(_, table)| *table).chain(common);
            let paths = tables.flat_map(|table| table.values()).filter_map(|need| need.get("path")?.as_str());
            for inner in listed.chain(paths.map(str::to_owned)) {
                let found = join(&folder, &inner).filter(|_| seen.len() < MEMBERS_MAX);
                waiting.extend(found.filter(|found| seen.insert(found.clone())));
            }
            members.add(&manifest, shared.as_ref());
        }
        members
    }

    /// When a package of the workspace needs another; at runtime if its manifest was not read.
    ///
    /// Dependencies of build scripts count as needed at runtime: what a build script makes ends up in the program, as
    /// C libraries that `cc` compiles do, and Cargo.lock cannot tell those from mere helpers.
    pub fn when(&self, package: &str, needs: &str) -> Scope {
        match self.0.get(package) {
            Some(member) if !member.needed.contains(needs) => Scope::Development,
            _ => Scope::Runtime,
        }
    }

    /// The licence that a package's manifest states.
    pub fn licence(&self, package: &str) -> Option<Licence> {
        self.0.get(package)?.licence.clone()
    }

    fn add(&mut self, manifest: &Table, workspace: Option<&Table>) {
        let Some(package) = manifest.get("package").and_then(Value::as_table) else { return };
        let Some(name) = package.get("name").and_then(Value::as_str) else { return };
        let shared = |of: &str, key: &str| workspace?.get(of)?.get(key).cloned();
        let mut needed = BTreeSet::new();
        for (list, table) in lists(manifest) {
            if list == "dev-dependencies" || list == "dev_dependencies" {
                continue;
            }
            for (key, need) in table {
                // A dependency may be called otherwise than its package; a shared one is described in the workspace.
                let inherited = need.get("workspace").and_then(|_| shared("dependencies", key));
                let described = inherited.as_ref().unwrap_or(need);
                let real = described.get("package").and_then(Value::as_str);
                needed.insert(real.unwrap_or(key).to_owned());
            }
        }
        let licence = match package.get("license") {
            Some(Value::Table(_)) => shared("package", "license"),
            other => other.cloned(),
        };
        let licence = licence.as_ref().and_then(Value::as_str).and_then(Licence::read);
        self.0.insert(name.to_owned(), Member { needed, licence });
    }
}

/// Every list of dependencies, also those of single targets.
fn lists(manifest: &Table) -> Vec<(&'static str, &Table)> {
    const LISTS: [&str; 5] =
        ["dependencies", "build-dependencies", "build_dependencies", "dev-dependencies", "dev_dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values()).filter_map(Value::as_table);
    let tables = [manifest].into_iter().chain(targets);
    tables
        .flat_map(|table| LISTS.iter().filter_map(|list| Some((*list, table.get(*list)?.as_table()?))))
        .collect()
}

fn parse(bytes: &[u8]) -> Option<Table> {
    toml::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

/// A folder named in a manifest, from the lockfile's folder; `None` for a glob and for what leaves that folder.
fn join(folder: &str, inner: &str) -> Option<String> {
    if inner.contains(['*', '?', '[', '\\']) || inner.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in inner.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const ROOT: &str = "[workspace]\nmembers = ['one', 'globs/*']\n[workspace.package]\nlicense = 'MIT'\n\
        [workspace.dependencies]\nshared = { version = '1', package = 'real' }\n";
    const ONE: &str = "[package]\nname = 'one'\nlicense.workspace = true\n[dependencies]\nshared.workspace = true\n\
        two = { path = '../two' }\n[dev-dependencies]\nproptest = '1'\nboth = '1'\n[build-dependencies]\ncc = '1'\n\
        [target.'cfg(unix)'.dependencies]\nboth = '1'\n";

    #[test]
    fn manifests_tell_what_is_for_tests() {
        let two = "[package]\nname = 'two'\nlicense = 'Apache-2.0'\n";
        let beside = BTreeMap::from([("Cargo.toml", ROOT), ("one/Cargo.toml", ONE), ("two/Cargo.toml", two)]);
        let members = Members::read(&beside);
        for (needs, when) in [
            ("real", Scope::Runtime),
            ("two", Scope::Runtime),
            ("cc", Scope::Runtime),
            ("both", Scope::Runtime),
            ("proptest", Scope::Development),
        ] {
            assert_eq!(members.when("one", needs), when, "{needs}");
        }
        assert_eq!(members.when("unread", "proptest"), Scope::Runtime);
        assert_eq!(members.licence("one"), Some(Licence::Expression("MIT".into())));
        assert_eq!(members.licence("two"), Some(Licence::Expression("Apache-2.0".into())));
    }

    #[test]
    fn paths_stay_in_the_folder() {
        assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join("a", ".."), Some(String::new()));
        for bad in ["../..", "/x", "x/*", "c:\\x"] {
            assert_eq!(join("a", bad), None, "{bad}");
        }
    }
}
