//! The verifier: the only place where a [`Verified`] is made.
//!
//! Everything behind it (restore, reports, approvals) takes a `Verified` and nothing less, so that no
//! statement is believed that was not signed by a key that the caller trusts for that very act.

use crate::finding::{Code, Finding};
use crate::format::bundle::Bundle;
use crate::format::digest::Sha256;
use crate::format::envelope::PAYLOAD_TYPE;
use crate::format::kind::Kind;
use crate::format::statement::{Predicate, Statement};
use crate::keys::public::PublicKey;
use crate::keys::right::Right;
use crate::keys::trust::{Signer, Trust};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

mod checkpoint;

/// What a bundle must turn out to be.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// What the bundle is called in findings: its file name.
    pub file: &'a str,
    /// What its signer must be allowed to do.
    pub right: Right,
    /// The project that is verified; `None` where this statement is what tells it.
    pub project: Option<&'a str>,
    /// The kind that is verified; `None` where this statement is what tells it.
    pub kind: Option<Kind>,
}

/// Something that a trusted key signed, together with who that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    file: String,
    signer: Signer,
    kept_at: Option<Timestamp>,
}

impl Trust {
    /// Verifies a bundle, and gives its statement only if every demand holds: canonical bytes; a key that is
    /// trusted for `expect.right` and for the project, not revoked, not expired; its strict signature over
    /// the payload as received; the payload type, statement type and predicate type of `P`; subjects;
    /// project and kind.
    ///
    /// `at` is when it was signed: the `created_at` of the verified receipt. A statement that tells its own
    /// time is judged by that. The subjects are still to be matched: [`Verified::match_subjects`].
    pub fn verify<P: Predicate>(
        &self,
        bundle_bytes: &[u8],
        expect: Expect<'_>,
        at: Option<Timestamp>,
    ) -> Result<Verified<Statement<P>>, Finding> {
        let bundle = Bundle::parse_canonical(bundle_bytes).map_err(|fault| {
            Finding::new(Code::BundleInvalid, expect.file).actual(shorten(&fault.to_string()))
        })?;
        let signer = self.authenticate(&bundle, expect)?;
        // From here on the payload is what a trusted key signed; nothing of it was looked at before.
        let kept_at = self.kept_at(Sha256::of(bundle_bytes));
        signer.check_right(expect, kept_at)?;
        let statement = read_statement::<P>(&bundle, expect)?;
        signer.check_limits(&statement.predicate, expect, at)?;
        Ok(Verified { value: statement, file: expect.file.to_owned(), signer: signer.clone(), kept_at })
    }

    /// Whether this key may now sign what is expected: what [`Trust::verify`] would say of it, before anything is signed.
    pub fn may_sign(&self, key: &PublicKey, expect: Expect<'_>, now: Timestamp) -> Result<&Signer, Finding> {
        let finding = |code| Finding::new(code, expect.file).actual(show_key_id(&key.key_id()));
        if self.is_empty() {
            return Err(finding(Code::NoTrust));
        }
        let signer = self.by_key_id(&key.key_id()).ok_or_else(|| finding(Code::SignerUnknown))?;
        signer.check_right(expect, None)?;
        signer.check_project(expect, expect.project.unwrap_or_default())?;
        signer.check_expiry(expect, Some(now))?;
        Ok(signer)
    }

    /// Finds the key that the bundle names among the trusted ones, and checks its signature.
    fn authenticate(&self, bundle: &Bundle, expect: Expect<'_>) -> Result<&Signer, Finding> {
        let envelope = &bundle.envelope;
        let finding = |code| Finding::new(code, expect.file).actual(show_key_id(&envelope.key_id));
        if self.is_empty() {
            return Err(finding(Code::NoTrust));
        }
        let signer = self.by_key_id(&envelope.key_id).ok_or_else(|| finding(Code::SignerUnknown))?;
        if !signer.key.verify_strict(&envelope.signed_bytes(), &envelope.signature) {
            return Err(finding(Code::SignatureInvalid));
        }
        Ok(signer)
    }
}

impl Signer {
    /// Whether this key may do it at all, and still; or did it while it might: what it signed was kept at that time.
    fn check_right(&self, expect: Expect<'_>, kept_at: Option<Timestamp>) -> Result<(), Finding> {
        if !self.rights.contains(&expect.right) {
            let may: Vec<&str> = self.rights.iter().map(|right| right.as_str()).collect();
            let may = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
            return Err(Finding::new(Code::SignerNotAllowed, expect.file)
                .expected(expect.right)
                .actual(format!("{} may {may}", self.role)));
        }
        let is_before = |revoked_at: &Timestamp| kept_at.is_some_and(|kept_at| kept_at < *revoked_at);
        if let Some(revoked_at) = self.revoked_at.filter(|revoked_at| !is_before(revoked_at)) {
            return Err(Finding::new(Code::SignerRevoked, expect.file)
                .actual(format!("{} was revoked at {revoked_at}", self.role)));
        }
        Ok(())
    }

