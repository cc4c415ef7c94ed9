//! Packs that are kept for ever: what one attestar sealed, every later one verifies; and what is damaged has a name.

use crate::world::{Said, World, names_in};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn key(name: &str) -> String {
    fixtures().join("keys").join(name).display().to_string()
}

/// A copy of a kept folder, with the empty folder of the first one, which git does not keep.
fn copy(world: &World, from: &Path, name: &str) -> String {
    let to = world.path().join(name);
    let copied = Command::new("cp").arg("-r").arg(from.join(name)).arg(&to).status().unwrap();
    assert!(copied.success());
    if name == "kept-1.0.0" {
        fs::create_dir(to.join("data/docs/empty")).unwrap();
    }
    to.display().to_string()
}

#[test]
fn the_archive_still_verifies_and_restores() {
    let world = World::without_keys();
    let archive = fixtures().join("packs/good/kept-1.0.0.tar.zst.age").display().to_string();
    let (public, identity) = (key("test-only-a.pub"), key("test-only-a.identity.txt"));
    let keys = ["--key", &public, "--identity", &identity];
    world.run(&[&["verify", &archive], &keys[..]].concat()).done().says("4 files");
    world.run(&[&["restore", &archive, "--to", "back"], &keys[..]].concat()).done();
    assert_eq!(
        names_in(&world.path().join("back/docs")),
        ["empty", "latest.md", "olá 100%.md", "read me.md"]
    );
    assert_eq!(fs::read_link(world.path().join("back/docs/latest.md")).unwrap(), Path::new("read me.md"));
}

#[test]
fn the_folder_still_verifies() {
    let world = World::without_keys();
    let folder = copy(&world, &fixtures().join("packs/good"), "kept-1.0.0");
    world.run(&["verify", &folder, "--key", &key("test-only-a.pub")]).done().says("4 files");
}

#[test]
fn the_pack_that_says_what_it_is_made_of_still_verifies_and_restores() {
    let world = World::without_keys();
    let archive = fixtures().join("packs/good/kept-1.1.0.tar.zst.age").display().to_string();
    let (public, identity) = (key("test-only-a.pub"), key("test-only-a.identity.txt"));
    let keys = ["--key", &public, "--identity", &identity];
    let holds = |said: Said| {
        said.done()
            .says("7 files")
            .says("the artifact is a subject")
            .says("CycloneDX and SPDX, 12 components")
            .says("2 passed, 0 failed when sealed")
    };
    holds(world.run(&[&["verify", &archive], &keys[..]].concat()));
    let folder = copy(&world, &fixtures().join("packs/good"), "kept-1.1.0");
    holds(world.run(&["verify", &folder, "--key", &public]));
    world.run(&[&["restore", &archive, "--to", "back"], &keys[..]].concat()).done();
    assert_eq!(
        names_in(&world.path().join("back")),
        ["CHANGELOG.md", "Cargo.lock", "VERSION", "attestar.toml", "ddl", "dist"]
    );
}

#[test]
fn each_damaged_folder_gives_the_finding_that_it_is_named_after() {
    let damaged = fixtures().join("packs/damaged");
    let names = names_in(&damaged);
    assert_eq!(names.len(), 11, "{names:?}");
    for code in names {
        let world = World::without_keys();
        let [name] = &names_in(&damaged.join(&code))[..] else { panic!("one pack in {code}") };
        let folder = copy(&world, &damaged.join(&code), name);
        let said = world.run(&["verify", &folder, "--key", &key("test-only-a.pub"), "--json"]).exits(3);
        let found = said.findings();
        assert!(found.iter().any(|finding| finding.starts_with(&format!("{code} "))), "{code}: {found:?}");
    }
}
