//! What one file says of the software in the tree, and what of it could not be read.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Graph};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use crate::format::fault::Fault;

/// What was read of a lockfile or an artifact. Reading never fails as a whole: what could not be read is a fault, and
/// the rest counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What is in it.
    pub graph: Graph,
    /// How much of it that is. A fault makes it [`Aggregate::Incomplete`]: see [`Reading::fault`].
    pub aggregate: Aggregate,
    /// What could not be read.
    pub faults: Vec<Fault>,
}

/// The most faults that are kept of one file; a hostile one could have millions.
const FAULTS_MAX: usize = 100;

impl Reading {
    /// Nothing yet; as complete as the format can be.
    pub fn new(aggregate: Aggregate) -> Reading {
        Reading { graph: Graph::default(), aggregate, faults: Vec::new() }
    }

    /// Notes what could not be read, which makes the whole incomplete.
    pub fn fault(&mut self, code: Code, line: Option<usize>, what: impl Into<String>) {
        self.aggregate = Aggregate::Incomplete;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { code, inside: String::new(), line, what: what.into() });
        }
    }

    /// A reading of which nothing but this could be read.
    pub fn failed(code: Code, line: Option<usize>, what: impl Into<String>) -> Reading {
        let mut reading = Reading::new(Aggregate::Incomplete);
        reading.fault(code, line, what);
        reading
    }

    /// What a reader gives, or that it failed. Readers rest on parsers of others, and one that panics over a hostile
    /// file must not take the rest of the release with it. Nothing that the reader left half-done is used again.
    pub fn guarded<T: From<Reading>>(read: impl FnOnce() -> T) -> T {
        caught(read)
            .unwrap_or_else(|| Reading::failed(Code::SbomSourceInvalid, None, "the reader failed").into())
    }
}

/// What something gives; `None` if it panics.
pub fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// A reading of which nothing but this could be read.
impl From<Fault> for Reading {
    fn from(fault: Fault) -> Reading {
        Reading { graph: Graph::default(), aggregate: Aggregate::Incomplete, faults: vec![fault] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::lockfile::{Kind, Lockfile};

    #[test]
    fn a_reader_that_panics_is_a_fault_of_the_file_alone() {
        let kind =
            Kind { name: "x.lock", is: |name| name == "x.lock", read: |_| panic!("a parser's own fault") };
        let lockfile = Lockfile { path: "x.lock", bytes: b"", beside: &() };
        let reading: Reading = Reading::guarded(|| (kind.read)(&lockfile));
        assert_eq!(reading.aggregate, Aggregate::Incomplete);
        let [fault] = &reading.faults[..] else { panic!("one fault: {reading:?}") };
        assert_eq!((fault.code, &*fault.what), (Code::SbomSourceInvalid, "the reader failed"));
        assert_eq!(fault.finding("web/x.lock").subject, "web/x.lock");
    }

    #[test]
    fn a_reader_that_ends_is_let_be() {
        let whole = || Some(Reading::new(Aggregate::Complete));
        assert_eq!(Reading::guarded(whole), whole());
        assert_eq!(Reading::guarded(|| None::<Reading>), None);
    }
}
