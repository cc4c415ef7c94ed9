//! An archive's receipt against a log: with `--proof` that of a store which need not be there, with `--store` the store's.

use crate::error::{Error, Result};
use crate::evidence::pack::signer;
use crate::evidence::{entered, proven};
use crate::finding::{Finding, Outcome};
use crate::format::tlog::proof_file::PROOF_BYTES_MAX;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::state::State;
use crate::store::Store;
use crate::verbs::target::Target;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Runs the check `proof`. The trust learns what this host saw in the log before keys were revoked, so this comes before
/// anything else is verified.
pub fn check(target: &Target, file: &Path, trust: &mut Trust, state: &State<'_>) -> Result<Outcome> {
    let mut proof = Vec::new();
    let opened = File::open(file).map_err(Error::io("open", file))?;
    opened.take(PROOF_BYTES_MAX as u64 + 1).read_to_end(&mut proof).map_err(Error::io("read", file))?;
    let (_, receipt) = target.receipt()?;
    let seen = state.all()?;
    let seen = |checkpoint: &_| seen.iter().find_map(|remembered| remembered.seen_at(checkpoint));
    let mut outcome = Outcome::default();
    match proven::verify(&proof, target.pack_name(), receipt.as_deref(), trust, seen) {
        Ok(proven) => {
            let checkpoint = proven.signed.checkpoint();
            let detail = format!(
                "leaf {} of {} of {}, signed by {}",
                proven.index,
                checkpoint.size,
                checkpoint.origin,
                signer(&proven.signed)
            );
            outcome.conclude("proof", detail, Vec::new());
        }
        Err(findings) => outcome.conclude("proof", file.display().to_string(), named(findings, file)),
    }
    Ok(outcome)
}

/// Runs the check `log` of a target that lies in a store, likewise before anything else is verified. Where the origin of the
/// store's log is known, it must be of that.
pub fn in_store(
    target: &Target,
    store: &dyn Store,
    origin: Option<&str>,
    trust: &mut Trust,
    state: &State<'_>,
) -> Result<Outcome> {
    let (archive_name, receipt) = target.receipt()?;
    let before = trust.clone();
    let log = Log { store, trust: &before, origin };
    entered::check(&log, state, &archive_name, receipt.as_deref(), trust)
}

/// Findings about the proof, under the name of its file.
fn named(findings: Vec<Finding>, file: &Path) -> Vec<Finding> {
    let name = |finding: Finding| match finding.subject.as_str() {
        "proof" => Finding { subject: file.display().to_string(), ..finding },
        _ => finding,
    };
    findings.into_iter().map(name).collect()
}
