//! Ed25519 public keys (RFC 8032), as SPKI PEM (RFC 8410) or as an OpenSSH line.

use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use crate::keys::file;
use data_encoding::{BASE64, BASE64_NOPAD};
use ed25519_dalek::{Signature, VerifyingKey};
use pkcs8::Document;
use std::fmt;
use std::path::Path;

/// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410, section 4). DER has one encoding,
/// so the prefix is a constant.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What precedes the key in an OpenSSH blob: the type's name and the key's length (RFC 8709, section 4).
const SSH_PREFIX: &[u8; 19] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";

/// A public key that can be trusted to mean one secret key: canonical, and of full order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why bytes or text are not such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Neither PEM nor an OpenSSH line.
    #[error("not a public key: neither SPKI PEM nor an ssh-ed25519 line")]
    NotAKey,
    /// A key of another algorithm.
    #[error("not an Ed25519 key")]
    NotEd25519,
    /// Somebody gave out the secret half.
    #[error("a private key, where its public key is wanted")]
    Private,
    /// Not a point of the curve, or not in its one encoding.
    #[error("not a canonical point of the curve")]
    NotCanonical,
    /// A key under which signatures can be made without the secret.
    #[error("a weak key of low order")]
    Weak,
}

impl PublicKey {
    /// Takes 32 bytes that are a canonical point without a low-order part; signatures under any other one say
    /// little, and honest software makes none.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, KeyFault> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyFault::NotCanonical)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(KeyFault::NotCanonical);
        }
        if key.is_weak() || !point.is_torsion_free() {
            return Err(KeyFault::Weak);
        }
        Ok(PublicKey(key))
    }

    /// Reads SPKI PEM, or one line `ssh-ed25519 AAAA… comment`.
    pub fn from_text(text: &str) -> Result<PublicKey, KeyFault> {
        let text = text.trim();
        let bytes = if text.starts_with("-----BEGIN ") { from_pem(text)? } else { from_ssh_line(text)? };
        PublicKey::from_bytes(&bytes)
    }

    /// Reads a public key file.
    pub fn load(path: &Path) -> Result<PublicKey> {
        PublicKey::from_text(&file::read_text(path)?).map_err(|fault| {
            let hint = match fault {
                KeyFault::Private => "give the .pub file; keep this one to yourself",
                _ => "`attestar keys show` prints one; `openssl pkey -pubout` makes one",
            };
            Error::input(format!("{}: {fault}", path.display()), hint)
        })
    }

    /// The key itself (RFC 8032, section 5.1.2).
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// SubjectPublicKeyInfo in DER (RFC 8410, section 4).
    pub fn to_der(&self) -> [u8; 44] {
        let mut der = [0; 44];
        der[..12].copy_from_slice(&SPKI_PREFIX);
        der[12..].copy_from_slice(self.0.as_bytes());
        der
    }

    /// The same as PEM, which `openssl pkey -pubin` reads.
    pub fn to_pem(&self) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&self.to_der()))
    }

    /// SHA-256 of the SPKI DER: what names this key.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.to_der())
    }

    /// The key id of envelopes and bundles: base64 of [`PublicKey::digest`].
    pub fn key_id(&self) -> String {
        BASE64.encode(&self.digest().0)
    }

    /// What people compare: `SHA256:` and the same digest in base64 without padding.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", BASE64_NOPAD.encode(&self.digest().0))
    }

    /// Whether this is a signature of that message: pure Ed25519, strict (RFC 8032, section 5.1.7; no
    /// malleable signature, no low-order point).
    pub fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl From<VerifyingKey> for PublicKey {
    /// For the public half of a secret key, which is always canonical and of full order.
    fn from(key: VerifyingKey) -> PublicKey {
        PublicKey(key)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

fn from_pem(text: &str) -> Result<[u8; 32], KeyFault> {
    if text.contains("PRIVATE KEY-----") {
        return Err(KeyFault::Private);
    }
    let (label, der) = Document::from_pem(text).map_err(|_| KeyFault::NotAKey)?;
    if label != "PUBLIC KEY" {
        return Err(KeyFault::NotAKey);
    }
    let key = der.as_bytes().strip_prefix(&SPKI_PREFIX).ok_or(KeyFault::NotEd25519)?;
    key.try_into().map_err(|_| KeyFault::NotAKey)
}

fn from_ssh_line(line: &str) -> Result<[u8; 32], KeyFault> {
    if line.contains('\n') {
        return Err(KeyFault::NotAKey);
    }
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("ssh-ed25519") => {}
        Some(other)
            if other.starts_with("ssh-") || other.starts_with("ecdsa-") || other.starts_with("sk-") =>
        {
            return Err(KeyFault::NotEd25519);
        }
        _ => return Err(KeyFault::NotAKey),
    }
    let blob = words.next().and_then(|word| BASE64.decode(word.as_bytes()).ok()).ok_or(KeyFault::NotAKey)?;
    let key = blob.strip_prefix(SSH_PREFIX).ok_or(KeyFault::NotAKey)?;
    key.try_into().map_err(|_| KeyFault::NotAKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::signing::SigningKey;

    fn key() -> PublicKey {
        SigningKey::from_seed(&[7; 32]).public()
    }

    fn bytes(hex: &str) -> [u8; 32] {
        Sha256::from_hex(hex).unwrap().0
    }

    #[test]
    fn a_key_reads_back_from_pem_and_from_an_ssh_line() {
        let key = key();
        assert_eq!(PublicKey::from_text(&key.to_pem()), Ok(key));
        let blob = [SSH_PREFIX.as_slice(), &key.to_der()[12..]].concat();
        let line = format!("ssh-ed25519 {} captain@example.com\n", BASE64.encode(&blob));
        assert_eq!(PublicKey::from_text(&line), Ok(key));
        assert_eq!(PublicKey::from_text(&format!("{line}{line}")), Err(KeyFault::NotAKey));
    }

    #[test]
    fn id_and_fingerprint_are_of_the_der_as_openssl_writes_it() {
        // openssl pkey -in test-only-a.pem -pubout -outform DER | openssl sha256 -binary | base64
        let pem = include_str!("../../fixtures/keys/test-only-a.pub");
        let key = PublicKey::from_text(pem).unwrap();
        assert_eq!(key.to_pem(), pem);
        assert_eq!(key.key_id(), "kGS0Wz4PszuFGi6ZTou/b2DvXBV5MB6IcZzBOuMVOuw=");
        assert_eq!(key.fingerprint(), format!("SHA256:{}", key.key_id().trim_end_matches('=')));
        let ssh = include_str!("../../fixtures/keys/test-only-a.ssh.pub");
        assert_eq!(PublicKey::from_text(ssh), Ok(key));
    }

    #[test]
    fn keys_that_sign_without_their_secret_are_refused() {
        let zeros = "00".repeat(31);
        let low_order = [
            format!("01{zeros}"),
            format!("{zeros}00"),
            format!("{zeros}80"),
            format!("ec{}7f", "ff".repeat(30)),
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85".to_owned(),
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa".to_owned(),
        ];
        for hex in &low_order {
            assert_eq!(PublicKey::from_bytes(&bytes(hex)), Err(KeyFault::Weak), "{hex}");
        }
        let eighth = VerifyingKey::from_bytes(&bytes(&low_order[4])).unwrap().to_edwards();
        let mixed = (key().0.to_edwards() + eighth).compress().to_bytes();
        assert_eq!(PublicKey::from_bytes(&mixed), Err(KeyFault::Weak), "a low-order part");
    }

    #[test]
    fn a_point_has_one_encoding() {
        for hex in [format!("ee{}7f", "ff".repeat(30)), format!("01{}80", "00".repeat(30)), "02".repeat(32)] {
            assert_eq!(PublicKey::from_bytes(&bytes(&hex)), Err(KeyFault::NotCanonical), "{hex}");
        }
    }

    #[test]
    fn what_is_no_ed25519_public_key_is_named() {
        let private =
            SigningKey::from_seed(&[7; 32]).to_pem(None, &mut crate::keys::entropy::FixedEntropy(0)).unwrap();
        let pem = |der: &[u8]| {
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
        };
        let mut x25519 = key().to_der();
        x25519[8] = 0x6e;
        let cases = [
            (private.to_string(), KeyFault::Private),
            (pem(&x25519), KeyFault::NotEd25519),
            (pem(&key().to_der()[..43]), KeyFault::NotAKey),
            (key().to_pem().replace("PUBLIC KEY", "CERTIFICATE"), KeyFault::NotAKey),
            ("ssh-rsa AAAAB3NzaC1yc2E= me".to_owned(), KeyFault::NotEd25519),
            ("ssh-ed25519 AAAA me".to_owned(), KeyFault::NotAKey),
            ("hello".to_owned(), KeyFault::NotAKey),
            (String::new(), KeyFault::NotAKey),
        ];
        for (text, fault) in cases {
            assert_eq!(PublicKey::from_text(&text), Err(fault), "{text}");
        }
    }
}
