//! The SBOM of a release: from what lockfiles and artifacts say to both documents.

use crate::evidence::payload::NAMED_MAX;
use crate::finding::{Code, Finding};
use crate::format::bom::merged::Merged;
use crate::format::bom::release::{Origin, Release, ReleaseFile, Source};
use crate::format::bom::{Component, ComponentKind};
use crate::format::seal::Tool;
use crate::format::units::number;
use crate::format::{cyclonedx, spdx};
use crate::tree::software::Said;

pub use crate::format::cyclonedx::FILE_NAME as CYCLONEDX;
pub use crate::format::spdx::FILE_NAME as SPDX;

/// Where the signed statement about them lies.
pub const ATTESTATION: &str = "attestations/sbom.sigstore.json";

/// What an SBOM is of.
pub struct Subject<'a> {
    /// The project.
    pub project: &'a str,
    /// The version, where one is known.
    pub version: Option<&'a str>,
    /// Who supplies it, as the policy says.
    pub supplier: Option<&'a str>,
    /// The time that the release stands for, in seconds since 1970.
    pub epoch_s: i64,
}

/// A document format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CycloneDX 1.6.
    CycloneDx,
    /// SPDX 2.3.
    Spdx,
}

/// What is to be said of the documents.
pub struct Sbom {
    /// How many components are in them, artifacts of the release not counted.
    pub components: u64,
    /// The lockfiles that were read, in bytewise order.
    pub lockfiles: Vec<String>,
    /// How many artifacts said something of themselves.
    pub described: u64,
    /// Whether something is known to be missing.
    pub incomplete: bool,
    /// What could not be read, and what disagrees.
    pub findings: Vec<Finding>,
}

/// Writes the documents of these formats, and gives them in that order. `files` are all artifacts of the release; past
/// [`NAMED_MAX`] none of them is named one by one: the payload's manifest lists them, and the SBOM is marked incomplete.
pub fn write<const N: usize>(
    subject: &Subject<'_>,
    said: Vec<Said>,
    files: Vec<ReleaseFile>,
    formats: [Format; N],
) -> (Sbom, [Vec<u8>; N]) {
    let mut findings: Vec<Finding> = said
        .iter()
        .flat_map(|said| said.reading.faults.iter().map(|fault| fault.finding(&said.path)))
        .collect();
    findings.extend(too_many(files.len()));
    let lockfiles =
        said.iter().filter(|said| said.lockfile.is_some()).map(|said| said.path.clone()).collect();
    let described = said.iter().filter(|said| said.lockfile.is_none()).count() as u64;
    let release = release(subject, said, files);
    let merged = Merged::of(&release);
    findings.extend(merged.disagreements.iter().map(|disagreement| disagreement.finding()));
    let documents = formats.map(|format| match format {
        Format::CycloneDx => cyclonedx::to_bytes(&merged),
        Format::Spdx => spdx::to_bytes(&merged),
    });
    let components = merged.parts.iter().filter(|part| part.kind != ComponentKind::File).count() as u64;
    let incomplete = release.incomplete();
    (Sbom { components, lockfiles, described, incomplete, findings }, documents)
}

fn too_many(files: usize) -> Option<Finding> {
    let finding = Finding::new(Code::SbomSourceTooLarge, "artifacts")
        .expected(format!("at most {}", number(NAMED_MAX as u64)));
    let actual = format!("{} artifacts, which the manifest lists instead", number(files as u64));
    (files > NAMED_MAX).then(|| finding.actual(actual))
}

fn release(subject: &Subject<'_>, said: Vec<Said>, files: Vec<ReleaseFile>) -> Release {
    let named = Component::new(ComponentKind::Application, subject.project, subject.version);
    let source = |said: Said| Source {
        path: said.path,
        sha256: said.sha256,
        origin: if said.lockfile.is_some() { Origin::Lockfile } else { Origin::Artifact },
        graph: said.reading.graph,
        aggregate: said.reading.aggregate,
    };
    let files_omitted = if files.len() > NAMED_MAX { files.len() as u64 } else { 0 };
    Release {
        subject: Component { supplier: subject.supplier.map(str::to_owned), ..named },
        sources: said.into_iter().map(source).collect(),
        files: if files_omitted > 0 { Vec::new() } else { files },
        files_omitted,
        epoch_s: subject.epoch_s,
        tool: Tool::this(),
    }
}
