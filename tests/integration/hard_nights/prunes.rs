//! A prune by another host that comes between any two calls of a backup: what the backup counts on may be gone by the time it
//! is logged, and nothing may be logged that counts on what is gone.

use super::calls::{TwoNights, archives};
use super::host::{Host, ORIGIN, night};
use crate::prune::nights::Laid;
use attestar::evidence::pruned::Retention;
use attestar::finding::Verdict;
use attestar::format::kind::Kind;
use attestar::keys::home::Home;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::signing::SigningKey;
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::policy::backup::Keep;
use attestar::policy::prune::Rule;
use attestar::store::memory::{Fault, Memory};
use attestar::store::{ObjectName, Store};
use attestar::verbs::backup::Done;
use attestar::verbs::prune::{self, Request};
use jiff::SignedDuration;
use std::path::{Path, PathBuf};

/// Of the backups the newest one is kept, with what it needs.
fn last_one() -> Retention {
    let backups = Rule::Backups(Keep { last: 1, ..Keep::default() });
    Retention { project: "nightly".into(), backups, releases: Rule::Releases(None) }
}

/// Another host has backed its own tree up, an hour before the third night, and prunes now.
fn another_host_prunes(home: &Path, store: &Memory) {
    let home = Home::new(home);
    let (key, trust) =
        (SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap(), home.trust().unwrap());
    let at = night(2) - SignedDuration::from_hours(1);
    let version = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let other = Laid { project: "nightly", kind: Kind::Backup, version, at, bases: Vec::new() };
    let state = State { folder: None, now: at };
    let log = Log { store, trust: &trust, origin: Some(ORIGIN) };
    let writer = Writer { log, origin: ORIGIN, key: &key, state: &state };
    writer.append(&[other.lay(store, &key)]).unwrap();
    let now = night(2) + SignedDuration::from_hours(1);
    prune::prune(&Request { log: &writer, retention: &last_one(), now }, &Watch::default()).unwrap();
}

/// The third night, with that prune before each of its calls in turn; gives how often it was built upon nothing then, and how
/// often not. Whatever it says was backed up is there and comes back.
fn third_nights(nights: &TwoNights, number: usize) -> (usize, usize) {
    let host = &nights.host;
    let calls = {
        let store = nights.again();
        host.back_up(&store, 2).unwrap();
        store.calls()
    };
    let (mut full, mut built_upon) = (0, 0);
    for (at, call) in calls.iter().enumerate() {
        let store = nights.again();
        let ours = store.host();
        let home: PathBuf = host.world.home();
        ours.fault_at(at, Fault::Overtaken(Box::new(move |other| another_host_prunes(&home, other))));
        let what = format!("a prune before call {at}, {call}");
        let done = host.back_up(&ours, 2).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (name, bases) = match done {
            Done::Stored(made) => (made.pack.name, made.pack.bases.len()),
            Done::Unchanged(same) => (same.name, 1),
        };
        let found = host.findings_by(&store, night(3), &last_one());
        assert!(found.is_empty(), "{what}: {found:?}");
        let there = archives(&store);
        assert!(there.contains(&name), "{what}: {there:?}");
        assert_eq!(there.contains(&nights.names[0]), bases > 0, "{what}: {there:?}");
        // What is not logged is not left behind: each archive has its receipt, and `findings` had none without a leaf.
        let objects = store.list("archives").unwrap().entries.len();
        assert_eq!(objects, 2 * there.len(), "{what}: {there:?}");
        host.restores(&store, &name, number, &what);
        *(if bases == 0 { &mut full } else { &mut built_upon }) += 1;
    }
    (full, built_upon)
}

#[test]
fn a_prune_during_a_backup_takes_nothing_that_it_is_built_upon() {
    let nights = TwoNights::new();
    nights.host.world.write("etc/app.conf", "port = 2\n");
    let (full, built_upon) = third_nights(&nights, 2);
    assert!(full > 10 && built_upon > 2, "{full} full, {built_upon} built upon the first");
}

#[test]
fn a_prune_during_a_backup_takes_nothing_that_it_stands_for() {
    let nights = TwoNights::new();
    let same = nights.host.back_up(&nights.again(), 2).unwrap();
    assert!(matches!(same, Done::Unchanged(_)), "nothing changed");
    let (full, unchanged) = third_nights(&nights, 1);
    assert!(full > 10 && unchanged > 2, "{full} full, {unchanged} unchanged");
}

/// A third night that died when its receipt was in the store, and was not logged.
pub(super) fn dies_before_its_leaf(host: &Host, nights: &TwoNights) -> (Memory, String) {
    let calls = {
        let store = nights.again();
        host.back_up(&store, 2).unwrap();
        store.calls()
    };
    let at = calls.iter().position(|call| call.starts_with("create archives/")).unwrap();
    // An archive is random to the byte and arrives in one write more or less: until the host died at that very call.
    let dies = |_| {
        let store = nights.again();
        let ours = store.host();
        ours.fault_at(at, Fault::KilledAfter);
        let is_dead = host.back_up(&ours, 2).is_err();
        let orphan = archives(&store).into_iter().find(|name| !nights.names.contains(name))?;
        let found = host.findings_by(&store, night(2), &last_one());
        let is_orphan = found == [format!("not-logged archives/{orphan}.tar.zst.age")];
        (is_dead && is_orphan).then_some((store, orphan))
    };
    (0..50).find_map(dies).expect("a host that died between receipt and leaf")
}

