//! Hostile databases of DuckDB in real drills: nothing outside is read, written, attached, loaded or fetched, and what they take
//! has a limit.

use super::databases::duckdb;
use super::{POLICY, back_up, fails, file, plant};
use crate::world::World;
use attestar::format::capture::{CaptureKind, Captured, Form};
use std::fs;

/// A world whose tree has a database made by these statements, and a probe with these questions.
fn hostile(statements: &str, queries: &[&str], more: &str) -> World {
    let world = World::new();
    duckdb(&world, &format!("CREATE TABLE t AS SELECT 1 AS x; {statements}"));
    let queries: Vec<String> =
        queries.iter().map(|query| format!("{{ sql = \"{query}\", expect = \"1\" }}")).collect();
    let probe = format!(
        "{more}[[probe]]\nid = \"x\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\ntime_limit = \"60s\"\n\
         queries = [{}]\n",
        queries.join(", ")
    );
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    back_up(&world);
    world
}

/// Of a file, of an option, of what would be fetched.
const OFF: &str = "file system operations are disabled by configuration";
const LOCKED: &str = "the configuration has been locked";

/// Questions, and what each is told instead of an answer.
const REFUSED: [(&str, &str); 16] = [
    ("SELECT content FROM words", OFF),
    ("SELECT l FROM lines", OFF),
    ("SELECT count(*) FROM names", OFF),
    ("SELECT peek('/etc/passwd')", OFF),
    ("SELECT * FROM read_blob('/etc/shadow')", OFF),
    ("SELECT * FROM 'http://127.0.0.1:9/x.csv'", "requires the extension httpfs"),
    ("ATTACH '/tmp/attached.duckdb' AS a", OFF),
    ("COPY t TO '/tmp/copied.csv'", OFF),
    ("EXPORT DATABASE '/tmp/exported'", OFF),
    ("INSTALL httpfs", "Failed to download extension"),
    ("LOAD httpfs", "Loading external extensions is disabled"),
    ("SET enable_external_access = true", LOCKED),
    ("SET memory_limit = '100GB'", LOCKED),
    ("SET lock_configuration = false", LOCKED),
    ("SET allowed_directories = ['/']", LOCKED),
    ("CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')", "exists in the httpfs extension"),
];

#[test]
fn a_view_reads_nothing_outside_and_a_question_reaches_nothing() {
    let views = "CREATE VIEW words AS SELECT * FROM read_text('/etc/passwd'); \
                 CREATE VIEW lines AS SELECT * FROM read_csv('/etc/passwd', header = false, columns = {'l': 'VARCHAR'}, sep = '~'); \
                 CREATE VIEW names AS SELECT * FROM glob('/etc/*'); \
                 CREATE MACRO peek(path) AS (SELECT content FROM read_text(path))";
    let world = hostile(views, &REFUSED.map(|(sql, _)| sql), "");
    let report = fails(&world, 3, "query-differs");
    assert_eq!(report.findings.len(), REFUSED.len(), "{:#?}", report.findings);
    for (finding, (sql, why)) in report.findings.iter().zip(REFUSED) {
        assert_eq!(
            (&*finding.subject, finding.expected.as_deref()),
            (&*format!("x: {sql}"), Some("an answer"))
        );
        assert!(finding.actual.as_ref().is_some_and(|told| told.contains(why)), "{sql}: {finding:?}");
    }
    let said = serde_json::to_string(&report).unwrap();
    assert!(!said.contains("root:") && !said.contains("/bin/sh"), "{said}");
    for left in ["/tmp/attached.duckdb", "/tmp/copied.csv", "/tmp/exported"] {
        assert!(!std::path::Path::new(left).exists(), "{left}");
    }
}

