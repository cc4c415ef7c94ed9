//! `sbom`: what the release is made of, without sealing it.

use crate::error::{Error, Result};
use crate::evidence::artifacts::Artifacts;
use crate::evidence::sbom::{self, Format, Sbom, Subject};
use crate::format::bom::release::ReleaseFile;
use crate::pipeline::hash::{Wanted, hash_files};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::tree::member::Member;
use crate::tree::{git, software, version};
use crate::verbs::seal::{preview, source_date_epoch};
use std::path::Path;

/// What to describe.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that says what the artifacts are, who supplies, and what says nothing of the release.
    pub policy: &'a Policy,
    /// The version, if it was given.
    pub version: Option<&'a str>,
    /// The folder that gets what is sealed, which is never looked at.
    pub out: &'a Path,
    /// `SOURCE_DATE_EPOCH`, if it is set.
    pub source_date_epoch: Option<i64>,
    /// Which document to write.
    pub format: Format,
    /// Worker threads.
    pub threads: usize,
}

/// An SBOM and what it is of.
pub struct Described {
    /// The project.
    pub project: String,
    /// The version, where something tells it.
    pub version: Option<String>,
    /// What is to be said of the document.
    pub sbom: Sbom,
    /// The document.
    pub document: Vec<u8>,
}

/// Reads every lockfile and artifact, and writes the document.
pub fn sbom(request: &Request<'_>, watch: &Watch) -> Result<Described> {
    let facts = git::facts(request.root)?;
    let project = version::project_name(request.root, request.policy)?.value;
    let version = match version::version(request.root, request.policy, request.version, facts.as_ref()) {
        Ok(told) => Some(told.value),
        // An SBOM can be of a version that nobody has named yet; a seal cannot.
        Err(Error::Usage { .. }) if request.version.is_none() => None,
        Err(error) => return Err(error),
    };
    let scan = preview(request.root, request.policy, request.out, watch)?;
    let root = Root::open(request.root)?;
    let mut said = software::lockfiles(request.root, &scan, request.policy, watch)?;
    said.extend(Artifacts::new(&scan.members, request.policy).read_all(&root, watch)?);
    let files = files(&root, &scan.members, request.threads, watch)?;
    let (epoch_s, _) = source_date_epoch(request.source_date_epoch, facts.as_ref(), &scan);
    let subject = Subject {
        project: &project,
        version: version.as_deref(),
        supplier: request.policy.supplier.as_deref(),
        epoch_s,
    };
    let (sbom, [document]) = sbom::write(&subject, said, files, [request.format]);
    Ok(Described { project, version, sbom, document })
}

/// Every artifact with its digests.
fn files(root: &Root, members: &[Member], threads: usize, watch: &Watch) -> Result<Vec<ReleaseFile>> {
    let artifacts: Vec<&Member> = members.iter().filter(|member| member.is_artifact()).collect();
    let wanted: Vec<Wanted<'_>> =
        artifacts.iter().map(|member| Wanted { path: member.path.as_str(), size: member.size }).collect();
    watch.expect_bytes(wanted.iter().map(|file| file.size).sum());
    let hashed = hash_files(root, &wanted, threads, watch)?;
    let file = |(member, hashed): (&&Member, Result<_>)| {
        let (size, digests) = hashed?;
        Ok(ReleaseFile { path: member.path.clone(), digests, size })
    };
    artifacts.iter().zip(hashed).map(file).collect()
}
