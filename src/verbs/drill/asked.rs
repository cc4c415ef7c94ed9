//! What was asked of what came back: the probes of the policy, and what nobody asked for.

use crate::error::Result;
use crate::evidence::ddl;
use crate::finding::{Code, Finding};
use crate::format::capture::{CaptureKind, Captured};
use crate::format::drill_report::{Ended, ProbeReport, StepName};
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::units::count;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::probe::{Ask, Probe};
use crate::probe::confined::Confinement;
use crate::probe::{self, Probed, Site};
use crate::tree::scan::{ScanOptions, scan};
use crate::verbs::drill::Request;
use crate::verbs::drill::course::Course;
use crate::verbs::drill::scratch;
use crate::verbs::drill::steps::Begun;
use std::collections::BTreeSet;

impl Course<'_> {
    /// Every probe of the policy, in order; and what was captured that none asks for.
    pub(super) fn probes(&mut self, watch: &Watch) -> Result<()> {
        let begun = self.steps.begin();
        let went = self.read_ddl(watch).and_then(|()| self.ask(watch));
        // However it went: what ended is told as it ended, and what did not is told as that.
        let mut findings: Vec<Finding> = self.probed.iter().flat_map(|one| one.findings.clone()).collect();
        findings.extend(self.unasked("the drill ended before it was through"));
        findings.extend(self.pack.iter().flat_map(|pack| unprobed(self.request, pack)));
        self.asked(&begun, findings);
        went
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

    /// Runs the probes, each shut off as far as this system allows, and notes each as soon as it ended.
    fn ask(&mut self, watch: &Watch) -> Result<()> {
        let (Some(room), Some(pack)) = (&self.room, &self.pack) else { return Ok(()) };
        let probes = &self.request.policy.probes;
        let confinement = match probes.iter().any(|probe| probe.ask.runs_programs()) {
            true => Confinement::find(&room.work(), self.request.environment, watch)?,
            false => Confinement::None,
        };
        self.is_confined = Some(confinement.is_whole());
        let site = Site {
            restored: &room.restored(),
            work: &room.work(),
            tree: self.request.tree,
            pack,
            manifest: &room.manifest(),
            policy: self.request.policy,
            confinement: &confinement,
            hidden: &scratch::hidden(self.request),
            drill_id: &self.request.drill_id,
            environment: self.request.environment,
        };
        for probe in probes {
            watch.check()?;
            self.probed.push(probe::run(&site, probe, watch)?);
        }
        Ok(())
    }

    /// Concludes the step.
    fn asked(&mut self, begun: &Begun, findings: Vec<Finding>) {
        let failed = self.probed.iter().filter(|one| one.report.status != Ended::Passed).count();
        let all = count(self.probed.len() as u64, "probe");
        if self.probed.is_empty() {
            self.steps.skip(StepName::Probes, begun, "the policy has none");
            return self.outcome.notes.extend(findings);
        }
        let detail = match failed {
            0 => format!("{all}, all passed"),
            failed => format!("{failed} of {all} did not pass"),
        };
        self.steps.end(StepName::Probes, begun, failed == 0, detail.clone());
        self.outcome.conclude("probes", detail, findings);
    }

    /// Probes that were asked for and never reached fail the drill, each by name.
    pub(super) fn probes_unreached(&mut self) {
        let probes = &self.request.policy.probes;
        if self.steps.reached(StepName::Probes) || probes.is_empty() {
            return;
        }
        let findings = self.unasked("nothing was restored that it could ask");
        self.outcome.conclude("probes", "none ran", findings);
    }

    /// Notes the probes that are not among those that ended, and why.
    fn unasked(&mut self, why: &str) -> Vec<Finding> {
        let probes = self.request.policy.probes.get(self.probed.len()..).unwrap_or_default();
        self.probed.extend(probes.iter().map(never_ran));
        let finding =
            |probe: &Probe| Finding::new(Code::ProbeSkipped, &probe.id).expected("an answer").actual(why);
        probes.iter().map(finding).collect()
    }
}

/// A probe that was never reached.
fn never_ran(probe: &Probe) -> Probed {
    let report = ProbeReport {
        id: probe.id.clone(),
        kind: probe.ask.kind().to_owned(),
        status: Ended::Skipped,
        duration_ms: 0,
        checks: Vec::new(),
    };
    Probed { report, findings: Vec::new(), covered: String::new() }
}

/// What was captured of live databases, and no probe asks for.
fn unprobed(request: &Request<'_>, pack: &Pack) -> Vec<Finding> {
    let finding = |id: &str| {
        let finding = Finding::new(Code::CaptureUnprobed, format!("captures/{id}"));
        finding.actual("that it opens is not known: a [[probe]] with this capture would ask")
    };
    // No probe can name what a program made.
    let open = unasked_captures(request, pack).filter(|captured| captured.kind != CaptureKind::Command);
    open.map(|captured| finding(&captured.id)).collect()
}

/// What was captured, and no probe asks for.
pub(super) fn unasked_captures<'p>(
    request: &Request<'_>,
    pack: &'p Pack,
) -> impl Iterator<Item = &'p Captured> {
    let asked: BTreeSet<&str> =
        request.policy.probes.iter().filter_map(|probe| probe.ask.capture()).collect();
    pack.captures.iter().filter(move |captured| !asked.contains(&*captured.id))
}
