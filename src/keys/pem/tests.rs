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
    assert_eq!(*pem, include_str!("../../../fixtures/keys/test-only-a.key"));
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
        include_str!("../../../fixtures/keys/test-only-a.pbkdf2.key"),
        include_str!("../../../fixtures/keys/test-only-a.scrypt.key"),
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
    let pbkdf2 = |rounds| is_affordable(&Kdf::Pbkdf2(Pbkdf2Params::hmac_sha256(rounds, &[0; 16]).unwrap()));
    assert!(pbkdf2(2048) && !pbkdf2(0) && !pbkdf2(10_000_001));
}

#[test]
fn what_is_no_signing_key_is_named() {
    let zero = write(&[0; 32], None, &mut FixedEntropy(0)).unwrap();
    let pair =
        KeypairBytes { secret_key: SEED, public_key: Some(ed25519_dalek::pkcs8::PublicKeyBytes([9; 32])) };
    let mismatch = pair.to_pkcs8_der().unwrap().to_pem(CLEAR, LineEnding::LF).unwrap();
    let clear = write(&SEED, None, &mut FixedEntropy(0)).unwrap();
    let cases = [
        (zero.to_string(), "a weak key: all zeros"),
        (mismatch.to_string(), "its public key is not the one of its private key"),
        (clear.replace("PRIVATE", "OPENSSH PRIVATE"), "an OpenSSH private key, not PKCS#8"),
        (
            include_str!("../../../fixtures/keys/test-only-a.pub").to_owned(),
            "a public key, where its private key is wanted",
        ),
        (clear.replace("MC4CAQ", "MC4CBQ"), "not an Ed25519 private key"),
        ("garbage".to_owned(), "not a private key in PKCS#8 PEM"),
    ];
    for (pem, what) in cases {
        assert_eq!(refusal(&pem, "horse"), format!("k.key: {what}"));
    }
}
