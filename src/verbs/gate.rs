//! `gate`: what must hold of the tree before it may go.

use crate::error::{Error, Result};
use crate::evidence::gates::programs::Environment;
use crate::evidence::gates::tree::TreeEvidence;
use crate::evidence::gates::{Evaluation, evaluate};
use crate::format::nearest::nearest;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::gate::{Release, Stage};
use crate::tree::git::{self, GitFacts};
use crate::tree::version;
use crate::verbs::seal::preview;
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
    /// The tier, if it was given.
    pub tier: Option<&'a str>,
    /// The present.
    pub now: Timestamp,
    /// The environment for programs of the policy's gates; `None` unless whoever runs this named the policy.
    pub programs: Option<Environment<'a>>,
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
    known(request)?;
    let scan = preview(request.root, request.policy, request.out, watch)?;
    let evidence = TreeEvidence::new(request.root, &scan, facts.as_ref(), request.threads, watch)?
        .with_programs(request.programs);
    let release = Release {
        tier: request.tier,
        ..release(request.policy, &project, &version, facts.as_ref(), request.now)
    };
    let release = Release { stage: request.stage, ..release };
    let evaluation = evaluate(request.policy, request.only, &evidence, &release);
    watch.check()?;
    Ok(Gated { project: project.clone(), version: version.clone(), evaluation })
}

/// A release as its gates see it before it is sealed.
pub fn release<'a>(
    policy: &Policy,
    project: &'a str,
    version: &'a str,
    git: Option<&'a GitFacts>,
    now: Timestamp,
) -> Release<'a> {
    Release {
        project,
        version,
        tag: policy.tag.name(version),
        previous: None,
        bump: None,
        tier: None,
        commit: git.and_then(|git| git.commit.as_deref()),
        stage: Stage::Seal,
        now,
    }
}

/// Refuses ids that the policy does not have: a gate that was asked for and does not run is no pass.
fn known(request: &Request<'_>) -> Result<()> {
    let ids = || request.policy.gates.iter().filter(|gate| gate.stage == request.stage).map(|gate| &*gate.id);
    for id in request.only {
        if !ids().any(|known| known == id) {
            let hint = nearest(id, ids()).map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            return Err(Error::usage(
                format!("the policy has no gate `{id}` at stage {}", request.stage),
                hint,
            ));
        }
    }
    Ok(())
}
