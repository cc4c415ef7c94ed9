//! What a release is made of: one component model, from which both SBOM formats are written.
//!
//! A reader of lockfiles or of artifacts gives a [`Graph`] of what one file says. What a file does not say stays
//! absent: nothing here is guessed.

pub mod agreement;
pub mod checksum;
pub mod graph;
pub mod licence;
pub mod merged;
pub mod order;
pub mod purl;
pub mod release;

pub use checksum::{Algorithm, Checksum};
pub use graph::{Graph, Node};
pub use licence::Licence;
pub use merged::Merged;
pub use purl::Purl;
pub use release::{Origin, RELEASED_FILE, Release, ReleaseFile, Source};

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentKind {
    /// A program, or a project of this tree: what a lockfile is for.
    Application,
    /// A package that something depends on.
    Library,
    /// A container image.
    Container,
    /// The operating system of an image.
    OperatingSystem,
    /// A file of the release.
    File,
}

/// When a component is needed. Ordered: what is needed more stands first, and wins where files differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// When the project runs.
    #[default]
    Runtime,
    /// When the project runs, where the platform or the user asks for it.
    Optional,
    /// Only to build or test the project.
    Development,
}

/// One component, as one file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What it is.
    pub kind: ComponentKind,
    /// Its whole name as its ecosystem writes it: `@scope/name`, `group:artifact`, `vendor/name`.
    pub name: String,
    /// Its version, where one is stated.
    pub version: Option<String>,
    /// Its package URL; absent where it has none, as files and unnamed projects.
    pub purl: Option<Purl>,
    /// The digests that the file states of it, in no order.
    pub checksums: Vec<Checksum>,
    /// When it is needed.
    pub scope: Scope,
    /// Its licence, where the file states it.
    pub licence: Option<Licence>,
    /// Who supplies it, where the file states it: a person or an organisation by name.
    pub supplier: Option<String>,
}

impl Component {
    /// A component of which only kind, name and version are known.
    pub fn new(kind: ComponentKind, name: impl Into<String>, version: Option<&str>) -> Component {
        Component {
            kind,
            name: name.into(),
            version: version.map(str::to_owned),
            purl: None,
            checksums: Vec::new(),
            scope: Scope::Runtime,
            licence: None,
            supplier: None,
        }
    }

    /// A library with its package URL.
    pub fn library(name: impl Into<String>, version: &str, purl: Purl) -> Component {
        Component { purl: Some(purl), ..Component::new(ComponentKind::Library, name, Some(version)) }
    }
}

/// How much of what a file stands for is in its graph (CycloneDX 1.6, compositions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aggregate {
    /// Everything, with every dependency: a full resolution, read whole.
    Complete,
    /// Nobody can tell: the format lists packages, but not all, or not who needs them.
    Unknown,
    /// Something is known to be missing: it could not be read.
    Incomplete,
}
