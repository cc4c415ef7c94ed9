//! What a drill asks of what came back, one file a kind: each against what the capture recorded of the very copy, and
//! against the policy's own questions.
//!
//! What is opened here may be hostile. Databases are opened in defensive mode; programs run [`confined`] where the system
//! allows it, with limits on time and memory, and nothing of the environment but what they are given.

pub mod answers;
pub mod beside;
pub mod command;
pub mod confined;
pub mod ddl;
pub mod deadline;
pub mod duckdb;
pub mod facts;
pub mod files;
pub mod full;
pub mod ledger;
pub mod postgres;
pub mod sqlite;

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::Captured;
use crate::format::drill_report::{Ended, ProbeReport};
use crate::format::pack::Pack;
use crate::format::path::PackPath;
use crate::format::units::size;
use crate::pipeline::meter::Meter;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::probe::{Ask, Probe};
use confined::{Confined, Confinement, Reach};
use deadline::Deadline;
use ledger::Ledger;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What probes work on.
pub struct Site<'a> {
    /// The restored tree.
    pub restored: &'a Path,
    /// A private folder, in which each probe has one of its own.
    pub work: &'a Path,
    /// The tree that the policy belongs to: programs with a `/` in their name lie there.
    pub tree: &'a Path,
    /// What the pack says of itself.
    pub pack: &'a Pack,
    /// The signed list of the payload, `manifest-sha256.txt`.
    pub manifest: &'a Path,
    /// The policy that was named.
    pub policy: &'a Policy,
    /// What a program may be shut off from here.
    pub confinement: &'a Confinement,
    /// Folders and files that no program of a probe may see: keys, the store.
    pub hidden: &'a [PathBuf],
    /// Which drill: samples are drawn by it.
    pub drill_id: &'a str,
    /// Looks a variable of the environment up.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
}

/// How a probe ended.
pub struct Probed {
    /// For the report.
    pub report: ProbeReport,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it covered, for a line of the screen.
    pub covered: String,
}

impl Site<'_> {
    /// What the capture recorded; a pack without it is an error in words.
    pub fn captured(&self, id: &str) -> std::result::Result<&Captured, Finding> {
        self.pack.captures.iter().find(|captured| captured.id == id).ok_or_else(|| {
            let finding = Finding::new(Code::ProbeSkipped, format!("captures/{id}"));
            finding.expected("what the capture took").actual("the archive has no such capture")
        })
    }

    /// A path as it is in the tree.
    pub fn shown(&self, file: &Path) -> String {
        file.strip_prefix(self.restored).unwrap_or(file).display().to_string()
    }

    /// Where a capture came back.
    pub fn folder(&self, captured: &Captured) -> Result<PathBuf> {
        self.own(&format!("captures/{}", captured.id))
    }

    /// What came back by this path of the archive's; no link leads there, so that it is nothing of this system's.
    pub fn own(&self, path: &str) -> Result<PathBuf> {
        let refused = |what: String| {
            let finding = Finding::new(Code::ProbeFailed, path).expected("what was captured, by no link");
            Error::refused(finding.actual(what))
        };
        let parts = PackPath::new(path.as_bytes()).map_err(|fault| refused(fault.to_string()))?;
        let mut whole = self.restored.to_owned();
        for part in parts.as_str().split('/') {
            whole.push(part);
            if whole.is_symlink() {
                return Err(refused(format!("{part} is a link")));
            }
        }
        Ok(whole)
    }

    /// What came back by this path, or what a link there leads to: nothing outside of what came back.
    pub fn within(&self, path: &str) -> Result<PathBuf> {
        let whole = self.restored.join(path);
        let found = whole.canonicalize().map_err(Error::io("open", &whole))?;
        let is_inside = found.starts_with(self.restored)
            || self.restored.canonicalize().is_ok_and(|root| found.starts_with(root));
        if is_inside {
            return Ok(found);
        }
        let finding = Finding::new(Code::ProbeFailed, path).expected("a file of what came back");
        Err(Error::refused(finding.actual(format!("a link leads out of it, to {}", found.display()))))
    }

    /// A program of a probe, shut off as far as this system allows, in a folder of its own.
    pub fn confined(&self, id: &str, deadline: Deadline) -> Result<Confined<'_>> {
        let work = self.room(id)?;
        Ok(Confined {
            confinement: *self.confinement,
            here: work.clone(),
            note: self.work.join(format!("{id}.note")),
            hidden: self.hidden,
            shown: vec![self.restored.to_owned(), self.work.to_owned()],
            reach: Reach::Nothing,
            ids: None,
            memory: Some(self.policy.drill.memory_limit),
            file_bytes: self.policy.drill.disk_limit,
            variables: confined::variables(self.environment, &work),
            deadline,
            output_bytes_max: confined::OUTPUT_BYTES,
            work,
        })
    }

    /// Looks that probes do not take more of the disk than the policy allows, beside what was restored.
    fn meter(&self, watch: &Watch) -> Option<Meter> {
        let limit = self.policy.drill.disk_limit?;
        let most = limit.saturating_sub(self.pack.payload.bytes);
        let refusal = move |taken| {
            let finding = Finding::new(Code::ScratchFull, "scratch");
            let finding = finding.expected(format!("at most {} for probes, of `disk_limit`", size(most)));
            Error::refused(finding.actual(size(taken)))
        };
        Some(Meter::start(self.work.to_owned(), most, watch, refusal))
    }

    /// A new empty folder for a probe: others pass through the folder that it is in, where a server is another user's.
    pub fn room(&self, id: &str) -> Result<PathBuf> {
        let path = self.work.join(id);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(Error::io("create", &path))?;
        Ok(path)
    }
}

