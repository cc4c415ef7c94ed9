//! The two things that are sealed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What was sealed: a release that people publish, or a nightly backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A release: reproducible, without clocks, kept.
    Release,
    /// A backup: files as they were, with owners and times.
    Backup,
}

impl Kind {
    /// `release` or `backup`, as it stands in every file.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Release => "release",
            Kind::Backup => "backup",
        }
    }

    /// Reads what [`Kind::as_str`] wrote; `None` for anything else.
    pub fn from_name(name: &str) -> Option<Kind> {
        [Kind::Release, Kind::Backup].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
