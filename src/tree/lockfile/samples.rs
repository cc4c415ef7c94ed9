//! Real lockfiles for the tests, and what every reader has to stand.

use crate::finding::Code;
use crate::format::bom::{self, Aggregate, Scope};
use crate::tree::lockfile::{Beside, Lockfile, kind_of};
use crate::tree::reading::Reading;
use std::fs;

/// Reads a lockfile by its name, as any caller does.
#[track_caller]
pub fn read(path: &str, bytes: &[u8], beside: &dyn Beside) -> Reading {
    let kind = kind_of(path).unwrap_or_else(|| panic!("{path} is of no kind"));
    (kind.read)(&Lockfile { path, bytes, beside })
}

/// A file of `fixtures/lockfiles`.
#[track_caller]
pub fn fixture(path: &str) -> Vec<u8> {
    load(&format!("fixtures/lockfiles/{path}"))
}

/// A file of the lockfiles that lie beside the checkout.
#[track_caller]
pub fn shared(path: &str) -> Vec<u8> {
    load(&format!("../shared/lockfiles/{path}"))
}

#[track_caller]
fn load(path: &str) -> Vec<u8> {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every component in the order of the file: `name@version`, its scope unless it is needed to run, how many digests
/// it has, and what it needs. Roots begin with `#`.
pub fn shown(reading: &Reading) -> Vec<String> {
    let graph = &reading.graph;
    let name = |node: bom::Node| {
        let component = graph.component(node);
        format!("{}@{}", component.name, component.version.as_deref().unwrap_or("-"))
    };
    let one = |node: bom::Node| {
        let component = graph.component(node);
        let root = if graph.roots().contains(&node) { "#" } else { "" };
        let scope = match component.scope {
            Scope::Runtime => "",
            Scope::Optional => " optional",
            Scope::Development => " dev",
        };
        let hashes = component.checksums.len();
        let needs: Vec<String> = graph.needs(node).iter().map(|node| name(*node)).collect();
        let needs = if needs.is_empty() { String::new() } else { format!(" > {}", needs.join(" ")) };
        format!("{root}{}{scope} {hashes}{needs}", name(node))
    };
    graph.nodes().map(one).collect()
}

/// How many components, edges and digests, and how many components of each scope: run, optional, development.
pub fn counted(reading: &Reading) -> ([usize; 3], [usize; 3]) {
    let graph = &reading.graph;
    let edges = graph.nodes().map(|node| graph.needs(node).len()).sum();
    let components = || graph.nodes().map(|node| graph.component(node));
    let digests = components().map(|component| component.checksums.len()).sum();
    let scopes = [Scope::Runtime, Scope::Optional, Scope::Development];
    let scopes = scopes.map(|scope| components().filter(|component| component.scope == scope).count());
    ([graph.len(), edges, digests], scopes)
}

/// The package URL of a component by its name; several where there are.
pub fn purls<'a>(reading: &'a Reading, name: &str) -> Vec<&'a str> {
    let components = reading.graph.nodes().map(|node| reading.graph.component(node));
    let purls =
        components.filter(|component| component.name == name).map(|component| component.purl.as_ref());
    purls.map(|purl| purl.map_or("none", |purl| purl.as_str())).collect()
}

/// Cuts a good file short at many places: nothing panics, and what has no fault has only packages of the whole.
#[track_caller]
pub fn stands_cuts(path: &str, bytes: &[u8], beside: &dyn Beside) {
    let whole = read(path, bytes, beside);
    let all: std::collections::HashSet<_> =
        whole.graph.nodes().map(|node| &whole.graph.component(node).name).collect();
    let step = (bytes.len() / 60).max(1);
    for end in (0..bytes.len()).step_by(step) {
        let cut = read(path, &bytes[..end], beside);
        let faulty = !cut.faults.is_empty() && cut.aggregate == Aggregate::Incomplete;
        let names = cut.graph.nodes().map(|node| &cut.graph.component(node).name);
        let known = names.filter(|name| !all.contains(name)).count();
        assert!(faulty || known == 0, "{path} cut at {end}: {cut:?}");
    }
}

/// Reads a bad file: exactly one fault of this code and line, whose text begins so.
#[track_caller]
pub fn one_fault(path: &str, text: &str, code: Code, line: Option<usize>, what: &str) -> Reading {
    let reading = read(path, text.as_bytes(), &());
    let [fault] = &reading.faults[..] else { panic!("{path}: {:?}", reading.faults) };
    assert_eq!((fault.code, fault.line), (code, line), "{fault:?}");
    assert!(fault.what.starts_with(what), "{fault:?}");
    assert_eq!(reading.aggregate, Aggregate::Incomplete);
    reading
}
