//! What a key may sign. A key that may sign a drill may not sign a seal; no `may`, no right.

use crate::format::kind::Kind;
use crate::format::nearest::nearest;
use std::fmt;
use std::str::FromStr;

macro_rules! rights {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// An act that a signature can stand for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Right { $($(#[doc = $doc])+ $name,)+ }

        impl Right {
            /// Every right, in the order of the documentation.
            pub const ALL: &[Right] = &[$(Right::$name,)+];

            /// Its name, as it stands in `may`.
            pub fn as_str(self) -> &'static str {
                match self { $(Right::$name => $text,)+ }
            }
        }
    };
}

rights! {
    /// To seal a release.
    SealRelease = "seal:release";
    /// To seal a backup.
    SealBackup = "seal:backup";
    /// To give the receipt of an archive.
    Receipt = "receipt";
    /// To approve a release.
    Approve = "approve";
    /// To waive a gate.
    Waive = "waive";
    /// To say that a backup was verified.
    Verify = "verify";
    /// To say that a drill passed.
    Drill = "drill";
    /// To delete archives by policy.
    Prune = "prune";
    /// To sign the log's checkpoints.
    Log = "log";
}

impl Right {
    /// What `--key FILE` grants: to seal, and to give receipts.
    pub const OF_KEY_FILES: &[Right] = &[Right::SealRelease, Right::SealBackup, Right::Receipt];

    /// The right to seal this kind.
    pub fn to_seal(kind: Kind) -> Right {
        match kind {
            Kind::Release => Right::SealRelease,
            Kind::Backup => Right::SealBackup,
        }
    }

    /// The kind that a statement under this right must be of, where the right is for one kind alone.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Right::SealRelease => Some(Kind::Release),
            Right::SealBackup => Some(Kind::Backup),
            _ => None,
        }
    }
}

/// A text that names no right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown right {0:?}")]
pub struct UnknownRight(String);

impl UnknownRight {
    /// The right that was meant, or all there are.
    pub fn hint(&self) -> String {
        let names = || Right::ALL.iter().map(|right| right.as_str());
        match nearest(&self.0, names()) {
            Some(right) => format!("did you mean \"{right}\"?"),
            None => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
        }
    }
}

impl FromStr for Right {
    type Err = UnknownRight;

    /// Reads what [`Right::as_str`] wrote.
    fn from_str(name: &str) -> Result<Right, UnknownRight> {
        let known = Right::ALL.iter().copied().find(|right| right.as_str() == name);
        known.ok_or_else(|| UnknownRight(name.to_owned()))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
