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
            "[[probe]]\nid = \"{id}\"\nkind = \"{kind}\"\npath = \"{path}\"\ntime_limit = \"10s\"\n\
             queries = [{{ sql = \"{sql}\", expect = \"1\" }}, {{ sql = \"SELECT 1\", expect = \"2\" }}]\n"
        )
    };
    let probes = ask("lite", "sqlite", "var/app.db", ENDLESS_SQLITE)
        + &ask("duck", "duckdb", "var/c.duckdb", ENDLESS_DUCKDB)
        + "[[probe]]\nid = \"hangs\"\nkind = \"command\"\nrun = [\"sleep\", \"100\"]\ntime_limit = \"1s\"\n";
    world.write("attestar.toml", format!("{POLICY}{probes}"));
    back_up(&world);
    // The second question of each is wrong, and was not asked.
    let lite = ("lite", Some("tables"), ENDLESS_SQLITE);
    all_late(&world, &[lite, ("duck", Some("sample"), "duckdb: "), ("hangs", None, "sleep: ")]);
}

#[test]
fn ddl_of_each_dialect() {
    for (dialect, endless, part) in [
        ("sqlite", format!("CREATE TABLE t AS {ENDLESS_SQLITE};\n"), "ddl/1.sql: "),
        ("duckdb", format!("CREATE TABLE t AS {ENDLESS_DUCKDB};\n"), "duckdb: "),
        ("postgresql", "CREATE TABLE t AS SELECT 1 AS x FROM pg_sleep(1000);\n".to_owned(), ""),
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
        all_late(&world, &[("schema", None, part)]);
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
            "[[probe]]\nid = \"{id}\"\nkind = \"postgres\"\ncapture = \"ledger\"\ntime_limit = \"20s\"\n{more}"
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
    all_late(&world, &[("questions", Some("definitions"), ""), ("amcheck", Some("definitions"), "")]);
    server.run(
        "ledger",
        "DROP INDEX slow_one; \
         CREATE FUNCTION late() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
          IF current_user <> 'owner' THEN PERFORM pg_sleep(1000); END IF; RETURN 1; END $$; \
         CREATE MATERIALIZED VIEW slow_view AS SELECT late()",
    );
    world.write("attestar.toml", format!("{POLICY}{drilled}{}", probe("restores", "")));
    back_up(&world);
    all_late(&world, &[("restores", None, "pg_restore: ")]);
}

#[test]
fn files_that_are_not_read_in_time() {
    let files = |ids: &str| {
        format!("[[probe]]\nid = \"{ids}\"\nkind = \"files\"\npaths = [\"{ids}/**\"]\ntime_limit = \"1s\"\n")
    };
    let world = super::world(&format!("{APP}{}{}", files("first"), files("last")));
    // A parser is slower than a disk, and than any digest.
    let long = "- {a: 1, b: [x, y], c: {d: \"e\"}}\n".repeat(900_000);
    world.write("first/1.yaml", &long);
    // It would not parse, if it were read.
    world.write("first/2.json", "{");
    world.write("last/1.yaml", &long);
    back_up(&world);
    all_late(&world, &[("first", None, "first/1.yaml: "), ("last", None, "last/1.yaml: ")]);
    assert_eq!(report(&world).probes[0].status, Ended::Passed, "the other ran");
}
