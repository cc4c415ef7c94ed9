//! The seal inside a pack: that a trusted key closed this tag manifest.

use crate::evidence::receipt::VerifiedReceipt;
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::seal::{SEAL_SUBJECT, Seal};
use crate::format::statement::Statement;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};

/// Where the seal lies in a pack.
pub const SEAL: &str = "attestations/seal.sigstore.json";

/// A seal whose signature holds, over the tag manifest that was given.
pub type VerifiedSeal = Verified<Statement<Seal>>;

/// The seal's bundle and the tag manifest that it must be about.
pub struct Sealed<'a> {
    /// The bundle, if there is one.
    pub bundle: Option<&'a [u8]>,
    /// The tag manifest's digest.
    pub tag_manifest: Sha256,
    /// What the pack claims to be; the seal must be of that kind.
    pub kind: Kind,
}

/// Verifies the seal. A verified receipt gives the time, and must have been made for this very seal.
pub fn verify(
    trust: &Trust,
    sealed: &Sealed<'_>,
    receipt: Option<&VerifiedReceipt>,
) -> Result<VerifiedSeal, Vec<Finding>> {
    let Some(bundle) = sealed.bundle else {
        return Err(vec![Finding::new(Code::SealMissing, SEAL)]);
    };
    if trust.is_empty() {
        return Err(vec![Finding::new(Code::NoTrust, SEAL)]);
    }
    let said = receipt.map(|receipt| receipt.predicate());
    let expect = Expect {
        file: SEAL,
        right: Right::to_seal(sealed.kind),
        project: said.map(|receipt| &*receipt.project),
        kind: Some(said.map_or(sealed.kind, |receipt| receipt.kind)),
    };
    let at = said.map(|receipt| receipt.created_at);
    let seal = trust.verify::<Seal>(bundle, expect, at).map_err(|finding| vec![finding])?;
    let mut findings = seal.match_subjects(&[(SEAL_SUBJECT, sealed.tag_manifest)]);
    let mut same = |what: &str, signed: Sha256, found: Sha256| {
        if signed != found {
            let finding = Finding::new(Code::Disagreement, format!("receipt: {what}"));
            findings.push(finding.expected(format!("sha256 {signed}")).actual(format!("sha256 {found}")));
        }
    };
    if let Some(said) = said {
        same("seal", said.seal_sha256, Sha256::of(bundle));
        same("tag manifest", said.tagmanifest_sha256, sealed.tag_manifest);
    }
    if findings.is_empty() { Ok(seal) } else { Err(findings) }
}
