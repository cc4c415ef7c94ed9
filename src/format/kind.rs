//! The two kinds of pack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a pack is: said in every predicate, and compared with what is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A version of a project: reproducible, without owners and clock readings.
    Release,
    /// A copy in time: keeps modes, times and owners.
    Backup,
}

impl Kind {
    /// The name as statements write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Release => "release",
            Kind::Backup => "backup",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_serialises_as_it_shows() {
        for kind in [Kind::Release, Kind::Backup] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
