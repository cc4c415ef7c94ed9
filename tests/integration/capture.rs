//! Captures of live databases: taken while they are written to, with what the very copy holds.

use crate::postgres::Postgres;
use crate::world::{venv, with_venv};
use attestar::format::capture::{Captured, Content, Form};
use attestar::format::path::PackPath;
use attestar::pipeline::watch::Watch;
use attestar::policy::capture::{Capture, DuckdbForm, Output, Source};
use attestar::policy::program::Order;
use attestar::tree::capture::{Place, Taken, take};
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A tree, and a folder for what is captured.
struct Folders {
    tree: TempDir,
    to: TempDir,
}

impl Folders {
    fn new() -> Folders {
        Folders { tree: tempfile::tempdir().unwrap(), to: tempfile::tempdir().unwrap() }
    }

    fn take(&self, capture: &Capture, variables: &[(&str, &str)]) -> attestar::Result<(Captured, Vec<u8>)> {
        let path = std::env::var_os("PATH");
        let environment = |name: &str| match name {
            "PATH" => Some(with_venv(path.clone().unwrap_or_default())),
            name => {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            }
        };
        let place = Place { root: self.tree.path(), folder: self.to.path(), environment: &environment };
        match take(capture, place, &Watch::default())? {
            Taken::Files(captured) => Ok((captured, Vec::new())),
            Taken::Stream(mut stream) => {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).map_err(attestar::Error::io("read", "the stream"))?;
                Ok((stream.finish()?, bytes))
            }
        }
    }
}

fn capture(source: Source) -> Capture {
    Capture { id: "app".into(), source, time_limit_s: 120, digest_up_to: 1 << 20, line: 1 }
}

fn postgres(dsn: &str) -> Capture {
    capture(Source::Postgres { dsn: dsn.to_owned() })
}

fn rows(captured: &Captured) -> Vec<(&str, Option<u64>)> {
    captured.tables.iter().map(|table| (&*table.name, table.rows)).collect()
}

const LEDGER: &str = "CREATE SCHEMA book; CREATE TYPE mood AS ENUM ('up', 'down');\
                      CREATE TABLE book.trades (id BIGINT PRIMARY KEY, price NUMERIC NOT NULL, at TIMESTAMPTZ DEFAULT now());\
                      CREATE TABLE \"odd \"\" name\" (x TEXT, m mood);\
                      CREATE TABLE empty (x INT);\
                      CREATE VIEW dear AS SELECT * FROM book.trades WHERE price > 10;\
                      CREATE DOMAIN price AS NUMERIC CHECK (VALUE > 0);\
                      CREATE TABLE owned (id INT GENERATED ALWAYS AS IDENTITY, twice INT GENERATED ALWAYS AS (2) STORED, at price);\
                      ALTER TABLE owned ENABLE ROW LEVEL SECURITY;\
                      CREATE ROLE clerk; CREATE POLICY mine ON owned FOR SELECT TO clerk USING (id > 1);\
                      CREATE RULE kept AS ON DELETE TO owned DO INSTEAD NOTHING;\
                      CREATE STATISTICS both_ways ON id, price FROM book.trades;\
                      CREATE TABLE shadow (a_row INT, x INT); INSERT INTO shadow VALUES (1, 2);\
                      CREATE FUNCTION one() RETURNS INT LANGUAGE sql AS 'SELECT 1';\
                      INSERT INTO book.trades SELECT n, n * 1.5 FROM generate_series(1, 1000) n;\
                      INSERT INTO \"odd \"\" name\" VALUES ('a', 'up'), ('a', 'up'), (NULL, NULL)";

#[test]
fn a_dump_and_its_facts_are_of_one_moment_while_others_write() {
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE ledger");
    server.run("ledger", LEDGER);
    let folders = Folders::new();
    let (done, writer) = (std::sync::atomic::AtomicBool::new(false), server.dsn("ledger"));
    let (captured, dump) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut count = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let sql = format!("INSERT INTO book.trades VALUES ({}, 1)", 10_000 + count);
                let said = Command::new("psql").args(["-X", "-q", "-c", &sql, "-d", &writer]).status();
                assert!(said.unwrap().success());
                count += 1;
            }
            count
        });
        let made = folders.take(&postgres("env:LEDGER"), &[("LEDGER", &server.dsn("ledger"))]);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(writing.join().unwrap() > 0, "nothing was written meanwhile");
        made.unwrap()
    });
    assert_eq!(captured.form, Form::Parts);
    assert!(captured.tool.starts_with("pg_dump (PostgreSQL) "), "{}", captured.tool);
    assert!(captured.server.as_deref().is_some_and(|server| server.starts_with("PostgreSQL ")));
    let trades = rows(&captured).iter().find(|(name, _)| *name == "book.trades").unwrap().1.unwrap();
    let restored = restore(&server, &dump);
    assert_eq!(server.run(&restored, "SELECT count(*) FROM book.trades"), trades.to_string());
    let others = [
        ("public.empty", Some(0)),
        ("public.odd \" name", Some(3)),
        ("public.owned", Some(0)),
        ("public.shadow", Some(1)),
    ];
    assert_eq!(rows(&captured)[1..], others);
    let kinds: Vec<&str> = captured.objects.iter().map(|object| &*object.kind).collect();
    for kind in
        ["view", "function", "enum", "index", "constraint", "domain", "policy", "role", "rule", "statistics"]
    {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    // What came back is captured once more: the facts are the same, from the definitions to the last value.
    let (again, _) = folders.take(&postgres(&server.dsn(&restored)), &[]).unwrap();
    assert_eq!(
        (again.schema_sha256, &again.tables, &again.objects),
        (captured.schema_sha256, &captured.tables, &captured.objects)
    );
    for change in [
        "UPDATE shadow SET x = 3",
        "UPDATE book.trades SET price = price + 1 WHERE id = 1",
        "DELETE FROM public.\"odd \"\" name\" WHERE ctid = (SELECT min(ctid) FROM public.\"odd \"\" name\")",
    ] {
        server.run(&restored, change);
        let (changed, _) = folders.take(&postgres(&server.dsn(&restored)), &[]).unwrap();
        assert_ne!(changed.tables, captured.tables, "{change}");
    }
    every_definition_counts(&folders, &server, &restored, &captured);
}

