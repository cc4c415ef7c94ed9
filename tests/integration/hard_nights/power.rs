//! Power that fails at any moment of a backup: on the disk is what was synced by then, and nothing else.

use super::lasting::{Disk, Lasting, Names, lay};
use super::prepared::{FOLDERS, Prepared};
use super::syscalls::{ALL, Call, What};
use crate::world::everything_in;
use attestar::log::state::State;
use jiff::Timestamp;
use std::fs;

const NAMES: [Names; 2] = [Names::Synced, Names::All];

/// A night, the disk after each of its calls, and what the calls were.
struct Watched {
    calls: Vec<Call>,
    disks: Vec<Disk>,
}

impl Watched {
    fn night(prepared: &Prepared) -> Watched {
        prepared.again();
        let disk = Disk::of(prepared.host.world.path());
        let ended = prepared.driver.backup(&prepared.host.world, What::Watched);
        assert_eq!(ended.code, 0, "{}", ended.said);
        let disks = after_each(prepared, disk, &ended.calls, &[]);
        let now = disks.last().unwrap().now(&FOLDERS);
        assert_eq!(now, on_the_disk(prepared), "the disk was followed through every call");
        Watched { calls: ended.calls, disks }
    }
}

/// The disk after each call, but for those that are left out.
fn after_each(prepared: &Prepared, mut disk: Disk, calls: &[Call], without: &[usize]) -> Vec<Disk> {
    let step = |(at, call): (usize, &Call)| {
        if !without.contains(&at) {
            disk.does(call, prepared.host.world.path(), &prepared.driver.synced(at));
        }
        disk.clone()
    };
    calls.iter().enumerate().map(step).collect()
}

fn on_the_disk(prepared: &Prepared) -> Vec<String> {
    let root = prepared.host.world.path();
    let mut names: Vec<String> = ["disk", "home"].map(str::to_owned).into();
    for folder in FOLDERS {
        names.push((*folder).to_owned());
        let below = everything_in(&prepared.at(folder)).into_iter();
        names.extend(below.map(|(path, _)| path.strip_prefix(root).unwrap().to_string_lossy().into_owned()));
    }
    names.sort();
    names.dedup();
    names
}

/// The power comes back: of the folders that a backup writes to there is what lasted.
fn after_the_cut(prepared: &Prepared, lasting: &Lasting) {
    FOLDERS.iter().for_each(|folder| drop(fs::remove_dir_all(prepared.at(folder))));
    lay(lasting, prepared.host.world.path());
}

/// What this host remembers of the log.
fn remembers(prepared: &Prepared) -> u64 {
    let folder = prepared.at("home/state");
    let state = State { folder: Some(&folder), now: Timestamp::now() };
    state.all().unwrap().iter().map(|log| log.newest().size).sum()
}

/// After a cut at any moment of the night nothing is wrong; after one at its end nothing is lost.
fn survives(prepared: &Prepared) {
    let watched = Watched::night(prepared);
    let states: Vec<[Lasting; 2]> =
        watched.disks.iter().map(|disk| NAMES.map(|names| disk.lasting(&FOLDERS, names))).collect();
    let (mut before, mut cuts): ([Option<&Lasting>; 2], usize) = ([None, None], 0);
    for (at, (states, call)) in states.iter().zip(&watched.calls).enumerate() {
        for (which, state) in states.iter().enumerate() {
            if before[which].replace(state) == Some(state) {
                continue;
            }
            let what = format!("{:?} names, cut after call {}, {call:?}", NAMES[which], at + 1);
            after_the_cut(prepared, state);
            prepared.harmless(&what);
            prepared.next_works(&what);
            cuts += 1;
        }
    }
    for (names, state) in NAMES.iter().zip(states.last().unwrap()) {
        after_the_cut(prepared, state);
        prepared.done(&format!("{names:?} names, cut after the end"));
        assert_eq!(
            remembers(prepared),
            prepared.names.len() as u64 + 1,
            "{names:?}: what it saw it remembers"
        );
    }
    println!("{} calls, {cuts} different disks", watched.calls.len());
    assert!(cuts > 20, "{cuts}");
}

