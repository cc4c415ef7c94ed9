//! A small log for tests: keys, trust, and receipts of backups that were never made.

use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::receipt::Receipt;
use crate::format::seal::Totals;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::append::{Record, Writer};
use crate::log::read::Leaves;
use crate::log::state::State;
use crate::store::Store;
use jiff::Timestamp;
use std::sync::LazyLock;

pub(super) const ORIGIN: &str = "example.com/shop";

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Trusts keys 1 and 2 with everything that their lines say.
pub(super) fn trust(one: &str, two: &str) -> Trust {
    let folder = tempfile::tempdir().unwrap();
    let signer = |seed: u8, more: &str| {
        std::fs::write(folder.path().join(format!("{seed}.pub")), key(seed).public().to_pem()).unwrap();
        format!("[[signer]]\nrole = \"host-{seed}\"\nkey = \"{seed}.pub\"\n{more}\n")
    };
    let text = signer(1, one) + &signer(2, two);
    Trust::parse(&folder.path().join("trust.toml"), &text).unwrap()
}

/// Trusts both to make backups and to log.
pub(super) fn hosts() -> Trust {
    static HOSTS: LazyLock<Trust> = LazyLock::new(|| {
        let may = "may = [\"seal:backup\", \"receipt\", \"verify\", \"log\"]";
        trust(may, may)
    });
    HOSTS.clone()
}

pub(super) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// A host that remembers nothing.
pub(super) const FORGETFUL: State<'static> = State { folder: None, now: Timestamp::UNIX_EPOCH };

pub(super) fn log<'a>(store: &'a dyn Store, trust: &'a Trust) -> Log<'a> {
    Log { store, trust, origin: Some(ORIGIN) }
}

pub(super) fn writer<'a>(log: Log<'a>, key: &'a SigningKey, state: &'a State<'a>) -> Writer<'a> {
    Writer { log, origin: ORIGIN, key, state }
}

/// The receipt of a backup by key 1, and its leaf.
pub(super) fn backup(number: u64) -> Record {
    let at: Timestamp = "2026-11-01T01:00:00Z".parse().unwrap();
    let at = at + jiff::SignedDuration::from_secs(number as i64);
    let name = format!("shop-b{number}");
    let receipt = Receipt {
        project: "shop".into(),
        kind: Kind::Backup,
        version: format!("b{number}"),
        name: name.clone(),
        size_bytes: 7,
        seal_sha256: Sha256([1; 32]),
        tagmanifest_sha256: Sha256([2; 32]),
        payload: Totals { files: 1, bytes: 2 },
        recipients: 1,
        bases: Vec::new(),
        evaluated_at: at,
        created_at: at,
    };
    let receipt = receipt.for_archive(format!("{name}.tar.zst.age"), Sha256::of(name.as_bytes()));
    let bundle = key(1).sign_statement(&receipt).to_bytes();
    Record::of(What::BackedUp, &name, &receipt.predicate, at, bundle)
}

/// Every leaf of a log whose checkpoint, entries and tiles must agree.
pub(super) fn tree(store: &dyn Store) -> Leaves {
    let trust = hosts();
    let log = log(store, &trust);
    let leaves = log.leaves(log.head().unwrap().expect("a log")).unwrap();
    let (checked, findings) = log.check_tiles(&leaves).unwrap();
    assert!(checked > 0 && findings.is_empty(), "{findings:?}");
    leaves
}

/// The same, and the statement of every leaf must verify.
pub(super) fn whole(store: &dyn Store) -> Leaves {
    let (trust, leaves) = (hosts(), tree(store));
    let log = log(store, &trust);
    for leaf in &leaves.leaves {
        let told = log.told(leaf).unwrap();
        assert!(told.as_ref().is_ok_and(|told| told.passed), "{told:?}");
    }
    leaves
}

/// The names in the log, in its order.
pub(super) fn names(leaves: &Leaves) -> Vec<String> {
    leaves.leaves.iter().map(|leaf| leaf.name.clone()).collect()
}
