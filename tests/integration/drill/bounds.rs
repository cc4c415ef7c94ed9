//! What a drill reads and holds has bounds, whatever came back: memory stays small, and what is past a bound is said.

use super::databases::duckdb;
use super::{POLICY, back_up, ddl, drill, drilling, fails, plant_pack, report};
use crate::forge::{Pack, file};
use crate::world::World;
use attestar::evidence::payload::INVENTORY;
use attestar::format::class::Class;
use attestar::format::ddl::DdlPack;
use attestar::format::drill_report::{DrillReport, Ended, ProbeCheck};
use attestar::format::kind::Kind;
use attestar::format::pack::Pack as PackJson;
use jiff::Timestamp;
use serde_json::json;
use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

/// The most memory that a drill may take beside database servers, in KiB.
const PEAK_KIB_MAX: u64 = 256 << 10;

/// What a process does not do at once after its time is over: it comes to the end of a block, and writes its report.
const SLACK_MS: u64 = 4000;

/// A probe of a database of SQLite and one of DuckDB, in `var/`, with this question.
fn both(sql: &str, expect: &str) -> String {
    let probe = |kind: &str, path: &str| {
        format!(
            "[[probe]]\nid = \"{kind}\"\nkind = \"{kind}\"\npath = \"{path}\"\n\
             queries = [{{ sql = \"{sql}\", expect = {expect} }}]\n"
        )
    };
    probe("sqlite", "var/app.db") + &probe("duckdb", "var/c.duckdb")
}

/// A world with these rows in the table `t` of both databases.
fn with_rows(rows: usize) -> World {
    let world = super::world("");
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO t SELECT i FROM n"
    );
    super::sql(&world.tree().join("var/app.db"), &format!("CREATE TABLE t (i INTEGER); {many}"));
    duckdb(&world, &format!("CREATE TABLE t AS SELECT range + 1 AS i FROM range({rows})"));
    world
}

#[test]
fn an_answer_that_begins_as_expected_is_another_one() {
    let world = with_rows(1500);
    let expected: Vec<String> = (1..=1000).map(|number| format!("\"{number}\"")).collect();
    let ask = |sql: &str| both(sql, &format!("[{}]", expected.join(", ")));
    world.write("attestar.toml", format!("{POLICY}{}", ask("SELECT i FROM t ORDER BY i LIMIT 1000")));
    back_up(&world);
    drill(&world, &[]).done();
    let sql = "SELECT i FROM t ORDER BY i";
    world.write("attestar.toml", format!("{POLICY}{}", ask(sql)));
    let found = drill(&world, &[]).exits(3).findings();
    assert_eq!(found, [format!("query-differs sqlite: {sql}"), format!("query-differs duckdb: {sql}")]);
}

#[test]
fn an_answer_of_half_a_gigabyte_is_refused_in_little_memory_and_a_small_report() {
    let world = with_rows(500);
    let wide = |bytes: &str| format!("CREATE VIEW wide AS SELECT {bytes} AS x FROM t");
    super::sql(&world.tree().join("var/app.db"), &wide("printf('%.*c', 1000000, 'x')"));
    duckdb(&world, &wide("repeat('x', 1000000)"));
    let sql = "SELECT x FROM wide";
    world.write("attestar.toml", format!("{POLICY}{}", both(sql, "\"x\"")));
    back_up(&world);
    let report = drill_in_little_memory(&world, 3);
    let found: Vec<String> =
        report.findings.iter().map(|found| format!("{} {}", found.code, found.subject)).collect();
    // Nothing else is found: what DuckDB wrote outside was still looked at.
    assert_eq!(found, [format!("query-differs sqlite: {sql}"), format!("query-differs duckdb: {sql}")]);
    for found in &report.findings {
        assert!(
            found.actual.as_ref().is_some_and(|text| text.ends_with("it answers more than is read")),
            "{found:?}"
        );
    }
    assert!(report.to_bytes().len() < 100_000, "{}", report.to_bytes().len());
}

#[test]
fn definitions_without_bounds_are_refused_in_little_memory() {
    let world = World::new();
    let view = |number: usize| format!("CREATE VIEW v{number} AS SELECT '{}' AS x;\n", "x".repeat(1 << 20));
    let script = world.path().join("views.sql");
    fs::write(&script, (0..40).map(view).collect::<String>()).unwrap();
    duckdb(&world, &format!(".read {}", script.display()));
    let probe = "[[probe]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\n";
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    back_up(&world);
    let report = drill_in_little_memory(&world, 3);
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|found| (&*found.code, found.actual.as_deref().unwrap_or(""))).collect();
    assert_eq!(found, [("probe-failed", "it answers more than is read")]);
}

/// `drill`, which exits with this code and never has more memory than it may.
#[track_caller]
fn drill_in_little_memory(world: &World, code: i32) -> DrillReport {
    let mut command = drilling(world);
    let told = world.path().join("told");
    let file = || File::create(&told).unwrap();
    let mut child = command.stdout(file()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        // It only grows: the last look before the end has nearly all of it.
        peak = peak_kib(&status).unwrap_or(peak);
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let told = fs::read_to_string(&told).unwrap();
    assert_eq!(ended.code(), Some(code), "{told}");
    assert!(peak > 0 && peak < PEAK_KIB_MAX, "{peak} KiB of memory: {told}");
    super::nothing_is_left(world);
    report(world)
}

fn peak_kib(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}

fn check<'r>(report: &'r DrillReport, name: &str) -> &'r ProbeCheck {
    report.probes[0].checks.iter().find(|check| check.name == name).unwrap()
}

