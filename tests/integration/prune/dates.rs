//! What is dated in the future, as everybody who reads the log takes it: for nothing.

use super::name;
use super::nights::{backup, drill, keep, night, nights, put, trust};
use attestar::log::Log;
use attestar::log::state::State;
use attestar::store::memory::Memory;
use attestar::verbs::nights::Nights;
use attestar::verbs::report::store::{Earlier, Request, look};
use jiff::SignedDuration;

#[test]
fn a_drill_and_a_backup_of_the_future_are_not_the_last_ones() {
    let store = Memory::new();
    nights(&store, 0..4);
    drill(&store, &backup(1), true, night(2));
    drill(&store, &backup(2), true, night(3));
    // A clock that was wrong once: a year ahead, and back.
    put(&store, &[backup(400)]);
    drill(&store, &backup(2), true, night(400));
    let now = night(4);
    let trust = trust();
    let log = Log { store: &store, trust: &trust, origin: Some("nightly") };
    let state = State { folder: None, now };
    let said = Nights::read(log, &state, Some("nightly")).unwrap();
    let last = |nights: &Nights<'_>| nights.drills().next().expect("there was one").unwrap().1;
    assert_eq!(last(&said), night(3));
    assert_eq!(said.newest(None).unwrap().name, name(3));
    assert_eq!(said.newest(Some(night(400))).unwrap().name, name(3));
    assert_eq!(said.newest_capture().unwrap().unwrap().name, name(3));
    assert_eq!(said.times(night(0)).unwrap().len(), 4);
    let future: Vec<&str> = said.future.iter().map(|finding| &*finding.subject).collect();
    assert_eq!(future, [&*name(400)]);
    let later = State { folder: None, now: night(400) };
    let later = Nights::read(log, &later, Some("nightly")).unwrap();
    assert_eq!(last(&later), night(400), "a year later it was one");
    assert_eq!(later.newest(None).unwrap().name, name(400));
    let retention = keep(7, 0);
    let request = Request {
        store: &store,
        trust: &trust,
        origin: Some("nightly"),
        state,
        first: true,
        policy: None,
        project: None,
        retention: Some(&retention),
    };
    let (facts, _) = look(&request, &mut Earlier::default()).unwrap();
    let drilled: Vec<_> = facts.archives.iter().filter_map(|archive| archive.drilled_at).collect();
    assert_eq!(drilled, [night(2), night(3)], "the page does not tell of a drill to come");
    // Clocks of two hosts are never quite the same.
    let nearly = State { folder: None, now: night(400) - SignedDuration::from_mins(4) };
    assert!(Nights::read(log, &nearly, Some("nightly")).unwrap().future.is_empty());
}

#[test]
fn whoever_looks_again_fetches_the_statements_of_new_leaves_alone() {
    let store = Memory::new();
    nights(&store, 0..4);
    let (mine, other) = (trust(), attestar::keys::trust::Trust::default());
    let mut earlier = Earlier::default();
    let mut look = |trust, whole| {
        let request = Request {
            store: &store,
            trust,
            origin: Some("nightly"),
            state: State { folder: None, now: night(4) },
            first: true,
            policy: None,
            project: None,
            retention: None,
        };
        if whole {
            earlier.forget_statements();
        }
        let before = store.calls().len();
        let (facts, _) = look(&request, &mut earlier).unwrap();
        let calls = store.calls().split_off(before);
        let fetched = calls.iter().filter(|call| call.contains("events/") && call.starts_with("get")).count();
        (facts.events.len(), fetched)
    };
    assert_eq!(look(&mine, false), (4, 4));
    assert_eq!(look(&mine, false), (4, 0));
    put(&store, &[backup(4)]);
    assert_eq!(look(&mine, false), (5, 1));
    assert_eq!(look(&mine, true), (5, 5), "one may be another by now");
    assert_eq!(look(&other, false), (0, 0), "whom nobody trusts says nothing");
    assert_eq!(look(&mine, false), (5, 5));
}
