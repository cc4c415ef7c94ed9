//! Backups: captured, packed, put into a store, logged; and back again.

use crate::postgres::Postgres;
use crate::world::{World, everything_in};
use attestar::keys::home::Home;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::recipient::Recipient;
use attestar::keys::signing::SigningKey;
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::policy::Policy;
use attestar::policy::rules::Source;
use attestar::store::directory::Directory;
use attestar::verbs::backup::{BackedUp, Done, Request, backup};
use jiff::Timestamp;
use std::fs;
use std::path::Path;
use std::process::Command;

pub const NIGHT: &str = "2026-11-20T01:00:02Z";

/// Backs the world's tree up into `store/` at a moment.
pub fn back_up(world: &World, policy: &str, moment: &str) -> attestar::Result<BackedUp> {
    match back_up_upon(world, policy, moment, None)? {
        Done::Stored(made) => Ok(*made),
        Done::Unchanged(_) => panic!("nothing is remembered that it could be compared with"),
    }
}

/// The same of a host that remembers, in this folder, what it read before.
pub fn back_up_upon(
    world: &World,
    policy: &str,
    moment: &str,
    cache: Option<&Path>,
) -> attestar::Result<Done> {
    let home = Home::new(world.home());
    let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
    let trust = home.trust().unwrap();
    let now: Timestamp = moment.parse().unwrap();
    let watch = Watch::default();
    let place = world.path().join("store");
    fs::create_dir_all(&place).unwrap();
    let store = Directory::open(&place, &watch)?;
    let state = State { folder: None, now };
    let log = Log { store: &store, trust: &trust, origin: Some("nightly") };
    let writer = Writer { log, origin: "nightly", key: &key, state: &state };
    let path = std::env::var_os("PATH");
    let environment = |name: &str| (name == "PATH").then(|| path.clone()).flatten();
    let policy = Policy::parse(Source::File("attestar.toml".into()), policy)?;
    let request = Request {
        root: &world.tree(),
        policy: &policy,
        key: &key,
        recipients: &Recipient::load_file(&home.recipient()).unwrap(),
        secrets: &[],
        excluded: &[],
        scratch: &world.path().join("scratch"),
        cache,
        full: false,
        store: &store,
        log: &writer,
        clock: &|| now,
        environment: Some(&environment),
        threads: 2,
    };
    backup(&request, &watch)
}

pub const POLICY: &str =
    "schema = 1\n[project]\nname = \"nightly\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n";

