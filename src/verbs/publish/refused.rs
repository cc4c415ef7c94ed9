//! What is never published: a backup, and a release that was pruned. Of either the log would say something that nobody could
//! take back.

use crate::error::{Error, Result};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Receipt;

/// Refuses a backup: a leaf that calls it a release would be wrong for ever.
pub(super) fn backup(receipt: &Receipt) -> Result<()> {
    match receipt.kind {
        Kind::Release => Ok(()),
        Kind::Backup => Err(Error::input(
            format!("{} is a backup, and only releases are published", receipt.name),
            "attestar backup puts backups into the store; attestar copy NAME --to URL makes a second copy of one",
        )),
    }
}

/// Refuses a release of which the log says that it was pruned. Its statement is in the log and comes into it once: what was put
/// there again, the next prune would take away as what an earlier one had left.
pub(super) fn pruned(leaves: &[Leaf], sealed: &Leaf) -> Result<()> {
    let Some(at) = leaves.iter().rposition(|leaf| leaf == sealed) else { return Ok(()) };
    let is_pruned = |leaf: &&Leaf| {
        leaf.what == What::Pruned && (&leaf.project, &leaf.name) == (&sealed.project, &sealed.name)
    };
    match leaves[at..].iter().find(is_pruned) {
        None => Ok(()),
        Some(leaf) => Err(Error::input(
            format!(
                "{} was pruned at {:.0}, as the log says: what is put there again, prune takes away",
                leaf.name, leaf.time
            ),
            "seal it anew, and publish that: attestar seal",
        )),
    }
}
