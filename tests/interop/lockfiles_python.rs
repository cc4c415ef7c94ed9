//! Python's own tools read the same packages in a lockfile as attestar does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::judge::{attestar, passes, python, venv};

/// Packages as `name version`, and the SHA-256 digests that are stated of each.
type Packages = BTreeMap<String, BTreeSet<String>>;

/// A folder of its own with a lockfile and what lies beside it, and an empty home.
struct Project {
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl Project {
    fn of(fixture: &str, files: &[&str]) -> Project {
        let folder = tempfile::tempdir().expect("a folder");
        let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/lockfiles").join(fixture);
        for file in files {
            fs::copy(from.join(file), folder.path().join(file)).expect("a fixture");
        }
        Project { folder, home: tempfile::tempdir().expect("a home") }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What `attestar sbom` says the project is made of.
    fn described(&self) -> Packages {
        let mut sbom = attestar(self.home.path());
        let bom = passes(sbom.arg("-C").arg(self.path()).args(["sbom", "--format", "cyclonedx"]));
        let bom: Value = serde_json::from_str(&bom).expect("JSON");
        let components = bom["components"].as_array().expect("components");
        let libraries = components.iter().filter(|component| component["type"] == "library");
        libraries.map(package).collect()
    }
}

/// A component by its package URL.
fn package(component: &Value) -> (String, BTreeSet<String>) {
    let purl = component["purl"].as_str().expect("a package URL");
    let (name, version) =
        purl.strip_prefix("pkg:pypi/").and_then(|rest| rest.split_once('@')).expect("of PyPI");
    let hashes = component["hashes"].as_array().map_or(&[][..], Vec::as_slice);
    let sha256 = hashes.iter().filter(|hash| hash["alg"] == "SHA-256");
    let digests = sha256.map(|hash| hash["content"].as_str().expect("a digest").to_owned());
    (format!("{name} {version}"), digests.collect())
}

/// Lines of `name version sha256,sha256`.
fn told(lines: &str) -> Packages {
    let one = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, hashes] = words[..] else { panic!("{line}") };
        (
            format!("{name} {version}"),
            hashes.split(',').filter(|hash| *hash != "-").map(str::to_owned).collect(),
        )
    };
    lines.lines().map(one).collect()
}

#[test]
fn uv_exports_what_we_read_in_its_lockfile() {
    let project = Project::of("uv-small", &["uv.lock", "pyproject.toml"]);
    let ours = project.described();
    let requirements = tempfile::tempdir().expect("a folder");
    let file = requirements.path().join("requirements.txt");
    let mut export = venv("uv");
    export.args(["export", "--frozen", "--offline", "--no-progress", "--all-extras", "--all-groups"]);
    export.args(["--no-emit-project", "--format", "requirements-txt", "--output-file"]).arg(&file);
    export.arg("--project").arg(project.path());
    passes(&mut export);
    // What uv exports is read by pip, so that nothing of ours is on both sides.
    let theirs = told(&passes(python("requirements_by_pip.py").arg(&file)));
    assert!(theirs.len() >= 15, "{theirs:?}");
    assert_eq!(ours, theirs);
}

#[test]
fn pip_reads_the_same_requirements() {
    let project = Project::of("pip-compile", &["requirements.txt"]);
    let theirs = told(&passes(python("requirements_by_pip.py").arg(project.path().join("requirements.txt"))));
    assert!(theirs.len() >= 10 && theirs.values().all(|digests| digests.len() >= 2), "{theirs:?}");
    assert_eq!(project.described(), theirs);
}

#[test]
fn a_package_more_is_a_difference() {
    let project = Project::of("pip-compile", &["requirements.txt"]);
    let file = project.path().join("requirements.txt");
    let before = told(&passes(python("requirements_by_pip.py").arg(&file)));
    let text = fs::read_to_string(&file).expect("requirements");
    fs::write(&file, format!("{text}zipp==3.21.0\n")).expect("requirements");
    let ours = project.described();
    assert_ne!(ours, before);
    assert_eq!(ours, told(&passes(python("requirements_by_pip.py").arg(&file))));
}
