//! Large lockfiles of other projects, which lie beside this repository. Their counts were taken in other ways.

use crate::format::bom::{Aggregate, Scope};
use crate::tree::lockfile::testing::{Folder, component, file, read};
use crate::tree::reading::Reading;

struct Counts {
    roots: usize,
    libraries: usize,
    /// Needed at runtime, optionally, and for development.
    scopes: [usize; 3],
    digests: usize,
    licences: usize,
}

fn assert_counts(path: &str, beside: &Folder, expected: &Counts) -> Reading {
    let reading = read(path, &file(path), beside);
    assert_eq!((&reading.faults[..], reading.aggregate), (&[][..], Aggregate::Complete), "{path}");
    let graph = &reading.graph;
    let libraries: Vec<_> = graph
        .nodes()
        .filter(|node| !graph.roots().contains(node))
        .map(|node| graph.component(node))
        .collect();
    let count = |scope: Scope| libraries.iter().filter(|library| library.scope == scope).count();
    assert_eq!((graph.roots().len(), libraries.len()), (expected.roots, expected.libraries), "{path}");
    assert_eq!([Scope::Runtime, Scope::Optional, Scope::Development].map(count), expected.scopes, "{path}");
    let digests = libraries.iter().filter(|library| !library.checksums.is_empty()).count();
    let licences = libraries.iter().filter(|library| library.licence.is_some()).count();
    assert_eq!((digests, licences), (expected.digests, expected.licences), "{path}");
    reading
}

/// Python over the JSON: entries below `node_modules` that are no links, different (name or last folder, version): 849;
/// of those the strongest of dev, optional or devOptional, neither: 628, 10, 211; with `integrity` 175,
/// `license` 848, one of which only says in which file to look.
#[test]
fn npm_3() {
    let path = "../shared/lockfiles/npm-v3/package-lock.json";
    let counts = Counts { roots: 15, libraries: 849, scopes: [211, 10, 628], digests: 175, licences: 847 };
    let graph = assert_counts(path, &Folder::new("../shared/lockfiles/npm-v3"), &counts).graph;
    // An alias: `node_modules/string-width-cjs` is called `string-width` in it.
    component(&graph, "pkg:npm/string-width@4.2.3");
}

/// Python, lines of two spaces and a colon at the end between `packages:` and `snapshots:`: 1,153, as many as
/// `integrity: sha512-`; the keys of `snapshots` without their brackets, what has the same key then taken together,
/// that are reached from the importers over `dependencies`, then over `optionalDependencies` too, then over
/// `devDependencies` too: 301, 53 more, 799 more. (Apart for each set of peers, which is finer than packages: 50, 802.)
#[test]
fn pnpm_9() {
    let path = "../shared/lockfiles/pnpm/pnpm-lock.yaml";
    let counts = Counts { roots: 8, libraries: 1153, scopes: [301, 53, 799], digests: 1153, licences: 0 };
    assert_counts(path, &Folder::new("../shared/lockfiles/pnpm"), &counts);
}

/// Python, lines `  resolution: "…"`: 1,052, of which one is the workspace and two are patches of packages that are
/// there unpatched too; reached from the workspace without `optional: true` of `dependenciesMeta` 905, with it 144 more.
/// One range, `trim@npm:0.0.1`, is replaced by `resolutions` and not in the file. Without package.json nothing is known to be for development.
#[test]
fn yarn_berry_10() {
    let path = "../shared/lockfiles/yarn-berry/yarn.lock";
    let counts = Counts { roots: 1, libraries: 1049, scopes: [905, 144, 0], digests: 0, licences: 0 };
    assert_counts(path, &Folder::new("../shared/lockfiles/yarn-berry"), &counts);
}

/// Every `[[package]]` but the project itself has a `source` and a `checksum` (`grep -c`), in this repository's own
/// lockfile and in that of its fuzz targets.
#[test]
fn cargo_4() {
    for folder in [".", "tests/fuzz"] {
        let path = format!("{folder}/Cargo.lock");
        let text = String::from_utf8(file(&path)).unwrap();
        let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        let reading = read(&path, text.as_bytes(), &Folder::new(folder));
        assert_eq!((&reading.faults[..], reading.aggregate), (&[][..], Aggregate::Complete), "{path}");
        let graph = &reading.graph;
        assert_eq!(graph.len(), lines("[[package]]"), "{path}");
        assert_eq!(graph.len() - graph.roots().len(), lines("source = "), "{path}");
        let digests = graph.nodes().map(|node| graph.component(node).checksums.len()).sum::<usize>();
        assert_eq!(digests, lines("checksum = "), "{path}");
    }
    let own = read("Cargo.lock", &file("Cargo.lock"), &Folder::new("."));
    let scope = |name: &str| {
        let graph = &own.graph;
        let found = graph.nodes().map(|node| graph.component(node)).find(|component| component.name == name);
        found.map(|component| component.scope)
    };
    assert_eq!(scope("proptest"), Some(Scope::Development));
    assert_eq!(scope("serde_json"), Some(Scope::Runtime));
}
