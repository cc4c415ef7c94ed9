//! What a check found, and what that means for the whole.
//!
//! Every check ends as passed, failed, skipped, not checked or not applicable. "Not checked" is never
//! shown as "fine": it has its own verdict. The exit code is computed from [`Outcome::verdict`] in one place.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Said, and changes no verdict.
    Warning,
    /// Changes the verdict, as the code's [`Weight`] says.
    Error,
}

/// What an error-level finding of a code makes of the verdict; what decides before others comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The evidence does not verify (exit 3).
    Refutes,
    /// The operation cannot be done (exit 1).
    Fails,
    /// It could not be verified (exit 5).
    Unverified,
    /// It verifies, but a rule refuses it (exit 4).
    Refuses,
    /// A warning, never more.
    Warns,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $weight:ident;)+) => {
        /// The stable name of what was found. docs/CLI.md lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in the order of docs/CLI.md.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The stable text: what scripts match on.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// What an error of this code means for the verdict.
            pub fn weight(self) -> Weight {
                match self { $(Code::$name => Weight::$weight,)+ }
            }

            /// One sentence for docs/CLI.md.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    // Digests and closure.
    /// A file's bytes differ from the digest that was signed or listed
    Altered = "altered", Refutes;
    /// A file that is listed is not there
    Missing = "missing", Refutes;
    /// A file is there that nothing lists
    Extra = "extra", Refutes;
    /// The members of an archive are not in the order of the manifest
    OutOfOrder = "out-of-order", Refutes;
    /// A member's type, mode, time, owner or size differs from the inventory
    MetadataMismatch = "metadata-mismatch", Refutes;
    /// A manifest, inventory or tag file cannot be parsed or contradicts itself
    ManifestInvalid = "manifest-invalid", Refutes;
    /// Two parts of the pack that must say the same do not: names, project, version, counts, digests
    Disagreement = "disagreement", Refutes;
    /// The working tree differs from the pack
    TreeDiffers = "tree-differs", Refutes;
    /// Nothing was there to check, so nothing was proven
    NothingChecked = "nothing-checked", Unverified;
    // Bags (RFC 8493).
    /// The bag breaks a rule of RFC 8493
    BagInvalid = "bag-invalid", Refutes;
    /// The bag does something that RFC 8493 discourages
    BagWarning = "bag-warning", Warns;
    /// Only an algorithm without collision resistance (MD5, SHA-1) protects the payload
    WeakDigest = "weak-digest", Warns;
    /// Payload that the bag lists in fetch.txt is not here
    PayloadNotHere = "payload-not-here", Unverified;
    /// It is in an encoding or under an algorithm that is not known here, so it could not be checked
    NotCheckable = "not-checkable", Unverified;
    /// A file cannot be read, so it could not be checked
    Unreadable = "unreadable", Unverified;
    // Chains: an incremental archive and those that hold the rest.
    /// An archive that holds files of an incremental one is not there
    BaseMissing = "base-missing", Unverified;
    /// An archive that holds files of an incremental one is not the one that was signed as that
    BaseAltered = "base-altered", Refutes;
    /// An archive that holds files of an incremental one is of another project, or no backup
    BaseForeign = "base-foreign", Refutes;
    /// An archive does not hold a file that it is said to hold
    NotInBase = "not-in-base", Refutes;
    /// fetch.txt cannot be read, or contradicts the other lists
    FetchInvalid = "fetch-invalid", Refutes;
    // Signatures and trust.
    /// No seal: the pack is unsigned
    SealMissing = "seal-missing", Refutes;
    /// No receipt lies beside the archive
    ReceiptMissing = "receipt-missing", Refutes;
    /// A signature does not verify
    SignatureInvalid = "signature-invalid", Refutes;
    /// A bundle is not in the canonical form that attestar writes
    BundleInvalid = "bundle-invalid", Refutes;
    /// A statement is not of the expected type, or has the wrong subjects or fields
    StatementInvalid = "statement-invalid", Refutes;
    /// The signer is none of the keys that were given as trusted
    SignerUnknown = "signer-unknown", Refutes;
    /// The signer is trusted, but not for this act
    SignerNotAllowed = "signer-not-allowed", Refutes;
    /// The signer is trusted, but not for this project
    SignerWrongProject = "signer-wrong-project", Refutes;
    /// The signer's key had expired when this was signed
    SignerExpired = "signer-expired", Refutes;
    /// The signer's key is revoked, and nothing proves that this was signed before
    SignerRevoked = "signer-revoked", Refutes;
    /// The signer's key expires, and no receipt says when this was signed
    SignedTimeUnknown = "signed-time-unknown", Unverified;
    /// No trusted key was given, so no signature could be judged
    NoTrust = "no-trust", Unverified;
    /// No identity was given that decrypts the archive
    NoIdentity = "no-identity", Unverified;
    /// The payload is not in this folder, so it could not be checked
    NoPayload = "no-payload", Unverified;
    // Containers.
    /// The age file is cut short, altered or not an age file
    AgeInvalid = "age-invalid", Refutes;
    /// The compressed stream is not the frames that attestar writes
    FrameInvalid = "frame-invalid", Refutes;
    /// The compressed stream asks for more memory or output than an archive may
    FrameTooLarge = "frame-too-large", Refutes;
    /// The seek table or the member index does not match the archive
    IndexInvalid = "index-invalid", Refutes;
    /// The tar stream is not what attestar writes
    TarInvalid = "tar-invalid", Refutes;
    /// A tar member is of a type that may never be unpacked: device, FIFO, hard link, sparse, setuid
    TarForbidden = "tar-forbidden", Refutes;
    /// A path would leave its folder or cannot be a file name
    PathUnsafe = "path-unsafe", Refutes;
    /// A path stands twice
    PathDuplicate = "path-duplicate", Refutes;
    /// Two paths are one on file systems that fold case or normalise Unicode
    PathCollision = "path-collision", Warns;
    // Sealing.
    /// A required rule of the policy matches no file
    RequiredMissing = "required-missing", Refuses;
    /// A file name cannot be sealed, because it could not be restored everywhere
    NameRefused = "name-refused", Refuses;
    /// A link leaves the tree
    LinkLeavesTree = "link-leaves-tree", Refuses;
    /// A link leads nowhere; it is listed in the inventory only
    LinkDangling = "link-dangling", Warns;
    /// A private key, an age identity or a passphrase file would be sealed
    SecretInPayload = "secret-in-payload", Refuses;
    /// A file kept changing while it was read
    FileChanging = "file-changing", Fails;
    /// A socket, FIFO or device was skipped
    SpecialSkipped = "special-skipped", Warns;
    /// A setuid, setgid or sticky bit was dropped
    SetuidDropped = "setuid-dropped", Warns;
    /// No file was selected
    NothingSelected = "nothing-selected", Refuses;
    // Software in the tree: SBOM and provenance.
    /// A lockfile or artifact cannot be read, or only in part: the SBOM is marked incomplete
    SbomSourceInvalid = "sbom-source-invalid", Warns;
    /// A lockfile is of a version that this attestar does not know: the SBOM is marked incomplete
    SbomSourceNewer = "sbom-source-newer", Warns;
    /// A lockfile or artifact is larger, deeper or more than may be read: the SBOM is marked incomplete
    SbomSourceTooLarge = "sbom-source-too-large", Warns;
    /// Two files state different digests or licences of the same package
    SbomSourcesDisagree = "sbom-sources-disagree", Warns;
    /// What git says of the tree could not be read, so the provenance does not have it
    GitUnread = "git-unread", Warns;
    /// An artifact of the pack is not a subject of its provenance, or has another digest there
    ProvenanceIncomplete = "provenance-incomplete", Refutes;
    /// The pack has artifacts, but no provenance
    ProvenanceMissing = "provenance-missing", Refutes;
    /// The pack has no SBOM, or only half of one
    SbomMissing = "sbom-missing", Refutes;
    /// An SBOM of the pack is not the one that was signed, or the two formats differ
    SbomInvalid = "sbom-invalid", Refutes;
    // The store's log.
    /// Checkpoint, tiles, entries or what is pending contradict each other, or are none
    LogInvalid = "log-invalid", Refutes;
    /// The log does not extend the checkpoint that this host remembers: rolled back, or another log was shown before
    LogForked = "log-forked", Refutes;
    /// This host remembers no earlier checkpoint of the log, so nothing shows that none of it is gone
    LogNotRemembered = "log-not-remembered", Unverified;
    /// An archive lies in the store, and the log does not know it
    NotLogged = "not-logged", Refutes;
    /// An archive was pruned, or is not in the store, and one that stands there cannot be restored without it
    BaseGone = "base-gone", Refutes;
    /// An archive was pruned that the named policy, at that moment, would have kept
    PruneNotDue = "prune-not-due", Refutes;
    /// Archives were pruned, and no policy was named that could say whether they might be
    PruneNotJudged = "prune-not-judged", Unverified;
    /// The log says that an archive was pruned, and it still lies in the store: the next `prune` removes it
    PruneUnfinished = "prune-unfinished", Warns;
    /// An archive that is due cannot be deleted yet: the store has it locked
    Locked = "locked", Warns;
    /// An archive is dated in the future: it does not count as new, is kept, and takes the place of none
    FutureDated = "future-dated", Warns;
    /// The proof does not show that this archive's receipt is in the log
    ProofInvalid = "proof-invalid", Refutes;
    // Gates: one code a kind, and what is said of several.
    /// A gate of the named policy could not be judged: its evidence is not in the pack, and nothing signed says that it held
    GateUnchecked = "gate-unchecked", Unverified;
    /// The gates of a stage were evaluated under another policy than the one that was sealed
    OtherPolicy = "other-policy", Warns;
    /// The tree whose evidence was judged is at another commit than the one that was sealed
    OtherCommit = "other-commit", Warns;
    /// The pack was sealed although a gate failed
    GateFailed = "gate-failed", Refuses;
    /// Files, tag and sealed version do not agree
    GateVersion = "gate-version", Refuses;
    /// The release's tag is missing, not annotated, not signed by an allowed signer, or not at HEAD
    GateTag = "gate-tag", Refuses;
    /// Files of the payload are changed or not committed
    GateClean = "gate-clean", Refuses;
    /// The committed HASHES manifest does not match the tree
    GateHashes = "gate-hashes", Refuses;
    /// The changelog has no proper entry for the version
    GateChangelog = "gate-changelog", Refuses;
    /// The release notes are missing or not filled
    GateNotes = "gate-notes", Refuses;
    /// DDL was renamed, reordered, edited or removed since the last release, or uses what is not created yet
    GateDdlOrder = "gate-ddl-order", Refuses;
    /// A checklist has unticked boxes
    GateChecklist = "gate-checklist", Refuses;
    /// Approvals are missing or do not count
    GateApprovals = "gate-approvals", Refuses;
    /// An artifact has no valid signature by a listed key
    GateSigned = "gate-signed", Refuses;
    /// The time is outside of the release windows, or inside a freeze
    GateWindow = "gate-window", Refuses;
    /// Evidence is missing or too old
    GateFresh = "gate-fresh", Refuses;
    /// A test report has failures, or too few tests ran
    GateJunit = "gate-junit", Refuses;
    /// A scan report has results at or above the level
    GateSarif = "gate-sarif", Refuses;
    /// A number is out of its bound
    GateMetric = "gate-metric", Refuses;
    /// A document does not validate, or a schema breaks the one before
    GateSchema = "gate-schema", Refuses;
    /// An operation does not document what it must
    GateOpenapi = "gate-openapi", Refuses;
    /// A document is a draft, unverified, or has open questions
    GateDocs = "gate-docs", Refuses;
    /// The config manifest is missing, not logged, or staging and production differ
    GateConfig = "gate-config", Refuses;
    /// The decision log is not filled, or its verdict is not go
    GateDecisionLog = "gate-decision-log", Refuses;
    /// An incident report is incomplete or late, or a blocker is open
    GateIncidents = "gate-incidents", Refuses;
    /// The last runs did not all pass
    GateStreak = "gate-streak", Refuses;
    /// No verified backup is young enough
    GateBackup = "gate-backup", Refuses;
    /// No passed drill is young enough
    GateDrill = "gate-drill", Refuses;
    /// The payload holds what looks like a credential
    GateSecrets = "gate-secrets", Refuses;
    /// The store does not hold archives back far enough
    GateRetention = "gate-retention", Refuses;
    /// A program of the team's did not succeed
    GateCommand = "gate-command", Refuses;
    // Waivers, approvals, and what ends.
    /// A waiver is for another project, version, commit, policy or gate
    WaiverElsewhere = "waiver-elsewhere", Refuses;
    /// A waiver had ended when the gates were evaluated
    WaiverExpired = "waiver-expired", Refuses;
    /// A waiver is for a gate that nobody can waive
    WaiverNotAllowed = "waiver-not-allowed", Refuses;
    /// A waiver was given that lifted nothing
    WaiverUnused = "waiver-unused", Warns;
    /// The pack has a waiver, and nothing says whether it had ended when it was used
    WaiverUnjudged = "waiver-unjudged", Unverified;
    /// The policy has expired
    PolicyExpired = "policy-expired", Refuses;
    /// Fewer have approved than the given trust asks for
    ApprovalMissing = "approval-missing", Refuses;
    /// An approval verifies, but does not count: by the sealer, or in a role that trust does not give its key
    ApprovalNotCounted = "approval-not-counted", Warns;
    // DDL.
    /// Statements of a DDL file could not be parsed: the pack lists them, and does not know what they do
    DdlUnparsed = "ddl-unparsed", Warns;
    // Hashes.
    /// There is no HASHES manifest to check
    HashesMissing = "hashes-missing", Refutes;
    /// The evidence section of the release notes is not that of this tree
    NotesStale = "notes-stale", Refutes;
    // Restoring.
    /// The target cannot hold this name beside another one of the pack
    NameCollision = "name-collision", Fails;
    /// A link of the tree was kept in the inventory only, and was not made
    LinkNotRestored = "link-not-restored", Warns;
    // Drills.
    /// A probe could not be run to its end, or what it ran did not succeed
    ProbeFailed = "probe-failed", Refutes;
    /// A probe did not end within its time limit
    ProbeTimeout = "probe-timeout", Refutes;
    /// A probe that the policy asks for did not run
    ProbeSkipped = "probe-skipped", Unverified;
    /// A database that came back is damaged
    DatabaseCorrupt = "database-corrupt", Refutes;
    /// Rows refer to rows that are not there
    ForeignKeyOrphan = "foreign-key-orphan", Refutes;
    /// A table has another number of rows than when it was captured
    RowsDiffer = "rows-differ", Refutes;
    /// A table's rows are others than when it was captured
    ContentDiffers = "content-differs", Refutes;
    /// A table, view or index that was captured did not come back
    ObjectMissing = "object-missing", Refutes;
    /// A table, view or index came back that was not captured
    ObjectExtra = "object-extra", Refutes;
    /// Definitions in a database are others than when it was captured
    SchemaDiffers = "schema-differs", Refutes;
    /// The answer to a question of the policy is another one
    QueryDiffers = "query-differs", Refutes;
    /// A write-ahead log ends in the middle: what was written last is lost
    WalTorn = "wal-torn", Refutes;
    /// A write-ahead log or journal lies beside a captured database that has none, and would be read into it
    WalStale = "wal-stale", Refutes;
    /// A dump is of a newer server than the one that must read it
    DumpNewer = "dump-newer", Refutes;
    /// A probe would have restored over a database that is in use
    DatabaseLive = "database-live", Refutes;
    /// A probe would have restored into a database that is not empty
    DatabaseNotEmpty = "database-not-empty", Refutes;
    /// DDL does not apply to an empty database, in its order
    DdlFailed = "ddl-failed", Refutes;
    /// A file does not parse as what its name says
    FileUnparsed = "file-unparsed", Refutes;
    /// A probe wrote outside of its scratch folder
    WroteOutside = "wrote-outside", Refutes;
    /// A step of the drill could not be done
    StepFailed = "step-failed", Fails;
    /// There is no room for what is to be restored, or none was left for a probe
    ScratchFull = "scratch-full", Fails;
    /// The scratch would lie in the tree, the store, among a database server's data, or beside a database file in use
    ScratchUnsafe = "scratch-unsafe", Fails;
    /// The restore took longer than the policy allows
    RtoMissed = "rto-missed", Refuses;
    /// More would have been lost than the policy allows
    RpoMissed = "rpo-missed", Refuses;
    /// This system does not let a probe be shut off from the network and from other files
    NotConfined = "not-confined", Warns;
    /// A database was captured, and no probe asks for it
    CaptureUnprobed = "capture-unprobed", Warns;
    // Backing up.
    /// A run that was killed had left files on this host, or half a backup in the store; they were removed
    Cleaned = "cleaned", Warns;
    /// An archive lay in the store without a leaf, as a killed run leaves it; it was logged
    Adopted = "adopted", Warns;
    /// Something that a run made could not be removed
    LeftBehind = "left-behind", Warns;
    /// A file changed while it was read; what was kept of it may be of several moments
    FileTorn = "file-torn", Warns;
    /// What was read could not be remembered for the next backup, which will be a full one
    CacheNotKept = "cache-not-kept", Warns;
    // The nightly check.
    /// The newest backup is older than it may be, or there is none
    BackupLate = "backup-late", Refuses;
    /// The clock of this host is behind what it has seen before, so nothing shows how old anything is
    ClockBehind = "clock-behind", Unverified;
    /// Archives were not read again within the time that the policy sets
    UnreadTooLong = "unread-too-long", Warns;
    /// What was checked could not be signed and logged, so that the next run does not know of it, or not be left in the folder that was named
    NotRecorded = "not-recorded", Fails;
    /// The metrics file could not be read, and was written anew
    MetricsReplaced = "metrics-replaced", Warns;
    /// A part of a check that was shared out is not there
    ShardMissing = "shard-missing", Unverified;
    /// A report is no part of this check: of another log, project, policy, number of parts or state of the log, or of an earlier night
    ShardForeign = "shard-foreign", Unverified;
    /// Two reports are of the same part
    ShardTwice = "shard-twice", Unverified;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FindingCode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

/// One thing that is wrong, or worth saying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Code,
    /// Whether it changes the verdict.
    pub severity: Severity,
    /// The file, key or rule it is about. May hold any bytes a file name can: escape before showing.
    pub subject: String,
    /// What was signed, listed or required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

impl Finding {
    /// A finding at the severity that the code has by itself.
    pub fn new(code: Code, subject: impl Into<String>) -> Finding {
        let severity = if code.weight() == Weight::Warns { Severity::Warning } else { Severity::Error };
        Finding { code, severity, subject: subject.into(), expected: None, actual: None }
    }

    /// The same, said but not held against the whole.
    pub fn warning(code: Code, subject: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::new(code, subject) }
    }

    /// With what was signed, listed or required.
    pub fn expected(mut self, expected: impl ToString) -> Finding {
        self.expected = Some(expected.to_string());
        self
    }

    /// With what was found instead.
    pub fn actual(mut self, actual: impl ToString) -> Finding {
        self.actual = Some(actual.to_string());
        self
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It ran over something and all of it holds.
    Passed,
    /// It ran and found something wrong.
    Failed,
    /// It was not asked for, or there is nothing of the kind in this pack; the detail says which.
    Skipped,
    /// It was asked for and could not run; the detail says why.
    NotChecked,
    /// It has no meaning for this target.
    NotApplicable,
}

/// One line of a report: a check, how it ended, and over what.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    /// Stable name: `receipt`, `seal`, `closure`, `payload`, …
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// What it covered, with numbers and units; or why it did not run.
    pub detail: String,
    /// What it found.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// What the whole comes to. In order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything asked for was checked and holds.
    Holds,
    /// Something is altered, missing, extra, badly signed or signed by one who may not.
    Refuted,
    /// The operation could not be done.
    Failed,
    /// Something that was asked for could not be checked.
    Unverified,
    /// It verifies, but a rule refuses it.
    Refused,
}

