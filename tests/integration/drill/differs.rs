//! Databases of PostgreSQL and DuckDB that came back as another than was recorded, by one thing each: every one is found, and
//! nothing besides.

use super::databases::{LEDGER, captures, duckdb};
use super::{POLICY, drill, plant, sh};
use crate::forge::{Entry, file};
use crate::postgres::Postgres;
use crate::world::{World, everything_in, names_in};
use attestar::format::capture::Captured;
use attestar::format::pack::Pack as PackJson;
use std::fs;
use std::time::Duration;

/// What is changed, and what is found of it.
type Change<'a> = (&'a str, &'a str);

/// The one capture of a full backup of the tree as it is now: what was recorded, and the files.
fn captured(world: &World) -> (Captured, Vec<Entry>) {
    let archives = world.path().join("store/archives");
    let known = if archives.exists() { names_in(&archives) } else { Vec::new() };
    world.run(&["-C", "shop", "backup", "--full"]).done();
    let is_new = |name: &String| name.ends_with(".age") && !known.contains(name);
    let name = names_in(&archives).into_iter().find(is_new).unwrap();
    // What is planted now is of another second, and has another name.
    std::thread::sleep(Duration::from_millis(1100));
    let (archive, open) = (archives.join(name), tempfile::tempdir().unwrap());
    let identity = world.home().join("identity.age");
    sh(&format!(
        "age -d -i {} {} | zstd -dq | tar x -C {}",
        identity.display(),
        archive.display(),
        open.path().display()
    ));
    let pack = open.path().join(&names_in(open.path())[0]);
    let json: PackJson = serde_json::from_slice(&fs::read(pack.join("pack.json")).unwrap()).unwrap();
    let data = pack.join("data");
    let mut files: Vec<Entry> = everything_in(&data)
        .into_iter()
        .filter(|(path, _)| path.is_file() && path.starts_with(data.join("captures")))
        .map(|(path, _)| file(path.strip_prefix(&data).unwrap().to_str().unwrap(), fs::read(&path).unwrap()))
        .collect();
    files.sort_by(|one, other| one.member.path.cmp(&other.member.path));
    (json.captures.into_iter().next().unwrap(), files)
}

/// What was recorded before each of these changes does not fit what came back after it: that is found, and nothing else. Changes
/// add up.
#[track_caller]
fn each_is_found(world: &World, changes: &[Change<'_>], change: &dyn Fn(&str)) {
    let drill = |name: &str| drill(world, &[name]);
    let (mut before, files) = captured(world);
    let name = plant(world, 0, files, vec![before.clone()]);
    assert_eq!(drill(&name).done().findings(), Vec::<String>::new(), "as it was it is well");
    for (statements, finding) in changes {
        change(statements);
        let (after, files) = captured(world);
        let name = plant(world, 0, files, vec![before]);
        let said = drill(&name).exits(3);
        assert_eq!(said.findings(), [*finding], "{statements}: {}", said.out);
        before = after;
    }
}

const TABLES: &str = "CREATE TABLE t (id INT, x TEXT); INSERT INTO t SELECT n, 'x' || n FROM generate_series(1, 500) r (n); \
                      CREATE TABLE u (y INT, a_row INT); INSERT INTO u VALUES (1, 1); \
                      CREATE VIEW v AS SELECT id FROM t WHERE id > 5; CREATE VIEW w AS SELECT y FROM u";

#[test]
fn of_postgresql() {
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE ledger");
    server.run("ledger", TABLES);
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}", captures(&server)));
    let changes = [
        ("DELETE FROM t WHERE id = 500", "rows-differ captures/ledger: public.t"),
        ("UPDATE t SET x = 'another' WHERE id = 7", "content-differs captures/ledger: public.t"),
        ("UPDATE u SET y = 2", "content-differs captures/ledger: public.u"),
        ("DROP VIEW w", "object-missing captures/ledger: public.w"),
        ("CREATE VIEW w AS SELECT y FROM u", "object-extra captures/ledger: public.w"),
        (
            "DROP TABLE u CASCADE; CREATE TABLE u (y INT, a_row INT); INSERT INTO u VALUES (2, 1); CREATE VIEW w AS SELECT y AS y FROM u WHERE y > 0",
            "schema-differs captures/ledger",
        ),
        ("CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE id > 6", "schema-differs captures/ledger"),
        ("ALTER TABLE t ALTER COLUMN x SET NOT NULL", "schema-differs captures/ledger"),
    ];
    each_is_found(&world, &changes, &|statements| drop(server.run("ledger", statements)));
}

#[test]
fn of_duckdb_in_both_forms() {
    for form in ["export", "copy"] {
        let world = World::new();
        duckdb(&world, TABLES);
        let policy = format!(
            "[[capture]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\nform = \"{form}\"\n\
             [[probe]]\nid = \"duck\"\nkind = \"duckdb\"\ncapture = \"duck\"\n"
        );
        world.write("attestar.toml", format!("{POLICY}{policy}"));
        let changes = [
            ("DELETE FROM t WHERE id = 500", "rows-differ captures/duck: main.t"),
            ("UPDATE t SET x = 'another' WHERE id = 7", "content-differs captures/duck: main.t"),
            ("UPDATE u SET y = 2", "content-differs captures/duck: main.u"),
            ("DROP VIEW w", "object-missing captures/duck: main.w"),
            ("CREATE VIEW w AS SELECT y FROM u", "object-extra captures/duck: main.w"),
            ("CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE id > 6", "schema-differs captures/duck"),
            ("ALTER TABLE t ALTER COLUMN x SET NOT NULL", "schema-differs captures/duck"),
        ];
        each_is_found(&world, &changes, &|statements| duckdb(&world, statements));
    }
}
