//! `sbom --json`

use attestar::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// `sbom --json`
#[derive(Serialize, JsonSchema)]
#[schemars(title = "attestar/sbom/v1")]
pub struct SbomDocument {
    /// `attestar/sbom/v1`.
    pub schema: &'static str,
    /// The process's exit code.
    pub exit_code: u8,
    /// The project.
    pub project: String,
    /// The version, where something tells it.
    pub version: Option<String>,
    /// `cyclonedx` or `spdx`.
    pub format: &'static str,
    /// How many components are in it, artifacts of the release not counted.
    pub components: u64,
    /// The lockfiles that were read.
    pub lockfiles: Vec<String>,
    /// How many artifacts said something of themselves.
    pub artifacts_described: u64,
    /// Whether something is known to be missing.
    pub incomplete: bool,
    /// What could not be read, and what disagrees.
    pub findings: Vec<Finding>,
    /// Where it was written, if that was asked for.
    pub out: Option<String>,
    /// The SBOM itself, if it was not written into a file.
    pub bom: Option<serde_json::Value>,
}
