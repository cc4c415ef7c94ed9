//! `.crate` files of `cargo package`: `NAME-VERSION/Cargo.toml`, and the Cargo.lock beside it.

use crate::format::bom::{Aggregate, Component, ComponentKind, Purl, Scope};
use crate::tree::artifact::bounds::{Budget, Trouble, short};
use crate::tree::artifact::parts::{Needed, licence, noted, people};
use crate::tree::artifact::tar::{EntryKind, Tar, inside};
use crate::tree::lockfile::{Beside, LOCKFILE_BYTES_MAX, Lockfile, kind_of};
use crate::tree::reading::Reading;
use toml::{Table, Value};

/// The Cargo.toml beside a Cargo.lock.
struct Manifest<'a>(&'a [u8]);

impl Beside for Manifest<'_> {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        (relative == "Cargo.toml").then(|| self.0.to_vec())
    }
}

/// What a crate says of itself.
pub fn read(path: &str, tar: &mut Tar<'_>) -> Result<Reading, Trouble> {
    let mut budget = Budget::new();
    let (mut manifest, mut lock) = (None, None);
    while let Some(entry) = tar.next(&mut budget)? {
        let Some(name) = inside(&entry.path).filter(|_| entry.kind == EntryKind::File) else { continue };
        match name.split_once('/') {
            Some((_, "Cargo.toml")) => manifest = Some(budget.manifest(&mut tar.body())?),
            Some((_, "Cargo.lock")) => lock = Some(budget.read(&mut tar.body(), LOCKFILE_BYTES_MAX)),
            _ => {}
        }
    }
    let manifest = manifest.ok_or_else(|| Trouble::invalid("a crate without a Cargo.toml"))?;
    let text = std::str::from_utf8(&manifest).map_err(|_| Trouble::invalid("Cargo.toml is not UTF-8"))?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| Trouble::invalid(format!("Cargo.toml: {}", error.message())))?;
    let component = component(&table).ok_or_else(|| Trouble::invalid("Cargo.toml names no package"))?;
    let kind = kind_of("Cargo.lock");
    Ok(match (lock, kind) {
        (Some(Ok(bytes)), Some(kind)) => {
            let beside = Manifest(&manifest);
            let reading = (kind.read)(&Lockfile { path, bytes: &bytes, beside: &beside });
            locked(component, reading)
        }
        (lock, _) => {
            let mut reading = Reading::new(Aggregate::Unknown);
            if let Some(Err(trouble)) = lock {
                trouble.note("Cargo.lock", &mut reading);
            }
            let root = reading.graph.add_root(component);
            needed(&table).add_to(&mut reading.graph, root, |name| purl(name, ""));
            reading
        }
    })
}

/// The lockfile's graph, in which the crate is one of the packages.
fn locked(component: Component, lock: Reading) -> Reading {
    let is_it = |other: &Component| other.name == component.name && other.version == component.version;
    let mut reading = Reading::new(lock.aggregate);
    for fault in lock.faults {
        noted(fault, "Cargo.lock", &mut reading);
    }
    let root = lock.graph.roots().iter().copied().find(|node| is_it(lock.graph.component(*node)));
    match root {
        Some(root) => {
            reading.graph = lock.graph;
            *reading.graph.component_mut(root) = component;
        }
        None => {
            reading.graph.add_root(component);
            Trouble::invalid("it does not list the crate itself").note("Cargo.lock", &mut reading);
        }
    }
    reading
}

fn component(table: &Table) -> Option<Component> {
    let package = table.get("package")?.as_table()?;
    let text = |key: &str| package.get(key).and_then(Value::as_str).and_then(short);
    let (name, version) = (text("name")?, text("version"));
    let mut component = Component::new(ComponentKind::Library, name, version);
    component.purl = purl(name, version.unwrap_or_default());
    component.licence = text("license").and_then(licence);
    let authors = package.get("authors").and_then(Value::as_array).into_iter().flatten();
    component.supplier = people(authors.filter_map(Value::as_str));
    Some(component)
}

/// The dependencies of the manifest that `cargo package` has normalised. Those for tests are nobody else's.
fn needed(table: &Table) -> Needed {
    let mut needed = Needed::default();
    add(&mut needed, table.get("dependencies"), Scope::Runtime);
    add(&mut needed, table.get("build-dependencies"), Scope::Development);
    for target in table.get("target").and_then(Value::as_table).into_iter().flat_map(|all| all.values()) {
        add(&mut needed, target.get("dependencies"), Scope::Optional);
        add(&mut needed, target.get("build-dependencies"), Scope::Development);
    }
    needed
}

fn add(needed: &mut Needed, dependencies: Option<&Value>, scope: Scope) {
    for (key, value) in dependencies.and_then(Value::as_table).into_iter().flatten() {
        let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
        let is_optional = value.get("optional").and_then(Value::as_bool) == Some(true);
        needed.add(name, if is_optional { scope.max(Scope::Optional) } else { scope });
    }
}

/// The package URL of a crate.
pub fn purl(name: &str, version: &str) -> Option<Purl> {
    Purl::new("cargo", "", name, version)
}
