//! `drill_report.json`: what a restore drill did, found and measured. Durations in milliseconds, times RFC 3339 in UTC.
//!
//! It is signed as a test result ([`test_result`](crate::format::test_result)) and drawn as a page. A report is written
//! whatever happens, so what was never reached is empty or zero here, and the findings say why.

use crate::finding::Finding;
use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::seal::{PolicyRef, Tool};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The value of `schema`.
pub const SCHEMA: &str = "attestar/drill_report/v1";

/// The name of the report's file, which is also its subject's.
pub const FILE: &str = "drill_report.json";

/// The largest report that is read, in bytes.
pub const REPORT_BYTES_MAX: usize = 16 << 20;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// A UUID.
    pub drill_id: String,
    /// 32 hex digits: the same in every log line of the run.
    pub trace_id: String,
    /// The program that drilled.
    #[schemars(with = "ToolShape")]
    pub tool: Tool,
    /// The policy that named probes and objectives.
    #[schemars(with = "PolicyShape")]
    pub policy: PolicyRef,
    /// When it began.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When everything but the report was done.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub finished_at: Timestamp,
    /// What it came to.
    pub result: DrillResult,
    /// What was restored.
    pub archive: DrilledArchive,
    /// How fast, and how much would be lost, against what the policy asks for.
    pub objectives: Objectives,
    /// How much of the payload was checked.
    pub coverage: Coverage,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// What was asked of what came back, in the order of the policy.
    pub probes: Vec<ProbeReport>,
    /// What follows from it, in plain words.
    pub proves: Vec<String>,
    /// What does not, in plain words.
    pub does_not_prove: Vec<String>,
    /// Until when the policy takes it as fresh: its end and `[drill] every`.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub fresh_until: Timestamp,
    /// The drill of the project before this one, where the log has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Everything that was found wrong, or is worth saying.
    pub findings: Vec<ReportedFinding>,
}

/// How a drill, a step, a probe or a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// It ran, and what must hold does.
    Passed,
    /// Something does not hold, or it could not be run to its end.
    Failed,
    /// It did not run.
    Skipped,
}

/// What a drill came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DrillResult {
    /// Everything that the policy asks for was checked and holds.
    Passed,
    /// It was not, or does not.
    Failed,
}

/// The archive that was drilled. Where there was none, or its receipt was refused, what is not known is empty or zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrilledArchive {
    /// The name of its pack.
    pub name: String,
    /// The store it came from.
    pub store: String,
    /// The digest of its ciphertext; empty if it was not read.
    pub sha256: String,
    /// The size of its ciphertext.
    pub size_bytes: u64,
    /// When it was made, as its receipt says; absent without a receipt that holds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_timestamp")]
    #[schemars(with = "Option<String>")]
    pub created_at: Option<Timestamp>,
    /// The digest of the seal's bundle, as its receipt says.
    pub seal_sha256: String,
    /// The id of the key that signed its receipt.
    pub signer_key_id: String,
    /// The archives that hold files which this one does not, by name.
    pub chain: Vec<String>,
}

/// Recovery time and recovery point. A target of 0: the policy names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// How long a restore may take.
    pub rto_target_ms: u64,
    /// From the drill's start to the end of its last probe.
    pub rto_measured_ms: u64,
    /// Whether it was measured and is within the target.
    pub rto_met: bool,
    /// How much time may be lost. Of a release 0, whatever the policy names: it has no recovery point.
    pub rpo_target_ms: u64,
    /// The larger of: newest capture to the drill's start; widest gap between good backups since the previous drill. Of a
    /// release 0.
    pub rpo_measured_ms: u64,
    /// Whether it was measured and is within the target.
    pub rpo_met: bool,
}

/// One of the two, as it is told: a number stands only where something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// What the policy asks for; `None` if nothing.
    pub target_ms: Option<u64>,
    /// What was measured; `None` if the drill did not come that far.
    pub measured_ms: Option<u64>,
    /// Whether it was measured and is within the target.
    pub met: bool,
}

impl Objectives {
    /// The recovery time.
    pub fn rto(&self) -> Objective {
        objective(self.rto_target_ms, self.rto_measured_ms, self.rto_met)
    }

    /// The recovery point; `None` of a release, which has none.
    pub fn rpo(&self) -> Option<Objective> {
        let has_one = !self.rpo_met || self.rpo_target_ms > 0 || self.rpo_measured_ms > 0;
        has_one.then(|| objective(self.rpo_target_ms, self.rpo_measured_ms, self.rpo_met))
    }
}

fn objective(target_ms: u64, measured_ms: u64, met: bool) -> Objective {
    Objective {
        target_ms: (target_ms > 0).then_some(target_ms),
        // What was measured is met, or took some time; a zero that is not met was never measured.
        measured_ms: (met || measured_ms > 0).then_some(measured_ms),
        met,
    }
}

/// How much was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Files that the pack lists.
    pub files_total: u64,
    /// Files that were restored and whose digests are the signed ones.
    pub files_checked: u64,
    /// Bytes that the pack lists.
    pub bytes_total: u64,
    /// Bytes that were restored and checked.
    pub bytes_checked: u64,
    /// By which digests: `sha256`, `blake3`.
    pub digests: Vec<String>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How it ended.
    pub status: Ended,
    /// When it began.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// What it covered, or why it did not.
    pub detail: String,
}

/// The steps of a drill. Restore and hashes are one pass over the archive, so both have its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepName {
    /// Found in the store, with its receipt.
    Fetch,
    /// The signed statement about the archive.
    Receipt,
    /// The lists of the pack, with the identity that was given.
    Decrypt,
    /// Into the scratch folder.
    Restore,
    /// Every file against the signed lists.
    Hashes,
    /// The questions to what came back.
    Probes,
    /// Everything of it removed.
    Cleanup,
}

