//! The HASHES manifests of a tree: written, read by stock tools, and held against what became of the tree.

use crate::world::{Said, World, names_in};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const LISTS: [&str; 2] = ["HASHES.sha256.txt", "HASHES.blake3.txt"];

fn hashed() -> World {
    let world = World::release();
    world.run(&["-C", "shop", "hash"]).done();
    world
}

fn check(world: &World) -> Said {
    world.run(&["-C", "shop", "hash", "--check", "--json"])
}

/// Adds a line to both lists.
fn add_line(world: &World, line: &str) {
    for list in LISTS {
        let text = fs::read_to_string(world.tree().join(list)).unwrap();
        world.write(list, format!("{text}{line}\n"));
    }
}

#[test]
fn both_manifests_are_written_and_hold() {
    let world = World::release();
    symlink("guide.md", world.tree().join("docs/latest.md")).unwrap();
    let said = world.run(&["-C", "shop", "hash"]).done().says("5 files").says("hash --check");
    assert_eq!(said.err, "");
    let list = fs::read_to_string(world.tree().join(LISTS[0])).unwrap();
    let paths: Vec<&str> = list.lines().map(|line| &line[66..]).collect();
    let sorted = [
        "ddl/0001_init.sql",
        "ddl/0002_more.sql",
        "dist/tool.bin",
        "docs/100% sure.md",
        "docs/guide.md",
        "docs/latest.md",
    ];
    assert_eq!(paths, sorted, "bytewise, without the manifests themselves");
    let mut sha256sum = Command::new("sha256sum");
    sha256sum.args(["--check", "--strict", "--quiet", LISTS[0]]).current_dir(world.tree());
    assert!(sha256sum.status().unwrap().success());
    let document = check(&world).done().json();
    assert_eq!((&document["verdict"], &document["hashed"]["files"]), (&"holds".into(), &5.into()));
    world.run(&["-C", "shop", "hash"]).done();
    assert_eq!(fs::read_to_string(world.tree().join(LISTS[0])).unwrap(), list, "again, the same");
}

#[test]
fn the_policy_says_where_the_manifests_lie() {
    let world = World::release();
    let policy = "schema = 1\n[hashes]\nsha256 = 'lists/s.txt'\nblake3 = 'lists/b.txt'\n\
                  [[include]]\nclass = 'doc'\npaths = ['docs/**', 'lists/**']\n";
    world.write("attestar.toml", policy);
    let document = world.run(&["-C", "shop", "hash", "--json"]).done().json();
    assert_eq!(document["manifests"], serde_json::json!(["lists/s.txt", "lists/b.txt"]));
    assert_eq!(document["unmatched"], 4);
    assert_eq!(names_in(&world.tree().join("lists")), ["b.txt", "s.txt"]);
    check(&world).done();
}

#[test]
fn what_was_sealed_into_the_tree_is_not_hashed() {
    let world = World::release();
    world.run(&["-C", "shop", "seal", "--version", "1.0.0"]).done();
    assert_eq!(world.run(&["-C", "shop", "hash", "--json"]).done().json()["hashed"]["files"], 5);
}

#[test]
fn one_changed_byte_is_found() {
    let world = hashed();
    world.write("docs/guide.md", "# Guidf\n");
    let said = check(&world).exits(3);
    assert_eq!(said.findings(), ["altered docs/guide.md"]);
    let finding = &said.json()["findings"][0];
    assert!(finding["expected"].as_str().unwrap().starts_with("sha256 "), "{finding}");
    assert_ne!(finding["expected"], finding["actual"]);
    let said = world.run(&["-C", "shop", "hash", "--check"]).exits(3);
    said.says("altered            docs/guide.md").says("does not verify: 1 finding");
}

#[test]
fn a_file_that_only_blake3_condemns_is_found() {
    let world = hashed();
    let list = fs::read_to_string(world.tree().join(LISTS[1])).unwrap();
    let at = list.find("  docs/guide.md").unwrap() - 1;
    let wrong = if list.as_bytes()[at] == b'0' { "1" } else { "0" };
    world.write(LISTS[1], format!("{}{wrong}{}", &list[..at], &list[at + 1..]));
    let said = check(&world).exits(3);
    assert_eq!(said.findings(), ["altered docs/guide.md"]);
    assert!(said.json()["findings"][0]["expected"].as_str().unwrap().starts_with("blake3 "));
}