/// A change of any definition is a change of the digest over them.
fn every_definition_counts(folders: &Folders, server: &Postgres, restored: &str, captured: &Captured) {
    let mut before = captured.schema_sha256;
    for change in [
        "DROP VIEW dear",
        "ALTER TABLE owned DISABLE ROW LEVEL SECURITY",
        "DROP POLICY mine ON owned",
        "DROP RULE kept ON owned",
        "DROP STATISTICS both_ways",
        "ALTER DOMAIN price DROP CONSTRAINT price_check",
        "ALTER TABLE owned ALTER id SET GENERATED BY DEFAULT",
        "ALTER TABLE owned ALTER twice DROP EXPRESSION",
        "ALTER TABLE owned ALTER id SET INCREMENT BY 2",
    ] {
        server.run(restored, change);
        let (changed, _) = folders.take(&postgres(&server.dsn(restored)), &[]).unwrap();
        assert_ne!(changed.schema_sha256, before, "{change}");
        before = changed.schema_sha256;
    }
}

fn restore(server: &Postgres, dump: &[u8]) -> String {
    server.run("postgres", "CREATE DATABASE restored");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), dump).unwrap();
    let said = Command::new("pg_restore")
        .args(["--exit-on-error", "-d", &server.dsn("restored")])
        .arg(file.path())
        .output();
    let said = said.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    "restored".to_owned()
}

#[test]
fn a_database_of_many_tables_is_asked_in_parts() {
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE many");
    let create = "DO $$ BEGIN FOR n IN 1..700 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT 1 AS x', n); \
                  EXECUTE format('CREATE FUNCTION f%s() RETURNS TEXT LANGUAGE sql AS %L', n, \
                  'SELECT ''' || repeat('x', 5000) || ''''); END LOOP; END $$";
    server.run("many", create);
    let (captured, _) = Folders::new().take(&postgres(&server.dsn("many")), &[]).unwrap();
    let functions = captured.objects.iter().filter(|object| object.kind == "function").count();
    assert_eq!((captured.tables.len(), functions), (700, 700));
    assert!(captured.tables.iter().all(|table| table.rows == Some(1) && table.content.is_some()));
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_an_error_that_shows_no_password() {
    let server = Postgres::start();
    let folders = Folders::new();
    let error = |dsn: &str| match folders.take(&postgres(dsn), &[]) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{dsn} was captured"),
    };
    let missing = error(&format!("{} password=hunter2", server.dsn("nowhere")));
    assert!(
        missing.contains("database \"nowhere\" does not exist") && !missing.contains("hunter2"),
        "{missing}"
    );
    let dead = error("postgresql://a:hunter2@127.0.0.1:1/x");
    assert!(dead.contains("refused") && !dead.contains("hunter2"), "{dead}");
    let unset = error("env:NOT_SET");
    assert_eq!(unset, "the variable NOT_SET is not set");
}

