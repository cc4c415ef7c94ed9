//! What becomes of a store while it is checked: archives come and go at any moment, and neither is a finding. One that was
//! taken away is.

use crate::backup::{POLICY, back_up};
use crate::backup_verify::{backed_up, codes};
use crate::backup_verify_faults::in_memory;
use crate::prune::nights::keep;
use crate::world::World;
use attestar::finding::Verdict;
use attestar::format::digest::Sha256;
use attestar::format::verify_report::CheckedPolicy;
use attestar::keys::home::Home;
use attestar::keys::identity::Identity;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::signing::SigningKey;
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::memory::{Fault, Memory};
use attestar::store::{ObjectName, Store};
use attestar::verbs::backup_verify::{Checked, Request, Selection, Work, backup_verify};
use attestar::verbs::log;
use attestar::verbs::prune;
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

const MOMENT: &str = "2026-11-11T03:00:00Z";

/// What happens meanwhile, ten minutes after the check began.
const MEANWHILE: &str = "2026-11-11T03:10:00Z";

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Checks everything. The clock goes on by half an hour each time that it is asked.
fn check(world: &World, store: &dyn Store, selection: Selection) -> Checked {
    let home = Home::new(world.home());
    let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
    let asked = AtomicI64::new(0);
    let clock = || moment(MOMENT) + SignedDuration::from_mins(30 * i64::min(asked.fetch_add(1, Relaxed), 10));
    let request = Request {
        store,
        trust: &home.trust().unwrap(),
        origin: Some("nightly"),
        state: State { folder: None, now: moment(MOMENT) },
        first: true,
        retention: Some(&keep(1, 0)),
        project: Some("nightly"),
        policy: CheckedPolicy { name: "nightly".into(), sha256: Sha256([0; 32]) },
        max_age_s: 26 * 3600,
        verify_within_s: 7 * 86_400,
        work: Work::Read(selection),
        identities: &Identity::load_file(&home.identity(), &mut NoPassphrases).unwrap(),
        key: Some(&key),
        clock: &clock,
        trace_id: "0af7651916cd43dd8448eb211c80319c",
        threads: 2,
    };
    backup_verify(&request, &Watch::default()).unwrap()
}

/// Keeps the newest alone.
fn prune(home: &Path, store: &dyn Store) {
    let home = Home::new(home);
    let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
    let trust = home.trust().unwrap();
    let now = moment(MEANWHILE);
    let state = State { folder: None, now };
    let log = Log { store, trust: &trust, origin: Some("nightly") };
    let writer = Writer { log, origin: "nightly", key: &key, state: &state };
    let request = prune::Request { log: &writer, retention: &keep(1, 0), now };
    assert_eq!(prune::prune(&request, &Watch::default()).unwrap().deleted.len(), 2);
}

/// The calls of a check, but for those that write what it found down.
fn calls(world: &World, store: &Memory, selection: Selection) -> usize {
    let store = store.copy();
    assert_eq!(check(world, &store, selection).outcome.verdict(), Verdict::Holds);
    let calls = store.calls();
    calls.iter().position(|call| call.starts_with("create reports/")).expect("it is recorded")
}

type Objects = Vec<(ObjectName, Vec<u8>)>;

fn stored(store: &Memory) -> Vec<ObjectName> {
    store.host().list("archives").unwrap().entries.into_iter().map(|entry| entry.name).collect()
}

#[test]
fn what_is_pruned_while_a_store_is_checked_is_not_missing() {
    let world = backed_up([9, 10, 11]);
    let store = in_memory(&world);
    store.set_now(moment(MOMENT));
    for selection in [Selection::All, Selection::Shard(0, 1)] {
        for at in 0..calls(&world, &store, selection) {
            let store = store.copy();
            let home: PathBuf = world.home();
            store.fault_at(at, Fault::Overtaken(Box::new(move |other| prune(&home, other))));
            let checked = check(&world, &store, selection);
            let found = codes(&checked.outcome);
            assert_eq!(checked.outcome.verdict(), Verdict::Holds, "call {at}: {found:?}");
            assert!(found.is_empty(), "call {at}: {found:?}");
            let covered = checked.report.coverage;
            assert!((1..=3).contains(&covered.archives_read), "call {at}: {covered:?}");
            assert_eq!(covered.archives_read, covered.archives_total, "call {at}");
        }
    }
}

