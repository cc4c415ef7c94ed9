//! The store against its log, both ways: no archive without a leaf, and no leaf without its archive.

use crate::error::Result;
use crate::evidence::logged::{Logged, pairs};
use crate::evidence::receipt::{self, SUFFIX, pack_name};
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Base;
use crate::format::units::count;
use crate::keys::trust::Trust;
use crate::log::event::Told;
use crate::store::{Entry, ObjectName, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

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

/// Whether a pack's name is the project, and the time of a backup right after it: the `shop-eu` of `shop-eu-…` is another
/// project than `shop`.
pub fn is_backup_of(project: &str, name: &str) -> bool {
    let Some(version) = name.strip_prefix(project).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    let (time, number) = version.split_once('-').unwrap_or((version, "0000"));
    let is_time = time.len() == "YYYYMMDDThhmmssZ".len()
        && time.bytes().zip(b"00000000T000000Z").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    is_time && number.len() == 4 && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
    let standing = standing(logged);
    let missing = standing.iter().filter_map(|(object, at)| lies_there(at, held.get(object)));
    let mut findings: Vec<Finding> = missing.collect();
    findings.extend(bases(&standing, &held));
    for (object, entry) in &held {
        let receipt = receipt_of(store, entry)?;
        let leaf = leaf_of(logged, object, entry);
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

/// The first of these archives that does not stand: it was pruned, or never logged.
pub fn fallen<'b>(logged: &Logged, bases: &'b [Base]) -> Option<&'b str> {
    let standing = standing(logged);
    let stands = |base: &&Base| standing.values().any(|(leaf, _)| leaf.name == base.name);
    bases.iter().find(|base| !stands(base)).map(|base| &*base.name)
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

/// The newest leaf that puts an archive there: one of this very object. Where its statement cannot be read, the name alone
/// is known.
fn leaf_of<'l>(logged: &'l Logged, object: &str, entry: &Entry) -> Option<&'l Leaf> {
    let name = pack_name(entry.name.file_name());
    let leaves = logged.leaves.leaves.iter().zip(&logged.told).rev();
    let mut archives = leaves.filter(|(leaf, _)| matches!(leaf.what, What::Sealed | What::BackedUp));
    let found = archives.find(|(leaf, told)| match told {
        Some(told) => object_of(leaf, told).as_deref() == Some(object),
        None => name == Some(&leaf.name),
    });
    found.map(|(leaf, _)| leaf)
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
    let mut finding = unlogged(archive, held.name.file_name(), bundle, &logged.trust, now);
    let receipt = receipt::verify(&logged.trust, held.name.file_name(), Some(bundle)).ok();
    if let Some(base) = receipt.as_ref().and_then(|receipt| fallen(logged, &receipt.predicate().bases)) {
        let why = format!("it needs {base}, which was pruned before this could be logged");
        finding = finding.actual(format!("{why}: attestar prune takes it away"));
    } else if let (Some(receipt), None) = (receipt, &finding.actual)
        && receipt.predicate().kind == Kind::Backup
    {
        let project = &receipt.predicate().project;
        finding = finding.actual(format!("the next backup of {project} logs it"));
    }
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

#[cfg(test)]
mod tests {
    use super::is_backup_of;

    #[test]
    fn a_backup_is_of_the_project_whose_name_ends_before_its_time() {
        for name in ["shop-20261120T010002Z", "shop-20261120T010002Z-00af"] {
            assert!(is_backup_of("shop", name), "{name}");
        }
        assert!(is_backup_of("shop-eu", "shop-eu-20261120T010002Z"));
        for name in [
            "shop-eu-20261120T010002Z",
            "shop-eu-20261120T010002Z-0001",
            "shop20261120T010002Z",
            "shop-1.2.0",
            "shop-20261120T010002Z-",
            "shop-20261120T010002Z-000g",
            "shop-20261120T010002Z-00001",
            "shop-20261120T010002",
            "shop-2026112xT010002Z",
            "shop",
            "shop-",
        ] {
            assert!(!is_backup_of("shop", name), "{name}");
        }
    }
}
