//! Hostile databases of SQLite in real drills: none crashes the drill, writes or deletes anything outside, hangs, or passes as
//! though it had been read.

use super::{Connection, back_up, fails, file, plant, report, world};
use crate::world::{Said, World, said};
use attestar::format::drill_report::Ended;
use std::fs;
use std::path::Path;

/// A small limit, so that tests need not be large.
const LIMITS: &str = "[drill]\nmemory_limit = \"64MiB\"\n";

/// A world whose tree has a database made by these statements, and a probe with this question.
fn hostile(statements: &str, query: &str) -> World {
    hostile_within("60s", statements, query)
}

fn hostile_within(limit: &str, statements: &str, query: &str) -> World {
    let question = match query {
        "" => String::new(),
        query => format!("queries = [{{ sql = \"{query}\", expect = \"1\" }}]\n"),
    };
    let probe = format!(
        "[[probe]]\nid = \"x\"\nkind = \"sqlite\"\npath = \"var/x.db\"\ntime_limit = \"{limit}\"\n{question}"
    );
    let world = world(&format!("{LIMITS}{probe}"));
    make(&world.tree().join("var/x.db"), statements);
    back_up(&world);
    world
}

fn make(path: &Path, statements: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1);").unwrap();
    connection.execute_batch(statements).unwrap();
}

/// What is put into the schema as it is, whatever SQLite would say of it.
fn forged(sql: &str) -> String {
    format!("PRAGMA writable_schema = on; {sql}; PRAGMA writable_schema = off;")
}

#[test]
fn views_without_end_are_ended_and_those_that_nobody_asks_are_not_run() {
    let endless = "CREATE VIEW bomb AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    fails(&hostile_within("4s", endless, "SELECT * FROM bomb"), 3, "probe-timeout x");
    super::drill(&hostile(endless, ""), &[]).done();
    let mut doubling = "CREATE VIEW v0 AS SELECT x FROM t;".to_owned();
    for number in 1..40 {
        let before = number - 1;
        doubling += &format!("CREATE VIEW v{number} AS SELECT a.x FROM v{before} a, v{before} b;");
    }
    // So many tables in one query that no program for it fits; to say which columns they have, SQLite asks the same.
    let report = fails(&hostile(&doubling, "SELECT * FROM v39"), 3, "query-differs");
    let found: Vec<&str> = report.findings.iter().map(|finding| &*finding.code).collect();
    assert!(found.iter().all(|code| ["probe-failed", "query-differs"].contains(code)), "{found:?}");
}

#[test]
fn what_needs_more_memory_than_it_may_have_gets_none() {
    for query in [
        "SELECT length(zeroblob(1000000000))",
        "SELECT length(hex(zeroblob(40000000)))",
        "SELECT length(y) FROM z",
        "SELECT count(*) FROM (SELECT DISTINCT hex(randomblob(500)) FROM n, n)",
        "SELECT length(group_concat(hex(randomblob(500)))) FROM n, n",
    ] {
        let schema = "CREATE TABLE z (x, y AS (zeroblob(1000000000))); INSERT INTO z VALUES (1); \
                      CREATE VIEW n AS WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000) SELECT * FROM c";
        let world = hostile(schema, query);
        let said = within_address_space(&world);
        assert_eq!(said.findings(), [format!("query-differs x: {query}")], "{}", said.err);
        let why = report(&world).findings[0].actual.clone().unwrap();
        assert!(why.contains("too big") || why.contains("out of memory"), "{query}: {why}");
    }
}

/// A drill that has 900 MiB of addresses and not a byte more.
fn within_address_space(world: &World) -> Said {
    let drilled = super::drilling(world);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -v 900000; exec \"$@\"", "sh"]).arg(drilled.get_program());
    command.args(drilled.get_args()).current_dir(world.path()).env_clear();
    command.envs(drilled.get_envs().filter_map(|(name, value)| Some((name, value?))));
    said(command.output().unwrap()).exits(3)
}

