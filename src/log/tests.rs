//! The protocol under everything that can happen to its writers; and what a reader catches.

use crate::error::{Error, Result};
use crate::finding::Code;
use crate::format::tlog::entries;
use crate::format::tlog::tile::{FULL, Tile};
use crate::log::append::{Appended, Record};
use crate::log::state::State;
use crate::log::testing::{
    FORGETFUL, ORIGIN, backup, hosts, key, log, names, now, tree, trust, whole, writer,
};
use crate::log::{CHECKPOINT, Log, PENDING};
use crate::store::memory::{Fault, Memory};
use crate::store::{ObjectName, Store};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Appends by key 1 and 2 in turn.
fn append(store: &dyn Store, records: &[Record]) -> Result<Appended> {
    let (trust, key) = (hosts(), key(1 + (records.len() % 2) as u8));
    writer(log(store, &trust), &key, &FORGETFUL).append(records)
}

fn code(error: &Error) -> Option<Code> {
    match error {
        Error::Refused(findings) => findings.first().map(|finding| finding.code),
        _ => None,
    }
}

fn object(name: &str) -> ObjectName {
    ObjectName::new(name).unwrap()
}

/// A store with this many leaves, appended one by one.
fn store_of(leaves: u64) -> Memory {
    let store = Memory::new();
    for number in 0..leaves {
        append(&store.host(), &[backup(number)]).unwrap();
    }
    store
}

#[test]
fn what_is_appended_is_in_the_log_once() {
    let store = Memory::new();
    let first = append(&store, &[backup(0), backup(1)]).unwrap();
    assert_eq!(first, Appended { size: 2, added: 2, already: 0 });
    let again = append(&store, &[backup(1), backup(2), backup(1)]).unwrap();
    assert_eq!(again, Appended { size: 3, added: 1, already: 1 });
    let nothing = append(&store, &[backup(0)]).unwrap();
    assert_eq!(nothing, Appended { size: 3, added: 0, already: 1 });
    assert_eq!(names(&whole(&store)), ["shop-b0", "shop-b1", "shop-b2"]);
    assert_eq!(append(&Memory::new(), &[]).unwrap(), Appended { size: 0, added: 0, already: 0 });
}

#[test]
fn a_log_grows_past_its_tiles_and_leaves_no_partial_one_behind() {
    let store = Memory::new();
    let sizes = [250, 5, 1, 1, 253, 1, 1];
    let mut number = 0;
    for size in sizes {
        let records: Vec<Record> = (number..number + size).map(backup).collect();
        number += size;
        assert_eq!(append(&store.host(), &records).unwrap().size, number);
        assert_eq!(whole(&store).leaves.len() as u64, number);
    }
    let listed = store.list("log").unwrap();
    let there: BTreeSet<String> = listed.entries.iter().map(|entry| entry.name.as_str().to_owned()).collect();
    assert!(!there.iter().any(|name| name.starts_with("log/staged/")), "{there:?}");
    let full = Tile { level: 0, index: 0, width: FULL };
    assert!(
        there.contains(&format!("log/{}", full.path()))
            && there.contains(&format!("log/{}", full.entries_path()))
    );
    let partial = there.iter().filter(|name| name.contains("/000.p/") && !name.contains("tile/1/"));
    assert_eq!(partial.count(), 0, "{there:?}");
}

/// Every fault that a host can meet at a call.
fn faults() -> [fn() -> Fault; 5] {
    [|| Fault::Refused, || Fault::AnswerLost, || Fault::Cut, || Fault::KilledBefore, || Fault::KilledAfter]
}

