//! `pom.xml` of Maven: the dependencies that a project declares.
//!
//! A pom is no resolution: what those dependencies need is elsewhere, and so is what the parent adds. A version that
//! cannot be told from this one file (it is the parent's, or a range) is absent. Profiles are passed over: they hold only
//! where someone asks for them.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Component, ComponentKind, Licence, Purl, Scope};
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::xml::{self, Element};
use crate::tree::reading::{Fault, Reading};
use std::collections::HashMap;

/// The deepest that properties stand in each other, and the longest text that comes of it, in bytes.
const PROPERTY_DEPTH_MAX: usize = 16;
const PROPERTY_BYTES_MAX: usize = 1024;

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "pom.xml"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let pom = match xml::parse(lockfile.bytes) {
        Ok(pom) => pom,
        Err(fault) => return fault.into(),
    };
    if pom.name != "project" {
        return Fault::new(Code::SbomSourceInvalid, pom.line, "no Maven project").into();
    }
    let mut assembly = Assembly::new(Aggregate::Unknown);
    if let Some(version) = pom.child("modelVersion").filter(|version| version.text != "4.0.0") {
        let what = format!("model version {} is not 4.0.0", version.text.escape_debug());
        assembly.newer(version.line, what);
    }
    let properties = Properties::of(&pom);
    let Some(root) = project(&pom, &properties) else {
        assembly.invalid(pom.line, "the project has no artifactId");
        return assembly.finish();
    };
    let root = assembly.root(root);
    let managed = pom.child("dependencyManagement").map_or(&[][..], |managed| managed.inside("dependencies"));
    let managed: HashMap<Key, &Element> =
        managed.iter().filter_map(|managed| Some((Key::of(managed, &properties)?, managed))).collect();
    for declared in pom.inside("dependencies") {
        match dependency(declared, &managed, &properties) {
            Some(component) => {
                let scope = component.scope;
                let node = assembly.package(component);
                assembly.need(root, node, scope);
            }
            None => assembly
                .invalid(declared.line, "a dependency without a groupId or artifactId that can be told"),
        }
    }
    assembly.finish()
}

/// The project itself; its group and version may be its parent's.
fn project(pom: &Element, properties: &Properties<'_>) -> Option<Component> {
    let own = |name: &str| properties.resolve(pom.text_of(name)?);
    let inherited =
        |name: &str| own(name).or_else(|| properties.resolve(pom.child("parent")?.text_of(name)?));
    let artifact = own("artifactId")?;
    let (group, version) = (inherited("groupId"), inherited("version"));
    let mut component = match group {
        Some(group) => described(&group, &artifact, version.as_deref(), &[]),
        None => Component::new(ComponentKind::Library, artifact, version.as_deref()),
    };
    component.kind = ComponentKind::Application;
    component.supplier = pom.child("organization").and_then(|by| by.text_of("name")).map(str::to_owned);
    // Of several licences it is not said whether one may choose.
    if let [only] = pom.inside("licenses") {
        component.licence = only.text_of("name").and_then(Licence::read);
    }
    Some(component)
}

fn described(group: &str, artifact: &str, version: Option<&str>, qualifiers: &[(&str, &str)]) -> Component {
    let purl = Purl::qualified("maven", group, artifact, version.unwrap_or_default(), qualifiers);
    let name = format!("{group}:{artifact}");
    Component { purl, ..Component::new(ComponentKind::Library, name, version) }
}

/// What makes two dependencies the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    group: String,
    artifact: String,
    kind: String,
    classifier: String,
}

impl Key {
    fn of(dependency: &Element, properties: &Properties<'_>) -> Option<Key> {
        let text = |name: &str| properties.resolve(dependency.text_of(name)?);
        let or_empty = |name: &str| match dependency.text_of(name) {
            Some(_) => text(name),
            None => Some(String::new()),
        };
        let kind = or_empty("type")?;
        let kind = if kind == "jar" { String::new() } else { kind };
        Some(Key {
            group: text("groupId")?,
            artifact: text("artifactId")?,
            kind,
            classifier: or_empty("classifier")?,
        })
    }
}

fn dependency(
    declared: &Element,
    managed: &HashMap<Key, &Element>,
    properties: &Properties<'_>,
) -> Option<Component> {
    let key = Key::of(declared, properties)?;
    let managed = managed.get(&key);
    let either = |name: &str| declared.text_of(name).or_else(|| managed?.text_of(name));
    let version = either("version").and_then(|version| properties.resolve(version));
    let version = version.as_deref().and_then(exact);
    let qualifiers = [("classifier", key.classifier.as_str()), ("type", key.kind.as_str())];
    let mut component = described(&key.group, &key.artifact, version, &qualifiers);
    let scope = either("scope").and_then(|scope| properties.resolve(scope));
    component.scope = match scope.as_deref() {
        Some("test") => Scope::Development,
        // The platform brings it, so it runs with the project without being part of it.
        Some("provided") => Scope::Optional,
        _ if either("optional") == Some("true") => Scope::Optional,
        _ => Scope::Runtime,
    };
    Some(component)
}

/// A version that means one: `1.2`, `[1.2]`; not a range, nor what moves with time.
fn exact(version: &str) -> Option<&str> {
    let inner = version.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(version);
    let moves = matches!(inner, "LATEST" | "RELEASE");
    (!moves && !inner.contains(['[', ']', '(', ')', ',', ' '])).then_some(inner)
}

/// What `${name}` stands for, as far as this file tells.
struct Properties<'a>(HashMap<String, &'a str>);

impl<'a> Properties<'a> {
    fn of(pom: &'a Element) -> Properties<'a> {
        let mut known: HashMap<String, &str> = HashMap::new();
        for property in pom.inside("properties") {
            known.insert(property.name.clone(), &property.text);
        }
        let parent = pom.child("parent");
        for name in ["groupId", "artifactId", "version"] {
            let of_parent = parent.and_then(|parent| parent.text_of(name));
            let own = pom.text_of(name).or(of_parent.filter(|_| name != "artifactId"));
            for prefix in ["project.", "pom.", ""] {
                own.map(|own| known.insert(format!("{prefix}{name}"), own));
            }
            of_parent.map(|text| known.insert(format!("project.parent.{name}"), text));
        }
        Properties(known)
    }

    /// A text with every property in its place; `None` if one is not known here, or is in itself.
    fn resolve(&self, text: &str) -> Option<String> {
        let mut resolved = text.to_owned();
        for _ in 0..PROPERTY_DEPTH_MAX {
            if !resolved.contains("${") {
                return Some(resolved).filter(|resolved| !resolved.is_empty());
            }
            resolved = self.step(&resolved)?;
            if resolved.len() > PROPERTY_BYTES_MAX {
                return None;
            }
        }
        None
    }

    /// Every property once.
    fn step(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            out.push_str(before);
            out.push_str(self.0.get(name)?);
            if out.len() > PROPERTY_BYTES_MAX {
                return None;
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

#[cfg(test)]
mod tests;
