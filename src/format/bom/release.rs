//! What goes into the SBOM of a whole release: what is released, and every file that says what is in it.

use crate::format::bom::{Aggregate, Component, Graph};
use crate::format::digest::{Digests, Sha256};
use crate::format::path::PackPath;
use crate::format::seal::Tool;

/// What the name of a release's own file begins with inside a document; its path follows. No other name begins so.
pub const RELEASED_FILE: &str = "file:";

/// A release and everything that was read about it.
#[derive(Clone, Debug)]
pub struct Release {
    /// The project that is released: an application by the project's name and the release's version. Its supplier is
    /// also that of the release's own projects and files.
    pub subject: Component,
    /// What was read of lockfiles and artifacts, in any order; no path twice.
    pub sources: Vec<Source>,
    /// Every artifact of the release, in any order; no path twice.
    pub files: Vec<ReleaseFile>,
    /// How many artifacts are not in [`Release::files`], because there are too many to be named one by one.
    pub files_omitted: u64,
    /// The time that the release stands for, in seconds since 1970: the only time in an SBOM.
    pub epoch_s: i64,
    /// The program that writes.
    pub tool: Tool,
}

/// What one lockfile or artifact says.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path in the tree.
    pub path: String,
    /// Its digest, where it was read whole.
    pub sha256: Option<Sha256>,
    /// Which of the two it is.
    pub origin: Origin,
    /// What is in it.
    pub graph: Graph,
    /// How much of it that is.
    pub aggregate: Aggregate,
}

/// What kind of file a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The roots of its graph are projects of this tree, which need what the file lists.
    Lockfile,
    /// The roots of its graph are what the file is, which contains what it lists.
    Artifact,
}

/// An artifact of the release.
#[derive(Clone, Debug)]
pub struct ReleaseFile {
    /// Its path in the tree.
    pub path: PackPath,
    /// Both digests of it.
    pub digests: Digests,
    /// Its size in bytes.
    pub size: u64,
}

impl Release {
    /// Whether something is known to be missing: a source that could not be read whole, files that are not named.
    pub fn incomplete(&self) -> bool {
        self.files_omitted > 0 || self.sources.iter().any(|source| source.aggregate == Aggregate::Incomplete)
    }
}

impl Source {
    /// The folder it lies in; empty at the top.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}
