//! `sbom`: what the release is made of, without sealing it.

use crate::world::{World, everything_in};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A project with a lockfile and an artifact.
fn shop() -> World {
    let world = World::without_keys();
    let lockfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lockfiles/npm-3/package-lock.json");
    world.write("package-lock.json", fs::read(lockfile).unwrap());
    world.write("dist/tool.bin", "tool\n");
    world.write("VERSION", "1.0.0\n");
    world.write(
        "attestar.toml",
        "schema = 1\n[project]\nname = \"shop\"\nversion_file = \"VERSION\"\nsupplier = \"Shop Ltd\"\n\
         [[include]]\nclass = \"artifact\"\npaths = [\"dist/**\"]\n[[include]]\nclass = \"doc\"\npaths = [\"**\"]\n",
    );
    world
}

fn sbom(world: &World, flags: &[&str]) -> crate::world::Said {
    world.run(&[&["-C", "shop", "sbom"], flags].concat())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn both_formats_go_to_stdout_and_nothing_else_does() {
    let world = shop();
    let before = everything_in(world.path());
    let bom = parsed(&sbom(&world, &[]).done().out);
    assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let subject = &bom["metadata"]["component"];
    assert_eq!((&subject["name"], &subject["version"]), (&"shop".into(), &"1.0.0".into()));
    assert_eq!(bom["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let spdx = parsed(&sbom(&world, &["--format", "spdx"]).done().out);
    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
    assert_eq!(spdx["creationInfo"]["created"], "2023-11-14T22:13:20Z");
    assert_eq!(sbom(&world, &["-q"]).done().out, sbom(&world, &["--format", "cyclonedx"]).done().out);
    sbom(&world, &["--format", "swid"]).exits(2).complains("cyclonedx");
    assert_eq!(everything_in(world.path()), before, "it writes nothing");
}

#[test]
fn a_file_of_it_is_whole_or_not_there() {
    let world = shop();
    let out = world.path().join("bom.json");
    sbom(&world, &["--out", "bom.json"])
        .done()
        .says("sbom        ")
        .says("package-lock.json")
        .says("wrote       bom.json");
    assert_eq!(fs::read_to_string(&out).unwrap(), sbom(&world, &[]).done().out);
    sbom(&world, &["--out", "bom.json", "--format", "spdx"]).done();
    assert_eq!(parsed(&fs::read_to_string(&out).unwrap())["spdxVersion"], "SPDX-2.3");
    let before = everything_in(world.path());
    sbom(&world, &["--out", "nowhere/bom.json"]).exits(1).complains("nowhere");
    assert_eq!(everything_in(world.path()), before);
}

#[test]
fn the_answer_in_json() {
    let world = shop();
    let document = sbom(&world, &["--json"]).done().json();
    assert_eq!((&document["project"], &document["version"]), (&"shop".into(), &"1.0.0".into()));
    assert_eq!(document["lockfiles"], serde_json::json!(["package-lock.json"]));
    assert_eq!((&document["format"], &document["incomplete"]), (&"cyclonedx".into(), &false.into()));
    assert_eq!(document["bom"], parsed(&sbom(&world, &[]).done().out));
    let named =
        document["bom"]["components"].as_array().unwrap().iter().filter(|one| one["type"] != "file").count();
    assert_eq!(document["components"], named);
    let document = sbom(&world, &["--json", "--out", "bom.json", "--format", "spdx"]).done().json();
    assert_eq!(
        (&document["out"], &document["bom"], &document["format"]),
        (&"bom.json".into(), &Value::Null, &"spdx".into())
    );
}

#[test]
fn a_tree_that_says_nothing_of_what_it_is_made_of() {
    let world = World::without_keys();
    world.write("docs/guide.md", "# Guide\n");
    let said = sbom(&world, &[]).exits(5).complains("neither a lockfile nor an artifact");
    assert_eq!(parsed(&said.out)["bomFormat"], "CycloneDX");
    let document = sbom(&world, &["--json"]).exits(5).json();
    assert_eq!((&document["components"], &document["version"]), (&0.into(), &Value::Null));
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let world = shop();
    for format in ["cyclonedx", "spdx"] {
        let once = sbom(&world, &["--format", format]).done().out;
        assert_eq!(sbom(&world, &["--format", format]).done().out, once);
        // Wherever the tree lies, and whenever its files were written.
        let other = shop();
        assert_eq!(sbom(&other, &["--format", format]).done().out, once);
    }
}

#[test]
fn the_time_is_the_one_that_the_release_stands_for() {
    let world = shop();
    let mut command = world.command(&["-C", "shop", "sbom"]);
    let said = crate::world::said(command.env("SOURCE_DATE_EPOCH", "0").output().unwrap());
    assert_eq!(parsed(&said.done().out)["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
    let said = crate::world::said(command.env("SOURCE_DATE_EPOCH", "soon").output().unwrap());
    said.exits(2).complains("SOURCE_DATE_EPOCH");
}

#[test]
fn the_sbom_of_a_seal_is_the_one_that_is_printed() {
    let world = shop();
    let printed = [sbom(&world, &[]).done().out, sbom(&world, &["--format", "spdx"]).done().out];
    world.run(&["keys", "new", "--no-passphrase"]).done();
    world.seal(&[]).done();
    for (name, printed) in ["sbom/bom.cdx.json", "sbom/bom.spdx.json"].iter().zip(printed) {
        assert_eq!(fs::read_to_string(world.evidence().join(name)).unwrap(), printed, "{name}");
    }
}
