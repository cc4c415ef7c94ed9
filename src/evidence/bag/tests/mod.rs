//! Bags made on the spot, good and damaged: each damage has its own finding.

mod foreign;
mod manifests;
mod payload;
mod tags;

use super::check_bag;
use crate::finding::{Code, Outcome, Severity, Verdict};
use crate::format::bag::algorithm::{Algorithm, MultiHasher};
use crate::format::bag::manifest::{Kind, file_name};
use crate::format::path::encode_manifest;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const VERSIONS: [&str; 6] = ["0.93", "0.94", "0.95", "0.96", "0.97", "1.0"];

/// A bag in a temporary folder, sealed when it is made; what is done to it afterwards is damage.
struct TestBag {
    dir: TempDir,
    algorithms: Vec<Algorithm>,
}

impl TestBag {
    /// Two files under SHA-256, version 1.0.
    fn good() -> TestBag {
        TestBag::new("1.0", &[Algorithm::Sha256], &[("data/a", "alpha"), ("data/b/c d%", "beta")])
    }

    /// The same in another version.
    fn version(version: &str) -> TestBag {
        TestBag::new(version, &[Algorithm::Sha256], &[("data/a", "alpha"), ("data/b/c d", "beta")])
    }

    fn new(version: &str, algorithms: &[Algorithm], files: &[(&str, &str)]) -> TestBag {
        let bag = TestBag { dir: tempfile::tempdir().unwrap(), algorithms: algorithms.to_vec() };
        fs::create_dir(bag.path("data")).unwrap();
        let octets: usize = files.iter().map(|(_, text)| text.len()).sum();
        for (path, text) in files {
            bag.write(path, text);
        }
        let info = if version < "0.96" { "package-info.txt" } else { "bag-info.txt" };
        bag.write(info, format!("Source-Organization: Example\nPayload-Oxum: {octets}.{}\n", files.len()));
        let declaration = format!("BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n");
        bag.write("bagit.txt", declaration);
        let paths: Vec<_> = files.iter().map(|(path, _)| *path).collect();
        for &algorithm in algorithms {
            bag.write(&file_name(Kind::Payload, algorithm), bag.manifest(algorithm, &paths));
        }
        bag.retag();
        bag
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &TestBag {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), bytes).unwrap();
        self
    }

    fn remove(&self, path: &str) -> &TestBag {
        fs::remove_file(self.path(path)).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &TestBag {
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
        self
    }

    /// Rewrites a text file, and the tag manifests after it.
    fn edit(&self, path: &str, edit: impl FnOnce(String) -> String) -> &TestBag {
        let text = fs::read_to_string(self.path(path)).unwrap();
        self.write(path, edit(text)).retag()
    }

    /// The digest of a file, in hex.
    fn hex(&self, algorithm: Algorithm, path: &str) -> String {
        let mut hasher = MultiHasher::new([algorithm]);
        hasher.update(&fs::read(self.path(path)).unwrap());
        HEXLOWER.encode(&hasher.finish()[0].1)
    }

    fn manifest(&self, algorithm: Algorithm, paths: &[&str]) -> String {
        let line = |path: &&str| format!("{}  {}\n", self.hex(algorithm, path), encode_manifest(path));
        paths.iter().map(line).collect()
    }

    /// Writes the tag manifests anew: all tag files at the top but themselves.
    fn retag(&self) -> &TestBag {
        let names = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap());
        let files = names.filter(|entry| entry.file_type().unwrap().is_file());
        let names = files.map(|entry| entry.file_name().into_string().unwrap());
        let names: Vec<_> = names.filter(|name| !name.starts_with("tagmanifest-")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        for &algorithm in &self.algorithms {
            self.write(&file_name(Kind::Tag, algorithm), self.manifest(algorithm, &names));
        }
        self
    }

    fn check(&self) -> Outcome {
        check_bag(self.dir.path(), 2).unwrap()
    }

    /// Every finding as `code subject`; warnings in brackets.
    fn found(&self) -> Vec<String> {
        found(&self.check())
    }
}

fn found(outcome: &Outcome) -> Vec<String> {
    let show = |code: Code, subject: &str, severity| match severity {
        Severity::Error => format!("{code} {subject}"),
        Severity::Warning => format!("({code} {subject})"),
    };
    outcome.findings().map(|f| show(f.code, &f.subject, f.severity)).collect()
}

#[test]
fn a_good_bag_of_every_version_holds() {
    for version in VERSIONS {
        let outcome = TestBag::version(version).check();
        assert_eq!(found(&outcome), [""; 0], "{version}");
        assert_eq!(outcome.verdict(), Verdict::Holds);
    }
    assert_eq!(TestBag::good().found(), [""; 0]);
}

#[test]
fn every_check_is_named_and_says_what_it_covered() {
    let outcome = TestBag::good().check();
    let lines: Vec<_> =
        outcome.checks.iter().map(|c| format!("{}: {} ({:?})", c.name, c.detail, c.status)).collect();
    assert_eq!(
        lines,
        [
            "declaration: BagIt 1.0, tag files in UTF-8 (Passed)",
            "manifests: 2 paths in manifest-sha256.txt (Passed)",
            "payload: 2 files, 9 bytes, sha256 (Passed)",
            "tag files: 3 files in tagmanifest-sha256.txt (Passed)",
            "bag-info: 2 elements (Passed)",
            "fetch: the bag has no fetch.txt (NotApplicable)",
        ]
    );
}

#[test]
fn what_is_no_folder_is_an_error() {
    let bag = TestBag::good();
    let refused = check_bag(&bag.path("bagit.txt"), 1).unwrap_err();
    assert!(refused.to_string().ends_with("bagit.txt is not a folder"), "{refused}");
    assert!(check_bag(Path::new("/nowhere/at/all"), 1).unwrap_err().to_string().starts_with("cannot open"));
}

#[test]
fn no_byte_of_a_bag_can_be_flipped_unseen() {
    let bag = TestBag::good();
    for name in [
        "bagit.txt",
        "bag-info.txt",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
        "data/a",
        "data/b/c d%",
    ] {
        let bytes = fs::read(bag.path(name)).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            bag.write(name, flipped);
            assert_ne!(bag.check().verdict(), Verdict::Holds, "{name} at {at}");
        }
        bag.write(name, bytes);
    }
    assert_eq!(bag.check().verdict(), Verdict::Holds);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_tag_file_makes_it_panic_or_pass(bytes in "[ -~\n]{0,200}", raw: Vec<u8>) {
        for name in ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"] {
            let bag = TestBag::good();
            bag.write("fetch.txt", &raw).write(name, &bytes);
            prop_assert_ne!(bag.check().verdict(), Verdict::Holds);
        }
    }
}
