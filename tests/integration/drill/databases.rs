//! Drills of PostgreSQL and DuckDB, as they are, and of DDL applied to each.

use super::{POLICY, back_up, fails, plant, report};
use crate::forge::file;
use crate::postgres::Postgres;
use crate::world::{Said, World, venv};
use attestar::format::drill_report::Ended;
use std::process::Command;

const LEDGER: &str = "[[probe]]\nid = \"ledger\"\nkind = \"postgres\"\ncapture = \"ledger\"\n";

fn captures(server: &Postgres) -> String {
    let dsn = server.dsn("ledger");
    format!(
        "[drill]\nuser = \"nobody\"\n[[capture]]\nid = \"ledger\"\nkind = \"postgres\"\ndsn = \"{dsn}\"\n"
    )
}

fn ledger() -> Postgres {
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE ledger");
    server.run(
        "ledger",
        "CREATE ROLE reader; CREATE TABLE t (id INT PRIMARY KEY, x TEXT, at TIMESTAMPTZ DEFAULT now()); \
         INSERT INTO t SELECT n, repeat('ab', n % 40) FROM generate_series(1, 2000) n; CREATE INDEX ON t (x); \
         CREATE VIEW v AS SELECT * FROM t WHERE id > 5; CREATE SCHEMA s; CREATE TABLE s.q (a INT REFERENCES t); \
         CREATE TYPE mood AS ENUM ('a', 'b'); ALTER TABLE t ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY p ON t TO reader USING (id > 3); CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t",
    );
    server
}

/// `drill` with its scratch where another user can pass.
fn drill(world: &World) -> Said {
    world.run(&["-C", "shop", "--json", "drill", "--out", "drill"])
}

#[track_caller]
fn drill_fails(world: &World, finding: &str) {
    let said = drill(world).exits(3);
    let found = said.findings();
    assert!(
        found.iter().any(|found| found.starts_with(finding)),
        "{found:?} instead of {finding}: {}",
        said.out
    );
}

#[test]
fn a_dump_is_restored_into_a_throwaway_server_and_asked() {
    let server = ledger();
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let query = "queries = [{ sql = \"SELECT count(*), max(id) FROM t\", expect = \"2000|2000\" }]\n";
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}{query}", captures(&server)));
    back_up(&world);
    let said = drill(&world).done();
    assert_eq!(said.findings(), Vec::<String>::new());
    let report = report(&world);
    let checks: Vec<(&str, Ended)> = report.probes[0]
        .checks
        .iter()
        .map(|check| (check.name.split(':').next().unwrap(), check.status))
        .collect();
    let names =
        ["restore", "tables", "rows", "contents", "objects", "definitions", "query", "amcheck", "outside"];
    assert_eq!(checks, names.map(|name| (name, Ended::Passed)));
    // What the policy expects and is not there.
    let wrong = "queries = [{ sql = \"SELECT count(*) FROM t\", expect = \"1999\" }]\n";
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}{wrong}", captures(&server)));
    drill_fails(&world, "query-differs ledger: SELECT count(*) FROM t");
}

#[test]
fn a_database_that_is_in_use_is_never_restored_over() {
    let server = ledger();
    server.run("postgres", "CREATE ROLE drill LOGIN");
    server.run("postgres", "CREATE DATABASE scratch OWNER drill");
    server.run("postgres", "CREATE DATABASE full_one");
    server.run("full_one", "CREATE TABLE t (x INT)");
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let into = |dsn: &str| format!("{POLICY}{}{LEDGER}dsn = \"{dsn}\"\n", captures(&server));
    world.write("attestar.toml", into(&server.dsn("ledger")));
    back_up(&world);
    drill_fails(&world, "database-live dsn of ledger");
    // Neither under another spelling of its address.
    world.write("attestar.toml", into(&format!("{} application_name=x", server.dsn("ledger"))));
    drill_fails(&world, "database-live dsn of ledger");
    assert_eq!(server.run("ledger", "SELECT count(*) FROM t"), "2000");
    world.write("attestar.toml", into(&server.dsn("full_one")));
    drill_fails(&world, "database-not-empty dsn of ledger");
    world.write("attestar.toml", into(&server.dsn("scratch")));
    drill_fails(&world, "probe-failed dsn of ledger");
    // An empty one, by a role that is no superuser: and it is empty again afterwards.
    world.write("attestar.toml", into(&server.dsn("scratch").replace("user=owner", "user=drill")));
    drill(&world).done();
    assert_eq!(
        server.run("scratch", "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        "0"
    );
}

#[test]
fn a_dump_of_a_newer_server_and_one_that_is_none() {
    let server = ledger();
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}", captures(&server)));
    plant(
        &world,
        0,
        vec![file("captures/ledger/part-00001", "PGDMP")],
        vec![super::faults::dump("PostgreSQL 99.1")],
    );
    drill_fails(&world, "dump-newer captures/ledger");
    plant(
        &world,
        0,
        vec![file("captures/ledger/part-00001", "nothing")],
        vec![super::faults::dump("PostgreSQL 9.6")],
    );
    drill_fails(&world, "probe-failed captures/ledger");
}

