//! What an OpenPGP key, with its subkeys, user ids and the signatures over them, lets its keys do.

use crate::tree::git::signature::Verdict;
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{self, Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, PublicParams, SignedUser, Tag, VerifyingKey};

/// A key, and which of the signatures over it hold.
pub(super) struct Certificate<'k> {
    key: &'k SignedPublicKey,
    /// The newest signature of the key over itself, or over a user id of its own.
    newest: Option<&'k Signature>,
    /// User ids that hold, and are not revoked; the primary one first.
    users: Vec<&'k SignedUser>,
}

impl<'k> Certificate<'k> {
    /// Checks what the key says of itself.
    pub(super) fn new(key: &'k SignedPublicKey) -> Certificate<'k> {
        let primary = &key.primary_key;
        let direct = key.details.direct_signatures.iter().filter(|signature| {
            signature.typ() == Some(SignatureType::Key)
                && is_strong(signature)
                && signature.verify_key(primary).is_ok()
        });
        let mut users: Vec<(&SignedUser, &Signature)> =
            key.details.users.iter().filter_map(|user| Some((user, certification(primary, user)?))).collect();
        users.sort_by_key(|(_, signature)| !signature.is_primary());
        let newest = direct
            .chain(users.iter().map(|&(_, signature)| signature))
            .max_by_key(|signature| made_s(signature));
        Certificate { key, newest, users: users.into_iter().map(|(user, _)| user).collect() }
    }

    /// Who the owner says to be.
    pub(super) fn user_id(&self) -> Option<String> {
        self.users.first().map(|user| String::from_utf8_lossy(user.id.id()).into_owned())
    }

    /// Judges a signature over a payload that one of these keys claims to have made, at a time; gives that key's fingerprint
    /// too. `None` if it names none of them.
    pub(super) fn judge(
        &self,
        payload: &[u8],
        signature: &Signature,
        at_s: i64,
    ) -> Option<(String, Verdict)> {
        let primary = &self.key.primary_key;
        if names(signature, primary) {
            let verdict = over(payload, signature, primary).and_then(|()| self.primary_may_sign(at_s));
            return Some((fingerprint(primary), verdict.err().unwrap_or(Verdict::Good)));
        }
        let subkey = self.key.public_subkeys.iter().find(|subkey| names(signature, &subkey.key))?;
        let verdict = over(payload, signature, &subkey.key)
            .and_then(|()| self.counts(at_s))
            .and_then(|_| self.subkey_may_sign(subkey, at_s));
        Some((fingerprint(&subkey.key), verdict.err().unwrap_or(Verdict::Good)))
    }

    /// Whether the key as a whole counts at a time.
    fn counts(&self, at_s: i64) -> Result<&'k Signature, Verdict> {
        let primary = &self.key.primary_key;
        if self
            .key
            .details
            .revocation_signatures
            .iter()
            .any(|revocation| revocation.verify_key(primary).is_ok())
        {
            return Err(bad("the key was revoked"));
        }
        let newest = self.newest.ok_or_else(|| bad("the key has no signature of its own that holds"))?;
        in_time(primary, newest, at_s)?;
        Ok(newest)
    }

    fn primary_may_sign(&self, at_s: i64) -> Result<(), Verdict> {
        let newest = self.counts(at_s)?;
        // Keys of before there were flags have none, and may sign.
        if has_flags(newest) && !newest.key_flags().sign() {
            Err(bad("the key may not sign"))
        } else {
            Ok(())
        }
    }

