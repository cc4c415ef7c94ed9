//! What differs between two sides that were each read as what they are: packs, archives or trees.

pub mod files;
pub mod policy;

use crate::error::Result;
use crate::evidence::described::Described;
use files::FileChange;
use policy::Settings;
use schemars::JsonSchema;
use serde::Serialize;

/// Everything that differs.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Changes {
    /// Files, folders and links, by class and then in bytewise order of the path that they have now.
    pub files: Vec<FileChange>,
    /// How many files, folders and links each side lists.
    pub compared: Both<u64>,
    /// Policy, project and version.
    pub settings: Settings,
}

/// A value on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Both<T> {
    /// On the first side.
    pub a: T,
    /// On the second side.
    pub b: T,
}

impl<T: PartialEq> Both<T> {
    /// Whether both sides say the same.
    pub fn is_same(&self) -> bool {
        self.a == self.b
    }
}

impl Changes {
    /// Compares two sides: what is only in `b` was added.
    pub fn between(a: &Described, b: &Described) -> Result<Changes> {
        let (files, compared) = files::changes(a, b)?;
        Ok(Changes { files, compared, settings: Settings::of(a, b) })
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.settings.are_same()
    }
}