/// Runs a probe. Whatever happens in it is its result; only an interruption is an error.
pub fn run(site: &Site<'_>, probe: &Probe, watch: &Watch) -> Result<Probed> {
    let started = Instant::now();
    let mut ledger = Ledger::default();
    let deadline = Deadline::after(Duration::from_secs(probe.time_limit_s));
    let watch = &watch.child();
    let meter = site.meter(watch);
    guarded(probe, &mut ledger, |ledger| {
        let asked = ask(site, probe, deadline, ledger, watch);
        drop(meter);
        // What the meter called off looks interrupted.
        asked.map_err(|error| match error {
            Error::Interrupted => watch.failure_or(error),
            error => error,
        })
    })?;
    let took = started.elapsed();
    if ledger.ended() == Ended::Skipped {
        let finding = Finding::new(Code::ProbeSkipped, &*probe.id);
        ledger.failed("run", finding.expected("something to compare").actual("nothing was compared"));
    }
    ledger.close(&probe.id);
    let skipped = ledger.findings.iter().any(|finding| finding.code == Code::ProbeSkipped);
    let report = ProbeReport {
        id: probe.id.clone(),
        kind: probe.ask.kind().to_owned(),
        status: if skipped { Ended::Skipped } else { ledger.ended() },
        duration_ms: took.as_millis() as u64,
        checks: ledger.checks,
    };
    Ok(Probed { report, findings: ledger.findings, covered: ledger.covered.join(", ") })
}

/// Asks, and writes down how that went wrong, if it did: a panic too, of parsers of others most likely, ends a probe and not the
/// drill.
fn guarded(probe: &Probe, ledger: &mut Ledger, ask: impl FnOnce(&mut Ledger) -> Result<()>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(|| ask(ledger))) {
        Ok(Ok(())) => {}
        Ok(Err(Error::Interrupted)) => return Err(Error::Interrupted),
        Ok(Err(Error::Refused(findings))) => {
            findings.into_iter().for_each(|finding| ledger.failed("run", finding));
        }
        Ok(Err(error)) => ledger.failed("run", broken(probe, &error)),
        Err(_) => {
            let finding = Finding::new(Code::ProbeFailed, &*probe.id);
            ledger.failed("run", finding.expected("an end").actual("it crashed"));
        }
    }
    Ok(())
}

