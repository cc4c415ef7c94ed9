//! What was asked of what came back: the probes of the policy, and what nobody asked for.

use crate::error::Result;
use crate::evidence::ddl;
use crate::finding::{Code, Finding};
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

impl Course<'_> {
    /// Every probe of the policy, in order; and what was captured that none asks for.
    pub(super) fn probes(&mut self, watch: &Watch) -> Result<()> {
        self.read_ddl(watch)?;
        let begun = self.steps.begin();
        self.probed = self.ask(watch)?;
        let unprobed = self.pack.as_ref().map(|pack| unprobed(self.request, pack));
        let findings = self.probed.iter().flat_map(|one| one.findings.clone());
        let findings = findings.chain(unprobed.unwrap_or_default()).collect();
        self.asked(&begun, findings);
        Ok(())
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

    /// Runs the probes, each shut off as far as this system allows.
    fn ask(&mut self, watch: &Watch) -> Result<Vec<Probed>> {
        let (Some(room), Some(pack)) = (&self.room, &self.pack) else { return Ok(Vec::new()) };
        let probes = &self.request.policy.probes;
        let confinement = match probes.iter().any(|probe| probe.ask.runs_programs()) {
            true => Confinement::find(&room.work(), self.request.environment, watch)?,
            false => Confinement::None,
        };
        self.is_confined = confinement.is_whole();
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
        let run = |probe| watch.check().and_then(|()| probe::run(&site, probe, watch));
        probes.iter().map(run).collect()
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
        let finding = |probe: &Probe| {
            let finding = Finding::new(Code::ProbeSkipped, &probe.id);
            finding.expected("an answer").actual("nothing was restored that it could ask")
        };
        self.outcome.conclude("probes", "none ran", probes.iter().map(finding).collect());
        self.probed = probes.iter().map(never_ran).collect();
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
    let is_asked = |id: &str| request.policy.probes.iter().any(|probe| probe.ask.capture() == Some(id));
    let open = pack.captures.iter().filter(|captured| !is_asked(&captured.id) && !captured.tables.is_empty());
    let finding = |id: &str| {
        let finding = Finding::new(Code::CaptureUnprobed, format!("captures/{id}"));
        finding.actual("that it opens is not known: a [[probe]] with this capture would ask")
    };
    open.map(|captured| finding(&captured.id)).collect()
}
