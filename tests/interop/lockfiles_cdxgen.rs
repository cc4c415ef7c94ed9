//! Another program over the same lockfiles: which components cdxgen lists, and who needs whom. What differs stands in the
//! table of docs/SBOM.md with its reason; what is not explained there fails.
//!
//! cdxgen gets no network. With one it looks up what it can, and then says other things each day.

use crate::judge::{attestar, cdxgen, checkout, passes};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What an SBOM says, by package URLs without qualifiers.
struct Listed {
    components: BTreeSet<String>,
    /// Who needs, and what.
    edges: BTreeSet<(String, String)>,
}

impl Listed {
    fn read(sbom: &Path) -> Listed {
        let text = fs::read_to_string(sbom).unwrap_or_else(|error| panic!("{}: {error}", sbom.display()));
        let sbom: Value = serde_json::from_str(&text).expect("JSON");
        let components = || sbom["components"].as_array().expect("components").iter();
        // The project itself is a component in one and the subject in the other.
        let named = components().chain([&sbom["metadata"]["component"]]);
        let names: BTreeMap<&str, String> =
            named.filter_map(|one| Some((one["bom-ref"].as_str()?, bare(one["purl"].as_str()?)))).collect();
        let mut edges = BTreeSet::new();
        for one in sbom["dependencies"].as_array().into_iter().flatten() {
            let from = one["ref"].as_str().and_then(|from| names.get(from));
            let needs = one["dependsOn"].as_array().into_iter().flatten();
            let needs = needs.filter_map(|need| names.get(need.as_str()?));
            edges
                .extend(from.into_iter().flat_map(|from| needs.clone().map(|to| (from.clone(), to.clone()))));
        }
        let components =
            components().filter(|one| one["type"] != "file").filter_map(|one| one["purl"].as_str()).map(bare);
        Listed { components: components.collect(), edges }
    }
}