    /// Whether what it signed is what is verified, and within what this key is trusted for.
    fn check_limits<P: Predicate>(
        &self,
        predicate: &P,
        expect: Expect<'_>,
        at: Option<Timestamp>,
    ) -> Result<(), Finding> {
        let disagree = |expected: &str, actual: &str| {
            Err(Finding::new(Code::StatementInvalid, expect.file).expected(expected).actual(actual))
        };
        let (project, kind) = (predicate.project(), predicate.kind());
        if let Some(expected) = expect.project.filter(|&expected| expected != project) {
            return disagree(&format!("project {expected}"), &format!("project {project}"));
        }
        // Whoever may seal releases has not thereby sealed a backup, even where the caller takes either kind.
        let kinds = [expect.kind, expect.right.kind()];
        if let Some(expected) = kinds.into_iter().flatten().find(|&expected| expected != kind) {
            return disagree(expected.as_str(), kind.as_str());
        }
        self.check_project(expect, project)?;
        self.check_expiry(expect, predicate.signed_at().or(at))
    }

    fn check_project(&self, expect: Expect<'_>, project: &str) -> Result<(), Finding> {
        let Some(projects) = self.projects.as_ref().filter(|projects| !projects.contains(project)) else {
            return Ok(());
        };
        let projects: Vec<&str> = projects.iter().map(String::as_str).collect();
        Err(Finding::new(Code::SignerWrongProject, expect.file).expected(projects.join(", ")).actual(project))
    }

    fn check_expiry(&self, expect: Expect<'_>, signed_at: Option<Timestamp>) -> Result<(), Finding> {
        let Some(not_after) = self.not_after else { return Ok(()) };
        let bound = format!("signed by {not_after}");
        match signed_at {
            Some(time) if time <= not_after => Ok(()),
            Some(time) => Err(Finding::new(Code::SignerExpired, expect.file)
                .expected(bound)
                .actual(format!("signed at {time}"))),
            None => Err(Finding::new(Code::SignedTimeUnknown, expect.file).expected(bound)),
        }
    }
}

impl<T> Verified<T> {
    /// The role that trust gives the signer; for a key given by `--key`, the name of that file.
    pub fn role(&self) -> &str {
        &self.signer.role
    }

    /// Since when a log is known to have had it: [`Trust::keep`].
    pub fn kept_at(&self) -> Option<Timestamp> {
        self.kept_at
    }

    /// The signer's key id, as in the envelope.
    pub fn key_id(&self) -> String {
        self.signer.key.key_id()
    }

    /// The digest of the signer's key, which names of files begin with.
    pub fn key_digest(&self) -> Sha256 {
        self.signer.key.digest()
    }

    /// The signer's fingerprint, as people compare it.
    pub fn fingerprint(&self) -> String {
        self.signer.key.fingerprint()
    }
}

impl<P> Verified<Statement<P>> {
    /// The statement.
    pub fn statement(&self) -> &Statement<P> {
        &self.value
    }

    /// What it says.
    pub fn predicate(&self) -> &P {
        &self.value.predicate
    }

    /// What is wrong with its subjects, if they must be exactly these, by name and digest: none besides, none
    /// missing. Empty when all of them match.
    pub fn match_subjects(&self, files: &[(&str, Sha256)]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let signed: HashMap<&str, Sha256> =
            self.value.subject.iter().map(|subject| (&*subject.name, subject.digest.sha256)).collect();
        for &(name, found) in files {
            match signed.get(name) {
                None => findings.push(
                    Finding::new(Code::StatementInvalid, &*self.file).expected(format!("subject {name}")),
                ),
                Some(signed) if *signed != found => {
                    let finding = Finding::new(Code::Altered, name).expected(format!("sha256 {signed}"));
                    findings.push(finding.actual(format!("sha256 {found}")));
                }
                Some(_) => {}
            }
        }
        let known: HashSet<&str> = files.iter().map(|(name, _)| *name).collect();
        for subject in self.value.subject.iter().filter(|subject| !known.contains(&*subject.name)) {
            let actual = format!("subject {}", subject.name);
            findings.push(Finding::new(Code::StatementInvalid, &*self.file).actual(actual));
        }
        findings
    }
}

fn read_statement<P: Predicate>(bundle: &Bundle, expect: Expect<'_>) -> Result<Statement<P>, Finding> {
    let invalid = || Finding::new(Code::StatementInvalid, expect.file);
    let payload_type = &bundle.envelope.payload_type;
    if payload_type != PAYLOAD_TYPE {
        return Err(invalid().expected(PAYLOAD_TYPE).actual(shorten(payload_type)));
    }
    Statement::parse(&bundle.envelope.payload)
        .map_err(|fault| invalid().expected(P::TYPE).actual(shorten(&fault.to_string())))
}

/// A key id as people know it from fingerprints.
fn show_key_id(key_id: &str) -> String {
    format!("key SHA256:{}", shorten(key_id.trim_end_matches('=')))
}

/// Text out of a bundle that anyone may have written: without control characters, and not megabytes of it.
fn shorten(text: &str) -> String {
    text.chars().take(160).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
