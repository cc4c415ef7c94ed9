//! What runs left that did not end: archives without their receipt, receipts without their archive, and what is none.

use super::name;
use super::nights::{FORGETFUL, Laid, ORIGIN, backup, keep, key, night, nights, object, run, trust, verify};
use attestar::format::bundle::BUNDLE_BYTES_MAX;
use attestar::log::Log;
use attestar::store::memory::{Fault, Memory};
use attestar::store::{ObjectName, Store};
use attestar::verbs::prune::{self, Pruned};
use jiff::Timestamp;

/// What is longer than any statement.
fn junk() -> Vec<u8> {
    vec![b' '; BUNDLE_BYTES_MAX + 1]
}

/// Three nights, of which every rule here keeps all.
fn three() -> Memory {
    let store = Memory::new();
    nights(&store, 0..3);
    store
}

fn pruned(store: &Memory, now: Timestamp) -> Pruned {
    run(store, &keep(9, 0), now).unwrap()
}

fn said(pruned: &Pruned) -> Vec<String> {
    pruned.warnings.iter().map(|found| format!("{} {}", found.code.as_str(), found.subject)).collect()
}

/// The archive of the third day, and its receipt.
fn third() -> [ObjectName; 2] {
    ["", ".sigstore.json"].map(|end| object(&format!("archives/{}{end}", backup(3).archive().0)))
}

#[test]
fn a_receipt_whose_archive_is_gone_and_that_no_leaf_names_is_said_and_taken_away() {
    let store = three();
    store.set_now(night(3));
    backup(3).lay(&store, &key(1));
    let [archive, receipt] = third();
    store.delete(&archive).unwrap();
    let young = pruned(&store, night(3) + jiff::SignedDuration::from_hours(23));
    assert_eq!(said(&young), [""; 0], "whoever put it there may still be at it");
    let (trust, log_origin) = (trust(), Some(ORIGIN));
    let log = Log { store: &store, trust: &trust, origin: log_origin };
    let planned = prune::plan(&log, &FORGETFUL, &keep(9, 0), night(5)).unwrap();
    assert_eq!(said(&planned), [format!("left-behind {receipt}")]);
    assert!(store.head(&receipt).unwrap().is_some(), "a plan deletes nothing");
    let taken = pruned(&store, night(5));
    assert_eq!(said(&taken), [format!("cleaned {receipt}")]);
    assert!(taken.warnings[0].actual.as_deref().unwrap().contains("without its archive"));
    assert!(store.head(&receipt).unwrap().is_none() && taken.logged.is_none());
    // One that a leaf names stays: its archive is missing, which is not for a prune to hide.
    store.delete(&object(&format!("archives/{}", backup(1).archive().0))).unwrap();
    assert_eq!(said(&pruned(&store, night(5))), [format!("missing {}", backup(1).name())]);
    assert_eq!(verify(&store, None, night(5)), [format!("missing {}", backup(1).archive().0)]);
}

#[test]
fn an_archive_whose_receipt_comes_at_the_last_moment_stays() {
    let store = three();
    let [archive, receipt] = third();
    let record = backup(3).lay(&store, &key(1));
    store.delete(&receipt).unwrap();
    let calls = {
        let store = store.copy();
        pruned(&store, night(5));
        store.calls()
    };
    let at = calls.iter().position(|call| *call == format!("delete {archive}")).expect("it goes");
    // Between the list and the deletion, an upload of two days comes to its end.
    let listed = calls.iter().position(|call| call == "list archives").unwrap();
    for (at, call) in calls.iter().enumerate().take(at).skip(listed + 1) {
        let (store, receipt, bundle) = (store.copy(), receipt.clone(), record.statement.clone());
        let host = store.host();
        let there = receipt.clone();
        host.fault_at(
            at,
            Fault::Overtaken(Box::new(move |other| {
                other.create(&there, &bundle).unwrap();
            })),
        );
        assert_eq!(said(&pruned(&host, night(5))), [""; 0], "{at}: {call}");
        assert!([&archive, &receipt].iter().all(|object| store.head(object).unwrap().is_some()));
    }
}

#[test]
fn what_takes_a_receipts_place_and_is_longer_than_any_stops_nobody() {
    let store = three();
    backup(3).lay(&store, &key(1));
    let [archive, receipt] = third();
    store.damage(&receipt, &junk());
    assert_eq!(said(&pruned(&store, night(5))), [""; 0]);
    assert!(store.head(&archive).unwrap().is_some(), "its receipt is none, which is not for a prune to hide");
}

#[test]
fn what_takes_a_statements_place_and_is_longer_than_any_is_found() {
    let store = three();
    let event = store.list("events").unwrap().entries.swap_remove(0).name;
    store.damage(&event, &junk());
    let found = verify(&store, None, night(5));
    assert!(found.contains(&format!("altered {event}")), "{found:?}");
    store.delete(&event).unwrap();
    let found = verify(&store, None, night(5));
    assert!(found.contains(&format!("missing {event}")), "{found:?}");
}

#[test]
fn a_prune_fetches_each_statement_once_however_often_it_decides() {
    let store = Memory::new();
    nights(&store, 0..12);
    let host = store.host();
    let pruned = run(&host, &keep(2, 0), night(12)).unwrap();
    assert_eq!(pruned.deleted.len(), 10);
    let mut fetched: Vec<String> = host.calls();
    fetched.retain(|call| call.starts_with("get events/"));
    let all = fetched.len();
    fetched.sort();
    fetched.dedup();
    assert!(fetched.len() >= 12 && fetched.len() == all, "{all} requests for {} statements", fetched.len());
}

#[test]
fn what_is_not_as_long_as_its_receipt_says_is_not_said_to_be_logged_one_day() {
    let store = three();
    backup(3).lay(&store, &key(1));
    let [archive, _] = third();
    let actual = |store: &Memory| {
        let trust = trust();
        let state = attestar::log::state::State { folder: None, now: night(5) };
        let origin = Some(ORIGIN);
        let request = attestar::verbs::log::Request { store, trust: &trust, origin, state, retention: None };
        let verified = attestar::verbs::log::verify(&request, true).unwrap();
        let found: Vec<_> = verified.outcome.findings().cloned().collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].code.as_str(), &*found[0].subject), ("not-logged", archive.as_str()));
        found[0].actual.clone().unwrap()
    };
    assert_eq!(actual(&store), "the next backup of nightly logs it");
    store.damage(&archive, b"short");
    let signed = name(3).len();
    assert_eq!(actual(&store), format!("it has 5 bytes, and its receipt is of {signed}: no run logs it"));
    for object in third() {
        store.delete(&object).unwrap();
    }
    let base = "nightly-20251201T010000Z";
    Laid { bases: vec![base.into()], ..backup(3) }.lay(&store, &key(1));
    assert_eq!(
        actual(&store),
        format!("it needs {base}, which is not in the log: attestar prune takes it away")
    );
}
