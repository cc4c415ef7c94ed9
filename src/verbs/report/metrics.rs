//! `/metrics`: what the log of a store says, over what runs on this host wrote into the text file of the policy.

use crate::format::leaf::What;
use crate::format::moment::SKEW;
use crate::policy::Policy;
use crate::report::store::{ArchiveFacts, EventFacts, StoreFacts};
use crate::telemetry::metrics::{self, Metric};
use crate::telemetry::text::Gauges;
use jiff::Timestamp;
use std::path::Path;

/// Prometheus' text format. The log is every host's word, so it goes before the text file, which is this host's alone;
/// exit codes of runs stand in the text file only. A text file that cannot be read says nothing.
pub fn text(facts: &StoreFacts, policy: Option<&Policy>, textfile: Option<&Path>, now: Timestamp) -> String {
    let mut gauges: Gauges = textfile.and_then(|file| metrics::read(file).ok().flatten()).unwrap_or_default();
    let policy = policy.map_or("", |policy| &policy.name);
    for project in facts.at(now).projects {
        let project = project.project.as_deref();
        let labels =
            [("project", project.or(facts.origin.as_deref()).unwrap_or_default()), ("policy", policy)];
        for (metric, value) in measured(facts, project, now) {
            match value {
                Some(value) => gauges.set(metric.as_str(), metric.help(), &labels, value),
                // The log is the last word: a number that an earlier run left is none of the last drill's.
                None => gauges.unset(metric.as_str(), &labels),
            }
        }
    }
    gauges.to_text()
}

/// What the log says of one project. What is dated in the future counts for nothing.
fn measured(facts: &StoreFacts, project: Option<&str>, now: Timestamp) -> [(Metric, Option<f64>); 8] {
    let latest = now + SKEW;
    let is_of = |whose: &str| project.is_none_or(|project| project == whose);
    let newest = |counts: &dyn Fn(&EventFacts) -> bool| {
        facts.events.iter().rev().find(|event| is_of(&event.project) && event.time <= latest && counts(event))
    };
    let last = |whats: &[What]| {
        let well = newest(&|event| whats.contains(&event.what) && event.passed == Some(true));
        well.map(|event| event.time.as_second() as f64)
    };
    // What an older drill measured is not said of one whose report is gone.
    let drilled = newest(&|event| event.what == What::Drilled);
    let drill = drilled.and_then(|event| facts.drills.iter().rfind(|drill| drill.leaf == event.index));
    let coverage = facts.coverage(project, now);
    let ratio = (coverage.bytes > 0).then(|| coverage.bytes_verified as f64 / coverage.bytes as f64);
    let is_past = |archive: &&ArchiveFacts| is_of(&archive.project) && archive.made_at <= latest;
    let archive = facts.archives.iter().rfind(is_past);
    [
        (Metric::BackupLastSuccess, last(&[What::BackedUp, What::Unchanged])),
        (Metric::BackupVerifyLastSuccess, last(&[What::Verified])),
        (Metric::DrillLastSuccess, last(&[What::Drilled])),
        (Metric::DrillRto, drill.and_then(|drill| seconds(drill.rto_ms))),
        (Metric::DrillRpo, drill.and_then(|drill| seconds(drill.rpo_ms))),
        (Metric::ArchiveBytes, archive.and_then(|archive| archive.bytes).map(|bytes| bytes as f64)),
        // Where no log holds, nobody knows what lies there: that is not none.
        (Metric::StoreArchives, facts.origin.as_ref().map(|_| coverage.archives as f64)),
        (Metric::VerifiedBytesRatio, ratio),
    ]
}

fn seconds(ms: Option<u64>) -> Option<f64> {
    ms.map(|ms| ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::store::health::tests::{drill, facts, now};
    use std::fs;

    const WELL: Option<bool> = Some(true);

    fn value(text: &str, metric: Metric, project: &str) -> Option<f64> {
        let labels = [("project", project), ("policy", "")];
        Gauges::parse(text).expect("it reads back").get(metric.as_str(), &labels)
    }

    #[test]
    fn nothing_of_the_future_is_a_last_success() {
        let happened = [
            (What::BackedUp, 30, WELL),
            (What::Drilled, 20, WELL),
            (What::BackedUp, -40, WELL),
            (What::Drilled, -9, WELL),
        ];
        let mut facts = facts(&happened);
        facts.drills = vec![drill(1, 5_000), drill(3, 1)];
        let text = text(&facts, None, None, now());
        let hours = |hours: i64| Some((now().as_second() - 3600 * hours) as f64);
        assert_eq!(value(&text, Metric::BackupLastSuccess, "shop"), hours(30));
        assert_eq!(value(&text, Metric::DrillLastSuccess, "shop"), hours(20));
        assert_eq!(value(&text, Metric::DrillRto, "shop"), Some(5.0));
    }

    #[test]
    fn numbers_are_of_the_last_drill_or_of_none() {
        let mut facts = facts(&[(What::Drilled, 20, WELL), (What::Drilled, 2, WELL)]);
        facts.drills = vec![drill(0, 5_000), drill(1, 7_000)];
        assert_eq!(value(&text(&facts, None, None, now()), Metric::DrillRto, "shop"), Some(7.0));
        facts.drills.pop();
        assert_eq!(value(&text(&facts, None, None, now()), Metric::DrillRto, "shop"), None);
    }

    #[test]
    fn where_no_log_holds_there_are_no_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let (file, happened) = (folder.path().join("attestar.prom"), facts(&[(What::BackedUp, 2, WELL)]));
        fs::write(&file, text(&happened, None, None, now())).unwrap();
        let unknown = StoreFacts { origin: None, project: Some("shop".into()), ..facts(&[]) };
        let said = text(&unknown, None, Some(&file), now());
        let told = [Metric::BackupLastSuccess, Metric::StoreArchives].map(|it| value(&said, it, "shop"));
        assert_eq!((told, said.contains("attestar_store_archives{")), ([None, None], false));
    }

    #[test]
    fn each_project_has_its_own() {
        let mut facts = facts(&[(What::BackedUp, 2_000, WELL), (What::BackedUp, 2, WELL)]);
        facts.events[0].project = "dead".into();
        let text = text(&facts, None, None, now());
        let said = ["dead", "shop"].map(|project| value(&text, Metric::BackupLastSuccess, project).unwrap());
        assert_eq!(said[1] - said[0], 1_998.0 * 3600.0);
    }

    #[test]
    fn a_text_file_that_is_none_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attestar.prom");
        let facts = facts(&[(What::BackedUp, 2, WELL)]);
        let said = || value(&text(&facts, None, Some(&file), now()), Metric::BackupLastSuccess, "shop");
        // One that waits for a writer, and one without an end, hold nobody up.
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .unwrap();
        assert!(said().is_some());
        fs::remove_file(&file).unwrap();
        fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert!(said().is_some());
    }
}
