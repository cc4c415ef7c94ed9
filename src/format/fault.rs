//! What in a file could not be read.

use crate::finding::{Code, Finding};

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// [`Code::SbomSourceInvalid`], [`Code::SbomSourceNewer`], …
    pub code: Code,
    /// Where inside the file: a member of an archive; empty for the file itself.
    pub inside: String,
    /// The line it stands on, from 1, where there are lines.
    pub line: Option<usize>,
    /// What is wrong, for people: lower case, no full stop.
    pub what: String,
}

impl Fault {
    /// On a line of the file itself, from 1.
    pub fn new(code: Code, line: usize, what: impl Into<String>) -> Fault {
        Fault { code, inside: String::new(), line: Some(line), what: what.into() }
    }

    /// Of the file as a whole: of what is not there, or where lines say nothing.
    pub fn of_file(code: Code, what: impl Into<String>) -> Fault {
        Fault { code, inside: String::new(), line: None, what: what.into() }
    }

    /// The finding about a file of the tree.
    pub fn finding(&self, path: &str) -> Finding {
        let mut subject = path.to_owned();
        if !self.inside.is_empty() {
            subject = format!("{subject}!{}", self.inside);
        }
        if let Some(line) = self.line {
            subject = format!("{subject}:{line}");
        }
        Finding::new(self.code, subject).actual(&self.what)
    }
}
