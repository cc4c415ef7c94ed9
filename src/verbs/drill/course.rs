//! The course of a drill: its steps, each timed, and what each of them found.

use crate::error::{Error, Result};
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::closure::TAG_MANIFEST;
use crate::evidence::ddl;
use crate::evidence::payload::MANIFEST;
use crate::evidence::receipt::{self, VerifiedReceipt};
use crate::finding::{Code, Finding, Outcome};
use crate::format::digest::Sha256;
use crate::format::drill_report::{
    Coverage, DrillReport, DrilledArchive, Ended, ReportedFinding, SCHEMA, Step, StepName,
};
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::seal::{PolicyRef, Tool};
use crate::format::units::{count, size};
use crate::log::state::State;
use crate::pipeline::pick::{self, Picker};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::probe::Ask;
use crate::probe::confined::Confinement;
use crate::probe::{self, Probed, Site};
use crate::tree::scan::{ScanOptions, scan};
use crate::verbs::drill::objectives::Recovery;
use crate::verbs::drill::scratch::{self, Room};
use crate::verbs::drill::{Drilled, Request, result, said};
use crate::verbs::fetch::{Fetched, fetch};
use crate::verbs::nights::Nights;
use crate::verbs::restore::{self, Restored};
use crate::verbs::target::Target;
use crate::verbs::verify;
use jiff::{SignedDuration, Timestamp};
use std::io;
use std::path::PathBuf;
use std::time::Instant;

/// A drill that runs.
pub(super) struct Course<'a> {
    request: &'a Request<'a>,
    begun: Instant,
    started_at: Timestamp,
    outcome: Outcome,
    steps: Vec<Step>,
    room: Option<Room>,
    kept: Option<PathBuf>,
    archive: DrilledArchive,
    /// What the archive is, as its receipt says.
    pub(super) kind: Kind,
    coverage: Coverage,
    probed: Vec<Probed>,
    recovery: Recovery,
    rto_ms: Option<u64>,
    pub(super) pack: Option<Pack>,
    pub(super) is_confined: bool,
    /// The archive's file name.
    file: Option<String>,
}