#[test]
fn a_captured_table_that_is_larger_than_memory_is_told_as_that() {
    let world = world(&format!("{LIMITS}{}", super::APP));
    let path = world.path().join("app.db");
    make(&path, "CREATE TABLE z (x, y AS (zeroblob(90000000))); INSERT INTO z VALUES (1)");
    let captured = super::facts(&path);
    plant(&world, 0, vec![file("captures/app/app.db", fs::read(&path).unwrap())], vec![captured]);
    let report = fails(&world, 3, "probe-failed captures/app/app.db");
    assert!(report.proves.iter().all(|line| !line.contains("as captured")), "{:#?}", report.proves);
}

/// A question, what was expected, and what came instead.
type Refused<'a> = (&'a str, &'a str, &'a str);

const HARMLESS: [Refused<'_>; 10] = [
    ("SELECT load_extension('/lib/x.so')", "an answer", "not authorized"),
    ("SELECT * FROM loads", "an answer", "unsafe use of load_extension()"),
    ("SELECT fts3_tokenizer('simple', x'4141414141414141')", "an answer", "fts3tokenize disabled"),
    ("SELECT * FROM tokens", "an answer", "unsafe use of fts3_tokenizer()"),
    // What a module brings is for questions of ours, and not for views of theirs.
    ("SELECT * FROM marks", "an answer", "unsafe use of highlight()"),
    ("ATTACH 'OUTSIDE/attached.db' AS a", "an answer", "too many attached databases - max 0"),
    ("VACUUM INTO 'OUTSIDE/vacuumed.db'", "an answer", "Query is not read-only"),
    ("UPDATE t SET x = 2", "an answer", "Query is not read-only"),
    // It says nothing, and does nothing.
    ("PRAGMA writable_schema = on", "1", "no row"),
    ("SELECT * FROM pragma_writable_schema", "1", "0"),
];

#[test]
fn functions_and_modules_that_would_do_harm_are_off() {
    let outside = tempfile::tempdir().unwrap();
    let asked = HARMLESS.map(|(sql, ..)| sql.replace("OUTSIDE", outside.path().to_str().unwrap()));
    let schema = "CREATE VIEW loads AS SELECT load_extension('/lib/x.so'); \
                  CREATE VIEW tokens AS SELECT fts3_tokenizer('simple', x'4141414141414141'); \
                  CREATE VIRTUAL TABLE f USING fts5 (body); INSERT INTO f VALUES ('a b c'); \
                  CREATE VIEW marks AS SELECT highlight(f, 0, '<', '>') FROM f";
    let queries = asked.iter().map(|sql| format!("{{ sql = \"{sql}\", expect = \"1\" }}"));
    let queries = queries.collect::<Vec<_>>().join(", ");
    let world = world(&format!(
        "{LIMITS}[[probe]]\nid = \"x\"\nkind = \"sqlite\"\npath = \"var/x.db\"\nqueries = [{queries}]\n"
    ));
    make(&world.tree().join("var/x.db"), schema);
    back_up(&world);
    let report = fails(&world, 3, "query-differs");
    let text = |text: &Option<String>| text.clone().unwrap();
    let told = report.findings.iter().map(|it| (it.subject.clone(), text(&it.expected), text(&it.actual)));
    let told: Vec<_> = told.collect();
    let refused = HARMLESS.iter().zip(&asked);
    let refused: Vec<_> = refused
        .map(|((_, expected, why), sql)| (format!("x: {sql}"), (*expected).to_owned(), (*why).to_owned()))
        .collect();
    assert_eq!(told, refused);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn triggers_and_virtual_tables_are_read_and_never_run() {
    let schema = "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; SELECT RAISE(ABORT, 'run'); END; \
                  CREATE VIRTUAL TABLE f USING fts5 (body); INSERT INTO f VALUES ('a b c'); \
                  CREATE VIRTUAL TABLE r USING rtree (id, a, b); CREATE VIRTUAL TABLE s USING dbstat; \
                  CREATE VIRTUAL TABLE k USING fts3tokenize ('simple')";
    super::drill(&hostile(schema, ""), &[]).done();
    // What an index of texts keeps is damaged.
    let damaged = "CREATE VIRTUAL TABLE f USING fts5 (body); INSERT INTO f VALUES ('a b c'); \
                   UPDATE f_data SET block = x'ffffffffffffffffffffffff'; DELETE FROM f_docsize";
    fails(&hostile(damaged, "SELECT count(*) FROM f WHERE f MATCH 'a'"), 3, "database-corrupt var/x.db");
    // A module that nobody has here.
    let unknown = forged(
        "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING evil (a)')",
    );
    let world = hostile(&unknown, "");
    super::drill(&world, &[]).done();
    let report = report(&world);
    let skipped = report.probes[0].checks.iter().find(|check| check.name == "rows").unwrap();
    assert_eq!((skipped.status, &*skipped.actual), (Ended::Skipped, "v cannot be counted"));
    assert!(report.does_not_prove.contains(&"what x left out: rows: v cannot be counted".to_owned()));
}

#[test]
fn a_schema_that_was_forged_is_no_database() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("attached.db");
    let attach = format!("ATTACH ''{}'' AS x", victim.display());
    for sql in [
        format!("INSERT INTO sqlite_schema VALUES ('view', 'v', 'v', 0, '{attach}')"),
        format!("INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 2, '{attach}')"),
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x' || char(0) || ')'".to_owned(),
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE other (x)'".to_owned(),
        "UPDATE sqlite_schema SET rootpage = 1".to_owned(),
        "UPDATE sqlite_schema SET rootpage = 4000000000".to_owned(),
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x DEFAULT (' || replace(hex(zeroblob(5000)), '00', '(') || '1)))'".to_owned(),
    ] {
        let world = hostile(&forged(&sql), "");
        let report = fails(&world, 3, "database-corrupt var/x.db");
        assert_eq!(report.probes[0].status, Ended::Failed, "{sql}");
        assert!(!victim.exists());
    }
}

