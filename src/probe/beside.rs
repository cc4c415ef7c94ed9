//! What lies beside the file of a database: whoever opens that reads it into it.

use crate::database;
use crate::finding::{Code, Finding};
use crate::probe::Site;
use std::path::Path;

/// That something lies beside what was captured, which is whole by itself.
pub fn found(site: &Site<'_>, file: &Path, suffix: &str, reader: &str) -> Option<Finding> {
    let beside = database::beside(file, suffix);
    beside.symlink_metadata().ok()?;
    let finding = Finding::new(Code::WalStale, site.shown(&beside));
    let finding = finding.expected("nothing beside a copy that is whole by itself");
    Some(finding.actual(format!("{reader} would read it into the database")))
}
