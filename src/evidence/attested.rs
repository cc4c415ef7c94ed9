//! The attestations beside the seal: that provenance and SBOM of a pack are signed, and say what the pack says.

use crate::error::Result;
use crate::evidence::agreement::{POLICY, small};
use crate::evidence::gates::record::GATES;
use crate::evidence::gates::said::{commit, own_policy};
use crate::evidence::gates::{Tally, left_out, tally};
use crate::evidence::pack::unjudged;
use crate::evidence::payload::{MANIFEST, NAMED_MAX, Payload};
use crate::evidence::provenance::{DDL, PROVENANCE, ddl_digest, subjects};
use crate::evidence::receipt::VerifiedReceipt;
use crate::evidence::sbom::{ATTESTATION, CYCLONEDX, SPDX};
use crate::evidence::waived;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::bom::agreement::agrees;
use crate::format::cyclonedx::attestation::Sbom;
use crate::format::cyclonedx::read::released;
use crate::format::digest::Sha256;
use crate::format::gates::{RESOURCE, VerificationResult, VerificationSummary};
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::provenance::{BUILD_TYPE, Provenance, Resource};
use crate::format::statement::{Predicate, Statement};
use crate::format::units::{count, number};
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};
use crate::pipeline::contents::Tags;
use crate::policy::{Policy, gate};
use std::collections::BTreeMap;

/// A provenance whose signature holds.
type VerifiedProvenance = Verified<Statement<Provenance>>;

/// What the attestations of a pack are judged by.
pub struct Attested<'a> {
    /// The tag files.
    pub tags: &'a Tags,
    /// What the pack says of itself.
    pub pack: &'a Pack,
    /// The payload as the signed lists have it.
    pub payload: &'a Payload,
    /// Who may sign.
    pub trust: &'a Trust,
    /// The receipt of the archive, if that was verified: it tells the time.
    pub receipt: Option<&'a VerifiedReceipt>,
}

