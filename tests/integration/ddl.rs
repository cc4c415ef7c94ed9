//! What a pack says of its DDL: gathered when it is sealed, held to the lists when it is verified.

use crate::forge::{Pack, Tar, file, own_key, publish};
use crate::world::World;
use serde_json::{Value, json};
use std::fs;

const POLICY: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"ddl\"
paths = [\"roles/*.sql\"]
[[include]]
class = \"ddl\"
paths = [\"ddl/**\"]
dialect = \"postgresql\"
[[include]]
class = \"doc\"
paths = [\"**\"]
";

fn shop() -> World {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("ddl/10_index.sql", "CREATE INDEX by_id ON prices (id);\n");
    world.write("ddl/2_prices.sql", "CREATE TABLE prices (id BIGINT PRIMARY KEY);\nDO $$ BEGIN END $$;\n");
    world.write("ddl/3_latin.sql", b"-- pre\xe7os\n");
    world.write("roles/app.sql", "CREATE ROLE app;\n");
    world
}

fn pack_json(world: &World) -> Value {
    serde_json::from_slice(&fs::read(world.evidence().join("pack.json")).unwrap()).unwrap()
}

#[test]
fn a_release_lists_its_ddl_in_order_and_says_what_could_not_be_parsed() {
    let world = shop();
    world
        .seal(&[])
        .done()
        .says("ddl         4 files in order, 2 statements not parsed\n")
        .says("ddl-unparsed")
        .says("1 of 2 statements not parsed; the first on line 2")
        .says("1 of 1 statement not parsed; it is not UTF-8");
    let ddl = &pack_json(&world)["ddl"];
    let paths: Vec<&str> =
        ddl["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["roles/app.sql", "ddl/2_prices.sql", "ddl/3_latin.sql", "ddl/10_index.sql"]);
    let roles =
        json!({"path": "roles/app.sql", "statements": 1, "creates": [{"kind": "role", "name": "app"}]});
    assert_eq!(ddl["files"][0], roles);
    let prices = json!({
        "path": "ddl/2_prices.sql",
        "dialect": "postgresql",
        "statements": 2,
        "statements_unparsed": 1,
        "creates": [{"kind": "table", "name": "prices"}],
        "unparsed": [{"offset": 45, "line": 2, "why": "form", "start": "DO"}],
    });
    assert_eq!(ddl["files"][1], prices);
    assert_eq!(ddl["files"][3]["depends"], json!([{"kind": "table", "name": "prices"}]));
    world.verify(&[]).done();
}

#[test]
fn the_answer_in_json_counts_files_statements_and_objects() {
    let document = shop().seal(&["--json"]).done().json();
    assert_eq!(document["ddl"], json!({"files": 4, "statements": 5, "unparsed": 2, "objects": 3}));
}

#[test]
fn a_release_without_ddl_says_nothing_of_it() {
    let world = World::new();
    world.write("docs/guide.md", "# Guide\n");
    let said = world.seal(&[]).done();
    assert!(!said.out.contains("ddl"), "{}", said.out);
    assert_eq!(pack_json(&world).get("ddl"), None);
}

#[test]
fn a_file_that_is_too_large_is_one_statement_that_is_not_parsed() {
    let world = shop();
    let huge = fs::File::create(world.tree().join("ddl/20_huge.sql")).unwrap();
    huge.set_len((64 << 20) + 1).unwrap();
    world.seal(&[]).done().says("1 of 1 statement not parsed; it is too large");
    let unparsed = json!([{"offset": 0, "line": 1, "why": "too-large", "start": ""}]);
    assert_eq!(pack_json(&world)["ddl"]["files"][4]["unparsed"], unparsed);
}

/// A pack of two DDL files, sealed by the trusted key, that says this of them.
fn forged(ddl: Value) -> World {
    let world = World::new();
    let mut pack = Pack::of([file("a.sql", "SELECT 1;\n"), file("b.sql", "SELECT 2;\n")]);
    for name in ["inventory.jsonl", "pack.json"] {
        let text = String::from_utf8(pack.tags[name].clone()).unwrap().replace("\"doc\"", "\"ddl\"");
        pack.tags.insert(name.to_owned(), text.into_bytes());
    }
    let mut said: Value = serde_json::from_slice(&pack.tags["pack.json"]).unwrap();
    said["ddl"] = ddl;
    pack.tags.insert("pack.json".to_owned(), said.to_string().into_bytes());
    let pack = pack.sealed(&own_key(&world));
    publish(&world, &pack, &Tar::of(&pack).container().bytes());
    world
}

fn files(paths: &[&str]) -> Value {
    let files: Vec<Value> = paths.iter().map(|path| json!({"path": path, "statements": 1})).collect();
    json!({ "files": files })
}

#[test]
fn the_ddl_that_is_described_is_the_ddl_that_is_listed() {
    forged(files(&["b.sql", "a.sql"])).run(&["verify", "out/shop-1.0.0.tar.zst.age"]).done();
    let omitted = json!({"files": [{"path": "a.sql", "statements": 1}], "files_omitted": 1});
    forged(omitted).run(&["verify", "out/shop-1.0.0.tar.zst.age"]).done();
}

#[test]
fn ddl_that_is_missing_extra_or_described_twice_is_a_disagreement() {
    for paths in
        [&["a.sql"][..], &[], &["a.sql", "b.sql", "c.sql"], &["a.sql", "b.sql", "b.sql"], &["a.sql", "a.sql"]]
    {
        forged(files(paths)).refuses(3, "disagreement");
    }
    let omitted = json!({"files": [{"path": "a.sql", "statements": 1}, {"path": "b.sql", "statements": 1}], "files_omitted": 1});
    forged(omitted).refuses(3, "disagreement");
}

#[test]
fn what_is_said_of_ddl_has_no_unknown_words() {
    for (key, value) in [("run", json!(1)), ("dialect", json!("oracle")), ("statements", json!(-1))] {
        let mut ddl = files(&["a.sql", "b.sql"]);
        ddl["files"][0][key] = value;
        forged(ddl).refuses(3, "manifest-invalid");
    }
}
