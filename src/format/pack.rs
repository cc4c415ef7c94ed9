//! `pack.json`: what a pack says of itself. Signed with the other tag files; holds no clock reading.

use crate::format::capture::Captured;
use crate::format::class::Class;
use crate::format::ddl::DdlPack;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::receipt::Base;
use crate::format::seal::{PolicyRef, Tool, Totals};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of `schema`.
pub const SCHEMA: &str = "attestar/pack/v1";

/// The whole document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// `{project}-{version}`: the pack's folder and the archive's stem.
    pub name: String,
    /// Whose release or backup it is.
    pub project: String,
    /// The version of a release, the time of a backup.
    pub version: String,
    /// Release or backup.
    pub kind: Kind,
    /// The program that made it.
    pub tool: Tool,
    /// The policy that chose the payload; its text is `policy.toml`.
    pub policy: PolicyRef,
    /// The time, in seconds since 1970, that a release stands for: `SOURCE_DATE_EPOCH`, the commit's, or the newest
    /// file's.
    pub source_date_epoch: i64,
    /// What is in the payload.
    pub payload: Totals,
    /// The same by class; classes without a file are absent.
    pub classes: BTreeMap<Class, Totals>,
    /// Links of the payload, kept as links.
    pub links: u64,
    /// Folders kept as members of their own: empty ones, in a backup all.
    pub folders: u64,
    /// What the DDL files define, in order; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ddl: Option<DdlPack>,
    /// What was captured of live databases, in the order of the policy; absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Captured>,
    /// The archives that hold files which this one does not, in the order of their names; absent where it holds all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<Base>,
}

impl Pack {
    /// The file as it lies in the pack: indented, with a final LF.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::document(self)
    }
}
