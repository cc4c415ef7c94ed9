//! The evidence section of the release notes, which `hash` writes and checks.

use crate::world::World;
use std::fs;
use std::process::Command;

const POLICY: &str = "schema = 1
[release]
notes = 'docs/v{version}.md'
[[include]]
class = 'ddl'
paths = ['ddl/*.sql']
[[include]]
class = 'artifact'
paths = ['dist/**']
[[include]]
class = 'doc'
paths = ['**']
";

const NOTES: &str = "# 1.0.0\n\n## Evidence pack\n\n<!-- attestar:evidence -->\n<!-- /attestar:evidence -->\n\n## After\n\nMore.\n";

fn world(notes: &str) -> World {
    let world = World::release();
    world.write("attestar.toml", POLICY);
    world.write("VERSION", "1.0.0\n");
    world.write("docs/v1.0.0.md", notes);
    let policy = POLICY.replace("[release]", "[project]\nversion_file = 'VERSION'\n[release]");
    world.write("attestar.toml", policy);
    world
}

fn notes(world: &World) -> String {
    fs::read_to_string(world.tree().join("docs/v1.0.0.md")).unwrap()
}

#[test]
fn the_section_is_written_before_the_lists_and_holds() {
    let world = world(NOTES);
    world.run(&["-C", "shop", "hash"]).done().says("docs/v1.0.0.md");
    let written = notes(&world);
    assert!(
        written.starts_with(
            "# 1.0.0\n\n## Evidence pack\n\n<!-- attestar:evidence -->\nSealed as `shop-1.0.0`."
        )
    );
    assert!(written.ends_with("\n<!-- /attestar:evidence -->\n\n## After\n\nMore.\n"), "{written}");
    assert!(written.contains("| payload | 8 files: doc 5, ddl 2, artifact 1 |"), "{written}");
    world.run(&["-C", "shop", "hash", "--check"]).done().says("notes");
    // The digest that the section states, by stock tools.
    let sum =
        Command::new("sh").args(["-c", "sha256sum ddl/*.sql | sha256sum"]).current_dir(world.tree()).output();
    let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
    assert!(written.contains(sum.split(' ').next().unwrap()), "{sum} is not in\n{written}");
    world.run(&["-C", "shop", "hash"]).done();
    assert_eq!(notes(&world), written, "a second time changes nothing");
    world.seal(&[]).done();
}

#[test]
fn a_section_that_is_not_of_this_tree_is_found() {
    let world = world(NOTES);
    world.run(&["-C", "shop", "hash"]).done();
    world.write("docs/v1.0.0.md", notes(&world).replace("| payload | 8", "| payload | 9"));
    let found = world.run(&["-C", "shop", "hash", "--check", "--json"]).exits(3).findings();
    assert!(found.contains(&"notes-stale docs/v1.0.0.md".to_owned()), "{found:?}");
    world.write("docs/v1.0.0.md", NOTES.replace("<!-- /attestar:evidence -->", ""));
    let found = world.run(&["-C", "shop", "hash", "--check", "--json"]).exits(3).findings();
    assert!(found.contains(&"notes-stale docs/v1.0.0.md".to_owned()), "{found:?}");
}

#[test]
fn notes_without_a_place_for_it_are_refused_and_nothing_is_written() {
    let world = world("# 1.0.0\n");
    let said = world.run(&["-C", "shop", "hash"]).exits(1).complains("has no place for the evidence section");
    said.complains("<!-- attestar:evidence -->");
    assert!(!world.tree().join("HASHES.sha256.txt").exists());
    assert_eq!(notes(&world), "# 1.0.0\n");
}

#[test]
fn without_notes_of_this_version_the_lists_are_written_all_the_same() {
    let world = world(NOTES);
    world.write("VERSION", "1.1.0-dev\n");
    let document = world.run(&["-C", "shop", "hash", "--json"]).done().json();
    let check = document["checks"].as_array().unwrap().iter().find(|check| check["name"] == "notes").unwrap();
    assert_eq!(
        (&check["status"], &check["detail"]),
        (&"skipped".into(), &"docs/v1.1.0-dev.md is not there".into())
    );
    assert_eq!(notes(&world), NOTES);
    assert!(world.tree().join("HASHES.sha256.txt").exists());
}
