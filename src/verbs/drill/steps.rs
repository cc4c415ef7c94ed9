//! The steps of a drill: each timed, and those that were never reached are said too.

use crate::format::drill_report::{Ended, Step, StepName};
use jiff::Timestamp;
use std::time::Instant;

/// Every step, in the order of a report.
const ALL: [StepName; 7] = [
    StepName::Fetch,
    StepName::Receipt,
    StepName::Decrypt,
    StepName::Restore,
    StepName::Hashes,
    StepName::Probes,
    StepName::Cleanup,
];

/// What was done so far.
pub(super) struct Steps<'a> {
    clock: &'a dyn Fn() -> Timestamp,
    taken: Vec<Step>,
}

/// When a step began.
pub(super) struct Begun {
    since: Instant,
    at: Timestamp,
}

impl<'a> Steps<'a> {
    /// None yet.
    pub(super) fn new(clock: &'a dyn Fn() -> Timestamp) -> Steps<'a> {
        Steps { clock, taken: Vec::new() }
    }

    /// A step begins.
    pub(super) fn begin(&self) -> Begun {
        // In this order: from the moment that is told it lasts at most as long as is told.
        let at = (self.clock)();
        Begun { since: Instant::now(), at }
    }

    /// It held, or did not.
    pub(super) fn end(&mut self, name: StepName, begun: &Begun, held: bool, detail: impl Into<String>) {
        self.note(name, begun, if held { Ended::Passed } else { Ended::Failed }, detail);
    }

    /// It was done in one pass with the step before, and has its time.
    pub(super) fn end_with_last(&mut self, name: StepName, held: bool, detail: impl Into<String>) {
        let Some(Step { started_at, duration_ms, .. }) = self.taken.last().cloned() else { return };
        let status = if held { Ended::Passed } else { Ended::Failed };
        self.taken.push(Step { name, status, started_at, duration_ms, detail: detail.into() });
    }

    /// There was nothing to do.
    pub(super) fn skip(&mut self, name: StepName, begun: &Begun, why: impl Into<String>) {
        self.note(name, begun, Ended::Skipped, why);
    }

    fn note(&mut self, name: StepName, begun: &Begun, status: Ended, detail: impl Into<String>) {
        let duration_ms = begun.since.elapsed().as_millis() as u64;
        self.taken.push(Step { name, status, started_at: begun.at, duration_ms, detail: detail.into() });
    }

    /// Whether a step was reached.
    pub(super) fn reached(&self, name: StepName) -> bool {
        self.taken.iter().any(|step| step.name == name)
    }

    /// The last one that was.
    pub(super) fn last(&self) -> Option<&Step> {
        self.taken.last()
    }

    /// All of them, in order; what was never reached was skipped.
    pub(super) fn all(mut self) -> Vec<Step> {
        for name in ALL {
            if !self.reached(name) {
                let begun = self.begin();
                self.skip(name, &begun, "it was not reached");
            }
        }
        self.taken.sort_by_key(|step| ALL.iter().position(|name| *name == step.name));
        self.taken
    }
}