impl Attested<'_> {
    /// Runs the checks `provenance` and `sbom`.
    pub fn check(&self, outcome: &mut Outcome) -> Result<()> {
        if self.pack.kind == Kind::Backup {
            return Ok(());
        }
        let has_sbom = [CYCLONEDX, SPDX, ATTESTATION].iter().any(|name| self.tags.size(name).is_some());
        let provenance = self.provenance(has_sbom, outcome)?;
        self.sbom(has_sbom, outcome)?;
        self.gates(provenance.as_ref().map(|said| said.predicate()), outcome)
    }

    /// What the gates came to when it was sealed.
    fn gates(&self, provenance: Option<&Provenance>, outcome: &mut Outcome) -> Result<()> {
        let Some(bundle) = small(self.tags, GATES)? else {
            match self.gates_of_the_policy()? {
                0 => outcome.skip("gates", Status::NotApplicable, "none were evaluated when it was sealed"),
                gates => {
                    let expected = format!("what {} of {POLICY} came to", count(gates as u64, "gate"));
                    let finding = Finding::new(Code::Missing, GATES).expected(expected);
                    outcome.conclude("gates", "they are not in the pack", vec![finding]);
                }
            }
            return Ok(());
        };
        let statement = match self.verified::<VerificationSummary>(&bundle, GATES) {
            Ok(statement) => statement,
            Err(finding) => {
                let findings = vec![finding];
                outcome.conclude("gates", unjudged(&findings).unwrap_or(GATES), findings);
                return Ok(());
            }
        };
        let manifest = self.digest_of(MANIFEST)?.unwrap_or_default();
        let mut findings = statement.match_subjects(&[(MANIFEST, manifest)]);
        let (tally, faults) = judge(self.pack, statement.predicate());
        findings.extend(faults);
        findings.extend(other_commit(provenance, statement.predicate().gates.commit.as_deref()));
        let policy = own_policy(self.tags)?;
        if let Some(policy) = &policy {
            findings.extend(left_out(policy, gate::Stage::Seal, &statement.predicate().gates.gates));
        }
        outcome.conclude("gates", format!("{tally} when sealed"), findings);
        let record = waived::Record {
            gates: &statement.predicate().gates,
            policy_sha256: self.pack.policy.sha256,
            policy: policy.as_ref(),
            trust: self.trust,
            evaluated_at: self.receipt.map(|receipt| receipt.predicate().evaluated_at),
        };
        let names = self.tags.names().map(AsRef::as_ref);
        waived::check(&record, names, |name| small(self.tags, name), outcome)
    }

    /// Gives the provenance, if its signature holds.
    fn provenance(&self, has_sbom: bool, outcome: &mut Outcome) -> Result<Option<VerifiedProvenance>> {
        let artifacts = &self.payload.artifacts;
        let Some(bundle) = small(self.tags, PROVENANCE)? else {
            match (artifacts.is_empty(), has_sbom) {
                (true, _) => outcome.skip("provenance", Status::NotApplicable, "the pack has no artifacts"),
                // Packs of before there were SBOMs have neither.
                (false, false) => outcome.skip("provenance", Status::Skipped, "none in this pack"),
                (false, true) => {
                    let finding = Finding::new(Code::ProvenanceMissing, PROVENANCE);
                    outcome.conclude("provenance", "there is none, but there are artifacts", vec![finding]);
                }
            }
            return Ok(None);
        };
        let statement = match self.verified::<Provenance>(&bundle, PROVENANCE) {
            Ok(statement) => statement,
            Err(finding) => {
                let findings = vec![finding];
                outcome.conclude("provenance", unjudged(&findings).unwrap_or(PROVENANCE), findings);
                return Ok(None);
            }
        };
        let mut findings = self.unmatched(&statement)?;
        findings.extend(self.disagreements(statement.predicate())?);
        let detail = if findings.is_empty() {
            format!("{}{}", covered(artifacts.len()), source(statement.predicate()))
        } else {
            count(artifacts.len() as u64, "artifact")
        };
        outcome.conclude("provenance", detail, findings);
        Ok(Some(statement))
    }

    /// Every artifact must be a subject with its digest, and every subject an artifact.
    fn unmatched(&self, statement: &VerifiedProvenance) -> Result<Vec<Finding>> {
        let expected = subjects(&self.payload.artifacts, self.digest_of(MANIFEST)?.unwrap_or_default());
        let files: Vec<(&str, Sha256)> =
            expected.iter().map(|subject| (&*subject.name, subject.digest.sha256)).collect();
        let finding = |finding: Finding| Finding { code: Code::ProvenanceIncomplete, ..finding };
        Ok(statement.match_subjects(&files).into_iter().map(finding).collect())
    }

    /// What it says of version, policy, lockfiles, DDL and SBOMs must be what lies in the pack.
    fn disagreements(&self, said: &Provenance) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut same = |what: &str, said: String, found: String| {
            if said != found {
                let finding = Finding::new(Code::Disagreement, format!("provenance: {what}"));
                findings.push(finding.expected(said).actual(found));
            }
        };
        let definition = &said.build_definition;
        let parameters = &definition.external_parameters;
        same("buildType", definition.build_type.clone(), BUILD_TYPE.to_owned());
        same("version", parameters.version.clone(), self.pack.version.clone());
        same("policy", digest(parameters.policy.sha256), digest(self.pack.policy.sha256));
        // Both SBOMs, each with the digest that it has in the pack.
        let byproducts: Vec<(&str, Sha256)> = said.run_details.byproducts.iter().filter_map(named).collect();
        for name in [CYCLONEDX, SPDX] {
            if !byproducts.iter().any(|(said, _)| *said == name) {
                let found = self.digest_of(name)?.map_or(ABSENT.to_owned(), digest);
                same(name, ABSENT.to_owned(), found);
            }
        }
        for (name, sha256) in byproducts {
            let found = self.digest_of(name)?.map_or(ABSENT.to_owned(), digest);
            same(name, digest(sha256), found);
        }
        let resolved: Vec<(&str, Sha256)> =
            definition.resolved_dependencies.iter().filter_map(named).collect();
        if !resolved.iter().any(|(name, _)| *name == DDL)
            && let Some(found) = self.resolved(DDL)
        {
            same(DDL, ABSENT.to_owned(), digest(found));
        }
        for (name, sha256) in resolved {
            match self.resolved(name) {
                Some(found) => same(name, digest(sha256), digest(found)),
                None if name == DDL && self.pack.ddl.is_none() => {
                    same(name, digest(sha256), ABSENT.to_owned())
                }
                None => {}
            }
        }
        Ok(findings)
    }

    /// The digest in the payload of what the artifacts depend on; `None` for what is not payload.
    fn resolved(&self, name: &str) -> Option<Sha256> {
        if name == DDL {
            let files = self.pack.ddl.as_ref()?.files.iter();
            let digest = |path: &str| {
                let at = self.payload.ddl.binary_search_by(|(known, _)| known.as_str().cmp(path)).ok()?;
                Some((path.to_owned(), self.payload.ddl[at].1))
            };
            return Some(ddl_digest(&files.map(|file| digest(&file.path)).collect::<Option<Vec<_>>>()?));
        }
        let at = self.payload.lockfiles.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(self.payload.lockfiles[at].1)
    }

    fn sbom(&self, has_sbom: bool, outcome: &mut Outcome) -> Result<()> {
        if !has_sbom {
            outcome.skip("sbom", Status::Skipped, "none in this pack");
            return Ok(());
        }
        let mut files = Vec::new();
        let mut missing = Vec::new();
        for name in [CYCLONEDX, SPDX, ATTESTATION] {
            match small(self.tags, name)? {
                Some(bytes) => files.push(bytes),
                None => missing.push(Finding::new(Code::SbomMissing, name)),
            }
        }
        let [cyclonedx, spdx, bundle] = &files[..] else {
            outcome.conclude("sbom", "a part of it is not there", missing);
            return Ok(());
        };
        let statement = match self.verified::<Sbom>(bundle, ATTESTATION) {
            Ok(statement) => statement,
            Err(finding) => {
                let findings = vec![finding];
                outcome.conclude("sbom", unjudged(&findings).unwrap_or(ATTESTATION), findings);
                return Ok(());
            }
        };
        let manifest = self.digest_of(MANIFEST)?.unwrap_or_default();
        let mut findings = statement.match_subjects(&[(MANIFEST, manifest)]);
        if !statement.predicate().is(cyclonedx) {
            let finding = Finding::new(Code::SbomInvalid, CYCLONEDX);
            findings.push(finding.actual("it is not the document that was signed"));
            // What another document has in common with the SPDX one says nothing of that.
            outcome.conclude("sbom", "CycloneDX and SPDX", findings);
            return Ok(());
        }
        findings.extend(self.misdescribed(cyclonedx));
        let detail = match agrees(cyclonedx, spdx) {
            Ok(counts) => format!("CycloneDX and SPDX, {}", count(counts.components as u64, "component")),
            Err(why) => {
                findings.push(Finding::new(Code::SbomInvalid, SPDX).actual(why));
                "CycloneDX and SPDX".to_owned()
            }
        };
        outcome.conclude("sbom", detail, findings);
        Ok(())
    }

    /// The version that the SBOM is of must be the pack's, and its files the artifacts of the signed lists.
    fn misdescribed(&self, cyclonedx: &[u8]) -> Vec<Finding> {
        let finding = |subject: &str| Finding::new(Code::SbomInvalid, format!("{CYCLONEDX}: {subject}"));
        let files = match released(cyclonedx) {
            Ok(files) => files,
            Err(fault) => return vec![Finding::new(Code::SbomInvalid, CYCLONEDX).actual(fault)],
        };
        let mut findings = Vec::new();
        if files.version.as_ref() != Some(&self.pack.version) {
            let said = files.version.unwrap_or_else(|| ABSENT.to_owned());
            findings.push(finding("version").expected(&self.pack.version).actual(said));
        }
        let artifacts = &self.payload.artifacts;
        // Past the limit none is named, and the manifest stands for all.
        let artifacts = if artifacts.len() > NAMED_MAX { &[] } else { &artifacts[..] };
        let mut said: BTreeMap<&str, Option<Sha256>> = BTreeMap::new();
        for (path, sha256) in &files.files {
            if said.insert(path, *sha256).is_some() {
                findings.push(finding(path).expected("once").actual("twice"));
            }
        }
        for (path, signed) in artifacts {
            let actual = match said.remove(path.as_str()) {
                Some(Some(sha256)) if sha256 == *signed => continue,
                Some(Some(sha256)) => format!("sha256 {sha256}"),
                Some(None) => "no sha256".to_owned(),
                None => ABSENT.to_owned(),
            };
            findings.push(finding(path.as_str()).expected(format!("sha256 {signed}")).actual(actual));
        }
        findings.extend(said.keys().map(|path| finding(path).actual("no artifact of the pack")));
        findings
    }

    fn verified<P: Predicate>(&self, bundle: &[u8], file: &str) -> Result<Verified<Statement<P>>, Finding> {
        let expect = Expect {
            file,
            right: Right::to_seal(self.pack.kind),
            project: Some(&self.pack.project),
            kind: Some(self.pack.kind),
        };
        self.trust.verify::<P>(bundle, expect, self.receipt.map(|receipt| receipt.predicate().created_at))
    }

    /// How many gates the pack's own policy asks for before a seal. A policy that cannot be read asks for none that is
    /// known here.
    fn gates_of_the_policy(&self) -> Result<usize> {
        let at_seal =
            |policy: &Policy| policy.gates.iter().filter(|one| one.stage == gate::Stage::Seal).count();
        Ok(own_policy(self.tags)?.as_ref().map_or(0, at_seal))
    }

    fn digest_of(&self, name: &str) -> Result<Option<Sha256>> {
        Ok(small(self.tags, name)?.map(|bytes| Sha256::of(&bytes)))
    }
}

