//! An archive of a store against the log there: its receipt has a leaf, in a log that this host has no reason to doubt.

use crate::error::{Error, Result};
use crate::evidence::receipt::pack_name;
use crate::evidence::stored::unlogged;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::digest::Sha256;
use crate::format::leaf::{Leaf, What};
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::state::{Known, State};
use jiff::Timestamp;

/// The check's name.
const NAME: &str = "log";

/// Runs the check `log`: the newest leaf of the archive of this file name has the digest of this receipt. The trust learns what
/// this host saw in the log before keys were revoked, so this comes before anything else is verified.
///
/// A store without a log, and a trust that lets nobody log, have nothing to compare with: that is said.
pub fn check(
    log: &Log<'_>,
    state: &State<'_>,
    archive_name: &str,
    receipt: Option<&[u8]>,
    trust: &mut Trust,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    if !trust.lets(Right::Log) {
        nobody_may(&mut outcome);
        return Ok(outcome);
    }
    match state.read(&Log { trust, ..*log }) {
        Ok(known) => {
            judge(known.as_ref(), archive_name, receipt, state.now, &mut outcome);
            known.into_iter().for_each(|known| *trust = known.trust);
        }
        Err(Error::Refused(findings)) => outcome.conclude(NAME, "it does not verify", findings),
        Err(error) => return Err(error),
    }
    Ok(outcome)
}

/// Says that there is nobody whose log would count.
pub fn nobody_may(outcome: &mut Outcome) {
    outcome.skip(NAME, Status::Skipped, "no key was given that may log");
}

/// The same of a log that was read before; `None` where the store has none.
pub fn judge(
    known: Option<&Known>,
    archive_name: &str,
    receipt: Option<&[u8]>,
    now: Timestamp,
    outcome: &mut Outcome,
) {
    let Some(Known { leaves, trust, .. }) = known else {
        return outcome.skip(NAME, Status::Skipped, "the store has none");
    };
    let name = pack_name(archive_name).unwrap_or(archive_name);
    let found = receipt.map(Sha256::of);
    let is_archive = |leaf: &Leaf| matches!(leaf.what, What::Sealed | What::BackedUp) && leaf.name == name;
    let index = leaves.leaves.iter().rposition(is_archive);
    match index.map(|index| (index, &leaves.leaves[index])) {
        Some((index, leaf)) if Some(leaf.event) == found => {
            let checkpoint = leaves.head.checkpoint();
            let detail = format!("leaf {index} of {} of {}", checkpoint.size, checkpoint.origin);
            outcome.conclude(NAME, detail, Vec::new());
        }
        Some((index, leaf)) => {
            let finding =
                Finding::new(Code::Altered, name).expected(format!("a receipt of sha256 {}", leaf.event));
            let found = found.map_or_else(|| "none".to_owned(), |found| format!("sha256 {found}"));
            outcome.conclude(
                NAME,
                format!("leaf {index} is of another receipt"),
                vec![finding.actual(found)],
            );
        }
        None => {
            let finding = unlogged(name, archive_name, receipt.unwrap_or_default(), trust, now);
            outcome.conclude(NAME, format!("no leaf of {name}"), vec![finding]);
        }
    }
}
