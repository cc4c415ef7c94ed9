//! What the nightly check of a store found: every archive's receipt, which of them were read again and when each was read
//! before, the log, the age of the newest backup. Durations in milliseconds, times RFC 3339 in UTC.
//!
//! It is signed as a test result ([`verify_result`](crate::format::verify_result)). A shard of a check that many machines
//! share is a report too; [`Shard`] says which part, and what it has in common with the others.

use crate::finding::Finding;
use crate::format::digest::Sha256;
use crate::format::drill_report::ReportedFinding;
use crate::format::json;
use crate::format::kind::Kind;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of `schema`.
pub const SCHEMA: &str = "attestar/verify_report/v1";

/// The folder of a store in which reports lie.
pub const FOLDER: &str = "reports/verify";

/// The largest report that is read, in bytes.
pub const REPORT_BYTES_MAX: usize = 64 << 20;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// 32 hex digits: the same in every log line of the run.
    pub trace_id: String,
    /// The program's version.
    pub version: String,
    /// Whose backups.
    pub project: String,
    /// The policy that said how old, and how often.
    pub policy: CheckedPolicy,
    /// The store.
    pub store: String,
    /// When it began; what was read was read after this.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When everything but the report was done.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub finished_at: Timestamp,
    /// What it came to.
    pub result: CheckResult,
    /// The same as exit codes tell it apart: `holds`, `refuted`, `failed`, `unverified` or `refused`.
    pub verdict: String,
    /// Which archives were to be read.
    pub share: Share,
    /// The log when it was read; absent if there is none that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<CheckedLog>,
    /// The newest backup; absent if there is none, or in a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Newest>,
    /// How much was read.
    pub coverage: ReadCoverage,
    /// Every archive that must lie in the store, by name; of a shard those of its part.
    pub archives: Vec<CheckedArchive>,
    /// Each check in order.
    pub checks: Vec<ReportedCheck>,
    /// Everything found, in the order of the checks.
    pub findings: Vec<FoundBy>,
}

/// The policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedPolicy {
    /// Its name.
    pub name: String,
    /// The digest of its text.
    #[serde(with = "json::sha256")]
    #[schemars(with = "String")]
    pub sha256: Sha256,
}

/// What the check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// Everything that was asked for was checked and holds.
    Passed,
    /// It was not, or does not.
    Failed,
}

/// Which archives were to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "of", deny_unknown_fields)]
pub enum Share {
    /// As many of those that were not read for longest that each is read within the policy's `verify_within`.
    Window,
    /// The newest one.
    Latest,
    /// All.
    All,
    /// A part by digest that stays the same while archives come and go.
    Subset {
        /// Which, from 1.
        part: u32,
        /// Of how many.
        parts: u32,
    },
    /// A part of all of them, of even size, at this state of the log.
    Shard(Shard),
    /// All, by machines that shared them out.
    Merged {
        /// How many.
        parts: u32,
        /// What they had in common.
        run: String,
    },
}

/// A part of the work of many machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which, from 0.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
    /// What all shards of one run have in common: a digest over store, project, policy, log and the number of parts.
    pub run: String,
}

/// The log as it was when it was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedLog {
    /// Its origin.
    pub origin: String,
    /// How many leaves it had.
    pub size: u64,
    /// Their root.
    #[serde(with = "json::sha256")]
    #[schemars(with = "String")]
    pub root: Sha256,
    /// How many this host had seen before; absent the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_before: Option<u64>,
}

/// The newest backup, and whether it is new enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    /// The pack.
    pub name: String,
    /// When it was made; where nothing had changed since, when that was said last.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether that is the time of a leaf `unchanged`.
    pub unchanged: bool,
    /// How old it was then; 0 if it is of the future.
    pub age_ms: u64,
    /// How old it may be.
    pub max_age_ms: u64,
    /// Whether it is new enough.
    pub fresh: bool,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadCoverage {
    /// Archives that must lie in the store.
    pub archives_total: u64,
    /// Of them, those that were read to their end this time, and hold.
    pub archives_read: u64,
    /// Bytes of all.
    pub bytes_total: u64,
    /// Bytes that were read this time, and hold.
    pub bytes_read: u64,
    /// Every byte is to be read again within this: the policy's `verify_within`.
    pub window_ms: u64,
    /// Bytes that were read within it, this time included.
    pub bytes_within_window: u64,
    /// For how long the archive that was not read for longest had not been, before this run.
    pub longest_unread_ms: u64,
}

/// How deep an archive was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Decrypted, and every file compared with the signed lists.
    Files,
    /// The ciphertext alone, against the receipt's digest: nothing was given that decrypts it.
    Ciphertext,
}

