//! The store against its log, both ways: no archive without a leaf, and no leaf without its archive.

use crate::error::Result;
use crate::evidence::logged::{Logged, pairs};
use crate::evidence::receipt::{self, SUFFIX, pack_name};
use crate::finding::{Code, Finding, Outcome};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::leaf::{Leaf, What};
use crate::format::units::count;
use crate::keys::trust::Trust;
use crate::log::event::Told;
use crate::store::{Entry, ObjectName, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long an archive may lie there before its leaf must: who put it there may still be at it, or the next one adopts it.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Where releases lie.
pub const RELEASES: &str = "releases";

/// Where backups lie.
pub const ARCHIVES: &str = "archives";

/// The folder of a release in a store: laid out as `seal` leaves it.
pub fn release_folder(name: &str) -> String {
    format!("{RELEASES}/{name}")
}

/// An archive that lies in the store.
struct Held {
    entry: Entry,
    /// The leaf that there must be.
    what: What,
}

/// Runs the check `store`: archives, receipts and sizes against the log. What is in the archives is not read.
pub fn check(store: &dyn Store, logged: &Logged, now: Timestamp, outcome: &mut Outcome) -> Result<()> {
    let held = held(store)?;
    let findings = standing(logged).into_iter();
    let mut findings: Vec<Finding> = findings
        .filter_map(|(key, (leaf, told))| lies_there(leaf, told, held.get(&(key.0, key.1.to_owned()))))
        .collect();
    let leaves = logged.leaves.leaves.iter().map(|leaf| ((leaf.what, &*leaf.name), leaf));
    let leaves: BTreeMap<(What, &str), &Leaf> = leaves.collect();
    for ((what, name), held) in &held {
        let receipt = receipt_of(store, &held.entry)?;
        let leaf = leaves.get(&(*what, name.as_str())).copied();
        findings.extend(is_logged(held, leaf, receipt.as_deref(), logged, now));
    }
    let archives = count(held.len() as u64, "archive");
    let detail = match findings.is_empty() {
        true => format!("{archives}: none without a leaf, no leaf without its archive"),
        false => archives,
    };
    outcome.conclude("store", detail, findings);
    Ok(())
}

/// The archives that must lie there: put there by a leaf, and not pruned by a later one.
fn standing(logged: &Logged) -> BTreeMap<(What, &str), (&Leaf, &Told)> {
    let mut standing = BTreeMap::new();
    for (leaf, told) in pairs(logged) {
        match leaf.what {
            What::Sealed | What::BackedUp => {
                standing.insert((leaf.what, &*leaf.name), (leaf, told));
            }
            What::Pruned => {
                standing.remove(&(What::Sealed, &*leaf.name));
                standing.remove(&(What::BackedUp, &*leaf.name));
            }
            _ => {}
        }
    }
    standing
}

/// Every archive of the store, by kind and name.
fn held(store: &dyn Store) -> Result<BTreeMap<(What, String), Held>> {
    let mut held = BTreeMap::new();
    for (folder, what) in [(RELEASES, What::Sealed), (ARCHIVES, What::BackedUp)] {
        for entry in store.list(folder)?.entries {
            let Some(name) = pack_name(entry.name.file_name()).map(str::to_owned) else { continue };
            let expected = match what {
                What::Sealed => release_folder(&name),
                _ => ARCHIVES.to_owned(),
            };
            if entry.name.parent() == Some(&expected) {
                held.insert((what, name), Held { entry, what });
            }
        }
    }
    Ok(held)
}

fn receipt_of(store: &dyn Store, archive: &Entry) -> Result<Option<Vec<u8>>> {
    let name = ObjectName::new(&format!("{}{SUFFIX}", archive.name))?;
    Ok(store.get(&name, BUNDLE_BYTES_MAX)?.map(|(bytes, _)| bytes))
}

/// What is wrong with the archive of a leaf.
fn lies_there(leaf: &Leaf, told: &Told, held: Option<&Held>) -> Option<Finding> {
    let file = told.subjects.first().map_or(&leaf.name, |subject| &subject.name);
    let Some(held) = held else {
        let finding =
            Finding::new(Code::Missing, file).expected(format!("what was {} {}", leaf.what, leaf.time));
        return Some(finding.actual("no archive, and no leaf says that it was pruned"));
    };
    let signed = told.size_bytes.filter(|size| *size != held.entry.size)?;
    let finding = Finding::new(Code::Altered, held.entry.name.as_str()).expected(format!("{signed} bytes"));
    Some(finding.actual(format!("{} bytes", held.entry.size)))
}

/// What is wrong if the log does not know an archive, or knows another receipt of it.
fn is_logged(
    held: &Held,
    leaf: Option<&Leaf>,
    receipt: Option<&[u8]>,
    logged: &Logged,
    now: Timestamp,
) -> Option<Finding> {
    let archive = held.entry.name.as_str();
    let Some(bundle) = receipt else {
        return Some(Finding::new(Code::ReceiptMissing, format!("{archive}{SUFFIX}")));
    };
    if let Some(leaf) = leaf {
        let found = Sha256::of(bundle);
        return (found != leaf.event).then(|| {
            let finding = Finding::new(Code::Altered, format!("{archive}{SUFFIX}"));
            finding.expected(format!("sha256 {}", leaf.event)).actual(format!("sha256 {found}"))
        });
    }
    let finding = unlogged(archive, held.entry.name.file_name(), bundle, &logged.trust, now);
    Some(finding.expected(format!("a leaf `{}`", held.what)))
}

/// The finding about an archive that the log does not know: a warning while its receipt is young.
pub fn unlogged(archive: &str, file_name: &str, receipt: &[u8], trust: &Trust, now: Timestamp) -> Finding {
    let receipt = receipt::verify(trust, file_name, Some(receipt));
    let young = receipt.ok().map(|receipt| receipt.predicate().created_at).filter(|at| {
        let age = now.duration_since(*at);
        (SignedDuration::ZERO..=GRACE).contains(&age)
    });
    match young {
        Some(at) => {
            Finding::warning(Code::NotLogged, archive).actual(format!("made {at}: it may still come"))
        }
        None => Finding::new(Code::NotLogged, archive),
    }
}
