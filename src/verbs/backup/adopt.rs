//! What an earlier run of any host has left half done: a log to be completed, an archive that it put into the store and did
//! not live to log.

use crate::error::{Error, Result};
use crate::evidence::receipt::{self, SUFFIX, VerifiedReceipt, pack_name};
use crate::finding::{Code, Finding};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::log::append::Record;
use crate::store::{Entry, ObjectName};
use crate::verbs::backup::{ARCHIVES, Request};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// What is younger than this in a directory may have no lock yet.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// What is older than this in a bucket belongs to nobody any more.
const ABANDONED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the log says before this backup.
pub(super) struct Adopted {
    /// Every leaf that was there, but for what was adopted.
    pub(super) leaves: Vec<Leaf>,
    /// What was adopted.
    pub(super) findings: Vec<Finding>,
}

/// Completes the log, and logs every backup of the project that has a valid receipt and no leaf; says which.
pub(super) fn adopt(request: &Request<'_>, project: &str) -> Result<Adopted> {
    request.log.complete()?;
    let known = request.log.state.read(&request.log.log)?;
    let leaves = known.iter().flat_map(|known| &known.leaves.leaves);
    let logged: BTreeSet<&str> = leaves.map(|leaf| &*leaf.name).collect();
    let mut records = Vec::new();
    for entry in request.store.list(ARCHIVES)?.entries {
        let Some(archive) = entry.name.as_str().rsplit('/').next().and_then(|name| name.strip_suffix(SUFFIX))
        else {
            continue;
        };
        if pack_name(archive).is_none_or(|name| logged.contains(name)) {
            continue;
        }
        records.extend(orphan(request, project, archive, &entry)?);
    }
    if !records.is_empty() {
        request.log.append(&records)?;
    }
    let adopted = |record: &Record| {
        let finding = Finding::warning(Code::Adopted, &*record.leaf.name);
        finding.actual("a run that did not end had put it there; it is in the log now")
    };
    let findings = records.iter().map(adopted).collect();
    Ok(Adopted { leaves: known.map(|known| known.leaves.leaves).unwrap_or_default(), findings })
}

/// The record of an archive that is whole by its receipt. Of any other `log verify` says what is wrong with it.
fn orphan(request: &Request<'_>, project: &str, archive: &str, entry: &Entry) -> Result<Option<Record>> {
    let Some((bundle, _)) = request.store.get(&entry.name, BUNDLE_BYTES_MAX)? else { return Ok(None) };
    let Ok(receipt) = receipt::verify(request.log.log.trust, archive, Some(&bundle)) else { return Ok(None) };
    let said = VerifiedReceipt::predicate(&receipt);
    let stored = request.store.head(&ObjectName::new(&format!("{ARCHIVES}/{archive}"))?)?;
    let is_whole = stored.is_some_and(|stored| stored.size == said.size_bytes);
    if said.kind != Kind::Backup || said.project != project || !is_whole {
        return Ok(None);
    }
    Ok(Some(Record::of(What::BackedUp, &said.name, said, said.created_at, bundle)))
}

/// Removes what killed runs left on its way into the store. A directory tells whether who wrote it still lives; in a bucket only
/// age does.
pub(super) fn sweep(request: &Request<'_>, now: Timestamp) -> Result<Vec<Finding>> {
    let is_directory = request.store.file(&ObjectName::new(ARCHIVES)?).is_some();
    let age = if is_directory { SETTLED } else { ABANDONED };
    let Ok(before) = now.checked_sub(age) else { return Ok(Vec::new()) };
    let swept = match request.store.sweep(before) {
        // Whoever may not look, or not delete, leaves it to others.
        Err(Error::Store { .. }) => Vec::new(),
        swept => swept?,
    };
    let warning = |name: String| {
        let finding = Finding::warning(Code::Cleaned, name);
        finding.actual("a run that did not end had left it in the store; it was removed")
    };
    Ok(swept.into_iter().map(warning).collect())
}
