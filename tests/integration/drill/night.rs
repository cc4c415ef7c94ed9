//! The night of the incident: a fresh host with the store's address, an identity and a trust file.

use super::{APP, POLICY, back_up, database, facts, plant, plant_at, sh, world};
use crate::forge::file;
use crate::postgres::Postgres;
use crate::world::{World, said, venv, with_venv};
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A host with nothing but what the recovery kit has.
struct Fresh<'a> {
    lost: &'a World,
    home: std::path::PathBuf,
}

impl Fresh<'_> {
    fn new(lost: &World) -> Fresh<'_> {
        let home = lost.path().join("fresh");
        fs::create_dir(&home).unwrap();
        for file in ["identity.age", "trust.toml"] {
            fs::copy(lost.home().join(file), home.join(file)).unwrap();
        }
        // The trust file names keys beside it.
        sh(&format!("cp -r {}/trusted {}", lost.home().display(), home.display()));
        Fresh { lost, home }
    }

    fn restore(&self, flags: &[&str]) -> crate::world::Said {
        let store = self.lost.path().join("store");
        let (identity, trust) = (self.home.join("identity.age"), self.home.join("trust.toml"));
        let own = [
            "--json",
            "restore",
            "--store",
            store.to_str().unwrap(),
            "--identity",
            identity.to_str().unwrap(),
            "--trust",
            trust.to_str().unwrap(),
        ];
        let mut command = self.lost.command(&[&own[..], flags].concat());
        command.env("ATTESTAR_HOME", self.lost.path().join("empty"));
        said(command.output().unwrap())
    }
}

#[test]
fn the_newest_comes_back_on_a_fresh_host_and_says_what_to_type() {
    let world = world(APP);
    back_up(&world);
    let fresh = Fresh::new(&world);
    let document = fresh.restore(&["latest", "--to", "back", "--dry-run"]).done().json();
    assert!(document["target"].as_str().unwrap().starts_with("nightly-2"));
    assert!(!world.path().join("back").exists());
    fs::create_dir_all(world.path().join("volume/lost+found")).unwrap();
    let document = fresh.restore(&["latest", "--to", "volume"]).done().json();
    let step = &document["next"][0];
    assert_eq!((step["capture"].as_str(), step["kind"].as_str()), (Some("app"), Some("sqlite")));
    let run = step["run"][0].as_str().unwrap();
    assert!(run.starts_with("cp /") && run.ends_with("volume/captures/app/app.db app.db"), "{run}");
    assert!(world.path().join("volume/captures/app/app.db").is_file());
    let document = fresh.restore(&["latest", "--to", "some", "--path", "etc/*.toml"]).done().json();
    assert_eq!(
        (document["restored"]["files"].as_u64(), document["next"].as_array().unwrap().len()),
        (Some(1), 0)
    );
    // By the policy of the tree too, without a store's address.
    world
        .run(&["-C", "shop", "restore", "latest", "--to", "by-policy"])
        .done()
        .says("newest       nightly-2");
}

#[test]
fn an_earlier_night_is_named_by_its_time_and_a_future_one_does_not_win() {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    let path = world.path().join("app.db");
    database(&path);
    let night = |hours: i64, text: &str| {
        let entries = vec![file("captures/app/app.db", fs::read(&path).unwrap()), file("night.txt", text)];
        plant(&world, hours, entries, vec![facts(&path)])
    };
    let first = night(50, "first");
    let second = night(26, "second");
    let ahead = Timestamp::now() + SignedDuration::from_hours(48);
    plant_at(&world, ahead, vec![file("night.txt", "future")], Vec::new());
    let fresh = Fresh::new(&world);
    let document = fresh.restore(&["latest", "--to", "a"]).done().json();
    assert_eq!(document["target"], *second);
    assert_eq!(document["notes"][0]["code"], "future-dated");
    assert_eq!(fs::read_to_string(world.path().join("a/night.txt")).unwrap(), "second");
    let as_of = (Timestamp::now() - SignedDuration::from_hours(30)).to_string();
    let document = fresh.restore(&["latest", "--as-of", &as_of, "--to", "b"]).done().json();
    assert_eq!(document["target"], *first);
    fresh
        .restore(&["latest", "--as-of", "2020-01-01", "--to", "c"])
        .exits(1)
        .tells("has no backup of 2020-01-01T23:59:59Z or before");
    fresh.restore(&["latest", "--as-of", "soon", "--to", "c"]).exits(2).tells("--as-of cannot be");
    fresh.restore(&[&first, "--as-of", &as_of, "--to", "c"]).exits(2).tells("so does a name");
    // Who trusts nobody with a log is told whom to trust, and what goes without.
    let key = world.home().join("signing.pub");
    let by_key = ["restore", "latest", "--store", "store", "--to", "c", "--key", key.to_str().unwrap()];
    let said = world.run(&by_key).exits(3);
    assert!(said.err.contains("hint: --key trusts nobody with a log: --trust FILE"), "{}", said.err);
    let stranger = ["--to", "c", "--state", "stranger"];
    let mut unknown = world.command(&["restore", "latest", "--store", "store"]);
    let said = crate::world::said(unknown.args(stranger).env("ATTESTAR_HOME", "nobody").output().unwrap());
    assert!(said.exits(5).err.contains("name a backup instead of `latest`"));
    // What does not verify is not the newest: it is told.
    let archives = world.path().join("store/archives");
    let [one, two] = [&first, &second].map(|name| archives.join(format!("{name}.tar.zst.age")));
    fs::copy(one, two).unwrap();
    let said = fresh.restore(&["latest", "--to", "d"]).exits(3);
    assert!(said.findings().iter().any(|found| found.starts_with("altered")), "{}", said.out);
    assert!(!world.path().join("d").exists());
}