#[test]
fn a_hostile_dump_runs_nothing_outside() {
    // A function that a superuser's session would run is the owner's here, and finds neither files nor rights.
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE ledger");
    let world = World::new();
    let outside = world.path().join("pwned");
    server.run(
        "ledger",
        &format!(
            "CREATE TABLE t (x INT); INSERT INTO t VALUES (1); \
             CREATE FUNCTION harm() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
             BEGIN EXECUTE 'COPY t TO PROGRAM ''touch {}'''; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN 1; END $$; \
             CREATE MATERIALIZED VIEW m AS SELECT harm()",
            outside.display()
        ),
    );
    let _ = std::fs::remove_file(&outside);
    world.write("etc/app.toml", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}", captures(&server)));
    back_up(&world);
    drill(&world).done();
    assert!(!outside.exists());
}

fn duckdb(world: &World, sql: &str) {
    let path = world.tree().join("var/c.duckdb");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let ran = Command::new(venv().join("duckdb"))
        .args(["-no-init", "-batch"])
        .arg(path)
        .args(["-c", sql])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn duckdb_comes_back_in_both_forms() {
    let world = World::new();
    duckdb(
        &world,
        "CREATE TABLE candles AS SELECT range i, 'x' || range s, range * 1.5 p FROM range(5000); \
         CREATE VIEW v AS SELECT * FROM candles WHERE i > 5; CREATE INDEX by_i ON candles (i); \
         CREATE SCHEMA s; CREATE TABLE s.q (a INT, b TEXT); CREATE SEQUENCE sq",
    );
    for form in ["export", "copy"] {
        let capture = format!(
            "[[capture]]\nid = \"candles\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\nform = \"{form}\"\n"
        );
        let probe = "[[probe]]\nid = \"candles\"\nkind = \"duckdb\"\ncapture = \"candles\"\nsample = 100\n\
                     queries = [{ sql = \"SELECT max(i), count(*) FROM candles\", expect = [\"4999|5000\"] }]\n";
        world.write("attestar.toml", format!("{POLICY}{capture}{probe}"));
        back_up(&world);
        let said = super::drill(&world, &[]).done();
        assert_eq!(said.findings(), Vec::<String>::new(), "{form}");
        let report = report(&world);
        assert!(
            report.probes[0].checks.iter().all(|check| check.status == Ended::Passed),
            "{:#?}",
            report.probes
        );
        assert!(
            report.probes[0].checks.iter().any(|check| check.name == "sample" && check.actual == "100 rows")
        );
        let wrong = probe.replace("4999|5000", "1|1");
        world.write("attestar.toml", format!("{POLICY}{capture}{wrong}"));
        fails(&world, 3, "query-differs");
    }
}

#[test]
fn ddl_applies_in_its_order_or_is_told() {
    for dialect in ["sqlite", "duckdb", "postgresql"] {
        let world = World::new();
        world.write("ddl/0001.sql", "CREATE TABLE a (x BIGINT PRIMARY KEY, y TEXT);\n");
        world.write("ddl/0002.sql", "CREATE INDEX by_y ON a (y);\nCREATE VIEW v AS SELECT x FROM a;\n");
        let rule =
            format!("[[include]]\nclass = \"ddl\"\npaths = [\"ddl/*.sql\"]\ndialect = \"{dialect}\"\n");
        let probe = format!(
            "[[probe]]\nid = \"schema\"\nkind = \"ddl\"\ndialect = \"{dialect}\"\n[drill]\nuser = \"nobody\"\n"
        );
        let policy = format!(
            "{}{rule}{}{probe}",
            &POLICY[..POLICY.find("[[include]]").unwrap()],
            &POLICY[POLICY.find("[[include]]").unwrap()..]
        );
        world.write("attestar.toml", &policy);
        back_up(&world);
        let said = drill(&world).done();
        assert_eq!(said.findings(), Vec::<String>::new(), "{dialect}");
        let checks = &report(&world).probes[0].checks;
        assert!(
            checks.iter().any(|check| check.name == "objects" && check.actual == "3 objects"),
            "{checks:#?}"
        );
        world.write("ddl/0003.sql", "CREATE INDEX by_z ON a (z);\n");
        back_up(&world);
        drill_fails(&world, "ddl-failed ddl/0003.sql");
    }
}

#[test]
fn a_database_without_a_table_proves_nothing() {
    for (kind, file) in [("sqlite", "var/x.db"), ("duckdb", "var/c.duckdb")] {
        let world = World::new();
        let probe = format!("[[probe]]\nid = \"x\"\nkind = \"{kind}\"\npath = \"{file}\"\n");
        world.write("attestar.toml", format!("{POLICY}{probe}"));
        world.write(file, "");
        back_up(&world);
        fails(&world, 5, &format!("nothing-checked {file}"));
        std::fs::remove_file(world.tree().join(file)).unwrap();
        let some = "CREATE TABLE t (x INT); INSERT INTO t VALUES (1), (2)";
        for (statements, holds) in [("CREATE VIEW v AS SELECT 1", false), (some, true)] {
            match kind {
                "sqlite" => super::sql(&world.tree().join(file), statements),
                _ => duckdb(&world, statements),
            }
            back_up(&world);
            if holds {
                super::drill(&world, &[]).done();
                let checks = &report(&world).probes[0].checks;
                assert!(checks.iter().any(|check| check.actual == "1 table, 2 rows"), "{checks:#?}");
            } else {
                fails(&world, 5, &format!("nothing-checked {file}"));
            }
        }
    }
}
