//! A fault at every call of the store that a backup, or a copy, makes.

use super::copy_folder;
use super::host::{Host, ORIGIN, night};
use attestar::error::Result;
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::Store;
use attestar::store::memory::{Fault, Memory};
use attestar::verbs::copy;
use jiff::SignedDuration;
use std::fs;
use std::path::PathBuf;

/// Every fault that a call can meet.
const FAULTS: [fn() -> Fault; 6] = [
    || Fault::Refused,
    || Fault::AnswerLost,
    || Fault::Cut,
    || Fault::Stale,
    || Fault::KilledBefore,
    || Fault::KilledAfter,
];

/// The points of a scenario with these calls: at each that changes something every fault, at each other one of them, in turn.
fn points(calls: &[String]) -> Vec<(usize, usize)> {
    let all = (0..calls.len()).flat_map(|at| (0..FAULTS.len()).map(move |fault| (at, fault)));
    let reads =
        |call: &str| ["look at", "get", "read", "list", "ask"].iter().any(|word| call.starts_with(word));
    all.filter(|&(at, fault)| !reads(&calls[at]) || at % FAULTS.len() == fault).collect()
}

/// The archives of a store, by name.
pub(super) fn archives(store: &dyn Store) -> Vec<String> {
    let entries = store.list("archives").unwrap().entries;
    let names = entries.iter().filter_map(|entry| entry.name.file_name().strip_suffix(".tar.zst.age"));
    names.map(str::to_owned).collect()
}

/// A store after two nights, and what its host remembers of them.
pub(super) struct TwoNights {
    pub(super) host: Host,
    pub(super) store: Memory,
    pub(super) names: Vec<String>,
}

impl TwoNights {
    pub(super) fn new() -> TwoNights {
        let (host, store) = (Host::new(), Memory::new());
        let names = (0..2).map(|number| host.night(&store, number).unwrap()).collect();
        store.set_now(night(2));
        let nights = TwoNights { host, store, names };
        copy_folder(&nights.cache(), &nights.kept());
        nights
    }

    fn cache(&self) -> PathBuf {
        self.host.world.path().join("cache")
    }

    fn kept(&self) -> PathBuf {
        self.host.world.path().join("kept")
    }

    /// The store once more, and the host as it was then.
    pub(super) fn again(&self) -> Memory {
        let _ = fs::remove_dir_all(self.cache());
        copy_folder(&self.kept(), &self.cache());
        self.store.copy()
    }
}

#[test]
fn a_backup_that_meets_a_fault_at_any_call_harms_nothing_and_the_next_just_works() {
    let nights = TwoNights::new();
    let host = &nights.host;
    let calls = {
        let store = nights.again();
        host.night(&store, 2).unwrap();
        store.calls()
    };
    let points = points(&calls);
    assert!(points.len() > 80, "{} of {calls:?}", points.len());
    let (mut failed, mut adopted) = (0, 0);
    for (at, fault) in points {
        let store = nights.again();
        let unlucky = store.host();
        unlucky.fault_at(at, FAULTS[fault]());
        let ended = host.night(&unlucky, 2);
        failed += usize::from(ended.is_err());
        let what = format!("fault {fault} at call {at}, {}: {:?}", calls[at], ended.as_ref().err());
        // What was there is there, what is new is whole or absent, and only a leaf may be missing yet.
        let found = host.findings(&store, night(2) + SignedDuration::from_hours(1));
        assert!(
            found.iter().all(|one| one.starts_with("not-logged ") || one.starts_with("receipt-missing ")),
            "{what}: {found:?}"
        );
        // The next run just works, and logs what is whole of this one.
        store.set_now(night(4));
        let next = host.night(&store, 4).unwrap_or_else(|error| panic!("{what}: then {error}"));
        let there = archives(&store);
        assert!(nights.names.iter().chain([&next]).all(|name| there.contains(name)), "{what}: {there:?}");
        adopted += usize::from(ended.is_err() && there.len() == 4);
        let found = host.findings(&store, night(5));
        assert!(found.is_empty(), "{what}: {found:?}");
        host.restores(&store, &next, 4, &what);
        if at % 7 == 0 {
            host.restores(&store, &nights.names[0], 0, &what);
            host.restores(&store, &nights.names[1], 1, &what);
        }
        if there.len() == 4 {
            host.restores(&store, &there[2], 2, &what);
        }
    }
    assert!(failed > 50 && adopted > 0, "{failed} failed, {adopted} were adopted");
}

/// Copies the second night, and the first one that it needs.
fn copy_of(nights: &TwoNights, from: &Memory, to: &Memory) -> Result<copy::Copied> {
    let host = &nights.host;
    let request = copy::Request {
        from,
        to,
        name: &nights.names[1],
        trust: &host.trust,
        identities: &host.identities,
        origin: Some(ORIGIN),
        state: State { folder: None, now: night(2) },
        threads: 1,
    };
    copy::copy(&request, &Watch::default())
}

/// Every object of a store, but for what is on its way.
fn objects(store: &Memory) -> Vec<(String, Vec<u8>)> {
    let entries = store.list("").unwrap().entries.into_iter();
    entries
        .map(|entry| (entry.name.to_string(), store.get(&entry.name, 1 << 24).unwrap().unwrap().0))
        .collect()
}

#[test]
fn a_copy_that_meets_a_fault_at_any_call_has_nothing_wrong_and_the_next_just_works() {
    let nights = TwoNights::new();
    let calls = {
        let (from, to) = (nights.store.host(), Memory::new());
        let copied = copy_of(&nights, &from, &to).unwrap();
        assert_eq!(copied.outcome.errors().count(), 0, "{:?}", copied.outcome);
        [from.calls(), to.calls()]
    };
    let there = objects(&nights.store);
    let mut failed = 0;
    for (side, calls) in calls.iter().enumerate() {
        for (at, fault) in points(calls) {
            let hosts = [nights.store.host(), Memory::new()];
            hosts[side].fault_at(at, FAULTS[fault]());
            let ended = copy_of(&nights, &hosts[0], &hosts[1]);
            failed += usize::from(ended.is_err());
            let what = format!("fault {fault} at call {at} of {side}, {}: {:?}", calls[at], ended.err());
            // Nothing that has a name is anything else than what the store has under it.
            let to = hosts[1].host();
            let is_same = |(name, bytes): &(String, Vec<u8>)| {
                name.ends_with(".tlog-proof") || there.contains(&(name.clone(), bytes.clone()))
            };
            assert!(objects(&to).iter().all(is_same), "{what}");
            let next =
                copy_of(&nights, &nights.store.host(), &to).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(next.outcome.errors().count(), 0, "{what}: {:?}", next.outcome);
            if at % 9 == 0 {
                nights.host.restores(&to, &nights.names[1], 1, &what);
            }
        }
    }
    assert!(failed > 40, "{failed} failed");
}
