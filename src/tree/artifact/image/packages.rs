//! Installed packages of a system, and which of them need which.

use crate::format::bom::{Component, Graph, Node};
use std::collections::HashMap;

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// What it is.
    pub component: Component,
    /// Its architecture; empty where none is stated.
    pub arch: String,
    /// Other names it answers to.
    pub provides: Vec<String>,
    /// What it needs: of each, names of which any one will do.
    pub needs: Vec<Vec<String>>,
}

/// Adds packages, all of them needed by `holder`, with the needs that other installed packages meet.
pub fn add(packages: Vec<Package>, holder: Node, graph: &mut Graph) {
    let nodes: Vec<Node> = packages.iter().map(|package| graph.add(package.component.clone())).collect();
    // Where several answer to a name, the first counts, and the first of the same architecture before it.
    let mut by_name: HashMap<&str, Node> = HashMap::new();
    let mut by_arch: HashMap<(&str, &str), Node> = HashMap::new();
    let own =
        packages.iter().zip(&nodes).map(|(package, node)| (package, package.component.name.as_str(), *node));
    let other = packages
        .iter()
        .zip(&nodes)
        .flat_map(|(package, node)| package.provides.iter().map(move |name| (package, name.as_str(), *node)));
    for (package, name, node) in own.chain(other) {
        by_name.entry(name).or_insert(node);
        by_arch.entry((name, &package.arch)).or_insert(node);
    }
    for (package, from) in packages.iter().zip(&nodes) {
        graph.depend(holder, *from);
        for any in &package.needs {
            let meets = |name: &String| {
                let same = by_arch.get(&(name.as_str(), package.arch.as_str()));
                same.or_else(|| by_name.get(name.as_str())).copied()
            };
            if let Some(to) = any.iter().find_map(meets).filter(|to| to != from) {
                graph.depend(*from, to);
            }
        }
    }
}