impl<'a> Course<'a> {
    /// The clock runs.
    pub(super) fn begin(request: &'a Request<'a>) -> Course<'a> {
        Course {
            request,
            begun: Instant::now(),
            started_at: (request.clock)(),
            outcome: Outcome::default(),
            steps: Vec::new(),
            room: None,
            kept: None,
            archive: DrilledArchive {
                name: request.name.unwrap_or_default().to_owned(),
                store: request.store.place().to_owned(),
                sha256: String::new(),
                size_bytes: 0,
                created_at: None,
                seal_sha256: String::new(),
                signer_key_id: String::new(),
                chain: Vec::new(),
            },
            kind: Kind::Backup,
            coverage: Coverage::default(),
            probed: Vec::new(),
            recovery: Recovery::default(),
            rto_ms: None,
            pack: None,
            is_confined: false,
            file: None,
        }
    }

    /// Every step but the last; an error ends them, and is said.
    pub(super) fn run(&mut self, watch: &Watch) -> Result<()> {
        let nights = self.history()?;
        let name = self.choose(&nights)?;
        self.room = Some(scratch::make(self.request)?);
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

    fn history(&mut self) -> Result<Nights<'a>> {
        let state = State { now: self.started_at, ..*self.request.log.state };
        let nights = Nights::read(self.request.log.log, &state, Some(self.request.project))?;
        self.outcome.notes.extend(nights.future.iter().cloned());
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

    fn fetch(&mut self, name: &str, watch: &Watch) -> Result<Fetched> {
        let clock = self.step();
        let fetched = match fetch(self.request.store, name, watch) {
            // The log knows of it, and the store does not have it.
            Err(Error::Input { .. }) if self.request.name.is_none() => {
                let finding = Finding::new(Code::Missing, name).expected("the archive that the log names");
                Err(Error::refused(finding.actual(format!("it is not in {}", self.request.store.place()))))
            }
            fetched => fetched,
        };
        let detail = |fetched: &Fetched| match fetched.is_here() {
            true => "it lies on this host, and is read where it lies".to_owned(),
            false => format!("from {}", self.request.store.place()),
        };
        let detail = fetched.as_ref().map_or_else(|error| error.to_string(), detail);
        self.end(StepName::Fetch, &clock, fetched.is_ok(), detail);
        fetched
    }

    /// The receipt's signature, by who may; the file itself is digested when it is read.
    fn receipt(&mut self, target: &Target) -> Result<VerifiedReceipt> {
        let clock = self.step();
        let (archive_name, bundle) = target.receipt()?;
        self.file = Some(archive_name.clone());
        match receipt::verify(self.request.log.log.trust, &archive_name, bundle.as_deref()) {
            Ok(receipt) => {
                let said = receipt.predicate();
                self.kind = said.kind;
                self.archive.created_at = Some(said.created_at);
                self.archive.seal_sha256 = said.seal_sha256.to_string();
                self.archive.signer_key_id = receipt.key_id();
                self.archive.chain = said.bases.iter().map(|base| base.name.clone()).collect();
                self.archive.size_bytes = said.size_bytes;
                self.end(StepName::Receipt, &clock, true, verify::describe(&receipt));
                Ok(receipt)
            }
            Err(findings) => {
                self.end(StepName::Receipt, &clock, false, "it does not verify");
                Err(Error::Refused(findings))
            }
        }
    }

    fn has_room(&mut self, bytes: u64) -> Result<()> {
        let Some(room) = &self.room else { return Ok(()) };
        scratch::has_room(room, bytes, self.request.policy.drill.disk_limit)
    }

    /// The lists of the pack, which only an identity opens; kept for the probes.
    fn decrypt(&mut self, target: &Target, receipt: &VerifiedReceipt, watch: &Watch) -> Result<()> {
        let Target::Archive { path, encrypted, .. } = target else { return Ok(()) };
        let clock = self.step();
        if *encrypted && self.request.identities.is_empty() {
            self.end(StepName::Decrypt, &clock, false, "no identity was given");
            let finding = Finding::new(Code::NoIdentity, path.display().to_string());
            return Err(Error::refused(
                finding.actual("the archive is encrypted, and no identity was given"),
            ));
        }
        let identities = verify::age_identities(self.request.identities);
        let shelf = Shelf::Store(self.request.store);
        let found = shelf.at(path, target.pack_name())?;
        let picker =
            found.parts().and_then(|parts| Picker::of(parts, &found.path, encrypted.then_some(&*identities)));
        let read = picker.and_then(|picker| pick::tags(picker, watch));
        let kept = read.and_then(|contents| {
            let whole = |name| contents.tags.read(name, u64::MAX).map_err(Error::io("read", name));
            let signed = whole(TAG_MANIFEST)?.map(|bytes| Sha256::of(&bytes));
            let list = whole(MANIFEST)?.unwrap_or_default();
            let is_signed = signed == Some(receipt.predicate().tagmanifest_sha256);
            // What is not what was signed is told when all of it is read.
            let list = if is_signed { list } else { Vec::new() };
            let Some(room) = &self.room else { return Ok(()) };
            std::fs::write(room.manifest(), list).map_err(Error::io("write", room.manifest()))
        });
        let kept = match kept {
            Err(Error::Unavailable { message, .. }) => {
                let finding = Finding::new(Code::NoIdentity, path.display().to_string()).actual(message);
                Err(Error::refused(finding))
            }
            kept => kept,
        };
        let detail = match (&kept, encrypted) {
            (Ok(()), true) => "with an identity that was given".to_owned(),
            (Ok(()), false) => "the archive is not encrypted".to_owned(),
            (Err(error), _) => error.to_string(),
        };
        self.end(StepName::Decrypt, &clock, kept.is_ok(), detail);
        kept
    }

    /// Restores everything, digests compared in the same pass; whether the files are there now.
    fn restore(&mut self, target: &Target, watch: &Watch) -> Result<bool> {
        let Some(room) = &self.room else { return Ok(false) };
        let clock = self.step();
        let shelf = Shelf::Store(self.request.store);
        let request = restore::Request {
            target: target.clone(),
            shelf: Some(&shelf),
            to: &room.restored(),
            trust: self.request.log.log.trust,
            identities: self.request.identities,
            paths: &[],
            dry_run: false,
            threads: self.request.threads,
        };
        let restored = match restore::restore(&request, watch) {
            Err(error) => {
                self.end(StepName::Restore, &clock, false, error.to_string());
                return Err(error);
            }
            Ok(restored) => restored,
        };
        let published = restored.published;
        self.restored(&clock, restored);
        Ok(published)
    }

    fn restored(&mut self, clock: &Clock, restored: Restored) {
        let pack = restored.pack.as_ref();
        let totals = pack.map(|pack| pack.payload).unwrap_or_default();
        let (files, bytes) = if restored.published { (restored.files, restored.bytes) } else { (0, 0) };
        let what = format!("{}, {}", count(files, "file"), size(bytes));
        let detail = if restored.published {
            format!("{what} into a scratch folder")
        } else {
            "it does not verify".into()
        };
        self.end(StepName::Restore, clock, restored.published, detail);
        let whole = restored.published && files > 0;
        let detail =
            format!("{} of {}: SHA-256 and BLAKE3, in the same pass", files, count(totals.files, "file"));
        let hashes = self.step();
        self.end(StepName::Hashes, &hashes, whole, detail);
        self.coverage = Coverage {
            files_total: totals.files,
            files_checked: files,
            bytes_total: totals.bytes,
            bytes_checked: bytes,
            digests: vec!["sha256".to_owned(), "blake3".to_owned()],
        };
        if let Some(digest) = restored.archive_sha256 {
            self.archive.sha256 = digest.to_string();
        }
        if files == 0 && restored.published {
            let finding = Finding::new(Code::NothingChecked, &*self.archive.name);
            self.outcome.conclude("hashes", "no file was checked", vec![finding]);
        }
        self.pack = restored.pack;
        self.outcome.append(restored.outcome);
    }

    /// A backup lists no objects of its DDL files: they are read from what came back.
    fn read_ddl(&mut self, watch: &Watch) -> Result<()> {
        let asks = self.request.policy.probes.iter().any(|probe| matches!(probe.ask, Ask::Ddl { .. }));
        let (Some(room), Some(pack)) = (&self.room, &mut self.pack) else { return Ok(()) };
        if !asks || pack.ddl.is_some() {
            return Ok(());
        }
        let restored = room.restored();
        let progress = |_| watch.check();
        let options = ScanOptions { kind: Kind::Backup, excluded: &[], progress: &progress };
        let scan = scan(&restored, self.request.policy, &options)?;
        pack.ddl = ddl::gather(&Root::open(&restored)?, self.request.policy, &scan.members, watch)?.pack;
        Ok(())
    }

    /// Every probe of the policy, in order; and what was captured that none asks for.
    fn probes(&mut self, watch: &Watch) -> Result<()> {
        self.read_ddl(watch)?;
        let (Some(room), Some(pack)) = (&self.room, &self.pack) else { return Ok(()) };
        let clock = self.step();
        let runs_programs = self.request.policy.probes.iter().any(|probe| probe.ask.runs_programs());
        let confinement = match runs_programs {
            true => Confinement::find(&room.work(), self.request.environment, watch)?,
            false => Confinement::None,
        };
        self.is_confined = confinement.is_whole();
        let hidden = scratch::hidden(self.request);
        let (restored, work, manifest) = (room.restored(), room.work(), room.manifest());
        let site = Site {
            restored: &restored,
            work: &work,
            tree: self.request.tree,
            pack,
            manifest: &manifest,
            policy: self.request.policy,
            confinement: &confinement,
            hidden: &hidden,
            drill_id: &self.request.drill_id,
            environment: self.request.environment,
        };
        let mut probed = Vec::new();
        for one in &self.request.policy.probes {
            watch.check()?;
            probed.push(probe::run(&site, one, watch)?);
        }
        let unprobed = unprobed(self.request, pack);
        let failed = probed.iter().filter(|one| one.report.status != Ended::Passed).count() as u64;
        let all = count(probed.len() as u64, "probe");
        let detail = match (probed.len(), failed) {
            (0, _) => "the policy has none".to_owned(),
            (_, 0) => format!("{all}, all passed"),
            (_, failed) => format!("{failed} of {all} did not pass"),
        };
        let findings: Vec<Finding> =
            probed.iter().flat_map(|one| one.findings.clone()).chain(unprobed).collect();
        self.probed = probed;
        if self.probed.is_empty() {
            self.skip(StepName::Probes, &clock, detail);
            self.outcome.notes.extend(findings);
        } else {
            self.end(StepName::Probes, &clock, failed == 0, detail.clone());
            self.outcome.conclude("probes", detail, findings);
        }
        Ok(())
    }

    /// What went wrong in a step is a finding; what came after it was skipped.
    pub(super) fn broken(&mut self, went: Result<()>) {
        let Err(error) = went else { return };
        let findings = match error {
            Error::Refused(findings) => findings,
            error if is_full(&error) => {
                vec![Finding::new(Code::ScratchFull, "scratch").expected("room").actual(error)]
            }
            error => vec![Finding::new(Code::StepFailed, &*self.archive_or_project()).actual(error)],
        };
        let name = self.steps.last().map_or("archive", |step| step.name.as_str());
        self.outcome.conclude(name, "it could not be done", findings);
    }

    /// The archive's name; of a drill that came to none, the project's.
    pub(super) fn archive_or_project(&self) -> String {
        let name = &self.archive.name;
        if name.is_empty() { self.request.project.to_owned() } else { name.clone() }
    }

    /// Removes the scratch, and says if that fails.
    pub(super) fn clean_up(&mut self) {
        let Some(room) = self.room.take() else { return };
        let clock = self.step();
        if self.request.keep {
            match room.keep() {
                Ok(path) => {
                    self.skip(StepName::Cleanup, &clock, format!("kept: {}", path.display()));
                    self.kept = Some(path);
                }
                Err(error) => self.end(StepName::Cleanup, &clock, false, error.to_string()),
            }
            return;
        }
        match room.remove() {
            Ok(()) => self.end(StepName::Cleanup, &clock, true, "everything was removed"),
            Err(error) => {
                self.end(StepName::Cleanup, &clock, false, error.to_string());
                let finding = Finding::new(Code::LeftBehind, error.to_string());
                self.outcome.notes.push(finding);
            }
        }
    }

    /// The report, from everything that was noted.
    pub(super) fn finish(mut self) -> (Drilled, Kind, String, Option<String>) {
        self.skip_the_rest();
        let objectives = self.recovery.judge(self.request, self.rto_ms, &mut self.outcome);
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
            probes: self.probed.iter().map(|one| one.report.clone()).collect(),
            archive: self.archive.clone(),
            objectives,
            coverage: self.coverage.clone(),
            steps: self.steps.clone(),
        };
        let name = self.archive_or_project();
        let covered = self.probed.into_iter().map(|one| (one.report.id, one.covered)).collect();
        let logged = Err(Error::Interrupted);
        let drilled = Drilled {
            report,
            outcome: self.outcome,
            covered,
            files: Vec::new(),
            kept: self.kept,
            written: Ok(()),
            logged,
            is_interrupted: false,
        };
        (drilled, self.kind, name, self.file)
    }

    /// Steps that were never reached are said too.
    fn skip_the_rest(&mut self) {
        const ALL: [StepName; 7] = [
            StepName::Fetch,
            StepName::Receipt,
            StepName::Decrypt,
            StepName::Restore,
            StepName::Hashes,
            StepName::Probes,
            StepName::Cleanup,
        ];
        let probes = &self.request.policy.probes;
        if !self.steps.iter().any(|step| step.name == StepName::Probes) && !probes.is_empty() {
            let finding = |id: &String| {
                let finding = Finding::new(Code::ProbeSkipped, id);
                finding.expected("an answer").actual("nothing was restored that it could ask")
            };
            let findings = probes.iter().map(|probe| finding(&probe.id)).collect();
            self.outcome.conclude("probes", "none ran", findings);
            self.probed = probes.iter().map(said::never_ran).collect();
        }
        for name in ALL {
            if !self.steps.iter().any(|step| step.name == name) {
                let clock = self.step();
                self.skip(name, &clock, "it was not reached");
            }
        }
        self.steps.sort_by_key(|step| ALL.iter().position(|name| *name == step.name));
    }

    /// What each probe came to.
    pub(super) fn probed(&self) -> &[Probed] {
        &self.probed
    }

    /// How much was checked.
    pub(super) fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The policy's project, tree and probes.
    pub(super) fn request(&self) -> &Request<'a> {
        self.request
    }

    fn step(&self) -> Clock {
        Clock { begun: Instant::now(), at: (self.request.clock)() }
    }

    fn end(&mut self, name: StepName, clock: &Clock, held: bool, detail: impl Into<String>) {
        self.note(name, clock, if held { Ended::Passed } else { Ended::Failed }, detail);
    }

    fn skip(&mut self, name: StepName, clock: &Clock, why: impl Into<String>) {
        self.note(name, clock, Ended::Skipped, why);
    }

    fn note(&mut self, name: StepName, clock: &Clock, status: Ended, detail: impl Into<String>) {
        let duration_ms = clock.begun.elapsed().as_millis() as u64;
        self.steps.push(Step { name, status, started_at: clock.at, duration_ms, detail: detail.into() });
    }
}

/// When a step began.
struct Clock {
    begun: Instant,
    at: Timestamp,
}

/// What was captured of live databases, and no probe asks for.
fn unprobed(request: &Request<'_>, pack: &Pack) -> Vec<Finding> {
    let is_asked = |id: &str| request.policy.probes.iter().any(|probe| probe.ask.capture() == Some(id));
    let open = pack.captures.iter().filter(|captured| !is_asked(&captured.id) && !captured.tables.is_empty());
    let finding = |id: &str| {
        let finding = Finding::new(Code::CaptureUnprobed, format!("captures/{id}"));
        finding.actual("that it opens is not known: a [[probe]] with this capture would ask")
    };
    open.map(|captured| finding(&captured.id)).collect()
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. }
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}
