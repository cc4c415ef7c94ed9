//! Where a release comes from, as its provenance says: with git and without, with tags of every kind, with a dirty tree.

use crate::world::{Said, World};
use attestar::format::bundle::Bundle;
use attestar::format::provenance::{InternalParameters, Provenance};
use attestar::format::statement::Statement;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const POLICY: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"artifact\"
paths = [\"dist/**\"]
[[include]]
class = \"doc\"
paths = [\"**\"]
";

fn shop() -> World {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("dist/tool.bin", "tool\n");
    world
}

/// The same, committed.
fn committed() -> World {
    let world = shop();
    git(&world, &["init", "-q", "-b", "main"]);
    git(&world, &["add", "."]);
    git(&world, &["commit", "-q", "-m", "one"]);
    world
}

/// git in the tree, without any configuration but the repository's.
fn git(world: &World, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(args).current_dir(world.tree()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    git.env("HOME", world.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "T").env(format!("GIT_{role}_EMAIL"), "t@example.com");
        git.env(format!("GIT_{role}_DATE"), "1767323045 +0000");
    }
    let output = git.output().expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Seals, verifies, and gives what was said and what is signed.
#[track_caller]
fn sealed(world: &World) -> (Said, Provenance) {
    let said = world.seal(&[]).done();
    world.verify(&[]).done().says("the artifact is a subject");
    let bundle = fs::read(world.evidence().join("attestations/provenance.sigstore.json")).unwrap();
    let bundle = Bundle::parse_canonical(&bundle).unwrap();
    (said, Statement::parse(&bundle.envelope.payload).unwrap().predicate)
}

#[test]
fn a_pack_without_artifacts_has_none_and_needs_none() {
    let world = World::new();
    world.write("docs/guide.md", "# Guide\n");
    world.write("attestar.toml", POLICY);
    world.seal(&[]).done();
    assert!(!world.evidence().join("attestations/provenance.sigstore.json").exists());
    let document = world.verify(&["--json"]).done().json();
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "provenance").unwrap();
    assert_eq!(
        (&check["status"], &check["detail"]),
        (&"not-applicable".into(), &"the pack has no artifacts".into())
    );
}

#[test]
fn without_git_nothing_is_said_of_a_commit() {
    let (said, provenance) = sealed(&shop());
    assert!(!said.out.contains("commit "), "{}", said.out);
    let definition = provenance.build_definition;
    assert_eq!(definition.internal_parameters, InternalParameters::default());
    assert_eq!((definition.external_parameters.tag, definition.resolved_dependencies), (None, Vec::new()));
    assert_eq!(provenance.run_details.builder.id, "urn:attestar:builder:local");
}

#[test]
fn with_git_it_names_the_commit_and_says_that_the_tree_is_clean() {
    let world = committed();
    let commit = git(&world, &["rev-parse", "HEAD"]);
    let (said, provenance) = sealed(&world);
    let said = said.says(&format!("commit {}", &commit[..7]));
    assert!(!said.out.contains("not committed"), "{}", said.out);
    let definition = provenance.build_definition;
    let internal = definition.internal_parameters;
    assert_eq!((internal.branch.as_deref(), internal.clean), (Some("main"), Some(true)));
    assert_eq!((internal.changed_files, internal.untracked_files), (None, None));
    assert_eq!(definition.external_parameters.tag, None);
    let source = definition.resolved_dependencies[0].digest.as_ref().unwrap();
    assert_eq!(source.git_commit.as_deref(), Some(&*commit));
    world.verify(&[]).done().says(&format!("commit {}", &commit[..7]));
}

#[test]
fn a_tag_that_is_a_mere_name_is_named_and_has_no_signature() {
    let world = committed();
    git(&world, &["tag", "v1.0.0"]);
    let (said, provenance) = sealed(&world);
    said.says("tag v1.0.0, not signed");
    let definition = provenance.build_definition;
    assert_eq!(definition.external_parameters.tag.as_deref(), Some("v1.0.0"));
    assert_eq!(definition.internal_parameters.tag_signature, None);
    assert_eq!(definition.resolved_dependencies[0].digest.as_ref().unwrap().git_tag, None, "it is no object");
}

#[test]
fn an_annotated_tag_is_an_object_of_its_own() {
    let world = committed();
    git(&world, &["tag", "-a", "-m", "one", "v1.0.0"]);
    let object = git(&world, &["rev-parse", "v1.0.0"]);
    let (said, provenance) = sealed(&world);
    said.says("tag v1.0.0, not signed");
    let source = provenance.build_definition.resolved_dependencies[0].digest.clone().unwrap();
    assert_eq!(source.git_tag, Some(object));
}

/// Signs the tag v1.0.0 with a fresh SSH key, and gives its public half.
fn signed_tag(world: &World) -> String {
    let key = world.path().join("tagger");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "tagger", "-f"])
        .arg(&key)
        .status();
    assert!(made.expect("ssh-keygen starts").success());
    let signing = format!("user.signingKey={}", key.display());
    git(world, &["-c", "gpg.format=ssh", "-c", &signing, "tag", "-s", "-m", "one", "v1.0.0"]);
    fs::read_to_string(key.with_extension("pub")).unwrap()
}