/// At each call of an append, with this many leaves before it, each of these happens; then another host comes by, and the
/// first one tries again.
fn survives(before: u64, faults: &[fn() -> Fault]) {
    let earlier: Vec<Record> = (0..before).map(backup).collect();
    let start = || {
        let store = Memory::new();
        append(&store.host(), &earlier).unwrap();
        store
    };
    let records = [backup(900), backup(901)];
    let count = {
        let host = start().host();
        append(&host, &records).unwrap();
        host.calls().len()
    };
    assert!(count > 10, "{count}");
    let numbers = (0..before).chain([900, 901, 950]);
    let expected: BTreeSet<String> = numbers.map(|number| format!("shop-b{number}")).collect();
    for (call, fault) in (0..count).flat_map(|call| faults.iter().map(move |fault| (call, fault))) {
        let store = start();
        let unlucky = store.host();
        unlucky.fault_at(call, fault());
        let first = append(&unlucky, &records);
        append(&store.host(), &[backup(950)]).unwrap();
        append(&store.host(), &records).unwrap();
        let found = names(&tree(&store));
        assert_eq!(found.len(), expected.len(), "call {call}: {first:?}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "call {call}: {first:?}");
    }
}

#[test]
fn whatever_happens_at_any_call_nothing_is_lost_and_nothing_stands_twice() {
    survives(0, &faults());
    survives(3, &faults());
}

#[test]
fn a_host_that_dies_while_a_tile_gets_full_loses_nothing() {
    survives(255, &faults()[4..]);
}

#[test]
fn another_host_may_get_in_between_at_any_call() {
    let count = {
        let host = store_of(2);
        append(&host, &[backup(900)]).unwrap();
        host.calls().len()
    };
    for call in 0..count {
        let store = store_of(2);
        let host = store.host();
        let overtaking = |other: &Memory| {
            append(other, &[backup(901), backup(900)]).unwrap();
        };
        host.fault_at(call, Fault::Overtaken(Box::new(overtaking)));
        append(&host, &[backup(900)]).unwrap();
        let found = names(&whole(&store));
        assert_eq!(found.len(), 4, "at call {call}: {found:?}");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 4, "at call {call}: {found:?}");
    }
}

#[test]
fn another_host_may_append_the_same_and_die_on_the_way() {
    let start = || store_of(2).host();
    let count = {
        let host = start();
        append(&host, &[backup(900)]).unwrap();
        host.calls().len()
    };
    for (call, dies) in (0..count).flat_map(|call| (0..count).map(move |dies| (call, dies))) {
        let host = start();
        let overtaking = move |other: &Memory| {
            other.fault_at(dies, Fault::KilledAfter);
            let _ = append(other, &[backup(900)]);
        };
        host.fault_at(call, Fault::Overtaken(Box::new(overtaking)));
        append(&host, &[backup(900)]).unwrap();
        let found = names(&whole(&host));
        assert_eq!(found, ["shop-b0", "shop-b1", "shop-b900"], "at call {call}, dead after {dies}");
    }
}

#[test]
fn what_was_staged_from_an_earlier_checkpoint_is_in_nobodys_way() {
    // A tile gets full in between: the files that lead to the same root are others.
    let (store, both) = (Memory::new(), [backup(900), backup(901)]);
    append(&store.host(), &(0..255).map(backup).collect::<Vec<_>>()).unwrap();
    let undisturbed = store.copy();
    append(&undisturbed, &both).unwrap();
    let staging = undisturbed.calls().iter().position(|call| call.starts_with("create log/staged/257-"));
    let dies = store.host();
    dies.fault_at(staging.expect("it is staged"), Fault::KilledAfter);
    append(&dies, &both).expect_err("it died");
    append(&store.host(), &both[..1]).unwrap();
    append(&store.host(), &both[1..]).unwrap();
    assert_eq!(names(&whole(&store))[255..], ["shop-b900", "shop-b901"]);
    append(&store.host(), &[backup(902)]).unwrap();
    assert_eq!(whole(&store).leaves.len(), 258);
}

#[test]
fn a_store_that_says_that_a_leaf_is_in_the_log_is_not_believed() {
    let (store, new) = (store_of(3), backup(9));
    store.create(&object(&new.leaf.event_path()), &new.statement).unwrap();
    let mut forged = Vec::new();
    for record in [&backup(0), &new, &backup(2)] {
        assert!(entries::append(&mut forged, &record.leaf.to_bytes()));
    }
    store.damage(&object("log/tile/entries/000.p/3"), &forged);
    let error = append(&store.host(), &[new]).unwrap_err();
    assert_eq!(code(&error), Some(Code::LogInvalid), "{error}");
}

