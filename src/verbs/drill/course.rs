//! The course of a drill: its steps, in order, and the report of what they found.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome};
use crate::format::drill_report::{
    Coverage, DrillReport, DrilledArchive, Objectives, ReportedFinding, SCHEMA, StepName,
};
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::seal::{PolicyRef, Tool};
use crate::log::state::State;
use crate::pipeline::watch::Watch;
use crate::probe::{Probed, full};
use crate::verbs::drill::objectives::Recovery;
use crate::verbs::drill::scratch::{self, Room};
use crate::verbs::drill::steps::Steps;
use crate::verbs::drill::{Drilled, Request, result, said};
use crate::verbs::nights::Nights;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;
use std::time::Instant;

/// A drill that runs.
pub(super) struct Course<'a> {
    pub(super) request: &'a Request<'a>,
    begun: Instant,
    started_at: Timestamp,
    pub(super) steps: Steps<'a>,
    pub(super) outcome: Outcome,
    pub(super) room: Option<Room>,
    kept: Option<PathBuf>,
    pub(super) archive: DrilledArchive,
    /// The archive's file name.
    pub(super) file: Option<String>,
    /// What the archive is, as its receipt says.
    pub(super) kind: Kind,
    pub(super) pack: Option<Pack>,
    pub(super) coverage: Coverage,
    pub(super) probed: Vec<Probed>,
    /// Whether programs of probes could do nothing else here; `None` where none was tried.
    pub(super) is_confined: Option<bool>,
    pub(super) recovery: Recovery,
    rto_ms: Option<u64>,
}

