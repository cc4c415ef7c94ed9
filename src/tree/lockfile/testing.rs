//! What the tests of several lockfile readers share.

use crate::format::bom::{Component, Graph, Node};
use crate::tree::lockfile::{Beside, Lockfile, kind_of};
use crate::tree::reading::Reading;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Files beside a lockfile, by their relative paths.
impl Beside for BTreeMap<&str, &str> {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        self.get(relative).map(|text| text.as_bytes().to_vec())
    }
}

/// A folder of this repository, or beside it.
pub struct Folder(PathBuf);

impl Folder {
    /// By its path from the repository's root.
    pub fn new(path: &str) -> Folder {
        Folder(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path))
    }
}

impl Beside for Folder {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        fs::read(self.0.join(relative)).ok()
    }
}

/// A file by its path from the repository's root.
pub fn file(path: &str) -> Vec<u8> {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

/// Reads a lockfile of this name by its kind's reader.
pub fn read(path: &str, bytes: &[u8], beside: &dyn Beside) -> Reading {
    let kind = kind_of(path).unwrap_or_else(|| panic!("{path} is of no kind"));
    (kind.read)(&Lockfile { path, bytes, beside })
}

/// Every component and what it needs, a line each, sorted: `Library ms 2.0.0 Development: …`.
pub fn listing(graph: &Graph) -> Vec<String> {
    let name = |node: &Node| {
        let component = graph.component(*node);
        format!("{}@{}", component.name, component.version.as_deref().unwrap_or("-"))
    };
    let line = |node: Node| {
        let component = graph.component(node);
        let mut needs: Vec<String> = graph.needs(node).iter().map(name).collect();
        needs.sort();
        format!("{:?} {} {:?}: {}", component.kind, name(&node), component.scope, needs.join(" "))
            .trim_end()
            .to_owned()
    };
    let mut lines: Vec<String> = graph.nodes().map(line).collect();
    lines.sort();
    lines
}

/// The component of a package URL.
pub fn component<'a>(graph: &'a Graph, purl: &str) -> &'a Component {
    let is = |component: &&Component| component.purl.as_ref().is_some_and(|of| of.as_str() == purl);
    graph.nodes().map(|node| graph.component(node)).find(is).unwrap_or_else(|| panic!("no {purl}"))
}
