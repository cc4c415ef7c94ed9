//! Which artifact a jar is: by `META-INF/maven/…/pom.properties` and `pom.xml`, else by its manifest.

use crate::format::bom::{Component, ComponentKind, Graph, Node, Purl};
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::fields::{Fields, Folding};
use crate::tree::artifact::parts::{Needed, licence, licences};
use crate::tree::artifact::pom;
use std::collections::BTreeMap;

/// What the files of a jar say of it.
#[derive(Debug, Default)]
pub struct Told {
    manifest: Fields,
    /// By the folder of pom.properties and pom.xml.
    maven: BTreeMap<String, Maven>,
}

/// What Maven wrote of one artifact.
#[derive(Debug, Default)]
struct Maven {
    group: Option<String>,
    artifact: Option<String>,
    version: Option<String>,
    licences: Vec<String>,
    organisation: Option<String>,
    needed: Needed,
}

/// Whether a member of a jar says something of it.
pub fn is_told_by(member: &str) -> bool {
    member.eq_ignore_ascii_case("META-INF/MANIFEST.MF")
        || member.starts_with("META-INF/maven/")
            && (member.ends_with("/pom.properties") || member.ends_with("/pom.xml"))
}

impl Told {
    /// Takes in one member of which [`is_told_by`] holds.
    pub fn member(&mut self, member: &str, bytes: &[u8]) -> Result<(), Trouble> {
        let text = String::from_utf8_lossy(bytes);
        if let Some(folder) = member.strip_suffix("/pom.properties") {
            self.maven.entry(folder.to_owned()).or_default().properties(&text);
        } else if let Some(folder) = member.strip_suffix("/pom.xml") {
            let pom = pom::read(bytes)?;
            self.maven.entry(folder.to_owned()).or_default().pom(pom);
        } else {
            self.manifest = Fields::first(&text, Folding::Glued);
        }
        Ok(())
    }

    /// Adds the jar and what was merged into it; gives the jar's own node.
    pub fn add_to(mut self, file: &str, within: Option<Node>, graph: &mut Graph) -> Node {
        let own = self.own_folder(file).and_then(|folder| self.maven.remove(&folder));
        let own = own.unwrap_or_default();
        let component = self.component(file, &own);
        let node = match within {
            Some(outer) => {
                let node = graph.add(component);
                graph.depend(outer, node);
                node
            }
            None => graph.add_root(component),
        };
        own.needed.add_to(graph, node, |name| purl(name, ""));
        for merged in self.maven.into_values() {
            if let Some(component) = merged.component() {
                let inner = graph.add(component);
                graph.depend(node, inner);
            }
        }
        node
    }

    /// The folder of the artifact that the jar itself is. Jars that others were merged into have several, and only the
    /// file's name tells which.
    fn own_folder(&self, file: &str) -> Option<String> {
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let names = |maven: &Maven| {
            let artifact = maven.artifact.as_deref().unwrap_or_default();
            let versioned = format!("{artifact}-{}", maven.version.as_deref().unwrap_or_default());
            !artifact.is_empty() && (stem == artifact || stem == versioned)
        };
        if let Some((folder, _)) = self.maven.iter().find(|(_, maven)| names(maven)) {
            return Some(folder.clone());
        }
        let mut complete = self.maven.iter().filter(|(_, maven)| maven.artifact.is_some());
        match (complete.next(), complete.next()) {
            (Some((folder, _)), None) => Some(folder.clone()),
            _ => None,
        }
    }

    fn component(&self, file: &str, own: &Maven) -> Component {
        let value = |name: &str| self.manifest.get(name).and_then(short);
        let bundle = value("Bundle-SymbolicName").and_then(|name| name.split(';').next()).and_then(short);
        let mut component = own.component().unwrap_or_else(|| {
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            let name =
                bundle.or_else(|| value("Implementation-Title")).or_else(|| value("Automatic-Module-Name"));
            let version = value("Implementation-Version").or_else(|| value("Bundle-Version"));
            Component::new(ComponentKind::Library, name.unwrap_or(stem), version)
        });
        if value("Main-Class").is_some() {
            component.kind = ComponentKind::Application;
        }
        let stated = value("Bundle-License").and_then(|text| text.split([';', ',']).next());
        component.licence = component.licence.or_else(|| stated.and_then(licence));
        let vendor = value("Implementation-Vendor").or_else(|| value("Bundle-Vendor"));
        component.supplier = component.supplier.or_else(|| vendor.map(str::to_owned));
        component
    }
}

impl Maven {
    fn properties(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', '!'])) {
            let Some((key, value)) = line.split_once(['=', ':']) else { continue };
            let value = short(value).map(str::to_owned);
            match key.trim() {
                "groupId" => self.group = value,
                "artifactId" => self.artifact = value,
                "version" => self.version = value,
                _ => {}
            }
        }
    }

    /// The pom adds what the properties do not say.
    fn pom(&mut self, pom: pom::Pom) {
        self.group = self.group.take().or(pom.group);
        self.artifact = self.artifact.take().or(pom.artifact);
        self.version = self.version.take().or(pom.version);
        (self.licences, self.organisation, self.needed) = (pom.licences, pom.organisation, pom.needed);
    }

    fn component(&self) -> Option<Component> {
        let (artifact, version) = (self.artifact.as_deref()?, self.version.as_deref());
        let name = match &self.group {
            Some(group) => format!("{group}:{artifact}"),
            None => artifact.to_owned(),
        };
        let mut component = Component::new(ComponentKind::Library, &name, version);
        component.purl = purl(&name, version.unwrap_or_default());
        component.licence = licences(&self.licences.iter().map(String::as_str).collect::<Vec<_>>());
        component.supplier = self.organisation.clone();
        Some(component)
    }
}

/// The package URL of `group:artifact`.
fn purl(name: &str, version: &str) -> Option<Purl> {
    let (group, artifact) = name.split_once(':')?;
    Purl::new("maven", group, artifact, version)
}
