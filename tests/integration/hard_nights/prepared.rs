//! A host of the program and its store after some nights, as often as one likes; and what must hold after a fault in the next.

use super::host::Host;
use super::syscalls::{Call, Driver, Ended, What};
use super::{attestar, change, copy_folder, newest, store};
use crate::world::names_in;
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use jiff::Timestamp;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a backup writes to: the store, and what the host remembers.
pub(super) const FOLDERS: [&str; 2] = ["disk", "home/state"];

/// What it reads.
const TREE: &str = "shop";

/// Set, every point of a test is tried, and not a share of them.
const WHOLE: &str = "ATTESTAR_TEST_WHOLE";

pub(super) struct Prepared {
    pub(super) host: Host,
    pub(super) driver: Driver,
    /// The archives of the nights so far; the number of a night is its place.
    pub(super) names: Vec<String>,
    /// Whether something changes in the next one.
    changes: bool,
}

impl Prepared {
    /// After so many nights; the next one finds that something changed, or that nothing did.
    pub(super) fn after(nights: usize, changes: bool) -> Prepared {
        let host = Host::new();
        for folder in ["disk", "kept"] {
            fs::create_dir(host.world.path().join(folder)).unwrap();
        }
        let mut names = Vec::new();
        for night in 0..nights {
            change(&host.world, night);
            assert!(attestar(&host.world, &["backup", "-q"]).status().unwrap().success());
            names.push(newest(&host.world));
        }
        let prepared = Prepared { host, driver: Driver::new(), names, changes };
        for folder in [&FOLDERS[..], &[TREE]].concat() {
            copy_folder(&prepared.at(folder), &prepared.kept(folder));
        }
        prepared
    }

    /// The number of the night that meets the fault: what it backs up is told by it.
    pub(super) fn number(&self) -> usize {
        self.names.len() - usize::from(!self.changes)
    }

    pub(super) fn at(&self, folder: &str) -> PathBuf {
        self.host.world.path().join(folder)
    }

    fn kept(&self, folder: &str) -> PathBuf {
        self.host.world.path().join("kept").join(folder.replace('/', "-"))
    }

    pub(super) fn store(&self) -> PathBuf {
        store(&self.host.world)
    }

    /// Everything as it was after those nights, and the morning after.
    pub(super) fn again(&self) {
        for folder in [&FOLDERS[..], &[TREE]].concat() {
            let _ = fs::remove_dir_all(self.at(folder));
            copy_folder(&self.kept(folder), &self.at(folder));
        }
        if self.changes {
            change(&self.host.world, self.number());
        }
    }

    /// The next night, under the eyes of the driver.
    pub(super) fn night(&self, what: What) -> Ended {
        self.again();
        self.driver.backup(&self.host.world, what)
    }

    /// The calls of a night in which nothing goes wrong.
    pub(super) fn calls(&self) -> Vec<Call> {
        let ended = self.night(What::Watched);
        assert_eq!(ended.code, 0, "{}", ended.said);
        self.done("a night in which nothing goes wrong");
        ended.calls
    }

    /// Every point of `of`, or one in so many of them.
    pub(super) fn share(&self, of: usize, one_in: usize) -> Vec<usize> {
        let whole = std::env::var_os(WHOLE).is_some();
        (1..=of).filter(|point| whole || point % one_in == 0).collect()
    }

    /// What was there before is there and comes back; what is new is whole or absent; the log is consistent, and lacks at most
    /// the leaf of what is new.
    pub(super) fn harmless(&self, what: &str) {
        let found = self.findings();
        let is_early = |one: &String| {
            one.starts_with("not-logged ")
                || one.starts_with("receipt-missing ")
                || one.starts_with("nothing-checked ")
        };
        assert!(found.iter().all(is_early), "{what}: {found:?}");
        assert!(!self.names.is_empty() || found.len() < 2, "{what}: {found:?}");
        self.all_restore(what);
    }

    /// The night was backed up, and whoever was told so can count on it.
    pub(super) fn done(&self, what: &str) {
        assert_eq!(self.findings(), [""; 0], "{what}");
        let there = self.archives();
        assert_eq!(there.len(), self.names.len() + usize::from(self.changes), "{what}: {there:?}");
        self.all_restore(what);
    }

