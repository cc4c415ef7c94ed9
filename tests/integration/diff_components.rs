//! `diff` of what releases are made of: real lockfiles, and what became of them.

use crate::world::World;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file of this repository.
fn own(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// npm's lockfile of this repository's own tests.
fn npm() -> Value {
    serde_json::from_str(&own("tests/interop/node/package-lock.json")).unwrap()
}

/// The tree `shop`, and beside it `next`: the same until it is written to.
fn two_trees() -> World {
    let world = World::release();
    world.write("package-lock.json", npm().to_string());
    world.write("Cargo.lock", own("Cargo.lock"));
    world.write("Cargo.toml", own("Cargo.toml"));
    let copied = Command::new("cp").args(["-r", "shop", "next"]).current_dir(world.path()).status();
    assert!(copied.unwrap().success());
    world
}

fn write_next(world: &World, path: &str, text: String) {
    fs::write(world.path().join("next").join(path), text).unwrap();
}

/// `event ecosystem name: A to B` of every component that differs.
fn components(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = document["changes"]["components"]["changes"].as_array().expect("components were compared");
    let show = |c: &Value| {
        let (a, b) = (text(&c["version"]["a"]), text(&c["version"]["b"]));
        format!("{} {} {}: {a} to {b}", text(&c["change"]), text(&c["ecosystem"]), text(&c["name"]))
    };
    list.iter().map(show).collect()
}

#[test]
fn components_of_two_trees_are_upgraded_downgraded_added_and_removed() {
    let world = two_trees();
    let mut lock = npm();
    let packages = lock["packages"].as_object_mut().unwrap();
    packages["node_modules/@sigstore/protobuf-specs"]["version"] = "0.4.10".into();
    packages["node_modules/@sigstore/core"]["version"] = "2.0.0-rc.1".into();
    let verify = packages.remove("node_modules/@sigstore/verify").unwrap();
    packages.insert("node_modules/@sigstore/sign".to_owned(), verify);
    packages[""]["dependencies"] = json!({ "@sigstore/bundle": "3.1.0", "@sigstore/sign": "2.1.1" });
    write_next(&world, "package-lock.json", lock.to_string());
    let document = world.run(&["diff", "shop", "next", "--json"]).done().json();
    assert_eq!(
        components(&document),
        [
            "downgraded npm @sigstore/core: 2.0.0 to 2.0.0-rc.1",
            "upgraded npm @sigstore/protobuf-specs: 0.4.3 to 0.4.10",
            "added npm @sigstore/sign: - to 2.1.1",
            "removed npm @sigstore/verify: 2.1.1 to -",
        ]
    );
    let said = world.run(&["diff", "shop", "next", "--exit-code"]).exits(1);
    said.says("components   1 added, 1 removed, 1 upgraded, 1 downgraded")
        .says("npm        downgraded @sigstore/core             2.0.0-rc.1, was 2.0.0")
        .says("licences     the same, as far as they are stated");
}

#[test]
fn two_sealed_releases_are_compared_by_their_sboms_and_a_tree_with_the_one_it_would_get() {
    let world = World::release();
    world.write("package-lock.json", npm().to_string());
    world.seal(&[]).done();
    let same = world.run(&["diff", "out/shop-1.0.0", "shop", "--exit-code"]).done();
    same.says("components   the same 5").says("no differences");
    let mut lock = npm();
    lock["packages"]["node_modules/@sigstore/core"]["version"] = "2.0.1".into();
    world.write("package-lock.json", lock.to_string());
    world.run(&["-C", "shop", "seal", "--version", "1.1.0", "--out", "../out"]).done();
    for (a, b) in [("out/shop-1.0.0", "shop"), ("out/shop-1.0.0.tar.zst.age", "out/shop-1.1.0")] {
        let document = world.run(&["diff", a, b, "--json"]).done().json();
        assert_eq!(components(&document), ["upgraded npm @sigstore/core: 2.0.0 to 2.0.1"]);
    }
}

#[test]
fn a_crate_that_is_there_in_several_versions_loses_one_of_them() {
    let world = two_trees();
    let lock = own("Cargo.lock");
    let entry = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"");
    // A crate of which this repository itself needs several versions.
    let several = lock.split("[[package]]\nname = \"").skip(1).filter_map(|rest| rest.split('"').next());
    let several = several.collect::<Vec<_>>();
    let name = several.windows(2).find(|pair| pair[0] == pair[1]).expect("there is always one")[0];
    let starts: Vec<usize> = lock.match_indices(&entry(name)).map(|(at, _)| at + entry(name).len()).collect();
    let version = |at: usize| lock[at..].split('"').next().unwrap();
    let (kept, old) = (version(starts[0]), version(starts[1]));
    write_next(
        &world,
        "Cargo.lock",
        lock.replace(&format!("{name} {old}"), &format!("{name} 999.0.0"))
            .replace(&format!("{}{old}\"", entry(name)), &format!("{}999.0.0\"", entry(name))),
    );
    let document = world.run(&["diff", "shop", "next", "--json"]).done().json();
    assert_eq!(components(&document), [format!("upgraded cargo {name}: {old} to 999.0.0")], "and not {kept}");
}

