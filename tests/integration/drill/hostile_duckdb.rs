//! Hostile databases of DuckDB in real drills: nothing outside is read, written, attached, loaded or fetched, and what they take
//! has a limit.

use super::databases::duckdb;
use super::{POLICY, back_up, fails, file, plant, report};
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

#[test]
fn a_view_reads_nothing_outside_and_a_question_reaches_nothing() {
    let views = "CREATE VIEW words AS SELECT * FROM read_text('/etc/passwd'); \
                 CREATE VIEW lines AS SELECT * FROM read_csv('/etc/passwd', header = false, columns = {'l': 'VARCHAR'}, sep = '~'); \
                 CREATE VIEW names AS SELECT * FROM glob('/etc/*'); \
                 CREATE MACRO peek(path) AS (SELECT content FROM read_text(path))";
    let queries = [
        "SELECT content FROM words",
        "SELECT l FROM lines",
        "SELECT count(*) FROM names",
        "SELECT peek('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/shadow')",
        "SELECT * FROM 'http://127.0.0.1:9/x.csv'",
        "ATTACH '/tmp/attached.duckdb' AS a",
        "COPY t TO '/tmp/copied.csv'",
        "EXPORT DATABASE '/tmp/exported'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET lock_configuration = false",
        "SET allowed_directories = ['/']",
        "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    ];
    let world = hostile(views, &queries, "");
    let report = fails(&world, 3, "query-differs");
    let found: Vec<&str> = report.findings.iter().map(|finding| &*finding.subject).collect();
    assert_eq!(found, queries.map(|query| format!("x: {query}")), "each is refused");
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
fn memory_and_disk_have_limits() {
    let limits = "[drill]\nmemory_limit = \"128MiB\"\ndisk_limit = \"200MiB\"\n";
    let many = "SELECT count(*) FROM (SELECT DISTINCT md5((a.range * 1000003 + b.range)::VARCHAR) FROM range(20000) a, range(5000) b)";
    let world = hostile("", &[many], limits);
    let said = super::drill(&world, &[]);
    let found = said.findings();
    let why = report(&world).findings[0].actual.clone().unwrap_or_default();
    // Its own limits, or that of the scratch, whichever is first.
    match found[0].split(' ').next() {
        Some("query-differs") => assert!(why.contains("Out of Memory") || why.contains("temp"), "{why}"),
        Some(code) => assert_eq!(code, "scratch-full", "{why}"),
        None => panic!("{}", said.out),
    }
    assert_ne!(said.code, 0);
    super::nothing_is_left(&world);
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
    let rule = "[[include]]\nclass = \"ddl\"\npaths = [\"ddl/*.sql\"]\ndialect = \"duckdb\"\n[[include]]";
    let probe = "[[probe]]\nid = \"schema\"\nkind = \"ddl\"\ndialect = \"duckdb\"\n";
    world.write("attestar.toml", format!("{}{probe}", POLICY.replacen("[[include]]", rule, 1)));
    for text in files {
        world.write("ddl/1.sql", &text);
        back_up(&world);
        fails(&world, 3, "ddl-failed ddl/1.sql");
        assert!(!outside.exists(), "{text}");
    }
}
