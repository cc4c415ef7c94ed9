//! The waivers in a pack: each is there, signed by one who may waive, of this release, and had not ended when the gates
//! were evaluated. That the sealer says so is not enough.

use crate::error::Result;
use crate::evidence::gates::waivers::{TAG_FILES, VerifiedWaiver, not_waivable, said, tag_file, verify};
use crate::evidence::pack::signer;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::digest::Sha256;
use crate::format::gates::{Gate, Gates, Waived};
use crate::format::units::count;
use crate::format::waiver::Binding;
use crate::keys::trust::Trust;
use crate::policy::Policy;
use crate::policy::gate::{KINDS, Kind};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A record of gates, and what its waivers are judged by.
pub struct Record<'a> {
    /// The record, whose own signature holds.
    pub gates: &'a Gates,
    /// The digest of the policy by which they were evaluated.
    pub policy_sha256: Sha256,
    /// That policy, if it can be read: what kind a gate is of, the record may not choose.
    pub policy: Option<&'a Policy>,
    /// Who may waive.
    pub trust: &'a Trust,
    /// When the gates were evaluated, where something verified says so.
    pub evaluated_at: Option<Timestamp>,
}

/// Runs the check `waivers`; a record without any has none. `names` are all tag files, `read` gives one of them.
pub fn check<'n>(
    record: &Record<'_>,
    names: impl Iterator<Item = &'n str>,
    read: impl Fn(&str) -> Result<Option<Vec<u8>>>,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut unused: BTreeSet<&str> = names.filter(|name| name.starts_with(TAG_FILES)).collect();
    let (mut said, mut findings) = (Vec::new(), Vec::new());
    for gate in &record.gates.gates {
        let Some(waived) = &gate.waiver else { continue };
        let file = tag_file(&gate.id);
        unused.remove(&*file);
        match read(&file)? {
            None => findings.push(Finding::new(Code::Missing, file)),
            Some(bytes) if record.is_out_of_reach() => {
                findings.extend(record.held_to(gate, waived, &file, &bytes));
                said.push(format!("{} until {}, by {}", gate.id, waived.until, waived.role));
            }
            Some(bytes) => match record.judge(gate, waived, &file, &bytes) {
                Ok(waiver) => said.push(one(gate, &waiver)),
                Err(found) => findings.extend(found),
            },
        }
    }
    let waivers = record.gates.gates.iter().filter(|gate| gate.waiver.is_some()).count() as u64;
    let extra = |name: &str| Finding::new(Code::Disagreement, name).actual("no gate was waived by it");
    findings.extend(unused.into_iter().map(extra));
    if findings.is_empty() && waivers > 0 && record.is_out_of_reach() {
        let detail = format!("{}; no trust file says who may waive", said.join("; "));
        outcome.skip("waivers", Status::Skipped, detail);
    } else if waivers > 0 || !findings.is_empty() {
        let detail = if findings.is_empty() { said.join("; ") } else { count(waivers, "waiver") };
        outcome.conclude("waivers", detail, findings);
    }
    Ok(())
}

/// `release-window until 2026-11-21T00:00:00Z, signed by risk SHA256:…`
fn one(gate: &Gate, waiver: &VerifiedWaiver) -> String {
    format!("{} until {}, signed by {}", gate.id, waiver.predicate().until, signer(waiver))
}

impl Record<'_> {
    /// Whether nothing that was given could say who may waive: `--key` trusts those who seal, with what they record.
    pub fn is_out_of_reach(&self) -> bool {
        !self.trust.is_empty() && !self.trust.has_file()
    }

    /// What is wrong with a waiver whoever signed it: it is not the one of the record, or could not lift the gate.
    pub fn held_to(&self, gate: &Gate, waived: &Waived, file: &str, bytes: &[u8]) -> Vec<Finding> {
        let mut findings = self.unfit(gate, waived.until, file);
        let found = Sha256::of(bytes);
        if found != waived.sha256 {
            let finding = Finding::new(Code::Altered, file).expected(format!("sha256 {}", waived.sha256));
            findings.push(finding.actual(format!("sha256 {found}")));
        }
        findings
    }

    /// A gate that nobody can waive, or an end before its use.
    fn unfit(&self, gate: &Gate, until: Timestamp, file: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(kind) = self.kind(gate).filter(|kind| !kind.waivable) {
            let finding = Finding::new(Code::WaiverNotAllowed, file);
            findings.push(finding.actual(not_waivable(&gate.id, kind)));
        }
        if let Some(at) = self.evaluated_at.filter(|at| until < *at) {
            let finding = Finding::new(Code::WaiverExpired, file).expected(format!("used by {until}"));
            findings.push(finding.actual(format!("used at {at}")));
        }
        findings
    }

    /// Judges the waiver of a gate, by a trust file.
    pub fn judge(
        &self,
        gate: &Gate,
        waived: &Waived,
        file: &str,
        bytes: &[u8],
    ) -> Result<VerifiedWaiver, Vec<Finding>> {
        let unjudged = |why: &str| vec![Finding::new(Code::WaiverUnjudged, file).actual(why)];
        let waiver = verify(self.trust, file, bytes, self.evaluated_at).map_err(|finding| vec![finding])?;
        let mut findings = self.disagreements(gate, waived, &waiver, file, bytes);
        findings.extend(self.unfit(gate, waiver.predicate().until, file));
        if self.evaluated_at.is_none() {
            findings.extend(unjudged("no receipt says when the gates were evaluated"));
        }
        if findings.is_empty() { Ok(waiver) } else { Err(findings) }
    }

    fn kind(&self, gate: &Gate) -> Option<&'static Kind> {
        let by_policy = self.policy.and_then(|policy| policy.gates.iter().find(|one| one.id == gate.id));
        by_policy.map(|one| one.kind).or_else(|| KINDS.iter().find(|kind| kind.name == gate.check))
    }

    /// Where record, waiver and pack do not say the same.
    fn disagreements(
        &self,
        gate: &Gate,
        waived: &Waived,
        waiver: &VerifiedWaiver,
        file: &str,
        bytes: &[u8],
    ) -> Vec<Finding> {
        let disagree = |what: &str, expected: String, actual: String| {
            let finding = Finding::new(Code::Disagreement, format!("{file}: {what}"));
            finding.expected(expected).actual(actual)
        };
        let binding = Binding {
            project: &self.gates.project,
            version: &self.gates.version,
            commit: self.gates.commit.as_deref(),
            policy: self.policy_sha256,
        };
        let differs = binding.differs(waiver.predicate()).into_iter();
        let mut findings: Vec<Finding> =
            differs.map(|(what, expected, said)| disagree(what, expected, said)).collect();
        if waiver.predicate().gate != gate.id {
            findings.push(disagree("gate", gate.id.clone(), waiver.predicate().gate.clone()));
        }
        let is = said(waiver, bytes);
        if *waived != is {
            let show = |waived: &Waived| {
                let Waived { role, key_id, reason, until, sha256 } = waived;
                format!("{role}, key {key_id}, until {until}, sha256 {sha256}: {reason}")
            };
            findings.push(disagree("record", show(waived), show(&is)));
        }
        findings
    }
}
