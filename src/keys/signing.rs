//! Signing keys: Ed25519 (RFC 8032), deterministic, so that the same statement always gives the same bundle.

use crate::error::{Error, Result};
use crate::format::bundle::Bundle;
use crate::format::envelope::{Envelope, PAYLOAD_TYPE};
use crate::format::statement::{Predicate, Statement};
use crate::keys::entropy::Entropy;
use crate::keys::passphrase::Passphrases;
use crate::keys::public::PublicKey;
use crate::keys::{file, pem};
use ed25519_dalek::Signer;
use secrecy::SecretString;
use std::path::Path;
use zeroize::Zeroizing;

/// A secret key. It cannot be printed, and is wiped when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from 32 random bytes.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<SigningKey> {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed)?;
        Ok(SigningKey::from_seed(&seed))
    }

    /// The key of this seed (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> SigningKey {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads a key file: PKCS#8 PEM, asking for its passphrase where it is encrypted. PBES2 authenticates
    /// nothing, so that a damaged file can decrypt to another key: where the public key lies beside it
    /// (`K.pub` beside `K.key`), the two must belong together.
    pub fn load(path: &Path, passphrases: &mut dyn Passphrases) -> Result<SigningKey> {
        let key = SigningKey::from_pem(&file::read_text(path)?, path, passphrases)?;
        let beside = path.with_extension("pub");
        if PublicKey::load(&beside).is_ok_and(|public| public != key.public()) {
            return Err(Error::input(
                format!("{} is not the key of {}: damaged, or mixed up", path.display(), beside.display()),
                "take both from the same copy",
            ));
        }
        Ok(key)
    }

    /// Reads PKCS#8 PEM; `file` names it in errors and prompts. Refuses other algorithms, an all-zero seed,
    /// a public key that does not belong to it, and key derivation that costs more than 256 MiB or some
    /// seconds.
    pub fn from_pem(text: &str, file: &Path, passphrases: &mut dyn Passphrases) -> Result<SigningKey> {
        Ok(SigningKey::from_seed(&*pem::read(text, file, passphrases)?))
    }

    /// The key as PKCS#8 PEM that `openssl pkey` opens, encrypted where there is a passphrase.
    pub fn to_pem(
        &self,
        passphrase: Option<&SecretString>,
        entropy: &mut dyn Entropy,
    ) -> Result<Zeroizing<String>> {
        pem::write(self.0.as_bytes(), passphrase, entropy)
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        self.0.verifying_key().into()
    }

    /// Signs bytes as they are; whoever calls this says what they mean.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Signs a statement.
    pub fn sign_statement<P: Predicate>(&self, statement: &Statement<P>) -> Bundle {
        let mut envelope = Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: statement.to_bytes(),
            key_id: self.public().key_id(),
            signature: [0; 64],
        };
        envelope.signature = self.sign(&envelope.signed_bytes());
        Bundle { envelope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::entropy::FixedEntropy;
    use crate::keys::passphrase::{NoPassphrases, OnePassphrase};

    #[test]
    fn an_encrypted_key_that_was_damaged_is_caught_by_the_public_key_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing.key");
        let key = SigningKey::from_seed(&[1; 32]);
        let pem = key.to_pem(Some(&"horse".into()), &mut FixedEntropy(0)).unwrap();
        // A character of the last but one block of ciphertext: CBC turns it into another seed, and nobody
        // notices.
        let at = pem.find("\n-----END").unwrap() - 46;
        let mut damaged = pem.as_bytes().to_vec();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        std::fs::write(&path, damaged).unwrap();
        let other = SigningKey::load(&path, &mut OnePassphrase("horse")).unwrap();
        assert_ne!(other.public(), key.public());
        std::fs::write(folder.path().join("signing.pub"), key.public().to_pem()).unwrap();
        let error = SigningKey::load(&path, &mut OnePassphrase("horse")).err().unwrap();
        assert!(error.to_string().contains("damaged, or mixed up"), "{error}");
        std::fs::write(&path, &*pem).unwrap();
        assert_eq!(SigningKey::load(&path, &mut OnePassphrase("horse")).unwrap().public(), key.public());
    }

    #[test]
    fn a_key_file_that_is_missing_or_too_large_is_said_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.key");
        let missing = SigningKey::load(&path, &mut NoPassphrases).err().unwrap();
        assert!(matches!(&missing, Error::Io { .. }) && missing.to_string().contains("k.key"), "{missing}");
        std::fs::write(&path, vec![b'-'; (1 << 20) + 1]).unwrap();
        let large = SigningKey::load(&path, &mut NoPassphrases).err().unwrap();
        assert!(large.to_string().ends_with("k.key is larger than 1 MiB: not a key file"), "{large}");
    }
}