#[test]
fn a_missing_file_is_found() {
    let world = hashed();
    fs::remove_file(world.tree().join("ddl/0002_more.sql")).unwrap();
    assert_eq!(check(&world).exits(3).findings(), ["missing ddl/0002_more.sql"]);
}

#[test]
fn an_added_file_is_found_where_the_policy_takes_it() {
    let world = hashed();
    world.write("docs/new.md", "new\n");
    world.write("node_modules/x/index.js", "no payload\n");
    assert_eq!(check(&world).exits(3).findings(), ["extra docs/new.md"]);
}

#[test]
fn a_file_that_became_a_link_is_found() {
    let world = hashed();
    let guide = world.tree().join("docs/guide.md");
    fs::remove_file(&guide).unwrap();
    symlink("/etc/hostname", &guide).unwrap();
    let findings = check(&world).exits(3).findings();
    assert!(findings.contains(&"altered docs/guide.md".to_owned()), "{findings:?}");
}

#[test]
fn a_path_that_leaves_the_tree_is_never_opened() {
    let world = hashed();
    fs::write(world.path().join("secret"), "outside\n").unwrap();
    add_line(&world, &format!("{}  ../secret", "0".repeat(64)));
    let findings = check(&world).exits(3).findings();
    assert_eq!(
        findings,
        ["path-unsafe ../secret", "path-unsafe ../secret"],
        "once a list, and no digest of it"
    );
}

#[test]
fn a_line_that_is_none_is_told_with_its_number() {
    let world = hashed();
    add_line(&world, "not a line");
    let said = check(&world).exits(3);
    assert_eq!(said.findings(), LISTS.map(|list| format!("manifest-invalid {list}")));
    assert!(said.json()["findings"][0]["actual"].as_str().unwrap().starts_with("line 6"));
}

#[test]
fn a_path_that_stands_twice_is_told() {
    let world = hashed();
    add_line(&world, &format!("{}  docs/guide.md", "0".repeat(64)));
    let findings = check(&world).exits(3).findings();
    assert_eq!(findings, ["path-duplicate docs/guide.md", "path-duplicate docs/guide.md"]);
}

#[test]
fn without_manifests_nothing_passes() {
    let world = World::release();
    assert_eq!(check(&world).exits(3).findings(), LISTS.map(|list| format!("hashes-missing {list}")));
    world.run(&["-C", "shop", "hash", "--check"]).exits(3).complains("hint: attestar hash");
    let world = hashed();
    fs::remove_file(world.tree().join(LISTS[1])).unwrap();
    assert_eq!(check(&world).exits(3).findings(), ["hashes-missing HASHES.blake3.txt"]);
}

#[test]
fn an_empty_list_of_nothing_is_no_pass() {
    let world = World::new();
    LISTS.iter().for_each(|list| world.write(list, ""));
    assert_eq!(check(&world).exits(5).findings(), ["nothing-checked files"]);
    let said = world.run(&["-C", "shop", "hash", "--json"]).exits(4);
    assert_eq!(said.findings().len(), 1, "nothing-selected");
    assert_eq!(fs::read(world.tree().join(LISTS[0])).unwrap(), b"", "the list is as it was");
}

#[test]
fn a_manifest_that_would_lie_outside_the_tree_is_not_written() {
    let world = World::release();
    fs::create_dir(world.path().join("elsewhere")).unwrap();
    symlink("../elsewhere", world.tree().join("lists")).unwrap();
    let policy = "schema = 1\n[hashes]\nsha256 = 'lists/deep/s.txt'\n[[include]]\nclass = 'doc'\npaths = ['docs/**']\n";
    world.write("attestar.toml", policy);
    world.run(&["-C", "shop", "hash"]).exits(1).complains("leads out of the tree");
    assert!(names_in(&world.path().join("elsewhere")).is_empty());
}
