//! The provenance: the signed statement about how artifacts came to be, as SLSA wants it.
//!
//! <https://slsa.dev/spec/v1.0/provenance>. It says from which commit, lockfiles and policy a release was sealed, and
//! where. It is no claim that the artifacts were built from that commit: attestar seals what it finds and watches no
//! build. It claims no SLSA level either, and holds no clock reading, so `startedOn` and `finishedOn` are absent.
//!
//! `builder` and `invocationId` are what the environment of the sealing machine said, and worth what that machine is.

use crate::format::json;
use crate::format::kind::Kind;
use crate::format::seal::PolicyRef;
use crate::format::statement::{DigestSet, Predicate};
use serde::{Deserialize, Serialize};

/// How [`BuildDefinition`] is to be read: what was sealed, under which policy.
pub const BUILD_TYPE: &str = "urn:attestar:seal-release:v1";

/// Predicate `https://slsa.dev/provenance/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provenance {
    /// What was asked for, and of what it was made.
    pub build_definition: BuildDefinition,
    /// Who did it.
    pub run_details: RunDetails,
}

/// What was asked for, and of what it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BuildDefinition {
    /// Always [`BUILD_TYPE`].
    pub build_type: String,
    /// What whoever sealed chose.
    pub external_parameters: ExternalParameters,
    /// What attestar found out.
    pub internal_parameters: InternalParameters,
    /// The commit, the lockfiles, the files that artifacts depend on.
    pub resolved_dependencies: Vec<Resource>,
}

/// What whoever sealed chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalParameters {
    /// The project that was sealed; compared with what is verified.
    pub project: String,
    /// Release or backup; compared with what is verified.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// The policy it was sealed under.
    pub policy: PolicyRef,
    /// The tag that names the version, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// What attestar found out about the tree. Everything is absent without git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InternalParameters {
    /// The branch that was checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether the files were those of the commit: nothing changed, nothing untracked. Absent where that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<bool>,
    /// How many tracked files differ from the commit, where any do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_files: Option<u64>,
    /// How many files are neither tracked nor ignored, where any are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untracked_files: Option<u64>,
    /// Whether the machine was the CI service's own, or its user's: `hosted` or `self-hosted`, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// The signature of the tag, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_signature: Option<TagSignature>,
}

/// What the signature of a tag was worth when it was sealed, by the keys that the policy names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagSignature {
    /// `ssh`, `openpgp` or `x509`.
    pub format: String,
    /// `good`, `bad`, `unknown-key`, `expired`, `not-yet-valid` or `unsupported`.
    pub verdict: String,
    /// Why, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `SHA256:…` of an SSH key; the fingerprint or key id of an OpenPGP key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The principal or user id that the key was given under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDetails {
    /// Where it was sealed, and by what.
    pub builder: Builder,
    /// Which run it was, where the environment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// What else came out of it: the SBOMs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<Resource>,
}

/// Where it was sealed, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// A URI: the workflow or server that the environment names, else `urn:attestar:builder:local`.
    pub id: String,
    /// The programs and their versions.
    pub version: BuilderVersion,
}

/// The programs and their versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuilderVersion {
    /// This program's.
    pub attestar: String,
}

/// Which run it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The run, as a URL mostly.
    pub invocation_id: String,
}

/// An in-toto ResourceDescriptor: at least one of `uri` and `digest` is there.
/// <https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resource {
    /// What it is called: a path in the pack, `ddl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digests>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// An in-toto DigestSet of what a resource may be: a file, or objects of a git repository.
/// <https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Digests {
    /// A file's SHA-256, 64 lower-case hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_sha256")]
    pub sha256: Option<crate::format::digest::Sha256>,
    /// The id of a commit, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// The id of the object of an annotated tag, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_tag: Option<String>,
}

impl Resource {
    /// A file by its path and digest.
    pub fn file(name: impl Into<String>, digest: DigestSet) -> Resource {
        let digest = Digests { sha256: Some(digest.sha256), ..Digests::default() };
        Resource { name: Some(name.into()), digest: Some(digest), ..Resource::default() }
    }

    /// The source: a commit of a repository, and the tag that names it. Without a public URL only the digests remain.
    pub fn source(
        remote: Option<&str>,
        tag: Option<&str>,
        commit: &str,
        tag_object: Option<&str>,
    ) -> Resource {
        let at = tag.map_or_else(|| commit.to_owned(), |tag| format!("refs/tags/{tag}"));
        let digest = Digests {
            sha256: None,
            git_commit: Some(commit.to_owned()),
            git_tag: tag_object.map(str::to_owned),
        };
        Resource {
            name: Some("source".to_owned()),
            uri: remote.map(|remote| format!("{}@{at}", git_uri(remote))),
            digest: Some(digest),
            media_type: None,
        }
    }
}

/// A repository's URL as SPDX writes it for download: `git+https://…`.
fn git_uri(remote: &str) -> String {
    if remote.starts_with("git") { remote.to_owned() } else { format!("git+{remote}") }
}

impl Predicate for Provenance {
    const TYPE: &'static str = "https://slsa.dev/provenance/v1";

    fn project(&self) -> &str {
        &self.build_definition.external_parameters.project
    }

    fn kind(&self) -> Kind {
        self.build_definition.external_parameters.kind
    }
}

#[cfg(test)]
mod tests;
