//! Which rows of a table a drill reads in full: its id decides.

use super::confined::drill_with_unshare;
use super::databases::duckdb;
use super::{POLICY, back_up, report, stub};
use crate::world::{World, venv};
use std::fs;
use std::process::Command;

/// How the one table was sampled, in SQL, and which drill it was.
fn sampled(world: &World) -> (String, String) {
    let log = world.path().join("told");
    let _ = fs::remove_file(&log);
    let real = venv().join("duckdb");
    stub(
        world,
        "duckdb",
        &format!("printf '%s\\n' \"$@\" >> {}\nexec {} \"$@\"", log.display(), real.display()),
    );
    drill_with_unshare(world, "exit 1").done();
    let told = fs::read_to_string(log).unwrap();
    let samples: Vec<&str> = told.lines().filter(|line| line.contains("USING SAMPLE")).collect();
    assert_eq!(samples.len(), 1, "{told}");
    (samples[0].trim().to_owned(), report(world).drill_id)
}

/// What this statement gives.
fn seen(world: &World, statement: &str) -> String {
    let file = world.tree().join("var/c.duckdb");
    let attach = format!("ATTACH '{}' AS back (READ_ONLY)", file.display());
    let mut command = Command::new(venv().join("duckdb"));
    let ran =
        command.args(["-no-init", "-batch", "-jsonlines", "-c", &attach, "-c", statement]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let row: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(row["rows"], 50);
    row["seen"].as_str().unwrap().to_owned()
}

#[test]
fn another_drill_reads_other_rows_and_the_same_statement_the_same() {
    let world = World::new();
    duckdb(&world, "CREATE TABLE \"a b\" AS SELECT range i, 'x' || range s FROM range(20000)");
    let probe = "[[probe]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\nsample = 50\n";
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    back_up(&world);
    let ((one, id), (other, other_id)) = (sampled(&world), sampled(&world));
    for (statement, id) in [(&one, &id), (&other, &other_id)] {
        let seed = u32::from_str_radix(&id[..7], 16).unwrap();
        assert!(statement.contains(&format!("REPEATABLE ({seed})")), "{id}: {statement}");
    }
    assert_eq!(seen(&world, &one), seen(&world, &one));
    assert_ne!(seen(&world, &one), seen(&world, &other));
    let covered = "50 rows sampled in each, every value of them read";
    assert!(report(&world).proves.iter().any(|line| line.contains(covered)));
}

/// A stand-in that counts the rows of a sample and reads none of their values.
#[test]
fn rows_that_are_counted_and_not_read_are_no_sample() {
    let world = World::new();
    duckdb(&world, "CREATE TABLE t AS SELECT range i FROM range(90)");
    let probe = "[[probe]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\nsample = 50\n";
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    back_up(&world);
    let real = venv().join("duckdb");
    let lazy = "case \"$*\" in *'USING SAMPLE'*) echo '{\"rows\":50,\"seen\":null}'; exit 0;; esac";
    stub(&world, "duckdb", &format!("{lazy}\nexec {} \"$@\"", real.display()));
    let said = drill_with_unshare(&world, "exit 1").exits(3);
    assert_eq!(said.findings(), ["rows-differ var/c.duckdb: main.t", "not-confined duck"], "{}", said.out);
}