#[test]
fn bytes_at_random_places_never_crash_it() {
    let world =
        hostile("CREATE INDEX i ON t (x); CREATE VIEW v AS SELECT * FROM t", "SELECT count(*) FROM t");
    let path = world.tree().join("var/x.db");
    let good = fs::read(&path).unwrap();
    let mut found = 0;
    for seed in 0..12_usize {
        let mut bytes = good.clone();
        for number in 0..40 {
            let at = (seed * 7919 + number * 104_729) % bytes.len();
            bytes[at] = bytes[at].wrapping_add((seed * 31 + number) as u8 | 1);
        }
        fs::write(&path, &bytes).unwrap();
        back_up(&world);
        let said = super::drill(&world, &[]);
        assert!([0, 3].contains(&said.code), "{seed}: {}{}", said.out, said.err);
        assert!(!said.out.contains("it crashed"), "{seed}: {}", said.out);
        found += usize::from(said.code == 3);
    }
    assert!(found > 0, "not one of them was seen to be damaged");
    super::nothing_is_left(&world);
}

#[test]
fn a_journal_that_names_another_file_is_not_followed() {
    let world = hostile("", "");
    let victim = world.path().join("victim");
    fs::write(&victim, "dear\0").unwrap();
    let path = world.tree().join("var/x.db");
    fs::write(world.tree().join("var/x.db-journal"), journal(&fs::read(&path).unwrap(), &victim)).unwrap();
    back_up(&world);
    fails(&world, 3, "probe-failed var/x.db-journal");
    assert!(victim.exists());
}

/// A journal of a database as it is, that names a super-journal
/// (<https://www.sqlite.org/fileformat2.html#the_rollback_journal>).
fn journal(database: &[u8], other: &Path) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let page = usize::from(u16::from_be_bytes([database[16], database[17]]));
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let mut bytes = MAGIC.to_vec();
    // Pages in it, the nonce of checksums, pages of the database, the sector, the page.
    for value in [1, 0, database.len() / page, 512, page] {
        bytes.extend(number(value));
    }
    bytes.resize(512, 0);
    bytes.extend(number(1));
    bytes.extend(&database[..page]);
    let mut sum = 0_u32;
    let mut at = page as i64 - 200;
    while at > 0 {
        sum = sum.wrapping_add(u32::from(database[at as usize]));
        at -= 200;
    }
    bytes.extend(sum.to_be_bytes());
    let name = other.to_str().unwrap().as_bytes();
    // The page that locks stand on is in no database: it marks the name.
    bytes.extend(number((1 << 30) / page + 1));
    bytes.extend(name);
    bytes.extend(number(name.len()));
    bytes.extend(name.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte))).to_be_bytes());
    bytes.extend(MAGIC);
    bytes
}
