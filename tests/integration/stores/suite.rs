//! What every store does.

use super::{Place, arrive, name, names, whole};
use crate::world;
use attestar::error::Error;
use attestar::format::digest::Sha256;
use attestar::pipeline::watch::Watch;
use attestar::store::{Created, INCOMING, Revision, Store, Swapped, error_of};
use jiff::Timestamp;
use std::io::{Read, Write};
use std::sync::LazyLock;
use std::thread;

/// More than two parts of an upload, and not a whole number of them.
const LONG: usize = 20_000_000;

/// So many bytes of no pattern.
fn noise(len: usize) -> &'static [u8] {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| world::noise(LONG));
    &NOISE[..len]
}

const SMALL: usize = 1 << 20;

type Behaviour = fn(&dyn Place);

const BEHAVIOURS: &[(&str, Behaviour)] = &[
    ("what is not there", nothing_is_there),
    ("create", create_is_create_only),
    ("swap", swap_replaces_only_what_was_seen),
    ("many creators", one_of_many_creates),
    ("many swappers", no_swap_of_many_is_lost),
    ("arrive", what_arrives_is_whole),
    ("arrive with nothing", an_empty_object_arrives),
    ("ranges", ranges_end_with_the_object),
    ("dropped", a_dropped_arrival_leaves_nothing),
    ("not what was meant", an_arrival_of_other_bytes_is_refused),
    ("taken", an_arrival_replaces_nothing),
    ("two arrivals", one_of_two_arrivals_is_in_place),
    ("list", a_list_is_a_folder_in_order),
    ("delete", what_is_deleted_can_come_again),
    ("replaced while read", a_reader_never_mixes_two_contents),
    ("interrupted", an_interruption_ends_every_call),
];

/// Runs every behaviour, each in a place of its own.
pub fn holds_for(mut empty: impl FnMut() -> Box<dyn Place>) {
    for (what, behaviour) in BEHAVIOURS {
        eprintln!("{what}");
        behaviour(&*empty());
    }
}

fn created(store: &dyn Store, object: &str, bytes: &[u8]) {
    assert_eq!(store.create(&name(object), bytes).unwrap(), Created::Created, "{object}");
}

fn content(store: &dyn Store, object: &str) -> Option<Vec<u8>> {
    store.get(&name(object), SMALL).unwrap().map(|(bytes, _)| bytes)
}

fn swapped(outcome: Swapped) -> Revision {
    match outcome {
        Swapped::Swapped(revision) => revision,
        Swapped::Changed => panic!("it has changed"),
    }
}

