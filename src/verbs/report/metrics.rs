//! `/metrics`: what the log of a store says, over what runs on this host wrote into the text file of the policy.

use crate::format::leaf::What;
use crate::policy::Policy;
use crate::report::store::StoreFacts;
use crate::telemetry::metrics::Metric;
use crate::telemetry::text::Gauges;
use jiff::Timestamp;
use std::fs;
use std::path::Path;

/// Prometheus' text format. The log is every host's word, so it goes before the text file, which is this host's alone;
/// exit codes of runs stand in the text file only.
pub fn text(facts: &StoreFacts, policy: Option<&Policy>, textfile: Option<&Path>, now: Timestamp) -> String {
    let mut gauges = textfile.and_then(written).unwrap_or_default();
    let project = facts.project.as_deref().or(facts.origin.as_deref()).unwrap_or_default();
    let labels = [("project", project), ("policy", policy.map_or("", |policy| &policy.name))];
    for (metric, value) in measured(facts, now) {
        match value {
            Some(value) => gauges.set(metric.as_str(), metric.help(), &labels, value),
            // The log is the last word: a number that an earlier run left is none of the last drill's.
            None => gauges.unset(metric.as_str(), &labels),
        }
    }
    gauges.to_text()
}

/// What runs on this host have written; nothing where there is no file, or none of ours.
fn written(textfile: &Path) -> Option<Gauges> {
    Gauges::parse(&fs::read_to_string(textfile).ok()?)
}

fn measured(facts: &StoreFacts, now: Timestamp) -> [(Metric, Option<f64>); 8] {
    let report = facts.at(now);
    let last = |whats: &[What]| {
        let well =
            facts.events.iter().rev().find(|event| whats.contains(&event.what) && event.passed == Some(true));
        well.map(|event| event.time.as_second() as f64)
    };
    let (drill, coverage) = (facts.drills.last(), report.coverage);
    let ratio = (coverage.bytes > 0).then(|| coverage.bytes_verified as f64 / coverage.bytes as f64);
    let newest = facts.archives.last().and_then(|archive| archive.bytes);
    [
        (Metric::BackupLastSuccess, last(&[What::BackedUp, What::Unchanged])),
        (Metric::BackupVerifyLastSuccess, last(&[What::Verified])),
        (Metric::DrillLastSuccess, last(&[What::Drilled])),
        (Metric::DrillRto, drill.and_then(|drill| seconds(drill.rto_ms))),
        (Metric::DrillRpo, drill.and_then(|drill| seconds(drill.rpo_ms))),
        (Metric::ArchiveBytes, newest.map(|bytes| bytes as f64)),
        (Metric::StoreArchives, Some(coverage.archives as f64)),
        (Metric::VerifiedBytesRatio, ratio),
    ]
}

fn seconds(ms: Option<u64>) -> Option<f64> {
    ms.map(|ms| ms as f64 / 1000.0)
}
