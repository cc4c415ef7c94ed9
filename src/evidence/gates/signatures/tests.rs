//! Signatures over the four bytes `test`, made by ssh-keygen and gpg.

use crate::evidence::gates::signatures::verify;
use crate::format::bundle::Bundle;
use crate::format::digest::Sha256;
use crate::format::envelope::{Envelope, PAYLOAD_TYPE, pae};
use crate::keys::public::PublicKey;
use crate::policy::gate::Document;
use ed25519_dalek::{Signer, SigningKey};
use std::sync::Arc;

const SSH_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC9tBS5ZgUXCWeIdDIZ6mtq3obJ9EWzpI85RjqwzsKmE release@tideline.example";

const SSH: &str = concat!(
    "-----BEGIN SSH SIGNATURE-----\n",
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgL20FLlmBRcJZ4h0Mhnqa2rehsn\n",
    "0RbOkjzlGOrDOwqYQAAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx\n",
    "OQAAAEDNh9YdJ2yGNGNXXOI+ve6Pe+AF94hxaUnALvAEryC0UFGdSttqlBsIYSceqLx3gj\n",
    "6pDCD74kNLyrNTSppYKsQN\n",
    "-----END SSH SIGNATURE-----\n",
);

const SSH_FOR_GIT: &str = concat!(
    "-----BEGIN SSH SIGNATURE-----\n",
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgL20FLlmBRcJZ4h0Mhnqa2rehsn\n",
    "0RbOkjzlGOrDOwqYQAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5\n",
    "AAAAQLJF7BPBqcjnORMDMKUgoaQVrpRS8Q7Fz5M3YdN01GVY1dVKypBZXBViyXHpTkCzf6\n",
    "9052YEMhmg6W7nSSIsVAg=\n",
    "-----END SSH SIGNATURE-----\n",
);

const PGP_KEY: &str = concat!(
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
    "\n",
    "mDMEawBiZxYJKwYBBAHaRw8BAQdAMSnKUY3VyoWYYJTDohE50W8Zuem6Ztk8UP/L\n",
    "byHA4NK0K1RpZGVsaW5lIHJlbGVhc2UgPHJlbGVhc2VAdGlkZWxpbmUuZXhhbXBs\n",
    "ZT6IkAQTFggAOBYhBOfmFr7RV2MUGCIgjRMm07GeXVXeBQJrAGJnAhsDBQsJCAcC\n",
    "BhUKCQgLAgQWAgMBAh4BAheAAAoJEBMm07GeXVXeT+QBAM9Vux5D4j4N6OSyDLu8\n",
    "QBEH0VKUKtibXxxtga2E38AZAPsGjXzRVAVkHJa4fsrQY3VIeV1aRHyJaNYQFseC\n",
    "saG+Ag==\n",
    "=s/rG\n",
    "-----END PGP PUBLIC KEY BLOCK-----\n",
);

const PGP: &str = concat!(
    "-----BEGIN PGP SIGNATURE-----\n",
    "\n",
    "iHUEABYIAB0WIQTn5ha+0VdjFBgiII0TJtOxnl1V3gUCawBiZwAKCRATJtOxnl1V\n",
    "3k6DAP9m9C1GyKN91aUZAfXL3YgVZR4xhFAl04KbP5NQAuAYhAEA5xsPQ6gscIGY\n",
    "t+pWoHcFUbHj/pkQMVe+R2UJogLkiAo=\n",
    "=2Wj+\n",
    "-----END PGP SIGNATURE-----\n",
);

/// The same signature as gpg writes it without `--armor`.
const PGP_BINARY: &str = "iHUEABYIAB0WIQTn5ha+0VdjFBgiII0TJtOxnl1V3gUCawBiZwAKCRATJtOxnl1V3k6DAP9m9C1GyKN91aUZAfXL3YgVZR4xhFAl04KbP5NQAuAYhAEA5xsPQ6gscIGYt+pWoHcFUbHj/pkQMVe+R2UJogLkiAo=";

const MINISIGN_KEY: &str =
    "untrusted comment: minisign public key\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";

const MINISIGN: &str = "untrusted comment: signature from minisign secret key\n\
    RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
    trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
    wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

const FILE: &[u8] = b"test";

fn key(bytes: impl AsRef<[u8]>) -> Vec<Arc<Document>> {
    let bytes = bytes.as_ref().to_vec();
    vec![Arc::new(Document { path: "k.pub".to_owned(), sha256: Sha256::of(&bytes), bytes })]
}