/// A package URL without its qualifiers, percent-decoded.
fn bare(purl: &str) -> String {
    let purl = purl.split(['?', '#']).next().unwrap_or_default();
    let mut parts = purl.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("an escape"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// What attestar lists of a folder.
fn ours(tree: &Path) -> Listed {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let out = scratch.path().join("ours.json");
    let mut sbom = attestar(scratch.path());
    passes(sbom.arg("-C").arg(tree).args(["sbom", "--version", "1.0.0", "--out"]).arg(&out));
    Listed::read(&out)
}

/// What cdxgen lists of a folder, told which kind of project it is.
fn theirs(tree: &Path, kind: &str) -> Listed {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let out = scratch.path().join("theirs.json");
    // A relative path with one slash would be looked up as a model.
    let tree = tree.canonicalize().expect("a folder");
    passes(cdxgen(scratch.path()).args(["-t", kind, "-o"]).arg(&out).arg(tree));
    Listed::read(&out)
}

/// Both lists of one folder.
struct Compared {
    ours: Listed,
    theirs: Listed,
}

impl Compared {
    fn of(tree: &str, kind: &str) -> Compared {
        let tree = checkout().join(tree);
        Compared { ours: ours(&tree), theirs: theirs(&tree, kind) }
    }

    /// Exactly so many components are in both, and exactly these in one alone.
    #[track_caller]
    fn components(&self, in_both: usize, only_ours: &[&str], only_theirs: &[&str]) {
        let (ours, theirs) = (&self.ours.components, &self.theirs.components);
        let only = [ours.difference(theirs), theirs.difference(ours)]
            .map(|only| only.map(String::as_str).collect::<Vec<_>>());
        assert_eq!(only, [only_ours, only_theirs]);
        assert_eq!(ours.intersection(theirs).count(), in_both);
    }

    /// Needs that only ours has, and that only theirs has.
    fn edges(&self) -> [BTreeSet<(&str, &str)>; 2] {
        let (ours, theirs) = (&self.ours.edges, &self.theirs.edges);
        [ours.difference(theirs), theirs.difference(ours)]
            .map(|only| only.map(|(from, to)| (from.as_str(), to.as_str())).collect())
    }
}

/// How many of these needs are of one component.
fn of(edges: &BTreeSet<(&str, &str)>, from: &str) -> usize {
    edges.iter().filter(|(one, _)| *one == from).count()
}

/// The root project is a component of ours. cdxgen adds needs of optional peers, and of the root to each of its members.
#[test]
fn npm() {
    let compared = Compared::of("../shared/lockfiles/npm-v3", "npm");
    let root = "pkg:npm/sigstore-monorepo@0.0.0";
    compared.components(863, &[root], &[]);
    let [ours, theirs] = compared.edges();
    assert_eq!((ours.len(), theirs.len(), of(&theirs, root)), (0, 34, 14), "{theirs:?}");
}

/// Names of npm's package URLs are in lower case; cdxgen keeps the capitals, and leaves out optional needs and resolved
/// peers.
#[test]
fn pnpm() {
    let compared = Compared::of("../shared/lockfiles/pnpm", "pnpm");
    compared.components(1152, &["pkg:npm/jsonstream@1.3.5"], &["pkg:npm/JSONStream@1.3.5"]);
    let [ours, theirs] = compared.edges();
    assert_eq!((ours.len(), theirs.len()), (200, 3));
    assert!(theirs.iter().all(|(from, to)| from.contains("JSONStream") || to.contains("JSONStream")));
}

/// cdxgen lets the root, which it names after the folder, need every package, and gives the project's own needs to a
/// package of the same name.
#[test]
fn yarn() {
    let compared = Compared::of("../shared/lockfiles/yarn-berry", "yarn");
    compared.components(1049, &["pkg:npm/prettier"], &[]);
    let [ours, theirs] = compared.edges();
    assert_eq!((ours.len(), of(&ours, "pkg:npm/prettier")), (149, 149));
    assert_eq!(of(&theirs, "pkg:npm/yarn-berry"), 1049);
    assert_eq!((theirs.len(), of(&theirs, "pkg:npm/prettier@3.9.6")), (1049 + 149 + 1, 149));
}

/// cdxgen does not find what is needed under a name that is not normalised: `typing_extensions`, `backports.tarfile`.
#[test]
fn poetry() {
    let compared = Compared::of("../shared/lockfiles/poetry", "python");
    compared.components(78, &[], &[]);
    let [ours, theirs] = compared.edges();
    assert_eq!((ours.len(), theirs.len()), (12, 0));
    let text = fs::read_to_string(checkout().join("../shared/lockfiles/poetry/poetry.lock")).expect("text");
    for (_, to) in ours {
        let name = to.trim_start_matches("pkg:pypi/").split('@').next().expect("a name");
        assert!(["_", "."].iter().any(|sign| text.contains(&name.replace('-', sign))), "{to}");
    }
}

/// cdxgen looks at `Pipfile.lock` where a `Pipfile` lies beside it, and does not normalise names.
#[test]
fn pipenv() {
    let tree = tempfile::tempdir().expect("a tree");
    let lockfile = checkout().join("../shared/lockfiles/pipfile/Pipfile.lock");
    fs::copy(lockfile, tree.path().join("Pipfile.lock")).expect("a lockfile");
    fs::write(tree.path().join("Pipfile"), "").expect("a Pipfile");
    let compared = Compared { ours: ours(tree.path()), theirs: theirs(tree.path(), "python") };
    let only = |dot: char| {
        ["classes@3.4.0", "context@6.1.1", "functools@4.4.0"]
            .map(|rest| format!("pkg:pypi/jaraco{dot}{rest}"))
    };
    let (ours, theirs) = (only('-'), only('.'));
    compared.components(102, &ours.each_ref().map(String::as_str), &theirs.each_ref().map(String::as_str));
}

#[test]
fn composer() {
    let compared = Compared::of("../shared/lockfiles/composer", "php");
    compared.components(36, &[], &[]);
    assert_eq!(compared.edges(), [BTreeSet::new(), BTreeSet::new()]);
}

/// Names of Go's package URLs are in lower case; cdxgen keeps the capitals, and takes the line `godebug` for a module.
#[test]
fn go() {
    let compared = Compared::of("../shared/lockfiles/go", "go");
    let (ours, theirs) = (&compared.ours.components, &compared.theirs.components);
    assert_eq!((ours.len(), theirs.len(), ours.intersection(theirs).count()), (94, 94, 83));
    let lower: BTreeSet<String> = theirs.iter().map(|purl| purl.to_lowercase()).collect();
    let only = [ours.difference(&lower), lower.difference(ours)].map(|only| only.collect::<Vec<_>>());
    assert_eq!(only, [["pkg:golang/github.com/restic/restic"], ["pkg:golang/godebug@winsymlink=0"]]);
}

/// This repository. cdxgen leaves out needs where a crate is there in several versions, or one has a `+` in its version.
#[test]
fn cargo() {
    let tree = tempfile::tempdir().expect("a tree");
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(checkout().join(file), tree.path().join(file)).expect("a file");
    }
    let compared = Compared { ours: ours(tree.path()), theirs: theirs(tree.path(), "cargo") };
    let components = &compared.ours.components;
    assert!(components.len() > 500, "{}", components.len());
    compared.components(components.len(), &[], &[]);
    let [ours, theirs] = compared.edges();
    assert!(theirs.is_empty(), "{theirs:?}");
    let crate_of = |purl: &str| purl.split_once('@').map_or(purl, |(name, _)| name).to_owned();
    let versions = |purl: &str| components.iter().filter(|other| crate_of(other) == crate_of(purl)).count();
    let is_odd = |purl: &str| purl.contains('+') || versions(purl) > 1;
    let explained = |(from, to): &&(&str, &str)| is_odd(from) || is_odd(to);
    assert_eq!(ours.iter().find(|edge| !explained(edge)), None);
}

#[test]
fn mix() {
    let compared = Compared::of("fixtures/lockfiles/mix-earmark-parser", "elixir");
    compared.components(23, &[], &[]);
    // cdxgen does not read who needs whom.
    assert_eq!((compared.ours.edges.len(), compared.theirs.edges.len()), (15, 0));
}

/// cdxgen stops where `pyproject.toml` is not beside `uv.lock`, so this is a small one. A package less in ours is noticed.
#[test]
fn uv_and_a_package_that_is_left_out() {
    let compared = Compared::of("fixtures/lockfiles/uv-small", "python");
    compared.components(22, &[], &[]);
    assert_eq!(compared.edges(), [BTreeSet::new(), BTreeSet::new()]);

    let folder = checkout().join("fixtures/lockfiles/uv-small");
    let text = fs::read_to_string(folder.join("uv.lock")).expect("a lockfile");
    let packages =
        text.split("\n[[package]]\n").filter(|package| !package.starts_with("name = \"certifi\"\n"));
    let tree = tempfile::tempdir().expect("a tree");
    let cut = packages.collect::<Vec<_>>().join("\n[[package]]\n");
    fs::write(tree.path().join("uv.lock"), &cut).expect("a lockfile");
    fs::copy(folder.join("pyproject.toml"), tree.path().join("pyproject.toml")).expect("a manifest");
    let less = Compared { ours: ours(tree.path()), theirs: compared.theirs };
    let certifi = less.theirs.components.iter().find(|purl| purl.contains("/certifi@")).expect("certifi");
    less.components(21, &[], &[certifi]);
    let [none, edges] = less.edges();
    assert!(none.is_empty() && !edges.is_empty() && edges.iter().all(|(_, to)| to == certifi), "{edges:?}");
}
