//! What was pruned, asked again: whether the verifier's own policy, at that moment of the log, would have let it go. A leaf
//! by one who may prune excuses a missing archive only then.

use crate::evidence::ledger::Ledger;
use crate::evidence::logged::Logged;
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::kind::Kind;
use crate::format::leaf::{Leaf, What};
use crate::format::units::count;
use crate::log::event::Told;
use crate::policy::prune::{Fate, Rule, judge};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The check's name.
const NAME: &str = "pruned";

/// What is kept of one project.
#[derive(Clone, Debug)]
pub struct Retention {
    /// The project.
    pub project: String,
    /// Of its backups.
    pub backups: Rule,
    /// Of its releases.
    pub releases: Rule,
}

impl Retention {
    /// What is kept of this kind.
    pub fn rule(&self, kind: Kind) -> &Rule {
        match kind {
            Kind::Release => &self.releases,
            Kind::Backup => &self.backups,
        }
    }
}

/// Runs the check `pruned`, where anything was. Prunes that this host has judged before are not judged again: its policy may
/// have changed since.
pub fn check(logged: &Logged, retention: Option<&Retention>, now: Timestamp, outcome: &mut Outcome) {
    let mut pruned = 0;
    let mut unjudged: BTreeMap<&str, u64> = BTreeMap::new();
    let mut findings = Vec::new();
    let mut ledger = Ledger::default();
    for (index, leaf, told) in entries(logged) {
        let retention = retention.filter(|retention| retention.project == leaf.project);
        let mut finding = None;
        if leaf.what == What::Pruned {
            pruned += 1;
            match retention {
                _ if index < logged.prunes_judged => {}
                None => *unjudged.entry(&leaf.project).or_default() += 1,
                Some(retention) => finding = is_due(&ledger, leaf, told, retention, now),
            }
        }
        match finding {
            // The rest is judged as if it had not been.
            Some(finding) => findings.push(finding),
            None if retention.is_some() => ledger.enter(index, leaf, Some(told)),
            None => {}
        }
    }
    if pruned == 0 {
        return;
    }
    let open = unjudged.values().sum::<u64>();
    let due = pruned - findings.len() as u64 - open;
    findings.extend(unjudged.into_iter().map(|(project, pruned)| not_judged(project, pruned, retention)));
    let archives = count(pruned, "archive");
    let detail = match open == pruned {
        true => format!("{archives}, of which none was judged"),
        false => format!("{archives}, {due} of them as the policy says"),
    };
    outcome.conclude(NAME, detail, findings);
}

/// Every leaf whose statement verifies, with its place and what is said.
pub fn entries(logged: &Logged) -> impl Iterator<Item = (u64, &Leaf, &Told)> {
    let leaves = (0..).zip(&logged.leaves.leaves).zip(&logged.told);
    leaves.filter_map(|((index, leaf), told)| Some((index, leaf, told.as_ref()?)))
}

/// What is wrong with a prune: nothing, if the policy lets that archive go at that moment. Deleting what was not there, or
/// was gone, is nothing.
fn is_due(
    before: &Ledger<'_>,
    leaf: &Leaf,
    told: &Told,
    retention: &Retention,
    now: Timestamp,
) -> Option<Finding> {
    let finding = Finding::new(Code::PruneNotDue, &*leaf.name);
    let finding = finding.actual(format!("pruned {} by {}", leaf.time, told.role));
    if leaf.time > now {
        return Some(finding.expected("not in the future"));
    }
    let (kind, at) = before.find(&leaf.name)?;
    match judge(before.archives(kind), retention.rule(kind), leaf.time).into_iter().nth(at)? {
        Fate::Kept(why) => Some(finding.expected(format!("kept: {why}"))),
        Fate::Due | Fate::Gone => None,
    }
}

/// Of one's own project that is not verified; other projects have policies and verifiers of their own.
fn not_judged(project: &str, pruned: u64, retention: Option<&Retention>) -> Finding {
    let severity = if retention.is_some() { Severity::Warning } else { Severity::Error };
    let finding = Finding::new(Code::PruneNotJudged, format!("{} of {project}", count(pruned, "archive")));
    let expected = "a policy that says what might be pruned";
    Finding { severity, ..finding.expected(expected) }
}
