//! A release with everything in it that a writer could get wrong.

use crate::format::bom::release::{Origin, Release, ReleaseFile, Source};
use crate::format::bom::{
    Aggregate, Algorithm, Checksum, Component, ComponentKind, Graph, Licence, Purl, Scope,
};
use crate::format::digest::{Digests, Sha256};
use crate::format::path::PackPath;
use crate::format::seal::Tool;

/// 2026-11-20 00:00:00 UTC.
pub(crate) const EPOCH_S: i64 = 1_795_132_800;

/// An npm package.
pub(crate) fn npm(name: &str, version: &str) -> Component {
    let (scope, short) = name.split_once('/').unwrap_or(("", name));
    Component::library(name, version, Purl::new("npm", scope, short, version).unwrap())
}

/// A project of the tree.
pub(crate) fn project(name: &str, version: Option<&str>) -> Component {
    Component::new(ComponentKind::Application, name, version)
}

/// A digest that begins with this byte.
pub(crate) fn sum(algorithm: Algorithm, first: u8) -> Checksum {
    let mut bytes = vec![0xab; algorithm.length()];
    bytes[0] = first;
    Checksum::new(algorithm, &bytes).unwrap()
}

/// A lockfile that was read whole.
pub(crate) fn lockfile(path: &str, graph: Graph) -> Source {
    let sha256 = Some(Sha256::of(path.as_bytes()));
    Source { path: path.to_owned(), sha256, origin: Origin::Lockfile, graph, aggregate: Aggregate::Complete }
}

/// An artifact that was read whole.
pub(crate) fn artifact(path: &str, graph: Graph) -> Source {
    Source { origin: Origin::Artifact, ..lockfile(path, graph) }
}

/// A file of a release.
pub(crate) fn file(path: &str) -> ReleaseFile {
    let digests = Digests::of(path.as_bytes());
    ReleaseFile { path: PackPath::new(path.as_bytes()).unwrap(), digests, size: path.len() as u64 }
}

/// A release of these.
pub(crate) fn release(sources: Vec<Source>, files: Vec<ReleaseFile>) -> Release {
    let mut subject = project("tideline", Some("1.4.0"));
    subject.supplier = Some("Tideline Pilots (Harbour Office)".to_owned());
    subject.licence = Licence::read("MIT OR Apache-2.0");
    let tool = Tool { name: "attestar".to_owned(), version: "0.1.0".to_owned() };
    Release { subject, sources, files, files_omitted: 0, epoch_s: EPOCH_S, tool }
}

/// Every feature at once.
pub(crate) fn everything() -> Release {
    let mut unknown = lockfile("jobs/requirements.txt", requirements());
    unknown.aggregate = Aggregate::Unknown;
    let mut incomplete = artifact("dist/image.tar", image());
    incomplete.aggregate = Aggregate::Incomplete;
    incomplete.sha256 = None;
    let sources = vec![
        lockfile("web/package-lock.json", workspace()),
        lockfile("package-lock.json", second()),
        unknown,
        incomplete,
        artifact("dist/tideline-1.4.0-py3-none-any.whl", wheel()),
    ];
    let files =
        ["dist/image.tar", "dist/tideline-1.4.0-py3-none-any.whl", "dist/ol\u{e1} \u{65e5}\u{672c}.pdf"];
    release(sources, files.map(file).into())
}

/// A circle, every scope, every algorithm, every form of licence, names that no tool expects.
fn workspace() -> Graph {
    let mut graph = Graph::default();
    let root = graph.add_root(project("web", Some("1.4.0")));
    let member = graph.add_root(project("@tideline/charts", None));
    let mut names = Vec::new();
    for (at, (name, licence)) in LICENCES.iter().enumerate() {
        let mut component = npm(name, "1.0.0-rc.1+b.2");
        component.licence = Licence::read(licence);
        component.checksums = ALGORITHMS.iter().map(|&algorithm| sum(algorithm, at as u8)).collect();
        component.scope = [Scope::Runtime, Scope::Optional, Scope::Development][at % 3];
        component.supplier = (at % 4 == 0).then(|| format!("Maker {at} (of things)"));
        names.push(graph.add(component));
    }
    graph.depend(root, member);
    for (at, &node) in names.iter().enumerate() {
        graph.depend(root, node);
        graph.depend(root, node);
        graph.depend(node, node);
        graph.depend(node, names[(at + 1) % names.len()]);
        graph.depend(node, names[(at + 5) % names.len()]);
    }
    graph
}

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Md5,
    Algorithm::Sha1,
    Algorithm::Sha256,
    Algorithm::Sha384,
    Algorithm::Sha512,
    Algorithm::Blake3,
];

