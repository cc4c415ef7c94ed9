//! What happens to the machine under a store in a directory: a disk that is full, a process that is killed. The test runs
//! itself again, in a place or until a moment of its own.

use super::{arrive, name, names, whole};
use crate::world::noise;
use attestar::format::digest::Sha256;
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use attestar::store::{Created, INCOMING, Store, error_of};
use jiff::Timestamp;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Where the run that is started by the test works.
const STORE: &str = "ATTESTAR_TEST_STORE";

/// What it says once something is there.
const ARRIVED: &str = "the first one arrived";

/// How often it is killed, and how often at most, until one was killed in the midst of an arrival.
const ROUNDS: u64 = 10;
const ROUNDS_MAX: u64 = 60;

fn again(test: &str) -> String {
    let program = std::env::current_exe().expect("this test").display().to_string();
    format!("{program} --exact stores::host::{test} --nocapture")
}

fn given() -> Option<PathBuf> {
    std::env::var_os(STORE).map(PathBuf::from)
}

fn open(path: &Path) -> Directory {
    Directory::open(path, &Watch::default()).expect("a store")
}

/// What lies in `incoming/` beside the lock.
fn leftovers(path: &Path) -> Vec<String> {
    let Ok(found) = fs::read_dir(path.join(INCOMING)) else { return Vec::new() };
    let names = found.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != ".lock").collect()
}

#[test]
fn a_full_disk_leaves_nothing() {
    if let Some(path) = given() {
        return on_a_disk_of_one_mebibyte(&path);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display();
    let script = format!("mount -t tmpfs -o size=1m none {path} && {}", again("a_full_disk_leaves_nothing"));
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]).env(STORE, dir.path());
    let output = command.output().expect("unshare (util-linux) starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

fn on_a_disk_of_one_mebibyte(path: &Path) {
    let store = open(path);
    assert_eq!(store.create(&name("archives/old"), &noise(400_000)).unwrap(), Created::Created);
    let long = noise(2_000_000);
    let mut arrival = store.arrive(&name("archives/new")).unwrap();
    let error = error_of(arrival.write_all(&long).expect_err("it does not fit"), store.place());
    assert!(error.hint().contains("free some space"), "{error}: {}", error.hint());
    drop(arrival);
    assert!(store.create(&name("archives/new"), &long).is_err());
    assert!(store.swap(&name("archives/new"), &long, None).is_err());
    assert_eq!(names(&store, ""), ["archives/old"]);
    assert_eq!(leftovers(path), [""; 0]);
    assert_eq!(arrive(&store, "archives/new", &noise(400_000)).unwrap(), Created::Created, "what fits does");
    assert!(whole(&store, "archives/old").unwrap().unwrap() == noise(400_000));
}

#[test]
fn a_process_that_is_killed_at_any_moment_leaves_whole_objects_and_no_lock() {
    if let Some(path) = given() {
        return work_for_ever(&path);
    }
    let dir = tempfile::tempdir().unwrap();
    let script = again("a_process_that_is_killed_at_any_moment_leaves_whole_objects_and_no_lock");
    let (mut arrived, mut swept) = (0, 0);
    for round in 0..ROUNDS_MAX {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {script}")]).env(STORE, dir.path());
        let mut worker =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the test starts again");
        at_work(&mut worker);
        thread::sleep(Duration::from_millis(1 + 7 * round));
        kill(worker);
        let store = open(dir.path());
        let archives = names(&store, "archives");
        for archive in &archives {
            let bytes = whole(&store, archive).unwrap().expect("it was listed");
            assert!(
                archive.ends_with(&Sha256::of(&bytes).to_string()),
                "{archive} has {} bytes",
                bytes.len()
            );
        }
        assert!(archives.len() > arrived, "nothing is lost, and something came");
        arrived = archives.len();
        let checkpoint = whole(&store, "log/checkpoint").unwrap().unwrap_or(b"0".to_vec());
        assert!(String::from_utf8(checkpoint).unwrap().parse::<usize>().unwrap() <= arrived);
        swept += store.sweep(Timestamp::MAX).unwrap().len();
        assert_eq!(leftovers(dir.path()), [""; 0]);
        if round + 1 >= ROUNDS && arrived > 10 && swept > 0 {
            return;
        }
    }
    panic!("{arrived} arrived, {swept} were swept: the moments were all alike");
}

/// Waits until the worker has said that something arrived.
fn at_work(worker: &mut Child) {
    let said = worker.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(said).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains(ARRIVED))), "it ended before");
}

fn kill(mut worker: Child) {
    worker.kill().expect("it runs until it is killed");
    worker.wait().expect("it ended");
}

/// Archives whose name is their digest, and a checkpoint that counts them.
fn work_for_ever(path: &Path) {
    let store = open(path);
    let begin = names(&store, "archives").len();
    for count in begin + 1.. {
        let bytes = noise(100_000 + count);
        let archive = format!("archives/{count}-{}", Sha256::of(&bytes));
        assert_eq!(arrive(&store, &archive, &bytes).unwrap(), Created::Created);
        if count == begin + 1 {
            println!("{ARRIVED}");
        }
        let seen = store.get(&name("log/checkpoint"), 100).unwrap().map(|(_, seen)| seen);
        store.swap(&name("log/checkpoint"), count.to_string().as_bytes(), seen.as_ref()).unwrap();
    }
}