/// Whoever may prune does away with an archive that nobody could restore, once nobody can be at it any more: with a leaf, and
/// its receipt with it.
fn takes_away(host: &Host, store: &Memory, orphan: &str) {
    let state = State { folder: None, now: night(6) };
    let log = Log { store, trust: &host.trust, origin: Some(ORIGIN) };
    let retention = last_one();
    let prune = |now| {
        let writer = Writer { log, origin: ORIGIN, key: &host.key, state: &state };
        let request = Request { log: &writer, retention: &retention, now };
        prune::prune(&request, &Watch::default()).unwrap()
    };
    let takes_it = |pruned: &prune::Pruned| {
        assert_eq!(pruned.outcome.verdict(), Verdict::Holds, "{:?}", pruned.outcome);
        pruned.deleted.iter().filter(|one| one.name == orphan).count()
    };
    assert_eq!(takes_it(&prune(night(2) + SignedDuration::from_hours(23))), 0, "it may still be worked at");
    assert!(archives(store).iter().any(|name| name == orphan));
    assert_eq!(takes_it(&prune::plan(&log, &state, &retention, night(6)).unwrap()), 1);
    assert!(archives(store).iter().any(|name| name == orphan), "a plan deletes nothing");
    let pruned = prune(night(6));
    assert_eq!((takes_it(&pruned), pruned.logged.is_some()), (1, true));
    assert!(!archives(store).iter().any(|name| name == orphan));
    assert!(prune(night(6)).deleted.is_empty());
    assert_eq!(host.findings_by(store, night(6), &retention), [""; 0]);
    assert_eq!(store.list("archives").unwrap().entries.len(), 2 * archives(store).len(), "with its receipt");
}

#[test]
fn what_came_without_a_receipt_goes_with_the_next_prune() {
    let nights = TwoNights::new();
    let store = nights.again();
    let name = ObjectName::new("archives/nightly-20261103T010000Z.tar.zst.age").unwrap();
    store.create(&name, b"half a night").unwrap();
    let state = State { folder: None, now: night(6) };
    let log = Log { store: &store, trust: &nights.host.trust, origin: Some(ORIGIN) };
    let writer = Writer { log, origin: ORIGIN, key: &nights.host.key, state: &state };
    let keep = Retention { backups: Rule::Backups(Keep { last: 100, ..Keep::default() }), ..last_one() };
    for (now, goes) in [(night(2) + SignedDuration::from_hours(23), false), (night(6), true)] {
        let request = Request { log: &writer, retention: &keep, now };
        let pruned = prune::prune(&request, &Watch::default()).unwrap();
        let said: Vec<String> = pruned
            .warnings
            .iter()
            .map(|found| format!("{} {}", found.code.as_str(), found.subject))
            .collect();
        assert_eq!(said, if goes { vec![format!("cleaned {name}")] } else { vec![] });
        assert_eq!(store.head(&name).unwrap().is_none(), goes);
        assert_eq!(
            (pruned.deleted.len(), pruned.logged),
            (0, None),
            "there is nothing that a leaf could be of"
        );
    }
    assert_eq!(archives(&store), nights.names);
}

#[test]
fn what_needs_a_pruned_archive_is_not_adopted() {
    let nights = TwoNights::new();
    let host = &nights.host;
    host.world.write("etc/app.conf", "port = 2\n");
    for prunes in [false, true] {
        let (store, orphan) = dies_before_its_leaf(host, &nights);
        if prunes {
            another_host_prunes(&host.world.home(), &store);
        }
        host.world.write("etc/app.conf", "port = 4\n");
        let Done::Stored(made) = host.back_up(&store, 4).unwrap() else { panic!("something changed") };
        let said: Vec<(&str, &str)> =
            made.warnings.iter().map(|finding| (finding.code.as_str(), &*finding.subject)).collect();
        let object = format!("archives/{orphan}.tar.zst.age");
        let expected = if prunes { ("not-logged", &*object) } else { ("adopted", &*orphan) };
        assert_eq!(said, [expected]);
        assert_eq!(made.pack.bases.is_empty(), prunes, "{:?}", made.pack.bases);
        let found = host.findings_by(&store, night(6), &last_one());
        let expected = if prunes { vec![format!("not-logged {object}")] } else { vec![] };
        assert_eq!(found, expected);
        host.restores(&store, &made.pack.name, 4, "the next one");
        if prunes {
            takes_away(host, &store, &orphan);
        }
        host.world.write("etc/app.conf", "port = 2\n");
    }
}