    /// The next run just works, cleans up, and takes on what is whole.
    pub(super) fn next_works(&self, what: &str) {
        let world = &self.host.world;
        self.age();
        let number = self.number() + 1;
        change(world, number);
        let next = attestar(world, &["backup", "-q"]).output().unwrap();
        assert!(next.status.success(), "{what}: then {}", String::from_utf8_lossy(&next.stderr));
        self.is_clean(what);
        let there = self.archives();
        assert!(there.len() > self.names.len() && there.len() <= self.names.len() + 2, "{what}: {there:?}");
        self.counts(there.len(), what);
    }

    /// There are so many archives, the last of them of the run after the one with the fault; each comes back.
    pub(super) fn counts(&self, archives: usize, what: &str) {
        assert_eq!(self.findings(), [""; 0], "{what}");
        let (there, store) = (self.archives(), self.directory().expect("a store"));
        assert_eq!(there.len(), archives, "{what}: {there:?}");
        for (at, name) in there.iter().enumerate() {
            let number = if at + 1 == archives { self.number() + 1 } else { at };
            self.host.restores(&store, name, number, what);
        }
    }

    /// Nothing lies on its way, half done, or aside.
    pub(super) fn is_clean(&self, what: &str) {
        let incoming = names_in(&self.store().join("incoming"));
        assert!(incoming.iter().all(|name| name == ".lock"), "{what}: {incoming:?}");
        let bare = self.bare();
        assert!(bare.is_empty(), "{what}: {bare:?}");
        assert_eq!(names_in(&self.at("home/state/scratch")), [""; 0], "{what}");
        let remembered = names_in(&self.at("home/state/logs"));
        assert!(
            remembered.len() <= 2 && !remembered.iter().any(|name| name.ends_with(".new")),
            "{what}: {remembered:?}"
        );
    }

    /// What was archived before is as it was, to the byte: it comes back where [`counts`](Self::counts) asks. What is new and
    /// has a receipt comes back as what it was made of.
    fn all_restore(&self, what: &str) {
        let (there, bare) = (self.archives(), self.bare());
        assert!(there.starts_with(&self.names), "{what}: {there:?}");
        let Some(store) = self.directory() else { return };
        let files = same_files(&self.archives_before(), &self.store().join("archives"), what);
        assert_eq!(files, 2 * self.names.len(), "archives and receipts");
        for (number, name) in there.iter().enumerate().skip(self.names.len()) {
            if !bare.iter().any(|path| path.to_string_lossy().contains(&**name)) {
                self.host.restores(&store, name, number, what);
            }
        }
    }

    /// The archives of the nights so far, as they are kept.
    fn archives_before(&self) -> PathBuf {
        let [disk, _] = FOLDERS;
        let store = self.store();
        self.kept(disk).join(store.strip_prefix(self.at(disk)).unwrap()).join("archives")
    }

    fn directory(&self) -> Option<Directory> {
        let there = self.store().is_dir();
        there.then(|| Directory::open(&self.store(), &Watch::default()).unwrap())
    }

    fn findings(&self) -> Vec<String> {
        self.directory().map_or_else(Vec::new, |store| self.host.findings(&store, Timestamp::now()))
    }

    pub(super) fn archives(&self) -> Vec<String> {
        super::archives(&self.host.world)
    }

    /// The archives without a receipt.
    fn bare(&self) -> Vec<PathBuf> {
        let archives = self.store().join("archives");
        let names = names_in(&archives);
        let is_bare =
            |name: &&String| name.ends_with(".age") && !names.contains(&format!("{name}.sigstore.json"));
        names.iter().filter(is_bare).map(|name| archives.join(name)).collect()
    }

    /// What was left behind has lain there for two days: nobody can be at it any more.
    pub(super) fn age(&self) {
        let incoming = self.store().join("incoming");
        let left = names_in(&incoming).into_iter().map(|name| incoming.join(name)).chain(self.bare());
        left.for_each(|file| age(&file));
    }
}

/// Every file of the one folder is in the other, with the same bytes; gives how many there are.
pub(super) fn same_files(before: &Path, now: &Path, what: &str) -> usize {
    let names = names_in(before);
    for name in &names {
        let [before, now] = [before, now].map(|folder| fs::read(folder.join(name)).unwrap());
        assert!(before == now, "{what}: {name}");
    }
    names.len()
}

fn age(file: &Path) {
    let before = SystemTime::now() - Duration::from_secs(48 * 3600);
    File::options().append(true).open(file).unwrap().set_modified(before).unwrap();
}