impl Verdict {
    /// What error-level findings come to; `None` without any. Refuted before failed, unverified, refused.
    pub fn of<'a>(errors: impl Iterator<Item = &'a Finding> + Clone) -> Option<Verdict> {
        let has = |weight| errors.clone().any(|finding| finding.code.weight() == weight);
        [
            (Weight::Refutes, Verdict::Refuted),
            (Weight::Fails, Verdict::Failed),
            (Weight::Unverified, Verdict::Unverified),
            (Weight::Refuses, Verdict::Refused),
        ]
        .into_iter()
        .find_map(|(weight, verdict)| has(weight).then_some(verdict))
    }
}

/// Every check that ran or could not, each with what it found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In the order they are shown.
    pub checks: Vec<Check>,
    /// What is worth saying besides, such as what a restore left out. Warnings alone.
    pub notes: Vec<Finding>,
}

impl Outcome {
    /// Ends a check with what it found: failed if any finding is an error, passed otherwise.
    pub fn conclude(&mut self, name: &'static str, detail: impl Into<String>, findings: Vec<Finding>) {
        let worst = findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.code.weight());
        let status = worst.fold(Status::Passed, |status, weight| match weight {
            Weight::Unverified if status != Status::Failed => Status::NotChecked,
            _ => Status::Failed,
        });
        self.checks.push(Check { name, status, detail: detail.into(), findings });
    }

    /// Notes a check that did not run and need not have.
    pub fn skip(&mut self, name: &'static str, status: Status, why: impl Into<String>) {
        debug_assert!(matches!(status, Status::Skipped | Status::NotApplicable));
        self.checks.push(Check { name, status, detail: why.into(), findings: Vec::new() });
    }

    /// Adds another outcome's checks after these.
    pub fn append(&mut self, other: Outcome) {
        self.checks.extend(other.checks);
        self.notes.extend(other.notes);
    }

    /// The checks that failed or could not run, without those that passed or need not have run.
    pub fn open(&self) -> Outcome {
        let is_open = |check: &&Check| matches!(check.status, Status::Failed | Status::NotChecked);
        Outcome { checks: self.checks.iter().filter(is_open).cloned().collect(), notes: self.notes.clone() }
    }

    /// Everything found, in the order of the checks.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> + Clone {
        self.checks.iter().flat_map(|check| &check.findings).chain(&self.notes)
    }

    /// The error-level findings.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> + Clone {
        self.findings().filter(|f| f.severity == Severity::Error)
    }

    /// What the whole comes to: nothing checked is never fine.
    pub fn verdict(&self) -> Verdict {
        let ran = self.checks.iter().any(|check| check.status == Status::Passed);
        let checked = if ran { Verdict::Holds } else { Verdict::Unverified };
        Verdict::of(self.errors()).unwrap_or(checked)
    }
}

#[cfg(test)]
mod tests;
