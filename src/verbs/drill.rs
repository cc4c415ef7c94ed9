//! `drill`: an archive is restored into a scratch folder, every hash of it checked, its databases opened and asked, and the
//! time taken. The report is written whatever happens.

mod asked;
mod course;
mod live;
mod objectives;
mod publish;
mod said;
mod scratch;
mod steps;
mod way_back;

use crate::error::{Error, Result};
use crate::finding::{Outcome, Verdict};
use crate::format::drill_report::{DrillReport, DrillResult};
use crate::keys::identity::Identity;
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::verify::Expect;
use crate::log::append::{Appended, Writer};
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::store::Store;
use course::Course;
use jiff::Timestamp;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the report goes, unless something else is asked for.
pub const OUT: &str = "drill";

/// What to drill, by what, and where it is said.
pub struct Request<'a> {
    /// The name of a backup or release; `None` for the newest good backup of the project.
    pub name: Option<&'a str>,
    /// The tree that the policy belongs to.
    pub tree: &'a Path,
    /// The policy that was named: objectives and probes come from it alone.
    pub policy: &'a Policy,
    /// The project.
    pub project: &'a str,
    /// Where the archive lies.
    pub store: &'a dyn Store,
    /// Writes to the store's log. Its trust is who may seal, back up and drill.
    pub log: &'a Writer<'a>,
    /// What decrypts.
    pub identities: &'a [Identity],
    /// Signs the result.
    pub key: &'a SigningKey,
    /// The folder in which the scratch is made, where the policy names none.
    pub scratch: &'a Path,
    /// Where the report goes on this host.
    pub out: &'a Path,
    /// Whether the scratch stays.
    pub keep: bool,
    /// What no program of a probe may see: keys, state.
    pub hidden: &'a [PathBuf],
    /// A UUID for this drill.
    pub drill_id: String,
    /// 32 hex digits for this run.
    pub trace_id: String,
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// The environment of probes.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// Worker threads.
    pub threads: usize,
}

/// What came of it.
pub struct Drilled {
    /// The report, as it was written and signed.
    pub report: DrillReport,
    /// The same as checks and findings: what the exit code is computed from.
    pub outcome: Outcome,
    /// What each probe covered, by id, for a line of the screen.
    pub covered: Vec<(String, String)>,
    /// The files on this host: report, signature, JUnit, page.
    pub files: Vec<PathBuf>,
    /// The scratch, if it was kept.
    pub kept: Option<PathBuf>,
    /// Whether all of the files could be written.
    pub written: Result<()>,
    /// Whether it was ended by who ran it.
    pub is_interrupted: bool,
    /// What became of the log; an error if store or log could not be written.
    pub logged: Result<Appended>,
}

/// Drills.
pub fn drill(request: &Request<'_>, watch: &Watch) -> Result<Drilled> {
    may_drill(request)?;
    let mut course = Course::begin(request);
    // A log that cannot be completed ends the drill before its first step, and that is reported like any other end.
    let went = request.log.complete().and_then(|_| course.run(watch));
    let is_interrupted = matches!(went, Err(Error::Interrupted));
    course.broken(went);
    course.clean_up();
    let drilled = publish::publish(request, course.finish());
    Ok(Drilled { is_interrupted, ..drilled })
}

/// Before anything is done: whether the result would count.
fn may_drill(request: &Request<'_>) -> Result<()> {
    let project = Some(request.project);
    let expect = Expect { file: "drill_report.json.sigstore.json", right: Right::Drill, project, kind: None };
    let now = (request.clock)();
    let trust = request.log.log.trust;
    trust.may_sign(&request.key.public(), expect, now).map(|_| ()).map_err(Error::refused)
}

/// What the outcome makes of the report.
fn result(outcome: &Outcome) -> DrillResult {
    match outcome.verdict() {
        Verdict::Holds => DrillResult::Passed,
        _ => DrillResult::Failed,
    }
}