#[test]
fn a_hundred_writers_with_kills_at_random_calls_lose_nothing() {
    const WRITERS: u64 = 100;
    let store = Memory::new();
    let (killed, tries) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let (store, killed, tries) = (&store, &killed, &tries);
            scope.spawn(move || {
                let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (number << 17);
                let mut random = |below: u64| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state % below
                };
                let records = [backup(number), backup(1000 + number)];
                for attempt in 0.. {
                    assert!(attempt < 50, "a writer without faults comes through");
                    tries.fetch_add(1, Relaxed);
                    let host = store.host();
                    // Three times in four it is killed or loses an answer on the way.
                    if attempt < 4 && random(4) > 0 {
                        let fault = faults()[random(5) as usize]();
                        host.fault_at(random(25) as usize, fault);
                    }
                    match append(&host, &records[..1 + random(2) as usize]) {
                        Ok(_) => break,
                        Err(error) => {
                            assert_eq!(
                                code(&error),
                                None,
                                "a fault of the store is no fault of the log: {error}"
                            );
                            killed.fetch_add(1, Relaxed);
                        }
                    }
                }
                append(&store.host(), &records).unwrap();
            });
        }
    });
    assert!(killed.load(Relaxed) > 20, "{} of {} tries failed", killed.load(Relaxed), tries.load(Relaxed));
    let found = names(&whole(&store));
    let expected: BTreeSet<String> =
        (0..WRITERS).chain(1000..1000 + WRITERS).map(|number| format!("shop-b{number}")).collect();
    assert_eq!(found.len(), 200, "no leaf stands twice");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn nobody_signs_what_nobody_would_believe() {
    let store = Memory::new();
    let may = "may = [\"seal:backup\", \"receipt\"]";
    let (trust, key) = (trust(may, may), key(1));
    let refused = writer(log(&store, &trust), &key, &FORGETFUL).append(&[backup(0)]).unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused}");
    assert!(store.list("").unwrap().entries.is_empty(), "nothing was written");
}

#[test]
fn a_log_that_was_rolled_back_or_replaced_is_refused_by_who_remembers() {
    let (folder, trust, key) = (tempfile::tempdir().unwrap(), hosts(), key(1));
    let state = State { folder: Some(folder.path()), now: now() };
    let (store, old) = (Memory::new(), store_of(3));
    assert_eq!(state.recall("memory").unwrap(), None);
    let write =
        |store: &dyn Store, number| writer(log(store, &trust), &key, &state).append(&[backup(number)]);
    (0..5).for_each(|number| assert_eq!(write(&store, number).unwrap().size, number + 1));
    let remembered = state.recall("memory").unwrap().unwrap();
    assert_eq!((remembered.newest().size, remembered.seen.len(), remembered.origin.as_str()), (5, 5, ORIGIN));
    // Three leaves where there were five; as many, but others; none.
    let other = Memory::new();
    let swapped: Vec<Record> = [0, 1, 2, 4, 3].map(backup).into();
    append(&other, &swapped).unwrap();
    append(&other, &[backup(5)]).unwrap();
    for bad in [&old, &other, &Memory::new()] {
        let before = bad.list("").unwrap();
        assert_eq!(code(&write(bad, 9).unwrap_err()), Some(Code::LogForked));
        assert_eq!(bad.list("").unwrap(), before, "nothing was written");
    }
    assert_eq!(state.recall("memory").unwrap().unwrap(), remembered);
    append(&store.host(), &[backup(6)]).unwrap();
    write(&store, 7).unwrap();
    assert_eq!(state.recall("memory").unwrap().unwrap().newest().size, 7);
}

#[test]
fn what_is_remembered_must_be_readable() {
    let (folder, trust) = (tempfile::tempdir().unwrap(), hosts());
    let state = State { folder: Some(folder.path()), now: now() };
    let store = store_of(1);
    let log = log(&store, &trust);
    state.remember(&log, &log.head().unwrap().unwrap()).unwrap();
    let file = state.file("memory").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    for bad in ["", "{}", &text.replace("v1", "v2"), &text.replace("\"memory\"", "\"other\"")] {
        std::fs::write(&file, bad).unwrap();
        let error = state.recall("memory").unwrap_err();
        assert!(error.to_string().contains("is not what attestar remembers"), "{error}");
    }
}

/// What a reader says of a store after something was done to it.
fn reads(store: &Memory) -> Option<Code> {
    let trust = hosts();
    let log = log(store, &trust);
    let read = || {
        let leaves = log.leaves(log.head()?.expect("a log"))?;
        let (_, findings) = log.check_tiles(&leaves)?;
        let told = leaves.leaves.iter().map(|leaf| log.told(leaf)).collect::<Result<Vec<_>>>()?;
        let findings =
            findings.into_iter().chain(told.into_iter().filter_map(std::result::Result::err).flatten());
        Ok::<_, Error>(findings.map(|finding| finding.code).next())
    };
    read().unwrap_or_else(|error| code(&error))
}