const LICENCES: [(&str, &str); 14] = [
    ("left", "MIT"),
    ("@tideline/right", "Apache-2.0 OR MIT"),
    ("up", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("down", "BSD License, the new one; see \u{1b}[31mCOPYING\u{9b}0m"),
    ("\u{65e5}\u{672c}\u{8a9e}", "LicenseRef-Tideline-1.0 AND (ISC OR Zlib)"),
    ("evil\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\n\r\tname", "DocumentRef-other:LicenseRef-Harbour"),
    ("\u{202e}elbisivni\u{200b}", ""),
    ("none", "NOASSERTION"),
    ("a_b", "GPL-3.0-or-later"),
    ("a-b", "mit/apache-2.0"),
    ("\"quoted\\back\"", "Unicode-3.0"),
    ("@scope-without-name", "LGPL-2.1+"),
    ("https://registry.example/x?y=z#f%20", "Proprietary"),
    (LONG, "CC-BY-4.0"),
];

const LONG: &str = "long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long\
    -long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long";

/// The same folder name and packages again, with other licences and digests.
fn second() -> Graph {
    let mut graph = Graph::default();
    let root = graph.add_root(project("web", Some("1.4.0")));
    let mut left = npm("left", "1.0.0-rc.1+b.2");
    left.licence = Licence::read("ISC");
    left.checksums = vec![sum(Algorithm::Sha512, 99)];
    let mut down = npm("down", "1.0.0-rc.1+b.2");
    down.scope = Scope::Development;
    down.licence = Licence::read("BSD-3-Clause");
    for component in [left, down] {
        let node = graph.add(component);
        graph.depend(root, node);
    }
    graph
}

/// A list without roots and without edges, and a circle that nothing leads to.
fn requirements() -> Graph {
    let mut graph = Graph::default();
    for (name, scope) in [("numpy", Scope::Runtime), ("pytest", Scope::Development)] {
        let mut component = Component::library(name, "2.0", Purl::new("pypi", "", name, "2.0").unwrap());
        component.scope = scope;
        graph.add(component);
    }
    let circle = ["one", "two"].map(|name| graph.add(Component::new(ComponentKind::Library, name, None)));
    graph.depend(circle[0], circle[1]);
    graph.depend(circle[1], circle[0]);
    graph
}

/// An image, its system and its packages.
fn image() -> Graph {
    let mut graph = Graph::default();
    graph.add_root(Component::new(ComponentKind::Container, "tideline", Some("1.4.0")));
    graph.add(Component::new(ComponentKind::OperatingSystem, "debian", Some("13")));
    graph.add(Component::new(ComponentKind::File, "usr/bin/tool", None));
    let purl =
        Purl::qualified("deb", "debian", "libc6", "2.41-1", &[("arch", "amd64"), ("distro", "debian-13")]);
    let mut libc = Component::library("libc6", "2.41-1", purl.unwrap());
    libc.supplier = Some("GNU Libc Maintainers <debian-glibc@lists.example>".to_owned());
    graph.add(libc);
    graph
}

fn wheel() -> Graph {
    let mut graph = Graph::default();
    let purl = Purl::new("pypi", "", "tideline", "1.4.0").unwrap();
    let root = graph.add_root(Component::library("tideline", "1.4.0", purl));
    let numpy = graph.add(Component::library("numpy", "2.0", Purl::new("pypi", "", "numpy", "2.0").unwrap()));
    graph.depend(root, numpy);
    let maven = Purl::new("maven", "org.tideline", "charts", "3").unwrap();
    let charts = graph.add(Component::library("org.tideline:charts", "3", maven));
    graph.depend(root, charts);
    graph
}

/// Compares a document with the kept one. Where they differ, the new one is left in the temporary folder, to be looked at
/// and taken over.
pub(crate) fn same(name: &str, written: &str, kept: &str) {
    if written != kept {
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, written).unwrap();
        panic!("fixtures/sbom/{name} differs from {}", path.display());
    }
}
