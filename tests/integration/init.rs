//! The first minute with attestar: a policy and keys, and then it seals.

use crate::world::{World, names_in};
use attestar::policy::{Policy, Source};
use std::fs;

const RECIPIENT: &str = "age1t9xrhedpa8wqquj3nztpjlw6wwqvk48haq3jgphje5g7g9aavu6s4jdqvr";

fn policy(world: &World) -> String {
    fs::read_to_string(world.tree().join("attestar.toml")).unwrap()
}

#[test]
fn after_init_a_tree_is_sealed_under_its_own_policy() {
    let world = World::without_keys();
    world.write("README.md", "# Shop\n");
    let said = world.run(&["-C", "shop", "init", "--no-passphrase"]).done();
    said.says("attestar.toml").says("signing.key").says("next        ").says("attestar keys recovery-kit");
    assert!(policy(&world).contains("[project]\nname = \"shop\"\n"));
    let keys = ["identity.age", "recipient.age", "signing.key", "signing.pub", "trust.toml", "trusted"];
    assert_eq!(names_in(&world.home()), keys);
    world.seal(&[]).done().says("policy      shop (shop/attestar.toml)").says("2 files");
    world.verify(&[]).done();
}

#[test]
fn every_shipped_policy_can_be_begun_with() {
    for name in Policy::builtin_names() {
        let world = World::without_keys();
        let flags = ["-C", "shop", "init", "--no-passphrase", "--from", name, "--recipient", RECIPIENT];
        world.run(&flags).done();
        let policy = Policy::parse(Source::File("attestar.toml".into()), policy(&world)).unwrap();
        assert_eq!(policy.project.as_deref(), Some("shop"), "{name}");
        assert_eq!(policy.seal.recipients, [RECIPIENT], "{name}");
        assert_eq!(policy.gates.len(), Policy::builtin(name).unwrap().gates.len(), "{name}");
    }
}

#[test]
fn with_recipients_no_identity_is_made_here() {
    let world = World::without_keys();
    let said =
        world.run(&["-C", "shop", "init", "--no-passphrase", "--recipient", RECIPIENT, "--json"]).done();
    assert_eq!(said.json()["made"].as_array().unwrap().len(), 2, "the signing key and its public half");
    assert_eq!(names_in(&world.home()), ["signing.key", "signing.pub", "trust.toml", "trusted"]);
    assert!(policy(&world).contains(&format!("[seal]\nrecipients = [\n  \"{RECIPIENT}\",\n]\n")));
    world.write("README.md", "# Shop\n");
    world.seal(&[]).done().says("1 recipient");
}

#[test]
fn keys_that_are_there_are_kept() {
    let world = World::new();
    let key = fs::read(world.home().join("signing.key")).unwrap();
    let document = world.run(&["-C", "shop", "init", "--json"]).done().json();
    assert_eq!(document["made"], serde_json::json!([]));
    assert_eq!(fs::read(world.home().join("signing.key")).unwrap(), key);
}

#[test]
fn a_policy_is_never_overwritten() {
    let world = World::without_keys();
    world.write("attestar.toml", "mine\n");
    let said = world.run(&["-C", "shop", "init", "--no-passphrase"]).exits(1);
    said.complains("a policy is never overwritten").complains("hint: ");
    assert_eq!(policy(&world), "mine\n");
    assert!(names_in(&world.home()).is_empty(), "and no keys are made either");
}

#[test]
fn what_cannot_be_meant_changes_nothing() {
    for (flags, message) in [
        (["--from", "defualt"], "there is no shipped policy `defualt`"),
        (["--recipient", "age1notarecipient"], "--recipient: not an age recipient"),
        (["--recipient", "ssh-ed25519 AAAA"], "an SSH recipient"),
    ] {
        let world = World::without_keys();
        let flags = [&["-C", "shop", "init", "--no-passphrase"], &flags[..]].concat();
        world.run(&flags).exits(2).complains(message);
        assert!(names_in(&world.tree()).is_empty() && names_in(&world.home()).is_empty(), "{message}");
    }
    let world = World::without_keys();
    world.run(&["-C", "shop", "init", "--from", "defualt"]).complains("did you mean builtin:default?");
}

#[test]
fn without_a_passphrase_to_choose_nothing_is_left() {
    let world = World::without_keys();
    let mut command = world.command(&["-C", "shop", "init"]);
    command.env("ATTESTAR_PASSPHRASE", "").arg("--passphrase-file").arg("/dev/null");
    assert_eq!(command.output().unwrap().status.code(), Some(2), "the passphrase is empty");
    assert!(names_in(&world.tree()).is_empty() && names_in(&world.home()).is_empty());
}