#[test]
fn an_export_is_a_script_and_may_do_as_little() {
    for (number, harm) in [
        "COPY (SELECT 1) TO 'OUTSIDE/copied.csv';",
        "CREATE TABLE s AS SELECT * FROM read_text('/etc/passwd');",
        "ATTACH 'OUTSIDE/attached.duckdb' AS a; CREATE TABLE a.x (y INT);",
        "INSTALL httpfs; LOAD httpfs;",
        "SET enable_external_access = true; SET lock_configuration = false;",
        "SET memory_limit = '1TB';",
        "CREATE TABLE s AS SELECT * FROM 'http://127.0.0.1:9/x.csv';",
        "EXPORT DATABASE 'OUTSIDE/exported';",
        ".shell touch OUTSIDE/shell\n",
    ]
    .into_iter()
    .enumerate()
    {
        let world = World::new();
        let outside = world.path().join("outside");
        fs::create_dir(&outside).unwrap();
        let capture = "[[capture]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\n\
                       [[probe]]\nid = \"duck\"\nkind = \"duckdb\"\ncapture = \"duck\"\ntime_limit = \"60s\"\n";
        world.write("attestar.toml", format!("{POLICY}{capture}"));
        let harm = harm.replace("OUTSIDE", outside.to_str().unwrap());
        // As the script of the schema, and as the one that loads.
        let (schema, load) = if number % 2 == 0 { (&*harm, "") } else { ("", &*harm) };
        let schema = format!("CREATE TABLE t (x INT);\n{schema}\n");
        let entries =
            vec![file("captures/duck/load.sql", load), file("captures/duck/schema.sql", schema.as_bytes())];
        let captured = Captured {
            id: "duck".into(),
            kind: CaptureKind::Duckdb,
            form: Form::Folder,
            tool: "DuckDB".into(),
            server: None,
            database: None,
            schema_sha256: None,
            tables: Vec::new(),
            objects: Vec::new(),
        };
        plant(&world, 0, entries, vec![captured]);
        let report = fails(&world, 3, "probe-failed duck");
        let said = serde_json::to_string(&report).unwrap();
        assert!(!said.contains("root:"), "{said}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{harm}");
    }
}

#[test]
fn memory_has_a_limit() {
    // One value, of which nothing can be put aside.
    let large = "SELECT length(string_agg(repeat('x', 1000), '')) FROM range(1000000)";
    let world = hostile("", &[large], "[drill]\nmemory_limit = \"128MiB\"\n");
    let report = fails(&world, 3, "query-differs");
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    let told = &report.findings[0];
    assert_eq!(told.expected.as_deref(), Some("an answer"));
    assert!(told.actual.as_ref().unwrap().contains("Out of Memory Error"), "{told:?}");
}

#[test]
fn the_disk_has_a_limit() {
    let limits = "[drill]\nmemory_limit = \"128MiB\"\ndisk_limit = \"200MiB\"\n";
    let many = "SELECT count(*) FROM (SELECT DISTINCT md5((a.range * 1000003 + b.range)::VARCHAR) FROM range(20000) a, range(5000) b)";
    // Whoever sees it first: the meter over the scratch, or DuckDB as it puts aside what memory does not hold.
    let report = fails(&hostile("", &[many], limits), 1, "scratch-full scratch");
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
}

#[test]
fn ddl_runs_no_command_of_the_client() {
    let world = World::new();
    let outside = world.path().join("pwned");
    let files = [
        format!("CREATE TABLE a (x BIGINT);\n.shell touch {}\n", outside.display()),
        format!(".shell touch {}\nCREATE TABLE a (x BIGINT);\n", outside.display()),
        format!("CREATE TABLE a (x BIGINT);\nCOPY a TO '{}';\n", outside.display()),
        format!("CREATE TABLE a (x BIGINT);\n.output {}\n.dump\n", outside.display()),
    ];
    world.write("attestar.toml", super::ddl("duckdb", ""));
    for text in files {
        world.write("ddl/1.sql", &text);
        back_up(&world);
        fails(&world, 3, "ddl-failed ddl/1.sql");
        assert!(!outside.exists(), "{text}");
    }
}