fn duckdb(folder: &Path, file: &str, sql: &str) {
    let words = ["-no-init", "-batch", "-bail", file, "-c", sql];
    let said = Command::new(venv().join("duckdb")).args(words).current_dir(folder).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

const CANDLES: &str = "CREATE SCHEMA s; CREATE TABLE s.t (a INT, b VARCHAR, c TIMESTAMPTZ);\
                       INSERT INTO s.t VALUES (1, 'it''s', '2026-01-01 00:00:00+00'), (2, NULL, NULL);\
                       CREATE TABLE \"o d\" (x HUGEINT[]); CREATE TABLE none (x INT); CREATE VIEW v AS SELECT * FROM s.t;\
                       CREATE INDEX i ON s.t (a); CREATE SEQUENCE sq; CREATE MACRO m(a) AS a + 1";

fn candles(form: DuckdbForm) -> Capture {
    capture(Source::Duckdb { path: PackPath::new(b"var/c.duckdb").unwrap(), form })
}

#[test]
fn a_duckdb_database_is_exported_and_comes_back_with_the_same_facts() {
    let folders = Folders::new();
    fs::create_dir(folders.tree.path().join("var")).unwrap();
    duckdb(folders.tree.path(), "var/c.duckdb", CANDLES);
    let (captured, _) = folders.take(&candles(DuckdbForm::Export), &[]).unwrap();
    assert_eq!(captured.form, Form::Folder);
    assert!(captured.tool.starts_with("DuckDB v"), "{}", captured.tool);
    assert_eq!(rows(&captured), [("main.none", Some(0)), ("main.o d", Some(0)), ("s.t", Some(2))]);
    assert!(captured.tables.iter().all(|table| matches!(table.content, Some(Content::RowsMd5Sum(_)))));
    let load = fs::read_to_string(folders.to.path().join("load.sql")).unwrap();
    assert!(!load.contains(folders.to.path().to_str().unwrap()), "{load}");
    // It comes back elsewhere, and captured once more it says the same.
    let back = Folders::new();
    fs::create_dir(back.tree.path().join("var")).unwrap();
    let import = format!("IMPORT DATABASE '{}'", folders.to.path().display());
    duckdb(back.tree.path(), "var/c.duckdb", &import);
    let (again, _) = back.take(&candles(DuckdbForm::Export), &[]).unwrap();
    assert_eq!(
        (again.schema_sha256, &again.tables, &again.objects),
        (captured.schema_sha256, &captured.tables, &captured.objects)
    );
    duckdb(back.tree.path(), "var/c.duckdb", "UPDATE s.t SET b = 'its' WHERE a = 1");
    let once_more = Folders { to: tempfile::tempdir().unwrap(), ..back };
    let (changed, _) = once_more.take(&candles(DuckdbForm::Export), &[]).unwrap();
    assert_ne!(changed.tables, captured.tables);
}

#[test]
fn a_duckdb_database_is_copied_into_a_file_and_a_locked_one_is_refused() {
    let folders = Folders::new();
    fs::create_dir(folders.tree.path().join("var")).unwrap();
    duckdb(folders.tree.path(), "var/c.duckdb", CANDLES);
    let (captured, _) = folders.take(&candles(DuckdbForm::Copy), &[]).unwrap();
    assert_eq!(captured.form, Form::File("c.duckdb".into()));
    let copy = Folders { tree: tempfile::tempdir().unwrap(), to: tempfile::tempdir().unwrap() };
    fs::create_dir(copy.tree.path().join("var")).unwrap();
    fs::copy(folders.to.path().join("c.duckdb"), copy.tree.path().join("var/c.duckdb")).unwrap();
    let (again, _) = copy.take(&candles(DuckdbForm::Export), &[]).unwrap();
    assert_eq!(again.tables, captured.tables);
    let mut holder = Command::new(venv().join("duckdb"))
        .args(["-no-init", "var/c.duckdb"])
        .current_dir(folders.tree.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // It has the lock once it has written a file. What it prints would wait in its buffer.
    use std::io::Write as _;
    let mut input = holder.stdin.take().unwrap();
    input.write_all(b"CREATE TABLE held (x INT); COPY (SELECT 1) TO 'held.csv';\n").unwrap();
    let started = std::time::Instant::now();
    while !folders.tree.path().join("held.csv").exists() {
        assert!(started.elapsed().as_secs() < 60, "it never took the lock");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let to = Folders { to: tempfile::tempdir().unwrap(), tree: folders.tree };
    let refused = to.take(&candles(DuckdbForm::Export), &[]).unwrap_err().to_string();
    drop(input);
    holder.wait().unwrap();
    assert!(refused.contains("Could not set lock"), "{refused}");
}

#[test]
fn a_program_is_captured_by_what_it_prints_or_by_what_it_leaves() {
    let folders = Folders::new();
    let order = |script: &str| Order {
        program: ["sh", "-c", script].map(str::to_owned).to_vec(),
        time_limit_s: 60,
        variables: vec!["PATH".into(), "NAME".into()],
    };
    let command = |script, output| capture(Source::Command { order: order(script), output });
    let (captured, bytes) = folders
        .take(&command("echo \"$NAME|$OTHER\"", Output::Stdout), &[("NAME", "n"), ("OTHER", "o")])
        .unwrap();
    assert_eq!((captured.form, &*bytes), (Form::Parts, b"n|\n".as_slice()));
    let script = "mkdir \"$ATTESTAR_CAPTURE/in\" && echo x > \"$ATTESTAR_CAPTURE/in/file\"";
    let (captured, _) = folders.take(&command(script, Output::Folder), &[]).unwrap();
    assert_eq!(captured.form, Form::Folder);
    assert_eq!(fs::read_to_string(folders.to.path().join("in/file")).unwrap(), "x\n");
    let failed =
        folders.take(&command("echo half; echo 'disk gone' >&2; exit 1", Output::Stdout), &[]).unwrap_err();
    assert_eq!(failed.to_string(), "sh: disk gone");
}