fn ask(site: &Site<'_>, probe: &Probe, deadline: Deadline, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    match &probe.ask {
        Ask::Sqlite { of, foreign_keys, queries } => {
            let asked = sqlite::Asked { id: &probe.id, of, foreign_keys: *foreign_keys, queries, deadline };
            sqlite::probe(site, &asked, ledger, watch)
        }
        Ask::Duckdb { of, queries, sample } => {
            let asked = duckdb::Asked { id: &probe.id, of, queries, sample: *sample, deadline };
            duckdb::probe(site, &asked, ledger, watch)
        }
        Ask::Postgres { capture, queries, dsn, extensions, programs } => {
            let (dsn, programs) = (dsn.as_deref(), programs.as_deref());
            let asked =
                postgres::Asked { id: &probe.id, capture, queries, dsn, extensions, programs, deadline };
            postgres::probe(site, &asked, ledger, watch)
        }
        Ask::Ddl { dialect, programs } => {
            let asked =
                ddl::Asked { id: &probe.id, dialect: *dialect, programs: programs.as_deref(), deadline };
            ddl::probe(site, &asked, ledger, watch)
        }
        Ask::Command { program, variables } => {
            let asked = command::Asked { id: &probe.id, program, variables, deadline };
            command::probe(site, &asked, ledger, watch)
        }
        Ask::Files { paths, parse } => files::probe(site, paths, *parse, deadline, ledger, watch),
    }
}

/// What an error of a probe is called.
fn broken(probe: &Probe, error: &Error) -> Finding {
    let code = match error {
        error if full::is_full(error) => return full::finding(error.with_causes()),
        Error::Late(_) => {
            let finding = Finding::new(Code::ProbeTimeout, &*probe.id);
            let limit = format!("an end within {} s", probe.time_limit_s);
            return finding.expected(limit).actual(error);
        }
        _ => Code::ProbeFailed,
    };
    Finding::new(code, &*probe.id).expected("an end").actual(error.with_hint())
}

/// Whether an error ends a probe and is no answer of what is probed: the time, the scratch, or who runs it ended it.
fn is_end(error: &Error) -> bool {
    error.is_last() || full::is_full(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written down of a probe that ends like this after a comparison that held.
    fn told(end: impl FnOnce() -> Result<()>) -> Result<(Ended, Vec<String>)> {
        let ask = Ask::Files { paths: Vec::new(), parse: true };
        let probe = Probe { id: "x".into(), ask, time_limit_s: 7, line: 1 };
        let mut ledger = Ledger::default();
        guarded(&probe, &mut ledger, |ledger| {
            ledger.passed("digests", 1, 1);
            end()
        })?;
        let text =
            |finding: &Finding| format!("{}: {}", finding.code, finding.actual.clone().unwrap_or_default());
        assert_eq!(ledger.checks[0].status, Ended::Passed, "what was compared before stays");
        Ok((ledger.ended(), ledger.findings.iter().map(text).collect()))
    }

    #[test]
    fn however_a_probe_ends_it_is_written_down() {
        assert_eq!(told(|| Ok(())).unwrap(), (Ended::Passed, Vec::new()));
        for (end, finding) in [
            (Error::input("it broke", ""), "probe-failed: it broke"),
            (Error::Late("x: too late".into()), "probe-timeout: x: too late"),
            (Error::refused(Finding::new(Code::Altered, "f").actual("it")), "altered: it"),
        ] {
            assert_eq!(told(|| Err(end)).unwrap(), (Ended::Failed, vec![finding.to_owned()]));
        }
        assert!(matches!(told(|| Err(Error::Interrupted)), Err(Error::Interrupted)));
    }

    #[test]
    fn a_crash_of_a_probe_is_a_finding_of_it() {
        let crashed = told(|| {
            let none: Vec<u8> = Vec::new();
            assert!(none[std::hint::black_box(7)] == 0);
            Ok(())
        });
        assert_eq!(crashed.unwrap(), (Ended::Failed, vec!["probe-failed: it crashed".to_owned()]));
    }
}