/// A probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeReport {
    /// Its id in the policy.
    pub id: String,
    /// Its kind: `sqlite`, `duckdb`, `postgres`, `ddl`, `command` or `files`.
    pub kind: String,
    /// How it ended.
    pub status: Ended,
    /// How long it took.
    pub duration_ms: u64,
    /// What it compared.
    pub checks: Vec<ProbeCheck>,
}

/// Something that a probe compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeCheck {
    /// What.
    pub name: String,
    /// What was recorded when it was captured, or is asked for by the policy.
    pub expected: String,
    /// What came back.
    pub actual: String,
    /// How it ended.
    pub status: Ended,
}

/// An earlier drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its id.
    pub drill_id: String,
    /// The digest of its report.
    #[serde(with = "json::sha256")]
    #[schemars(with = "String")]
    pub sha256: Sha256,
}

/// A finding as it is written down. Codes are text here, so that a report of a later version can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedFinding {
    /// Its stable code: docs/CLI.md lists them.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// What it is about.
    pub subject: String,
    /// What was signed, recorded or asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

/// The shape of `tool`.
#[derive(JsonSchema)]
#[serde(rename = "Tool", deny_unknown_fields)]
struct ToolShape {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "version")]
    _version: String,
}

/// The shape of `policy`.
#[derive(JsonSchema)]
#[serde(rename = "Policy", deny_unknown_fields)]
struct PolicyShape {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "sha256")]
    _sha256: String,
}

impl DrillReport {
    /// The file as it is written: indented, with a final LF.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::document(self)
    }

    /// Reads a report; one of another schema is an error.
    pub fn parse(bytes: &[u8]) -> Result<DrillReport, serde_json::Error> {
        json::of_schema(bytes, SCHEMA, |report: &DrillReport| &report.schema)
    }

    /// Where the files of a drill lie in a store: `reports/drill/PROJECT-20261120T010002Z-1A2B3C4D`, so that the newest has
    /// the greatest name.
    pub fn folder(project: &str, started_at: Timestamp, drill_id: &str) -> String {
        let at = started_at.strftime("%Y%m%dT%H%M%SZ");
        format!("reports/drill/{project}-{at}-{}", DrillReport::short_id(drill_id))
    }

    /// As much of a drill's id as the name of its folder has.
    pub fn short_id(drill_id: &str) -> &str {
        drill_id.get(..8).unwrap_or(drill_id)
    }
}

impl From<&Finding> for ReportedFinding {
    fn from(finding: &Finding) -> ReportedFinding {
        ReportedFinding {
            code: finding.code.to_string(),
            severity: match finding.severity {
                crate::finding::Severity::Error => "error".to_owned(),
                crate::finding::Severity::Warning => "warning".to_owned(),
            },
            subject: finding.subject.clone(),
            expected: finding.expected.clone(),
            actual: finding.actual.clone(),
        }
    }
}

impl StepName {
    /// As it stands in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            StepName::Fetch => "fetch",
            StepName::Receipt => "receipt",
            StepName::Decrypt => "decrypt",
            StepName::Restore => "restore",
            StepName::Hashes => "hashes",
            StepName::Probes => "probes",
            StepName::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Ended::Passed => "passed",
            Ended::Failed => "failed",
            Ended::Skipped => "skipped",
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small report.
    pub(crate) fn report() -> DrillReport {
        let at: Timestamp = "2026-11-20T03:00:00Z".parse().unwrap();
        DrillReport {
            schema: SCHEMA.into(),
            drill_id: "0b9d4ad2-7d0c-4b0e-9d9e-111111111111".into(),
            trace_id: "0".repeat(32),
            tool: Tool::this(),
            policy: PolicyRef { name: "nightly".into(), sha256: Sha256([0; 32]) },
            started_at: at,
            finished_at: at,
            result: DrillResult::Passed,
            archive: DrilledArchive {
                name: "shop-1".into(),
                store: "/backups".into(),
                sha256: "0".repeat(64),
                size_bytes: 7,
                created_at: None,
                seal_sha256: String::new(),
                signer_key_id: String::new(),
                chain: Vec::new(),
            },
            objectives: Objectives { rto_met: true, rpo_met: true, ..Objectives::default() },
            coverage: Coverage::default(),
            steps: vec![Step {
                name: StepName::Fetch,
                status: Ended::Passed,
                started_at: at,
                duration_ms: 1,
                detail: String::new(),
            }],
            probes: vec![ProbeReport {
                id: "app".into(),
                kind: "sqlite".into(),
                status: Ended::Passed,
                duration_ms: 2,
                checks: Vec::new(),
            }],
            proves: Vec::new(),
            does_not_prove: Vec::new(),
            fresh_until: at,
            previous: None,
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_report_reads_back_and_one_of_another_schema_does_not() {
        let report = report();
        let bytes = report.to_bytes();
        assert_eq!(DrillReport::parse(&bytes).unwrap(), report);
        let text = String::from_utf8(bytes).unwrap();
        assert!(DrillReport::parse(text.replace("drill_report/v1", "drill_report/v2").as_bytes()).is_err());
        assert!(
            DrillReport::parse(text.replacen("\"drill_id\"", "\"more\": 1, \"drill_id\"", 1).as_bytes())
                .is_err()
        );
        let folder = DrillReport::folder("shop", report.started_at, &report.drill_id);
        assert_eq!(folder, "reports/drill/shop-20261120T030000Z-0b9d4ad2");
    }
}
