//! A dump that is restored into a database which the policy names: empty before, shut off from all else, empty again
//! afterwards.

use super::databases::{captures, ledger};
use super::{POLICY, back_up, drill, drilling, report, stub};
use crate::postgres::Postgres;
use crate::world::{Said, World, said};
use attestar::format::drill_report::{DrillReport, Ended};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What of a user's is in a database, in ways that the drill does not ask by.
const LEFT: &str = "SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace) \
    + (SELECT count(*) FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_') \
    + (SELECT count(*) FROM pg_proc WHERE oid >= 16384) + (SELECT count(*) FROM pg_type WHERE oid >= 16384) \
    + (SELECT count(*) FROM pg_largeobject_metadata)";

/// A server with the captured database, and an empty one that belongs to the role `drill`.
fn servers() -> Postgres {
    let server = ledger();
    server.run(
        "ledger",
        "SELECT lo_from_bytea(0, 'some bytes'); CREATE SEQUENCE s.numbers; CREATE DOMAIN price AS numeric CHECK (value > 0); \
         CREATE FUNCTION s.twice(x INT) RETURNS INT LANGUAGE sql AS 'SELECT 2 * x'; CREATE AGGREGATE s.total (int) \
         (SFUNC = int4pl, STYPE = int); CREATE OPERATOR s.#@# (FUNCTION = s.twice, RIGHTARG = int); \
         CREATE TABLE parts (x INT) PARTITION BY RANGE (x); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); \
         CREATE COLLATION s.plain (locale = 'C'); CREATE TYPE s.pair AS (a INT, b TEXT); CREATE TYPE s.span AS RANGE \
         (subtype = int); CREATE TEXT SEARCH CONFIGURATION s.words (COPY = simple); CREATE EXTENSION hstore; \
         CREATE STATISTICS st ON id, x FROM t; CREATE PROCEDURE s.nothing() LANGUAGE sql AS ''",
    );
    server.run("postgres", "CREATE ROLE drill LOGIN");
    server.run("postgres", "CREATE DATABASE scratch OWNER drill");
    server
}

fn world(server: &Postgres, dsn: &str, more: &str) -> World {
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let probe = format!(
        "[[probe]]\nid = \"ledger\"\nkind = \"postgres\"\ncapture = \"ledger\"\ndsn = \"{dsn}\"\n{more}"
    );
    world.write("attestar.toml", format!("{POLICY}{}{probe}", captures(server)));
    back_up(&world);
    world
}

fn scratch(server: &Postgres) -> String {
    server.dsn_of("drill", "scratch")
}

