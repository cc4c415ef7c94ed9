//! Whether what a backup counts on still stands at the moment at which it is logged itself: a prune may have come since it
//! began.

use crate::error::{Error, Result};
use crate::evidence::chain::shelf::SUFFIXES;
use crate::format::leaf::{Leaf, What};
use crate::log::append::{Appended, Record};
use crate::verbs::backup::Request;
use crate::verbs::backup::adopt::Stored;

/// How often the log is asked again because it has grown meanwhile.
pub(super) const ATTEMPTS_MAX: usize = 1_000;

/// The newest leaf that put an archive into the store, unless it was pruned after that.
pub(super) fn leaf_of<'l>(leaves: &'l [Leaf], name: &str) -> Option<&'l Leaf> {
    let is_about = |leaf: &&Leaf| leaf.name == name && matches!(leaf.what, What::BackedUp | What::Pruned);
    leaves.iter().rev().find(is_about).filter(|leaf| leaf.what == What::BackedUp)
}

/// The first of these archives that does not stand.
pub(super) fn fallen<'n>(leaves: &[Leaf], names: &[&'n str]) -> Option<&'n str> {
    names.iter().copied().find(|name| leaf_of(leaves, name).is_none())
}

/// The first of these archives that does not stand, or does not lie in the store.
pub(super) fn gone<'n>(leaves: &[Leaf], stored: &Stored, names: &[&'n str]) -> Option<&'n str> {
    let lies_there =
        |name: &str| SUFFIXES.iter().any(|suffix| stored.contains_key(&format!("{name}{suffix}")));
    fallen(leaves, names).or_else(|| names.iter().copied().find(|name| !lies_there(name)))
}

/// Whether all of these archives stand, by the log as it is now.
pub(super) fn stand(request: &Request<'_>, names: &[&str]) -> Result<bool> {
    if names.is_empty() {
        return Ok(true);
    }
    let known = request.log.state.read(&request.log.log)?;
    Ok(known.is_some_and(|known| fallen(&known.leaves.leaves, names).is_none()))
}

/// Logs what counts on these archives, at a moment at which all of them stand; nothing if one of them does not.
pub(super) fn append(request: &Request<'_>, record: Record, names: &[&str]) -> Result<Option<Appended>> {
    let records = [record];
    if names.is_empty() {
        return request.log.append(&records).map(Some);
    }
    for _ in 0..ATTEMPTS_MAX {
        let Some(known) = request.log.state.read(&request.log.log)? else { return Ok(None) };
        let leaves = &known.leaves.leaves;
        // Another host may have adopted it: at a moment at which they stood.
        let is_logged =
            records.iter().any(|record| leaves.iter().any(|leaf| leaf.event == record.leaf.event));
        if !is_logged && fallen(leaves, names).is_some() {
            return Ok(None);
        }
        if let Some(appended) = request.log.append_at(&records, known.leaves.head.size())? {
            return Ok(Some(appended));
        }
    }
    Err(grew(request))
}

/// The error of a log that others write to without a pause.
pub(super) fn grew(request: &Request<'_>) -> Error {
    let message = format!("the log of {} grew {ATTEMPTS_MAX} times meanwhile", request.store.place());
    Error::input(message, "run it again: nothing is lost")
}
