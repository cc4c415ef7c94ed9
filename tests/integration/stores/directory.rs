//! A store in a directory: what the disk and other processes do to it.

use super::{Place, arrive, name, names, suite, whole};
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use attestar::store::{Created, INCOMING, Store, Swapped, error_of};
use jiff::{Timestamp, ToSpan};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

impl Place for TempDir {
    fn open(&self, watch: &Watch) -> Box<dyn Store> {
        Box::new(Directory::open_or_create(&self.path().join("store"), watch).expect("a store"))
    }
}

fn empty() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(path: &Path) -> Directory {
    Directory::open(path, &Watch::default()).expect("a store")
}

#[test]
fn it_does_what_every_store_does() {
    suite::holds_for(|| Box::new(empty()));
}

#[test]
fn a_directory_that_is_not_there_is_no_store() {
    let dir = empty();
    assert!(Directory::open(&dir.path().join("store"), &Watch::default()).is_err());
    let unmounted = dir.path().join("disk/store");
    let error = Directory::open_or_create(&unmounted, &Watch::default()).err().expect("no disk there");
    assert!(error.to_string().contains("disk/store"), "{error}");
    assert!(!dir.path().join("disk").exists());
}

#[test]
fn links_lead_nowhere() {
    let (dir, elsewhere) = (empty(), empty());
    fs::write(elsewhere.path().join("secret"), "secret").unwrap();
    symlink(elsewhere.path(), dir.path().join("archives")).unwrap();
    symlink(elsewhere.path().join("secret"), dir.path().join("log")).unwrap();
    let store = open(dir.path());
    assert!(store.get(&name("archives/secret"), 100).is_err());
    assert!(store.get(&name("log"), 100).is_err());
    assert!(store.create(&name("archives/new"), b"new").is_err());
    assert!(arrive(&store, "archives/new", b"new").is_err());
    assert_eq!(store.create(&name("log"), b"new").unwrap(), Created::AlreadyThere);
    assert!(store.delete(&name("archives/secret")).is_err());
    let listing = store.list("").unwrap();
    assert_eq!((listing.entries, listing.foreign), (vec![], vec!["archives".to_owned(), "log".to_owned()]));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(dir.path().join(INCOMING)).unwrap().count(), 1, "the lock alone");
}

#[test]
fn an_incoming_folder_that_leads_elsewhere_is_not_followed() {
    let (dir, elsewhere) = (empty(), empty());
    symlink(elsewhere.path(), dir.path().join(INCOMING)).unwrap();
    let store = open(dir.path());
    assert!(store.create(&name("a"), b"a").is_err());
    assert!(store.sweep(Timestamp::MAX).is_err());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn what_others_put_there_is_said_and_left() {
    let dir = empty();
    fs::create_dir_all(dir.path().join("archives/.git")).unwrap();
    fs::write(dir.path().join("archives/a file"), "x").unwrap();
    fs::write(dir.path().join("archives/good"), "x").unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    let listing = open(dir.path()).list("").unwrap();
    assert_eq!(listing.foreign, ["archives/.git", "archives/a file"]);
    assert_eq!(listing.entries.len(), 1);
    assert!(dir.path().join("archives/a file").exists());
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_is_an_error() {
    let dir = empty();
    let store = open(dir.path());
    for (size, change) in [(2_000_000, 1_000_000), (1_000_000, 2_000_000)] {
        arrive(&store, "a", &vec![7; size]).unwrap();
        let mut reading = store.read(&name("a")).unwrap().unwrap();
        let mut bytes = vec![0; 1000];
        reading.read_exact(&mut bytes).unwrap();
        File::options().write(true).open(dir.path().join("a")).unwrap().set_len(change).unwrap();
        let error = error_of(reading.read_to_end(&mut bytes).unwrap_err(), store.place());
        assert!(error.to_string().ends_with("/a"), "{error}");
        assert!(store.delete(&name("a")).unwrap());
    }
}

#[test]
fn a_sweep_takes_the_old_and_the_dead_and_leaves_the_living() {
    let dir = empty();
    let store = open(dir.path());
    let mut living = store.arrive(&name("archives/living")).unwrap();
    living.write_all(b"alive").unwrap();
    fs::write(dir.path().join(INCOMING).join("dead.0123"), "dead").unwrap();
    let hour_ago = Timestamp::now() - 1.hour();
    assert_eq!(store.sweep(hour_ago).unwrap(), [""; 0]);
    assert_eq!(store.sweep(Timestamp::MAX).unwrap(), ["incoming/dead.0123"]);
    let left = fs::read_dir(dir.path().join(INCOMING)).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<String> =
        left.map(|name| name.into_string().unwrap()).filter(|name| name != ".lock").collect();
    assert!(matches!(&left[..], [one] if one.starts_with("living.")), "{left:?}");
    drop(living);
    assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

#[test]
fn a_lock_ends_with_its_process_and_its_file_stays() {
    let dir = empty();
    let store = open(dir.path());
    let Swapped::Swapped(seen) = store.swap(&name("a"), b"1", None).unwrap() else { panic!("it is new") };
    let lock = File::create(dir.path().join(INCOMING).join(".lock")).unwrap();
    lock.lock().unwrap();
    let watch = Watch::default();
    let waiting = Directory::open(dir.path(), &watch).unwrap();
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| waiting.swap(&name("a"), b"2", Some(&seen)));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!swapping.is_finished());
        drop(lock);
        assert_ne!(swapping.join().unwrap().unwrap(), Swapped::Changed);
    });
    assert_eq!(names(&store, ""), ["a"]);
    assert_eq!(whole(&store, "a").unwrap().unwrap(), b"2");
}