/// A bundle over a statement about a digest, and the key that signed it.
fn bundle(digest: &str) -> (Vec<u8>, String) {
    let signing = SigningKey::from_bytes(&[7; 32]);
    let payload =
        format!("{{\"subject\":[{{\"name\":\"a\",\"digest\":{{\"sha256\":\"{digest}\"}}}}]}}").into_bytes();
    let signature = signing.sign(&pae(PAYLOAD_TYPE, &payload)).to_bytes();
    let key = PublicKey::from(signing.verifying_key());
    let payload_type = PAYLOAD_TYPE.to_owned();
    let envelope = Envelope { payload_type, payload, key_id: key.key_id(), signature };
    (Bundle { envelope }.to_bytes(), key.to_pem())
}

#[test]
fn signatures_of_every_tool_hold_over_their_file_by_their_key() {
    let binary = data_encoding::BASE64.decode(PGP_BINARY.as_bytes()).unwrap();
    let (bundle, pem) = bundle(&Sha256::of(FILE).to_string());
    let signers = format!("release@tideline.example namespaces=\"file\" {SSH_KEY}");
    for (signature, key_file, signer) in [
        (SSH.as_bytes(), SSH_KEY, "release@tideline.example (SHA256:"),
        (SSH.as_bytes(), &*signers, "release@tideline.example (SHA256:"),
        (PGP.as_bytes(), PGP_KEY, "Tideline release <release@tideline.example> (E7E616BED157"),
        (&*binary, PGP_KEY, "Tideline release <release@tideline.example> (E7E616BED157"),
        (MINISIGN.as_bytes(), MINISIGN_KEY, "minisign key E7620F1842B4E81F"),
        (&*bundle, &*pem, "SHA256:"),
    ] {
        let found = verify(FILE, signature, &key(key_file)).unwrap();
        assert!(found.starts_with(signer), "{found}");
        let text = String::from_utf8_lossy(signature).into_owned();
        let why = verify(b"Test", signature, &key(key_file)).unwrap_err();
        assert!(why.contains("is not over this") || why.contains("not about this file"), "{text}: {why}");
    }
}

#[test]
fn keys_that_are_not_listed_do_not_count() {
    let (bundle, pem) = bundle(&Sha256::of(FILE).to_string());
    for (signature, key_file, why) in [
        (SSH.as_bytes(), MINISIGN_KEY, "which is not listed"),
        (PGP.as_bytes(), SSH_KEY, "which is not listed"),
        (MINISIGN.as_bytes(), &*pem, "by minisign key E7620F1842B4E81F, which is not listed"),
        (&*bundle, SSH_KEY, "no listed key made its signature"),
    ] {
        let found = verify(FILE, signature, &key(key_file)).unwrap_err();
        assert!(found.ends_with(why), "{found}");
    }
}

#[test]
fn what_is_made_for_something_else_does_not_count() {
    let git = verify(FILE, SSH_FOR_GIT.as_bytes(), &key(SSH_KEY)).unwrap_err();
    assert_eq!(git, "it is a signature for `git`, not for file");
    let only_git = format!("* namespaces=\"git\" {SSH_KEY}");
    assert!(verify(FILE, SSH.as_bytes(), &key(only_git)).unwrap_err().ends_with("which is not listed"));
    let (other, pem) = bundle(&Sha256::of(b"other").to_string());
    assert_eq!(verify(FILE, &other, &key(pem)).unwrap_err(), "its statement is not about this file");
    assert_eq!(verify(FILE, b"?", &key(SSH_KEY)).unwrap_err(), "it is a signature of no known kind");
}

#[test]
fn key_files_that_hold_none_are_told() {
    for (bytes, why) in [
        (&b""[..], "the key file k.pub: there is no key in it"),
        (b"\x00\xff", "the key file k.pub: it is no key"),
        (b"-----BEGIN PRIVATE KEY-----", "the key file k.pub: a private key, where its public key is wanted"),
    ] {
        assert_eq!(verify(FILE, SSH.as_bytes(), &key(bytes)).unwrap_err(), why);
    }
    let garbage = verify(FILE, SSH.as_bytes(), &key("what is this")).unwrap_err();
    assert!(garbage.starts_with("the key file k.pub: line 1: "), "{garbage}");
}
