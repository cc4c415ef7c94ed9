//! What an earlier run of any host has left half done: a log to be completed, an archive that it put into the store and did
//! not live to log.

use crate::error::Result;
use crate::evidence::halves;
use crate::evidence::receipt::{self, RECEIPT_BYTES_MAX, SUFFIX, VerifiedReceipt, pack_name};
use crate::evidence::stored::{ARCHIVES, is_backup_of};
use crate::finding::{Code, Finding};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Base;
use crate::log::append::Record;
use crate::store::Entry;
use crate::verbs::backup::Request;
use crate::verbs::backup::standing::{ATTEMPTS_MAX, gone, grew};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// What the log says before this backup.
pub(super) struct Adopted {
    /// Every leaf that was there, but for what was adopted.
    pub(super) leaves: Vec<Leaf>,
    /// What was adopted.
    pub(super) findings: Vec<Finding>,
    /// What lies among the archives, receipts included: file names, and bytes. A host that backs up may list archives and not
    /// look at one.
    pub(super) stored: Stored,
}

/// File names, and bytes.
pub(super) type Stored = BTreeMap<String, u64>;

/// Completes the log, and logs every backup of the project that has a valid receipt and no leaf; says which. What has neither
/// is nothing that anybody could restore: once no run can be at it any more, it goes.
pub(super) fn adopt(request: &Request<'_>, project: &str, now: Timestamp) -> Result<Adopted> {
    let set_aside = request.log.complete()?;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(mut adopted) = attempt(request, project, now)? {
            adopted.findings.extend(set_aside);
            return Ok(adopted);
        }
    }
    Err(grew(request))
}

/// The same; nothing if the log has grown since it was decided what to adopt: what that needs may have been pruned.
fn attempt(request: &Request<'_>, project: &str, now: Timestamp) -> Result<Option<Adopted>> {
    let known = request.log.state.read(&request.log.log)?;
    let leaves = known.as_ref().map_or(&[][..], |known| &known.leaves.leaves);
    let logged = names(leaves, project, &[What::BackedUp, What::Pruned]);
    let (mut records, mut unfounded) = (Vec::new(), Vec::new());
    let entries = request.store.list(ARCHIVES)?.entries;
    let stored: Stored =
        entries.iter().map(|entry| (entry.name.file_name().to_owned(), entry.size)).collect();
    let left = halves::left(&entries, project, &names(leaves, project, &[What::BackedUp]), now);
    for entry in &entries {
        let Some(archive) = entry.name.file_name().strip_suffix(SUFFIX) else { continue };
        let is_open = |name: &str| is_backup_of(project, name) && !logged.contains(name);
        if !pack_name(archive).is_some_and(is_open) || entry.size > RECEIPT_BYTES_MAX as u64 {
            continue;
        }
        let Some((record, bases)) = orphan(request, project, (archive, stored.get(archive)), entry)? else {
            continue;
        };
        let bases: Vec<&str> = bases.iter().map(|base| &*base.name).collect();
        match gone(leaves, &stored, &bases) {
            Some(base) => unfounded.push(not_adopted(archive, base)),
            None => {
                // It is there. Now it is after a power cut, too: who put it there may not have lived to see to that.
                request.store.create(&entry.name, &record.statement)?;
                records.push(record);
            }
        }
    }
    let size = known.as_ref().map_or(0, |known| known.leaves.head.size());
    if !records.is_empty() && request.log.append_at(&records, size)?.is_none() {
        return Ok(None);
    }
    let adopted = |record: &Record| {
        let finding = Finding::warning(Code::Adopted, &*record.leaf.name);
        finding.actual("a run that did not end had put it there; it is in the log now")
    };
    let removed = left.into_iter().map(|entry| remove(request, entry)).collect::<Result<Vec<_>>>()?;
    let removed = removed.into_iter().flatten();
    let findings = records.iter().map(adopted).chain(unfounded).chain(removed).collect();
    let leaves = known.map(|known| known.leaves.leaves).unwrap_or_default();
    Ok(Some(Adopted { leaves, findings, stored }))
}

/// The names of the project's leaves of these kinds. A drill of an archive that is not in the log does not put it there.
fn names<'l>(leaves: &'l [Leaf], project: &str, kinds: &[What]) -> HashSet<&'l str> {
    let own = leaves.iter().filter(|leaf| leaf.project == project && kinds.contains(&leaf.what));
    own.map(|leaf| &*leaf.name).collect()
}

/// The finding about an archive that nobody could restore: what it needs was pruned before it was logged.
fn not_adopted(archive: &str, base: &str) -> Finding {
    let finding = Finding::warning(Code::NotLogged, format!("{ARCHIVES}/{archive}"));
    let why = format!("it is not adopted: it needs {base}, which was pruned or is not in the store");
    finding.actual(format!("{why}; attestar prune takes it away"))
}

/// Takes half an archive away, unless the other half has come since.
fn remove(request: &Request<'_>, entry: &Entry) -> Result<Option<Finding>> {
    match halves::remove(request.store, &entry.name) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let finding = Finding::warning(Code::Cleaned, entry.name.as_str());
            Ok(Some(finding.actual(format!("{}; it was removed", halves::why(&entry.name)))))
        }
        // Whoever may not delete leaves it to others.
        Err(error) if error.is_denied() => {
            Ok(Some(Finding::warning(Code::LeftBehind, entry.name.as_str()).actual(error.with_causes())))
        }
        Err(error) => Err(error),
    }
}

/// The record of an archive that is whole by its receipt, and what it needs. Of any other `log verify` says what is wrong with it.
fn orphan(
    request: &Request<'_>,
    project: &str,
    (archive, size): (&str, Option<&u64>),
    entry: &Entry,
) -> Result<Option<(Record, Vec<Base>)>> {
    let Some((bundle, _)) = request.store.get(&entry.name, RECEIPT_BYTES_MAX)? else { return Ok(None) };
    let Ok(receipt) = receipt::verify(request.log.log.trust, archive, Some(&bundle)) else { return Ok(None) };
    let said = VerifiedReceipt::predicate(&receipt);
    let is_whole = size == Some(&said.size_bytes);
    if said.kind != Kind::Backup || said.project != project || !is_whole {
        return Ok(None);
    }
    let bases = said.bases.clone();
    Ok(Some((Record::of(What::BackedUp, &said.name, said, said.created_at, bundle), bases)))
}
