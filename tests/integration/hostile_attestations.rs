//! Packs whose seal and closure hold, signed by the trusted key itself, while their provenance, SBOMs, gates or DDL say
//! what is not so.

use crate::forge::{Pack, Tar, own_key, publish, stranger};
use crate::world::World;
use attestar::format::bundle::Bundle;
use attestar::format::cyclonedx::attestation::Sbom;
use attestar::format::digest::Sha256;
use attestar::format::gates::{VerificationResult, VerificationSummary};
use attestar::format::kind::Kind;
use attestar::format::provenance::Provenance;
use attestar::format::statement::{DigestSet, Predicate, Statement, Subject};
use attestar::keys::signing::SigningKey;
use serde_json::Value;
use std::fs;
use std::path::Path;

const PROVENANCE: &str = "attestations/provenance.sigstore.json";
const SBOM: &str = "attestations/sbom.sigstore.json";
const GATES: &str = "attestations/gates.sigstore.json";
const CYCLONEDX: &str = "sbom/bom.cdx.json";
const SPDX: &str = "sbom/bom.spdx.json";
const MANIFEST: &str = "manifest-sha256.txt";

const POLICY: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"ddl\"
paths = [\"ddl/**\"]
dialect = \"postgresql\"
[[include]]
class = \"artifact\"
paths = [\"dist/**\"]
[[include]]
class = \"doc\"
paths = [\"**\"]
[[gate]]
id = \"one-version\"
check = \"version\"
[[gate]]
id = \"changelog-entry\"
check = \"changelog\"
";

/// A pack of which everything is said, which is then bent and signed again.
struct Shop {
    world: World,
    pack: Pack,
}

impl Shop {
    /// One lockfile, two artifacts, two DDL files, two gates.
    fn new() -> Shop {
        let world = tree();
        world.seal(&[]).done();
        let pack = Pack::reopened(&world);
        fs::remove_dir_all(world.out()).unwrap();
        Shop { world, pack }
    }

    fn statement<P: Predicate>(&self, name: &str) -> Statement<P> {
        let bundle = Bundle::parse(&self.pack.tags[name]).expect("a bundle");
        Statement::parse(&bundle.envelope.payload).expect("a statement")
    }

    fn bundle<P: Predicate>(&self, statement: &Statement<P>) -> Vec<u8> {
        own_key(&self.world).sign_statement(statement).to_bytes()
    }

    /// Publishes the pack after its tag files were bent.
    fn publish(&self, bend: impl FnOnce(&mut Pack)) {
        let mut pack = self.pack.clone();
        bend(&mut pack);
        let pack = pack.sealed(&own_key(&self.world));
        publish(&self.world, &pack, &Tar::of(&pack).container().bytes());
    }

    /// Publishes it with another content of one tag file.
    fn with(&self, name: &str, content: Vec<u8>) {
        self.publish(|pack| drop(pack.tags.insert(name.to_owned(), content)));
    }

    /// Publishes it with this provenance.
    fn provenance(&self, bend: impl FnOnce(&mut Statement<Provenance>)) {
        let mut statement = self.statement(PROVENANCE);
        bend(&mut statement);
        self.with(PROVENANCE, self.bundle(&statement));
    }

    /// Publishes it with this record of its gates.
    fn gates(&self, bend: impl FnOnce(&mut Statement<VerificationSummary>)) {
        let mut statement = self.statement(GATES);
        bend(&mut statement);
        self.with(GATES, self.bundle(&statement));
    }

    /// Publishes it with these SBOMs, of which everything else is true: the statement is about the CycloneDX document,
    /// and the provenance has both digests.
    fn sboms(&self, bend: impl Fn(&str) -> String, bend_spdx: impl Fn(&str) -> String) {
        let text = |name: &str| String::from_utf8(self.pack.tags[name].clone()).unwrap();
        let (cyclonedx, spdx) = (bend(&text(CYCLONEDX)), bend_spdx(&text(SPDX)));
        let mut provenance: Statement<Provenance> = self.statement(PROVENANCE);
        for resource in &mut provenance.predicate.run_details.byproducts {
            let text = if resource.name.as_deref() == Some(CYCLONEDX) { &cyclonedx } else { &spdx };
            resource.digest.as_mut().unwrap().sha256 = Some(Sha256::of(text.as_bytes()));
        }
        let manifest = Sha256::of(&self.pack.tags[MANIFEST]);
        let statement = Sbom::of(cyclonedx.as_bytes()).expect("an SBOM").over(manifest);
        self.publish(|pack| {
            pack.tags.insert(SBOM.to_owned(), self.bundle(&statement));
            pack.tags.insert(PROVENANCE.to_owned(), self.bundle(&provenance));
            pack.tags.insert(CYCLONEDX.to_owned(), cyclonedx.into_bytes());
            pack.tags.insert(SPDX.to_owned(), spdx.into_bytes());
        });
    }

    /// Refused by `verify` and `restore`, with these findings and no others.
    #[track_caller]
    fn refuses(&self, exit: i32, findings: &[&str]) {
        self.world.refuses(exit, findings[0]);
        let found = self.world.verify(&["--json"]).findings();
        assert_eq!(found, findings);
    }
}

fn tree() -> World {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("VERSION", "1.0.0\n");
    world.write("CHANGELOG.md", "# Changelog\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n");
    let lockfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lockfiles/cargo-4/Cargo.lock");
    world.write("Cargo.lock", fs::read(lockfile).unwrap());
    world.write("ddl/0001_init.sql", "CREATE TABLE prices (id BIGINT PRIMARY KEY);\n");
    world.write("ddl/0002_more.sql", "CREATE INDEX by_id ON prices (id);\n");
    world.write("dist/one.txt", "one\n");
    world.write("dist/two.txt", "two\n");
    world
}

/// The status of a check in `verify --json`.
fn status(document: &Value, check: &str) -> String {
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|one| one["name"] == check).unwrap_or_else(|| panic!("no check {check}"));
    found["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_pack_that_was_only_signed_again_verifies() {
    let shop = Shop::new();
    shop.publish(|_| ());
    let document = shop.world.verify(&["--json"]).done().json();
    for check in ["provenance", "sbom", "gates"] {
        assert_eq!(status(&document, check), "passed", "{document:#}");
    }
    shop.sboms(str::to_owned, str::to_owned);
    shop.world.verify(&[]).done().says("all 2 artifacts are subjects").says("2 passed, 0 failed when sealed");
    shop.world.restore(&[]).done();
}

#[test]
fn provenance_is_about_every_artifact_and_nothing_else() {
    let shop = Shop::new();
    let nothing = Sha256::of(b"");
    shop.provenance(|said| drop(said.subject.remove(1)));
    shop.refuses(3, &["provenance-incomplete attestations/provenance.sigstore.json"]);
    shop.provenance(|said| said.subject.push(Subject::new("dist/three.txt", nothing)));
    shop.refuses(3, &["provenance-incomplete attestations/provenance.sigstore.json"]);
    shop.provenance(|said| said.subject[0].digest = DigestSet { sha256: nothing });
    shop.refuses(3, &["provenance-incomplete dist/one.txt"]);
    let manifest = Sha256::of(&shop.pack.tags[MANIFEST]);
    shop.provenance(|said| said.subject = vec![Subject::new(MANIFEST, manifest)]);
    let subject = "provenance-incomplete attestations/provenance.sigstore.json";
    shop.refuses(3, &[subject, subject, subject]);
}

#[test]
fn what_is_wrong_with_an_archive_is_wrong_with_its_folder_and_with_a_part_of_it() {
    let shop = Shop::new();
    shop.publish(|_| ());
    let part = ["--path", "ddl/**", "--json"];
    shop.world.restore(&part).done();
    fs::remove_dir_all(shop.world.path().join("back")).unwrap();
    let mut said: Statement<Provenance> = shop.statement(PROVENANCE);
    said.subject.remove(0);
    let mut pack = shop.pack.clone();
    pack.tags.insert(PROVENANCE.to_owned(), shop.bundle(&said));
    let pack = pack.sealed(&own_key(&shop.world));
    publish(&shop.world, &pack, &Tar::of(&pack).container().bytes());
    for (name, content) in &pack.tags {
        let file = shop.world.evidence().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let incomplete = ["provenance-incomplete attestations/provenance.sigstore.json"];
    let target = "out/shop-1.0.0";
    let said = shop.world.run(&["--json", "verify", target, "--evidence-only"]).exits(3);
    assert_eq!(said.findings(), incomplete);
    let said = shop.world.run(&["--json", "diff", "--exit-code", target, "shop"]).exits(3);
    assert!(said.out.contains("provenance-incomplete"), "{}", said.out);
    assert_eq!(shop.world.restore(&part).exits(3).findings(), incomplete);
    assert!(!shop.world.path().join("back").exists(), "nothing is left");
}

#[test]
fn provenance_of_another_project_or_kind() {
    let shop = Shop::new();
    let invalid = ["statement-invalid attestations/provenance.sigstore.json"];
    shop.provenance(|said| said.predicate.build_definition.external_parameters.project = "bank".into());
    shop.refuses(3, &invalid);
    shop.provenance(|said| said.predicate.build_definition.external_parameters.kind = Kind::Backup);
    shop.refuses(3, &invalid);
}

#[test]
fn provenance_that_contradicts_the_pack() {
    let shop = Shop::new();
    let nothing = Some(Sha256::of(b""));
    type Bend = fn(&mut Provenance);
    let bends: [(&str, Bend); 3] = [
        ("version", |said| said.build_definition.external_parameters.version = "1.0.1".into()),
        ("policy", |said| said.build_definition.external_parameters.policy.sha256 = Sha256::of(b"")),
        ("buildType", |said| said.build_definition.build_type = "urn:attestar:seal-release:v2".into()),
    ];
    for (what, bend) in bends {
        shop.provenance(|said| bend(&mut said.predicate));
        shop.refuses(3, &[&format!("disagreement provenance: {what}")]);
    }
    for name in ["Cargo.lock", "ddl"] {
        shop.provenance(|said| {
            let resolved = &mut said.predicate.build_definition.resolved_dependencies;
            let resource = resolved.iter_mut().find(|one| one.name.as_deref() == Some(name)).unwrap();
            resource.digest.as_mut().unwrap().sha256 = nothing;
        });
        shop.refuses(3, &[&format!("disagreement provenance: {name}")]);
    }
    for name in [CYCLONEDX, SPDX] {
        shop.provenance(|said| {
            let made = &mut said.predicate.run_details.byproducts;
            let resource = made.iter_mut().find(|one| one.name.as_deref() == Some(name)).unwrap();
            resource.digest.as_mut().unwrap().sha256 = nothing;
        });
        shop.refuses(3, &[&format!("disagreement provenance: {name}")]);
    }
}

#[test]
fn provenance_that_says_less_or_more_than_there_is() {
    let shop = Shop::new();
    let is = |name: &'static str| {
        move |one: &attestar::format::provenance::Resource| one.name.as_deref() == Some(name)
    };
    for name in [CYCLONEDX, SPDX] {
        shop.provenance(|said| said.predicate.run_details.byproducts.retain(|one| !is(name)(one)));
        shop.refuses(3, &[&format!("disagreement provenance: {name}")]);
    }
    shop.provenance(|said| {
        said.predicate.build_definition.resolved_dependencies.retain(|one| !is("ddl")(one));
    });
    shop.refuses(3, &["disagreement provenance: ddl"]);
    shop.provenance(|said| {
        let mut more = said.predicate.run_details.byproducts[0].clone();
        more.name = Some("sbom/more.json".into());
        said.predicate.run_details.byproducts.push(more);
    });
    shop.refuses(3, &["disagreement provenance: sbom/more.json"]);
}

#[test]
fn provenance_that_was_left_out() {
    let shop = Shop::new();
    shop.publish(|pack| drop(pack.tags.remove(PROVENANCE)));
    shop.refuses(3, &["provenance-missing attestations/provenance.sigstore.json"]);
}

#[test]
fn a_part_of_the_sbom_that_was_left_out() {
    let shop = Shop::new();
    for name in [CYCLONEDX, SPDX] {
        shop.publish(|pack| drop(pack.tags.remove(name)));
        shop.refuses(3, &[&format!("disagreement provenance: {name}"), &format!("sbom-missing {name}")]);
    }
    shop.publish(|pack| drop(pack.tags.remove(SBOM)));
    shop.refuses(3, &[&format!("sbom-missing {SBOM}")]);
    shop.publish(|pack| [SBOM, SPDX, PROVENANCE].iter().for_each(|name| drop(pack.tags.remove(*name))));
    shop.refuses(
        3,
        &[
            &format!("provenance-missing {PROVENANCE}"),
            &format!("sbom-missing {SPDX}"),
            &format!("sbom-missing {SBOM}"),
        ],
    );
}

#[test]
fn an_sbom_that_is_not_the_one_that_was_signed() {
    let shop = Shop::new();
    let honest = shop.statement::<Sbom>(SBOM);
    shop.sboms(|text| text.replacen("\"name\":\"attestar\"", "\"name\":\"someone\"", 1), str::to_owned);
    // Signed again it is an SBOM like any other; under the signature of the honest one it is not.
    shop.world.verify(&[]).done();
    let text = String::from_utf8(shop.pack.tags[CYCLONEDX].clone()).unwrap();
    let other = text.replacen("\"name\":\"attestar\"", "\"name\":\"someone\"", 1).into_bytes();
    assert_ne!(other, text.as_bytes());
    let mut provenance: Statement<Provenance> = shop.statement(PROVENANCE);
    let digest = provenance.predicate.run_details.byproducts[0].digest.as_mut().unwrap();
    digest.sha256 = Some(Sha256::of(&other));
    shop.publish(|pack| {
        pack.tags.insert(CYCLONEDX.to_owned(), other);
        pack.tags.insert(PROVENANCE.to_owned(), shop.bundle(&provenance));
        pack.tags.insert(SBOM.to_owned(), shop.bundle(&honest));
    });
    shop.refuses(3, &["sbom-invalid sbom/bom.cdx.json"]);
}

#[test]
fn two_sboms_that_name_different_components() {
    let shop = Shop::new();
    let component = "\"name\":\"fastrand\"";
    shop.sboms(str::to_owned, |text| {
        assert!(text.contains(component), "{text}");
        text.replace(component, "\"name\":\"slowrand\"")
    });
    shop.refuses(3, &["sbom-invalid sbom/bom.spdx.json"]);
}

#[test]
fn an_sbom_of_other_files_or_another_version() {
    let shop = Shop::new();
    let (honest, other) = (Sha256::of(b"one\n").to_string(), Sha256::of(b"").to_string());
    let digest = |text: &str| {
        assert!(text.contains(&honest));
        text.replace(&honest, &other)
    };
    shop.sboms(digest, digest);
    shop.refuses(3, &["sbom-invalid sbom/bom.cdx.json: dist/one.txt"]);
    let name = |text: &str| text.replace("dist/one.txt", "dist/un.txt");
    shop.sboms(name, name);
    let (one, un) =
        ("sbom-invalid sbom/bom.cdx.json: dist/one.txt", "sbom-invalid sbom/bom.cdx.json: dist/un.txt");
    shop.refuses(3, &[one, un]);
    let version = |text: &str| text.replace("\"1.0.0\"", "\"1.0.1\"");
    shop.sboms(version, version);
    shop.refuses(3, &["sbom-invalid sbom/bom.cdx.json: version"]);
}

#[test]
fn an_sbom_of_another_manifest_project_or_kind() {
    let shop = Shop::new();
    let mut statement = shop.statement::<Sbom>(SBOM);
    statement.subject = vec![Subject::new(MANIFEST, Sha256::of(b""))];
    shop.with(SBOM, shop.bundle(&statement));
    shop.refuses(3, &["altered manifest-sha256.txt"]);
    let invalid = [&*format!("statement-invalid {SBOM}")];
    let project = |text: &str| text.replace("\"name\":\"shop\"", "\"name\":\"bank\"");
    shop.sboms(project, project);
    shop.refuses(3, &invalid);
    let kind = |text: &str| text.replace("\"value\":\"release\"", "\"value\":\"backup\"");
    shop.sboms(kind, str::to_owned);
    shop.refuses(3, &invalid);
}

#[test]
fn one_statement_shown_as_another() {
    let shop = Shop::new();
    let seal = shop.pack.seal().over(Sha256::of(&shop.pack.clone().closed().tags["tagmanifest-sha256.txt"]));
    let seal = shop.bundle(&seal);
    for name in [PROVENANCE, SBOM, GATES] {
        shop.with(name, seal.clone());
        shop.refuses(3, &[&format!("statement-invalid {name}")]);
        shop.with(name, b"{}".to_vec());
        shop.refuses(3, &[&format!("bundle-invalid {name}")]);
    }
    shop.with(PROVENANCE, shop.pack.tags[SBOM].clone());
    shop.refuses(3, &[&format!("statement-invalid {PROVENANCE}")]);
}

/// The same attestation by another key.
fn by(shop: &Shop, key: &SigningKey, name: &str) -> Vec<u8> {
    match name {
        PROVENANCE => key.sign_statement(&shop.statement::<Provenance>(name)).to_bytes(),
        SBOM => key.sign_statement(&shop.statement::<Sbom>(name)).to_bytes(),
        _ => key.sign_statement(&shop.statement::<VerificationSummary>(name)).to_bytes(),
    }
}

#[test]
fn attestations_by_an_unknown_key() {
    let shop = Shop::new();
    for name in [PROVENANCE, SBOM, GATES] {
        shop.with(name, by(&shop, &stranger(), name));
        shop.refuses(3, &[&format!("signer-unknown {name}")]);
    }
}

#[test]
fn attestations_by_a_key_without_the_right_or_whose_time_is_over() {
    let shop = Shop::new();
    fs::write(shop.world.path().join("other.pub"), stranger().public().to_pem()).unwrap();
    let trust = |terms: &str| {
        let own =
            "[[signer]]\nrole = \"ci\"\nkey = \"home/signing.pub\"\nmay = [\"seal:release\", \"receipt\"]\n";
        let other = format!("[[signer]]\nrole = \"guest\"\nkey = \"other.pub\"\n{terms}\n");
        fs::write(shop.world.path().join("trust.toml"), format!("{own}{other}")).unwrap();
    };
    let flags = ["--trust", "trust.toml"];
    for name in [PROVENANCE, SBOM, GATES] {
        shop.with(name, by(&shop, &stranger(), name));
        trust("may = [\"receipt\", \"seal:backup\", \"approve\"]");
        shop.world.refuses_with(3, &format!("signer-not-allowed {name}"), &flags);
        trust("may = [\"seal:release\"]\nprojects = [\"bank\"]");
        shop.world.refuses_with(3, &format!("signer-wrong-project {name}"), &flags);
        trust("may = [\"seal:release\"]\nnot_after = 2020-01-01T00:00:00Z");
        shop.world.refuses_with(3, &format!("signer-expired {name}"), &flags);
        trust("may = [\"seal:release\"]\nrevoked_at = 2020-01-01T00:00:00Z");
        shop.world.refuses_with(3, &format!("signer-revoked {name}"), &flags);
        trust("may = [\"seal:release\"]");
        shop.world.verify(&flags).done();
    }
}

#[test]
fn gates_that_did_not_hold_when_it_was_sealed() {
    let shop = Shop::new();
    shop.gates(|said| said.predicate.gates.gates[1].status = "failed".into());
    shop.refuses(4, &["gate-failed changelog-entry"]);
    shop.gates(|said| {
        said.predicate.gates.gates[1].status = "failed".into();
        said.predicate.gates.gates[1].severity = "warning".into();
    });
    // What a failure weighs, the policy says.
    shop.refuses(3, &["disagreement gates: changelog-entry"]);
    shop.gates(|said| said.predicate.gates.gates[0].status = "excused".into());
    shop.refuses(3, &["statement-invalid one-version"]);
    shop.gates(|said| said.predicate.gates.gates[0].status = "waived".into());
    shop.refuses(3, &["statement-invalid one-version"]);
    shop.gates(|said| said.predicate.verification_result = VerificationResult::Failed);
    shop.refuses(3, &["disagreement gates: result"]);
}

#[test]
fn gates_that_the_policy_has_and_the_pack_left_out() {
    let shop = Shop::new();
    shop.publish(|pack| drop(pack.tags.remove(GATES)));
    shop.refuses(3, &[&format!("missing {GATES}")]);
}

#[test]
fn gates_of_another_release() {
    let shop = Shop::new();
    shop.gates(|said| said.predicate.gates.version = "0.9.0".into());
    shop.refuses(3, &["disagreement gates: version"]);
    shop.gates(|said| said.predicate.resource_uri = "urn:attestar:pack:shop-0.9.0".into());
    shop.refuses(3, &["disagreement gates: resourceUri"]);
    shop.gates(|said| said.predicate.gates.stage = "close".into());
    shop.refuses(3, &["disagreement gates: stage"]);
    shop.gates(|said| said.predicate.gates.commit = Some("8c1f2ab".into()));
    shop.refuses(3, &["disagreement gates: commit"]);
    shop.gates(|said| said.predicate.policy.digest.sha256 = Sha256::of(b"schema = 1\n"));
    shop.refuses(3, &["disagreement gates: policy"]);
    shop.gates(|said| said.subject = vec![Subject::new(MANIFEST, Sha256::of(b""))]);
    shop.refuses(3, &["altered manifest-sha256.txt"]);
    let invalid = [&*format!("statement-invalid {GATES}")];
    shop.gates(|said| said.predicate.gates.project = "bank".into());
    shop.refuses(3, &invalid);
    shop.gates(|said| said.predicate.gates.kind = Kind::Backup);
    shop.refuses(3, &invalid);
}

#[test]
fn ddl_in_pack_json_that_is_not_the_payloads() {
    let shop = Shop::new();
    let bent = |bend: fn(&mut Vec<Value>)| {
        let mut said: Value = serde_json::from_slice(&shop.pack.tags["pack.json"]).unwrap();
        bend(said["ddl"]["files"].as_array_mut().unwrap());
        shop.with("pack.json", said.to_string().into_bytes());
    };
    bent(|files| drop(files.pop()));
    // The provenance has the digest of the whole list.
    let whole = "disagreement provenance: ddl";
    let omitted = "disagreement pack.json: ddl: files_omitted";
    shop.refuses(3, &[whole, omitted, "disagreement pack.json: ddl: ddl/0002_more.sql"]);
    bent(|files| {
        let mut more = files[0].clone();
        more["path"] = "ddl/0003_none.sql".into();
        files.push(more);
    });
    shop.refuses(3, &["disagreement pack.json: ddl: ddl/0003_none.sql"]);
    bent(|files| files.reverse());
    shop.refuses(3, &["disagreement provenance: ddl"]);
}
