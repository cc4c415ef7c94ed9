//! Drills of PostgreSQL and DuckDB, as they are, and of DDL applied to each.

use super::{POLICY, back_up, drill, fails, plant, report};
use crate::forge::{file, link};
use crate::postgres::Postgres;
use crate::world::{World, venv};
use attestar::format::capture::{DatabaseSettings, Form, Object};
use attestar::format::drill_report::Ended;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

pub(super) const LEDGER: &str = "[[probe]]\nid = \"ledger\"\nkind = \"postgres\"\ncapture = \"ledger\"\n";

pub(super) fn captures(server: &Postgres) -> String {
    format!("[drill]\nuser = \"nobody\"\n{}", captures_of(server, "ledger"))
}

/// The capture of a database, by its name.
pub(super) fn captures_of(server: &Postgres, name: &str) -> String {
    format!("[[capture]]\nid = \"{name}\"\nkind = \"postgres\"\ndsn = \"{}\"\n", server.dsn(name))
}

/// A probe of that, by the same name.
pub(super) fn probe_of(name: &str) -> String {
    LEDGER.replace("\"ledger\"", &format!("\"{name}\""))
}

pub(super) fn ledger() -> Postgres {
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

#[test]
fn a_dump_is_restored_into_a_throwaway_server_and_asked() {
    let server = ledger();
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let query = "queries = [{ sql = \"SELECT count(*), max(id) FROM t\", expect = \"2000|2000\" }]\n";
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}{query}", captures(&server)));
    back_up(&world);
    let said = drill(&world, &[]).done();
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
    fails(&world, 3, "query-differs ledger: SELECT count(*) FROM t");
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
    fails(&world, 3, "database-live dsn of ledger");
    // Neither under another spelling of its address.
    world.write("attestar.toml", into(&format!("{} application_name=x", server.dsn("ledger"))));
    fails(&world, 3, "database-live dsn of ledger");
    assert_eq!(server.run("ledger", "SELECT count(*) FROM t"), "2000");
    world.write("attestar.toml", into(&server.dsn("full_one")));
    fails(&world, 3, "database-not-empty dsn of ledger");
    world.write("attestar.toml", into(&server.dsn("scratch")));
    fails(&world, 3, "probe-failed dsn of ledger");
    // An empty one, by a role that is no superuser: and it is empty again afterwards.
    world.write("attestar.toml", into(&server.dsn_of("drill", "scratch")));
    drill(&world, &[]).done();
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
    fails(&world, 3, "dump-newer captures/ledger");
    plant(
        &world,
        0,
        vec![file("captures/ledger/part-00001", "nothing")],
        vec![super::faults::dump("PostgreSQL 9.6")],
    );
    fails(&world, 3, "probe-failed captures/ledger");
}

/// A dump of this database as `pg_dump` writes it, in a format of a later release: its header says so.
#[test]
fn a_dump_in_a_newer_format_is_told_by_what_restores_it() {
    let server = ledger();
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}", captures(&server)));
    let dump = |version: Option<u8>| {
        let made = Command::new("pg_dump")
            .args(["--format=custom", "-d"])
            .arg(server.dsn("ledger"))
            .output()
            .unwrap();
        assert!(made.status.success() && made.stdout.starts_with(b"PGDMP\x01"));
        let mut bytes = made.stdout;
        // Behind the letters: major, minor and revision of the format.
        bytes[6] = version.unwrap_or(bytes[6]);
        file("captures/ledger/part-00001", bytes)
    };
    let mut recorded = super::faults::dump("PostgreSQL 15");
    recorded.objects = vec![Object { kind: "role".into(), name: "reader".into() }];
    plant(&world, 1, vec![dump(Some(99))], vec![recorded.clone()]);
    let said = drill(&world, &[]).exits(3);
    assert!(said.findings().iter().all(|found| found == "dump-newer captures/ledger"), "{}", said.out);
    assert!(said.out.contains("unsupported version (1.99)"), "{}", said.out);
    // The same dump as it was is read: what is told then is what nobody recorded.
    plant(&world, 0, vec![dump(None)], vec![recorded.clone()]);
    let said = drill(&world, &[]).exits(3);
    assert!(said.findings().iter().all(|found| found.starts_with("object-extra")), "{}", said.out);
    // So it is where its locale is not here, which is said; and what would be a command is none.
    let outside = world.path().join("pwned");
    recorded.database = Some(Box::new(DatabaseSettings {
        encoding: "UTF8".into(),
        collate: format!("xx_XX' \\! touch {}", outside.display()),
        ctype: "C".into(),
        provider: "libc".into(),
        locale: None,
        extensions: Default::default(),
    }));
    plant(&world, 0, vec![dump(None)], vec![recorded]);
    let said = drill(&world, &[]).exits(3);
    assert!(said.findings().iter().all(|found| found.starts_with("object-extra")), "{}", said.out);
    let report = report(&world);
    let contents = report.probes[0].checks.iter().find(|check| check.name == "contents").unwrap();
    assert!(contents.status == Ended::Skipped && contents.actual.contains("xx_XX"), "{contents:?}");
    assert!(!outside.exists());
}

