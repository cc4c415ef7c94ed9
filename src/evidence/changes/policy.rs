//! Under which policy, as which project and which version the two sides stand.

use crate::evidence::changes::Both;
use crate::evidence::described::Described;
use schemars::JsonSchema;
use serde::Serialize;

/// Policy, project and version on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Settings {
    /// The policy's name.
    pub policy: Both<String>,
    /// The digest of its text.
    pub policy_sha256: Both<String>,
    /// The project, where something says which.
    pub project: Both<Option<String>>,
    /// The version, where something says which.
    pub version: Both<Option<String>>,
}

impl Settings {
    /// What both sides say.
    pub fn of(a: &Described, b: &Described) -> Settings {
        Settings {
            policy: Both { a: a.policy.name.clone(), b: b.policy.name.clone() },
            policy_sha256: Both { a: a.policy.sha256.to_string(), b: b.policy.sha256.to_string() },
            project: Both { a: a.project.clone(), b: b.project.clone() },
            version: Both { a: a.version.clone(), b: b.version.clone() },
        }
    }

    /// Whether all of it is the same. What one side does not say cannot differ.
    pub fn are_same(&self) -> bool {
        self.policy_sha256.is_same() && !differ(&self.project) && !differ(&self.version)
    }
}

/// Whether both sides say something, and not the same.
pub fn differ(both: &Both<Option<String>>) -> bool {
    both.a.is_some() && both.b.is_some() && !both.is_same()
}
