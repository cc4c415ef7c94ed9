//! Signatures by OpenPGP keys: RFC 9580 and RFC 4880, judged by the keys of given files.
//!
//! A signature holds if it is over the tag, by a key or subkey that may sign, that its owner bound and did not revoke,
//! and that had not expired when the signature was made; all as the key file says today. Who the owner is, is for whoever
//! wrote the key file to know: there is no web of trust here. MD5, SHA-1 and RIPEMD-160 are refused everywhere, and RSA below 2048
//! bits. A revocation counts from ever, whatever its reason.

use crate::tree::git::signature::certificate::{Certificate, is_strong};
use crate::tree::git::signature::{Format, Signature, Verdict};
use data_encoding::HEXUPPER;
use pgp::composed::{Deserializable, DetachedSignature, PublicOrSecret, SignedPublicKey};
use pgp::packet::{SignatureType, SubpacketData};

/// The most keys of all files together.
const KEYS_MAX: usize = 1000;

/// How a key begins where it is text.
const PUBLIC: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// The keys that count.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(Vec<SignedPublicKey>);

impl Keys {
    /// Adds the keys of a file, armored or binary.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let before = self.0.len();
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            self.add_all(PublicOrSecret::from_bytes_many(bytes).map_err(|error| error.to_string())?)?;
        } else {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is neither text nor OpenPGP".to_owned())?;
            if text.contains("-----BEGIN PGP PRIVATE KEY BLOCK-----") {
                return Err("it holds a private key".to_owned());
            }
            for (at, _) in text.match_indices(PUBLIC) {
                let block = text.get(at..).unwrap_or_default();
                let (keys, _) =
                    PublicOrSecret::from_armor_many(block.as_bytes()).map_err(|error| error.to_string())?;
                self.add_all(keys)?;
            }
        }
        if self.0.len() == before { Err("there is no OpenPGP key in it".to_owned()) } else { Ok(()) }
    }

    fn add_all(
        &mut self,
        keys: impl Iterator<Item = pgp::errors::Result<PublicOrSecret>>,
    ) -> Result<(), String> {
        for key in keys {
            match key.map_err(|error| error.to_string())? {
                PublicOrSecret::Public(key) => self.0.push(key),
                PublicOrSecret::Secret(_) => return Err("it holds a private key".to_owned()),
            }
            if self.0.len() > KEYS_MAX {
                return Err(format!("there are more than {KEYS_MAX} keys"));
            }
        }
        Ok(())
    }
}

/// Judges a signature over a payload.
pub(super) fn judge(payload: &[u8], armored: &str, keys: &Keys) -> Signature {
    let mut judged =
        Signature { format: Format::OpenPgp, key: None, signer: None, verdict: Verdict::UnknownKey };
    let signature = match read(armored) {
        Ok(signature) => signature,
        Err(verdict) => {
            judged.verdict = verdict;
            return judged;
        }
    };
    judged.key = issuer(&signature);
    let made_s = match acceptable(&signature) {
        Ok(made_s) => made_s,
        Err(verdict) => {
            judged.verdict = verdict;
            return judged;
        }
    };
    for key in &keys.0 {
        let certificate = Certificate::new(key);
        let Some((fingerprint, verdict)) = certificate.judge(payload, &signature, made_s) else { continue };
        judged.key = Some(fingerprint);
        judged.signer = certificate.user_id();
        judged.verdict = verdict;
        if judged.verdict == Verdict::Good {
            break;
        }
    }
    judged
}

/// The one signature packet.
fn read(armored: &str) -> Result<pgp::packet::Signature, Verdict> {
    if !armored.starts_with("-----BEGIN PGP SIGNATURE-----") {
        return Err(Verdict::Unsupported("an OpenPGP message".to_owned()));
    }
    let unreadable =
        |error: pgp::errors::Error| Verdict::Bad(format!("the signature cannot be read: {error}"));
    let (packets, _) = DetachedSignature::from_string_many(armored).map_err(unreadable)?;
    let mut packets = packets.take(2);
    let first = packets.next().ok_or_else(|| Verdict::Bad("there is no signature in it".to_owned()))?;
    if packets.next().is_some() {
        return Err(Verdict::Unsupported("several signatures".to_owned()));
    }
    Ok(first.map_err(unreadable)?.signature)
}

/// What can be said of a signature before its key is known; gives when it was made, in seconds since 1970.
fn acceptable(signature: &pgp::packet::Signature) -> Result<i64, Verdict> {
    let Some(config) = signature.config() else {
        return Err(Verdict::Unsupported("a signature of another version".to_owned()));
    };
    if config.typ() != SignatureType::Binary {
        return Err(Verdict::Unsupported("a signature over something else than bytes".to_owned()));
    }
    if !is_strong(signature) {
        return Err(Verdict::Bad(format!("it is made with {}", config.hash_alg)));
    }
    let mut made_s = None;
    for packet in config.hashed_subpackets() {
        match &packet.data {
            SubpacketData::SignatureCreationTime(time) => made_s = Some(i64::from(time.as_secs())),
            SubpacketData::SignatureExpirationTime(after) if after.as_secs() != 0 => {
                return Err(Verdict::Unsupported("a signature that expires".to_owned()));
            }
            SubpacketData::Notation(_) | SubpacketData::Experimental(..) | SubpacketData::Other(..)
                if packet.is_critical =>
            {
                return Err(Verdict::Unsupported("a signature with conditions of its own".to_owned()));
            }
            _ => {}
        }
    }
    made_s.ok_or_else(|| Verdict::Bad("it does not say when it was made".to_owned()))
}

/// The key as the signature names it.
fn issuer(signature: &pgp::packet::Signature) -> Option<String> {
    let fingerprints = signature.issuer_fingerprint();
    let ids = signature.issuer_key_id();
    fingerprints
        .first()
        .map(|fingerprint| format!("{fingerprint:X}"))
        .or_else(|| ids.first().map(|id| HEXUPPER.encode(id.as_ref())))
}
