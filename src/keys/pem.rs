//! Secret keys as PKCS#8 PEM (RFC 5958, RFC 8410), in the clear or encrypted with a passphrase (RFC 8018
//! PBES2).
//!
//! `openssl pkey` opens both. The version without the public key is written, because OpenSSL 3.0 refuses the
//! other one.

use crate::error::{Error, Result};
use crate::keys::entropy::Entropy;
use crate::keys::passphrase::{Passphrases, refuse_empty};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use pkcs8::pkcs5::pbes2::{self, EncryptionScheme, Kdf, Pbkdf2Params, Salt, ScryptParams};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use zeroize::Zeroizing;

const CLEAR: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// scrypt at N 2^14, r 8, p 5: OWASP's advice in 16 MiB of memory, below the 32 MiB that OpenSSL allows.
const SCRYPT_COST: u64 = 1 << 14;
const SCRYPT_BLOCK_SIZE: u16 = 8;
const SCRYPT_PARALLELIZATION: u16 = 5;

/// The most memory, in bytes, and the most rounds that opening a key may cost. Whoever writes the file
/// chooses them.
const SCRYPT_MEMORY_BYTES_MAX: u64 = 256 << 20;
const SCRYPT_WORK_BYTES_MAX: u64 = 2 << 30;
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;

/// Writes a seed as PEM, encrypted where there is a passphrase.
pub(super) fn write(
    seed: &[u8; 32],
    passphrase: Option<&SecretString>,
    entropy: &mut dyn Entropy,
) -> Result<Zeroizing<String>> {
    let clear = KeypairBytes { secret_key: *seed, public_key: None }.to_pkcs8_der();
    let clear = clear.expect("a seed of 32 bytes always encodes");
    let (label, document) = match passphrase {
        None => (CLEAR, clear),
        Some(passphrase) => (ENCRYPTED, encrypt(&clear, passphrase, entropy)?),
    };
    Ok(document.to_pem(label, LineEnding::LF).expect("DER always encodes as PEM"))
}

/// Reads the seed out of a PEM file; `file` names it in errors and to whoever knows the passphrase.
pub(super) fn read(pem: &str, file: &Path, passphrases: &mut dyn Passphrases) -> Result<Zeroizing<[u8; 32]>> {
    let invalid = |what: &str| {
        Error::input(
            format!("{}: {what}", file.display()),
            "`attestar keys new --signing` makes a signing key",
        )
    };
    let (label, document) =
        SecretDocument::from_pem(pem.trim()).map_err(|_| invalid("not a private key in PKCS#8 PEM"))?;
    let document = match label {
        CLEAR => document,
        ENCRYPTED => decrypt(&document, file, passphrases)?,
        "OPENSSH PRIVATE KEY" => return Err(invalid("an OpenSSH private key, not PKCS#8")),
        "PUBLIC KEY" => return Err(invalid("a public key, where its private key is wanted")),
        _ => return Err(invalid("not a private key in PKCS#8 PEM")),
    };
    let pair = KeypairBytes::from_pkcs8_der(document.as_bytes())
        .map_err(|_| invalid("not an Ed25519 private key"))?;
    let seed = Zeroizing::new(pair.secret_key);
    if *seed == [0; 32] {
        return Err(invalid("a weak key: all zeros"));
    }
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    if pair.public_key.as_ref().is_some_and(|stored| stored.as_ref() != public.as_bytes()) {
        return Err(invalid("its public key is not the one of its private key"));
    }
    Ok(seed)
}

fn encrypt(
    clear: &SecretDocument,
    passphrase: &SecretString,
    entropy: &mut dyn Entropy,
) -> Result<SecretDocument> {
    refuse_empty(passphrase)?;
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    entropy.fill(&mut salt)?;
    entropy.fill(&mut iv)?;
    let scrypt = ScryptParams {
        salt: Salt::new(salt).expect("a salt may have 32 bytes"),
        cost_parameter: SCRYPT_COST,
        block_size: SCRYPT_BLOCK_SIZE,
        parallelization: SCRYPT_PARALLELIZATION,
        key_length: None,
    };
    let scheme =
        pbes2::Parameters { kdf: Kdf::Scrypt(scrypt), encryption: EncryptionScheme::Aes256Cbc { iv } };
    let key = PrivateKeyInfoRef::try_from(clear.as_bytes()).expect("it was encoded just now");
    let encrypted = key.encrypt_with_params(scheme, passphrase.expose_secret());
    Ok(encrypted.expect("these parameters are within the bounds of scrypt and AES"))
}

fn decrypt(
    document: &SecretDocument,
    file: &Path,
    passphrases: &mut dyn Passphrases,
) -> Result<SecretDocument> {
    let show = file.display();
    let unsupported = || {
        Error::input(
            format!("{show}: encrypted in a way that is not supported"),
            "`openssl pkcs8 -topk8 -scrypt -in OLD -out NEW` rewrites it",
        )
    };
    let key = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| unsupported())?;
    let scheme = key.encryption_algorithm.pbes2().ok_or_else(unsupported)?;
    if !is_affordable(&scheme.kdf) {
        return Err(Error::input(
            format!("{show}: opening it would cost more than any sensible key does"),
            "do not use a key file from someone you do not trust",
        ));
    }
    let passphrase = passphrases.unlock(file)?;
    let clear = key.decrypt(passphrase.expose_secret()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }) => unsupported(),
        _ => wrong_passphrase(file),
    })?;
    // A wrong passphrase now and then gives what looks like padding: then it is the key inside that does not
    // parse.
    PrivateKeyInfoRef::try_from(clear.as_bytes()).map_err(|_| wrong_passphrase(file))?;
    Ok(clear)
}

/// Bounds what a file may make us compute. Costs that mean nothing are refused too: zero, and an N that is
/// no power of two, on which the code below would underflow or fail as if the passphrase were wrong.
fn is_affordable(kdf: &Kdf) -> bool {
    match kdf {
        Kdf::Scrypt(ScryptParams { cost_parameter, block_size, parallelization, .. }) => {
            let block = 128 * u64::from(*block_size);
            let memory = cost_parameter.saturating_mul(block);
            let lanes = block.saturating_mul(u64::from(*parallelization));
            cost_parameter.is_power_of_two()
                && *cost_parameter > 1
                && lanes > 0
                && memory.saturating_add(lanes) <= SCRYPT_MEMORY_BYTES_MAX
                && memory.saturating_mul(u64::from(*parallelization)) <= SCRYPT_WORK_BYTES_MAX
        }
        Kdf::Pbkdf2(Pbkdf2Params { iteration_count, .. }) => {
            (1..=PBKDF2_ROUNDS_MAX).contains(iteration_count)
        }
        _ => false,
    }
}

/// The error for a passphrase that does not open a file.
pub(super) fn wrong_passphrase(file: &Path) -> Error {
    Error::input(format!("the passphrase does not open {}", file.display()), "try again")
}

#[cfg(test)]
mod tests;