#[test]
fn a_role_of_a_pack_is_never_a_command() {
    let server = Postgres::start();
    let world = World::new();
    let outside = world.path().join("pwned");
    let mut policy = captures(&server);
    policy.push_str(LEDGER);
    world.write("attestar.toml", format!("{POLICY}{policy}"));
    let names = [
        format!("x; \\! touch {}", outside.display()),
        format!("x\n\\! touch {}\n", outside.display()),
        format!("x; COPY (SELECT 1) TO PROGRAM 'cat > {}'", outside.display()),
    ];
    for name in names {
        let mut dump = super::faults::dump("PostgreSQL 9.6");
        dump.objects = vec![Object { kind: "role".into(), name }];
        plant(&world, 0, vec![file("captures/ledger/part-00001", "nothing")], vec![dump]);
        fails(&world, 3, "manifest-invalid pack.json");
        assert!(!outside.exists());
    }
    // What is a name is one role, whatever stands in it.
    let mut dump = super::faults::dump("PostgreSQL 9.6");
    let name = format!("\"x' \\! touch {} %I \"\"\"", outside.display());
    dump.objects = vec![Object { kind: "role".into(), name }];
    plant(&world, 0, vec![file("captures/ledger/part-00001", "nothing")], vec![dump]);
    fails(&world, 3, "probe-failed captures/ledger");
    assert!(!outside.exists());
}

#[test]
fn a_file_of_a_pack_is_never_one_outside() {
    for name in ["/etc/passwd", "../../../../outside.db", ".."] {
        let world = super::world(super::APP);
        let path = world.path().join("outside.db");
        super::database(&path);
        let mut captured = super::facts(&path);
        let name = if name.starts_with("/etc") { path.to_str().unwrap() } else { name };
        captured.form = Form::File(name.to_owned());
        plant(&world, 0, vec![file("captures/app/app.db", std::fs::read(&path).unwrap())], vec![captured]);
        fails(&world, 3, "manifest-invalid pack.json");
    }
}

/// A tree with these files of PostgreSQL's DDL, in their order, and a probe that applies them.
fn ddl(world: &World, files: &[&str]) {
    for (number, file) in files.iter().enumerate() {
        world.write(&format!("ddl/{number}.sql"), file);
    }
    world.write("attestar.toml", super::ddl("postgresql", ""));
    back_up(world);
}

#[test]
fn a_link_that_ddl_plants_leads_nowhere() {
    let world = World::new();
    let outside = world.path().join("outside");
    std::fs::write(&outside, "untouched").unwrap();
    let mode = || std::fs::metadata(&outside).unwrap().permissions().mode() & 0o7777;
    let before = mode();
    let plants = format!(
        "CREATE TABLE a (x BIGINT);\n\\! rm -rf $HOME/apply.sql; ln -s {} $HOME/apply.sql\n",
        outside.display()
    );
    ddl(&world, &[&plants, "CREATE TABLE b (x BIGINT);\n"]);
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    assert_eq!((std::fs::read_to_string(&outside).unwrap().as_str(), mode()), ("untouched", before));
}

#[test]
fn a_capture_that_came_back_as_a_link_is_not_opened() {
    let world = super::world(super::APP);
    let path = world.path().join("outside.db");
    super::database(&path);
    let entries = vec![link("captures/app/app.db", "../../etc/x"), file("etc/x", "x")];
    plant(&world, 0, entries, vec![super::facts(&path)]);
    fails(&world, 3, "probe-failed captures/app/app.db");
}

