//! Rust programs with the list that cargo-auditable puts into them: JSON, compressed by zlib, in the section `.dep-v0`.

use crate::format::bom::{Aggregate, Component, ComponentKind, Graph, Node, Scope};
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Bounded, Pool, Trouble, short};
use crate::tree::artifact::crate_file::purl;
use crate::tree::artifact::parts::file_name;
use crate::tree::artifact::program::sections::Section;
use crate::tree::artifact::program::whole;
use crate::tree::reading::Reading;
use flate2::read::ZlibDecoder;
use serde::Deserialize;
use std::io::Read;

/// The largest section, and what it may unpack to. cargo-auditable's own readers take 8 MiB.
const SECTION_BYTES_MAX: u64 = 8 << 20;

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    dependencies: Vec<usize>,
    #[serde(default)]
    root: bool,
}

/// The list of a program; `None` if it has none.
pub fn read(path: &str, sections: &[Section], source: &mut dyn Source) -> Result<Option<Reading>, Trouble> {
    let Some(section) = sections.iter().find(|section| section.name == ".dep-v0") else { return Ok(None) };
    let packed = whole(source, section, SECTION_BYTES_MAX)?;
    let mut json = Vec::new();
    let unpacked =
        Bounded::new(ZlibDecoder::new(&packed[..]), Pool::with(SECTION_BYTES_MAX)).read_to_end(&mut json);
    unpacked.map_err(|error| prefixed(error.into()))?;
    let list: List = serde_json::from_slice(&json)
        .map_err(|error| prefixed(Trouble::invalid(format!("not the list: {error}"))))?;
    let mut reading = Reading::new(Aggregate::Complete);
    fill(path, &list, &mut reading);
    Ok(Some(reading))
}

fn fill(path: &str, list: &List, reading: &mut Reading) {
    let graph = &mut reading.graph;
    let nodes: Vec<Node> = list.packages.iter().map(|package| add(graph, package)).collect();
    let mut strays = 0_usize;
    for (package, from) in list.packages.iter().zip(&nodes) {
        for place in &package.dependencies {
            match nodes.get(*place) {
                Some(to) => graph.depend(*from, *to),
                None => strays += 1,
            }
        }
    }
    if !list.packages.iter().any(|package| package.root) {
        let root = graph.add_root(Component::new(ComponentKind::Application, file_name(path), None));
        nodes.iter().for_each(|node| graph.depend(root, *node));
        Trouble::invalid("no package of the list is its root").note(".dep-v0", reading);
    }
    if strays > 0 {
        Trouble::invalid(format!("{strays} dependencies that are not in the list")).note(".dep-v0", reading);
    }
}

fn add(graph: &mut Graph, package: &Package) -> Node {
    let name = short(&package.name).unwrap_or("unnamed");
    let kind = if package.root { ComponentKind::Application } else { ComponentKind::Library };
    let mut component = Component::new(kind, name, short(&package.version));
    if package.root || package.source == "crates.io" {
        component.purl = purl(name, short(&package.version).unwrap_or_default());
    }
    if package.kind.as_deref() == Some("build") {
        component.scope = Scope::Development;
    }
    if package.root { graph.add_root(component) } else { graph.add(component) }
}

fn prefixed(trouble: Trouble) -> Trouble {
    Trouble { what: format!("the section .dep-v0: {}", trouble.what), ..trouble }
}
