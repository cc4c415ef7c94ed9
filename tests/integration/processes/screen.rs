//! What a release manager pastes into the go/no-go meeting: the program itself, on a tree whose days were moved to today.

use crate::processes::Edit;
use crate::processes::history::{Keeper, Laid, moved};
use crate::processes::tiered::PROCESS;
use crate::world::{Said, World};
use attestar::policy::gate::Stage;
use jiff::Timestamp;

/// Every gate of a release that may go, the days moved back.
const MAY_GO: &str = "\
release  ledgerline 1.4.0 at stage seal
policy   tiered-release
passed   all-committed       31 files, all as committed
passed   one-version         1 file says 1.4.0
passed   milestone-done      4 boxes ticked in docs/milestones/M2.md
passed   streak-tier-1       the last 10 runs passed, up to 2026-11-16T05:00:00Z
skipped  streak-tier-2       only for tier tier-2; this one is tier-1
skipped  streak-tier-3       only for tier tier-3; this one is tier-1
passed   gates-script        scripts/gates.sh ended with exit code 0
passed   approvals-file      docs/approvals.md covers 1.4.0
passed   no-blockers         reports/1.4.0/tracker.json#/open_blockers is 0,
                             at most 0
passed   incidents-closed    1 incident report, none open
passed   alerts-set          monitoring/alerts.json is valid
passed   dashboards-set      monitoring/dashboards.json is valid
passed   rollback-triggers   deploy/rollback.json is valid
passed   no-credentials      no credential in 31 files
the release may go: 14 gates at stage seal, none fails
";

/// The same release with three things left undone.
const REFUSED: &str = "\
release  ledgerline 1.4.0 at stage seal
policy   tiered-release
failed   milestone-done      docs/milestones/M2.md:5: not ticked: Old entries
                             are given keys; expected ticked
failed   approvals-file      docs/approvals.md: there is none;
                             expected the approval of Operations for 1.4.0
failed   incidents-closed    docs/incidents/INCIDENT-0003.md: Reported at
                             2026-11-02T10:14:01Z;
                             expected the report by 2026-11-02T10:14:00Z
passed   9 others            attestar gate --all to list them
skipped  2
refused: 3 of 14 gates fail
";

/// Runs `attestar gate` on the tree as it would be today.
fn gate(edits: &[Edit], flags: &[&str]) -> Said {
    let now = PROCESS.now(Stage::Seal);
    let days = Timestamp::now().duration_since(now).as_hours() / 24;
    let keeper = Keeper::moving(&PROCESS, days);
    let laid = Laid::at(&PROCESS, &keeper, Stage::Seal, edits);
    let root = laid.root().to_str().expect("UTF-8");
    let said = World::without_keys().run(&[&["-C", root, "gate", "--tier", "tier-1"], flags].concat());
    Said { out: moved(&said.out, -days), ..said }
}

#[test]
fn a_release_that_may_go() {
    assert_eq!(gate(&[], &["--all"]).done().out, MAY_GO);
}

#[test]
fn a_release_that_is_refused() {
    let edits = [
        Edit::Text("docs/milestones/M2.md", "[x] Old entries", "[ ] Old entries"),
        Edit::Text("docs/approvals.md", "**Operations:** approved", "**Support:** approved"),
        Edit::Text("docs/incidents/INCIDENT-0003.md", "T09:51:00Z", "T10:14:01Z"),
    ];
    let said = gate(&edits, &[]).exits(4);
    assert_eq!(said.out, REFUSED);
}
