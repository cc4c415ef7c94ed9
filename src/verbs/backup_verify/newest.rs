//! The check `newest`: whether there is a backup that is new enough, by a clock that can be believed.

use crate::evidence::logged::pairs;
use crate::finding::{Code, Finding, Outcome};
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::moment::SKEW;
use crate::format::units::{limit, span};
use crate::format::verify_report::Newest;
use crate::log::state::Remembered;
use crate::verbs::backup_verify::Run;
use crate::verbs::backup_verify::archives::Archives;
use jiff::Timestamp;

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

/// The newest sign of a backup, and those of the future.
fn find(run: &Run<'_>, found: &Archives) -> (Option<Sign>, Vec<Sign>) {
    let (signs, future): (Vec<Sign>, Vec<Sign>) =
        signs(run, found).into_iter().partition(|sign| sign.at <= run.now + SKEW);
    (signs.into_iter().max_by_key(|sign| sign.at), future)
}

/// A clock behind what this host has seen by it makes everything look new.
fn behind(now: Timestamp, last_seen: Timestamp) -> Option<Finding> {
    (now + SKEW < last_seen).then(|| {
        let finding = Finding::new(Code::ClockBehind, "the clock of this host");
        finding.expected(format!("{last_seen} or later: this host saw the log then")).actual(now)
    })
}

/// What speaks for a backup: by the log, of archives that lie in the store; without a log that holds, by the receipts.
fn signs(run: &Run<'_>, found: &Archives) -> Vec<Sign> {
    let backups = || found.all.iter().filter(|archive| archive.kind == Kind::Backup);
    let Some(logged) = run.logged else {
        let sign = |name: &str, at| Sign { name: name.to_owned(), at, unchanged: false };
        return backups().map(|archive| sign(&archive.name, archive.created_at)).collect();
    };
    let is_backup = |what| matches!(what, What::BackedUp | What::Unchanged);
    let leaves = pairs(logged).filter(|(leaf, told)| {
        is_backup(leaf.what)
            && told.passed
            && leaf.project == run.project
            && backups().any(|one| one.name == leaf.name)
    });
    let sign = |what, name: &str, at| Sign { name: name.to_owned(), at, unchanged: what == What::Unchanged };
    leaves.map(|(leaf, _)| sign(leaf.what, &leaf.name, leaf.time)).collect()
}
