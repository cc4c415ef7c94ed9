//! The store against its log, both ways: no archive without a leaf, and no leaf without its archive.

use crate::evidence::held::{Held, HeldArchive};
use crate::evidence::logged::Logged;
use crate::evidence::receipt::{self, SUFFIX, VerifiedReceipt};
use crate::evidence::register::Register;
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::units::count;
use crate::keys::trust::Trust;
use crate::log::event::Told;
use crate::store::Entry;
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
    let version = name.strip_prefix(project).and_then(|rest| rest.strip_prefix('-'));
    version.is_some_and(is_version)
}

/// Whether it is a version of a backup: its time, and four hex digits where that was taken.
fn is_version(version: &str) -> bool {
    let (time, number) = version.split_once('-').unwrap_or((version, "0000"));
    let is_time = time.len() == "YYYYMMDDThhmmssZ".len()
        && time.bytes().zip(b"00000000T000000Z").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    is_time && number.len() == 4 && number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The check's name.
pub const CHECK: &str = "store";

/// Ends the check `store` with what was found.
pub fn conclude(held: &Held, findings: Vec<Finding>, outcome: &mut Outcome) {
    let archives = count(held.len() as u64, "archive");
    let detail = match findings.is_empty() {
        true => format!("{archives}: none without a leaf, no leaf without its archive"),
        false => archives,
    };
    outcome.conclude(CHECK, detail, findings);
}

/// Compares archives, receipts and sizes with the log. What is in the archives is not read.
pub fn judge(held: &Held, logged: &Logged, now: Timestamp) -> Vec<Finding> {
    let register = Register::of(logged);
    let standing = register.standing();
    let missing = standing.filter_map(|(object, leaf, told)| lies_there(leaf, told, held.get(object)));
    let mut findings: Vec<Finding> = missing.collect();
    findings.extend(bases(&register, held));
    for (object, archive) in held.iter() {
        let leaves = register.leaves_of(object, &archive.entry);
        findings.extend(is_logged(archive, &leaves, &register, logged, now));
        findings.extend(register.pruned(object).map(|leaf| unfinished(object, leaf)));
    }
    findings
}

/// The finding about an archive that was pruned and lies there.
fn unfinished(object: &str, leaf: &Leaf) -> Finding {
    Finding::warning(Code::PruneUnfinished, object).actual(format!("pruned at {:.0}", leaf.time))
}

/// The findings about archives that others of their project need, which stand, and that do not stand themselves or are not
/// held: one each.
fn bases(register: &Register<'_>, held: &Held) -> Vec<Finding> {
    let there = register.standing().filter(|(object, ..)| held.get(object).is_some());
    let there: BTreeSet<(&str, &str)> = there.map(|(_, leaf, _)| (&*leaf.project, &*leaf.name)).collect();
    let mut gone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, leaf, told) in register.standing() {
        for base in told.bases.iter().filter(|base| !there.contains(&(&*leaf.project, base.as_str()))) {
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

/// What is wrong with the archive of a leaf.
fn lies_there(leaf: &Leaf, told: &Told, held: Option<&HeldArchive>) -> Option<Finding> {
    let file = told.subjects.first().map_or(&leaf.name, |subject| &subject.name);
    let Some(held) = held else {
        let finding =
            Finding::new(Code::Missing, file).expected(format!("what was {} at {:.0}", leaf.what, leaf.time));
        return Some(finding.actual("no archive, and no leaf says that it was pruned"));
    };
    let Entry { name, size, .. } = &held.entry;
    let signed = told.size_bytes.filter(|signed| signed != size)?;
    let finding = Finding::new(Code::Altered, name.as_str()).expected(format!("{signed} bytes"));
    Some(finding.actual(format!("{size} bytes")))
}

/// What is wrong if the log does not know an archive, or knows another receipt of it.
fn is_logged(
    held: &HeldArchive,
    leaves: &[&Leaf],
    register: &Register<'_>,
    logged: &Logged,
    now: Timestamp,
) -> Option<Finding> {
    let archive = held.entry.name.as_str();
    let Some(bundle) = held.receipt() else {
        let finding = Finding::new(Code::ReceiptMissing, format!("{archive}{SUFFIX}"));
        return Some(match leaves.is_empty() && is_arriving(held, now) {
            true => arriving(finding),
            false => finding,
        });
    };
    if !leaves.is_empty() {
        let found = Sha256::of(bundle);
        let other = leaves.iter().find(|leaf| leaf.event != found)?;
        let finding = Finding::new(Code::Altered, format!("{archive}{SUFFIX}"));
        return Some(finding.expected(format!("sha256 {}", other.event)).actual(format!("sha256 {found}")));
    }
    let file_name = held.entry.name.file_name();
    let mut finding = unlogged(archive, file_name, bundle, &logged.trust, now);
    if let Ok(receipt) = receipt::verify(&logged.trust, file_name, Some(bundle)) {
        finding = becomes(finding, &receipt, held.entry.size, register);
    }
    let what = if archive.starts_with(RELEASES) { What::Sealed } else { What::BackedUp };
    Some(finding.expected(format!("a leaf `{what}` of it, in this place")))
}

/// The finding, with what becomes of an archive that is not in the log.
fn becomes(finding: Finding, receipt: &VerifiedReceipt, size: u64, register: &Register<'_>) -> Finding {
    let said = receipt.predicate();
    if let Some(base) = register.fallen(&said.bases) {
        let why = match register.was_pruned(base) {
            true => "was pruned before this could be logged",
            false => "is not in the log",
        };
        return finding.actual(format!("it needs {base}, which {why}: attestar prune takes it away"));
    }
    if size != said.size_bytes {
        let signed = said.size_bytes;
        return finding
            .actual(format!("it has {size} bytes, and its receipt is of {signed}: no run logs it"));
    }
    match finding.actual {
        None if said.kind == Kind::Backup => {
            finding.actual(format!("the next backup of {} logs it", said.project))
        }
        _ => finding,
    }
}

/// Whether an archive has no receipt yet: a run may still be at it, or have been killed, and then the next one removes it.
pub fn is_arriving(held: &HeldArchive, now: Timestamp) -> bool {
    held.receipt.is_none() && !is_left(&held.entry, now)
}

/// Whether an object has lain there for so long that whoever put it there is not at it any more. Buckets date an upload by its
/// start, which may be hours before its end: whoever deletes asks once more what came since.
pub fn is_left(entry: &Entry, now: Timestamp) -> bool {
    now.duration_since(entry.modified) > GRACE
}

/// What is said of it: a warning.
pub fn arriving(finding: Finding) -> Finding {
    Finding { severity: Severity::Warning, ..finding.actual("the archive came only now") }
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
    use super::*;

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