fn sqlite(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn files_and_databases_come_back_from_the_store_with_modes_and_times() {
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE ledger");
    server.run("ledger", "CREATE TABLE t (x INT, y TEXT); INSERT INTO t SELECT n, repeat('ab', 40) FROM generate_series(1, 2000) n");
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    world.write("a-b/c.txt", "x");
    world.write("zz/last.bin", crate::world::noise(9_000_000));
    fs::create_dir(world.tree().join("var")).unwrap();
    sqlite(
        &world.tree().join("var/app.db"),
        "PRAGMA journal_mode = WAL; CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)",
    );
    let script = "[[capture]]\nid = \"queue\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"head -c 70000000 /dev/zero\"]\nvariables = [\"PATH\"]\n";
    let captures = format!(
        "[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n{script}\
         [[capture]]\nid = \"ledger\"\nkind = \"postgres\"\ndsn = \"{}\"\n",
        server.dsn("ledger")
    );
    let made = back_up(&world, &format!("{POLICY}{captures}"), NIGHT).unwrap();
    assert_eq!(made.archive, "nightly-20261120T010002Z.tar.zst.age");
    assert_eq!((made.logged.size, made.logged.added), (1, 1));
    let kinds: Vec<&str> = made.pack.captures.iter().map(|captured| captured.kind.as_str()).collect();
    assert_eq!(kinds, ["sqlite", "command", "postgres"]);
    assert_eq!(everything_in(&world.path().join("scratch")), []);
    let archive = world.path().join("store/archives").join(&made.archive);
    let (archive, identity) = (archive.to_str().unwrap().to_owned(), world.home().join("identity.age"));
    let identity = identity.to_str().unwrap();
    world.run(&["verify", &archive, "--identity", identity]).done();
    world.run(&["restore", &archive, "--to", "back", "--identity", identity]).done();
    let back = world.path().join("back");
    assert_eq!(
        fs::read(back.join("zz/last.bin")).unwrap(),
        fs::read(world.tree().join("zz/last.bin")).unwrap()
    );
    let parts: Vec<_> = ["part-00001", "part-00002"]
        .map(|part| fs::metadata(back.join("captures/queue").join(part)).unwrap().len())
        .to_vec();
    assert_eq!(parts, [64 << 20, 70_000_000 - (64 << 20)]);
    let dump = fs::read(back.join("captures/ledger/part-00001")).unwrap();
    assert!(dump.starts_with(b"PGDMP"));
    let list = Command::new("pg_restore")
        .args(["--list"])
        .arg(back.join("captures/ledger/part-00001"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).contains("TABLE DATA public t"));
    let rows: i64 = rusqlite::Connection::open(back.join("captures/app/app.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM a", (), |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 2);
    assert!(
        !back.join("var/app.db").exists() && !back.join("var/app.db-wal").exists(),
        "a captured file is not copied too"
    );
    let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(modified(&back.join("etc/app.conf")), modified(&world.tree().join("etc/app.conf")));
}

#[test]
fn what_lies_beside_a_database_that_a_link_leads_to_is_not_copied() {
    let world = World::new();
    world.write("var/other-wal", "x");
    let app = rusqlite::Connection::open(world.tree().join("var/real.db")).unwrap();
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE a (x); INSERT INTO a VALUES (1)").unwrap();
    std::os::unix::fs::symlink("real.db", world.tree().join("var/app.db")).unwrap();
    let capture = "[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n";
    let made = back_up(&world, &format!("{POLICY}{capture}"), NIGHT).unwrap();
    assert!(world.tree().join("var/real.db-wal").exists(), "it is in use");
    world.run(&["restore", &format!("store/archives/{}", made.archive), "--to", "back"]).done();
    let back = world.path().join("back");
    assert_eq!(crate::world::names_in(&back.join("var")), ["other-wal"]);
    assert_eq!(crate::world::names_in(&back.join("captures/app")), ["app.db"]);
}

#[test]
fn a_capture_that_fails_fails_the_backup_and_leaves_nothing() {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    back_up(&world, POLICY, NIGHT).unwrap();
    let before = everything_in(&world.path().join("store"));
    for (capture, complaint) in [
        ("kind = \"sqlite\"\npath = \"var/none.db\"", "the capture `x` failed: "),
        (
            "kind = \"command\"\nrun = [\"sh\", \"-c\", \"echo half; echo gone >&2; exit 4\"]\nvariables = [\"PATH\"]",
            "the capture `x` failed: sh: gone",
        ),
        (
            "kind = \"command\"\nrun = [\"true\"]\nvariables = [\"PATH\"]",
            "the capture `x` failed: it gave nothing",
        ),
        (
            "kind = \"command\"\nrun = [\"true\"]\nvariables = [\"PATH\"]\noutput = \"folder\"",
            "the capture `x` failed: it gave nothing",
        ),
        (
            "kind = \"command\"\nrun = [\"sleep\", \"60\"]\nvariables = [\"PATH\"]\ntime_limit = \"1s\"",
            "the capture `x` failed: sleep: it did not end within 1 s",
        ),
        ("kind = \"postgres\"\ndsn = \"host=/nowhere user=a dbname=b\"", "the capture `x` failed: psql: "),
    ] {
        let policy = format!("{POLICY}[[capture]]\nid = \"x\"\n{capture}\n");
        let error = back_up(&world, &policy, "2026-11-21T01:00:02Z").map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(complaint), "{error}");
        assert_eq!(everything_in(&world.path().join("store")), before, "{capture}");
        assert_eq!(everything_in(&world.path().join("scratch")), []);
    }
}

#[test]
fn a_database_alone_is_a_backup_and_a_tree_of_nothing_is_none() {
    let world = World::new();
    let error = back_up(&world, POLICY, NIGHT).map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, attestar::Error::Refused(found) if found[0].code.as_str() == "nothing-selected")
    );
    let program = "[[capture]]\nid = \"x\"\nkind = \"command\"\nvariables = [\"PATH\"]\n";
    let policy = format!("{POLICY}{program}run = [\"echo\", \"one\"]\n");
    let made = back_up(&world, &policy, NIGHT).unwrap();
    assert_eq!((made.pack.payload.files, made.warnings[0].code.as_str()), (1, "nothing-selected"));
    // A name that no pack can hold is told, not left out.
    let script = r#"run = ["sh", "-c", 'echo x > "$ATTESTAR_CAPTURE/a"; touch "$ATTESTAR_CAPTURE/$(printf "b\\nc")"']"#;
    let policy = format!("{POLICY}{program}output = \"folder\"\n{script}\n");
    let error = back_up(&world, &policy, NIGHT).map(|_| ()).unwrap_err();
    assert!(matches!(&error, attestar::Error::Refused(_)), "{error}");
    assert_eq!(everything_in(&world.path().join("scratch")), []);
}

#[test]
fn two_backups_of_one_second_have_two_names() {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    let first = back_up(&world, POLICY, NIGHT).unwrap();
    let second = back_up(&world, POLICY, NIGHT).unwrap();
    assert_eq!(first.pack.version, "20261120T010002Z");
    assert_eq!(second.pack.version, "20261120T010002Z-0001");
    assert_eq!(second.logged.size, 2);
}