#[test]
fn every_change_of_a_log_is_caught() {
    let read = |store: &Memory, name: &str| store.get(&object(name), 1 << 20).unwrap().unwrap().0;
    let store = store_of(3);
    assert_eq!(reads(&store), None);
    let entries = read(&store, "log/tile/entries/000.p/3");
    let tile = read(&store, "log/tile/0/000.p/3");
    let event = backup(1).leaf.event_path();
    let with = |bytes: &[u8], from: &str, to: &str| {
        String::from_utf8_lossy(bytes).replacen(from, to, 1).into_bytes()
    };
    let checkpoint = read(&store, CHECKPOINT);
    let cases: [(&str, Vec<u8>, Code); 9] = [
        ("log/tile/entries/000.p/3", with(&entries, "shop-b1", "shop-b9"), Code::LogInvalid),
        ("log/tile/entries/000.p/3", entries[..entries.len() - 1].to_vec(), Code::LogInvalid),
        ("log/tile/entries/000.p/3", Vec::new(), Code::LogInvalid),
        ("log/tile/0/000.p/3", tile[..64].to_vec(), Code::LogInvalid),
        ("log/tile/0/000.p/3", [&tile[32..], &tile[..32]].concat(), Code::LogInvalid),
        (CHECKPOINT, with(&checkpoint, "\n3\n", "\n2\n"), Code::SignatureInvalid),
        (CHECKPOINT, key(9).sign_checkpoint(log_head(&store).checkpoint()), Code::SignerUnknown),
        (&event, read(&store, &backup(2).leaf.event_path()), Code::Altered),
        (&event, Vec::new(), Code::Altered),
    ];
    for (name, bytes, expected) in cases {
        let damaged = store_of(3);
        damaged.damage(&object(name), &bytes);
        assert_eq!(reads(&damaged), Some(expected), "{name}");
    }
    for (name, expected) in [(event.as_str(), Code::Missing), ("log/tile/0/000.p/3", Code::LogInvalid)] {
        let damaged = store_of(3);
        assert!(damaged.delete(&object(name)).unwrap());
        assert_eq!(reads(&damaged), Some(expected), "{name}");
    }
}

fn log_head(store: &Memory) -> crate::log::read::Head {
    let trust = hosts();
    log(store, &trust).head().unwrap().unwrap()
}

#[test]
fn a_writer_builds_on_nothing_that_is_not_the_log() {
    let appends = |store: &Memory| append(&store.host(), &[backup(9)]).map_err(|error| code(&error));
    let forged = log_head(&store_of(5));
    let cases: [(&str, Vec<u8>); 5] = [
        (PENDING, key(9).sign_checkpoint(forged.checkpoint())),
        (PENDING, forged.note.clone()),
        (
            PENDING,
            log_head(&{
                let other = Memory::new();
                append(&other, &[backup(7), backup(8)]).unwrap();
                append(&other, &[backup(6)]).unwrap();
                other
            })
            .note,
        ),
        ("log/tile/0/000.p/3", vec![0; 96]),
        ("log/tile/entries/000.p/3", b"\0\x01x".to_vec()),
    ];
    for (at, (name, bytes)) in cases.into_iter().enumerate() {
        let store = store_of(3);
        store.damage(&object(name), &bytes);
        let before = log_head(&store).note;
        let refused = appends(&store).unwrap_err();
        assert!(matches!(refused, Some(Code::LogInvalid | Code::SignerUnknown)), "{at}: {refused:?}");
        assert_eq!(log_head(&store).note, before, "{at}: the log is as it was");
    }
}

#[test]
fn a_proof_of_each_leaf_holds_by_its_checkpoint() {
    use crate::format::tlog::proof::verify_inclusion;
    use crate::format::tlog::tree::leaf_hash;
    let leaves = whole(&store_of(7));
    let checkpoint = leaves.head.checkpoint();
    for index in 0..7 {
        let proof = leaves.prove(index);
        assert_eq!(proof.entry, backup(index).leaf.to_bytes());
        let hash = leaf_hash(&proof.entry);
        assert!(verify_inclusion(hash, index, checkpoint.size, checkpoint.root, &proof.hashes));
    }
    let trust = hosts();
    let empty = Memory::new();
    let log: Log<'_> = log(&empty, &trust);
    assert!(log.head().unwrap().is_none());
}
