//! The signed statements behind leaves: whose signature each kind of leaf takes, and what it must say.

use crate::error::Result;
use crate::finding::{Code, Finding};
use crate::format::approval::Approval;
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::event::Event;
use crate::format::gates::{RESOURCE, VerificationResult, VerificationSummary};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Receipt;
use crate::format::statement::{Predicate, Statement, Subject};
use crate::format::test_result::{self, TestResult};
use crate::format::verify_result::VerifyResult;
use crate::format::waiver::Waiver;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};
use crate::log::Log;
use crate::store::ObjectName;
use jiff::Timestamp;

/// What a verified statement says of its leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it went well; what says nothing of that did.
    pub passed: bool,
    /// What it is about, by name and digest: archives, for most.
    pub subjects: Vec<Subject>,
    /// The role that trust gives the signer.
    pub role: String,
    /// The size of the archive, where the statement is its receipt.
    pub size_bytes: Option<u64>,
    /// When reading the subjects began, where they were read again.
    pub read_from: Option<Timestamp>,
    /// Whether no more was to be read than was asked for, likewise.
    pub is_partial: bool,
    /// The archives that it needs, where the statement is a receipt.
    pub bases: Vec<String>,
    /// The drill's id, where it is the word on one.
    pub drill_id: Option<String>,
}

impl Log<'_> {
    /// Fetches a leaf's statement and verifies it; what is wrong with it is a finding.
    pub fn told(&self, leaf: &Leaf) -> Result<std::result::Result<Told, Vec<Finding>>> {
        let path = leaf.event_path();
        let object = ObjectName::new(&path)?;
        match self.store.get(&object, BUNDLE_BYTES_MAX) {
            Ok(Some((statement, _))) => Ok(verify(self.trust, leaf, &statement)),
            Ok(None) => {
                let finding = Finding::new(Code::Missing, path);
                Ok(Err(vec![finding.expected(format!("what was {} {}", leaf.what, leaf.name))]))
            }
            Err(error) => match self.too_long(&object).ok().flatten() {
                Some(size) => {
                    let finding =
                        Finding::new(Code::Altered, path).expected(format!("sha256 {}", leaf.event));
                    Ok(Err(vec![finding.actual(format!("{size} bytes, longer than any statement"))]))
                }
                None => Err(error),
            },
        }
    }

    /// The size of what lies in a statement's place, if it is longer than any.
    fn too_long(&self, object: &ObjectName) -> Result<Option<u64>> {
        let there = self.store.head(object)?.map(|entry| entry.size);
        Ok(there.filter(|size| *size > BUNDLE_BYTES_MAX as u64))
    }
}

/// Verifies the statement of a leaf: its digest, its signature by one who may, and that it says what the leaf says.
pub fn verify(trust: &Trust, leaf: &Leaf, statement: &[u8]) -> std::result::Result<Told, Vec<Finding>> {
    let found = Sha256::of(statement);
    if found != leaf.event {
        let finding =
            Finding::new(Code::Altered, leaf.event_path()).expected(format!("sha256 {}", leaf.event));
        return Err(vec![finding.actual(format!("sha256 {found}"))]);
    }
    let behind = Behind { trust, leaf, statement, file: leaf.event_path() };
    match leaf.what {
        What::Sealed => behind.receipt(Kind::Release),
        What::BackedUp => behind.receipt(Kind::Backup),
        What::Gated => behind.gates(),
        What::Unchanged => behind.event(Right::SealBackup),
        What::Verified => behind.reading(),
        What::Pruned => behind.event(Right::Prune),
        What::Drilled => behind.drill(),
        What::Approved => behind.approval(),
        What::Waived => behind.waiver(),
    }
}

/// A statement, and the leaf that it stands behind.
struct Behind<'a> {
    trust: &'a Trust,
    leaf: &'a Leaf,
    statement: &'a [u8],
    file: String,
}