#[test]
fn an_archive_that_a_killed_run_did_not_log_is_logged_by_the_next() {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    back_up(&world, POLICY, NIGHT).unwrap();
    // The second night's archive and receipt, but neither its event nor its leaf.
    let [store, aside] = ["store", "aside"].map(|name| world.path().join(name));
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&store, &aside);
    let second = back_up(&world, POLICY, "2026-11-21T01:00:02Z").unwrap();
    fs::rename(&store, world.path().join("whole")).unwrap();
    fs::rename(&aside, &store).unwrap();
    fs::remove_dir_all(store.join("archives")).unwrap();
    copy(&world.path().join("whole/archives"), &store);
    let third = back_up(&world, POLICY, "2026-11-22T01:00:02Z").unwrap();
    let said: Vec<(&str, &str)> =
        third.warnings.iter().map(|finding| (finding.code.as_str(), &*finding.subject)).collect();
    assert_eq!(said, [("adopted", &*second.pack.name)]);
    assert_eq!(third.logged.size, 3);
    let store = store.to_str().unwrap().to_owned();
    world
        .run(&["log", "verify", "--store", &store, "--first"])
        .done()
        .says("3 archives: none without a leaf");
    let fourth = back_up(&world, POLICY, "2026-11-23T01:00:02Z").unwrap();
    assert!(fourth.warnings.is_empty(), "once is enough: {:?}", fourth.warnings);
    // What has no valid receipt is not adopted.
    let archives = world.path().join("store/archives");
    fs::copy(archives.join(&fourth.archive), archives.join("nightly-1.tar.zst.age")).unwrap();
    let receipt = format!("{}.sigstore.json", fourth.archive);
    fs::copy(archives.join(receipt), archives.join("nightly-1.tar.zst.age.sigstore.json")).unwrap();
    let fifth = back_up(&world, POLICY, "2026-11-24T01:00:02Z").unwrap();
    assert_eq!((fifth.warnings.len(), fifth.logged.size), (0, 5));
    world.run(&["log", "verify", "--store", &store]).exits(3).tells("not-logged");
}

#[test]
fn a_tree_with_captures_of_its_own_is_refused() {
    let world = World::new();
    world.write("captures/old.txt", "x");
    let policy = format!("{POLICY}[[capture]]\nid = \"x\"\nkind = \"command\"\nrun = [\"true\"]\n");
    let error = back_up(&world, &policy, NIGHT).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("captured databases go to captures/"), "{error}");
    assert!(!world.path().join("store/archives").exists());
}

#[test]
fn the_store_of_the_policy_is_never_payload_whichever_store_is_backed_up_to() {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}[store]\nurl = \"nights\"\n"));
    for store in [&[][..], &["--store", "second"], &["--store", "shop/third"]] {
        let said = world.run(&[&["-C", "shop", "--json", "backup"], store].concat()).done().json();
        assert_eq!(said["payload"]["files"], 2, "{store:?}: {said:#}");
    }
    assert!(world.tree().join("nights/archives").exists() && world.tree().join("third/archives").exists());
}

#[test]
fn the_command_backs_up_into_the_store_of_the_policy() {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    fs::create_dir(world.tree().join("var")).unwrap();
    sqlite(&world.tree().join("var/app.db"), "CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)");
    let capture = "[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n";
    world.write("attestar.toml", format!("{POLICY}{capture}[store]\nurl = \"../nights\"\n"));
    let tree = world.tree();
    let tree = tree.to_str().unwrap();
    let said = world.run(&["-C", tree, "backup"]).done();
    said.says("app         sqlite: 1 table, 2 rows");
    let said = world.run(&["-C", tree, "--json", "backup", "--full"]).done().json();
    assert_eq!((said["captures"][0]["rows"].as_u64(), said["log_size"].as_u64()), (Some(2), Some(2)));
    let name = said["name"].as_str().unwrap();
    let identity = world.home().join("identity.age");
    let nights = world.path().join("nights");
    let [identity, nights] = [&identity, &nights].map(|path| path.to_str().unwrap().to_owned());
    world.run(&["verify", name, "--store", &nights, "--identity", &identity]).done();
    world.run(&["restore", name, "--store", &nights, "--identity", &identity, "--to", "back"]).done();
    assert!(world.path().join("back/captures/app/app.db").is_file());
    world.run(&["log", "verify", "--store", &nights]).done();
    // An archive that is gone shows.
    fs::remove_file(Path::new(&nights).join("archives").join(said["archive"].as_str().unwrap())).unwrap();
    world.run(&["log", "verify", "--store", &nights]).exits(3).says("missing");
    world.write("attestar.toml", POLICY);
    world.run(&["-C", tree, "backup"]).exits(2).complains("no store was named");
}
