//! `sarif`: scans that found nothing that matters.

mod log;

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::{count, number};
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::pointer::json;
use crate::policy::gate::sources::{self, Sources};
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::one_of;
use log::{Level, Log};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "sarif",
    code: Code::GateSarif,
    holds_when: "the scan reports (SARIF 2.1.0) are there, every scan in them ran to its end, and no result stands at the level \
                 or above it. Results that were suppressed in the tool are counted apart",
    keys: &[
        ("files", sources::MEANING),
        ("level", "`error`, `warning` or `note`: from here on a result fails; default `warning`"),
    ],
    example: "[[gate]]\nid = \"code-scan\"\ncheck = \"sarif\"\nfiles = [\"reports/{version}/*.sarif\"]\nlevel = \"error\"\n",
    waivable: true,
    parse,
};

/// The most faults that are told of one report.
const FAULTS_MAX: usize = 20;

#[derive(Debug)]
struct Sarif {
    files: Sources,
    level: Level,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let files = Sources::required(section, "files")?;
    let levels = [Level::Error, Level::Warning, Level::Note].map(|level| (level.as_str(), level));
    let level = one_of(section, "level", &levels)?.unwrap_or(Level::Warning);
    Ok(Arc::new(Sarif { files, level }))
}

impl Check for Sarif {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (files, mut faults) = self.files.files(evidence, release);
        let mut read: Vec<Arc<Document>> = Vec::new();
        let (mut scans, mut below, mut suppressed) = (0, 0, 0);
        for file in &files {
            let document = match required(evidence, file) {
                Ok(document) => document,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            read.push(document.clone());
            match json(&document).and_then(|value| Log::of(file.as_str(), &value)) {
                Err(fault) => faults.push(fault),
                Ok(log) => {
                    scans += log.scans;
                    suppressed += log.suppressed;
                    let (bad, fine): (Vec<_>, Vec<_>) =
                        log.results.into_iter().partition(|result| result.level >= self.level);
                    below += fine.len() as u64;
                    faults.extend(log.faults);
                    faults.extend(self.faults(file.as_str(), &bad));
                }
            }
        }
        let passed = format!(
            "{}, no result at {} or above, {} below, {} suppressed",
            count(scans, "scan"),
            self.level.as_str(),
            number(below),
            number(suppressed)
        );
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

impl Sarif {
    fn faults(&self, file: &str, bad: &[log::Found]) -> Vec<Fault> {
        let expected = format!("no result at {} or above", self.level.as_str());
        let mut faults: Vec<Fault> = bad
            .iter()
            .take(FAULTS_MAX)
            .map(|found| {
                let actual = format!("{} {} in {}", found.level.as_str(), found.rule, found.place);
                Fault::new(format!("{file}#{}", found.pointer)).expected(&expected).actual(actual)
            })
            .collect();
        if bad.len() > FAULTS_MAX {
            let actual = format!("{} more", number((bad.len() - FAULTS_MAX) as u64));
            faults.push(Fault::new(file).expected(&expected).actual(actual));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const KEYS: &str = "check = \"sarif\"\nfiles = [\"r/*.sarif\"]";

    fn scan(results: &str) -> Fake {
        let rules = r#"[{"id":"R1","defaultConfiguration":{"level":"error"}},{"id":"R2","defaultConfiguration":{"level":"note"}},{"id":"R3"}]"#;
        let text = format!(
            r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t","rules":{rules}}}}},"results":[{results}]}}]}}"#
        );
        Fake::new().file("r/a.sarif", text)
    }

    #[test]
    fn a_scan_without_results_that_matter_holds() {
        let below = r#"{"ruleId":"x","level":"note"},{"ruleIndex":1},{"ruleId":"R2"},{"kind":"pass","level":"error"},{"kind":"review"}"#;
        let suppressed = r#"{"level":"error","suppressions":[{"kind":"inSource"},{"kind":"external","status":"accepted"}]}"#;
        let gone = r#"{"level":"error","baselineState":"absent"}"#;
        let held = passes(KEYS, &scan(&format!("{below},{suppressed},{gone}")));
        assert_eq!(held.detail, "1 scan, no result at warning or above, 5 below, 1 suppressed");
        passes(&format!("{KEYS}\nlevel = \"error\""), &scan(r#"{"level":"warning"}"#));
    }

    #[test]
    fn a_result_at_the_level_fails_wherever_that_comes_from() {
        let place = r#""locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/a.c"},"region":{"startLine":7}}}]"#;
        let expected = "no result at warning or above";
        for (result, actual) in [
            (format!(r#"{{"ruleId":"Q","level":"warning",{place}}}"#), "warning Q in src/a.c:7"),
            (r#"{"ruleIndex":0}"#.to_owned(), "error R1 in no place"),
            (r#"{"ruleId":"R1/sub"}"#.to_owned(), "error R1/sub in no place"),
            (r#"{"rule":{"index":0}}"#.to_owned(), "error R1 in no place"),
            (r#"{"ruleId":"R3"}"#.to_owned(), "warning R3 in no place"),
            ("{}".to_owned(), "warning a rule without an id in no place"),
            (r#"{"suppressions":[]}"#.to_owned(), "warning a rule without an id in no place"),
            (
                r#"{"suppressions":[{"status":"accepted"},{"status":"rejected"}]}"#.to_owned(),
                "warning a rule without an id in no place",
            ),
            (
                r#"{"suppressions":[{"status":"underReview"}]}"#.to_owned(),
                "warning a rule without an id in no place",
            ),
        ] {
            fails(KEYS, &scan(&result), "r/a.sarif#/runs/0/results/0", expected, actual);
        }
        let many = vec!["{}"; 30].join(",");
        assert_eq!(faults(KEYS, &scan(&many))[20], ("r/a.sarif".into(), expected.into(), "10 more".into()));
        fails(
            &format!("{KEYS}\nlevel = \"note\""),
            &scan(r#"{"ruleId":"R2"}"#),
            "r/a.sarif#/runs/0/results/0",
            "no result at note or above",
            "note R2 in no place",
        );
    }

    #[test]
    fn what_is_no_whole_scan_fails() {
        let file = |text: &str| Fake::new().file("r/a.sarif", text);
        let sarif = "SARIF 2.1.0";
        fails(KEYS, &Fake::new(), "r/*.sarif", "a file", "no file matches");
        fails(KEYS, &file("[]"), "r/a.sarif", sarif, "version none");
        fails(KEYS, &file(r#"{"version":"2.0.0","runs":[]}"#), "r/a.sarif", sarif, "version 2.0.0");
        fails(KEYS, &file(r#"{"version":"2.1.0","runs":[]}"#), "r/a.sarif#/runs", "a scan", "there is none");
        fails(KEYS, &file(r#"{"version":"2.1.0"}"#), "r/a.sarif#/runs", "a scan", "there is none");
        fails(
            KEYS,
            &file(r#"{"version":"2.1.0","runs":[{}]}"#),
            "r/a.sarif#/runs/0/results",
            "a list of results",
            "there is none",
        );
        let ended =
            r#"{"version":"2.1.0","runs":[{"results":[],"invocations":[{"executionSuccessful":false}]}]}"#;
        fails(
            KEYS,
            &file(ended),
            "r/a.sarif#/runs/0/invocations/0",
            "a scan that ran to its end",
            "it did not",
        );
        let level = r#"{"version":"2.1.0","runs":[{"results":[{"level":"fatal"}]}]}"#;
        fails(
            KEYS,
            &file(level),
            "r/a.sarif#/runs/0/results/0/level",
            "error, warning, note or none",
            "fatal",
        );
        assert_eq!(faults(KEYS, &file("{"))[0].0, "r/a.sarif:1");
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        let wrong = refusal(&format!("{KEYS}\nlevel = \"warnings\""));
        assert_eq!(
            (wrong.0, &*wrong.1, &*wrong.2),
            (3, "`level` cannot be `warnings`", "did you mean `warning`?")
        );
    }
}
