//! The `--json` documents. Their schemas lie in docs/schemas; a test holds the two together.

pub mod backup;
pub mod backup_verify;
pub mod drill;
pub mod gate;
pub mod log;
pub mod prune;
pub mod publish;
pub mod report;
pub mod sbom;
pub mod waive;

use super::exit::Exit;
use attestar::error::Error;
use attestar::evidence::changes::Changes;
use attestar::finding::{Check, Finding, Verdict};
use attestar::format::class::Class;
pub use attestar::report::outcome::OutcomeDocument;
use gate::{GateTotals, WaivedDocument};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Files and their bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Totals {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// DDL files and what is in them.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct DdlTotals {
    /// How many files.
    pub files: u64,
    /// Their statements.
    pub statements: u64,
    /// Those of them that could not be parsed.
    pub unparsed: u64,
    /// Objects that they create, as `pack.json` lists them.
    pub objects: u64,
}

/// Whatever a command answers: the document of the command, or an error.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/error/v1")]
pub struct ErrorDocument {
    /// `attestar/error/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// What went wrong.
    pub error: String,
    /// Why, from the outermost cause to the innermost.
    pub caused_by: Vec<String>,
    /// What to do about it, or empty.
    pub hint: String,
    /// What must be refused, where that is the reason.
    pub findings: Vec<Finding>,
}

impl ErrorDocument {
    /// The document of an error.
    pub fn new(error: &Error) -> ErrorDocument {
        ErrorDocument {
            schema: "attestar/error/v1",
            exit_code: Exit::from(error) as u8,
            error: error.to_string(),
            caused_by: error.causes().map(ToString::to_string).collect(),
            hint: error.hint().to_owned(),
            findings: if let Error::Refused(findings) = error { findings.clone() } else { Vec::new() },
        }
    }
}

/// What an SBOM holds.
#[derive(Serialize, JsonSchema)]
pub struct SbomTotals {
    /// Components, artifacts of the release not counted.
    pub components: u64,
    /// The lockfiles that were read.
    pub lockfiles: Vec<String>,
    /// How many artifacts said something of themselves.
    pub artifacts_described: u64,
    /// Whether something is known to be missing.
    pub incomplete: bool,
}

/// Where a release comes from; what is not known is null.
#[derive(Serialize, JsonSchema)]
pub struct SourceDocument {
    /// The commit.
    pub commit: Option<String>,
    /// The tag that names the version.
    pub tag: Option<String>,
    /// What its signature is worth: `good`, `bad`, `unknown-key`, …
    pub tag_signature: Option<String>,
    /// Whether the files are those of the commit.
    pub clean: Option<bool>,
    /// Where it was sealed, as the environment says.
    pub builder: String,
}

/// `seal --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/seal/v1")]
pub struct SealDocument {
    /// `attestar/seal/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// `{project}-{version}`.
    pub name: String,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// Where the version was found.
    pub version_source: String,
    /// The policy's name.
    pub policy: String,
    /// The digest of its text.
    pub policy_sha256: String,
    /// Seconds since 1970 that the release stands for.
    pub source_date_epoch: i64,
    /// The archive.
    pub archive: String,
    /// Its digest.
    pub archive_sha256: String,
    /// Its size.
    pub archive_bytes: u64,
    /// Its receipt.
    pub receipt: String,
    /// The evidence folder.
    pub evidence: String,
    /// Who signed, as a fingerprint.
    pub signer: String,
    /// How many recipients can decrypt; 0 if it is not encrypted.
    pub recipients: usize,
    /// What was sealed.
    pub payload: Totals,
    /// The same by class.
    pub classes: BTreeMap<Class, Totals>,
    /// How the gates ended.
    pub gates: GateTotals,
    /// The gates that were waived, and by what.
    pub waived: BTreeMap<String, WaivedDocument>,
    /// What the DDL files hold.
    pub ddl: DdlTotals,
    /// What the SBOM holds.
    pub sbom: SbomTotals,
    /// Where the release comes from.
    pub source: SourceDocument,
    /// What was written for a software registry, where the policy asks for it.
    pub filing: Option<FilingDocument>,
    /// How many files and links match no rule.
    pub unmatched: u64,
    /// How many files have a class that a release does not take.
    pub left_out: u64,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
}

/// An archive for a software registry.
#[derive(Serialize, JsonSchema)]
pub struct FilingDocument {
    /// The archive.
    pub archive: String,
    /// The file with its digests.
    pub digests: String,
    /// How many files are in it.
    pub files: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its SHA-512, in hex.
    pub sha512: String,
}

/// `seal --list-unmatched --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/unmatched/v1")]
pub struct UnmatchedDocument {
    /// `attestar/unmatched/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// Files and links that no rule takes.
    pub unmatched: Vec<String>,
}

