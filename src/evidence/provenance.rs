//! The provenance of a release: which artifacts, from which commit, lockfiles and DDL, sealed where.

use crate::evidence::compose::Identity;
use crate::evidence::payload::{MANIFEST, NAMED_MAX, Named};
use crate::format::digest::Sha256;
use crate::format::listing::{Encoding, write_line};
use crate::format::provenance::{
    BUILD_TYPE, BuildDefinition, Builder, BuilderVersion, ExternalParameters, InternalParameters, Metadata,
    Provenance, Resource, RunDetails, TagSignature,
};
use crate::format::seal::PolicyRef;
use crate::format::statement::{DigestSet, Statement, Subject};
use crate::tree::ci;
use crate::tree::git::{GitFacts, Status, Tag};

/// Where it lies in a pack.
pub const PROVENANCE: &str = "attestations/provenance.sigstore.json";

/// The name of what stands for all DDL files of a release: the digest of their list, as `sha256sum` writes it, in the
/// order of `pack.json`.
pub const DDL: &str = "ddl";

/// Where a release comes from, as far as it is known.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What git says.
    pub git: Option<GitFacts>,
    /// The tag that names the version.
    pub tag: Option<Tag>,
    /// Whether the tree is what was committed.
    pub status: Option<Status>,
    /// Where it is sealed.
    pub builder: ci::Builder,
}

/// What a provenance is about and refers to.
pub struct Parts<'a> {
    /// Every artifact, in order.
    pub artifacts: &'a Named,
    /// The digest of the payload's manifest.
    pub manifest: Sha256,
    /// Every lockfile that was read, in order.
    pub lockfiles: &'a [(String, Sha256)],
    /// The DDL files, in the order of `pack.json`.
    pub ddl: &'a [(String, Sha256)],
    /// The SBOMs.
    pub byproducts: &'a [(&'a str, Sha256)],
}

/// The statement; `None` without artifacts.
pub fn statement(identity: &Identity, origin: &Origin, parts: &Parts<'_>) -> Option<Statement<Provenance>> {
    let subjects = subjects(parts.artifacts, parts.manifest);
    (!subjects.is_empty()).then(|| Statement::new(subjects, predicate(identity, origin, parts)))
}

/// What it is about: each artifact, or the manifest where there are too many.
pub fn subjects(artifacts: &Named, manifest: Sha256) -> Vec<Subject> {
    if artifacts.len() > NAMED_MAX {
        return vec![Subject::new(MANIFEST, manifest)];
    }
    artifacts.iter().map(|(path, sha256)| Subject::new(path.as_str(), *sha256)).collect()
}

/// The digest that stands for all DDL files: of their list, as `sha256sum` prints it.
pub fn ddl_digest(files: &[(String, Sha256)]) -> Sha256 {
    let mut list = Vec::new();
    for (path, sha256) in files {
        write_line(&mut list, Encoding::Plain, sha256, path).expect("a Vec takes everything");
    }
    Sha256::of(&list)
}

fn predicate(identity: &Identity, origin: &Origin, parts: &Parts<'_>) -> Provenance {
    let file = |name: &str, sha256| Resource::file(name, DigestSet { sha256 });
    Provenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters: ExternalParameters {
                project: identity.project.clone(),
                kind: identity.kind,
                version: identity.version.clone(),
                policy: PolicyRef {
                    name: identity.policy_name.clone(),
                    sha256: Sha256::of(identity.policy_text.as_bytes()),
                },
                tag: origin.tag.as_ref().map(|tag| tag.name.clone()),
            },
            internal_parameters: internal(origin),
            resolved_dependencies: resolved(origin, parts),
        },
        run_details: RunDetails {
            builder: Builder {
                id: origin.builder.id.clone(),
                version: BuilderVersion { attestar: env!("CARGO_PKG_VERSION").to_owned() },
            },
            metadata: origin.builder.invocation.clone().map(|invocation_id| Metadata { invocation_id }),
            byproducts: parts.byproducts.iter().map(|(name, sha256)| file(name, *sha256)).collect(),
        },
    }
}

fn internal(origin: &Origin) -> InternalParameters {
    let status = origin.status.as_ref();
    let some = |number: u64| (number > 0).then_some(number);
    let signature = origin.tag.as_ref().and_then(|tag| tag.signature.as_ref());
    InternalParameters {
        branch: origin.git.as_ref().and_then(|git| git.branch.clone()),
        clean: status.and_then(Status::is_clean),
        changed_files: status.and_then(|status| some(status.changed)),
        untracked_files: status.and_then(|status| some(status.untracked)),
        runner: origin.builder.runner.map(str::to_owned),
        tag_signature: signature.map(|signature| TagSignature {
            format: signature.format.as_str().to_owned(),
            verdict: signature.verdict.as_str().to_owned(),
            reason: signature.verdict.why().map(str::to_owned),
            key: signature.key.clone(),
            signer: signature.signer.clone(),
        }),
    }
}

/// The commit, the lockfiles, the DDL.
fn resolved(origin: &Origin, parts: &Parts<'_>) -> Vec<Resource> {
    let mut resolved = Vec::new();
    if let Some(git) = &origin.git
        && let Some(commit) = &git.commit
    {
        let tag = origin.tag.as_ref();
        let object = tag.and_then(|tag| tag.object.as_deref());
        resolved.push(Resource::source(git.remote.as_deref(), tag.map(|tag| &*tag.name), commit, object));
    }
    let file = |(name, sha256): &(String, Sha256)| Resource::file(name, DigestSet { sha256: *sha256 });
    resolved.extend(parts.lockfiles.iter().map(file));
    if !parts.ddl.is_empty() {
        resolved.push(Resource::file(DDL, DigestSet { sha256: ddl_digest(parts.ddl) }));
    }
    resolved
}
