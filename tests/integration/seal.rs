//! Seal, verify, restore: the main road.

use crate::world::{World, names_in};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn a_release_is_sealed_verified_and_restored_as_it_was() {
    let world = World::release();
    fs::create_dir(world.tree().join("docs/nothing yet")).unwrap();
    symlink("guide.md", world.tree().join("docs/latest.md")).unwrap();
    world.seal(&[]).done().says("sealed");
    assert_eq!(
        names_in(&world.out()),
        ["shop-1.0.0", "shop-1.0.0.tar.zst.age", "shop-1.0.0.tar.zst.age.sigstore.json"]
    );
    world.verify(&[]).done().says("6 files").says("verified in");
    world.restore(&[]).done().says("restored");
    let mut diff = Command::new("diff");
    diff.args(["-r", "--no-dereference", "shop", "back"]).current_dir(world.path());
    assert!(diff.status().unwrap().success(), "the tree came back as it was");
    assert_eq!(world.listing(), ["back", "home", "out", "shop"], "nothing else is left behind");
}

#[test]
fn two_seals_of_one_tree_are_the_same_bytes_but_for_the_encryption() {
    let (one, two) = (World::release(), World::without_keys());
    Command::new("cp").arg("-r").arg(one.home()).arg(two.home()).status().unwrap();
    fs::remove_dir(two.tree()).unwrap();
    Command::new("cp").arg("-r").arg(one.tree()).arg(two.tree()).status().unwrap();
    for world in [&one, &two] {
        world.seal(&["--no-encrypt"]).done();
    }
    let archive = |world: &World| fs::read(world.out().join("shop-1.0.0.tar.zst")).unwrap();
    assert!(archive(&one) == archive(&two));
    let seal = |world: &World| fs::read(world.evidence().join("attestations/seal.sigstore.json")).unwrap();
    assert_eq!(seal(&one), seal(&two));
}

#[test]
fn evidence_without_the_payload_holds_links_included() {
    let world = World::release();
    symlink("guide.md", world.tree().join("docs/latest.md")).unwrap();
    symlink("docs", world.tree().join("documents")).unwrap();
    world.seal(&[]).done();
    world.run(&["verify", "out/shop-1.0.0", "--evidence-only"]).done().says("6 files");
    world.verify(&["--evidence-only"]).done().says("6 files");
    let absent = world.run(&["verify", "out/shop-1.0.0", "--json"]).exits(5);
    assert_eq!(absent.findings(), ["no-payload data/"]);
    fs::remove_file(world.home().join("identity.age")).unwrap();
    let shut = world.verify(&["--json"]).exits(5);
    assert_eq!(shut.findings(), ["no-identity data/"]);
}
