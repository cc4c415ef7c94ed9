//! The one table of exit codes.

use attestar::Error;
use attestar::finding::{Severity, Verdict};
use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and everything asked for was checked and holds.
    Done = 0,
    /// The operation failed: I/O, bad input.
    Failed = 1,
    /// Usage, an invalid policy.
    Usage = 2,
    /// The evidence does not verify.
    Refuted = 3,
    /// It verifies, but the policy refuses.
    Refused = 4,
    /// It could not be verified.
    Unverified = 5,
    /// Ctrl-C.
    Interrupted = 130,
}

/// Which of several counts: the first of these.
const PRECEDENCE: [Exit; 6] =
    [Exit::Interrupted, Exit::Refuted, Exit::Failed, Exit::Usage, Exit::Unverified, Exit::Refused];

impl Exit {
    /// What a run comes to that ended in several ways at once.
    pub fn first<const N: usize>(ends: [Exit; N]) -> Exit {
        PRECEDENCE.into_iter().find(|exit| ends.contains(exit)).unwrap_or(Exit::Done)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Holds => Exit::Done,
            Verdict::Refuted => Exit::Refuted,
            Verdict::Failed => Exit::Failed,
            Verdict::Unverified => Exit::Unverified,
            Verdict::Refused => Exit::Refused,
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Exit {
        match error {
            Error::Usage { .. } | Error::Config { .. } => Exit::Usage,
            Error::Unavailable { .. } => Exit::Unverified,
            Error::Interrupted => Exit::Interrupted,
            Error::Refused(findings) => {
                let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
                Verdict::of(errors).map_or(Exit::Failed, Exit::from)
            }
            _ => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