impl<'a> Course<'a> {
    /// The clock runs.
    pub(super) fn begin(request: &'a Request<'a>) -> Course<'a> {
        let archive = DrilledArchive {
            name: request.name.unwrap_or_default().to_owned(),
            store: request.store.place().to_owned(),
            sha256: String::new(),
            size_bytes: 0,
            created_at: None,
            seal_sha256: String::new(),
            signer_key_id: String::new(),
            chain: Vec::new(),
        };
        Course {
            request,
            begun: Instant::now(),
            started_at: (request.clock)(),
            steps: Steps::new(request.clock),
            outcome: Outcome::default(),
            room: None,
            kept: None,
            archive,
            file: None,
            kind: Kind::Backup,
            pack: None,
            coverage: Coverage::default(),
            probed: Vec::new(),
            is_confined: None,
            recovery: Recovery::default(),
            rto_ms: None,
        }
    }

    /// Every step but the last; an error ends them, and is said.
    pub(super) fn run(&mut self, watch: &Watch) -> Result<()> {
        let nights = self.history()?;
        let name = self.choose(&nights)?;
        self.make_room(watch)?;
        let fetched = self.fetch(&name, watch)?;
        let receipt = self.receipt(&fetched.target)?;
        self.recovery.measure(self.request, &nights, &receipt, self.started_at)?;
        self.has_room(receipt.predicate().payload.bytes)?;
        self.decrypt(&fetched.target, &receipt, watch)?;
        if self.restore(&fetched.target, watch)? {
            self.probes(watch)?;
            self.rto_ms = Some(self.begun.elapsed().as_millis() as u64);
        }
        Ok(())
    }

    /// What the log says happened before.
    fn history(&mut self) -> Result<Nights<'a>> {
        let state = State { now: self.started_at, ..*self.request.log.state };
        let nights = Nights::read(self.request.log.log, &state, Some(self.request.project))?;
        self.outcome.notes.extend(nights.future.iter().cloned());
        self.recovery.look_back(&nights)?;
        Ok(nights)
    }

    /// The archive to drill, by name.
    fn choose(&mut self, nights: &Nights<'_>) -> Result<String> {
        let name = match self.request.name {
            Some(name) => name.to_owned(),
            None => nights.newest(None)?.name,
        };
        self.archive.name.clone_from(&name);
        Ok(name)
    }

    /// The scratch; and what is worth saying of those before it.
    fn make_room(&mut self, watch: &Watch) -> Result<()> {
        let room = scratch::make(self.request, watch)?;
        self.outcome.notes.extend(room.findings());
        self.room = Some(room);
        Ok(())
    }

    /// What went wrong in a step is a finding; what came after it was skipped.
    pub(super) fn broken(&mut self, went: Result<()>) {
        let Err(error) = went else { return };
        let findings = match error {
            Error::Refused(findings) => findings,
            error if full::is_full(&error) => vec![full::finding(error.with_causes())],
            error => {
                vec![Finding::new(Code::StepFailed, &*self.archive_or_project()).actual(error.with_hint())]
            }
        };
        let name = self.steps.last().map_or("archive", |step| step.name.as_str());
        // Probes that were ended have said what they came to.
        let is_concluded = self.outcome.checks.iter().any(|check| check.name == name);
        self.outcome.conclude(if is_concluded { "drill" } else { name }, "it could not be done", findings);
    }

    /// The archive's name; of a drill that came to none, the project's.
    pub(super) fn archive_or_project(&self) -> String {
        let name = &self.archive.name;
        if name.is_empty() { self.request.project.to_owned() } else { name.clone() }
    }

    /// Removes the scratch, or keeps it, and says if that fails.
    pub(super) fn clean_up(&mut self) {
        let Some(room) = self.room.take() else { return };
        let begun = self.steps.begin();
        let ended = match self.request.keep {
            true => room.keep().map(Some),
            false => room.remove().map(|()| None),
        };
        match ended {
            Ok(None) => self.steps.end(StepName::Cleanup, &begun, true, "everything was removed"),
            Ok(Some(path)) => {
                self.steps.skip(StepName::Cleanup, &begun, format!("kept: {}", path.display()));
                self.kept = Some(path);
            }
            Err(error) => {
                self.steps.end(StepName::Cleanup, &begun, false, error.to_string());
                self.outcome.notes.push(Finding::new(Code::LeftBehind, error.to_string()));
            }
        }
    }

    /// The report, from everything that was noted.
    pub(super) fn finish(mut self) -> (Drilled, Kind, String, Option<String>) {
        self.probes_unreached();
        let objectives = self.recovery.judge(self.request, self.rto_ms, &mut self.outcome);
        let (kind, name, file) = (self.kind, self.archive_or_project(), self.file.take());
        let covered = self.probed.iter().map(|one| (one.report.id.clone(), one.covered.clone())).collect();
        let kept = self.kept.take();
        let (report, outcome) = self.report(objectives);
        let drilled = Drilled {
            report,
            outcome,
            covered,
            files: Vec::new(),
            kept,
            written: Ok(()),
            is_interrupted: false,
            logged: Err(Error::Interrupted),
        };
        (drilled, kind, name, file)
    }

    fn report(mut self, objectives: Objectives) -> (DrillReport, Outcome) {
        let finished_at = (self.request.clock)();
        let every = SignedDuration::from_secs(self.request.policy.drill.every_s as i64);
        let report = DrillReport {
            schema: SCHEMA.to_owned(),
            drill_id: self.request.drill_id.clone(),
            trace_id: self.request.trace_id.clone(),
            tool: Tool::this(),
            policy: PolicyRef { name: self.request.policy.name.clone(), sha256: self.request.policy.sha256 },
            started_at: self.started_at,
            finished_at,
            result: result(&self.outcome),
            proves: said::proves(&self, &objectives),
            does_not_prove: said::does_not_prove(&self),
            fresh_until: finished_at.checked_add(every).unwrap_or(Timestamp::MAX),
            previous: self.recovery.previous.take(),
            findings: self.outcome.findings().map(ReportedFinding::from).collect(),
            objectives,
            archive: self.archive,
            coverage: self.coverage,
            steps: self.steps.all(),
            probes: self.probed.into_iter().map(|one| one.report).collect(),
        };
        (report, self.outcome)
    }
}