#[test]
fn hostile_files_are_parsed_in_little_memory_and_what_is_past_it_is_said() {
    let world = World::new();
    world.write("etc/a.toml", "a = 1\n".repeat(5 << 20));
    world.write("etc/b.csv", ",".repeat(60 << 20));
    world.write("etc/c.xml", "<a>".repeat(35 << 20));
    world.write("etc/d.json", "[".repeat(100 << 20));
    world.write("etc/e.yaml", "- ".repeat(4 << 20));
    // As dense as one that is parsed can be.
    let dense: String = (0..).map(|number| format!("{number:x}=1\n")).take(120_000).collect();
    world.write("etc/f.toml", &dense[..dense.len().min(1 << 20)]);
    world.write("etc/g.toml", format!("a = [{}]\n", "1,".repeat((1 << 19) - 10)));
    world.write(
        "attestar.toml",
        format!("{POLICY}[[probe]]\nid = \"all\"\nkind = \"files\"\npaths = [\"etc/**\"]\n"),
    );
    back_up(&world);
    let report = drill_in_little_memory(&world, 0);
    assert_eq!(check(&report, "parsers").actual, "2 files");
    let past = check(&report, "not parsed here");
    assert_eq!(past.status, Ended::Skipped);
    let why = "5 files past what is parsed here, the first: etc/a.toml: it is larger than 1.0 MiB";
    assert_eq!(past.actual, why);
    assert!(report.does_not_prove.iter().any(|line| line.contains(why)), "{:#?}", report.does_not_prove);
}

#[test]
fn a_parser_ends_near_the_time_of_its_probe() {
    let world = World::new();
    for (name, content) in [("a.jsonl", "{\"a\":1}\n".repeat(40 << 20)), ("b.xml", "x".to_owned())] {
        world.write(&format!("etc/{name}"), content);
    }
    let probe = "[[probe]]\nid = \"all\"\nkind = \"files\"\npaths = [\"etc/**\"]\ntime_limit = \"2s\"\n";
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    back_up(&world);
    let report = drill_in_little_memory(&world, 3);
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|found| (&*found.code, found.actual.as_deref().unwrap_or(""))).collect();
    assert_eq!(found, [("probe-timeout", "etc/a.jsonl: it did not end within 2 s")]);
    let took = report.probes[0].duration_ms;
    assert!((2000..2000 + SLACK_MS).contains(&took), "{took} ms");
}

#[test]
fn ddl_of_many_statements_applies_and_what_is_too_long_is_said() {
    let world = World::new();
    world.write("attestar.toml", ddl("sqlite", ""));
    let insert = format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(1000));
    let trigger = "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE x = ';'; END;\n";
    let large =
        format!("CREATE TABLE t (x TEXT);\n{trigger}{}CREATE VIEW v AS SELECT 1;\n", insert.repeat(20 << 10));
    world.write("ddl/1.sql", &large);
    back_up(&world);
    drill(&world, &[]).done();
    assert_eq!(check(&report(&world), "objects").actual, "2 objects");
    // Nothing is known of one that SQLite cannot be told.
    let statement = format!("CREATE TABLE u (x TEXT DEFAULT '{}');\n", "x".repeat(17 << 20));
    world.write("ddl/1.sql", statement);
    back_up(&world);
    let report = fails(&world, 3, "probe-failed schema");
    let why = report.findings[0].actual.clone().unwrap();
    assert!(why.contains("ddl/1.sql: a statement of 17.0 MiB, and SQLite is told at most 16.0 MiB"), "{why}");
    // Nor of a file that is not read.
    world.write("ddl/1.sql", "-- nothing\n".repeat(7 << 20));
    back_up(&world);
    let report = fails(&world, 5, "probe-skipped ddl/1.sql");
    assert_eq!(report.findings[0].actual.as_deref(), Some("77.0 MiB, so nothing was applied"));
    super::proves_nothing(&report, "schema", "did not run");
}

#[test]
fn ddl_that_the_pack_had_no_room_for_is_said_and_proves_nothing() {
    let world = World::new();
    world.write("attestar.toml", ddl("sqlite", ""));
    let sql = "CREATE TABLE t (x TEXT);\n";
    for omitted in [0, 1] {
        let entries = vec![file("ddl/1.sql", sql), file("ddl/2.sql", "CREATE TABLE u (x TEXT);\n")];
        let version = format!("2025010{}T000000Z", omitted + 1);
        let mut pack = Pack::named("nightly", &version, entries);
        pack.kind = Kind::Backup;
        let listed = |path: &str, name: &str| json!({ "path": path, "dialect": "sqlite", "statements": 1, "creates": [{ "kind": "table", "name": name }] });
        let files = [listed("ddl/1.sql", "t"), listed("ddl/2.sql", "u")];
        let ddl: DdlPack = match omitted {
            0 => serde_json::from_value(json!({ "files": files })),
            _ => serde_json::from_value(json!({ "files": files[..1], "files_omitted": omitted })),
        }
        .unwrap();
        let said = pack.json();
        let classes = [(Class::Ddl, said.payload)].into_iter().collect();
        let said = PackJson { ddl: Some(ddl), classes, ..said };
        pack.tags.insert("pack.json".into(), said.to_bytes());
        let inventory = String::from_utf8(pack.tags[INVENTORY].clone()).unwrap();
        pack.tags.insert(INVENTORY.into(), inventory.replace("\"doc\"", "\"ddl\"").into());
        plant_pack(&world, Timestamp::now(), pack);
        if omitted == 0 {
            drill(&world, &[]).done();
            continue;
        }
        let report = fails(&world, 5, "probe-skipped schema");
        let why = "1 file had no room in the list, so nothing was applied";
        assert_eq!(report.findings[0].actual.as_deref(), Some(why));
        super::proves_nothing(&report, "schema", "did not run");
    }
}
