//! Trees that do not hold still, names that no pack can hold, runs that are killed: the next run just works.

use crate::world::{World, everything_in, noise};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const POLICY: &str = "schema = 1\n[project]\nname = \"nightly\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n[store]\nurl = \"../store\"\n[backup]\n";

fn world(options: &str) -> World {
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}{options}\n"));
    world.write("etc/app.conf", "port = 1\n");
    world
}

fn backup(world: &World, flags: &[&str]) -> crate::world::Said {
    let tree = world.tree();
    world.run(&[&["-C", tree.to_str().unwrap(), "--json", "backup"], flags].concat())
}

/// Runs something while a file of the tree is written again and again.
fn while_it_changes<T>(path: &Path, change: impl Fn(&File, u64) + Sync, run: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(path).unwrap();
            let mut number = 0;
            while !done.load(Relaxed) {
                change(&file, number);
                number += 1;
            }
        });
        let came = run();
        done.store(true, Relaxed);
        came
    })
}

fn codes(document: &Value) -> Vec<String> {
    let text = |finding: &Value| {
        format!("{} {}", finding["code"].as_str().unwrap(), finding["subject"].as_str().unwrap())
    };
    document["warnings"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn a_large_file_that_changes_is_kept_torn_and_said() {
    let world = world("");
    world.write("var/big.bin", noise(48 << 20));
    let path = world.tree().join("var/big.bin");
    let change = |file: &File, number: u64| {
        file.write_all_at(&number.to_le_bytes(), (number * 4096) % (40 << 20)).unwrap()
    };
    let document = while_it_changes(&path, change, || backup(&world, &[]).done().json());
    assert_eq!(codes(&document), ["file-torn var/big.bin"]);
    let name = document["name"].as_str().unwrap();
    world.run(&["verify", name, "--store", "store"]).done();
    world.run(&["restore", name, "--store", "store", "--to", "back"]).done();
    assert_eq!(fs::metadata(world.path().join("back/var/big.bin")).unwrap().len(), 48 << 20);
    // It is read again by the next one, and whole then.
    let document = backup(&world, &[]).done().json();
    assert_eq!((document["result"].as_str(), codes(&document).len()), (Some("incremental"), 0), "{document}");
    fs::remove_dir_all(world.path().join("back")).unwrap();
    world.run(&["restore", document["name"].as_str().unwrap(), "--store", "store", "--to", "back"]).done();
    assert_eq!(fs::read(world.path().join("back/var/big.bin")).unwrap(), fs::read(path).unwrap());
}

#[test]
fn a_file_that_shrinks_and_grows_is_kept_at_the_size_that_it_had() {
    let world = world("");
    world.write("var/big.bin", noise(48 << 20));
    let path = world.tree().join("var/big.bin");
    let change = |file: &File, number: u64| {
        file.set_len(if number.is_multiple_of(2) { 12 << 20 } else { 48 << 20 }).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    };
    let document = while_it_changes(&path, change, || backup(&world, &[]).done().json());
    assert_eq!(codes(&document), ["file-torn var/big.bin"]);
    let name = document["name"].as_str().unwrap();
    world.run(&["verify", name, "--store", "store"]).done();
    world.run(&["restore", name, "--store", "store", "--to", "back"]).done();
    let size = fs::metadata(world.path().join("back/var/big.bin")).unwrap().len();
    assert!([12 << 20, 48 << 20].contains(&size), "{size}");
}

#[test]
fn where_the_policy_refuses_what_changes_there_is_no_backup() {
    let world = world("on_change = \"refuse\"");
    world.write("var/big.bin", noise(48 << 20));
    let path = world.tree().join("var/big.bin");
    let change = |file: &File, number: u64| file.write_all_at(&number.to_le_bytes(), 0).unwrap();
    let said = while_it_changes(&path, change, || backup(&world, &[]));
    said.exits(1).tells("file-changing");
    let left = everything_in(&world.path().join("store"));
    assert!(
        left.iter().all(|(path, size)| *size == 0 || !path.starts_with(world.path().join("store/archives"))),
        "{left:?}"
    );
    assert_eq!(
        everything_in(&world.path().join("store/incoming")).iter().filter(|(_, size)| *size > 0).count(),
        0
    );
    assert!(!world.path().join("store/log/checkpoint").exists());
    assert_eq!(backup(&world, &[]).done().json()["result"], "full");
}

#[test]
fn a_name_that_no_pack_can_hold_is_refused_or_left_out() {
    for (options, code) in [("", 4), ("on_bad_name = \"skip\"", 0)] {
        let world = world(options);
        for name in [&b"line\nbreak"[..], b"not-\xff-text"] {
            fs::write(world.tree().join(OsStr::from_bytes(name)), "x").unwrap();
        }
        let said = backup(&world, &[]).exits(code);
        if code != 0 {
            said.tells("name-refused");
            assert!(!world.path().join("store/archives").exists());
            continue;
        }
        let document = said.json();
        assert_eq!(codes(&document), ["name-refused line\\nbreak", "name-refused not-\\xff-text"]);
        assert_eq!(document["payload"]["files"], 2, "both are left out: {document}");
        world.run(&["verify", document["name"].as_str().unwrap(), "--store", "store"]).done();
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_costs_nothing_but_its_time() {
    let world = world("");
    world.write("var/big.bin", noise(9 << 20));
    let first = backup(&world, &[]).done().json();
    let mut killed = 0;
    for round in 0..8 {
        world.write("var/big.bin", noise((9 << 20) + round));
        let tree = world.tree();
        let mut command = world.command(&["-C", tree.to_str().unwrap(), "backup"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + 30 * round as u64));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // What is there has a receipt or none, but it is whole; what was there before is.
        world.run(&["verify", first["name"].as_str().unwrap(), "--store", "store"]).done();
    }
    assert!(killed > 2, "some were killed: {killed}");
    // Whichever of them left something, the next one removed it; here is one more.
    let left = world.home().join("state/scratch/.attestar-run-dead");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    let document = backup(&world, &[]).done().json();
    let said = codes(&document);
    assert!(said.iter().all(|said| said.starts_with("cleaned ") || said.starts_with("adopted ")), "{said:?}");
    assert!(said.iter().any(|said| said.contains("scratch")), "{said:?}");
    let name = document["name"].clone();
    world.run(&["verify", name.as_str().unwrap(), "--store", "store"]).done();
    world.run(&["restore", name.as_str().unwrap(), "--store", "store", "--to", "back"]).done();
    assert_eq!(
        fs::read(world.path().join("back/var/big.bin")).unwrap(),
        fs::read(world.tree().join("var/big.bin")).unwrap()
    );
    world.run(&["log", "verify", "--store", "store"]).done();
    assert!(everything_in(&world.home().join("state/scratch")).is_empty());
}

#[test]
fn two_runs_at_once_are_two_backups_or_one_and_its_echo() {
    let world = world("");
    world.write("var/data.bin", noise(2 << 20));
    backup(&world, &[]).done();
    world.write("var/data.bin", noise((2 << 20) + 1));
    let tree = world.tree();
    let start = || {
        let mut command = world.command(&["-C", tree.to_str().unwrap(), "--json", "backup"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both: Vec<_> =
        [start(), start()].into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let done = both.iter().filter(|output| output.status.success()).count();
    assert_eq!(done, 2, "whoever's name is taken takes another: {both:?}");
    let document = backup(&world, &[]).done().json();
    world.run(&["verify", document["name"].as_str().unwrap(), "--store", "store"]).done();
    world.run(&["log", "verify", "--store", "store"]).done();
}

#[test]
fn what_was_left_is_told_also_where_the_tree_is_looked_at_twice() {
    // What vanishes while a capture is taken is gone when its turn comes, and the backup begins anew.
    let vanish = "[[capture]]\nid = \"queue\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"rm -f zz.txt; echo x >> runs; cat runs\"]\nvariables = [\"PATH\"]";
    let world = world(vanish);
    world.write("zz.txt", "x");
    let dead = world.home().join("state/scratch/.attestar-run-dead");
    fs::create_dir_all(&dead).unwrap();
    let document = backup(&world, &[]).done().json();
    assert_eq!(fs::read_to_string(world.tree().join("runs")).unwrap(), "x\nx\n", "it was taken twice");
    assert_eq!(codes(&document), [format!("cleaned {}", dead.display())]);
    assert!(!dead.exists());
}

#[test]
fn a_cache_that_cannot_be_kept_is_said_and_the_backup_stands() {
    let world = world("");
    // The place of the folder is taken.
    fs::create_dir_all(world.home().join("state")).unwrap();
    fs::write(world.home().join("state/backups"), "").unwrap();
    let said = backup(&world, &[]);
    match said.code {
        0 => {
            let document = said.json();
            assert!(codes(&document).iter().any(|said| said.starts_with("cache-not-kept")));
            let why = document["warnings"][0]["actual"].as_str().unwrap();
            assert!(why.contains("File exists"), "{why}");
        }
        _ => panic!("{}", said.err),
    }
}
