//! Writes SBOMs and attestations of a release into its tag files.

use crate::error::{Error, Result};
use crate::evidence::compose::{Identity, Payload};
use crate::evidence::gates::record::GATES;
use crate::evidence::payload::{MANIFEST, NAMED_MAX, Named};
use crate::evidence::provenance::{self, Origin, PROVENANCE, Parts};
use crate::evidence::sbom::{self, ATTESTATION, CYCLONEDX, Format, SPDX, Sbom, Subject};
use crate::evidence::tag_files::TagFiles;
use crate::format::bom::release::ReleaseFile;
use crate::format::cyclonedx::attestation;
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::gates::VerificationSummary;
use crate::format::statement::{Predicate, Statement};
use crate::keys::signing::SigningKey;
use crate::tree::software::Said;

/// What is said of a release besides its lists.
pub struct Attesting<'a> {
    /// What it is called.
    pub identity: &'a Identity,
    /// Who supplies it.
    pub supplier: Option<&'a str>,
    /// Where it comes from.
    pub origin: &'a Origin,
    /// What was read of it.
    pub payload: &'a Payload<'a>,
    /// Its DDL, as `pack.json` has it.
    pub ddl: Option<&'a DdlPack>,
    /// Signs.
    pub key: &'a SigningKey,
}

impl Attesting<'_> {
    /// Writes both SBOMs, the statement about them, and the provenance.
    pub fn write(&self, software: Vec<Said>, tags: &mut TagFiles) -> Result<Sbom> {
        let files = self.artifacts();
        let named: Named =
            files.iter().take(NAMED_MAX + 1).map(|file| (file.path.clone(), file.digests.sha256)).collect();
        let lockfiles: Vec<(String, Sha256)> = software
            .iter()
            .filter_map(|said| Some((said.path.clone(), said.lockfile.and(said.sha256)?)))
            .collect();
        let subject = Subject {
            project: &self.identity.project,
            version: Some(&self.identity.version),
            supplier: self.supplier,
            epoch_s: self.identity.source_date_epoch,
        };
        let formats = [Format::CycloneDx, Format::Spdx];
        let (sbom, [cyclonedx, spdx]) = sbom::write(&subject, software, files, formats);
        let byproducts = [
            (CYCLONEDX, tags.add(CYCLONEDX, |out| out.write_all(&cyclonedx))?),
            (SPDX, tags.add(SPDX, |out| out.write_all(&spdx))?),
        ];
        let manifest = tags.digest(MANIFEST).expect("the manifest was written before");
        let bom = attestation::Sbom::of(&cyclonedx).map_err(|why| {
            Error::input(
                format!("the SBOM cannot be signed: {why}"),
                "leave lockfiles that say nothing of the release out: [sbom] exclude",
            )
        })?;
        self.sign(ATTESTATION, &bom.over(manifest), tags)?;
        let parts = Parts {
            artifacts: &named,
            manifest,
            lockfiles: &lockfiles,
            ddl: &self.ddl_files(),
            byproducts: &byproducts,
        };
        if let Some(statement) = provenance::statement(self.identity, self.origin, &parts) {
            self.sign(PROVENANCE, &statement, tags)?;
        }
        Ok(sbom)
    }

    /// Writes what the gates came to; nothing where the policy has none.
    pub fn gates(&self, summary: VerificationSummary, tags: &mut TagFiles) -> Result<()> {
        if summary.gates.gates.is_empty() {
            return Ok(());
        }
        let manifest = tags.digest(MANIFEST).expect("the manifest was written before");
        self.sign(GATES, &summary.over(manifest), tags)
    }

    fn sign<P: Predicate>(&self, name: &str, statement: &Statement<P>, tags: &mut TagFiles) -> Result<()> {
        let bundle = self.key.sign_statement(statement).to_bytes();
        tags.add(name, |out| out.write_all(&bundle)).map(|_| ())
    }

    /// Every artifact, in order.
    fn artifacts(&self) -> Vec<ReleaseFile> {
        let members = self.payload.scanned.iter().zip(self.payload.read);
        members
            .filter(|(member, _)| member.is_artifact())
            .map(|(member, read)| ReleaseFile {
                path: member.path.clone(),
                digests: read.digests,
                size: read.size,
            })
            .collect()
    }

    /// The DDL files with their digests, in the order of `pack.json`.
    fn ddl_files(&self) -> Vec<(String, Sha256)> {
        let digest = |path: &str| {
            let at = self.payload.scanned.binary_search_by(|member| member.path.as_str().cmp(path)).ok()?;
            Some((path.to_owned(), self.payload.read[at].digests.sha256))
        };
        let files = self.ddl.map_or(&[][..], |ddl| &ddl.files).iter();
        files.filter_map(|file| digest(&file.path)).collect()
    }
}
