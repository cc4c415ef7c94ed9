//! `gate`: what must hold of the tree before it may go.

use crate::error::{Error, Result};
use crate::evidence::gates::events::Reader;
use crate::evidence::gates::last::{self, Look};
use crate::evidence::gates::programs::Environment;
use crate::evidence::gates::tree::seen::Seen;
use crate::evidence::gates::tree::{Judging, TreeEvidence};
use crate::evidence::gates::waivers::{WaiverFile, Waiving};
use crate::evidence::gates::{Evaluation, Part, evaluate};
use crate::evidence::provenance::Origin;
use crate::format::nearest::nearest;
use crate::keys::trust::Trust;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::gate::evidence::Approval;
use crate::policy::gate::{Gate, Release, Stage, secrets};
use crate::tree::git;
use crate::tree::scan::Scan;
use crate::tree::version;
use crate::verbs::origin::origin;
use crate::verbs::seal::{not_payload, preview};
use jiff::Timestamp;
use std::path::Path;

/// What to evaluate.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy whose gates they are.
    pub policy: &'a Policy,
    /// The stage.
    pub stage: Stage,
    /// Only the gates of these ids; empty for all.
    pub only: &'a [String],
    /// The version, if it was given.
    pub version: Option<&'a str>,
    /// The folder that gets what is sealed, which is never looked at.
    pub out: &'a Path,
    /// By whom the seals of earlier releases must be, and who may waive; empty if nobody is trusted.
    pub trust: &'a Trust,
    /// Signed waivers.
    pub waivers: &'a [WaiverFile],
    /// The tier, if it was given.
    pub tier: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
    /// The environment for programs of the policy's gates; `None` unless whoever runs this named the policy.
    pub programs: Option<Environment<'a>>,
    /// Reads the log of the policy's store, if a gate asks for what happened.
    pub events: Reader<'a>,
    /// Worker threads.
    pub threads: usize,
}

/// What the gates came to.
pub struct Gated<'p> {
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// The gates.
    pub evaluation: Evaluation<'p>,
}

/// Evaluates the gates of one stage over the tree.
pub fn gate<'p>(request: &Request<'p>, watch: &Watch) -> Result<Gated<'p>> {
    let facts = git::facts(request.root)?;
    let project = version::project_name(request.root, request.policy)?.value;
    let version = version::version(request.root, request.policy, request.version, facts.as_ref())?.value;
    known(request.policy, request.stage, request.only)?;
    let scan = preview(request.root, request.policy, request.out, watch)?;
    let out = not_payload(request.root, request.policy, request.out);
    let origin = origin(request.root, request.policy, &version, facts, &out, &|_| None)?;
    let judged = Judged {
        root: request.root,
        policy: request.policy,
        origin: &origin,
        project: &project,
        version: &version,
        commit: origin.git.as_ref().and_then(|git| git.commit.as_deref()),
        tier: request.tier,
        stage: request.stage,
        only: request.only,
        out: request.out,
        trust: request.trust,
        waivers: request.waivers,
        now: request.now,
        programs: request.programs,
        events: request.events,
        approvals: not_sealed(),
        threads: request.threads,
    };
    let evaluation = judged.evaluate(&scan, watch)?;
    watch.check()?;
    Ok(Gated { project, version, evaluation })
}

/// A release that is to be judged.
pub struct Judged<'p, 'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy whose gates they are.
    pub policy: &'p Policy,
    /// Where the tree comes from.
    pub origin: &'a Origin,
    /// The project.
    pub project: &'a str,
    /// The version.
    pub version: &'a str,
    /// The commit that is, or was, sealed.
    pub commit: Option<&'a str>,
    /// The tier that was given; it goes before the policy's.
    pub tier: Option<&'a str>,
    /// The stage.
    pub stage: Stage,
    /// Only the gates of these ids; empty for all.
    pub only: &'a [String],
    /// The folder in which the packs of earlier releases lie.
    pub out: &'a Path,
    /// By whom their seals must be, and who may waive.
    pub trust: &'a Trust,
    /// Signed waivers.
    pub waivers: &'a [WaiverFile],
    /// The present.
    pub now: Timestamp,
    /// The environment for programs of gates, where they may be started.
    pub programs: Option<Environment<'a>>,
    /// Reads the log of the policy's store, if a gate asks for what happened.
    pub events: Reader<'a>,
    /// The approvals over the seal, or why there are none.
    pub approvals: std::result::Result<Vec<Approval>, String>,
    /// Worker threads.
    pub threads: usize,
}