    fn subkey_may_sign(&self, subkey: &SignedPublicSubKey, at_s: i64) -> Result<(), Verdict> {
        let primary = &self.key.primary_key;
        let holds = |signature: &&Signature| signature.verify_subkey_binding(primary, &subkey.key).is_ok();
        let of = |typ| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(typ));
        if of(SignatureType::SubkeyRevocation).any(|signature| holds(&signature)) {
            return Err(bad("the subkey was revoked"));
        }
        let bindings = of(SignatureType::SubkeyBinding).filter(|binding| is_strong(binding)).filter(holds);
        let binding = bindings
            .max_by_key(|binding| made_s(binding))
            .ok_or_else(|| bad("the subkey is not bound to the key"))?;
        if !binding.key_flags().sign() {
            return Err(bad("the subkey may not sign"));
        }
        // The subkey signs back, or anybody could call another's signing key a subkey of theirs.
        let back = binding.embedded_signature().filter(|back| is_strong(back));
        if back.is_none_or(|back| back.verify_primary_key_binding(&subkey.key, primary).is_err()) {
            return Err(bad("the subkey did not agree to belong to the key"));
        }
        in_time(&subkey.key, binding, at_s)
    }
}

/// Whether what a signature is made with can still be relied on.
pub(super) fn is_strong(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha224
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

/// The newest signature of the key over a user id, unless the user id was revoked.
fn certification<'k>(primary: &packet::PublicKey, user: &'k SignedUser) -> Option<&'k Signature> {
    let by_itself =
        |signature: &&Signature| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok();
    let (revocations, others): (Vec<&Signature>, Vec<&Signature>) =
        user.signatures.iter().partition(|signature| signature.typ() == Some(SignatureType::CertRevocation));
    let newest = others
        .into_iter()
        .filter(|signature| signature.is_certification() && is_strong(signature))
        .filter(by_itself)
        .max_by_key(|signature| made_s(signature))?;
    let is_revoked =
        revocations.iter().any(|revocation| made_s(revocation) >= made_s(newest) && by_itself(revocation));
    (!is_revoked).then_some(newest)
}

/// Whether a signature says that a key made it.
fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    signature.issuer_fingerprint().contains(&&key.fingerprint())
        || signature.issuer_key_id().contains(&&key.legacy_key_id())
}

/// Whether a signature is over the payload, by a key that is strong enough.
fn over(payload: &[u8], signature: &Signature, key: &impl VerifyingKey) -> Result<(), Verdict> {
    match key.public_params() {
        PublicParams::RSA(rsa) if modulus_bits(rsa) < 2048 => {
            return Err(Verdict::Unsupported("an RSA key below 2048 bits".to_owned()));
        }
        PublicParams::DSA(_) => return Err(Verdict::Unsupported("a DSA key".to_owned())),
        PublicParams::Unknown { .. } => return Err(Verdict::Unsupported("a key of another type".to_owned())),
        _ => {}
    }
    signature.verify(key, payload).map_err(|_| bad("the signature is not over this tag"))
}

/// The bits of a modulus: it comes first, and as every number of OpenPGP begins with its bits.
fn modulus_bits(rsa: &impl Serialize) -> u16 {
    let encoded = rsa.to_bytes().unwrap_or_default();
    encoded.first_chunk().map_or(0, |bits| u16::from_be_bytes(*bits))
}

/// Whether a key had been made, and had not expired, at a time.
fn in_time(key: &impl KeyDetails, by: &Signature, at_s: i64) -> Result<(), Verdict> {
    let created_s = i64::from(key.created_at().as_secs());
    let lasts_s = by.key_expiration_time().map_or(0, |lasts| i64::from(lasts.as_secs()));
    if at_s < created_s {
        Err(Verdict::NotYetValid)
    } else if lasts_s != 0 && at_s >= created_s + lasts_s {
        Err(Verdict::Expired)
    } else {
        Ok(())
    }
}

/// When a signature was made, as its signed part says.
fn made_s(signature: &Signature) -> i64 {
    let made = signature.config().and_then(|config| {
        config.hashed_subpackets().find_map(|packet| match packet.data {
            SubpacketData::SignatureCreationTime(time) => Some(i64::from(time.as_secs())),
            _ => None,
        })
    });
    made.unwrap_or_default()
}

fn has_flags(signature: &Signature) -> bool {
    let mut packets = signature.config().into_iter().flat_map(|config| config.hashed_subpackets());
    packets.any(|packet| matches!(packet.data, SubpacketData::KeyFlags(_)))
}

fn fingerprint(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}

fn bad(why: &str) -> Verdict {
    Verdict::Bad(why.to_owned())
}
