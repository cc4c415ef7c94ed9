//! DDL that drops and creates by one name, in whatever order: what has to be there at the end is, and what has to be gone is
//! gone; in every dialect that is applied for real.

use super::{back_up, report};
use crate::world::{Said, World};
use attestar::format::drill_report::Ended;

const ALL: [&str; 3] = ["sqlite", "duckdb", "postgresql"];

fn drilled(dialect: &str, files: &[&str]) -> (World, Said) {
    let world = World::new();
    for (number, file) in files.iter().enumerate() {
        world.write(&format!("ddl/{}.sql", number + 1), file);
    }
    world.write("attestar.toml", super::ddl(dialect, ""));
    back_up(&world);
    let said = super::drill(&world, &[]);
    (world, said)
}

/// All of it holds, and so many objects were compared.
#[track_caller]
fn holds(dialect: &str, files: &[&str], objects: &str) {
    let (world, said) = drilled(dialect, files);
    assert_eq!(said.done().findings(), Vec::<String>::new(), "{dialect}: {files:?}");
    let report = report(&world);
    let told = super::proven(&report, "schema");
    assert!(told.len() == 1 && told[0].starts_with("the DDL of schema applies in its order"), "{told:?}");
    let checks = &report.probes[0].checks;
    let held = checks.iter().find(|check| check.name == "objects").unwrap();
    assert_eq!((held.status, &*held.actual), (Ended::Passed, objects), "{dialect}: {files:?}");
}

const A: &str = "CREATE TABLE a (x BIGINT PRIMARY KEY, y TEXT);\nCREATE INDEX by_y ON a (y);\n";

#[test]
fn a_drop_before_a_create_and_one_behind_it() {
    for dialect in ALL {
        let again =
            format!("DROP TABLE IF EXISTS a;\n{A}DROP TABLE a;\n{A}CREATE VIEW v AS SELECT x FROM a;\n");
        holds(dialect, &[&again], "3 objects");
        holds(dialect, &[A, "DROP INDEX by_y;\nDROP TABLE a;\n", A], "2 objects");
        holds(dialect, &[A, "CREATE TABLE b (x BIGINT);\nDROP TABLE b;\n"], "2 objects");
        holds(dialect, &["CREATE TABLE a (x BIGINT);\nALTER TABLE a RENAME TO b;\n"], "1 object");
    }
}

#[test]
fn what_reading_cannot_tell_is_no_alarm_and_is_said() {
    let dynamic = "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;\nCREATE TABLE b (x INT);\n";
    let (world, said) = drilled("postgresql", &[A, dynamic]);
    assert_eq!(said.done().findings(), Vec::<String>::new());
    let report = report(&world);
    let told = report.probes[0].checks.iter().find(|check| check.name == "what was not followed").unwrap();
    assert!(told.actual.starts_with("whether 2 objects should be there"), "{}", told.actual);
    assert!(report.does_not_prove.iter().any(|line| line.contains("what was not followed")));
}

#[test]
fn where_nothing_can_be_compared_nothing_passes() {
    let dynamic = "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;\n";
    let (world, said) = drilled("postgresql", &[A, dynamic]);
    assert_eq!(said.done().findings(), Vec::<String>::new());
    let report = report(&world);
    let objects = report.probes[0].checks.iter().find(|check| check.name == "objects").unwrap();
    assert_eq!(objects.status, Ended::Skipped, "{objects:?}");
    assert!(report.proves.iter().all(|line| !line.contains("0 objects")), "{:#?}", report.proves);
    assert!(report.does_not_prove.iter().any(|line| line.starts_with("what schema left out: objects: ")));
}

/// More text than an argument of a program may have, with strings that look like ends of statements and commands.
#[test]
fn a_long_file_applies_whole_and_one_that_cannot_be_told_is_no_fault_of_its() {
    let table = |number: usize| {
        format!(
            "CREATE TABLE t{number} (x BIGINT, note TEXT DEFAULT 'first; -- no comment\n.shell false\n{}');\n",
            "z".repeat(200)
        )
    };
    let file: String = (0..600).map(table).collect();
    assert!(file.len() > 140 << 10);
    holds("duckdb", &[&file, "CREATE INDEX i ON t599 (x);\n"], "601 objects");
    // The error of one in the middle is that of the file.
    let broken = file.replace("CREATE TABLE t300 ", "CREATE TABLE t299 ");
    let (_, said) = drilled("duckdb", &[&broken]);
    assert_eq!(said.exits(3).findings(), ["ddl-failed ddl/1.sql"]);
    let commands = file.replace("CREATE TABLE t300 ", ".bail off\nCREATE TABLE t300 ");
    let (_, said) = drilled("duckdb", &[&commands]);
    assert_eq!(said.exits(3).findings(), ["ddl-failed ddl/1.sql"]);
    let long = format!("CREATE TABLE a (x TEXT DEFAULT '{}');\n", "z".repeat(140 << 10));
    let (world, said) = drilled("duckdb", &[&long]);
    assert_eq!(said.exits(3).findings(), ["probe-failed schema"]);
    let why = report(&world).findings[0].actual.clone().unwrap();
    assert!(why.starts_with("ddl/1.sql: duckdb: a statement of 140.0 KiB, "), "{why}");
    super::proves_nothing(&report(&world), "schema", "failed");
}

#[test]
fn what_should_be_gone_and_what_should_be_there() {
    // A query with a function that drops: the files say that the table is there, and it is not.
    let sly = "CREATE FUNCTION sly() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN DROP TABLE b; RETURN 1; END $$;\nSELECT sly();\n";
    let (_, said) = drilled("postgresql", &[A, "CREATE TABLE b (x BIGINT);\n", sly]);
    assert_eq!(said.exits(3).findings(), ["object-missing b"]);
    // And one that makes again what was dropped.
    let sly = "CREATE FUNCTION sly() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE b (x INT); RETURN 1; END $$;\nSELECT sly();\n";
    let (_, said) = drilled("postgresql", &["CREATE TABLE b (x BIGINT);\nDROP TABLE b;\n", sly]);
    assert_eq!(said.exits(3).findings(), ["object-extra b"]);
}
