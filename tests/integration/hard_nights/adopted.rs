//! What a backup takes on of runs that did not end, and what it takes away, whatever else lies there.

use super::calls::{TwoNights, archives};
use super::host::{Host, ORIGIN, night};
use super::prunes::dies_before_its_leaf;
use crate::prune::nights::{Laid, drilled};
use attestar::format::bundle::BUNDLE_BYTES_MAX;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::log::Log;
use attestar::log::append::{Record, Writer};
use attestar::log::state::State;
use attestar::store::memory::Memory;
use attestar::store::{ObjectName, Store};
use attestar::verbs::backup::{BackedUp, Done};

fn stored(host: &Host, store: &Memory, number: usize) -> BackedUp {
    host.world.write("etc/app.conf", format!("port = {number}\n"));
    match host.back_up(store, number).unwrap() {
        Done::Stored(made) => *made,
        Done::Unchanged(_) => panic!("something changed"),
    }
}

fn said(made: &BackedUp) -> Vec<String> {
    made.warnings.iter().map(|found| format!("{} {}", found.code.as_str(), found.subject)).collect()
}

#[test]
fn an_archive_of_which_the_log_has_nothing_but_a_failed_drill_is_adopted() {
    let nights = TwoNights::new();
    let host = &nights.host;
    host.world.write("etc/app.conf", "port = 2\n");
    let (store, orphan) = dies_before_its_leaf(host, &nights);
    let version = orphan.strip_prefix("nightly-").unwrap().to_owned();
    let of = Laid { project: "nightly", kind: Kind::Backup, version, at: night(2), bases: Vec::new() };
    let statement = drilled(&of, false, night(3));
    let bundle = host.key.sign_statement(&statement).to_bytes();
    let state = State { folder: None, now: night(3) };
    let log = Log { store: &store, trust: &host.trust, origin: Some(ORIGIN) };
    let writer = Writer { log, origin: ORIGIN, key: &host.key, state: &state };
    writer.append(&[Record::of(What::Drilled, &orphan, &statement.predicate, night(3), bundle)]).unwrap();
    assert_eq!(said(&stored(host, &store, 4)), [format!("adopted {orphan}")]);
}

#[test]
fn a_receipt_without_its_archive_is_taken_away_once_nobody_can_be_at_it() {
    let nights = TwoNights::new();
    let (host, store) = (&nights.host, nights.again());
    let ours = ObjectName::new("archives/nightly-20261102T020000Z.tar.zst.age.sigstore.json").unwrap();
    let theirs = ObjectName::new("archives/other-20261102T020000Z.tar.zst.age.sigstore.json").unwrap();
    for receipt in [&ours, &theirs] {
        store.create(receipt, b"{}").unwrap();
    }
    assert!(said(&stored(host, &store, 2)).is_empty(), "it came only now");
    assert_eq!(said(&stored(host, &store, 4)), [format!("cleaned {ours}")]);
    assert!(store.head(&ours).unwrap().is_none() && store.head(&theirs).unwrap().is_some());
}

#[test]
fn what_lies_in_a_receipts_place_and_is_longer_than_any_stops_no_backup() {
    let nights = TwoNights::new();
    let (host, store) = (&nights.host, nights.again());
    let junk = vec![b' '; BUNDLE_BYTES_MAX + 1];
    for name in ["nightly-20261102T020000Z", "other-20261102T020000Z"] {
        let archive = ObjectName::new(&format!("archives/{name}.tar.zst.age")).unwrap();
        store.create(&archive, b"an archive").unwrap();
        store.create(&ObjectName::new(&format!("{archive}.sigstore.json")).unwrap(), &junk).unwrap();
    }
    let made = stored(host, &store, 2);
    assert_eq!((said(&made).len(), made.pack.bases.is_empty()), (0, false));
    // Of what this host counts on: then it counts on it no more.
    for name in &nights.names {
        let receipt = format!("archives/{name}.tar.zst.age.sigstore.json");
        store.damage(&ObjectName::new(&receipt).unwrap(), &junk);
    }
    let made = stored(host, &store, 3);
    assert!(made.pack.bases.is_empty(), "{:?}", made.pack.bases);
    assert!(archives(&store).contains(&made.pack.name));
}
