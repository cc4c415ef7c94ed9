//! When a gate must hold, and for which releases.

use std::fmt;

/// When a gate must hold: not all of a release is known when it is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Before it is sealed.
    #[default]
    Seal,
    /// Before it goes to everyone: canary, approvals over the seal.
    Promote,
    /// Before it is called done: guard period, decision log, retrospective.
    Close,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Stage; 3] = [Stage::Seal, Stage::Promote, Stage::Close];

    /// Its name in policies and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Seal => "seal",
            Stage::Promote => "promote",
            Stage::Close => "close",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a version differs from the one before, by Semantic Versioning 2.0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bump {
    /// MAJOR: what breaks users.
    Major,
    /// MINOR: what is new.
    Minor,
    /// PATCH: what is fixed; a hotfix.
    Patch,
}

impl Bump {
    /// All of them.
    pub const ALL: [Bump; 3] = [Bump::Major, Bump::Minor, Bump::Patch];

    /// Its name in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Bump::Major => "major",
            Bump::Minor => "minor",
            Bump::Patch => "patch",
        }
    }
}

/// To which releases a gate applies; without conditions to all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Only these bumps; empty for all.
    pub bump: Vec<Bump>,
    /// Only these tiers; empty for all.
    pub tier: Vec<String>,
}

impl When {
    /// Why the gate does not apply to a release; `None` if it does. A bump or tier that is not known applies: a gate
    /// that might matter runs.
    pub fn excludes(&self, bump: Option<Bump>, tier: Option<&str>) -> Option<String> {
        let names = |names: Vec<&str>| names.join(", ");
        match (bump, tier) {
            (Some(bump), _) if !self.bump.is_empty() && !self.bump.contains(&bump) => Some(format!(
                "only for {} releases; this one is {}",
                names(self.bump.iter().map(|bump| bump.as_str()).collect()),
                bump.as_str()
            )),
            (_, Some(tier)) if !self.tier.is_empty() && !self.tier.iter().any(|named| named == tier) => {
                Some(format!(
                    "only for tier {}; this one is {tier}",
                    names(self.tier.iter().map(String::as_str).collect())
                ))
            }
            _ => None,
        }
    }
}
