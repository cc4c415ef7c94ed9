//! Signing keys: Ed25519 (RFC 8032), deterministic, so that the same statement always gives the same bundle.

use crate::error::Result;
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

    /// Reads a key file: PKCS#8 PEM, asking for its passphrase where it is encrypted.
    pub fn load(path: &Path, passphrases: &mut dyn Passphrases) -> Result<SigningKey> {
        SigningKey::from_pem(&file::read_text(path)?, path, passphrases)
    }

    /// Reads PKCS#8 PEM; `file` names it in errors and prompts. Refuses other algorithms, an all-zero seed, a
    /// public key that does not belong to it, and key derivation that costs more than 256 MiB or some seconds.
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

    /// Signs a statement.
    pub fn sign_statement<P: Predicate>(&self, statement: &Statement<P>) -> Bundle {
        let mut envelope = Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: statement.to_bytes(),
            key_id: self.public().key_id(),
            signature: [0; 64],
        };
        envelope.signature = self.0.sign(&envelope.signed_bytes()).to_bytes();
        Bundle { envelope }
    }
}
