//! `drill`: the restore was practised, and it worked.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::log::{before, leaves, read};
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::duration;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "drill",
    code: Code::GateDrill,
    holds_when: "the store's log shows a restore drill, younger than `within`, and the newest one passed. Without a \
                 log it fails",
    keys: &[("within", "required: how old the newest drill may be: `7d`")],
    example: "[[gate]]\nid = \"weekly-drill\"\ncheck = \"drill\"\nwithin = \"7d\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Drill {
    within_s: u64,
    within: String,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let Some((within_s, within)) = duration(section, "within")? else {
        return Err(section.error(section.line, "a gate of this kind needs `within`", "within = \"7d\""));
    };
    Ok(Arc::new(Drill { within_s, within: within.to_owned() }))
}

impl Check for Drill {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (leaves, mut faults) = match leaves(evidence, release.now) {
            Ok(leaves) => leaves,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let newest = leaves.iter().rev().find(|event| event.what == "drilled");
        let fault = Fault::new("the log").expected(format!("a drill that passed within {}", self.within));
        match newest {
            None => faults.push(fault.actual("there is no drill")),
            Some(drill) if !drill.passed => {
                faults.push(fault.actual(format!("the newest, {}, failed", drill.at)));
            }
            Some(drill) if drill.at < before(release.now, self.within_s) => {
                faults.push(fault.actual(format!("the newest is of {}", drill.at)));
            }
            Some(_) => {}
        }
        let at = newest.map_or(String::new(), |drill| drill.at.to_string());
        let mut judged = Judged::of(faults, format!("the drill of {at} passed"));
        judged.read.extend(newest.map(|drill| read(drill)));
        judged
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    const GATE: &str = "check = 'drill'\nwithin = '7d'";
    const WANTED: &str = "a drill that passed within 7d";

    #[test]
    fn a_young_drill_that_passed_passes() {
        let fake = Fake::new().event("drilled", "2026-11-16T02:00:00Z", true).event(
            "drilled",
            "2026-11-09T02:00:00Z",
            false,
        );
        let judged = passes(GATE, &fake);
        assert_eq!(judged.detail, "the drill of 2026-11-16T02:00:00Z passed");
        assert_eq!(judged.read[0].0, "log/drilled 2026-11-16T02:00:00Z");
    }

    #[test]
    fn each_rule_is_broken_alone() {
        let old = Fake::new().event("drilled", "2026-11-13T11:59:59Z", true);
        fails(GATE, &old, "the log", WANTED, "the newest is of 2026-11-13T11:59:59Z");
        let failed = Fake::new().event("drilled", "2026-11-15T00:00:00Z", true).event(
            "drilled",
            "2026-11-16T00:00:00Z",
            false,
        );
        fails(GATE, &failed, "the log", WANTED, "the newest, 2026-11-16T00:00:00Z, failed");
        let none = Fake::new().event("verified", "2026-11-16T00:00:00Z", true);
        fails(GATE, &none, "the log", WANTED, "there is no drill");
        fails(GATE, &Fake::new(), "the log", "a log", "there is no log");
        let future = Fake::new().event("drilled", "2026-11-16T00:00:00Z", true).event(
            "drilled",
            "2026-11-20T12:00:01Z",
            true,
        );
        fails(GATE, &future, "the log", "no event of the future", "drilled 2026-11-20T12:00:01Z");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'drill'").1, "a gate of this kind needs `within`");
        assert_eq!(refusal("check = 'drill'\nwithin = 7").0, 2);
        assert_eq!(refusal("check = 'drill'\nwithni = '7d'").2, "did you mean `within`?");
    }
}
