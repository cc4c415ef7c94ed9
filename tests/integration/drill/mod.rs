//! Restore drills: of backups that are well, and of every fault that one must find.

mod clean;
mod clean_kinds;
mod confined;
mod databases;
mod faults;
mod host;
mod hostile_duckdb;
mod hostile_postgres;
mod hostile_sqlite;
mod late;
mod leftovers;
mod links;
mod measures;
mod night;
mod postgres_nights;
mod projects;
mod questions;
mod schema;
mod scratch_dsn;

use crate::forge::{Entry, Pack, Tar, encrypt, file, own_key, receipt};
use crate::world::{Said, World, said, with_venv};
use attestar::database::sqlite;
use attestar::format::capture::{CaptureKind, Captured, Form};
use attestar::format::drill_report::DrillReport;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::format::pack::Pack as PackJson;
use attestar::format::receipt::Receipt;
use attestar::format::statement::Statement;
use attestar::keys::home::Home;
use attestar::log::Log;
use attestar::log::append::{Record, Writer};
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every policy of these stories begins with.
pub const POLICY: &str = "schema = 1\n[project]\nname = \"nightly\"\n[store]\nurl = \"../store\"\n\
    [[include]]\nclass = \"data\"\npaths = [\"**\"]\nexclude = [\"attestar.toml\", \"drill/**\"]\n";

/// A capture of `var/app.db`, and a probe that asks for it.
pub const APP: &str = "[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n\
    [[probe]]\nid = \"app-opens\"\nkind = \"sqlite\"\ncapture = \"app\"\n";

/// DDL of this dialect under `ddl/`, and a probe of it, `schema`; with these keys of the probe besides.
pub fn ddl(dialect: &str, more: &str) -> String {
    let rule = format!(
        "[[include]]\nclass = \"ddl\"\npaths = [\"ddl/*.sql\"]\ndialect = \"{dialect}\"\n[[include]]"
    );
    let probe = format!("[[probe]]\nid = \"schema\"\nkind = \"ddl\"\ndialect = \"{dialect}\"\n{more}");
    format!("{}{probe}[drill]\nuser = \"nobody\"\n", POLICY.replacen("[[include]]", &rule, 1))
}

/// Tables that refer to each other, a view, an index.
pub const SCHEMA: &str = "CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT);\
    CREATE TABLE trades (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES owners (id), price REAL);\
    CREATE VIEW dear AS SELECT * FROM trades WHERE price > 10;\
    CREATE INDEX by_price ON trades (price);";

/// The same with rows in it.
pub fn database(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    connection
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) \
             INSERT INTO owners SELECT i, 'owner ' || i FROM n; \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
             INSERT INTO trades SELECT i, 1 + i % 20, i * 0.5 FROM n;",
        )
        .unwrap();
}

