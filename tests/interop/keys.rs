//! OpenSSL and age open the key files, with and without a passphrase.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::judge::{attestar, hear, passes, python, tool};

const PASSPHRASE: &str = "correct horse battery staple";

fn new_keys(dir: &Path, passphrase: Option<&str>) -> PathBuf {
    let home = dir.join("home");
    let mut keys = attestar(&home);
    keys.args(["keys", "new"]);
    match passphrase {
        Some(secret) => keys.env("ATTESTAR_PASSPHRASE", secret),
        None => keys.arg("--no-passphrase"),
    };
    passes(&mut keys);
    home
}

/// `openssl pkey` on the private key, giving the public half, with `passphrase` where it asks for one.
fn public_half(home: &Path, passphrase: &str) -> Command {
    let mut openssl = tool("openssl");
    openssl.args(["pkey", "-pubout", "-passin", "env:PASSPHRASE", "-in"]).arg(home.join("signing.key"));
    openssl.env("PASSPHRASE", passphrase);
    openssl
}

#[test]
fn openssl_opens_the_plain_private_key() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = new_keys(dir.path(), None);
    let public = fs::read_to_string(home.join("signing.pub")).expect("the public key");
    assert_eq!(passes(&mut public_half(&home, "")), public);
}

#[test]
fn openssl_opens_the_protected_private_key_with_its_passphrase_only() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = new_keys(dir.path(), Some(PASSPHRASE));
    let public = fs::read_to_string(home.join("signing.pub")).expect("the public key");
    assert_eq!(passes(&mut public_half(&home, PASSPHRASE)), public);

    let wrong = hear(&mut public_half(&home, "wrong"));
    assert_ne!(wrong.code, Some(0), "{}", wrong.all);
    assert_eq!(wrong.out, "", "nothing of the key comes out");
}

/// Encrypts a line to the recipient file with age itself.
fn encrypted_to(home: &Path) -> PathBuf {
    let (plain, secret) = (home.join("plain.txt"), home.join("secret.age"));
    fs::write(&plain, "only for the auditor\n").expect("a file to encrypt");
    passes(tool("age").arg("-R").arg(home.join("recipient.age")).arg("-o").arg(&secret).arg(plain));
    secret
}

#[test]
fn age_uses_the_plain_identity_and_its_recipient() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = new_keys(dir.path(), None);
    let secret = encrypted_to(&home);
    let opened = passes(tool("age").arg("-d").arg("-i").arg(home.join("identity.age")).arg(secret));
    assert_eq!(opened, "only for the auditor\n");
}

#[test]
fn age_asks_for_the_passphrase_of_a_protected_identity() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = new_keys(dir.path(), Some(PASSPHRASE));
    let (secret, opened) = (encrypted_to(&home), home.join("opened.txt"));
    let mut age = python("age_passphrase.py");
    age.arg("-d").arg("-i").arg(home.join("identity.age")).arg("-o").arg(&opened).arg(secret);
    passes(age.env("PASSPHRASE", PASSPHRASE));
    assert_eq!(fs::read_to_string(opened).expect("what age wrote"), "only for the auditor\n");
}
