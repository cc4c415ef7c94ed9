//! What one file says of the software in the tree, and what of it could not be read.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Graph};

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
}

/// A reading of which nothing but this could be read.
impl From<Fault> for Reading {
    fn from(fault: Fault) -> Reading {
        Reading { graph: Graph::default(), aggregate: Aggregate::Incomplete, faults: vec![fault] }
    }
}
