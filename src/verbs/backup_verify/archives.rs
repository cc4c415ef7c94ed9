//! The archives of a store, each with its receipt, and when it was read last.

use crate::error::Result;
use crate::evidence::logged::{Logged, pairs};
use crate::evidence::receipt::{self, SUFFIX, pack_name};
use crate::evidence::stored::{ARCHIVES, RELEASES};
use crate::finding::{Finding, Outcome};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::units::count;
use crate::format::verify_report::ReadCoverage;
use crate::store::{Entry, ObjectName};
use crate::verbs::backup_verify::Run;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// An archive whose receipt holds.
pub(super) struct Archive {
    /// The pack.
    pub(super) name: String,
    /// Release or backup.
    pub(super) kind: Kind,
    /// Where it lies.
    pub(super) object: ObjectName,
    /// Its digest, as the receipt says.
    pub(super) sha256: Sha256,
    /// Its size, as the receipt says.
    pub(super) size_bytes: u64,
    /// When it was made, as the receipt says.
    pub(super) created_at: Timestamp,
    /// Its place in the log, if it has one.
    pub(super) leaf: Option<u64>,
    /// When it was read last; `None` if it never was, or that is said to be in the future.
    pub(super) last_read: Option<Timestamp>,
}

impl Archive {
    /// Its file name.
    pub(super) fn file(&self) -> &str {
        self.object.file_name()
    }
}

/// What lies in the store.
pub(super) struct Archives {
    /// The project's archives, by kind and name.
    pub(super) all: Vec<Archive>,
    /// How many there are of whichever project.
    held: usize,
    /// How many of them have no receipt that holds, and their bytes.
    unproven: (u64, u64),
    /// What is wrong with their receipts.
    findings: Vec<Finding>,
}

impl Archives {
    /// Finds every archive, and verifies its receipt.
    pub(super) fn find(run: &Run<'_>) -> Result<Archives> {
        let store = run.request.store;
        let read = run.logged.map(|logged| last_read(logged, run.request.state.now)).unwrap_or_default();
        let mut found = Archives { all: Vec::new(), held: 0, unproven: (0, 0), findings: Vec::new() };
        for folder in [RELEASES, ARCHIVES] {
            for entry in store.list(folder)?.entries {
                if pack_name(entry.name.file_name()).is_none() {
                    continue;
                }
                found.held += 1;
                let bundle = ObjectName::new(&format!("{}{SUFFIX}", entry.name))?;
                let bundle = store.get(&bundle, BUNDLE_BYTES_MAX)?.map(|(bytes, _)| bytes);
                found.add(run, entry, bundle.as_deref(), &read);
            }
        }
        Ok(found)
    }

    fn add(
        &mut self,
        run: &Run<'_>,
        entry: Entry,
        bundle: Option<&[u8]>,
        read: &BTreeMap<Sha256, Timestamp>,
    ) {
        let receipt = match receipt::verify(run.trust, entry.name.file_name(), bundle) {
            Ok(receipt) => receipt,
            Err(findings) => {
                self.unproven.0 += u64::from(may_be_ours(run, &entry));
                self.unproven.1 += if may_be_ours(run, &entry) { entry.size } else { 0 };
                return self.findings.extend(findings);
            }
        };
        self.findings.extend(receipt::size_matches(&receipt, entry.name.file_name(), entry.size));
        let said = receipt.predicate();
        let sha256 = receipt.statement().subject[0].digest.sha256;
        if said.project != run.project {
            return;
        }
        let event = bundle.map(Sha256::of);
        let leaf = run
            .logged
            .and_then(|logged| logged.leaves.leaves.iter().position(|leaf| Some(leaf.event) == event));
        self.all.push(Archive {
            name: said.name.clone(),
            kind: said.kind,
            object: entry.name,
            sha256,
            size_bytes: said.size_bytes,
            created_at: said.created_at,
            leaf: leaf.map(|at| at as u64),
            last_read: read.get(&sha256).copied(),
        });
    }

    /// Counts those without a receipt that holds: they are of all, and nothing of them is read.
    pub(super) fn add_unproven(&self, coverage: &mut ReadCoverage) {
        coverage.archives_total += self.unproven.0;
        coverage.bytes_total += self.unproven.1;
    }

    /// Ends the check `receipts`.
    pub(super) fn conclude_receipts(&self, outcome: &mut Outcome) {
        let all = count(self.held as u64, "archive");
        if self.held == 0 {
            let finding = Finding::new(crate::finding::Code::NothingChecked, "archives");
            return outcome.conclude("receipts", "there is no archive in the store", vec![finding]);
        }
        outcome.conclude("receipts", all, self.findings.clone());
    }
}

/// Whether an archive whose receipt says nothing may be the project's: the log has none of that name that is another's.
fn may_be_ours(run: &Run<'_>, entry: &Entry) -> bool {
    let name = pack_name(entry.name.file_name());
    let leaves = run.logged.into_iter().flat_map(|logged| &logged.leaves.leaves);
    let mut named =
        leaves.filter(|leaf| matches!(leaf.what, What::BackedUp | What::Sealed) && Some(&*leaf.name) == name);
    named.all(|leaf| leaf.project == run.project)
}

/// When each archive was read last by one who may `verify`, by its digest. What claims to be of the future says nothing.
fn last_read(logged: &Logged, now: Timestamp) -> BTreeMap<Sha256, Timestamp> {
    let mut last = BTreeMap::new();
    for (leaf, told) in pairs(logged).filter(|(leaf, _)| leaf.what == What::Verified) {
        let Some(from) = told.read_from.filter(|from| *from <= now && leaf.time <= now) else { continue };
        for subject in &told.subjects {
            let at = last.entry(subject.digest.sha256).or_insert(from);
            *at = from.max(*at);
        }
    }
    last
}