/// Nothing is half there: no object, no arrival that a sweep would find.
fn is_empty(store: &dyn Store) {
    assert_eq!(names(store, ""), [""; 0]);
    assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

fn nothing_is_there(place: &dyn Place) {
    let store = place.host();
    let object = name("archives/none");
    assert_eq!(store.head(&object).unwrap(), None);
    assert_eq!(store.get(&object, SMALL).unwrap(), None);
    assert_eq!(whole(&*store, "archives/none").unwrap(), None);
    assert!(store.range(&object, 0, 1).is_err());
    assert!(!store.delete(&object).unwrap());
    assert_eq!(store.swap(&object, b"x", Some(&Revision::of_nothing())).unwrap(), Swapped::Changed);
    is_empty(&*store);
}

fn create_is_create_only(place: &dyn Place) {
    let (one, other) = (place.host(), place.host());
    let object = name("events/one.sigstore.json");
    created(&*one, "events/one.sigstore.json", b"first");
    assert_eq!(other.create(&object, b"second").unwrap(), Created::AlreadyThere);
    assert_eq!(other.create(&object, b"first").unwrap(), Created::AlreadyThere);
    assert_eq!(content(&*other, "events/one.sigstore.json").unwrap(), b"first");
    let entry = other.head(&object).unwrap().unwrap();
    assert_eq!((entry.name, entry.size), (object.clone(), 5));
    assert!(one.get(&object, 5).is_ok());
    let error = one.get(&object, 4).unwrap_err().to_string();
    assert!(error.contains("events/one.sigstore.json"), "{error}");
}

fn swap_replaces_only_what_was_seen(place: &dyn Place) {
    let (one, other) = (place.host(), place.host());
    let object = name("log/checkpoint");
    let first = swapped(one.swap(&object, b"1", None).unwrap());
    assert_eq!(other.swap(&object, b"x", None).unwrap(), Swapped::Changed);
    assert_eq!(other.get(&object, 1).unwrap().unwrap(), (b"1".to_vec(), first.clone()));
    let second = swapped(other.swap(&object, b"22", Some(&first)).unwrap());
    assert_eq!(one.swap(&object, b"x", Some(&first)).unwrap(), Swapped::Changed);
    assert_eq!(content(&*one, "log/checkpoint").unwrap(), b"22");
    swapped(other.swap(&object, b"333", Some(&second)).unwrap());
    assert!(one.delete(&object).unwrap());
    assert_eq!(one.swap(&object, b"x", Some(&second)).unwrap(), Swapped::Changed);
    is_empty(&*one);
}

fn one_of_many_creates(place: &dyn Place) {
    let won: Vec<usize> = thread::scope(|scope| {
        let hosts: Vec<_> = (0..8usize)
            .map(|host| {
                scope.spawn(move || {
                    let mine = vec![host as u8; 1000 + host];
                    place.host().create(&name("log/staged/1"), &mine).unwrap() == Created::Created
                })
            })
            .collect();
        let outcomes = hosts.into_iter().map(|host| host.join().unwrap());
        outcomes.enumerate().filter_map(|(host, won)| won.then_some(host)).collect()
    });
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(content(&*place.host(), "log/staged/1").unwrap(), vec![won[0] as u8; 1000 + won[0]]);
}

fn no_swap_of_many_is_lost(place: &dyn Place) {
    const HOSTS: usize = 4;
    const TIMES: usize = 4;
    let object = name("log/pending");
    created(&*place.host(), "log/pending", b"0");
    let increase = |store: &dyn Store| {
        let (bytes, seen) = store.get(&object, 16).unwrap().unwrap();
        let number: usize = String::from_utf8(bytes).unwrap().parse().unwrap();
        store.swap(&object, (number + 1).to_string().as_bytes(), Some(&seen)).unwrap() != Swapped::Changed
    };
    thread::scope(|scope| {
        for _ in 0..HOSTS {
            scope.spawn(|| {
                let store = place.host();
                (0..TIMES).for_each(|_| while !increase(&*store) {});
            });
        }
    });
    assert_eq!(content(&*place.host(), "log/pending").unwrap(), (HOSTS * TIMES).to_string().as_bytes());
}

fn what_arrives_is_whole(place: &dyn Place) {
    let store = place.host();
    let bytes = noise(LONG);
    let object = name("archives/long.tar.zst.age");
    let mut arrival = store.arrive(&object).unwrap();
    for piece in bytes.chunks(3_333_333) {
        arrival.write_all(piece).unwrap();
        assert_eq!(place.host().head(&object).unwrap(), None, "not before it is whole");
        assert_eq!(names(&*place.host(), ""), [""; 0]);
    }
    assert_eq!(arrival.finish(LONG as u64, &Sha256::of(bytes)).unwrap(), Created::Created);
    assert!(whole(&*place.host(), "archives/long.tar.zst.age").unwrap().unwrap() == bytes);
    assert_eq!(store.head(&object).unwrap().unwrap().size, LONG as u64);
    assert!(store.range(&object, 8_388_000, 1_000_000).unwrap() == bytes[8_388_000..9_388_000]);
    assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

fn an_empty_object_arrives(place: &dyn Place) {
    let store = place.host();
    assert_eq!(arrive(&*store, "archives/empty", b"").unwrap(), Created::Created);
    assert_eq!(whole(&*store, "archives/empty").unwrap().unwrap(), b"");
    assert_eq!(store.range(&name("archives/empty"), 0, 10).unwrap(), b"");
}

fn ranges_end_with_the_object(place: &dyn Place) {
    let store = place.host();
    created(&*store, "archives/digits", b"0123456789");
    let range = |offset, len| store.range(&name("archives/digits"), offset, len).unwrap();
    assert_eq!(range(0, 10), b"0123456789");
    assert_eq!(range(3, 4), b"3456");
    assert_eq!(range(8, 10), b"89");
    assert_eq!(range(10, 1), b"");
    assert_eq!(range(u64::MAX, 1), b"");
    assert_eq!(range(5, 0), b"");
}

fn a_dropped_arrival_leaves_nothing(place: &dyn Place) {
    let store = place.host();
    let mut arrival = store.arrive(&name("archives/dropped")).unwrap();
    arrival.write_all(noise(LONG)).unwrap();
    drop(arrival);
    is_empty(&*store);
}

fn an_arrival_of_other_bytes_is_refused(place: &dyn Place) {
    let store = place.host();
    for (size, meant) in [(3, &b"abd"[..]), (4, b"abc")] {
        let mut arrival = store.arrive(&name("archives/other")).unwrap();
        arrival.write_all(b"abc").unwrap();
        let error = arrival.finish(size, &Sha256::of(meant)).unwrap_err();
        assert!(error.to_string().contains("archives/other") && !error.hint().is_empty(), "{error}");
        is_empty(&*store);
    }
}

fn an_arrival_replaces_nothing(place: &dyn Place) {
    let store = place.host();
    created(&*store, "archives/taken", b"old");
    for bytes in [b"short", noise(LONG)] {
        assert_eq!(arrive(&*store, "archives/taken", bytes).unwrap(), Created::AlreadyThere);
        assert_eq!(content(&*store, "archives/taken").unwrap(), b"old");
        assert_eq!(names(&*store, ""), ["archives/taken"]);
        assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
    }
}

fn one_of_two_arrivals_is_in_place(place: &dyn Place) {
    let bytes = [noise(LONG), noise(LONG / 2)];
    let arrive = |bytes: &[u8]| arrive(&*place.host(), "archives/both", bytes).unwrap();
    let outcomes = thread::scope(|scope| {
        let arriving = [0, 1].map(|at| {
            scope.spawn({
                let bytes = &bytes[at];
                move || arrive(bytes)
            })
        });
        arriving.map(|host| host.join().unwrap())
    });
    let won = outcomes.iter().position(|outcome| *outcome == Created::Created).expect("a winner");
    assert_eq!(outcomes[1 - won], Created::AlreadyThere);
    assert!(whole(&*place.host(), "archives/both").unwrap().unwrap() == bytes[won]);
    assert_eq!(place.host().sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

fn a_list_is_a_folder_in_order(place: &dyn Place) {
    let store = place.host();
    let objects =
        ["archives/b", "archives-old/c", "archives/a.age", "archives/deep/er/x", "archives.d", "archives/a"];
    objects.iter().for_each(|object| created(&*store, object, object.as_bytes()));
    let in_archives = ["archives/a", "archives/a.age", "archives/b", "archives/deep/er/x"];
    assert_eq!(names(&*store, "archives"), in_archives);
    assert_eq!(names(&*store, "archives/deep"), ["archives/deep/er/x"]);
    assert_eq!(names(&*store, "nothing"), [""; 0]);
    let mut all = objects.to_vec();
    all.sort_unstable();
    assert_eq!(names(&*store, ""), all);
    let sizes = store.list("archives").unwrap().entries.into_iter().map(|entry| entry.size as usize);
    assert!(sizes.eq(in_archives.iter().map(|object| object.len())));
    assert!(store.list("../etc").is_err());
    assert_eq!(names(&*store, INCOMING), [""; 0]);
}

fn what_is_deleted_can_come_again(place: &dyn Place) {
    let store = place.host();
    created(&*store, "archives/gone", b"one");
    assert!(store.delete(&name("archives/gone")).unwrap());
    assert_eq!(content(&*place.host(), "archives/gone"), None);
    assert!(!store.delete(&name("archives/gone")).unwrap());
    is_empty(&*store);
    created(&*store, "archives/gone", b"two");
    assert_eq!(content(&*store, "archives/gone").unwrap(), b"two");
}

fn a_reader_never_mixes_two_contents(place: &dyn Place) {
    let (store, other) = (place.host(), place.host());
    let object = name("archives/replaced");
    let (old, new) = (vec![1; LONG], vec![2; LONG]);
    arrive(&*store, "archives/replaced", &old).unwrap();
    let mut reading = store.read(&object).unwrap().unwrap();
    let mut bytes = vec![0; 1000];
    reading.read_exact(&mut bytes).unwrap();
    assert!(other.delete(&object).unwrap());
    arrive(&*other, "archives/replaced", &new).unwrap();
    match reading.read_to_end(&mut bytes) {
        Ok(_) => assert!(bytes == old, "what was there when it was opened"),
        Err(error) => {
            assert!(matches!(error_of(error, store.place()), Error::Io { .. } | Error::Store { .. }))
        }
    }
}

fn an_interruption_ends_every_call(place: &dyn Place) {
    let watch = Watch::default();
    let store = place.open(&watch);
    created(&*store, "archives/there", b"there");
    let object = name("archives/there");
    let mut reading = store.read(&object).unwrap().unwrap();
    let mut arrival = store.arrive(&name("archives/half")).unwrap();
    arrival.write_all(noise(LONG)).unwrap();
    let arrived = store.arrive(&name("archives/written")).unwrap();
    watch.interrupt();
    let outcomes = [
        store.head(&object).err(),
        store.get(&object, SMALL).err(),
        store.range(&object, 0, 1).err(),
        store.read(&object).err(),
        store.list("").err(),
        store.create(&name("archives/new"), b"new").err(),
        store.swap(&object, b"new", None).err(),
        store.arrive(&name("archives/new")).err(),
        store.delete(&object).err(),
        store.sweep(Timestamp::MAX).err(),
        reading.read(&mut [0; 9]).err().map(|error| error_of(error, store.place())),
        arrival.write_all(b"x").err().map(|error| error_of(error, store.place())),
        arrived.finish(0, &Sha256::of(b"")).err(),
    ];
    for (at, outcome) in outcomes.into_iter().enumerate() {
        assert!(matches!(outcome, Some(Error::Interrupted)), "call {at}: {outcome:?}");
    }
    drop(arrival);
    let other = place.host();
    assert_eq!(names(&*other, ""), ["archives/there"]);
    assert_eq!(other.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}
