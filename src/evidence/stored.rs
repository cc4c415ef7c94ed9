//! The store against its log, both ways: no archive without a leaf, and no leaf without its archive.

use crate::error::Result;
use crate::evidence::logged::{Logged, pairs};
use crate::evidence::receipt::{self, SUFFIX, pack_name};
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::leaf::{Leaf, What};
use crate::format::units::count;
use crate::keys::trust::Trust;
use crate::log::event::Told;
use crate::store::{Entry, ObjectName, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How long an archive may lie there before its leaf must: who put it there may still be at it, or the next one adopts it.
pub const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Where releases lie.
pub const RELEASES: &str = "releases";

/// Where backups lie.
pub const ARCHIVES: &str = "archives";

/// The folder of a release in a store: laid out as `seal` leaves it.
pub fn release_folder(name: &str) -> String {
    format!("{RELEASES}/{name}")
}

/// The object that the archive of a leaf must be; `None` unless it puts one there.
pub fn object_of(leaf: &Leaf, told: &Told) -> Option<String> {
    let file = &told.subjects.first()?.name;
    match leaf.what {
        What::Sealed => Some(format!("{}/{file}", release_folder(&leaf.name))),
        What::BackedUp => Some(format!("{ARCHIVES}/{file}")),
        _ => None,
    }
}

/// Every archive of the store, wherever it lies, by the name of its object.
pub fn held(store: &dyn Store) -> Result<BTreeMap<String, Entry>> {
    let mut held = BTreeMap::new();
    for folder in [RELEASES, ARCHIVES] {
        let entries = store.list(folder)?.entries.into_iter();
        let archives = entries.filter(|entry| pack_name(entry.name.file_name()).is_some());
        held.extend(archives.map(|entry| (entry.name.to_string(), entry)));
    }
    Ok(held)
}

/// Runs the check `store`: archives, receipts and sizes against the log. What is in the archives is not read.
pub fn check(store: &dyn Store, logged: &Logged, now: Timestamp, outcome: &mut Outcome) -> Result<()> {
    let held = held(store)?;
    let (standing, putters) = (standing(logged), Putters::of(logged));
    let missing = standing.iter().filter_map(|(object, at)| lies_there(at, held.get(object)));
    let mut findings: Vec<Finding> = missing.collect();
    findings.extend(bases(&standing, &held));
    for (object, entry) in &held {
        let receipt = receipt_of(store, entry)?;
        let leaf = putters.leaf(object, entry);
        findings.extend(is_logged(entry, leaf, receipt.as_deref(), logged, now));
        if leaf.is_some() && !standing.contains_key(object) {
            findings.extend(unfinished(logged, object));
        }
    }
    let archives = count(held.len() as u64, "archive");
    let detail = match findings.is_empty() {
        true => format!("{archives}: none without a leaf, no leaf without its archive"),
        false => archives,
    };
    outcome.conclude("store", detail, findings);
    Ok(())
}

/// The archives that must lie there, by their objects: put there by a leaf, and not pruned by a later one.
fn standing(logged: &Logged) -> BTreeMap<String, (&Leaf, &Told)> {
    let mut standing: BTreeMap<String, (&Leaf, &Told)> = BTreeMap::new();
    for (leaf, told) in pairs(logged) {
        match object_of(leaf, told) {
            Some(object) => {
                standing.insert(object, (leaf, told));
            }
            None if leaf.what == What::Pruned => standing.retain(|_, (other, _)| other.name != leaf.name),
            None => {}
        }
    }
    standing
}

/// The findings about archives that others need, which stand, and that do not stand themselves or are not held: one each.
fn bases(standing: &BTreeMap<String, (&Leaf, &Told)>, held: &BTreeMap<String, Entry>) -> Vec<Finding> {
    let there = standing.iter().filter(|(object, _)| held.contains_key(*object));
    let there: BTreeSet<&str> = there.map(|(_, (leaf, _))| &*leaf.name).collect();
    let mut gone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (leaf, told) in standing.values() {
        for base in told.bases.iter().filter(|base| !there.contains(base.as_str())) {
            gone.entry(base).or_default().push(&leaf.name);
        }
    }
    let finding = |(base, needed_by): (&str, Vec<&str>)| {
        let first = needed_by.first().copied().unwrap_or_default();
        let others = match needed_by.len() {
            0 | 1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        let finding = Finding::new(Code::BaseGone, base).expected(format!("held, for {first}{others}"));
        finding.actual("pruned, or not in the store")
    };
    gone.into_iter().map(finding).collect()
}

/// The finding about an archive that was pruned and lies there.
fn unfinished(logged: &Logged, object: &str) -> Option<Finding> {
    let name = pack_name(object.rsplit('/').next()?)?;
    let pruned = pairs(logged).filter(|(leaf, _)| leaf.what == What::Pruned && leaf.name == name);
    let (leaf, _) = pruned.last()?;
    Some(Finding::warning(Code::PruneUnfinished, object).actual(format!("pruned {}", leaf.time)))
}

/// The leaves that put archives there, the newest of each: by the very object, and where a statement cannot be read, so that
/// the name alone is known, by name.
struct Putters<'l> {
    by_object: HashMap<String, usize>,
    by_name: HashMap<&'l str, usize>,
    leaves: &'l [Leaf],
}

impl<'l> Putters<'l> {
    fn of(logged: &'l Logged) -> Putters<'l> {
        let leaves = &logged.leaves.leaves;
        let mut putters = Putters { by_object: HashMap::new(), by_name: HashMap::new(), leaves };
        for (index, (leaf, told)) in leaves.iter().zip(&logged.told).enumerate() {
            match told {
                Some(told) => {
                    object_of(leaf, told).map(|object| putters.by_object.insert(object, index));
                }
                None if matches!(leaf.what, What::Sealed | What::BackedUp) => {
                    putters.by_name.insert(&leaf.name, index);
                }
                None => {}
            }
        }
        putters
    }

    /// The newest that puts an archive there.
    fn leaf(&self, object: &str, entry: &Entry) -> Option<&'l Leaf> {
        let by_name = pack_name(entry.name.file_name()).and_then(|name| self.by_name.get(name));
        self.by_object.get(object).max(by_name).map(|index| &self.leaves[*index])
    }
}

fn receipt_of(store: &dyn Store, archive: &Entry) -> Result<Option<Vec<u8>>> {
    let name = ObjectName::new(&format!("{}{SUFFIX}", archive.name))?;
    Ok(store.get(&name, BUNDLE_BYTES_MAX)?.map(|(bytes, _)| bytes))
}

/// What is wrong with the archive of a leaf.
fn lies_there((leaf, told): &(&Leaf, &Told), held: Option<&Entry>) -> Option<Finding> {
    let file = told.subjects.first().map_or(&leaf.name, |subject| &subject.name);
    let Some(held) = held else {
        let finding =
            Finding::new(Code::Missing, file).expected(format!("what was {} {}", leaf.what, leaf.time));
        return Some(finding.actual("no archive, and no leaf says that it was pruned"));
    };
    let signed = told.size_bytes.filter(|size| *size != held.size)?;
    let finding = Finding::new(Code::Altered, held.name.as_str()).expected(format!("{signed} bytes"));
    Some(finding.actual(format!("{} bytes", held.size)))
}

/// What is wrong if the log does not know an archive, or knows another receipt of it.
fn is_logged(
    held: &Entry,
    leaf: Option<&Leaf>,
    receipt: Option<&[u8]>,
    logged: &Logged,
    now: Timestamp,
) -> Option<Finding> {
    let archive = held.name.as_str();
    let Some(bundle) = receipt else {
        let finding = Finding::new(Code::ReceiptMissing, format!("{archive}{SUFFIX}"));
        // Between an archive and its receipt a run may still be at it, or have been killed: then the next one removes it.
        let is_young = leaf.is_none() && now.duration_since(held.modified) <= GRACE;
        return Some(match is_young {
            true => Finding { severity: Severity::Warning, ..finding.actual("the archive came only now") },
            false => finding,
        });
    };
    if let Some(leaf) = leaf {
        let found = Sha256::of(bundle);
        return (found != leaf.event).then(|| {
            let finding = Finding::new(Code::Altered, format!("{archive}{SUFFIX}"));
            finding.expected(format!("sha256 {}", leaf.event)).actual(format!("sha256 {found}"))
        });
    }
    let finding = unlogged(archive, held.name.file_name(), bundle, &logged.trust, now);
    let what = if archive.starts_with(RELEASES) { What::Sealed } else { What::BackedUp };
    Some(finding.expected(format!("a leaf `{what}` of it, in this place")))
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