impl Behind<'_> {
    fn finding(&self) -> Finding {
        Finding::new(Code::StatementInvalid, &*self.file)
    }

    /// The statement, if who signed it may do that, and it has the leaf's project, name and time.
    fn signed<P: Predicate>(
        &self,
        right: Right,
        kind: Option<Kind>,
        name: impl Fn(&P) -> String,
    ) -> std::result::Result<Verified<Statement<P>>, Vec<Finding>> {
        let Leaf { project, name: named, time, .. } = self.leaf;
        let expect = Expect { file: &self.file, right, project: Some(project), kind };
        let verified =
            self.trust.verify::<P>(self.statement, expect, Some(*time)).map_err(|finding| vec![finding])?;
        let mut findings = Vec::new();
        let mut same = |leaf: String, said: String| {
            if leaf != said {
                let finding = Finding::new(Code::Disagreement, &*self.file);
                findings.push(finding.expected(format!("{leaf}, as its leaf says")).actual(said));
            }
        };
        same(named.clone(), name(verified.predicate()));
        if let Some(at) = verified.predicate().signed_at() {
            same(time.to_string(), at.to_string());
        }
        if findings.is_empty() { Ok(verified) } else { Err(findings) }
    }

    fn receipt(&self, kind: Kind) -> std::result::Result<Told, Vec<Finding>> {
        let receipt = self.signed::<Receipt>(Right::Receipt, Some(kind), |receipt| receipt.name.clone())?;
        let said = receipt.predicate();
        let bases = said.bases.iter().map(|base| base.name.clone()).collect();
        Ok(Told { size_bytes: Some(said.size_bytes), bases, ..told(&receipt, true) })
    }

    fn gates(&self) -> std::result::Result<Told, Vec<Finding>> {
        let name = |summary: &VerificationSummary| {
            summary.resource_uri.strip_prefix(RESOURCE).unwrap_or(&summary.resource_uri).to_owned()
        };
        let gates = self.signed::<VerificationSummary>(Right::SealRelease, Some(Kind::Release), name)?;
        Ok(told(&gates, gates.predicate().verification_result == VerificationResult::Passed))
    }

    fn approval(&self) -> std::result::Result<Told, Vec<Finding>> {
        let name = |approval: &Approval| format!("{}-{}", approval.project, approval.version);
        Ok(told(&self.signed::<Approval>(Right::Approve, Some(Kind::Release), name)?, true))
    }

    fn waiver(&self) -> std::result::Result<Told, Vec<Finding>> {
        let name = |waiver: &Waiver| format!("{}-{}", waiver.project, waiver.version);
        Ok(told(&self.signed::<Waiver>(Right::Waive, Some(Kind::Release), name)?, true))
    }

    fn event(&self, right: Right) -> std::result::Result<Told, Vec<Finding>> {
        let event = self.signed::<Event>(right, None, |event| event.name.clone())?;
        let said = event.predicate().what;
        if said != self.leaf.what {
            return Err(vec![self.finding().expected(self.leaf.what).actual(said)]);
        }
        Ok(told(&event, event.predicate().passed))
    }

    fn reading(&self) -> std::result::Result<Told, Vec<Finding>> {
        let read = self.signed::<VerifyResult>(Right::Verify, None, |result| result.check.name.clone())?;
        let VerifyResult { result, check, .. } = read.predicate();
        let passed = *result != test_result::Result::Failed;
        let (read_from, is_partial) = (Some(check.started_at), check.partial);
        Ok(Told { read_from, is_partial, ..told(&read, passed) })
    }

    fn drill(&self) -> std::result::Result<Told, Vec<Finding>> {
        let drill = self.signed::<TestResult>(Right::Drill, None, |result| result.drill.name.clone())?;
        let TestResult { result, drill: said, .. } = drill.predicate();
        let passed = *result != test_result::Result::Failed;
        Ok(Told { drill_id: Some(said.drill_id.clone()), ..told(&drill, passed) })
    }
}

fn told<P>(statement: &Verified<Statement<P>>, passed: bool) -> Told {
    Told {
        passed,
        subjects: statement.statement().subject.clone(),
        role: statement.role().to_owned(),
        size_bytes: None,
        read_from: None,
        is_partial: false,
        bases: Vec::new(),
        drill_id: None,
    }
}
