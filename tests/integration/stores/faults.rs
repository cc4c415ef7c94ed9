//! A fault at every call of a scenario: what was there stays whole, what is new is whole or absent, and a sweep cleans up.

use super::{arrive, name, whole};
use attestar::error::Result;
use attestar::store::memory::{Fault, Memory};
use attestar::store::{Created, Store, Swapped};
use jiff::Timestamp;

type MakeFault = fn() -> Fault;

const FAULTS: [(&str, MakeFault); 5] = [
    ("refused", || Fault::Refused),
    ("answer lost", || Fault::AnswerLost),
    ("cut", || Fault::Cut),
    ("killed before", || Fault::KilledBefore),
    ("killed after", || Fault::KilledAfter),
];

const OLD: &[u8] = b"an old archive";
static NEW: [u8; 1_000_000] = [9; 1_000_000];

/// What a backup does to a store: an archive, a receipt, the log's next checkpoint.
fn scenario(store: &dyn Store) -> Result<()> {
    let (_, seen) = store.get(&name("log/checkpoint"), 100)?.expect("a log");
    arrive(store, "archives/new", &NEW)?;
    store.create(&name("archives/new.sigstore.json"), b"a receipt")?;
    store.swap(&name("log/checkpoint"), b"2", Some(&seen))?;
    store.list("archives")?;
    Ok(())
}

fn prepared() -> Memory {
    let store = Memory::new();
    arrive(&store, "archives/old", OLD).unwrap();
    store.create(&name("log/checkpoint"), b"1").unwrap();
    store.host()
}

#[test]
fn a_fault_at_every_call_leaves_old_objects_whole_and_new_ones_whole_or_absent() {
    let calls = {
        let store = prepared();
        scenario(&store).unwrap();
        store.calls().len()
    };
    assert!(calls >= 9, "{calls}");
    for (what, fault) in FAULTS {
        for at in 0..calls {
            let store = prepared();
            store.fault_at(at, fault());
            let error = scenario(&store).expect_err("a fault is said");
            assert!(!error.hint().is_empty(), "{what} at {at}: {error}");
            let after = store.host();
            assert_eq!(whole(&after, "archives/old").unwrap().unwrap(), OLD, "{what} at {at}");
            let new = whole(&after, "archives/new").unwrap();
            assert!(new.as_ref().is_none_or(|new| *new == NEW), "{what} at {at}");
            let checkpoint = whole(&after, "log/checkpoint").unwrap().unwrap();
            assert!(checkpoint == b"1" || new.is_some() && checkpoint == b"2", "{what} at {at}");
            after.sweep(Timestamp::MAX).unwrap();
            assert_eq!(after.sweep(Timestamp::MAX).unwrap(), [""; 0], "{what} at {at}");
        }
    }
}

#[test]
fn the_next_run_just_works() {
    for (what, fault) in FAULTS {
        for at in 0..9 {
            let store = prepared();
            store.fault_at(at, fault());
            scenario(&store).expect_err("a fault is said");
            let next = store.host();
            let (_, seen) = next.get(&name("log/checkpoint"), 100).unwrap().unwrap();
            let created = arrive(&next, "archives/next", &NEW).unwrap();
            assert_eq!(created, Created::Created, "{what} at {at}");
            let swapped = next.swap(&name("log/checkpoint"), b"3", Some(&seen)).unwrap();
            assert_ne!(swapped, Swapped::Changed, "{what} at {at}");
        }
    }
}