/// How many gates ended how, and what contradicts the pack. A seal over a failed gate is not one that attestar makes.
fn judge(pack: &Pack, said: &VerificationSummary) -> (Tally, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut same = |what: &str, said: String, found: String| {
        if said != found {
            let finding = Finding::new(Code::Disagreement, format!("gates: {what}"));
            findings.push(finding.expected(said).actual(found));
        }
    };
    same("version", said.gates.version.clone(), pack.version.clone());
    same("resourceUri", said.resource_uri.clone(), format!("{RESOURCE}{}", pack.name));
    same("stage", said.gates.stage.clone(), gate::Stage::Seal.to_string());
    same("policy", digest(said.policy.digest.sha256), digest(pack.policy.sha256));
    same("result", format!("{:?}", said.verification_result), format!("{:?}", VerificationResult::Passed));
    // A tag file holds no clock reading, and its signer is judged by the receipt's time alone.
    let time = said.time_verified.map_or(ABSENT.to_owned(), |time| time.to_string());
    same("timeVerified", time, ABSENT.to_owned());
    let (tally, faults) = tally(&said.gates.gates, "it failed when it was sealed");
    findings.extend(faults);
    (tally, findings)
}

/// A waiver is of one commit, so the record may not name another one than the provenance.
fn other_commit(provenance: Option<&Provenance>, recorded: Option<&str>) -> Option<Finding> {
    let sealed = provenance.map(commit).filter(|sealed| *sealed != recorded)?;
    let show = |commit: Option<&str>| commit.unwrap_or(ABSENT).to_owned();
    let finding = Finding::new(Code::Disagreement, "gates: commit");
    Some(finding.expected(show(sealed)).actual(show(recorded)))
}

/// What is said of a file that is not in the pack, or not named.
const ABSENT: &str = "absent";

/// As findings show it.
fn digest(sha256: Sha256) -> String {
    format!("sha256 {sha256}")
}

/// A resource's name, and its SHA-256 where it has one.
fn named(resource: &Resource) -> Option<(&str, Sha256)> {
    Some((resource.name.as_deref()?, resource.digest.as_ref()?.sha256?))
}

fn covered(artifacts: usize) -> String {
    match artifacts {
        1 => "the artifact is a subject".to_owned(),
        n if n > NAMED_MAX => "the manifest of all artifacts is the subject".to_owned(),
        n => format!("all {} artifacts are subjects", number(n as u64)),
    }
}

/// `; commit 8c1f2ab, tag v0.1.1`
fn source(said: &Provenance) -> String {
    let definition = &said.build_definition;
    let commit = commit(said).map(|commit| format!("commit {}", commit.get(..7).unwrap_or(commit)));
    let tag = definition.external_parameters.tag.as_ref().map(|tag| format!("tag {tag}"));
    let parts: Vec<String> = commit.into_iter().chain(tag).collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}