/// What a shell prints that runs these commands in a folder, as somebody pastes them.
fn pasted(folder: &Path, server: &Postgres, step: &serde_json::Value) {
    for line in step["run"].as_array().unwrap() {
        let line = line.as_str().unwrap();
        assert!(!line.contains(char::is_control), "one line, as it is printed: {line:?}");
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", line]).current_dir(folder);
        shell.env("PGHOST", server.host()).env("PGUSER", "owner");
        shell.env("PATH", with_venv(std::env::var_os("PATH").unwrap()));
        said(shell.output().unwrap()).done();
    }
}

#[test]
fn what_it_says_to_type_brings_every_database_back() {
    let (lost, fresh_server) = (Postgres::start(), Postgres::start());
    lost.run("postgres", "CREATE DATABASE ledger");
    // The fresh server has no such place.
    lost.run("postgres", "ALTER ROLE owner SET allow_in_place_tablespaces = on");
    lost.run("postgres", "CREATE TABLESPACE fast LOCATION ''");
    lost.run(
        "ledger",
        "CREATE ROLE \"odd 'role'\"; CREATE TABLE t (id INT PRIMARY KEY, x TEXT) TABLESPACE fast; ALTER TABLE t ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY p ON t TO \"odd 'role'\", pg_monitor USING (id > 3); \
         INSERT INTO t SELECT n, repeat('ab', n % 40) FROM generate_series(1, 2000) n; CREATE VIEW v AS SELECT * FROM t",
    );
    let dsn = lost.dsn("ledger");
    let world = world(&format!(
        "[[capture]]\nid = \"-app\"\nkind = \"sqlite\"\npath = \"var/-it's my $(app).db\"\n\
         [[capture]]\nid = \"-candles\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\n\
         [[capture]]\nid = \"-ledger\"\nkind = \"postgres\"\ndsn = \"{dsn}\"\n"
    ));
    let app = world.tree().join("var/-it's my $(app).db");
    fs::rename(world.tree().join("var/app.db"), &app).unwrap();
    let candles = "CREATE TABLE t (a INT, b TEXT); INSERT INTO t SELECT i, 'x' || i FROM range(3000) r(i); CREATE VIEW v AS SELECT b FROM t";
    let rows = "SELECT count(*), sum(a), max(b), (SELECT count(*) FROM v) FROM t";
    let duckdb = |folder: &Path, file: &str, sql: &str| {
        let mut command = Command::new(venv().join("duckdb"));
        said(command.args(["-no-init", "-csv", file, "-c", sql]).current_dir(folder).output().unwrap())
            .done()
            .out
    };
    duckdb(&world.tree().join("var"), "c.duckdb", candles);
    back_up(&world);
    let fresh = Fresh::new(&world);
    let to = "back 'up'\n\u{202e}$(id)";
    let document = fresh.restore(&["latest", "--to", to]).done().json();
    let steps = document["next"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    let here = world.path().join("here");
    fs::create_dir(&here).unwrap();
    steps.iter().for_each(|step| pasted(&here, &fresh_server, step));
    assert_eq!(facts(&here.join("-it's my $(app).db")).tables, facts(&app).tables);
    assert_eq!(duckdb(&here, "./-candles.duckdb", rows), duckdb(&world.tree().join("var"), "c.duckdb", rows));
    let ask = "SELECT count(*), sum(id), md5(string_agg(x, '' ORDER BY id)), (SELECT count(*) FROM v) FROM t";
    assert_eq!(fresh_server.run("-ledger", ask), lost.run("ledger", ask));
    // What the screen shows is what is run.
    let mut command = world.command(&["restore", "latest", "--store", "store", "--to", "again", "--dry-run"]);
    let screen = said(command.output().unwrap()).done().out;
    assert!(screen.contains("  createdb -T template0 -- -ledger\n"), "{screen}");
}

#[test]
fn a_mounted_volume_is_filled_whatever_it_lies_on() {
    let world = world(APP);
    back_up(&world);
    let attestar = env!("CARGO_BIN_EXE_attestar");
    // A disk of its own, one that was just made, and a folder of the same disk that is mounted there.
    for mount in
        ["-t tmpfs none volume", "-t tmpfs none volume && mkdir volume/lost+found", "--bind volume volume"]
    {
        let script = format!(
            "mkdir volume && mount {mount} && {attestar} restore latest --store store --to volume >&2 && \
             ls volume && test -f volume/etc/app.toml && umount volume; code=$?; rmdir volume 2>/dev/null || rm -r volume; exit $code"
        );
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]).current_dir(world.path());
        command.env("ATTESTAR_HOME", world.home());
        let said = said(command.output().unwrap()).done();
        assert!(said.out.contains("captures"), "{mount}: {}{}", said.out, said.err);
    }
    // One that holds something is left as it is.
    let script = format!(
        "mkdir volume && mount -t tmpfs none volume && echo mine > volume/mine && \
         {attestar} restore latest --store store --to volume; code=$?; ls -A volume; cat volume/mine; exit $code"
    );
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]).current_dir(world.path());
    command.env("ATTESTAR_HOME", world.home());
    let said = said(command.output().unwrap()).exits(1).tells("is not empty: there is mine in it");
    assert_eq!(said.out, "mine\nmine\n");
}
