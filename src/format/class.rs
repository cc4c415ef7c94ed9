//! What a payload file is for: the classes of a policy, of the inventory and of every summary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The class of a payload file. In the order that summaries show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Documentation.
    Doc,
    /// Database definitions: schemas and migrations.
    Ddl,
    /// What is shipped: builds, packages, sources, assets.
    Artifact,
    /// Settings.
    Config,
    /// Reports and results that speak for the release.
    Evidence,
    /// Data; for backups, never in a release by default.
    Data,
}

impl Class {
    /// Every class, in order.
    pub const ALL: [Class; 6] =
        [Class::Doc, Class::Ddl, Class::Artifact, Class::Config, Class::Evidence, Class::Data];

    /// The name as policies and inventories write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Doc => "doc",
            Class::Ddl => "ddl",
            Class::Artifact => "artifact",
            Class::Config => "config",
            Class::Evidence => "evidence",
            Class::Data => "data",
        }
    }
}

/// A name that is none of the six classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of doc, ddl, artifact, config, evidence, data")]
pub struct UnknownClass;

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Class, UnknownClass> {
        Class::ALL.into_iter().find(|class| class.as_str() == text).ok_or(UnknownClass)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_reads_back_what_it_shows_and_serialises() {
        for class in Class::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
        }
        assert_eq!("Doc".parse::<Class>(), Err(UnknownClass));
    }
}
