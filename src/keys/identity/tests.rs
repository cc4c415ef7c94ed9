use super::*;
use crate::keys::passphrase::{NoPassphrases, OnePassphrase};

const PLAIN: &str = include_str!("../../../fixtures/keys/test-only-a.identity.txt");
const RECIPIENT: &str = include_str!("../../../fixtures/keys/test-only-a.recipient.txt");

fn parse(bytes: &[u8], passphrase: &'static str) -> Result<Vec<Identity>> {
    Identity::parse_file(bytes, Path::new("id.age"), &mut OnePassphrase(passphrase))
}

fn refusal(bytes: &[u8]) -> String {
    parse(bytes, "horse").err().expect("it must be refused").to_string()
}

#[test]
fn a_plain_file_is_as_age_keygen_writes_it() {
    let identity = Identity::generate();
    let file = identity.to_file("2026-11-20T14:02:00.7Z".parse().unwrap(), None).unwrap();
    let text = String::from_utf8(file.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "# created: 2026-11-20T14:02:00Z");
    assert_eq!(lines[1], format!("# public key: {}", identity.recipient()));
    assert!(lines[2].starts_with("AGE-SECRET-KEY-1") && lines.len() == 3);
    assert!(parse(&file, "unused").unwrap()[0].recipient() == identity.recipient());
}

#[test]
fn a_file_may_hold_several_identities_and_comments() {
    let text = format!("\n# mine\n{PLAIN}\r\n# and again\n{PLAIN}");
    let recipients: Vec<String> =
        parse(text.as_bytes(), "unused").unwrap().iter().map(|id| id.recipient().to_string()).collect();
    assert_eq!(recipients, [RECIPIENT.trim(); 2]);
}

#[test]
fn what_age_encrypted_opens_armored_or_binary_with_its_passphrase_alone() {
    let armored = include_str!("../../../fixtures/keys/test-only-a.identity.age");
    let base64: String = armored.lines().filter(|line| !line.starts_with('-')).collect();
    let binary = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
    for file in [armored.as_bytes(), &binary] {
        assert_eq!(parse(file, "test only").unwrap()[0].recipient().to_string(), RECIPIENT.trim());
    }
    assert_eq!(refusal(&binary), "the passphrase does not open id.age");
    let error = Identity::parse_file(&binary, Path::new("id.age"), &mut NoPassphrases).err().unwrap();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}

#[test]
fn what_we_encrypt_is_an_armored_age_file_that_opens_again() {
    let file = encrypt(PLAIN.as_bytes(), &"horse".into(), 10).unwrap();
    assert!(file.starts_with(ARMOR) && file.ends_with(b"-----END AGE ENCRYPTED FILE-----\n"));
    assert_eq!(parse(&file, "horse").unwrap()[0].recipient().to_string(), RECIPIENT.trim());
    let empty = Identity::generate().to_file(Timestamp::UNIX_EPOCH, Some(&"".into())).unwrap_err();
    assert!(matches!(empty, Error::Usage { .. }), "{empty}");
}

#[test]
fn a_file_cannot_make_us_compute_for_hours() {
    let stanza = "age-encryption.org/v1\n-> scrypt wUfq8yPNH9IzFe9vyv8fyQ 30\n";
    let body = format!("{}\n--- {}\n", "A".repeat(43), "A".repeat(43));
    let file = [stanza.as_bytes(), body.as_bytes(), &[0; 16]].concat();
    let refused = refusal(&file);
    assert_eq!(refused, "id.age: its scrypt work factor is 2^30; at most 2^20 is taken");
}

#[test]
fn what_is_no_identity_is_named_and_never_shown() {
    let secret = PLAIN.lines().last().unwrap();
    let cases = [
        ("AGE-PLUGIN-YUBIKEY-1QQQ".to_owned(), "a plugin identity; no plugin is ever run"),
        (
            "AGE-SECRET-KEY-PQ-1QQQ".to_owned(),
            "a post-quantum identity; only X25519 identities (AGE-SECRET-KEY-1…) are taken",
        ),
        (format!("{secret}X"), "a mistyped or damaged identity"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
            "an SSH or PEM private key; only age identities (AGE-SECRET-KEY-1…) are taken",
        ),
        (RECIPIENT.to_owned(), "a recipient, which cannot decrypt; the identity is wanted"),
        ("hello".to_owned(), "not an age identity"),
    ];
    for (line, what) in cases {
        assert_eq!(refusal(format!("# one\n{line}\n").as_bytes()), format!("id.age:2: {what}"));
    }
    assert_eq!(refusal(b"# nothing\n"), "id.age holds no identity");
    assert_eq!(refusal(b"\xff\xfe"), "id.age is no age identity file");
    assert_eq!(refusal(b"age-encryption.org/v1\ngarbage"), "id.age: a damaged age file");
    let to_a_key = age::encrypt(Identity::generate().recipient().as_age(), PLAIN.as_bytes()).unwrap();
    assert_eq!(refusal(&to_a_key), "id.age is encrypted to a key, not with a passphrase");
}