#[test]
fn what_is_backed_up_while_a_store_is_checked_is_logged() {
    let world = backed_up([10, 11]);
    let store = in_memory(&world);
    store.set_now(moment(MOMENT));
    back_up(&world, POLICY, MEANWHILE).unwrap();
    let later = in_memory(&world);
    let all: Objects = later
        .list("")
        .unwrap()
        .entries
        .into_iter()
        .map(|entry| (entry.name.clone(), later.get(&entry.name, 1 << 24).unwrap().unwrap().0))
        .collect();
    let new = |name: &ObjectName| name.as_str().starts_with("archives/nightly-20261111T031000Z");
    // Only the archive; with its receipt; with its leaf.
    let stages: [(&str, Objects, &[&str]); 3] = [
        (
            "archive",
            all.iter().filter(|(name, _)| new(name) && name.as_str().ends_with(".age")).cloned().collect(),
            &["receipt-missing", "receipt-missing"],
        ),
        ("receipt", all.iter().filter(|(name, _)| new(name)).cloned().collect(), &["not-logged"]),
        ("leaf", all.clone(), &[]),
    ];
    for (stage, objects, warnings) in stages {
        for at in 0..calls(&world, &store, Selection::All) {
            let (store, objects) = (store.copy(), objects.clone());
            let put =
                move |other: &Memory| objects.iter().for_each(|(name, bytes)| other.damage(name, bytes));
            store.fault_at(at, Fault::Overtaken(Box::new(put)));
            let checked = check(&world, &store, Selection::All);
            let found = codes(&checked.outcome);
            assert_eq!(checked.outcome.verdict(), Verdict::Holds, "{stage}, call {at}: {found:?}");
            assert!(found.is_empty() || found == warnings, "{stage}, call {at}: {found:?}");
            assert!(checked.report.coverage.archives_read >= 2, "{stage}, call {at}");
        }
    }
}

#[test]
fn what_is_taken_away_while_a_store_is_checked_is_missing() {
    let world = backed_up([9, 10, 11]);
    let store = in_memory(&world);
    store.set_now(moment(MOMENT));
    let lists = {
        let store = store.copy();
        check(&world, &store, Selection::All);
        let calls = store.calls();
        calls.iter().rposition(|call| call == "list archives").expect("it is looked at again")
    };
    for at in 0..lists {
        let store = store.copy();
        let [archive, receipt, ..] = &stored(&store)[..] else { panic!("archives and receipts") };
        assert!(receipt.as_str().starts_with(archive.as_str()));
        let gone = [archive.clone(), receipt.clone()];
        let take = move |other: &Memory| gone.iter().for_each(|name| assert!(other.delete(name).unwrap()));
        store.fault_at(at, Fault::Overtaken(Box::new(take)));
        let checked = check(&world, &store, Selection::All);
        let found = codes(&checked.outcome);
        assert_eq!(checked.outcome.verdict(), Verdict::Refuted, "call {at}: {found:?}");
        assert!(found.contains(&"missing"), "call {at}: {found:?}");
    }
}

#[test]
fn a_log_is_verified_with_the_store_as_it_is_then() {
    let world = backed_up([9, 10, 11]);
    let store = in_memory(&world);
    let trust = Home::new(world.home()).trust().unwrap();
    let verify = |store: &Memory| {
        let request = log::Request {
            store,
            trust: &trust,
            origin: Some("nightly"),
            state: State { folder: None, now: moment(MEANWHILE) },
            retention: Some(&keep(1, 0)),
        };
        log::verify(&request, true).unwrap().outcome
    };
    let calls = {
        let store = store.copy();
        assert_eq!(verify(&store).verdict(), Verdict::Holds);
        store.calls().len()
    };
    for at in 0..calls {
        let store = store.copy();
        let home = world.home();
        store.fault_at(at, Fault::Overtaken(Box::new(move |other| prune(&home, other))));
        let outcome = verify(&store);
        assert!(codes(&outcome).is_empty(), "call {at}: {:?}", codes(&outcome));
    }
}

#[test]
fn each_receipt_is_fetched_once() {
    let world = World::new();
    world.write("var/large.bin", crate::world::noise(2_000_000));
    for day in 9..12 {
        world.write("etc/number", format!("number {day}"));
        back_up(&world, POLICY, &format!("2026-11-{day:02}T01:00:00Z")).unwrap();
    }
    let store = in_memory(&world);
    store.set_now(moment(MOMENT));
    let host = store.host();
    let checked = check(&world, &host, Selection::All);
    assert_eq!(checked.outcome.verdict(), Verdict::Holds, "{:?}", codes(&checked.outcome));
    let calls = host.calls();
    let receipts = stored(&store).into_iter().filter(|name| name.as_str().ends_with(".sigstore.json"));
    for receipt in receipts {
        let asked = calls.iter().filter(|call| call.ends_with(receipt.as_str())).count();
        assert_eq!(asked, 1, "{receipt}: {calls:#?}");
    }
    for list in ["list archives", "list releases"] {
        assert_eq!(calls.iter().filter(|call| *call == list).count(), 2, "before and after: {calls:#?}");
    }
}
