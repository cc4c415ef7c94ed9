//! The reference store, and its plan of faults.

use super::{Place, arrive, name, names, suite, whole};
use attestar::pipeline::watch::Watch;
use attestar::store::memory::{Fault, Memory};
use attestar::store::{Created, Store, Swapped};
use jiff::Timestamp;
use std::sync::Mutex;

struct InMemory(Mutex<Memory>);

impl Place for InMemory {
    fn open(&self, watch: &Watch) -> Box<dyn Store> {
        Box::new(self.0.lock().unwrap().watched_host(watch))
    }
}

#[test]
fn it_does_what_every_store_does() {
    suite::holds_for(|| Box::new(InMemory(Mutex::new(Memory::new()))));
}

#[test]
fn a_lost_answer_has_its_effect_and_a_refused_call_has_none() {
    let store = Memory::new();
    store.fault_at(0, Fault::Refused);
    store.fault_at(2, Fault::AnswerLost);
    store.fault_at(3, Fault::Cut);
    assert!(store.create(&name("a"), b"a").is_err());
    assert_eq!(names(&store, ""), [""; 0]);
    assert!(store.create(&name("a"), b"a").is_err());
    assert!(store.create(&name("b"), b"b").is_err());
    assert_eq!(names(&store, ""), ["a"]);
    assert_eq!(store.calls(), ["create a", "list ", "create a", "create b", "list "]);
}

#[test]
fn a_cut_answer_gives_half_of_the_bytes_and_an_error() {
    let store = Memory::new();
    arrive(&store, "a", &[7; 1000]).unwrap();
    store.fault_at(store.calls().len(), Fault::Cut);
    let error = whole(&store, "a").unwrap_err();
    assert!(error.to_string().contains("cannot read a in memory"), "{error}");
    assert_eq!(whole(&store, "a").unwrap().unwrap(), [7; 1000]);
}

#[test]
fn a_stale_list_does_not_know_the_latest_change() {
    let store = Memory::new();
    store.create(&name("a"), b"a").unwrap();
    store.create(&name("b"), b"b").unwrap();
    store.fault_at(2, Fault::Stale);
    assert_eq!(names(&store, ""), ["a"]);
    assert_eq!(names(&store, ""), ["a", "b"]);
}

#[test]
fn the_dead_leave_what_was_on_its_way_and_others_sweep_it() {
    let store = Memory::new();
    store.fault_at(2, Fault::KilledBefore);
    assert!(arrive(&store, "a", &[7; 1000]).is_err());
    assert!(store.list("").is_err(), "the dead make no calls");
    let other = store.host();
    assert_eq!(names(&other, ""), [""; 0]);
    assert_eq!(other.sweep(Timestamp::UNIX_EPOCH).unwrap(), [""; 0], "nothing is as old");
    assert_eq!(other.sweep(Timestamp::MAX).unwrap().len(), 1);
    assert_eq!(other.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

#[test]
fn another_host_gets_in_between() {
    let store = Memory::new();
    let Swapped::Swapped(seen) = store.swap(&name("a"), b"1", None).unwrap() else { panic!("it is new") };
    let other = seen.clone();
    store.fault_at(
        1,
        Fault::Overtaken(Box::new(move |host| {
            assert_ne!(host.swap(&name("a"), b"2", Some(&other)).unwrap(), Swapped::Changed);
        })),
    );
    assert_eq!(store.swap(&name("a"), b"3", Some(&seen)).unwrap(), Swapped::Changed);
    assert_eq!(store.create(&name("a"), b"4").unwrap(), Created::AlreadyThere);
    assert_eq!(store.get(&name("a"), 1).unwrap().unwrap().0, b"2");
}
