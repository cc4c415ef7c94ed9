//! What a page about a pack says, as data.

use crate::format::class::Class;
use crate::format::kind::Kind;
use crate::report::outcome::OutcomeDocument;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// `attestar/pack_report/v1`: a release or a backup, and what verifying it came to. What could not be read is null or
/// empty, and the checks say why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "attestar/pack_report/v1")]
pub struct PackReport {
    /// `attestar/pack_report/v1`.
    pub schema: &'static str,
    /// What was looked at, as it was named.
    pub target: String,
    /// When.
    #[schemars(with = "String")]
    pub looked_at: Timestamp,
    /// What the pack says of itself.
    pub about: Option<About>,
    /// The receipt of its archive, if it holds.
    pub receipt: Option<ReceiptFacts>,
    /// Who sealed it, by role and fingerprint, if the seal holds.
    pub sealed_by: Option<String>,
    /// Where it comes from, as its provenance says.
    pub source: Option<SourceFacts>,
    /// The gates, stage by stage, as their records say.
    pub gates: Vec<StageFacts>,
    /// What the release is made of.
    pub sbom: Option<BomFacts>,
    /// The DDL files, in the order in which they are applied.
    pub ddl: Vec<DdlFacts>,
    /// DDL files that `pack.json` had no place for.
    pub ddl_omitted: u64,
    /// The copies of databases in it.
    pub captures: Vec<CaptureFacts>,
    /// Files, links and folders, in the order of their paths; at most 20,000.
    pub files: Vec<FileFacts>,
    /// How many more there are.
    pub files_omitted: u64,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// What `pack.json` says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct About {
    /// `{project}-{version}`.
    pub name: String,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// Release or backup.
    pub kind: Kind,
    /// The program that made it, and its version.
    pub tool: String,
    /// The policy's name.
    pub policy: String,
    /// The digest of its text.
    pub policy_sha256: String,
    /// The time that it stands for.
    #[schemars(with = "Option<String>")]
    pub stands_for: Option<Timestamp>,
    /// Files of the payload.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links kept as links.
    pub links: u64,
    /// Folders kept as members of their own.
    pub folders: u64,
    /// The payload by class.
    pub classes: Vec<ClassTotals>,
}

/// The files of a class.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClassTotals {
    /// Which.
    pub class: Class,
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a receipt says of its archive.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReceiptFacts {
    /// The archive's file name.
    pub archive: String,
    /// The digest of its ciphertext.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// How many recipients can decrypt; 0 if it is not encrypted.
    pub recipients: u32,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Who signed, by role and fingerprint.
    pub signer: String,
    /// The archives that it needs, by name.
    pub bases: Vec<String>,
}

/// Where a release comes from; what is not known is null.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SourceFacts {
    /// The commit.
    pub commit: Option<String>,
    /// Where the repository lies.
    pub repository: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The tag that names the version.
    pub tag: Option<String>,
    /// What its signature was worth: `good`, `bad`, `unknown-key`, …
    pub tag_signature: Option<String>,
    /// Whether the files were those of the commit.
    pub clean: Option<bool>,
    /// Where it was sealed, as the environment said.
    pub builder: String,
    /// Which run it was.
    pub invocation: Option<String>,
    /// How many artifacts the pack has, which the check `provenance` compares with what was signed.
    pub artifacts: u64,
}

/// The gates of a stage.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StageFacts {
    /// `seal`, `promote` or `close`.
    pub stage: String,
    /// When they were evaluated; null for stage `seal`, whose time stands in the receipt.
    #[schemars(with = "Option<String>")]
    pub evaluated_at: Option<Timestamp>,
    /// In the order of the policy.
    pub gates: Vec<GateFacts>,
}

/// A gate.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GateFacts {
    /// Its id in the policy.
    pub id: String,
    /// Its kind.
    pub check: String,
    /// `passed`, `failed`, `waived` or `skipped`.
    pub status: String,
    /// `error` or `warning`.
    pub severity: String,
    /// Why it was skipped; what was wrong; who waived it until when and why.
    pub said: Vec<String>,
    /// The files that it read.
    pub evidence: Vec<String>,
}

/// What an SBOM holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BomFacts {
    /// Whether something is known to be missing.
    pub incomplete: bool,
    /// Its components; artifacts of the release are not among them.
    pub components: Vec<ComponentFacts>,
}

/// A component.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ComponentFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its ecosystem, as its package URL names it.
    pub ecosystem: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// `runtime`, `optional` or `development`.
    pub scope: &'static str,
}

/// A DDL file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DdlFacts {
    /// Where it lies.
    pub path: String,
    /// Its dialect, where the policy names one.
    pub dialect: Option<String>,
    /// How many statements it has.
    pub statements: u64,
    /// What it creates, alters and drops, each as `KIND NAME`.
    pub creates: Vec<String>,
    /// See `creates`.
    pub alters: Vec<String>,
    /// See `creates`.
    pub drops: Vec<String>,
    /// The statements that could not be parsed: nothing is known of what they do.
    pub unparsed: Vec<UnparsedFacts>,
    /// Objects and unparsed statements that `pack.json` had no place for.
    pub omitted: u64,
}

/// A statement that could not be parsed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnparsedFacts {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Its first words.
    pub start: String,
}

/// A copy of a database, or of what a program made.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CaptureFacts {
    /// Its id in the policy.
    pub id: String,
    /// `sqlite`, `postgres`, `duckdb` or `command`.
    pub kind: &'static str,
    /// What made it.
    pub tool: String,
    /// The server, where there is one.
    pub server: Option<String>,
    /// Its tables.
    pub tables: Vec<TableFacts>,
    /// Views, indexes, triggers and the like.
    pub objects: u64,
}

/// A table of a captured database.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TableFacts {
    /// Its name.
    pub name: String,
    /// Its rows; null where they could not be counted.
    pub rows: Option<u64>,
    /// Whether a digest of its content was recorded.
    pub digest: bool,
}

/// A member of the payload.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileFacts {
    /// Where it lies in the tree.
    pub path: String,
    /// What the policy says it is for.
    pub class: Option<Class>,
    /// Its bytes; null for links and folders.
    pub bytes: Option<u64>,
    /// Where a link leads.
    pub link: Option<String>,
}
