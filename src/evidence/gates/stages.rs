//! The signed results of the stages that come after the seal: who evaluated them, when, and what they came to.

use crate::evidence::gates::{Tally, left_out, tally};
use crate::evidence::later::{FOLDER, LaterFile, SUFFIX};
use crate::evidence::pack::signer;
use crate::evidence::waived::Record;

use crate::finding::{Check, Code, Finding, Outcome, Severity, Status};
use crate::format::digest::Sha256;
use crate::format::gates::{Gate, RESOURCE, VerificationResult, VerificationSummary};
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::seal::SEAL_SUBJECT;
use crate::format::statement::Statement;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};
use crate::policy::Policy;
use crate::policy::gate::Stage;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

/// The stages that are evaluated over a sealed pack.
pub const AFTER_SEAL: [Stage; 2] = [Stage::Promote, Stage::Close];

/// Where the result of a stage lies in a pack, by the key that signed it: the next one by the same key replaces it.
pub fn file_name(stage: Stage, key: Sha256) -> String {
    format!("{}{}{SUFFIX}", prefix(stage), BASE64URL_NOPAD.encode(&key.0))
}

/// Where a waiver lies that such a result counted.
pub fn waiver_name(stage: Stage, gate: &str) -> String {
    format!("{}{WAIVER}{gate}{SUFFIX}", prefix(stage))
}

/// What stands between the stage and the gate in the names of waivers; no key's name begins so.
const WAIVER: &str = "waiver.";

/// Whether a tag file of this name is such a waiver.
pub fn is_waiver(name: &str) -> bool {
    AFTER_SEAL
        .iter()
        .any(|&stage| name.strip_prefix(&prefix(stage)).is_some_and(|rest| rest.starts_with(WAIVER)))
}

fn prefix(stage: Stage) -> String {
    format!("{FOLDER}/gates.{stage}.")
}

/// The sealed pack that results are about.
pub struct Sealed<'a> {
    /// What it says of itself.
    pub pack: &'a Pack,
    /// The digest of its tag manifest.
    pub tag_manifest: Sha256,
    /// Who may sign.
    pub trust: &'a Trust,
    /// Its own policy, if that can be read.
    pub policy: Option<&'a Policy>,
}

/// The result of a stage that counts: the newest by a trusted key.
#[derive(Clone, Debug)]
pub struct StageResult {
    /// The stage.
    pub stage: Stage,
    /// What was signed.
    pub summary: VerificationSummary,
}

/// A result that verified.
struct Counted {
    statement: Verified<Statement<VerificationSummary>>,
    at: Timestamp,
}

