//! The nightly check under everything that can happen to it and to its store; and what it leaves behind then.

use crate::backup_verify::{backed_up, check_store, codes};
use crate::world::World;
use attestar::finding::Verdict;
use attestar::format::leaf::What;
use attestar::keys::home::Home;
use attestar::log::Log;
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use attestar::store::memory::{Fault, Memory};
use attestar::store::{ObjectName, Store};
use attestar::verbs::backup_verify::{Checked, Selection};
use std::fs;

const MOMENT: &str = "2026-11-11T03:00:00Z";
const LATER: &str = "2026-11-11T03:01:00Z";

/// The world's store, in memory, where calls can fail.
pub fn in_memory(world: &World) -> Memory {
    let store = Memory::new();
    let folder = Directory::open(&world.path().join("store"), &Watch::default()).unwrap();
    for entry in folder.list("").unwrap().entries {
        let bytes = fs::read(folder.file(&entry.name).unwrap()).unwrap();
        store.create(&entry.name, &bytes).unwrap();
    }
    store
}

fn check(world: &World, store: &dyn Store) -> attestar::Result<Checked> {
    check_store(world, store, MOMENT, Selection::All, &Watch::default())
}

/// How often the log says that archives were read.
fn verified(world: &World, store: &Memory) -> usize {
    let trust = Home::new(world.home()).trust().unwrap();
    let log = Log { store, trust: &trust, origin: Some("nightly") };
    let leaves = log.leaves(log.head().unwrap().unwrap()).unwrap();
    assert!(log.check_tiles(&leaves).unwrap().1.is_empty());
    leaves.leaves.iter().filter(|leaf| leaf.what == What::Verified).count()
}

/// Forgets the logs that this world's host saw: the store is another one in each case.
fn forget(world: &World) {
    let _ = fs::remove_dir_all(world.path().join("seen"));
}

#[test]
fn whatever_happens_at_any_call_the_next_run_just_works() {
    let world = backed_up([11]);
    let calls = {
        let host = in_memory(&world).host();
        assert_eq!(check(&world, &host).unwrap().outcome.verdict(), Verdict::Holds);
        host.calls()
    };
    assert!(calls.len() > 20, "{calls:?}");
    let reading: [fn() -> Fault; 2] = [|| Fault::Refused, || Fault::Cut];
    let writing: [fn() -> Fault; 4] =
        [|| Fault::Refused, || Fault::AnswerLost, || Fault::KilledBefore, || Fault::KilledAfter];
    let faults = |call: &String| match call.starts_with("create") || call.starts_with("swap") {
        true => writing.to_vec(),
        false => reading.to_vec(),
    };
    let cases = calls
        .iter()
        .enumerate()
        .flat_map(|(at, call)| faults(call).into_iter().map(move |fault| (at, call, fault)));
    for (at, call, fault) in cases {
        forget(&world);
        let store = in_memory(&world);
        let unlucky = store.host();
        unlucky.fault_at(at, fault());
        let first = check(&world, &unlucky);
        let told = verified(&world, &store);
        if let Ok(checked) = &first {
            let holds = checked.outcome.verdict() == Verdict::Holds;
            assert!(!holds || told == 1, "call {call}: it says that it was recorded");
            assert!(holds || !codes(&checked.outcome).is_empty(), "call {call}");
        }
        let next = check_store(&world, &store.host(), LATER, Selection::All, &Watch::default()).unwrap();
        let found = codes(&next.outcome);
        assert_eq!(next.outcome.verdict(), Verdict::Holds, "call {call}: {found:?}");
        assert_eq!(next.report.coverage.archives_read, 1, "call {call}");
        for entry in store.list("reports").unwrap().entries {
            let name = entry.name.as_str();
            let signed = name.ends_with(".sigstore.json")
                || store.head(&ObjectName::new(&format!("{name}.sigstore.json")).unwrap()).unwrap().is_some();
            assert!(signed, "call {call}: {name} has no signature");
        }
    }
}

#[test]
fn an_archive_that_cannot_be_read_keeps_nobody_from_reading_the_others() {
    let world = backed_up([10, 11]);
    let store = in_memory(&world);
    let at = {
        let host = store.host();
        check_store(&world, &host, MOMENT, Selection::All, &Watch::default()).unwrap();
        let calls = host.calls();
        calls
            .iter()
            .position(|call| call.starts_with("read archives/") && call.ends_with(".age"))
            .expect("a read")
    };
    forget(&world);
    let host = in_memory(&world).host();
    host.fault_at(at, Fault::Refused);
    let checked = check(&world, &host).unwrap();
    assert_eq!(
        (checked.outcome.verdict(), codes(&checked.outcome)),
        (Verdict::Unverified, vec!["unreadable"])
    );
    assert_eq!(checked.report.coverage.archives_read, 1);
    assert!(checked.recorded.is_some(), "what was read is logged");
}
