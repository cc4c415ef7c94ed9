//! What differs between two sides that were each read as what they are: packs, archives or trees.

pub mod components;
pub mod ddl;
pub mod files;
pub mod policy;

use crate::error::Result;
use crate::evidence::described::Described;
use components::Components;
use ddl::Ddl;
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
    /// What databases get.
    pub ddl: Ddl,
    /// Components of the SBOMs, and their licences.
    pub components: Components,
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
        Ok(Changes {
            ddl: ddl::changes(a.ddl.as_ref(), b.ddl.as_ref(), &files),
            components: components::changes(a.bom.as_ref(), b.bom.as_ref()),
            settings: Settings::of(a, b),
            files,
            compared,
        })
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        let ddl = self.ddl.objects.is_empty() && self.ddl.files.is_empty();
        let components = self.components.changes.is_empty() && self.components.licences.is_empty();
        self.files.is_empty() && ddl && components && self.settings.are_same()
    }
}
