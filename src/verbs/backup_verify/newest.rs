//! The check `newest`: whether there is a backup that is new enough, by a clock that can be believed.

use crate::evidence::ledger::Ledger;
use crate::evidence::pruned::entries;
use crate::finding::{Code, Finding, Outcome};
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::moment::SKEW;
use crate::format::units::{limit, span};
use crate::format::verify_report::Newest;
use crate::log::state::Remembered;
use crate::policy::prune::{Archive as Entered, Moment};
use crate::verbs::backup_verify::Run;
use crate::verbs::backup_verify::archives::{Archive, Archives};
use jiff::Timestamp;
use std::collections::HashSet;

/// The name of the check.
const CHECK: &str = "newest";

/// A moment at which a backup was there, or was said to need none.
struct Sign {
    name: String,
    at: Timestamp,
    unchanged: bool,
}

/// The newest backup that lies in the store.
pub(super) fn name(run: &Run<'_>, found: &Archives) -> Option<String> {
    find(run, found).0.map(|sign| sign.name)
}

/// Compares the age of the newest backup that lies in the store with what the policy allows.
pub(super) fn check(
    run: &Run<'_>,
    found: &Archives,
    seen: Option<&Remembered>,
    outcome: &mut Outcome,
) -> Option<Newest> {
    let started = run.started;
    let last_seen = seen.and_then(|seen| Some(seen.seen.last()?.at));
    let mut findings: Vec<Finding> = last_seen.and_then(|last| behind(started, last)).into_iter().collect();
    let (newest, future) = find(run, found);
    findings.extend(future.iter().map(|sign| {
        let finding = Finding::new(Code::FutureDated, &*sign.name);
        finding.expected(format!("{} at most", run.now)).actual(sign.at)
    }));
    let max_age_ms = run.request.max_age_s * 1000;
    let Some(Sign { name, at, unchanged }) = newest else {
        let late = Finding::new(Code::BackupLate, run.project);
        findings.push(
            late.expected(format!("a backup, at most {} old", limit(max_age_ms))).actual("there is none"),
        );
        outcome.conclude(CHECK, "there is no backup", findings);
        return None;
    };
    let age_ms = started.duration_since(at).as_millis().max(0) as u64;
    let fresh = age_ms <= max_age_ms;
    if !fresh {
        let late = Finding::new(Code::BackupLate, &*name);
        findings.push(
            late.expected(format!("at most {} old", limit(max_age_ms)))
                .actual(format!("{} old", span(age_ms))),
        );
    }
    let said = if unchanged { "unchanged, said" } else { "" };
    let age =
        if unchanged { format!("{said} {} ago", span(age_ms)) } else { format!("{} old", span(age_ms)) };
    outcome.conclude(CHECK, format!("{name}, {age} (at most {})", limit(max_age_ms)), findings);
    Some(Newest { name, at, unchanged, age_ms, max_age_ms, fresh })
}

/// The newest sign of a backup that lies in the store, and those of the future: by the log; without one that holds, by the
/// receipts.
fn find(run: &Run<'_>, found: &Archives) -> (Option<Sign>, Vec<Sign>) {
    let backups = found.all.iter().filter(|archive| archive.kind == Kind::Backup);
    let Some(logged) = run.logged else {
        let sign =
            |archive: &Archive| Sign { name: archive.name.clone(), at: archive.created_at, unchanged: false };
        let (past, future): (Vec<Sign>, Vec<Sign>) =
            backups.map(sign).partition(|sign| sign.at <= run.now + SKEW);
        return (past.into_iter().max_by_key(|sign| sign.at), future);
    };
    let there: HashSet<&str> = backups.map(|archive| &*archive.name).collect();
    let mut ledger = Ledger::at(run.now);
    for (index, leaf, told) in entries(logged).filter(|(_, leaf, _)| leaf.project == run.project) {
        ledger.enter(index, leaf, Some(told));
    }
    let sign = |(archive, moment): (&Entered<'_>, Moment)| {
        let what = logged.leaves.leaves.get(moment.leaf as usize).map(|leaf| leaf.what);
        let sign =
            Sign { name: archive.name.to_owned(), at: moment.time, unchanged: what == Some(What::Unchanged) };
        there.contains(archive.name).then_some(sign)
    };
    let newest = ledger.moments(Kind::Backup).filter_map(sign).max_by_key(|sign| sign.at);
    (newest, ledger.future(Kind::Backup).filter_map(sign).collect())
}

/// A clock behind what this host has seen by it makes everything look new.
fn behind(now: Timestamp, last_seen: Timestamp) -> Option<Finding> {
    (now + SKEW < last_seen).then(|| {
        let finding = Finding::new(Code::ClockBehind, "the clock of this host");
        finding.expected(format!("{last_seen} or later: this host saw the log then")).actual(now)
    })
}
