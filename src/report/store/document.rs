//! What a page about a store says, as data.

use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::report::outcome::OutcomeDocument;
use crate::report::store::health::{self, Card, ProjectCards, State};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What was gathered of a store. Nothing in it depends on the time at which it is shown.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StoreFacts {
    /// Where it lies.
    pub store: String,
    /// The origin of its log; null if there is none that holds.
    pub origin: Option<String>,
    /// Whose archives these are; null: those of every project in the store.
    pub project: Option<String>,
    /// When it was looked at.
    #[schemars(with = "String")]
    pub looked_at: Timestamp,
    /// What is asked of it.
    pub limits: Limits,
    /// How many leaves its log has.
    pub leaves: u64,
    /// What the log says happened, in its order.
    pub events: Vec<EventFacts>,
    /// Every archive that the log says lies there, in the order of the log.
    pub archives: Vec<ArchiveFacts>,
    /// The drills whose report is the one that was signed, in the order of the log; of the newest 1,000 at most.
    pub drills: Vec<DrillFacts>,
    /// What the next prune takes; null where that could not be worked out.
    pub prune: Option<Vec<PruneFacts>>,
    /// Why not, or under which policy it was.
    pub prune_says: String,
    /// Checks and findings.
    #[serde(flatten)]
    pub outcome: OutcomeDocument,
}

/// `attestar/store_report/v1`: a store at one moment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "attestar/store_report/v1")]
pub struct StoreReport<'a> {
    /// `attestar/store_report/v1`.
    pub schema: &'static str,
    /// The moment.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The worst of what is asked of the store; of a console, `failed` where it cannot be looked at any more.
    pub state: State,
    /// Backup, verification, drill, seal, gates, log; of several projects, each as the one that stands worst.
    pub cards: Vec<Card>,
    /// Each project by itself.
    pub projects: Vec<ProjectCards>,
    /// How much was read again within the window.
    pub coverage: CoverageFacts,
    /// Everything else.
    #[serde(flatten)]
    pub facts: &'a StoreFacts,
}

/// How old things may be, and how fast a restore must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Limits {
    /// Who says so: a policy by its name, or `defaults`.
    pub of: String,
    /// The newest backup, in seconds.
    pub backup_max_age_s: u64,
    /// Every byte is read again within so many seconds.
    pub verify_within_s: u64,
    /// A drill every so many seconds.
    pub drill_every_s: u64,
    /// How long a restore may take; null: nothing says.
    pub rto_ms: Option<u64>,
    /// How much may be lost; null: nothing says.
    pub rpo_ms: Option<u64>,
}

/// A leaf of the log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EventFacts {
    /// Its place, from 0.
    pub index: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub what: What,
    /// Whose project.
    pub project: String,
    /// The pack that it is about.
    pub name: String,
    /// When.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// Whether it went well; null where its statement does not verify.
    pub passed: Option<bool>,
    /// The role of who signed it; null where its statement does not verify.
    pub by: Option<String>,
    /// The report that was signed with it, where there is one.
    pub report: Option<ReportRef>,
}

/// A report that lies in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportRef {
    /// Of a drill its folder, of a nightly check its file without `.json`.
    pub name: String,
    /// The digest that was signed.
    pub sha256: String,
}

/// An archive.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ArchiveFacts {
    /// Its pack's name.
    pub name: String,
    /// Whose project.
    pub project: String,
    /// Release or backup.
    pub kind: Kind,
    /// When it was made.
    #[schemars(with = "String")]
    pub made_at: Timestamp,
    /// Its size; null where its receipt does not verify.
    pub bytes: Option<u64>,
    /// When it was read again last, and held; null if never.
    #[schemars(with = "Option<String>")]
    pub verified_at: Option<Timestamp>,
    /// When it was restored last, and that passed; null if never.
    #[schemars(with = "Option<String>")]
    pub drilled_at: Option<Timestamp>,
}

/// How much of what lies there was read again within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoverageFacts {
    /// Archives that lie there.
    pub archives: u64,
    /// Of them, those that were read within the window.
    pub archives_verified: u64,
    /// Bytes that lie there.
    pub bytes: u64,
    /// Of them, those that were read within the window.
    pub bytes_verified: u64,
}

/// A drill.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DrillFacts {
    /// The place of its leaf, from 0.
    pub leaf: u64,
    /// Its id.
    pub drill_id: String,
    /// The folder of its report.
    pub report: String,
    /// The pack that was restored.
    pub name: String,
    /// When it ended.
    #[schemars(with = "String")]
    pub finished_at: Timestamp,
    /// Whether it passed.
    pub passed: bool,
    /// How long the restore took; null where the drill did not come that far.
    pub rto_ms: Option<u64>,
    /// How long it was allowed to; 0 where nothing said.
    pub rto_target_ms: u64,
    /// How much would have been lost; null where that was not measured.
    pub rpo_ms: Option<u64>,
    /// How much was allowed to; 0 where nothing said.
    pub rpo_target_ms: u64,
    /// Whether there is a recovery point at all: a release has none.
    pub has_rpo: bool,
}

/// An archive that the next prune takes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PruneFacts {
    /// Its pack's name.
    pub name: String,
    /// Its size, where it is known.
    pub bytes: Option<u64>,
    /// Why, in words.
    pub why: String,
}

impl StoreFacts {
    /// The report of a moment.
    pub fn at(&self, now: Timestamp) -> StoreReport<'_> {
        let projects = health::projects(self, now);
        let cards = health::cards(self, &projects);
        StoreReport {
            schema: "attestar/store_report/v1",
            at: now,
            state: health::state(&cards),
            coverage: self.coverage(None, now),
            cards,
            projects,
            facts: self,
        }
    }

    /// How much of what lies there of a project, or of all, was read again within the window.
    pub fn coverage(&self, project: Option<&str>, now: Timestamp) -> CoverageFacts {
        let mut coverage = CoverageFacts::default();
        let is_of = |archive: &&ArchiveFacts| project.is_none_or(|project| project == archive.project);
        for archive in self.archives.iter().filter(is_of) {
            let bytes = archive.bytes.unwrap_or(0);
            coverage.archives += 1;
            coverage.bytes += bytes;
            if archive.verified_at.is_some_and(|at| health::is_within(at, self.limits.verify_within_s, now)) {
                coverage.archives_verified += 1;
                coverage.bytes_verified += bytes;
            }
        }
        coverage
    }
}