/// `verify --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/verify/v1")]
pub struct VerifyDocument {
    /// `attestar/verify/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// What was verified.
    pub target: String,
    /// The pack's name, if it could be read.
    pub name: Option<String>,
    /// When it was sealed, if a verified receipt says.
    pub sealed_at: Option<String>,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// `diff --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/diff/v1")]
pub struct DiffDocument {
    /// `attestar/diff/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// What the packs come to; that something differs is not part of it.
    pub verdict: Verdict,
    /// Whether anything differs; nothing if it could not be compared.
    pub differs: Option<bool>,
    /// The first side.
    pub a: SideDocument,
    /// The second side.
    pub b: SideDocument,
    /// Everything found in the packs.
    pub findings: Vec<SideFinding>,
    /// What is worth saying besides, such as what of a tree could not be sealed.
    pub notes: Vec<SideFinding>,
    /// What differs; nothing if it could not be compared.
    pub changes: Option<Changes>,
}

/// A finding of `diff`.
#[derive(Serialize, JsonSchema)]
pub struct SideFinding {
    /// `a` or `b`.
    pub side: &'static str,
    /// The check that found it; nothing for a note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<&'static str>,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A side of `diff`.
#[derive(Serialize, JsonSchema)]
pub struct SideDocument {
    /// What was named.
    pub target: String,
    /// Whether it is a `pack`, a `bag` of another tool, or a `tree`.
    pub form: &'static str,
    /// The project, where something says which.
    pub project: Option<String>,
    /// The version, where something says which.
    pub version: Option<String>,
    /// Where the policy of a tree was found.
    pub policy: Option<String>,
    /// What a pack comes to; a tree needs no judge.
    pub verdict: Option<Verdict>,
    /// The checks of a pack.
    pub checks: Vec<Check>,
}

/// `restore --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/restore/v1")]
pub struct RestoreDocument {
    /// `attestar/restore/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// What was restored.
    pub target: String,
    /// Where to.
    pub to: String,
    /// Whether the files are in their place.
    pub published: bool,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// What was restored, or would be.
    pub restored: Totals,
    /// Bytes of the archive that were read.
    pub read_bytes: u64,
    /// The archive's size.
    pub archive_bytes: u64,
    /// How each captured database that is back becomes one again.
    pub next: Vec<NextStepDocument>,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// How a captured database becomes one again.
#[derive(Serialize, JsonSchema)]
pub struct NextStepDocument {
    /// The capture's id.
    pub capture: String,
    /// What was captured.
    pub kind: String,
    /// Commands for a shell, in order.
    pub run: Vec<String>,
    /// What to mind.
    pub mind: String,
}

/// `hash --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/hash/v1")]
pub struct HashDocument {
    /// `attestar/hash/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The manifests.
    pub manifests: Vec<String>,
    /// What was hashed.
    pub hashed: Totals,
    /// How many files and links match no rule.
    pub unmatched: u64,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// A key of `keys show` and `keys list`.
#[derive(Serialize, JsonSchema)]
pub struct KeyEntry {
    /// What its owner is called.
    pub role: String,
    /// `SHA256:…`, as people compare it.
    pub fingerprint: String,
    /// The key id in bundles.
    pub key_id: String,
    /// What it may sign.
    pub may: Vec<String>,
    /// For which projects; nothing for any.
    pub projects: Option<Vec<String>>,
    /// When it expires.
    pub not_after: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
}

/// `keys … --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/keys/v1")]
pub struct KeysDocument {
    /// `attestar/keys/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The key folder.
    pub home: String,
    /// Public keys: the own one, or the trusted ones.
    pub keys: Vec<KeyEntry>,
    /// The own age recipients.
    pub recipients: Vec<String>,
    /// Files to keep offline (`recovery-kit`); their content is never in a JSON document.
    pub keep_offline: Vec<String>,
}

/// `init --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/init/v1")]
pub struct InitDocument {
    /// `attestar/init/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The policy that was written.
    pub policy: String,
    /// Key files that were made.
    pub made: Vec<String>,
}

/// `demo --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/demo/v1")]
pub struct DemoDocument {
    /// `attestar/demo/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// Each step: what was typed, and its exit code.
    pub steps: Vec<DemoStep>,
    /// The folder of the demo: with `--dir` all of it is left there, else the reports.
    pub folder: Option<String>,
    /// The report of its drill; null if the story did not come that far.
    pub drill_report: Option<String>,
}

/// A step of the demo.
#[derive(Serialize, JsonSchema)]
pub struct DemoStep {
    /// What was typed.
    pub command: String,
    /// How it ended.
    pub exit_code: u8,
    /// How it should have ended.
    pub expected: u8,
}

/// `completions --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/completions/v1")]
pub struct CompletionsDocument {
    /// `attestar/completions/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The shell it is for.
    pub shell: String,
    /// The script.
    pub script: String,
}

/// `man --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/man/v1")]
pub struct ManDocument {
    /// `attestar/man/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The pages that were written.
    pub pages: Vec<String>,
}

#[cfg(test)]
mod tests;
