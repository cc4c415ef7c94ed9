//! Probes whose time is over: each is told as that, and what did not run is not told as wrong.

use super::databases::{captures, duckdb, ledger};
use super::{APP, POLICY, back_up, fails, report};
use crate::world::World;
use attestar::format::drill_report::Ended;

/// Never through.
const ENDLESS_SQLITE: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
const ENDLESS_DUCKDB: &str =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 9";

/// Every probe of these came to late, and nothing else is said of it.
#[track_caller]
fn all_late(world: &World, probes: &[&str]) {
    let report = fails(world, 3, &format!("probe-timeout {}", probes[0]));
    let found: Vec<String> =
        report.findings.iter().map(|finding| format!("{} {}", finding.code, finding.subject)).collect();
    let expected: Vec<String> = probes.iter().map(|id| format!("probe-timeout {id}")).collect();
    assert_eq!(found, expected, "{:#?}", report.findings);
    for probe in report.probes.iter().filter(|probe| probes.contains(&&*probe.id)) {
        assert_eq!(probe.status, Ended::Failed, "{}", probe.id);
        let wrong: Vec<&str> = probe
            .checks
            .iter()
            .filter(|check| check.status == Ended::Failed)
            .map(|check| &*check.name)
            .collect();
        assert_eq!(wrong, ["run"], "{:#?}", probe.checks);
        super::proves_nothing(&report, &probe.id, "failed");
    }
}

fn rule(dialect: &str) -> String {
    let rule = format!(
        "[[include]]\nclass = \"ddl\"\npaths = [\"ddl/*.sql\"]\ndialect = \"{dialect}\"\n[[include]]"
    );
    POLICY.replacen("[[include]]", &rule, 1)
}

#[test]
fn questions_to_each_kind_of_file() {
    let world = super::world("");
    duckdb(&world, "CREATE TABLE t AS SELECT range i FROM range(10)");
    let ask = |id: &str, kind: &str, path: &str, sql: &str| {
        format!(
            "[[probe]]\nid = \"{id}\"\nkind = \"{kind}\"\npath = \"{path}\"\ntime_limit = \"4s\"\n\
             queries = [{{ sql = \"{sql}\", expect = \"1\" }}, {{ sql = \"SELECT 1\", expect = \"2\" }}]\n"
        )
    };
    let probes = ask("lite", "sqlite", "var/app.db", ENDLESS_SQLITE)
        + &ask("duck", "duckdb", "var/c.duckdb", ENDLESS_DUCKDB)
        + "[[probe]]\nid = \"hangs\"\nkind = \"command\"\nrun = [\"sleep\", \"100\"]\ntime_limit = \"1s\"\n";
    world.write("attestar.toml", format!("{POLICY}{probes}"));
    back_up(&world);
    // The second question of each is wrong, and was not asked.
    all_late(&world, &["lite", "duck", "hangs"]);
}

#[test]
fn ddl_of_each_dialect() {
    for (dialect, endless) in [
        ("sqlite", format!("CREATE TABLE t AS {ENDLESS_SQLITE};\n")),
        ("duckdb", format!("CREATE TABLE t AS {ENDLESS_DUCKDB};\n")),
        ("postgresql", "CREATE TABLE t AS SELECT 1 AS x FROM pg_sleep(1000);\n".to_owned()),
    ] {
        let world = World::new();
        world.write("ddl/1.sql", endless);
        let probe = format!(
            "[[probe]]\nid = \"schema\"\nkind = \"ddl\"\ndialect = \"{dialect}\"\ntime_limit = \"10s\"\n\
             [drill]\nuser = \"nobody\"\nscratch = \"{}\"\n",
            open_scratch(&world)
        );
        world.write("attestar.toml", format!("{}{probe}", rule(dialect)));
        back_up(&world);
        all_late(&world, &["schema"]);
    }
}

/// A folder for scratches that the user of a server can pass through.
fn open_scratch(world: &World) -> String {
    super::sh(&format!("chmod 711 {0} && mkdir -p {0}/s && chmod 711 {0}/s", world.path().display()));
    world.path().join("s").display().to_string()
}

#[test]
fn a_dump_that_takes_too_long_in_whatever_part() {
    let server = ledger();
    // It hurries where it is captured. The statement that makes the function has the word in it, so the index has one of its own.
    server.run(
        "ledger",
        "CREATE FUNCTION slow(x INT) RETURNS INT IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN \
          IF current_query() LIKE '%bt_index_check%' THEN PERFORM pg_sleep(1000); END IF; RETURN x; END $$",
    );
    server.run("ledger", "CREATE INDEX slow_one ON t (slow(id))");
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let probe = |id: &str, more: &str| {
        format!(
            "[[probe]]\nid = \"{id}\"\nkind = \"postgres\"\ncapture = \"ledger\"\ntime_limit = \"12s\"\n{more}"
        )
    };
    let asks = "queries = [{ sql = \"SELECT pg_sleep(1000)\", expect = \"\" }, { sql = \"SELECT 1\", expect = \"2\" }]\n";
    let scratch = open_scratch(&world);
    let drilled = captures(&server).replace("[drill]\n", &format!("[drill]\nscratch = \"{scratch}\"\n"));
    world.write(
        "attestar.toml",
        format!("{POLICY}{drilled}{}{}", probe("questions", asks), probe("amcheck", "")),
    );
    back_up(&world);
    all_late(&world, &["questions", "amcheck"]);
    server.run(
        "ledger",
        "DROP INDEX slow_one; \
         CREATE FUNCTION late() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
          IF current_user <> 'owner' THEN PERFORM pg_sleep(1000); END IF; RETURN 1; END $$; \
         CREATE MATERIALIZED VIEW slow_view AS SELECT late()",
    );
    world.write("attestar.toml", format!("{POLICY}{drilled}{}", probe("restores", "")));
    back_up(&world);
    all_late(&world, &["restores"]);
}

#[test]
fn files_that_are_not_read_in_time() {
    let files = "[[probe]]\nid = \"files\"\nkind = \"files\"\ntime_limit = \"1s\"\n";
    let world = super::world(&format!("{APP}{files}"));
    // A parser reads slower than a disk.
    for number in 0..4 {
        let lines = "- {a: 1, b: [x, y], c: {d: \"e\"}}\n".repeat(500_000);
        world.write(&format!("many/{number}.yaml"), lines);
    }
    // It would not parse, if it were read.
    world.write("others/half.json", "{");
    back_up(&world);
    all_late(&world, &["files"]);
    assert_eq!(report(&world).probes[0].status, Ended::Passed, "the other ran");
}