#[test]
fn power_that_fails_at_any_moment_of_a_backup_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true));
}

#[test]
fn power_that_fails_at_any_moment_of_a_first_backup_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(0, true));
}

#[test]
fn power_that_fails_at_any_moment_of_a_night_without_changes_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, false));
}

/// The next run takes on what a killed one left: its archive, its half of the log. Nothing of that may lean on what is in
/// memory only, as it was when the first one died.
#[test]
fn what_is_taken_on_from_a_killed_run_is_on_the_disk_before_it_counts() {
    for nights in [0, 2] {
        let prepared = Prepared::after(nights, true);
        let root = prepared.host.world.path();
        let calls = prepared.calls().len();
        for at in prepared.share(calls, 2) {
            prepared.again();
            let disk = Disk::of(root);
            let killed = prepared.driver.backup(&prepared.host.world, What::Killed(at, ALL));
            let made = killed.calls.len() - usize::from(killed.code != 0);
            let disk = after_each(&prepared, disk, &killed.calls[..made], &[]).pop();
            let Some(disk) = disk else { continue };
            let what =
                format!("killed at call {at}, {:?}, then", killed.calls[made.min(killed.calls.len() - 1)]);
            prepared.age();
            super::change(&prepared.host.world, prepared.number() + 1);
            let ended = prepared.driver.backup(&prepared.host.world, What::Watched);
            assert_eq!(ended.code, 0, "{what} {}", ended.said);
            let there = prepared.archives().len();
            let last = after_each(&prepared, disk, &ended.calls, &[]).pop().unwrap();
            for names in NAMES {
                after_the_cut(&prepared, &last.lasting(&FOLDERS, names));
                prepared.counts(there, &format!("{what} {names:?} names"));
            }
        }
    }
}

/// A replay that would find nothing wrong finds nothing: so each sync of a file in the store is left out once, and what lasts
/// at the end is then another disk.
#[test]
fn every_sync_of_a_file_in_the_store_is_needed() {
    let prepared = Prepared::after(1, true);
    prepared.again();
    let before = Disk::of(prepared.host.world.path());
    let watched = Watched::night(&prepared);
    let end = |without: &[usize]| {
        let disks = after_each(&prepared, before.clone(), &watched.calls, without);
        disks.last().unwrap().lasting(&["disk"], Names::Synced)
    };
    let whole = end(&[]);
    let store = prepared.store();
    let in_store = |call: &Call| call.path().is_some_and(|path| path.starts_with(&store));
    let syncs = |is_file: bool| -> Vec<(usize, &Call)> {
        let syncs =
            watched.calls.iter().enumerate().filter(|(_, call)| call.name == "fsync" && in_store(call));
        syncs.filter(|(at, _)| prepared.driver.synced(*at).is_file() == is_file).collect()
    };
    let files = syncs(true);
    assert!(files.len() >= 8, "archive, receipt, event, staged, pending, two tiles, checkpoint: {files:?}");
    for (at, call) in files {
        // What was staged is gone by the end.
        let names =
            |later: &&Call| later.name.starts_with("rename") && later.arguments[0] == call.arguments[0];
        let is_staged = watched.calls[at..]
            .iter()
            .find(names)
            .is_some_and(|name| name.arguments[1].contains("log/staged/"));
        assert!(is_staged || end(&[at]) != whole, "without {call:?}");
    }
    // Of a folder the last one counts: without any of them its new names are lost.
    let folders = syncs(false);
    for folder in ["archives", "events", "log", "log/tile/0/000.p", "log/tile/entries/000.p"] {
        let of: Vec<usize> = folders
            .iter()
            .filter(|(_, call)| call.path() == Some(&store.join(folder)))
            .map(|(at, _)| *at)
            .collect();
        assert!(!of.is_empty() && end(&of) != whole, "without the syncs of {folder}");
    }
}
