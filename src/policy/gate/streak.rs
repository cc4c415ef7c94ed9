//! `streak`: the last runs in a row passed.

mod runs;

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::{Event, required_text};
use crate::policy::gate::judged::Fault;
use crate::policy::gate::log;
use crate::policy::gate::sources::Sources;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::{natural, show};
use jiff::Timestamp;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "streak",
    code: Code::GateStreak,
    holds_when: "each of the last N runs passed: JUnit reports, sorted by the time inside them, or events of the \
                 store's log. A run in which nothing ran has not passed",
    keys: &[
        ("last", "required: how many runs in a row"),
        (
            "files",
            "patterns of the JUnit reports, a run each, of which each must match one at least; `{version}`, `{tag}` \
             and `{project}` stand for the release's",
        ),
        ("event", "instead of `files`: `drilled`, `verified` or another event of the store's log"),
    ],
    example: "[[gate]]\nid = \"last-known-good\"\ncheck = \"streak\"\nfiles = [\"reports/gates/*.xml\"]\nlast = 5\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Streak {
    last: usize,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Files(Sources),
    Event(String),
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let last = natural(section, "last")?.and_then(|last| usize::try_from(last).ok());
    let Some(last) = last else {
        return Err(section.error(section.line, "a gate of this kind needs `last`", "last = 5"));
    };
    if last == 0 {
        let line = section.number("last")?.map_or(section.line, |number| number.line);
        return Err(section.error(line, "`last` cannot be 0: no run proves nothing", "last = 5"));
    }
    let of = match (section.texts("files")?, section.text("event")?) {
        (Some(_), Some(event)) => {
            return Err(section.error(
                event.line,
                "`event` and `files` are two gates",
                "take out one of them",
            ));
        }
        (_, None) => Of::Files(Sources::required(section, "files")?),
        (None, Some(event)) => {
            let is_name =
                !event.value.is_empty() && event.value.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            if !is_name {
                let message = format!("`event` cannot be `{}`", show(event.value));
                return Err(section.error(event.line, message, "for example event = \"drilled\""));
            }
            Of::Event(event.value.to_owned())
        }
    };
    Ok(Arc::new(Streak { last, of }))
}

/// One run.
struct Run {
    name: String,
    at: Timestamp,
    /// Why it has not passed.
    failed: Option<String>,
}

impl Check for Streak {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let mut faults = Vec::new();
        let (mut read, mut told) = (Vec::new(), Vec::new());
        let (mut runs, of) = match &self.of {
            Of::Files(files) => {
                let (found, unmatched) = files.files(evidence, release);
                faults.extend(unmatched);
                let runs: Vec<Run> = found
                    .iter()
                    .filter_map(|file| match required_text(evidence, file).and_then(of_file) {
                        Ok((document, run)) => {
                            read.push(document);
                            Some(run)
                        }
                        Err(fault) => {
                            faults.push(fault);
                            None
                        }
                    })
                    .collect();
                (runs, "reports")
            }
            Of::Event(event) => match log::leaves(evidence, release.now) {
                Ok((leaves, future)) => {
                    faults.extend(future);
                    let of_it: Vec<&Event> = leaves.into_iter().filter(|one| one.what == *event).collect();
                    told.extend(of_it.iter().rev().take(self.last).map(|one| log::read(one)));
                    (of_it.into_iter().map(of_event).collect(), event.as_str())
                }
                Err(fault) => return Judged::of(vec![fault.expected(event)], ""),
            },
        };
        runs.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.name.cmp(&b.name)));
        if faults.is_empty() {
            faults = self.broken(&runs, of);
        }
        let newest = runs.last().map_or(String::new(), |run| format!(", up to {}", run.at));
        let mut judged =
            Judged::of(faults, format!("the last {} passed{newest}", count(self.last as u64, "run")));
        judged.read.extend(read.iter().map(|document| (document.path.clone(), document.sha256)));
        judged.read.extend(told);
        judged
    }
}

impl Streak {
    fn broken(&self, runs: &[Run], of: &str) -> Vec<Fault> {
        if runs.len() < self.last {
            let actual = format!("there are {}", runs.len());
            return vec![
                Fault::new(of)
                    .expected(format!("{} in a row that passed", count(self.last as u64, "run")))
                    .actual(actual),
            ];
        }
        let failed = runs.iter().rev().take(self.last).filter_map(|run| Some((run, run.failed.as_ref()?)));
        failed
            .map(|(run, why)| {
                Fault::new(&run.name).expected("a run that passed").actual(format!("{why}, {}", run.at))
            })
            .collect()
    }
}

