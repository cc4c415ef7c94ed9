//! Outside judges of the SBOMs of real trees: this repository, and every lockfile of the fixtures and of `../shared`.
//!
//! Each judge starts once for all documents: starting takes longer than judging.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::judge::{attestar, checkout, passes, python};
use crate::sbom::ntia_says;

/// The eight ecosystems of `../shared/lockfiles`, and the kinds of the fixtures.
const TREES_MIN: usize = 1 + 8 + 30;

/// The SBOMs of every tree in one format, as files of a folder.
struct Written {
    folder: TempDir,
    trees: Vec<String>,
}

impl Written {
    fn of(format: &str) -> Written {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let trees = trees();
        for (at, tree) in trees.iter().enumerate() {
            write_sbom(&checkout().join(tree), format, &folder.path().join(format!("{at:03}.json")));
        }
        Written { folder, trees }
    }

    fn file(&self, tree: &str) -> PathBuf {
        let at = self.trees.iter().position(|one| one == tree).expect("a tree that was written");
        self.folder.path().join(format!("{at:03}.json"))
    }

    /// What a judge says of each, a line a tree: it must accept all.
    fn judged_by(&self, script: &str) -> Vec<(&str, String)> {
        let mut judge = python(script);
        judge.args(self.trees.iter().map(|tree| self.file(tree)));
        let said = passes(&mut judge);
        assert_eq!(said.lines().count(), self.trees.len(), "{said}");
        self.trees.iter().map(String::as_str).zip(said.lines().map(str::to_owned)).collect()
    }

    fn read(&self, tree: &str) -> Value {
        let text = fs::read_to_string(self.file(tree)).expect("an SBOM");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// Relative to the checkout: itself, and every folder with a lockfile.
fn trees() -> Vec<String> {
    let mut trees = vec![".".to_owned()];
    for above in ["../shared/lockfiles", "fixtures/lockfiles"] {
        let folders = fs::read_dir(checkout().join(above)).unwrap_or_else(|error| panic!("{above}: {error}"));
        let names = folders.map(|folder| folder.expect("an entry")).filter(|entry| entry.path().is_dir());
        let names: BTreeSet<String> =
            names.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
        trees.extend(names.iter().map(|name| format!("{above}/{name}")));
    }
    // The manifests that the lockfiles of npm, pnpm, yarn and bun were made from: there is no lockfile.
    trees.retain(|tree| tree != "fixtures/lockfiles/tour");
    assert!(trees.len() >= TREES_MIN, "{trees:?}");
    trees
}

fn write_sbom(tree: &Path, format: &str, to: &Path) {
    let home = tempfile::tempdir().expect("a home");
    let mut sbom = attestar(home.path());
    sbom.arg("-C").arg(tree).args(["sbom", "--version", "1.0.0", "--format", format, "--out"]).arg(to);
    passes(&mut sbom);
}

#[test]
fn cyclonedx_of_every_tree_is_valid_in_strict_mode() {
    let written = Written::of("cyclonedx");
    for (tree, said) in written.judged_by("sbom_cyclonedx.py") {
        let components = written.read(tree)["components"].as_array().expect("components").len();
        assert!(components >= 4, "{tree}: {components} components");
        let expected = format!("valid: {components} components, {} dependencies", components + 1);
        assert_eq!(said, expected, "{tree}");
    }
}

#[test]
fn spdx_of_every_tree_is_valid() {
    let written = Written::of("spdx");
    for (tree, said) in written.judged_by("sbom_spdx.py") {
        let sbom = written.read(tree);
        let count = |key: &str| sbom[key].as_array().expect(key).len();
        let expected =
            format!("valid: {} packages, {} relationships", count("packages"), count("relationships"));
        assert_eq!(said, expected, "{tree}");
    }
}

/// The minimum elements of this repository: all are there, but for the suppliers of packages, which `Cargo.lock` does not
/// state. The checker names exactly the packages of the registry that the release needs.
#[test]
fn of_this_repository_only_the_suppliers_of_packages_are_unknown() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    // The checker tells a format by the name's end.
    let [cyclonedx, spdx] = ["bom.cdx.json", "bom.spdx.json"].map(|name| scratch.path().join(name));
    write_sbom(&checkout(), "cyclonedx", &cyclonedx);
    write_sbom(&checkout(), "spdx", &spdx);
    let sbom: Value = serde_json::from_slice(&fs::read(cyclonedx).expect("an SBOM")).expect("JSON");
    let components = sbom["components"].as_array().expect("components").iter();
    let mut unsupplied: Vec<&str> = components
        .filter(|component| component["supplier"].is_null() && component["scope"] != "excluded")
        .map(|component| component["name"].as_str().expect("a name"))
        .collect();
    unsupplied.sort_unstable();
    assert!(unsupplied.len() > 100 && unsupplied.contains(&"blake3"), "{unsupplied:?}");

    let said = ntia_says(&spdx);
    let (looked_at, elements) = said.split_once('\n').expect("lines");
    assert!(looked_at.starts_with("components: "), "{looked_at}");
    let quoted: Vec<String> = unsupplied.iter().map(|name| format!("'{name}'")).collect();
    let lacking = format!("lacking in {}: {}", quoted.len(), quoted.join(", "));
    let expected = format!(
        "name: yes\nversion: yes\nidentifier: yes\nsupplier: {lacking}\nauthor: yes\ntimestamp: yes\n\
         dependencies: yes\n"
    );
    assert_eq!(elements, expected);
}
