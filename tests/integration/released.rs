//! attestar's own release: this repository at a signed tag, sealed under its own policy.

use crate::repository::{TAG, at_signed_tag};
use crate::world::{Said, World};
use data_encoding::BASE64;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// The tag files that a release has for others, besides the seal.
const FOR_OTHERS: [&str; 6] = [
    "attestations/gates.sigstore.json",
    "attestations/provenance.sigstore.json",
    "attestations/sbom.sigstore.json",
    "attestations/seal.sigstore.json",
    "sbom/bom.cdx.json",
    "sbom/bom.spdx.json",
];

const NAME: &str = concat!("attestar-", env!("CARGO_PKG_VERSION"));

/// The repository, sealed with its payload beside the archive.
struct Released {
    world: World,
}

impl Released {
    fn new(by_stranger: bool) -> Released {
        let world = World::new();
        at_signed_tag(&world.tree(), &world.path().join("keys"), by_stranger);
        let mut seal = world.command(&["-C", "shop", "seal", "--payload", "--out", "../out"]);
        let output = seal.env_remove("SOURCE_DATE_EPOCH").output().expect("attestar starts");
        crate::world::said(output).done().says("from tag").says("components from Cargo.lock");
        Released { world }
    }

    fn verify(&self, flags: &[&str]) -> Said {
        let archive = format!("out/{NAME}.tar.zst.age");
        self.world.run(&[&["verify", &archive], flags].concat())
    }

    fn folder(&self) -> PathBuf {
        self.world.out().join(NAME)
    }

    /// The predicate of a bundle.
    fn predicate(&self, bundle: &str) -> Value {
        let bundle = fs::read(self.folder().join(bundle)).expect("a bundle");
        let bundle: Value = serde_json::from_slice(&bundle).expect("JSON");
        let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("a payload");
        let statement: Value =
            serde_json::from_slice(&BASE64.decode(payload.as_bytes()).expect("base64")).expect("JSON");
        statement["predicate"].clone()
    }

    /// With one bit of a file of the folder flipped, wherever it is, the pack is refused.
    fn counts(&self, file: &str) {
        let path = self.folder().join(file);
        let honest = fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        for at in [0, honest.len() / 3, honest.len() / 2, honest.len() - 1] {
            let mut altered = honest.clone();
            altered[at] ^= 1;
            fs::write(&path, altered).expect("the altered file");
            let said = self.world.run(&["--json", "verify", &format!("out/{NAME}")]);
            assert_eq!(said.code, 3, "{file}, byte {at}: {}", said.out);
        }
        fs::write(&path, honest).expect("the file as it was");
    }
}

/// A check's verdict and what it says.
fn check(report: &Value, name: &str) -> (String, String) {
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{report}"));
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("detail"))
}

#[test]
fn attestar_itself_is_sealed_at_its_signed_tag_with_sboms_and_provenance() {
    let released = Released::new(false);
    for file in FOR_OTHERS {
        assert!(released.folder().join(file).is_file(), "{file}");
    }
    let report = released.verify(&["--json"]).done().json();
    for name in ["receipt", "seal", "closure", "payload", "provenance", "sbom", "gates", "agreement"] {
        assert_eq!(check(&report, name).0, "passed", "{name}: {report}");
    }
    let (_, provenance) = check(&report, "provenance");
    let artifacts = fs::read_to_string(released.folder().join("inventory.jsonl")).expect("an inventory");
    let artifacts = artifacts.lines().filter(|line| line.contains("\"class\":\"artifact\"")).count();
    assert!(provenance.starts_with(&format!("all {artifacts} artifacts are subjects")), "{provenance}");

    // Verify counts as seal does: packages, and not the artifacts again.
    let lockfile = fs::read_to_string(released.world.tree().join("Cargo.lock")).expect("a lockfile");
    let packages = lockfile.matches("[[package]]").count();
    assert_eq!(check(&report, "sbom").1, format!("CycloneDX and SPDX, {packages} components"));

    let said = released.predicate("attestations/provenance.sigstore.json");
    let signature = &said["buildDefinition"]["internalParameters"]["tagSignature"];
    assert_eq!((&signature["format"], &signature["verdict"]), (&"ssh".into(), &"good".into()), "{said}");
    assert_eq!(signature["signer"], "keeper@example.com");
    assert_eq!(said["buildDefinition"]["externalParameters"]["tag"], TAG);
    assert_eq!(said["buildDefinition"]["internalParameters"]["clean"], true);
    let source = &said["buildDefinition"]["resolvedDependencies"][0]["digest"];
    let commit = source["gitCommit"].as_str().expect("a commit");
    assert!(provenance.contains(TAG) && provenance.contains(&commit[..7]), "{provenance}");
    assert!(source["gitTag"].as_str().is_some_and(|object| object.len() == 40), "{source}");
}

#[test]
fn one_byte_of_any_of_them_or_of_an_artifact_counts() {
    let released = Released::new(false);
    released.world.run(&["verify", &format!("out/{NAME}")]).done();
    for file in FOR_OTHERS {
        released.counts(file);
    }
    released.counts("data/src/main.rs");
    released.world.run(&["verify", &format!("out/{NAME}")]).done();
}

/// What is told of a wrong SBOM is told once, and fits the screen.
#[test]
fn an_altered_sbom_is_told_in_few_words() {
    let released = Released::new(false);
    let path = released.folder().join("sbom/bom.cdx.json");
    let honest = fs::read_to_string(&path).expect("the SBOM");
    fs::write(&path, honest.replacen("CycloneDX", "CycloneDx", 1)).expect("the altered SBOM");
    let said = released.world.run(&["verify", &format!("out/{NAME}")]).exits(3);
    assert!(!said.out.contains("bom.spdx.json"), "{}", said.out);
    let wide: Vec<&str> = said.out.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(wide, [""; 0], "{}", said.out);
    let here = released.world.tree();
    let mut seal = released.world.command(&["seal", "--no-encrypt"]);
    let said = crate::world::said(seal.current_dir(here).output().expect("attestar starts")).done();
    assert!(!said.out.contains("./"), "{}", said.out);
}

#[test]
fn a_tag_that_a_stranger_signed_is_not_called_good() {
    let released = Released::new(true);
    let said = released.predicate("attestations/provenance.sigstore.json");
    let signature = &said["buildDefinition"]["internalParameters"]["tagSignature"];
    assert_eq!(signature["verdict"], "unknown-key", "{said}");
}