fn of_event(event: &crate::policy::gate::evidence::Event) -> Run {
    let name = event
        .archive
        .as_ref()
        .map_or_else(|| event.what.clone(), |archive| format!("{} {archive}", event.what));
    Run { name, at: event.at, failed: (!event.passed).then(|| "it failed".to_owned()) }
}

fn of_file((document, text): (Arc<Document>, String)) -> Result<(Arc<Document>, Run), Fault> {
    let fault = |expected: &str, actual: String| Fault::new(&document.path).expected(expected).actual(actual);
    let totals = runs::read(&text).map_err(|why| fault("a JUnit report", why))?;
    let at =
        totals.at.ok_or_else(|| fault("a time in it: `timestamp` of a suite", "there is none".to_owned()))?;
    let failed = match (totals.failed, totals.ran) {
        (0, 0) => Some("nothing ran".to_owned()),
        (0, _) => None,
        (failed, ran) => Some(format!("{failed} of {ran} failed")),
    };
    let name = document.path.clone();
    Ok((document, Run { name, at, failed }))
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const GATE: &str = "check = 'streak'\nfiles = ['r/*.xml']\nlast = 2";

    fn report(at: &str, inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><testsuites><testsuite name=\"x\" timestamp=\"{at}\">{inside}</testsuite></testsuites>"
        )
    }

    const PASSED: &str = "<testcase name=\"a\"/>";
    const FAILED: &str = "<testcase name=\"a\"><failure/></testcase>";

    /// The order of the names is not that of the times.
    fn three(first: &str, second: &str, third: &str) -> Fake {
        Fake::new()
            .file("r/c.xml", report("2026-11-17T00:00:00Z", first))
            .file("r/a.xml", report("2026-11-18T00:00:00", second))
            .file("r/b.xml", report("2026-11-19T01:00:00+01:00", third))
    }

    #[test]
    fn only_the_last_runs_count() {
        let judged = passes(GATE, &three(FAILED, PASSED, PASSED));
        assert_eq!(judged.detail, "the last 2 runs passed, up to 2026-11-19T00:00:00Z");
        assert_eq!(judged.read.len(), 3);
        let broken = three(PASSED, FAILED, PASSED);
        fails(GATE, &broken, "r/a.xml", "a run that passed", "1 of 1 failed, 2026-11-18T00:00:00Z");
        let nothing = three(PASSED, PASSED, "<testcase name=\"a\"><skipped/></testcase>");
        fails(GATE, &nothing, "r/b.xml", "a run that passed", "nothing ran, 2026-11-19T00:00:00Z");
    }

    #[test]
    fn too_few_runs_or_unreadable_ones_fail() {
        let many = "check = 'streak'\nfiles = ['r/*.xml']\nlast = 4";
        fails(many, &three(PASSED, PASSED, PASSED), "reports", "4 runs in a row that passed", "there are 3");
        fails(GATE, &Fake::new(), "r/*.xml", "a file", "no file matches");
        let timeless =
            three(PASSED, PASSED, PASSED).file("r/d.xml", "<testsuite><testcase name='a'/></testsuite>");
        fails(GATE, &timeless, "r/d.xml", "a time in it: `timestamp` of a suite", "there is none");
        let json = three(PASSED, PASSED, PASSED).file("r/d.xml", "{}");
        assert_eq!(faults(GATE, &json)[0].1, "a JUnit report");
    }

    #[test]
    fn events_of_the_log_are_runs_too() {
        let gate = "check = 'streak'\nevent = 'drilled'\nlast = 2";
        let log = |second| {
            Fake::new()
                .event("drilled", "2026-11-01T00:00:00Z", false)
                .event("drilled", "2026-11-08T00:00:00Z", second)
                .event("verified", "2026-11-09T00:00:00Z", false)
                .event("drilled", "2026-11-15T00:00:00Z", true)
        };
        passes(gate, &log(true));
        fails(gate, &log(false), "drilled", "a run that passed", "it failed, 2026-11-08T00:00:00Z");
        fails(gate, &Fake::new(), "the log", "drilled", "there is no log");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'streak'\nfiles = ['a']").1, "a gate of this kind needs `last`");
        assert_eq!(refusal("check = 'streak'\nfiles = ['a']\nlast = 0").0, 3);
        assert_eq!(refusal("check = 'streak'\nfiles = ['a']\nlast = -1").0, 3);
        assert_eq!(refusal("check = 'streak'\nfiles = ['a']\nlast = 1\nevent = 'x'").0, 4);
        assert_eq!(refusal("check = 'streak'\nlast = 1\nevnt = 'x'").2, "did you mean `event`?");
        assert_eq!(refusal("check = 'streak'\nlast = 1").1, "a gate of this kind needs `files`");
    }
}
