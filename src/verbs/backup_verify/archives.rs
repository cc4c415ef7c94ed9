//! The archives of a store, each with its receipt, and when it was read last.

use crate::evidence::held::HeldArchive;
use crate::evidence::logged::{Logged, pairs};
use crate::evidence::receipt::{self, pack_name};
use crate::evidence::stored::{arriving, is_arriving};
use crate::finding::{Code, Finding, Outcome};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::units::count;
use crate::format::verify_report::ReadCoverage;
use crate::store::{Entry, ObjectName};
use crate::verbs::backup_verify::Run;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};

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
    pub(super) fn find(run: &Run<'_>) -> Archives {
        let known = Known::of(run);
        let held = run.held.len();
        let mut found = Archives { all: Vec::new(), held, unproven: (0, 0), findings: Vec::new() };
        for (_, archive) in run.held.iter() {
            found.add(run, archive, &known);
        }
        found
    }

    fn add(&mut self, run: &Run<'_>, archive: &HeldArchive, known: &Known<'_>) {
        let entry = &archive.entry;
        let receipt = match receipt::verify(run.trust, entry.name.file_name(), archive.receipt()) {
            Ok(receipt) => receipt,
            Err(findings) if known.has_no_leaf(entry) && is_arriving(archive, run.now) => {
                return self.findings.extend(findings.into_iter().map(arriving));
            }
            Err(findings) => {
                let may_be_ours = known.may_be_of(entry, run.project);
                self.unproven.0 += u64::from(may_be_ours);
                self.unproven.1 += if may_be_ours { entry.size } else { 0 };
                return self.findings.extend(findings);
            }
        };
        self.findings.extend(receipt::size_matches(&receipt, entry.name.file_name(), entry.size));
        let said = receipt.predicate();
        let sha256 = receipt.statement().subject[0].digest.sha256;
        if said.project != run.project {
            return;
        }
        let event = archive.receipt().map(Sha256::of);
        self.all.push(Archive {
            name: said.name.clone(),
            kind: said.kind,
            object: entry.name.clone(),
            sha256,
            size_bytes: said.size_bytes,
            created_at: said.created_at,
            leaf: event.and_then(|event| known.places.get(&event).copied()),
            last_read: known.last_read.get(&sha256).copied(),
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
            let finding = Finding::new(Code::NothingChecked, "archives");
            return outcome.conclude("receipts", "there is no archive in the store", vec![finding]);
        }
        outcome.conclude("receipts", all, self.findings.clone());
    }
}

/// What the log says of archives.
#[derive(Default)]
struct Known<'l> {
    /// The first leaf of each statement.
    places: HashMap<Sha256, u64>,
    /// Whose the archives of a name are.
    projects: HashMap<&'l str, BTreeSet<&'l str>>,
    last_read: HashMap<Sha256, Timestamp>,
}

impl<'l> Known<'l> {
    fn of(run: &Run<'l>) -> Known<'l> {
        let Some(logged) = run.logged else { return Known::default() };
        let last_read = last_read(run, logged);
        let mut known = Known { last_read, ..Known::default() };
        for (leaf, at) in logged.leaves.leaves.iter().zip(0..) {
            known.places.entry(leaf.event).or_insert(at);
            if matches!(leaf.what, What::BackedUp | What::Sealed) {
                known.projects.entry(&leaf.name).or_default().insert(&leaf.project);
            }
        }
        known
    }

    fn projects(&self, entry: &Entry) -> Option<&BTreeSet<&'l str>> {
        self.projects.get(pack_name(entry.name.file_name())?)
    }

    fn has_no_leaf(&self, entry: &Entry) -> bool {
        self.projects(entry).is_none()
    }

    /// Whether an archive whose receipt says nothing may be the project's: the log has none of that name that is another's.
    fn may_be_of(&self, entry: &Entry, project: &str) -> bool {
        self.projects(entry).is_none_or(|projects| projects.iter().all(|of| *of == project))
    }
}

/// When each archive of the project was read last by one who may `verify` it, by its digest. What claims to be of the future
/// says nothing.
fn last_read(run: &Run<'_>, logged: &Logged) -> HashMap<Sha256, Timestamp> {
    let (mut last, now) = (HashMap::new(), run.request.state.now);
    let is_own = |leaf: &Leaf| leaf.what == What::Verified && leaf.project == run.project;
    for (leaf, told) in pairs(logged).filter(|(leaf, _)| is_own(leaf)) {
        let Some(from) = told.read_from.filter(|from| *from <= now && leaf.time <= now) else { continue };
        for subject in &told.subjects {
            let at = last.entry(subject.digest.sha256).or_insert(from);
            *at = from.max(*at);
        }
    }
    last
}
