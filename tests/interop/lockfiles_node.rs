//! cargo and npm say what is in their lockfiles, and our SBOM of the same files has exactly that.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::judge::{attestar, hear, passes, tool};

/// A tree of these files, by their places in it and in the checkout.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    for (to, from) in files {
        let to = tree.path().join(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(checkout().join(from), &to).unwrap_or_else(|error| panic!("{from}: {error}"));
    }
    tree
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The package URLs of a kind in the SBOM of a tree, without those of its own projects.
fn ours(tree: &Path, kind: &str, projects: &[&str]) -> BTreeSet<String> {
    let home = tempfile::tempdir().expect("a home");
    let command = &mut attestar(home.path());
    let text = passes(command.arg("-C").arg(tree).args(["sbom", "--format", "cyclonedx"]));
    let sbom: Value = serde_json::from_str(&text).expect("CycloneDX");
    let components = sbom["components"].as_array().expect("components");
    let purls = components.iter().filter_map(|component| component["purl"].as_str());
    let purls: BTreeSet<String> = purls.filter(|purl| purl.starts_with(kind)).map(str::to_owned).collect();
    assert!(!purls.is_empty(), "{text}");
    purls.into_iter().filter(|purl| !projects.contains(&&**purl)).collect()
}

/// The package URL as ECMA-427 writes it: an `@` that begins a scope is encoded.
fn npm_purl(name: &str, version: &str) -> String {
    format!("pkg:npm/{}@{version}", name.replacen('@', "%40", 1))
}

#[test]
fn cargo_metadata_lists_the_same_packages() {
    let said = passes(tool("cargo").current_dir(checkout()).args([
        "metadata",
        "--locked",
        "--all-features",
        "--format-version",
        "1",
    ]));
    let metadata: Value = serde_json::from_str(&said).expect("the metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |package: &Value, key: &str| package[key].as_str().expect(key).to_owned();
    let of_registry = packages.iter().filter(|package| !package["source"].is_null());
    let theirs: BTreeSet<String> = of_registry
        .map(|package| format!("pkg:cargo/{}@{}", text(package, "name"), text(package, "version")))
        .map(|purl| purl.replace('+', "%2B"))
        .collect();
    let tree = tree(&[("Cargo.toml", "Cargo.toml"), ("Cargo.lock", "Cargo.lock")]);
    let own = format!("pkg:cargo/attestar@{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(ours(tree.path(), "pkg:cargo/", &[&own]), theirs);
}

/// What npm finds in a lockfile: name and version of everything that is not of the tree itself.
fn npm_ls(tree: &Path) -> BTreeSet<String> {
    // A package that is there for another platform is told as missing, with exit 1.
    let said =
        hear(tool("npm").current_dir(tree).args(["ls", "--all", "--json", "--long", "--package-lock-only"]));
    let root: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.all));
    let mut found = BTreeSet::new();
    let mut waiting = vec![&root];
    while let Some(package) = waiting.pop() {
        for (called, inner) in package["dependencies"].as_object().into_iter().flatten() {
            let is_of_tree = inner["resolved"].as_str().is_some_and(|resolved| resolved.starts_with("file:"));
            if let Some(version) = inner["version"].as_str().filter(|_| !is_of_tree) {
                found.insert(npm_purl(inner["name"].as_str().unwrap_or(called), version));
            }
            waiting.push(inner);
        }
    }
    found
}

#[test]
fn npm_lists_the_same_packages() {
    for version in ["npm-2", "npm-3"] {
        let lockfile = format!("fixtures/lockfiles/{version}/package-lock.json");
        let tree = tree(&[
            ("package-lock.json", &lockfile),
            ("package.json", "fixtures/lockfiles/tour/package.json"),
            ("packages/lib/package.json", "fixtures/lockfiles/tour/packages/lib/package.json"),
        ]);
        let projects = ["pkg:npm/tour@1.0.0", "pkg:npm/%40tour/lib@0.2.0"];
        let theirs = npm_ls(tree.path());
        let theirs: BTreeSet<String> =
            theirs.into_iter().filter(|purl| !projects.contains(&&**purl)).collect();
        assert_eq!(theirs.len(), 38, "{version}");
        assert_eq!(ours(tree.path(), "pkg:npm/", &projects), theirs, "{version}");
    }
}

#[test]
fn npm_lists_the_same_packages_of_its_judges() {
    let folder = "tests/interop/node";
    let tree = tree(&[
        ("package-lock.json", &format!("{folder}/package-lock.json")),
        ("package.json", &format!("{folder}/package.json")),
    ]);
    // Without a version of its own the project's is given by nobody; the tree is called by one for this.
    fs::write(tree.path().join("VERSION"), "1.0.0\n").expect("a version");
    let policy = "schema = 1\n[project]\nname = 'judges'\nversion_file = 'VERSION'\n[[include]]\nclass = 'doc'\npaths = ['**']\n";
    fs::write(tree.path().join("attestar.toml"), policy).expect("a policy");
    assert_eq!(ours(tree.path(), "pkg:npm/", &["pkg:npm/attestar-interop"]), npm_ls(tree.path()));
}
