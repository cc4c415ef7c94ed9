//! What a gate came to.

use crate::format::digest::Sha256;
use crate::policy::gate::Document;
use serde::{Deserialize, Serialize};

/// How a gate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It does not, and a waiver lifts it.
    Waived,
    /// It does not apply to this release; the detail says why.
    Skipped,
}

impl Status {
    /// As it stands in records and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::Waived => "waived",
            Status::Skipped => "skipped",
        }
    }

    /// By that.
    pub fn named(name: &str) -> Option<Status> {
        let all = [Status::Passed, Status::Failed, Status::Waived, Status::Skipped];
        all.into_iter().find(|status| status.as_str() == name)
    }
}

/// What a gate came to, over which evidence.
///
/// Results go into the pack, where two seals of the same tree must give the same bytes: so `expected` and `actual` hold
/// the times that stand in the evidence, and bounds, but never the present, nor ages. What people read on the screen,
/// `detail`, may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// How it ended; never waived, which is decided outside.
    pub status: Status,
    /// For people: one line, lower case, no full stop.
    pub detail: String,
    /// What was read, with its digest; sorted by whoever records it.
    pub read: Vec<(String, Sha256)>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What a program printed that was run for it; it is among what was read, too.
    pub output: Option<Document>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The file, line or name it is about.
    pub subject: String,
    /// What should be.
    pub expected: Option<String>,
    /// What is.
    pub actual: Option<String>,
}

impl Fault {
    /// About a file, line or name.
    pub fn new(subject: impl Into<String>) -> Fault {
        Fault { subject: subject.into(), ..Fault::default() }
    }

    /// With what should be.
    pub fn expected(mut self, expected: impl ToString) -> Fault {
        self.expected = Some(expected.to_string());
        self
    }

    /// With what is.
    pub fn actual(mut self, actual: impl ToString) -> Fault {
        self.actual = Some(actual.to_string());
        self
    }
}

impl Judged {
    /// It holds; the detail says over what, with numbers.
    pub fn passed(detail: impl Into<String>) -> Judged {
        Judged {
            status: Status::Passed,
            detail: detail.into(),
            read: Vec::new(),
            faults: Vec::new(),
            output: None,
        }
    }

    /// It does not hold, for at least one reason.
    pub fn failed(detail: impl Into<String>, faults: Vec<Fault>) -> Judged {
        Judged { status: Status::Failed, faults, ..Judged::passed(detail) }
    }

    /// It does not apply.
    pub fn skipped(why: impl Into<String>) -> Judged {
        Judged { status: Status::Skipped, ..Judged::passed(why) }
    }

    /// Passed without faults, failed with them; the first fault is the detail.
    pub fn of(faults: Vec<Fault>, passed: impl Into<String>) -> Judged {
        let Some(first) = faults.first() else { return Judged::passed(passed) };
        let why = match (&first.expected, &first.actual) {
            (Some(expected), Some(actual)) => format!("{}: {actual}; expected {expected}", first.subject),
            (None, Some(actual)) => format!("{}: {actual}", first.subject),
            (Some(expected), None) => format!("{}: not {expected}", first.subject),
            (None, None) => first.subject.clone(),
        };
        let more = if faults.len() > 1 { format!(", and {} more", faults.len() - 1) } else { String::new() };
        Judged::failed(why + &more, faults)
    }

    /// The same, having read this.
    pub fn reading<'a>(mut self, read: impl IntoIterator<Item = &'a Document>) -> Judged {
        self.read.extend(read.into_iter().map(|document| (document.path.clone(), document.sha256)));
        self
    }

    /// The same, by a program that printed this.
    pub fn printing(self, output: Document) -> Judged {
        Judged { output: Some(output.clone()), ..self.reading([&output]) }
    }
}