#[test]
fn what_any_of_several_runs_wrote_outside_is_told() {
    let world = World::new();
    let open = world.path().join("open");
    std::fs::create_dir(&open).unwrap();
    for (path, mode) in [(world.path(), 0o711), (open.as_path(), 0o777)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let outside = open.join("escaped");
    let writes = format!("CREATE TABLE a (x BIGINT);\n\\! echo x > {}\n", outside.display());
    ddl(&world, &[&writes, "CREATE TABLE b (x BIGINT);\n"]);
    fails(&world, 3, &format!("wrote-outside {}", outside.display()));
    assert!(!outside.exists(), "what was written there was dropped");
    // Also where a later file does not apply.
    world.write("ddl/2.sql", "CREATE INDEX i ON a (z);\n");
    back_up(&world);
    fails(&world, 3, &format!("wrote-outside {}", outside.display()));
}

pub(super) fn duckdb(world: &World, sql: &str) {
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
        let said = drill(&world, &[]).done();
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

/// So many tables, and so many rows of each, that what asks for them is longer than an argument of a program may be.
#[test]
fn many_tables_of_duckdb_come_back() {
    let world = World::new();
    let name =
        |number: usize| format!("a_table_with_quite_a_long_name_as_some_tools_give_them_number_{number}");
    for from in [0, 400] {
        let tables: Vec<String> =
            (from..from + 400).map(|n| format!("CREATE TABLE {} AS SELECT {n} AS x", name(n))).collect();
        duckdb(&world, &tables.join("; "));
    }
    for form in ["export", "copy"] {
        let policy = format!(
            "[[capture]]\nid = \"many\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\nform = \"{form}\"\n\
             [[probe]]\nid = \"many\"\nkind = \"duckdb\"\ncapture = \"many\"\nsample = 3\n"
        );
        world.write("attestar.toml", format!("{POLICY}{policy}"));
        back_up(&world);
        assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new(), "{form}");
        let checks = &report(&world).probes[0].checks;
        for (name, expected) in
            [("rows", "800 rows"), ("contents", "800 of 800 tables"), ("sample", "800 rows")]
        {
            let check = checks.iter().find(|check| check.name == name).unwrap();
            assert_eq!((&*check.actual, check.status), (expected, Ended::Passed), "{form}");
        }
    }
}

#[test]
fn ddl_applies_in_its_order_or_is_told() {
    for dialect in ["sqlite", "duckdb", "postgresql"] {
        let world = World::new();
        world.write("ddl/0001.sql", "CREATE TABLE A (x BIGINT PRIMARY KEY, y TEXT);\n");
        world.write("ddl/0002.sql", "CREATE INDEX by_y ON a (y);\nCREATE VIEW v AS SELECT x FROM a;\n");
        world.write("attestar.toml", super::ddl(dialect, ""));
        back_up(&world);
        let said = drill(&world, &[]).done();
        assert_eq!(said.findings(), Vec::<String>::new(), "{dialect}");
        let checks = &report(&world).probes[0].checks;
        assert!(
            checks.iter().any(|check| check.name == "objects" && check.actual == "3 objects"),
            "{checks:#?}"
        );
        world.write("ddl/0003.sql", "CREATE INDEX by_z ON a (z);\n");
        back_up(&world);
        fails(&world, 3, "ddl-failed ddl/0003.sql");
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
                drill(&world, &[]).done();
                let checks = &report(&world).probes[0].checks;
                assert!(checks.iter().any(|check| check.actual == "1 table, 2 rows"), "{checks:#?}");
            } else {
                fails(&world, 5, &format!("nothing-checked {file}"));
            }
        }
    }
}

/// Without what asks it nobody waits for a server, and what is missing is said, with what to do.
#[test]
fn programs_that_are_not_installed() {
    let server = ledger();
    let world = World::new();
    duckdb(&world, "CREATE TABLE t (x INT); INSERT INTO t VALUES (1)");
    let probes = "[[probe]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\n\
                  [[probe]]\nid = \"own\"\nkind = \"command\"\nrun = [\"no-such-program\"]\n";
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}{probes}", captures(&server)));
    back_up(&world);
    // All but those of the databases.
    let bin = world.path().join("bin");
    let script = "mkdir \"$0\"; for it in /usr/sbin/* /usr/bin/*; do case ${it##*/} in psql | pg_* | duckdb) ;; \
                  *) ln -sf \"$it\" \"$0\" ;; esac; done";
    assert!(Command::new("sh").args(["-c", script]).arg(&bin).status().unwrap().success());
    let said = crate::world::said(super::drilling(&world).env("PATH", &bin).output().unwrap()).exits(3);
    assert_eq!(said.findings(), ["ledger", "duck", "own"].map(|id| format!("probe-failed {id}")));
    let report = report(&world);
    let told: Vec<&str> = report.findings.iter().filter_map(|found| found.actual.as_deref()).collect();
    for (told, expected) in told.iter().zip([
        "psql is not there; hint: install PostgreSQL's client programs",
        "duckdb is not there: no folder of PATH has it; hint: install DuckDB",
        "no-such-program is not there: no folder of PATH has it",
    ]) {
        assert!(told.starts_with(expected), "{told}");
    }
    super::nothing_is_left(&world);
}
