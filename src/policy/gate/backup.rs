//! `backup`: there is a backup that was read again, and it is young.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::policy::gate::evidence::Event;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::log::{before, is_backup, leaves, read};
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::duration;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "backup",
    code: Code::GateBackup,
    holds_when: "the store's log shows a backup, younger than `within`, that was verified since, and the newest \
                 verification passed. Without a log it fails",
    keys: &[("within", "required: how old the newest verified backup may be: `26h`")],
    example: "[[gate]]\nid = \"nightly-backup\"\ncheck = \"backup\"\nwithin = \"26h\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Backup {
    within_s: u64,
    within: String,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let Some((within_s, within)) = duration(section, "within")? else {
        return Err(section.error(section.line, "a gate of this kind needs `within`", "within = \"26h\""));
    };
    Ok(Arc::new(Backup { within_s, within: within.to_owned() }))
}

impl Check for Backup {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (leaves, mut faults) = match leaves(evidence, release.now) {
            Ok(leaves) => leaves,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let verified: Vec<&Event> = leaves.iter().copied().filter(|event| event.what == "verified").collect();
        if let Some(last) = verified.last().filter(|last| !last.passed) {
            let fault = Fault::new("the log").expected("a verification that passed");
            faults.push(fault.actual(format!("the newest, {}, failed", last.at)));
        }
        let good = newest_verified(&leaves, &verified);
        let expected = format!("a verified backup within {}", self.within);
        let fault = Fault::new("the log").expected(&expected);
        match good {
            None if !leaves.iter().any(|event| is_backup(event)) => {
                faults.push(fault.actual("there is no backup"))
            }
            None => faults.push(fault.actual("no backup was verified")),
            Some((backup, _)) if backup.at < before(release.now, self.within_s) => {
                faults.push(fault.actual(format!("the newest is of {}", backup.at)));
            }
            Some(_) => {}
        }
        let at = good.map_or(String::new(), |(backup, _)| backup.at.to_string());
        let mut judged = Judged::of(faults, format!("verified backup of {at}"));
        judged.read.extend(good.iter().flat_map(|(backup, verified)| [read(backup), read(verified)]));
        judged
    }
}

/// The newest backup that was verified after it was made, and the event that says so. A verification that names an
/// archive speaks of that one alone.
fn newest_verified<'e>(leaves: &[&'e Event], verified: &[&'e Event]) -> Option<(&'e Event, &'e Event)> {
    let of = |backup: &Event, event: &Event| {
        let same = event.archive.is_none() || event.archive == backup.archive;
        event.passed && same && event.at >= backup.at
    };
    leaves.iter().rev().filter(|event| is_backup(event)).find_map(|backup| {
        let by = verified.iter().rev().find(|event| of(backup, event))?;
        Some((*backup, *by))
    })
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    const GATE: &str = "check = 'backup'\nwithin = '26h'";
    const WANTED: &str = "a verified backup within 26h";

    #[test]
    fn a_young_backup_that_was_verified_passes() {
        let fake = Fake::new().event("backed-up", "2026-11-20T02:00:00Z", true).event(
            "verified",
            "2026-11-20T03:00:00Z",
            true,
        );
        let judged = passes(GATE, &fake);
        assert_eq!(
            (judged.detail.as_str(), judged.read.len()),
            ("verified backup of 2026-11-20T02:00:00Z", 2)
        );
    }

    #[test]
    fn each_rule_is_broken_alone() {
        let old = Fake::new().event("backed-up", "2026-11-19T09:59:59Z", true).event(
            "verified",
            "2026-11-20T03:00:00Z",
            true,
        );
        fails(GATE, &old, "the log", WANTED, "the newest is of 2026-11-19T09:59:59Z");
        let unverified = Fake::new().event("verified", "2026-11-20T01:00:00Z", true).event(
            "backed-up",
            "2026-11-20T02:00:00Z",
            true,
        );
        fails(GATE, &unverified, "the log", WANTED, "no backup was verified");
        let failed = Fake::new()
            .event("backed-up", "2026-11-20T02:00:00Z", true)
            .event("verified", "2026-11-20T03:00:00Z", true)
            .event("verified", "2026-11-20T04:00:00Z", false);
        let actual = "the newest, 2026-11-20T04:00:00Z, failed";
        fails(GATE, &failed, "the log", "a verification that passed", actual);
        let none = Fake::new().event("verified", "2026-11-20T03:00:00Z", true);
        fails(GATE, &none, "the log", WANTED, "there is no backup");
        fails(GATE, &Fake::new(), "the log", "a log", "there is no log");
    }

    #[test]
    fn a_verification_of_another_archive_says_nothing() {
        let fake = Fake::new().event_of(Some("app-b"), "backed-up", "2026-11-20T02:00:00Z", true).event_of(
            Some("app-a"),
            "verified",
            "2026-11-20T03:00:00Z",
            true,
        );
        fails(GATE, &fake, "the log", WANTED, "no backup was verified");
        passes(GATE, &fake.event_of(Some("app-b"), "verified", "2026-11-20T04:00:00Z", true));
    }

    #[test]
    fn the_future_is_no_evidence() {
        let fake = Fake::new()
            .event("backed-up", "2026-11-20T02:00:00Z", true)
            .event("verified", "2026-11-20T03:00:00Z", true)
            .event("backed-up", "2026-11-21T02:00:00Z", true);
        fails(GATE, &fake, "the log", "no event of the future", "backed-up 2026-11-21T02:00:00Z");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'backup'").1, "a gate of this kind needs `within`");
        assert_eq!(refusal("check = 'backup'\nwithin = '26'").0, 2);
        assert_eq!(refusal("check = 'backup'\nwithn = '26h'").2, "did you mean `within`?");
    }
}
