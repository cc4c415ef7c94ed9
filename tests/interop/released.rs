//! attestar's own release, judged by every tool that knows SBOMs, statements or signatures: this repository at a signed
//! tag, sealed under its own policy. Each judge is also shown forgeries.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::judge::{attestar, hear, node, passes, python, refuses};
use crate::repository::at_signed_tag;
use crate::sbom::{cyclonedx_accepts, ntia_says, spdx_accepts};

/// Every signed statement of a pack. Its file is called what it is.
const STATEMENTS: [&str; 4] = ["gates", "provenance", "sbom", "seal"];

struct Released {
    scratch: TempDir,
}

impl Released {
    fn new() -> Released {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let (home, tree) = (scratch.path().join("home"), scratch.path().join("tree"));
        at_signed_tag(&tree, &scratch.path().join("keys"), false);
        passes(attestar(&home).args(["keys", "new", "--no-passphrase"]));
        // Who built it is told by the environment, if that is a CI job's.
        let mut seal = attestar(&home);
        seal.env_clear().env("ATTESTAR_HOME", &home);
        passes(seal.arg("-C").arg(&tree).args(["seal", "--out", "../out"]));
        Released { scratch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn tag_file(&self, name: &str) -> PathBuf {
        self.path(concat!("out/attestar-", env!("CARGO_PKG_VERSION"))).join(name)
    }

    fn bundle(&self, statement: &str) -> PathBuf {
        self.tag_file(&format!("attestations/{statement}.sigstore.json"))
    }

    /// A copy of a bundle, under its own name in a folder of its own, with text of its payload replaced.
    fn forged(&self, statement: &str, from: &str, to: &str) -> PathBuf {
        let folder = tempfile::tempdir_in(self.scratch.path()).expect("a folder").keep();
        let file = folder.join(format!("{statement}.sigstore.json"));
        passes(python("dsse_edit.py").arg(self.bundle(statement)).arg(&file).args([from, to]));
        file
    }

    fn components(&self) -> usize {
        let sbom = fs::read(self.tag_file("sbom/bom.cdx.json")).expect("the SBOM");
        let sbom: Value = serde_json::from_slice(&sbom).expect("JSON");
        sbom["components"].as_array().expect("components").len()
    }
}

#[test]
fn both_sboms_are_accepted() {
    let released = Released::new();
    let components = released.components();
    let said = cyclonedx_accepts(&released.tag_file("sbom/bom.cdx.json"));
    assert!(said.starts_with(&format!("valid: {components} components")), "{said}");
    let spdx = released.tag_file("sbom/bom.spdx.json");
    let said = spdx_accepts(&spdx);
    assert!(said.starts_with(&format!("valid: {} packages", components + 1)), "{said}");
    let said = ntia_says(&spdx);
    for element in ["name", "version", "identifier", "author", "timestamp", "dependencies"] {
        assert!(said.contains(&format!("\n{element}: yes\n")), "{said}");
    }
    assert!(said.contains("\nsupplier: lacking in ") && !said.contains("'attestar'"), "{said}");
}

#[test]
fn in_toto_accepts_every_statement() {
    let released = Released::new();
    let bundles = STATEMENTS.map(|statement| released.bundle(statement));
    let said = passes(python("intoto.py").args(bundles));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), STATEMENTS.len(), "{said}");
    for (statement, line) in STATEMENTS.iter().zip(lines) {
        assert!(line.starts_with(&format!("valid: {statement}, ")), "{line}");
    }
}

#[test]
fn in_toto_refuses_what_is_no_such_statement() {
    let released = Released::new();
    let digest = "\"digest\":{\"sha256\":\"";
    let wrong = [
        ("provenance", "\"id\":\"urn:attestar:builder:local\",", "", "no builder.id"),
        ("provenance", "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v2", "predicateType"),
        (
            "provenance",
            "https://in-toto.io/Statement/v1",
            "https://in-toto.io/Statement/v0",
            "Wrong statement type",
        ),
        (
            "provenance",
            "\"buildType\":\"urn:attestar:seal-release:v1\"",
            "\"buildType\":\"\"",
            "no buildType",
        ),
        ("provenance", "\"byproducts\":", "\"products\":", "no field named \"products\""),
        ("provenance", "\"name\":\"Cargo.lock\",\"digest\"", "\"digest\"", "no name"),
        ("provenance", digest, "\"digest\":{\"sha256\":\"Z", "a SHA-256 of 64 digits"),
        ("sbom", "https://cyclonedx.org/bom", "https://spdx.dev/Document", "predicateType"),
        ("sbom", "\"components\":", "\"parts\":", "invalid: "),
        (
            "gates",
            "https://slsa.dev/verification_summary/v1",
            "https://slsa.dev/provenance/v1",
            "predicateType",
        ),
        (
            "gates",
            "\"verificationResult\":\"PASSED\"",
            "\"verificationResult\":\"FINE\"",
            "verificationResult",
        ),
        ("gates", "\"id\":\"urn:attestar:verifier\",", "", "no verifier.id"),
    ];
    let files: Vec<PathBuf> =
        wrong.iter().map(|(statement, from, to, _)| released.forged(statement, from, to)).collect();
    let said = hear(python("intoto.py").args(files));
    assert_eq!((said.code, said.out.lines().count()), (Some(1), wrong.len()), "{}", said.all);
    for (line, (statement, from, to, why)) in said.out.lines().zip(wrong) {
        assert!(line.starts_with("invalid: ") && line.contains(why), "{statement}: {from} as {to}: {line}");
    }
}

/// Whatever a judge of signatures is shown of a pack, it takes only what was signed by this key.
fn signatures_judged_by(judge: impl Fn(&Path, &Path) -> std::process::Command) {
    let released = Released::new();
    let (own, stranger) = (released.path("home/signing.pub"), released.path("stranger"));
    passes(attestar(&stranger).args(["keys", "new", "--no-passphrase"]));
    for statement in STATEMENTS {
        let bundle = released.bundle(statement);
        passes(&mut judge(&bundle, &own));
        refuses(&mut judge(&bundle, &stranger.join("signing.pub")), "refused: ");
        let flipped = released.forged(statement, "\"subject\"", "\"rubject\"");
        refuses(&mut judge(&flipped, &own), "refused: ");
        let retyped = released.forged(statement, "\"predicateType\":\"", "\"predicateType\":\"x");
        refuses(&mut judge(&retyped, &own), "refused: ");
    }
    let unbuilt = released.forged("provenance", "\"id\":\"urn:attestar:builder:local\",", "");
    refuses(&mut judge(&unbuilt, &own), "refused: ");
}

#[test]
fn securesystemslib_judges_every_signature() {
    signatures_judged_by(|bundle, key| {
        let mut judge = python("dsse_securesystemslib.py");
        judge.arg(bundle).arg(key);
        judge
    });
}

#[test]
fn npm_sigstore_verify_judges_every_signature() {
    signatures_judged_by(|bundle, key| {
        let mut judge = node("sigstore_verify.mjs");
        judge.arg(bundle).arg(key);
        judge
    });
}