pub fn sql(path: &Path, statements: &str) {
    Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

/// A tree with files of several formats, a database, and this policy after [`POLICY`].
pub fn world(policy: &str) -> World {
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    world.write("etc/app.json", "{\"port\": 1}\n");
    world.write("etc/notes.txt", "a note\n");
    database(&world.tree().join("var/app.db"));
    world.write("attestar.toml", format!("{POLICY}{policy}"));
    world
}

/// `backup` of the tree.
#[track_caller]
pub fn back_up(world: &World) {
    world.run(&["-C", "shop", "backup"]).done();
}

/// `drill --json` in the tree.
pub fn drill(world: &World, flags: &[&str]) -> Said {
    said(drilling(world).args(flags).output().unwrap())
}

/// The same, not yet started: with a folder for scratches of its own, through which the user of a server can pass.
pub fn drilling(world: &World) -> Command {
    fs::create_dir_all(scratches(world)).unwrap();
    fs::set_permissions(world.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let mut command = world.command(&["-C", "shop", "--json", "drill", "--out", "drill"]);
    command.env("TMPDIR", scratches(world));
    command
}

pub fn scratches(world: &World) -> PathBuf {
    world.path().join("tmp")
}

/// The report that the last drill left.
pub fn report(world: &World) -> DrillReport {
    DrillReport::parse(&fs::read(world.path().join("drill/drill_report.json")).unwrap()).unwrap()
}

/// The drill fails with this exit code and this finding; the report says so, is signed and logged, and nothing of the scratch
/// is left.
#[track_caller]
pub fn fails(world: &World, code: i32, finding: &str) -> DrillReport {
    let said = drill(world, &[]).exits(code);
    let found = said.findings();
    let hit = found.iter().any(|found| found == finding || found.split(' ').next() == Some(finding));
    assert!(hit, "{found:?} instead of {finding}: {}{}", said.out, said.err);
    let report = report(world);
    assert_eq!(serde_json::to_value(report.result).unwrap(), "failed");
    let codes: Vec<&str> = report.findings.iter().map(|finding| &*finding.code).collect();
    assert!(codes.contains(&finding.split(' ').next().unwrap()), "{codes:?}");
    assert!(said.json()["log_size"].as_u64().is_some(), "a drill that failed is logged too");
    nothing_is_left(world);
    report
}

/// Of the scratches of all drills there is the folder of each user, and nothing in it: no file, no folder, no socket, no link.
#[track_caller]
pub fn nothing_is_left(world: &World) {
    let is_own = |path: &Path| {
        let user = path.strip_prefix(scratches(world)).ok()?.to_str()?.strip_prefix("attestar-")?;
        user.parse::<u32>().ok().filter(|_| path.is_dir() && !path.is_symlink())
    };
    let mut left: Vec<PathBuf> =
        crate::world::everything_in(&scratches(world)).into_iter().map(|(path, _)| path).collect();
    left.retain(|path| is_own(path).is_none());
    assert!(left.is_empty(), "{left:#?}");
}

/// What a capture of this database records.
pub fn facts(path: &Path) -> Captured {
    let connection = sqlite::open_copy(path).unwrap();
    let facts = sqlite::facts(&connection, path, u64::MAX, &Watch::default()).unwrap();
    Captured {
        id: "app".into(),
        kind: CaptureKind::Sqlite,
        form: Form::File("app.db".into()),
        tool: "SQLite".into(),
        server: None,
        database: None,
        schema_sha256: Some(facts.schema_sha256),
        tables: facts.tables,
        objects: facts.objects,
    }
}

/// Puts a backup into the store that the host itself signed and logged, so many hours ago: honest in every digest, whatever
/// it says of what was captured.
pub fn plant(world: &World, hours: i64, entries: Vec<Entry>, captures: Vec<Captured>) -> String {
    plant_at(world, Timestamp::now() - SignedDuration::from_hours(hours), entries, captures)
}

pub fn plant_at(world: &World, at: Timestamp, entries: Vec<Entry>, captures: Vec<Captured>) -> String {
    let at = Timestamp::from_second(at.as_second()).unwrap();
    let version = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut pack = Pack::named("nightly", &version, entries);
    pack.kind = Kind::Backup;
    let json = PackJson { captures, ..pack.json() };
    pack.tags.insert("pack.json".into(), json.to_bytes());
    let pack = pack.sealed(&own_key(world));
    let archive = encrypt(world, &Tar::of(&pack).container().bytes());
    let file = format!("{}.tar.zst.age", pack.name());
    let mut receipt = receipt(&pack, &file, &archive);
    (receipt.predicate.evaluated_at, receipt.predicate.created_at) = (at, at);
    put(world, &file, &archive, &receipt);
    pack.name()
}

/// Archive, receipt and leaf.
pub fn put(world: &World, file: &str, archive: &[u8], receipt: &Statement<Receipt>) {
    let place = world.path().join("store");
    fs::create_dir_all(place.join("archives")).unwrap();
    let bundle = own_key(world).sign_statement(receipt).to_bytes();
    fs::write(place.join("archives").join(file), archive).unwrap();
    fs::write(place.join("archives").join(format!("{file}.sigstore.json")), &bundle).unwrap();
    let said = &receipt.predicate;
    append(world, &[Record::of(What::BackedUp, &said.name, said, said.created_at, bundle)]);
}

pub fn append(world: &World, records: &[Record]) {
    let store = Directory::open(&world.path().join("store"), &Watch::default()).unwrap();
    let trust = Home::new(world.home()).trust().unwrap();
    let log = Log { store: &store, trust: &trust, origin: Some("nightly") };
    let state = State { folder: None, now: Timestamp::now() };
    Writer { log, origin: "nightly", key: &own_key(world), state: &state }.append(records).unwrap();
}

/// What the report says that this probe proves; nothing if it did not pass.
pub fn proven<'r>(report: &'r DrillReport, id: &str) -> Vec<&'r str> {
    let named = format!(" of {id} ");
    report.proves.iter().map(String::as_str).filter(|line| line.contains(&named)).collect()
}

/// Nothing follows from this probe, and the report says so with what became of it: `failed`, `did not run`.
#[track_caller]
pub fn proves_nothing(report: &DrillReport, id: &str, ended: &str) {
    assert_eq!(proven(report, id), [""; 0], "{id}");
    let told = format!("what {id} asks: it {ended}");
    assert!(report.does_not_prove.contains(&told), "{told}: {:#?}", report.does_not_prove);
}

/// Puts a script where a program of this name is looked for before any other; gives the PATH that says so.
pub fn stub(world: &World, name: &str, script: &str) -> OsString {
    let bin = world.path().join("stubs");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    let path = with_venv(std::env::var_os("PATH").unwrap_or_default());
    std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path))).unwrap()
}

/// Runs a program that must succeed.
pub fn sh(script: &str) {
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success(), "{script}");
}
