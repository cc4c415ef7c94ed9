//! Whatever happens to a prune, at whichever call: nothing that has to be there is gone, what is gone was logged first, and
//! the next run completes it.

use super::nights::{
    self, FORGETFUL, Laid, backup, keep, night, nights, object, put, run, run_by, say, there, verify,
};
use super::{name, names};
use attestar::format::leaf::What;
use attestar::store::Store;
use attestar::store::memory::{Fault, Memory};
use jiff::SignedDuration;
use std::sync::LazyLock;

/// What runs left that did not end: a backup of 1 January, at this hour.
fn left(hour: i64) -> Laid<'static> {
    let at = night(0) + SignedDuration::from_hours(hour);
    let version = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    Laid { version, at, bases: vec!["nightly-20251201T010000Z".into()], ..backup(0) }
}

/// One of each kind: an archive that counts on what is not there, one without its receipt, and a receipt without its archive.
fn leave(store: &Memory) {
    for (hour, gone) in [(1, None), (2, Some(".sigstore.json")), (3, Some(""))] {
        left(hour).lay(store, &nights::key(1));
        let file = left(hour).archive().0;
        if let Some(end) = gone {
            store.delete(&object(&format!("archives/{file}{end}"))).unwrap();
        }
    }
}

/// Two chains, of which the older one may go, and what goes in any case.
fn prepared() -> Memory {
    static PREPARED: LazyLock<Memory> = LazyLock::new(|| {
        let store = Memory::new();
        for day in 0..6 {
            let bases = names(day - day % 3..day);
            put(&store, &[Laid { bases, ..backup(day) }]);
        }
        leave(&store);
        store
    });
    PREPARED.copy()
}

fn faults() -> [fn() -> Fault; 5] {
    [|| Fault::Refused, || Fault::AnswerLost, || Fault::Cut, || Fault::KilledBefore, || Fault::KilledAfter]
}

/// What holds of the store at any moment.
fn consistent(store: &Memory, what: &str) {
    let found = verify(store, Some(&keep(1, 0)), night(6));
    let is_left = |one: &String| (1..4).any(|hour| one.contains(&left(hour).name()));
    let is_fine = |one: &String| one.starts_with("prune-unfinished ") || is_left(one);
    assert!(found.iter().all(is_fine), "{what}: {found:?}");
    let there = there(store);
    for day in 3..6 {
        assert!(there.contains(&name(day)), "{what}: {there:?}");
    }
    // A base is never gone before what needs it.
    let left: Vec<bool> = (0..3).map(|day| there.contains(&name(day))).collect();
    assert!(left.is_sorted_by(|one, next| one >= next), "{what}: {there:?}");
}

/// The calls of a prune that is not disturbed.
fn calls() -> Vec<String> {
    let host = prepared();
    run(&host, &keep(1, 0), night(6)).unwrap();
    host.calls()
}

fn writes(call: &str) -> bool {
    ["create", "replace", "delete"].iter().any(|word| call.starts_with(word))
}

#[test]
fn after_a_fault_at_any_call_the_next_prune_just_works() {
    let calls = calls();
    assert!(calls.len() > 70, "{}", calls.len());
    let (mut runs, mut unfinished) = (0, 0);
    for (at, call) in calls.iter().enumerate() {
        for (number, fault) in faults().iter().enumerate() {
            // Reads come by the dozen and fail alike: each of them with one fault, in turn.
            if !writes(call) && at % faults().len() != number {
                continue;
            }
            let store = prepared();
            let unlucky = store.host();
            unlucky.fault_at(at, fault());
            let ended = run(&unlucky, &keep(1, 0), night(6)).err().map(|error| error.to_string());
            let what = format!("fault {number} at call {at}, {call}: {ended:?}");
            consistent(&store, &what);
            let next = run(&store, &keep(1, 0), night(6)).unwrap_or_else(|error| panic!("{what}: {error}"));
            unfinished += usize::from(!next.completed.is_empty());
            runs += 1;
            assert_eq!(there(&store), names(3..6), "{what}");
            assert_eq!(store.list("archives").unwrap().entries.len(), 6, "{what}");
            assert!(verify(&store, Some(&keep(1, 0)), night(6)).is_empty(), "{what}");
        }
    }
    assert!(runs > 150 && unfinished > 5, "{runs} runs, {unfinished} of them left something to complete");
}

#[test]
fn another_host_may_get_in_between_at_any_call_that_writes() {
    let calls = calls();
    let points: Vec<usize> = (0..calls.len()).filter(|&at| writes(&calls[at])).collect();
    assert!(points.len() > 10, "{calls:?}");
    for at in points {
        // Another prune, the whole of it.
        let store = prepared();
        let host = store.host();
        let another = |other: &Memory| drop(run(other, &keep(1, 0), night(6)).unwrap());
        host.fault_at(at, Fault::Overtaken(Box::new(another)));
        run(&host, &keep(1, 0), night(6)).unwrap();
        assert_eq!(there(&store), names(3..6), "{at}: {}", calls[at]);
        let found = verify(&store, Some(&keep(1, 0)), night(6));
        assert!(found.is_empty(), "{at}: {}: {found:?}", calls[at]);
        // A drill of what may go: if it is logged before the leaf, the archive stays.
        let store = prepared();
        let host = store.host();
        let drilled = |other: &Memory| super::drill(other, &backup(2), true, night(6));
        host.fault_at(at, Fault::Overtaken(Box::new(drilled)));
        run(&host, &keep(1, 0), night(6)).unwrap();
        let found = verify(&store, Some(&keep(1, 0)), night(6));
        assert!(found.is_empty(), "{at}: {}: {found:?}", calls[at]);
    }
}

#[test]
fn two_prunes_and_a_backup_at_once_come_through() {
    let store = Memory::new();
    nights(&store, 0..20);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| run(&store.host(), &keep(4, 0), night(20)).unwrap());
        }
        scope.spawn(|| (20..25).for_each(|day| put(&store.host(), &[backup(day)])));
    });
    run(&store, &keep(4, 0), night(25)).unwrap();
    assert_eq!(there(&store), names(21..25));
    assert!(verify(&store, Some(&keep(4, 0)), night(25)).is_empty());
}

#[test]
fn what_was_logged_as_pruned_and_is_needed_since_stays_and_is_said() {
    let store = prepared();
    say(&store, 2, What::Pruned, &backup(2), night(6));
    put(&store, &[Laid { bases: names([2]), ..backup(6) }]);
    let pruned = run_by(2, &store, &keep(1, 0), night(7), &FORGETFUL).unwrap();
    assert_eq!(there(&store), names([2, 6]));
    assert_eq!(pruned.warnings[0].code.as_str(), "prune-unfinished");
    assert_eq!(pruned.warnings[0].actual.as_deref(), Some(&*format!("{} needs it", name(6))));
    // Of what does not lie there any more nothing is left to do.
    for end in ["", ".sigstore.json"] {
        store.delete(&object(&format!("archives/{}.tar.zst.age{end}", name(2)))).unwrap();
    }
    let pruned = run_by(2, &store, &keep(1, 0), night(8), &FORGETFUL).unwrap();
    assert!(pruned.warnings.is_empty() && pruned.completed.is_empty(), "{:?}", pruned.warnings);
}
