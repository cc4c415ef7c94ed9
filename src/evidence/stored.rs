//! The store against its log, both ways: no archive without a leaf, and no leaf without its archive.

use crate::evidence::held::{Held, HeldArchive};
use crate::evidence::logged::Logged;
use crate::evidence::receipt::{self, SUFFIX, pack_name};
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Base;
use crate::format::units::count;
use crate::keys::trust::Trust;
use crate::log::event::Told;
use crate::store::Entry;
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
    let standing = register.standing.iter();
    let missing = standing.filter_map(|(object, at)| lies_there(at, held.get(object)));
    let mut findings: Vec<Finding> = missing.collect();
    findings.extend(bases(&register.standing, held));
    for (object, archive) in held.iter() {
        let leaf = register.leaf_of(object, &archive.entry);
        findings.extend(is_logged(archive, leaf, &register, logged, now));
        if leaf.is_some() && !register.standing.contains_key(object) {
            findings.extend(register.unfinished(object));
        }
    }
    findings
}

/// What a log says of objects.
pub struct Register<'l> {
    /// The archives that must lie there: put there by a leaf, and not pruned by a later one.
    standing: BTreeMap<String, (&'l Leaf, &'l Told)>,
    /// The newest leaf that puts an object there, and its place.
    put: HashMap<String, (usize, &'l Leaf)>,
    /// The same where its statement cannot be read, so that the name alone is known.
    unread: HashMap<&'l str, (usize, &'l Leaf)>,
    /// The newest leaf that prunes an archive of a name.
    pruned: HashMap<&'l str, &'l Leaf>,
}

impl<'l> Register<'l> {
    /// Reads the log.
    pub fn of(logged: &'l Logged) -> Register<'l> {
        let (mut standing, mut named) = (BTreeMap::new(), HashMap::<&str, Vec<String>>::new());
        let (mut put, mut unread, mut pruned) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (at, (leaf, told)) in logged.leaves.leaves.iter().zip(&logged.told).enumerate() {
            match (leaf.what, told) {
                (What::Sealed | What::BackedUp, Some(told)) => {
                    let Some(object) = object_of(leaf, told) else { continue };
                    named.entry(&leaf.name).or_default().push(object.clone());
                    put.insert(object.clone(), (at, leaf));
                    standing.insert(object, (leaf, told));
                }
                (What::Sealed | What::BackedUp, None) => drop(unread.insert(&*leaf.name, (at, leaf))),
                (What::Pruned, Some(_)) => {
                    for object in named.remove(&*leaf.name).unwrap_or_default() {
                        standing.remove(&object);
                    }
                    pruned.insert(&*leaf.name, leaf);
                }
                _ => {}
            }
        }
        Register { standing, put, unread, pruned }
    }

    /// Whether an object must lie there.
    pub fn stands(&self, object: &str) -> bool {
        self.standing.contains_key(object)
    }

    /// The first of these archives that does not stand: it was pruned, or never logged.
    pub fn fallen<'b>(&self, bases: &'b [Base]) -> Option<&'b str> {
        let stands = |base: &&Base| self.standing.values().any(|(leaf, _)| leaf.name == base.name);
        bases.iter().find(|base| !stands(base)).map(|base| &*base.name)
    }

    /// The newest leaf that puts an archive there: one of this very object, or of its name.
    fn leaf_of(&self, object: &str, entry: &Entry) -> Option<&'l Leaf> {
        let named = pack_name(entry.name.file_name()).and_then(|name| self.unread.get(name));
        let found = self.put.get(object).into_iter().chain(named).max_by_key(|(at, _)| *at);
        found.map(|(_, leaf)| *leaf)
    }

    /// The finding about an archive that was pruned and lies there.
    fn unfinished(&self, object: &str) -> Option<Finding> {
        let leaf = self.pruned.get(pack_name(object.rsplit('/').next()?)?)?;
        Some(Finding::warning(Code::PruneUnfinished, object).actual(format!("pruned at {:.0}", leaf.time)))
    }
}

/// The findings about archives that others need, which stand, and that do not stand themselves or are not held: one each.
fn bases(standing: &BTreeMap<String, (&Leaf, &Told)>, held: &Held) -> Vec<Finding> {
    let there = standing.iter().filter(|(object, _)| held.get(object).is_some());
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

/// What is wrong with the archive of a leaf.
fn lies_there((leaf, told): &(&Leaf, &Told), held: Option<&HeldArchive>) -> Option<Finding> {
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
    leaf: Option<&Leaf>,
    register: &Register<'_>,
    logged: &Logged,
    now: Timestamp,
) -> Option<Finding> {
    let archive = held.entry.name.as_str();
    let Some(bundle) = held.receipt() else {
        let finding = Finding::new(Code::ReceiptMissing, format!("{archive}{SUFFIX}"));
        return Some(match leaf.is_none() && is_arriving(held, now) {
            true => arriving(finding),
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
    let mut finding = unlogged(archive, held.entry.name.file_name(), bundle, &logged.trust, now);
    let receipt = receipt::verify(&logged.trust, held.entry.name.file_name(), Some(bundle)).ok();
    if let Some(base) = receipt.as_ref().and_then(|receipt| register.fallen(&receipt.predicate().bases)) {
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

/// Whether an archive has no receipt yet: a run may still be at it, or have been killed, and then the next one removes it.
pub fn is_arriving(held: &HeldArchive, now: Timestamp) -> bool {
    held.receipt.is_none() && now.duration_since(held.entry.modified) <= GRACE
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
