//! Probes whose time is over: each is told as that, and what did not run is not told as wrong.

use super::databases::{captures_of, duckdb, ledger, probe_of};
use super::{APP, POLICY, back_up, fails, report};
use crate::world::World;
use attestar::format::drill_report::Ended;
use std::thread;

/// Never through.
const ENDLESS_SQLITE: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
const ENDLESS_DUCKDB: &str =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 9";

/// A probe, what of it was through last, and the beginning of what is told as late.
type Late<'a> = (&'a str, Option<&'a str>, &'a str);

/// Every probe of these came to late, in this very part, and nothing else is said of it.
#[track_caller]
fn all_late(world: &World, probes: &[Late<'_>]) {
    let report = fails(world, 3, &format!("probe-timeout {}", probes[0].0));
    let found: Vec<String> =
        report.findings.iter().map(|finding| format!("{} {}", finding.code, finding.subject)).collect();
    let expected: Vec<String> = probes.iter().map(|(id, ..)| format!("probe-timeout {id}")).collect();
    assert_eq!(found, expected, "{:#?}", report.findings);
    for (id, last, late) in probes {
        let probe = report.probes.iter().find(|probe| probe.id == *id).unwrap();
        assert_eq!(probe.status, Ended::Failed, "{id}");
        let ended = |status| probe.checks.iter().filter(move |check| check.status == status);
        let wrong: Vec<&str> = ended(Ended::Failed).map(|check| &*check.name).collect();
        assert_eq!(wrong, ["run"], "{:#?}", probe.checks);
        let told = &probe.checks.iter().find(|check| check.name == "run").unwrap().actual;
        assert!(told.starts_with(late) && told.contains(": it did not end within "), "{id}: {told}");
        let mut through = ended(Ended::Passed).map(|check| &*check.name);
        let through = through.rfind(|name| *name != "outside");
        assert_eq!(through, *last, "{id}: {:#?}", probe.checks);
        super::proves_nothing(&report, id, "failed");
    }
}

#[test]
fn questions_to_each_kind_of_file() {
    let world = super::world("");
    duckdb(&world, "CREATE TABLE t AS SELECT range i FROM range(10)");
    let ask = |id: &str, kind: &str, path: &str, limit: &str, sql: &str| {
        format!(
            "[[probe]]\nid = \"{id}\"\nkind = \"{kind}\"\npath = \"{path}\"\ntime_limit = \"{limit}\"\n\
             queries = [{{ sql = \"{sql}\", expect = \"1\" }}, {{ sql = \"SELECT 1\", expect = \"2\" }}]\n"
        )
    };
    let probes = ask("lite", "sqlite", "var/app.db", "5s", ENDLESS_SQLITE)
        + &ask("duck", "duckdb", "var/c.duckdb", "20s", ENDLESS_DUCKDB)
        + "[[probe]]\nid = \"hangs\"\nkind = \"command\"\nrun = [\"sleep\", \"100\"]\ntime_limit = \"1s\"\n";
    world.write("attestar.toml", format!("{POLICY}{probes}"));
    back_up(&world);
    // The second question of each is wrong, and was not asked.
    let lite = ("lite", Some("tables"), ENDLESS_SQLITE);
    all_late(&world, &[lite, ("duck", Some("sample"), "duckdb: "), ("hangs", None, "sleep: ")]);
}

#[test]
fn ddl_of_each_dialect() {
    let dialects = [
        ("sqlite", format!("CREATE TABLE t AS {ENDLESS_SQLITE};\n"), "2s", "ddl/1.sql: "),
        ("duckdb", format!("CREATE TABLE t AS {ENDLESS_DUCKDB};\n"), "10s", "duckdb: "),
        ("postgresql", "CREATE TABLE t AS SELECT 1 AS x FROM pg_sleep(1000);\n".to_owned(), "10s", ""),
    ];
    // Each waits for its time to be over: beside each other.
    thread::scope(|scope| {
        for (dialect, endless, limit, part) in &dialects {
            scope.spawn(move || {
                let world = World::new();
                world.write("ddl/1.sql", endless);
                world.write("attestar.toml", super::ddl(dialect, &format!("time_limit = \"{limit}\"\n")));
                back_up(&world);
                all_late(&world, &[("schema", None, part)]);
            });
        }
    });
}

/// A function that hurries where it is captured. The statement that makes it has the word in it, so the index has one of its own.
const SLOW: &str = "CREATE FUNCTION slow(x INT) RETURNS INT IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN \
    IF current_query() LIKE '%bt_index_check%' THEN PERFORM pg_sleep(1000); END IF; RETURN x; END $$";
const SLOW_INDEX: &str = "CREATE INDEX slow_one ON t (slow(id))";

const SLOW_VIEW: &str = "CREATE FUNCTION late() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
    IF current_user <> 'owner' THEN PERFORM pg_sleep(1000); END IF; RETURN 1; END $$; \
    CREATE MATERIALIZED VIEW slow_view AS SELECT late()";

#[test]
fn a_dump_that_takes_too_long_in_whatever_part() {
    let server = ledger();
    for (name, slow) in [("amcheck", &[SLOW, SLOW_INDEX][..]), ("restores", &[SLOW_VIEW])] {
        server.run("postgres", &format!("CREATE DATABASE {name} TEMPLATE ledger"));
        slow.iter().for_each(|slow| drop(server.run(name, slow)));
    }
    let asks = "queries = [{ sql = \"SELECT pg_sleep(1000)\", expect = \"\" }, { sql = \"SELECT 1\", expect = \"2\" }]\n";
    let parts = [
        ("ledger", asks, Some("definitions"), "psql: it did not end within 20 s"),
        ("amcheck", "", Some("definitions"), ""),
        ("restores", "", None, "pg_restore: it did not end within 20 s"),
    ];
    let server = &server;
    thread::scope(|scope| {
        for (name, more, last, told) in parts {
            scope.spawn(move || {
                let world = World::new();
                world.write("etc/app.toml", "port = 1\n");
                let probe = format!("{}time_limit = \"20s\"\n{more}", probe_of(name));
                let capture = captures_of(server, name);
                let policy = format!("{POLICY}[drill]\nuser = \"nobody\"\n{capture}{probe}");
                world.write("attestar.toml", policy);
                back_up(&world);
                all_late(&world, &[(name, last, told)]);
            });
        }
    });
}

#[test]
fn files_that_are_not_read_in_time() {
    let files = |id: &str, paths: &str| {
        format!("[[probe]]\nid = \"{id}\"\nkind = \"files\"\npaths = [\"{paths}\"]\ntime_limit = \"1s\"\n")
    };
    let probes = files("first", "etc/late/**") + &files("last", "etc/late/1.yaml");
    let world = super::world(&format!("{APP}{probes}"));
    // A parser is slower than a disk, and than any digest.
    let long = "- [[], [], [], [], [], [], [], []]\n".repeat(230_000);
    world.write("etc/late/1.yaml", long);
    // It would not parse, if it were read.
    world.write("etc/late/2.json", "{");
    back_up(&world);
    let late = "etc/late/1.yaml: ";
    all_late(&world, &[("first", None, late), ("last", None, late)]);
    assert_eq!(report(&world).probes[0].status, Ended::Passed, "the other ran");
}