/// There is no seal yet that somebody could approve.
pub fn not_sealed() -> std::result::Result<Vec<Approval>, String> {
    Err("nothing is sealed yet".to_owned())
}

impl<'p, 'a> Judged<'p, 'a>
where
    'p: 'a,
{
    /// Evaluates the gates of the stage over what the policy takes of the tree.
    pub fn evaluate(&self, scan: &Scan, watch: &Watch) -> Result<Evaluation<'p>> {
        Ok(self.waived(self.part(Part::All, scan, None, watch)?))
    }

    /// With the gates lifted that waivers lift.
    pub fn waived(&self, mut evaluation: Evaluation<'p>) -> Evaluation<'p> {
        let release = self.release();
        let by = Waiving { trust: self.trust, policy: self.policy, release: &release };
        evaluation.waive(self.waivers, &by);
        evaluation
    }

    /// Evaluates a part of the gates; with what was seen of the payload, if that was read already. No waivers are counted.
    pub fn part(&self, part: Part, scan: &Scan, seen: Option<Seen>, watch: &Watch) -> Result<Evaluation<'p>> {
        let history =
            git::history(self.root)?.unwrap_or_else(|| Err("there is no git repository".to_owned()));
        let last = last::find(&Look {
            out: self.out,
            project: self.project,
            version: self.version,
            tag: &self.policy.tag,
            trust: self.trust,
            history: history.as_ref().ok(),
        });
        let judging = Judging {
            root: self.root,
            policy: self.policy,
            scan,
            origin: self.origin,
            tag: self.policy.tag.name(self.version),
            history: &history,
            last: &last,
            threads: self.threads,
        };
        let evidence = TreeEvidence::new(judging, watch)?
            .with_programs(self.programs)
            .with_approvals(self.approvals.clone())
            .with_log(self.events, self.project);
        let evidence = match seen {
            Some(seen) => evidence.with_seen(seen),
            None => evidence.with_search(self.searches()),
        };
        let previous = last.as_ref().ok().map(|last| &*last.release.version);
        let release = Release { previous, stage: self.stage, ..self.release() };
        let bump = previous.and_then(|previous| last::bump(previous, self.version));
        let release = Release { bump, ..release };
        Ok(evaluate(self.policy, (part, self.only), &evidence, &release))
    }

    /// Whether a gate will ask for credentials.
    pub fn searches(&self) -> bool {
        let is_asked =
            |gate: &&Gate| gate.stage == self.stage && (self.only.is_empty() || self.only.contains(&gate.id));
        self.policy.gates.iter().filter(is_asked).any(|gate| gate.kind.name == secrets::KIND.name)
    }

    /// The release, without what is known of earlier ones.
    fn release(&self) -> Release<'a> {
        Release {
            project: self.project,
            version: self.version,
            tag: self.policy.tag.name(self.version),
            previous: None,
            bump: None,
            tier: self.tier.or(self.policy.tier.as_deref()),
            commit: self.commit,
            stage: self.stage,
            now: self.now,
        }
    }
}

/// Refuses ids that the policy does not have: a gate that was asked for and does not run is no pass.
pub(super) fn known(policy: &Policy, stage: Stage, only: &[String]) -> Result<()> {
    let ids = || policy.gates.iter().filter(|gate| gate.stage == stage).map(|gate| &*gate.id);
    for id in only {
        if !ids().any(|known| known == id) {
            let hint = nearest(id, ids()).map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            return Err(Error::usage(format!("the policy has no gate `{id}` at stage {stage}"), hint));
        }
    }
    Ok(())
}