#[test]
fn a_licence_that_changed_is_told_with_and_without_an_upgrade() {
    let world = two_trees();
    let mut lock = npm();
    let packages = lock["packages"].as_object_mut().unwrap();
    packages["node_modules/@sigstore/bundle"]["license"] = "BUSL-1.1".into();
    packages["node_modules/@sigstore/core"]["version"] = "3.0.0".into();
    packages["node_modules/@sigstore/core"].as_object_mut().unwrap().remove("license");
    write_next(&world, "package-lock.json", lock.to_string());
    let document = world.run(&["diff", "shop", "next", "--json"]).done().json();
    assert_eq!(
        document["changes"]["components"]["licences"],
        json!([
            {
                "name": "@sigstore/bundle",
                "version": { "a": "3.1.0", "b": "3.1.0" },
                "licence": { "a": "Apache-2.0", "b": "BUSL-1.1" },
            },
            {
                "name": "@sigstore/core",
                "version": { "a": "2.0.0", "b": "3.0.0" },
                "licence": { "a": "Apache-2.0", "b": null },
            },
        ])
    );
    let said = world.run(&["diff", "shop", "next"]).done().says("licences     2 changed");
    said.says("@sigstore/bundle 3.1.0   BUSL-1.1, was Apache-2.0").says("not stated, was Apache-2.0");
}

#[test]
fn a_lockfile_that_cannot_be_read_is_told() {
    let world = two_trees();
    write_next(&world, "package-lock.json", "{".to_owned());
    let said = world.run(&["diff", "shop", "next"]).done();
    said.says("sbom-source-invalid package-lock.json")
        .says("the SBOM of B says that components are missing in it");
}

#[test]
fn the_same_components_are_no_difference() {
    let world = two_trees();
    let said = world.run(&["diff", "shop", "next", "--exit-code"]).done().says("no differences");
    let packages = own("Cargo.lock").matches("[[package]]").count();
    let same = said.out.lines().find_map(|line| line.strip_prefix("components   the same "));
    let same: usize = same.expect("a count").parse().expect("a number");
    assert!(same >= packages && packages > 100, "{}", said.out);
}

#[test]
fn a_pack_of_an_earlier_attestar_has_no_sbom_and_nothing_was_added() {
    let world = World::release();
    world.write("package-lock.json", npm().to_string());
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let kept = fixtures.join("packs/good/kept-1.0.0").display().to_string();
    let key = fixtures.join("keys/test-only-a.pub").display().to_string();
    let args = ["diff", &kept, "shop", "--key", &key];
    let document = world.run(&[&args[..], &["--json"]].concat()).done().json();
    assert_eq!(components(&document), [""; 0]);
    let compared = &document["changes"]["components"]["compared"];
    assert!(compared["a"].is_null() && compared["b"].is_u64(), "{compared}");
    assert_eq!(document["changes"]["ddl"]["compared"], json!({ "a": null, "b": 2 }));
    let said = world.run(&args).done().says("components   none in A, so nothing was compared");
    said.says("ddl          none in A, so nothing was compared");
}
