//! Signatures by SSH keys: OpenSSH's PROTOCOL.sshsig, judged by an allowed-signers file.
//!
//! Verified are Ed25519, ECDSA over P-256 and P-384, RSA from 2048 bits with SHA-256 or SHA-512, and the keys of security
//! tokens (`sk-…`, PROTOCOL.u2f), which must have been touched. Certificates, P-521 and DSA are not.

use crate::format::allowed_signers::{Allowed, AllowedSigners};
use crate::tree::git::signature::{Format, Signature, Verdict};
use crate::tree::git::tag::Person;
use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, PublicKey, SshSig};

/// What a signature is for: its namespace, and what is signed, for people.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    namespace: &'static str,
    noun: &'static str,
}

/// Git's signatures.
pub(super) const TAG: Purpose = Purpose { namespace: "git", noun: "tag" };

/// Those of `ssh-keygen -Y sign -n file`.
pub(super) const FILE: Purpose = Purpose { namespace: "file", noun: "file" };

/// Judges a signature over a payload. Times are compared with the tagger's, as git does: a tagger who lies about the time
/// is one who holds the key.
pub(super) fn judge(
    purpose: Purpose,
    payload: &[u8],
    armored: &str,
    tagger: Option<&Person>,
    allowed: &AllowedSigners,
) -> Signature {
    let mut judged = Signature { format: Format::Ssh, key: None, signer: None, verdict: Verdict::UnknownKey };
    let signature = match SshSig::from_pem(armored.trim_end()) {
        Ok(signature) => signature,
        Err(error) => {
            judged.verdict = unreadable(armored, &error);
            return judged;
        }
    };
    judged.key = Some(signature.public_key().fingerprint(HashAlg::Sha256).to_string());
    judged.verdict = match verify(purpose, payload, &signature) {
        Err(verdict) => verdict,
        Ok(key) => {
            let (verdict, by) = allowed_by(purpose, &key, tagger, allowed);
            judged.signer = by.map(|line| principal(line, tagger));
            verdict
        }
    };
    judged
}

/// Whether the signature is over the payload, by the key that it carries; gives that key, encoded.
fn verify(purpose: Purpose, payload: &[u8], signature: &SshSig) -> Result<Vec<u8>, Verdict> {
    let Purpose { namespace, noun } = purpose;
    if signature.namespace() != namespace {
        let other = signature.namespace().escape_debug();
        let why = format!("it is a signature for `{other}`, not for {namespace}");
        return Err(Verdict::Bad(why));
    }
    let key = signature.public_key();
    if let Some(what) = unsupported(key) {
        return Err(Verdict::Unsupported(what.to_owned()));
    }
    let holds = match key {
        KeyData::Ed25519(key) => strictly(namespace, payload, signature, &key.0),
        key => PublicKey::from(key.clone()).verify(namespace, payload, signature).is_ok(),
    };
    if !holds {
        return Err(Verdict::Bad(format!("the signature is not over this {noun}")));
    }
    if matches!(key, KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_)) && !was_touched(signature) {
        return Err(Verdict::Bad("nobody touched the security token".to_owned()));
    }
    PublicKey::from(key.clone()).to_bytes().map_err(|error| Verdict::Bad(error.to_string()))
}

/// Ed25519 without the leniency that RFC 8032 leaves open: no keys of low order, no malleable signatures.
fn strictly(namespace: &str, payload: &[u8], signature: &SshSig, key: &[u8; 32]) -> bool {
    let signed = SshSig::signed_data(namespace, signature.hash_alg(), payload);
    let parts =
        (VerifyingKey::from_bytes(key), Ed25519Signature::from_slice(signature.signature_bytes()), signed);
    let is_ed25519 = signature.algorithm() == Algorithm::Ed25519 && signature.reserved().is_empty();
    matches!(parts, (Ok(key), Ok(signature), Ok(signed)) if is_ed25519 && key.verify_strict(&signed, &signature).is_ok())
}

/// What a token signs ends in a byte of flags, of which the lowest says that somebody was there, and a counter of four.
fn was_touched(signature: &SshSig) -> bool {
    signature.signature_bytes().iter().rev().nth(4).is_some_and(|flags| flags & 1 == 1)
}

fn unsupported(key: &KeyData) -> Option<&'static str> {
    match key {
        KeyData::Ed25519(_) => None,
        KeyData::Ecdsa(key) if key.curve() == EcdsaCurve::NistP521 => Some("an ECDSA key over P-521"),
        KeyData::Ecdsa(_) => None,
        // The modulus has a leading zero byte in front of its highest bit.
        KeyData::Rsa(key) if key.n.as_positive_bytes().is_none_or(|n| n.len() < 2048 / 8) => {
            Some("an RSA key below 2048 bits")
        }
        KeyData::Rsa(_) => None,
        KeyData::Dsa(_) => Some("a DSA key"),
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => None,
        _ => Some("a key of another type"),
    }
}

/// Why a signature could not be read: some kinds are only not known here.
fn unreadable(armored: &str, error: &ssh_key::Error) -> Verdict {
    let body: String = armored.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let bytes = data_encoding::BASE64.decode(body.as_bytes()).unwrap_or_default();
    let names = |name: &str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
    if names("-cert-v01@openssh.com") {
        Verdict::Unsupported("a certificate".to_owned())
    } else {
        Verdict::Bad(format!("the signature cannot be read: {error}"))
    }
}

/// What the file says of a key, by the first line that allows it; else by the one that comes nearest to that.
fn allowed_by<'a>(
    purpose: Purpose,
    key: &[u8],
    tagger: Option<&Person>,
    allowed: &'a AllowedSigners,
) -> (Verdict, Option<&'a Allowed>) {
    let mut nearest = (Verdict::UnknownKey, None);
    let lines = allowed.lines.iter().filter(|line| line.key == key && line.is_in(purpose.namespace));
    for line in lines {
        let verdict = match tagger.and_then(|tagger| tagger.time_s) {
            _ if line.cert_authority => {
                Verdict::Unsupported("a key that is allowed as cert-authority alone".to_owned())
            }
            None if line.valid_after_s.is_some() || line.valid_before_s.is_some() => {
                Verdict::Bad(format!("the key counts for a time, and the {} has none", purpose.noun))
            }
            Some(time) if line.valid_after_s.is_some_and(|after| time < after) => Verdict::NotYetValid,
            Some(time) if line.valid_before_s.is_some_and(|before| time > before) => Verdict::Expired,
            _ => return (Verdict::Good, Some(line)),
        };
        if nearest.1.is_none() {
            nearest = (verdict, Some(line));
        }
    }
    nearest
}

/// Who a line says it is.
fn principal(line: &Allowed, tagger: Option<&Person>) -> String {
    match tagger {
        Some(tagger) if line.is_for(&tagger.email) => tagger.email.clone(),
        _ => line.principals.clone(),
    }
}