/// An archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedArchive {
    /// The pack.
    pub name: String,
    /// Release or backup.
    pub kind: Kind,
    /// The archive's file name.
    pub file: String,
    /// Its digest, as it is logged.
    #[serde(with = "json::sha256")]
    #[schemars(with = "String")]
    pub sha256: Sha256,
    /// Its size, as it is logged.
    pub size_bytes: u64,
    /// When it was made, as its receipt says.
    #[serde(with = "json::timestamp")]
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When it was read last, before this run; absent if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_timestamp")]
    #[schemars(with = "Option<String>")]
    pub last_read_at: Option<Timestamp>,
    /// Reading it this time; absent if it was not its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadAgain>,
}

/// An archive that was read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadAgain {
    /// How deep.
    pub depth: Depth,
    /// Whether all of it is as it was signed.
    pub intact: bool,
    /// Files of its payload that were compared.
    pub files: u64,
    /// How long it took.
    pub duration_ms: u64,
}

/// A check, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedCheck {
    /// Its name: `newest`, `receipts`, `contents`, `log`, `store`, …
    pub name: String,
    /// `passed`, `failed`, `skipped`, `not-checked` or `not-applicable`.
    pub status: String,
    /// What it covered; for people, and may change.
    pub detail: String,
}

/// A finding, and the check that found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundBy {
    /// The check's name.
    pub check: String,
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

impl FoundBy {
    /// A finding of a check, as it is written down.
    pub fn new(check: &str, finding: &Finding) -> FoundBy {
        let ReportedFinding { code, severity, subject, expected, actual } = finding.into();
        FoundBy { check: check.to_owned(), code, severity, subject, expected, actual }
    }
}

impl VerifyReport {
    /// The file as it is written: indented, with a final LF.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::document(self)
    }

    /// Reads a report; one of another schema is an error.
    pub fn parse(bytes: &[u8]) -> Result<VerifyReport, serde_json::Error> {
        json::of_schema(bytes, SCHEMA, |report: &VerifyReport| &report.schema)
    }

    /// The shard that it is, if it is one.
    pub fn shard(&self) -> Option<&Shard> {
        match &self.share {
            Share::Shard(shard) => Some(shard),
            _ => None,
        }
    }

    /// What the names of all reports of its part have in common, where it is a shard.
    pub fn part_suffix(&self) -> Option<String> {
        let Shard { part, parts, run } = self.shard()?;
        Some(format!(".{}.shard-{part}-of-{parts}", run.get(..16).unwrap_or(run)))
    }

    /// The name of its file in [`FOLDER`]: the newest report of a project has the greatest.
    pub fn file_name(&self) -> String {
        let time = self.finished_at.strftime("%Y%m%dT%H%M%S");
        let millis = self.finished_at.subsec_millisecond();
        let part = self.part_suffix().unwrap_or_default();
        format!("{}-{time}.{millis:03}Z{part}.json", self.project)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A report of nothing that passed.
    pub(crate) fn report(share: Share) -> VerifyReport {
        VerifyReport {
            schema: SCHEMA.to_owned(),
            trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
            version: "0.1.0".to_owned(),
            project: "shop".to_owned(),
            policy: CheckedPolicy { name: "shop".to_owned(), sha256: Sha256([7; 32]) },
            store: "backups".to_owned(),
            started_at: "2026-11-20T03:00:00.5Z".parse().unwrap(),
            finished_at: "2026-11-20T03:00:09Z".parse().unwrap(),
            result: CheckResult::Passed,
            verdict: "holds".to_owned(),
            share,
            log: None,
            newest: None,
            coverage: ReadCoverage::default(),
            archives: Vec::new(),
            checks: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_report_reads_back_whatever_its_share() {
        let shard = Shard { part: 2, parts: 4, run: "0123456789abcdef0123".to_owned() };
        let shares = [
            Share::Window,
            Share::Latest,
            Share::All,
            Share::Subset { part: 1, parts: 7 },
            Share::Shard(shard),
            Share::Merged { parts: 4, run: "01".to_owned() },
        ];
        for share in shares {
            let report = report(share);
            assert_eq!(VerifyReport::parse(&report.to_bytes()).unwrap(), report);
        }
        let text = String::from_utf8(report(Share::All).to_bytes()).unwrap();
        assert!(VerifyReport::parse(text.replace("report/v1", "report/v2").as_bytes()).is_err());
        assert!(VerifyReport::parse(text.replace("\"store\"", "\"stores\"").as_bytes()).is_err());
    }

    #[test]
    fn names_are_in_the_order_of_time() {
        let shard = Share::Shard(Shard { part: 0, parts: 4, run: "0123456789abcdef0123".to_owned() });
        assert_eq!(report(Share::All).file_name(), "shop-20261120T030009.000Z.json");
        let name = "shop-20261120T030009.000Z.0123456789abcdef.shard-0-of-4.json";
        assert_eq!(report(shard).file_name(), name);
    }
}