#[test]
fn a_tag_that_an_unknown_key_signed_is_told_from_one_of_a_known_key() {
    let world = committed();
    let public = signed_tag(&world);
    let (said, provenance) = sealed(&world);
    said.says("tag v1.0.0, signature unknown-key");
    let signature = provenance.build_definition.internal_parameters.tag_signature.unwrap();
    assert_eq!((&*signature.format, &*signature.verdict), ("ssh", "unknown-key"));
    assert!(signature.key.unwrap().starts_with("SHA256:"));
    assert_eq!(signature.signer, None);

    let world = shop();
    world.write("attestar.toml", format!("{POLICY}[git]\nallowed_signers = \"keys/allowed\"\n"));
    world.write("keys/allowed", format!("captain@example.com {public}"));
    fs::write(world.path().join("other"), "").unwrap();
    git(&world, &["init", "-q", "-b", "main"]);
    git(&world, &["add", "."]);
    git(&world, &["commit", "-q", "-m", "one"]);
    let public = signed_tag(&world);
    // The key is another one than that which is allowed, until it is allowed.
    let (said, _) = sealed(&world);
    said.says("signature unknown-key");
    fs::remove_dir_all(world.out()).unwrap();
    world.write("keys/allowed", format!("captain@example.com {public}"));
    let (said, provenance) = sealed(&world);
    said.says("tag v1.0.0 signed by captain@example.com").says("1 file not committed");
    let signature = provenance.build_definition.internal_parameters.tag_signature.unwrap();
    assert_eq!((&*signature.verdict, signature.signer.as_deref()), ("good", Some("captain@example.com")));
}

#[test]
fn a_dirty_tree_says_how_many_files_are_not_committed() {
    let world = committed();
    world.write("dist/tool.bin", "another tool\n");
    world.write("docs/new.md", "# New\n");
    world.write("docs/newer.md", "# Newer\n");
    let (said, provenance) = sealed(&world);
    said.says("3 files not committed");
    let internal = provenance.build_definition.internal_parameters;
    assert_eq!(internal.clean, Some(false));
    assert_eq!((internal.changed_files, internal.untracked_files), (Some(1), Some(2)));
    let world = committed();
    fs::remove_file(world.tree().join("attestar.toml")).unwrap();
    let said = world.run(&["-C", "shop", "--json", "seal", "--version", "1.0.0", "--out", "../out"]).done();
    assert_eq!(said.json()["source"]["clean"], false, "a file that is gone is a change");
}

#[test]
fn past_ten_thousand_artifacts_the_manifest_stands_for_all() {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    for folder in 0..101 {
        fs::create_dir_all(world.tree().join(format!("dist/{folder}"))).unwrap();
        let files = if folder == 100 { 1 } else { 100 };
        (0..files)
            .for_each(|file| fs::write(world.tree().join(format!("dist/{folder}/{file}")), "x").unwrap());
    }
    world
        .seal(&[])
        .done()
        .says("sbom-source-too-large")
        .says("10,001 artifacts, which the manifest lists instead");
    world.verify(&[]).done().says("the manifest of all artifacts is the subject");
    let read = |name: &str| fs::read(world.evidence().join(name)).unwrap();
    let bundle = Bundle::parse_canonical(&read("attestations/provenance.sigstore.json")).unwrap();
    let statement = Statement::<Provenance>::parse(&bundle.envelope.payload).unwrap();
    let subjects: Vec<&str> = statement.subject.iter().map(|subject| &*subject.name).collect();
    assert_eq!(subjects, ["manifest-sha256.txt"]);
    let bom: Value = serde_json::from_slice(&read("sbom/bom.cdx.json")).unwrap();
    assert_eq!(bom["components"], serde_json::json!([]));
    assert_eq!(crate::sbom_bad_input::whole(&bom), "incomplete", "{bom:#}");
    // One fewer, and each is named.
    fs::remove_file(world.tree().join("dist/100/0")).unwrap();
    fs::remove_dir_all(world.out()).unwrap();
    world.seal(&[]).done();
    world.verify(&["--evidence-only"]).done().says("all 10,000 artifacts are subjects");
    assert!(Path::new(&world.archive()).exists());
}