fn check<'r>(report: &'r DrillReport, name: &str) -> (Ended, &'r str) {
    let found = report.probes[0].checks.iter().find(|check| check.name == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {:#?}", report.probes[0].checks));
    (found.status, &found.actual)
}

#[test]
fn everything_that_was_restored_is_gone_and_what_was_there_stays() {
    let server = servers();
    server.run(
        "scratch",
        "CREATE SCHEMA aside; CREATE EXTENSION amcheck SCHEMA aside; GRANT USAGE ON SCHEMA aside TO drill; \
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA aside TO drill; GRANT CREATE ON DATABASE scratch TO drill",
    );
    // A schema of the user's is not nothing, but for where an extension was put.
    let world = world(&server, &scratch(&server), "");
    let found = drill(&world, &[]).exits(3).findings();
    assert_eq!(found[0], "database-not-empty dsn of ledger", "{found:?}");
    server.run("scratch", "ALTER EXTENSION amcheck SET SCHEMA public; DROP SCHEMA aside");
    let before = server.run("scratch", LEFT);
    for _ in 0..2 {
        assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
        let report = report(&world);
        for name in
            ["restore", "rows", "contents", "objects", "definitions", "amcheck", "emptied again", "outside"]
        {
            assert_eq!(check(&report, name).0, Ended::Passed, "{name}");
        }
        assert_eq!(server.run("scratch", LEFT), before);
    }
    let may = "SELECT has_database_privilege('drill', 'scratch', 'CREATE')";
    assert_eq!(server.run("scratch", may), "t", "what others granted stays");
}

/// What makes a database not empty, and how that is told.
const ANYTHING: [(&str, &str); 10] = [
    ("CREATE TABLE t (x INT)", "1 × table"),
    ("CREATE SCHEMA mine", "1 × schema"),
    ("CREATE TYPE mood AS ENUM ('a')", "1 × type"),
    ("CREATE FUNCTION f() RETURNS INT LANGUAGE sql AS 'SELECT 1'", "1 × function"),
    ("CREATE SEQUENCE q", "1 × sequence"),
    ("CREATE EXTENSION pg_trgm", "1 × extension"),
    ("SELECT lo_create(7)", "1 × large object"),
    ("CREATE OPERATOR ||| (FUNCTION = textcat, LEFTARG = text, RIGHTARG = text)", "1 × operator"),
    ("CREATE CAST (text AS int) WITH INOUT", "1 × cast"),
    ("CREATE PUBLICATION p", "1 × publication"),
];

#[test]
fn a_database_with_anything_in_it_is_not_empty() {
    let server = servers();
    let mut probes = String::new();
    for (number, (make, _)) in ANYTHING.iter().enumerate() {
        let name = format!("scratch{number}");
        server.run("postgres", &format!("CREATE DATABASE {name} OWNER drill"));
        server.run(&name, make);
        let probe = format!("[[probe]]\nid = \"{name}\"\nkind = \"postgres\"\ncapture = \"ledger\"\n");
        probes += &format!("{probe}dsn = \"{}\"\n", server.dsn_of("drill", &name));
    }
    // One beside them that is.
    let world = world(&server, &scratch(&server), &probes);
    let said = drill(&world, &[]).exits(3);
    let report = report(&world);
    assert_eq!(report.findings.len(), ANYTHING.len(), "{}", said.out);
    for (number, (finding, (make, what))) in report.findings.iter().zip(ANYTHING).enumerate() {
        let found = format!("{} {}", finding.code, finding.subject);
        assert_eq!(found, format!("database-not-empty dsn of scratch{number}"), "{make}");
        assert!(finding.actual.as_ref().is_some_and(|told| told.contains(what)), "{make}: {finding:?}");
    }
    assert_eq!(report.probes[0].status, Ended::Passed);
}

#[test]
fn a_role_that_can_run_programs_of_the_server_is_refused() {
    let server = servers();
    let world = world(&server, &scratch(&server), "");
    for (give, take, what) in [
        (
            "GRANT pg_execute_server_program TO drill",
            "REVOKE pg_execute_server_program FROM drill",
            "pg_execute",
        ),
        ("GRANT pg_write_server_files TO drill", "REVOKE pg_write_server_files FROM drill", "pg_write"),
        ("ALTER ROLE drill CREATEROLE", "ALTER ROLE drill NOCREATEROLE", "CREATEROLE"),
        ("GRANT owner TO drill", "REVOKE owner FROM drill", "owner"),
    ] {
        server.run("postgres", give);
        let said = drill(&world, &[]).exits(3);
        assert_eq!(said.findings()[0], "probe-failed dsn of ledger", "{give}");
        assert!(said.out.contains(what), "{give}: {}", said.out);
        server.run("postgres", take);
    }
    assert_eq!(server.run("scratch", LEFT), "0");
}

/// `drill` with a program that does this first.
fn drill_with(world: &World, program: &str, first: &str) -> Said {
    let real = String::from_utf8(Command::new("which").arg(program).output().unwrap().stdout).unwrap();
    let path = stub(world, program, &format!("{first}\nexec {} \"$@\"", real.trim()));
    said(drilling(world).env("PATH", path).output().unwrap())
}

#[test]
fn what_restores_sees_neither_keys_nor_store_and_reaches_that_database_alone() {
    let server = servers();
    let world = world(&server, &scratch(&server), "");
    let (home, store) = (world.home(), world.path().join("store"));
    let other = Postgres::start();
    let looks = format!(
        "ls {0}/signing.key && exit 7\nls {1}/archives && exit 8\ntest $(grep -c : /proc/net/dev) = 1 || exit 9\n\
         psql -X -d '{2}' -c 'SELECT 1' && exit 10",
        home.display(),
        store.display(),
        other.dsn("postgres")
    );
    assert_eq!(drill_with(&world, "pg_restore", &looks).done().findings(), Vec::<String>::new());
    let outside = world.path().join("escaped");
    let writes = format!("echo x > {}", outside.display());
    let said = drill_with(&world, "pg_restore", &writes).exits(3);
    assert_eq!(said.findings(), [format!("wrote-outside {}", outside.display())]);
    assert!(!outside.exists());
    assert_eq!(server.run("scratch", LEFT), "0");
}

#[test]
fn a_database_that_answers_by_the_network_alone() {
    let server = Postgres::start_on_a_port();
    server.run("postgres", "CREATE ROLE drill LOGIN; CREATE ROLE reader");
    server.run("postgres", "CREATE DATABASE scratch OWNER drill");
    let live = ledger();
    let dsn = format!("host=127.0.0.1 port={} user=drill dbname=scratch", server.port());
    let world = world(&live, &dsn, "");
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    let report = report(&world);
    assert_eq!(check(&report, "network").0, Ended::Skipped);
    assert!(report.does_not_prove.iter().any(|line| line.contains("ledger left out: network: ")));
    assert_eq!(server.run("scratch", LEFT), "0");
}

/// Waits until the probe's question is asked.
fn asked(server: &Postgres) {
    let begun = Instant::now();
    let query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ '^FETCH FORWARD'";
    while server.run("postgres", query) == "0" {
        assert!(begun.elapsed() < Duration::from_secs(60), "it was never asked");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks what has no answer before whoever holds it lets it go.
const SLOW: &str = "queries = [{ sql = \"SELECT pg_advisory_xact_lock(7)\", expect = \"\" }]\n";

/// Somebody who holds a number in the scratch database, until it is dropped.
struct Holder<'s> {
    server: &'s Postgres,
    psql: Child,
}

impl<'s> Holder<'s> {
    fn new(server: &'s Postgres, user: &str, number: &str) -> Holder<'s> {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-d"])
            .arg(format!("{} application_name=holder", server.dsn_of(user, "scratch")));
        let psql = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(psql.stdin.as_ref().unwrap(), "SELECT pg_advisory_lock({number});").unwrap();
        let holder = Holder { server, psql };
        let locked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
        until(server, locked, |count| count != "0");
        holder
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        // It reads to the end, and who serves it lets go a moment after it left.
        drop(self.psql.stdin.take());
        self.psql.wait().unwrap();
        if !std::thread::panicking() {
            let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder'";
            until(self.server, there, |count| count == "0");
        }
    }
}

/// Waits until the scratch database answers so: a server notices a little later that somebody has left, and then for good.
#[track_caller]
fn until(server: &Postgres, query: &str, is_so: impl Fn(&str) -> bool) {
    let begun = Instant::now();
    loop {
        let answer = server.run("scratch", query);
        if is_so(&answer) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{query} stays {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_cannot_be_removed_is_said() {
    let server = servers();
    let world = world(&server, &scratch(&server), SLOW);
    let holder = Holder::new(&server, "owner", "7");
    let child = drilling(&world).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    asked(&server);
    server.run("scratch", "ALTER TABLE s.q OWNER TO owner; ALTER SCHEMA s OWNER TO owner");
    drop(holder);
    let said = said(child.wait_with_output().unwrap()).done();
    let left = report(&world).findings;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0].code, "left-behind");
    let told = left[0].actual.as_deref().unwrap();
    assert!(
        told.contains("1 × schema") && told.contains("1 × table") && !told.contains("large object"),
        "{told}"
    );
    assert!(said.out.contains("scratch of "), "{}", said.out);
}

#[test]
fn an_interrupted_drill_leaves_it_empty() {
    let server = servers();
    let world = world(&server, &scratch(&server), SLOW);
    let _holder = Holder::new(&server, "owner", "7");
    let mut child = drilling(&world).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    asked(&server);
    super::sh(&format!("kill -INT {}", child.id()));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(server.run("scratch", LEFT), "0");
}

/// What the role that drills does there, in the end nothing.
const AT_WORK: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'drill'";

#[test]
fn one_that_is_late_leaves_nobody_at_work_in_it() {
    let server = servers();
    server.run(
        "ledger",
        "CREATE FUNCTION late() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
          IF current_user <> 'owner' THEN PERFORM pg_sleep(1000); END IF; RETURN 1; END $$; \
         CREATE MATERIALIZED VIEW slow_view AS SELECT late()",
    );
    let world = world(&server, &scratch(&server), "time_limit = \"20s\"\n");
    let begun = Instant::now();
    assert_eq!(drill(&world, &[]).exits(3).findings(), ["probe-timeout ledger"]);
    assert!(begun.elapsed() < Duration::from_secs(75), "it waited for locks: {:?}", begun.elapsed());
    assert_eq!(server.run("scratch", LEFT), "0");
    // What was late would be at work for much longer than this waits.
    until(&server, AT_WORK, |count| count == "0");
}

#[test]
fn a_database_that_another_drill_is_in_is_refused() {
    let server = servers();
    let world = world(&server, &scratch(&server), "");
    let other = Holder::new(&server, "drill", "x'6174746573746172'::bigint");
    let said = drill(&world, &[]).exits(3);
    assert_eq!(said.findings(), ["database-live dsn of ledger"]);
    assert!(said.out.contains("another drill is in it"), "{}", said.out);
    until(&server, AT_WORK, |count| count == "1");
    assert_eq!(
        server.run("scratch", &format!("{AT_WORK} AND application_name = 'holder'")),
        "1",
        "it works on"
    );
    drop(other);
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
}

#[test]
fn a_live_database_that_cannot_be_asked_is_said() {
    let server = servers();
    let world = world(&server, &scratch(&server), "");
    let policy = std::fs::read_to_string(world.tree().join("attestar.toml")).unwrap();
    let live = format!("dsn = \"{}\"", server.dsn("ledger"));
    assert_eq!(policy.matches(&live).count(), 1);
    world.write("attestar.toml", policy.replace(&live, "dsn = \"env:LEDGER\""));
    let mut backup = world.command(&["-C", "shop", "backup"]);
    said(backup.env("LEDGER", server.dsn("ledger")).output().unwrap()).done();
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    let report = report(&world);
    let (status, why) = check(&report, "not a live database");
    assert!(status == Ended::Skipped && why.contains("ledger"), "{why}");
    assert!(report.does_not_prove.iter().any(|line| line.contains("not a live database")));
}

#[test]
fn an_extension_that_an_administrator_put_there() {
    let server = servers();
    server.run(
        "ledger",
        "CREATE EXTENSION pgstattuple; CREATE VIEW sizes AS SELECT (pgstattuple('t')).table_len",
    );
    server.run("scratch", "CREATE EXTENSION pgstattuple");
    let world = world(&server, &scratch(&server), "extensions = [\"pgstattuple\"]\n");
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    let there = "SELECT extname FROM pg_extension WHERE extname = 'pgstattuple'";
    assert_eq!(server.run("scratch", there), "pgstattuple");
}

#[test]
fn a_database_in_another_encoding_is_not_compared_byte_by_byte() {
    let server = servers();
    let into =
        "CREATE DATABASE latin OWNER drill TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    server.run("postgres", into);
    let dsn = server.dsn_of("drill", "latin");
    let world = world(&server, &dsn, "");
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    let report = report(&world);
    for name in ["contents", "definitions"] {
        let why = "captured from a database in UTF8, C, restored into one in LATIN1, C";
        assert_eq!(check(&report, name), (Ended::Skipped, why));
    }
    assert_eq!(check(&report, "rows").0, Ended::Passed);
}
