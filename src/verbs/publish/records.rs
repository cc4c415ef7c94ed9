//! What was signed of a release, each with the leaf that it gets.

use crate::error::{Error, Result};
use crate::evidence::gates::stages::is_waiver;
use crate::evidence::gates::waivers::TAG_FILES;
use crate::evidence::later::{APPROVAL, Later};
use crate::finding::{Finding, Severity};
use crate::format::approval::Approval;
use crate::format::bundle::Bundle;
use crate::format::digest::Sha256;
use crate::format::gates::VerificationSummary;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Receipt;
use crate::format::statement::{Predicate, Statement};
use crate::keys::trust::Trust;
use crate::log::append::Record;
use crate::log::event;
use jiff::Timestamp;

/// What the gates of stage `seal` came to, in the pack.
const GATES: &str = "attestations/gates.sigstore.json";

/// A release whose receipt verifies.
pub(super) struct Sealed<'a> {
    pub(super) receipt: &'a Receipt,
    /// The receipt's bundle.
    pub(super) bundle: &'a [u8],
    /// Who may sign what else is logged.
    pub(super) trust: &'a Trust,
}

impl Sealed<'_> {
    /// The leaves of what is sealed: the archive, its gates, its waivers. A waiver by one whom this trust does not let
    /// waive has no leaf: the record of the gates holds it, and whoever verifies judges that. The archive's comes first, and
    /// nothing is published whose leaf nobody would take.
    pub(super) fn records(&self, evidence: &[(String, Vec<u8>)]) -> Result<Vec<Record>> {
        let Receipt { created_at, evaluated_at, .. } = *self.receipt;
        let archive = self.record(What::Sealed, created_at, self.bundle.to_vec());
        self.verify(&archive).map_err(Error::Refused)?;
        let mut records = vec![archive];
        let inside = evidence.iter().filter_map(|(name, bytes)| match name.as_str() {
            GATES => Some(self.record(What::Gated, evaluated_at, bytes.clone())),
            name if name.starts_with(TAG_FILES) => {
                Some(self.record(What::Waived, evaluated_at, bytes.clone()))
            }
            _ => None,
        });
        records.extend(inside.filter(|record| self.verify(record).is_ok()));
        Ok(records)
    }

    /// The leaves of what came after the seal, each with its name in the pack; and what is wrong with the others.
    pub(super) fn later(&self, later: Later) -> (Vec<(String, Record)>, Vec<Finding>) {
        let (mut records, mut findings) = (Vec::new(), later.findings);
        for file in later.files {
            let record = match what(&file.name) {
                What::Approved => self.timed::<Approval>(What::Approved, file.bytes),
                What::Gated => self.timed::<VerificationSummary>(What::Gated, file.bytes),
                other => self.record(other, self.receipt.created_at, file.bytes),
            };
            match self.verify(&record) {
                Ok(()) => records.push((file.name, record)),
                Err(found) => findings.extend(found.into_iter().map(|found| Finding {
                    severity: Severity::Warning,
                    subject: file.name.clone(),
                    ..found
                })),
            }
        }
        (records, findings)
    }

    fn record(&self, what: What, time: Timestamp, statement: Vec<u8>) -> Record {
        let Receipt { project, name, .. } = self.receipt.clone();
        Record { leaf: Leaf { what, project, name, time, event: Sha256::of(&statement) }, statement }
    }

    /// With the time that the statement itself tells. It is not verified yet; it is compared with the leaf when it is.
    fn timed<P: Predicate>(&self, what: What, statement: Vec<u8>) -> Record {
        let bundle = Bundle::parse(&statement).ok();
        let parsed = bundle.and_then(|bundle| Statement::<P>::parse(&bundle.envelope.payload).ok());
        let time = parsed.and_then(|parsed| parsed.predicate.signed_at());
        self.record(what, time.unwrap_or(self.receipt.created_at), statement)
    }

    fn verify(&self, record: &Record) -> Result<(), Vec<Finding>> {
        event::verify(self.trust, &record.leaf, &record.statement).map(drop)
    }
}

/// What a file that came after the seal says.
fn what(name: &str) -> What {
    match name {
        name if name.starts_with(APPROVAL) => What::Approved,
        _ if is_waiver(name) => What::Waived,
        _ => What::Gated,
    }
}
