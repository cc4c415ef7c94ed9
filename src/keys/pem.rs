//! Secret keys as PKCS#8 PEM (RFC 5958, RFC 8410), in the clear or encrypted with a passphrase (RFC 8018 PBES2).
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

/// The most memory, in bytes, and the most rounds that opening a key may cost. Whoever writes the file chooses them.
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
    // A wrong passphrase now and then gives what looks like padding: then it is the key inside that does not parse.
    PrivateKeyInfoRef::try_from(clear.as_bytes()).map_err(|_| wrong_passphrase(file))?;
    Ok(clear)
}

/// Bounds what a file may make us compute. Costs that mean nothing are refused too: zero, and an N that is no power
/// of two, on which the code below would underflow or fail as if the passphrase were wrong.
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
mod tests {
    use super::*;
    use crate::keys::entropy::FixedEntropy;
    use crate::keys::passphrase::{NoPassphrases, OnePassphrase};

    const SEED: [u8; 32] = [0xa1; 32];

    fn reads(pem: &str, passphrase: &'static str) -> Result<Zeroizing<[u8; 32]>> {
        read(pem, Path::new("k.key"), &mut OnePassphrase(passphrase))
    }

    fn refusal(pem: &str, passphrase: &'static str) -> String {
        reads(pem, passphrase).unwrap_err().to_string()
    }

    fn encrypted() -> Zeroizing<String> {
        write(&SEED, Some(&"horse".into()), &mut FixedEntropy(0)).unwrap()
    }

    /// The encrypted key with its DER changed.
    fn tampered(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let (_, document) = SecretDocument::from_pem(&encrypted()).unwrap();
        let mut der = document.as_bytes().to_vec();
        change(&mut der);
        SecretDocument::try_from(der).unwrap().to_pem(ENCRYPTED, LineEnding::LF).unwrap().to_string()
    }

    fn replace(der: &mut [u8], from: &[u8], to: &[u8]) {
        let at = der.windows(from.len()).position(|window| window == from).unwrap();
        der[at..at + to.len()].copy_from_slice(to);
    }

    #[test]
    fn a_key_in_the_clear_is_the_one_that_openssl_writes() {
        let pem = write(&SEED, None, &mut FixedEntropy(0)).unwrap();
        assert_eq!(*pem, include_str!("../../fixtures/keys/test-only-a.key"));
        assert_eq!(*reads(&pem, "unused").unwrap(), SEED);
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_alone() {
        let pem = encrypted();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        assert_eq!(*reads(&pem, "horse").unwrap(), SEED);
        assert_eq!(refusal(&pem, "house"), "the passphrase does not open k.key");
        let error = read(&pem, Path::new("k.key"), &mut NoPassphrases).unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        let empty = write(&SEED, Some(&"".into()), &mut FixedEntropy(0)).unwrap_err();
        assert!(matches!(empty, Error::Usage { .. }), "{empty}");
    }

    #[test]
    fn keys_that_openssl_encrypted_open_too() {
        for pem in [
            include_str!("../../fixtures/keys/test-only-a.pbkdf2.key"),
            include_str!("../../fixtures/keys/test-only-a.scrypt.key"),
        ] {
            assert_eq!(*reads(pem, "test only").unwrap(), SEED);
        }
    }

    #[test]
    fn a_file_cannot_make_us_compute_for_hours() {
        // INTEGER 16384, 8, 5: the three costs of scrypt, one after the other.
        let costs = [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x05];
        let absurd: [&[u8]; 5] = [
            &[0x02, 0x02, 0x00, 0x00],
            &[0x02, 0x02, 0x40, 0x01],
            &[0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x00],
            &[0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x7f, 0x02, 0x01, 0x7f],
            &[0x02, 0x02, 0x00, 0x01],
        ];
        for to in absurd {
            let refused = refusal(&tampered(|der| replace(der, &costs, to)), "horse");
            assert!(
                refused.contains("cost more than") || refused.contains("not supported"),
                "{to:x?}: {refused}"
            );
        }
        let scrypt = |cost_parameter, block_size, parallelization| {
            let salt = Salt::new([0; 16]).unwrap();
            let params = ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None };
            is_affordable(&Kdf::Scrypt(params))
        };
        assert!(scrypt(1 << 17, 8, 1) && scrypt(1 << 14, 8, 5));
        assert!(!scrypt(1 << 20, 8, 1) && !scrypt(u64::MAX, u16::MAX, u16::MAX) && !scrypt(0, 8, 1));
        let pbkdf2 =
            |rounds| is_affordable(&Kdf::Pbkdf2(Pbkdf2Params::hmac_sha256(rounds, &[0; 16]).unwrap()));
        assert!(pbkdf2(2048) && !pbkdf2(0) && !pbkdf2(10_000_001));
    }

    #[test]
    fn what_is_no_signing_key_is_named() {
        let zero = write(&[0; 32], None, &mut FixedEntropy(0)).unwrap();
        let pair = KeypairBytes {
            secret_key: SEED,
            public_key: Some(ed25519_dalek::pkcs8::PublicKeyBytes([9; 32])),
        };
        let mismatch = pair.to_pkcs8_der().unwrap().to_pem(CLEAR, LineEnding::LF).unwrap();
        let clear = write(&SEED, None, &mut FixedEntropy(0)).unwrap();
        let cases = [
            (zero.to_string(), "a weak key: all zeros"),
            (mismatch.to_string(), "its public key is not the one of its private key"),
            (clear.replace("PRIVATE", "OPENSSH PRIVATE"), "an OpenSSH private key, not PKCS#8"),
            (
                include_str!("../../fixtures/keys/test-only-a.pub").to_owned(),
                "a public key, where its private key is wanted",
            ),
            (clear.replace("MC4CAQ", "MC4CBQ"), "not an Ed25519 private key"),
            ("garbage".to_owned(), "not a private key in PKCS#8 PEM"),
        ];
        for (pem, what) in cases {
            assert_eq!(refusal(&pem, "horse"), format!("k.key: {what}"));
        }
    }
}
