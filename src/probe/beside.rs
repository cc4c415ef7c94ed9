//! What lies beside the file of a database: whoever opens that reads it into it.

use crate::finding::{Code, Finding};
use crate::probe::Site;
use std::path::{Path, PathBuf};

/// `app.db-wal` of `app.db`.
pub fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// That something lies beside what was captured, which is whole by itself.
pub fn found(site: &Site<'_>, file: &Path, suffix: &str, reader: &str) -> Option<Finding> {
    let beside = with_suffix(file, suffix);
    beside.symlink_metadata().ok()?;
    let finding = Finding::new(Code::WalStale, site.shown(&beside));
    let finding = finding.expected("nothing beside a copy that is whole by itself");
    Some(finding.actual(format!("{reader} would read it into the database")))
}