impl Sealed<'_> {
    /// Judges the results of both stages; gives those that count.
    pub fn check(&self, later: &[LaterFile], outcome: &mut Outcome) -> Vec<StageResult> {
        AFTER_SEAL.into_iter().filter_map(|stage| self.stage(stage, later, outcome)).collect()
    }

    fn stage(&self, stage: Stage, later: &[LaterFile], outcome: &mut Outcome) -> Option<StageResult> {
        let begin = prefix(stage);
        let is_result =
            |file: &&LaterFile| file.name.strip_prefix(&begin).is_some_and(|rest| !rest.starts_with(WAIVER));
        let mut signed = later.iter().filter(is_result).peekable();
        if signed.peek().is_none() {
            let gates = self.policy.map_or(&[][..], |policy| &policy.gates);
            if gates.iter().any(|gate| gate.stage == stage) {
                let why = "not evaluated yet: no signed result lies beside the seal";
                outcome.skip(stage.as_str(), Status::Skipped, why);
            }
            return None;
        }
        let (mut findings, mut newest) = (Vec::new(), None::<Counted>);
        for file in signed {
            match self.one(stage, file) {
                Ok(counted) if newest.as_ref().is_none_or(|known| known.at < counted.at) => {
                    newest = Some(counted)
                }
                Ok(_) => {}
                Err(found) => findings.extend(found),
            }
        }
        let Some(Counted { statement, at }) = newest else {
            match findings.iter().all(|finding| finding.severity == Severity::Warning) {
                true => outcome.checks.push(Check {
                    name: stage.as_str(),
                    status: Status::Skipped,
                    detail: "no result that counts".to_owned(),
                    findings,
                }),
                false => outcome.conclude(stage.as_str(), "no result that counts", findings),
            }
            return None;
        };
        let summary = statement.predicate().clone();
        let (tally, faults) = judge(&summary);
        findings.extend(faults);
        if let Some(policy) = self.policy.filter(|policy| policy.sha256 == summary.policy.digest.sha256) {
            findings.extend(left_out(policy, stage, &summary.gates.gates));
        }
        findings.extend(self.other_policy(&summary, &statement));
        findings.extend(self.waivers(stage, &summary, later));
        let time = at.strftime("%Y-%m-%d %H:%M UTC");
        let is_unjudged = tally.waived > 0 && !self.trust.has_file();
        let unjudged = if is_unjudged { "; no trust file says who may waive" } else { "" };
        outcome.conclude(
            stage.as_str(),
            format!("{tally}{unjudged}; signed by {}, {time}", signer(&statement)),
            findings,
        );
        Some(StageResult { stage, summary })
    }

    /// Verifies one file. By a key that nobody trusts it is said, and does not count; whatever else is wrong refutes.
    fn one(&self, stage: Stage, file: &LaterFile) -> Result<Counted, Vec<Finding>> {
        let expect = Expect {
            file: &file.name,
            right: Right::SealRelease,
            project: Some(&self.pack.project),
            kind: Some(Kind::Release),
        };
        let statement =
            self.trust.verify::<VerificationSummary>(&file.bytes, expect, None).map_err(|finding| {
                let is_unknown = finding.code == Code::SignerUnknown;
                let severity = if is_unknown { Severity::Warning } else { finding.severity };
                vec![Finding { severity, ..finding }]
            })?;
        let mut findings = statement.match_subjects(&[(SEAL_SUBJECT, self.tag_manifest)]);
        let said = statement.predicate();
        let mut same = |what: &str, said: String, found: String| {
            if said != found {
                let finding = Finding::new(Code::Disagreement, format!("{}: {what}", file.name));
                findings.push(finding.expected(said).actual(found));
            }
        };
        same("version", said.gates.version.clone(), self.pack.version.clone());
        same("resourceUri", said.resource_uri.clone(), format!("{RESOURCE}{}", self.pack.name));
        same("stage", said.gates.stage.clone(), stage.to_string());
        let refuses = said.gates.gates.iter().any(refuses);
        let result = if refuses { VerificationResult::Failed } else { VerificationResult::Passed };
        same("result", format!("{:?}", said.verification_result), format!("{result:?}"));
        same("name", file_name(stage, statement.key_digest()), file.name.clone());
        let at = said.time_verified;
        if at.is_none() {
            let finding = Finding::new(Code::StatementInvalid, &*file.name);
            findings.push(finding.expected("timeVerified").actual("it is not there"));
        }
        match at {
            Some(at) if findings.is_empty() => Ok(Counted { statement, at }),
            _ => Err(findings),
        }
    }

    /// What is wrong with the waivers that the result counts: each lies beside it, and holds when it was used.
    fn waivers(&self, stage: Stage, summary: &VerificationSummary, later: &[LaterFile]) -> Vec<Finding> {
        let record = Record {
            gates: &summary.gates,
            policy_sha256: summary.policy.digest.sha256,
            policy: self.policy.filter(|policy| policy.sha256 == summary.policy.digest.sha256),
            trust: self.trust,
            evaluated_at: summary.time_verified,
        };
        let judge = |gate: &Gate| {
            let waived = gate.waiver.as_ref()?;
            let name = waiver_name(stage, &gate.id);
            let Some(file) = later.iter().find(|file| file.name == name) else {
                return Some(vec![Finding::new(Code::Missing, name)]);
            };
            if record.is_out_of_reach() {
                return Some(record.held_to(gate, waived, &name, &file.bytes));
            }
            record.judge(gate, waived, &name, &file.bytes).err()
        };
        summary.gates.gates.iter().filter_map(judge).flatten().collect()
    }

    fn other_policy(
        &self,
        summary: &VerificationSummary,
        statement: &Verified<Statement<VerificationSummary>>,
    ) -> Option<Finding> {
        let (used, sealed) = (summary.policy.digest.sha256, self.pack.policy.sha256);
        let finding = || {
            Finding::new(Code::OtherPolicy, format!("{}: {}", summary.gates.stage, statement.role()))
                .expected(format!("sha256 {sealed}"))
                .actual(format!("sha256 {used}"))
        };
        (used != sealed).then(finding)
    }
}

fn refuses(gate: &Gate) -> bool {
    gate.status == "failed" && gate.severity != "warning"
}

/// How the gates ended, and each that refuses. No gate that ran at all is nothing to rely on.
fn judge(summary: &VerificationSummary) -> (Tally, Vec<Finding>) {
    let (counted, mut findings) = tally(&summary.gates.gates, "it failed when this stage was evaluated");
    if counted.total() == counted.skipped {
        findings.push(Finding::new(Code::NothingChecked, &*summary.gates.stage).actual("no gate applied"));
    }
    (counted, findings)
}
