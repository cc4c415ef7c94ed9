//! age X25519 identities: the secret keys that decrypt archives, in files as `age-keygen` and `age -p` write them.

use crate::error::{Error, Result};
use crate::keys::file;
use crate::keys::passphrase::{Passphrases, refuse_empty};
use crate::keys::pem::wrong_passphrase;
use crate::keys::recipient::Recipient;
use age::DecryptError;
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use secrecy::{ExposeSecret, SecretString};
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// The scrypt work factor that is written, as a power of two: age's own default.
const WORK_FACTOR: u8 = 18;
/// The highest that is read: 2^20 rounds, which take 1 GiB of memory and a few seconds.
const WORK_FACTOR_MAX: u8 = 20;
/// The most that an identity file may hold once decrypted.
const CLEAR_BYTES_MAX: u64 = 1 << 20;

const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const MAGIC: &[u8] = b"age-encryption.org/";

/// A secret key that decrypts. It cannot be printed, and is wiped when dropped.
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// A new one. The randomness is the age crate's own, from the operating system, as for every archive.
    pub fn generate() -> Identity {
        Identity(age::x25519::Identity::generate())
    }

    /// Its public half, that archives are encrypted to.
    pub fn recipient(&self) -> Recipient {
        self.0.to_public().into()
    }

    /// The identity as the age crate takes it.
    pub fn as_age(&self) -> &age::x25519::Identity {
        &self.0
    }

    /// The identity file, as `age-keygen` writes it; under a passphrase, as `age -p -a` encrypts that.
    pub fn to_file(
        &self,
        created: Timestamp,
        passphrase: Option<&SecretString>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let seconds = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Trunc);
        let created = created.round(seconds).unwrap_or(created);
        let secret = self.0.to_string();
        let clear = Zeroizing::new(format!(
            "# created: {created}\n# public key: {}\n{}\n",
            self.recipient(),
            secret.expose_secret()
        ));
        match passphrase {
            None => Ok(Zeroizing::new(clear.as_bytes().to_vec())),
            Some(passphrase) => encrypt(clear.as_bytes(), passphrase, WORK_FACTOR),
        }
    }

    /// Every identity of a file: plain, or encrypted with a passphrase (armored or binary), which is asked for.
    pub fn load_file(path: &Path, passphrases: &mut dyn Passphrases) -> Result<Vec<Identity>> {
        Identity::parse_file(&file::read(path)?, path, passphrases)
    }

    /// The same from bytes; `path` names them in errors and prompts.
    pub fn parse_file(bytes: &[u8], path: &Path, passphrases: &mut dyn Passphrases) -> Result<Vec<Identity>> {
        let bytes = bytes.trim_ascii_start();
        if bytes.starts_with(ARMOR) || bytes.starts_with(MAGIC) {
            return parse_lines(&decrypt(bytes, path, passphrases)?, path);
        }
        parse_lines(bytes, path)
    }
}

fn parse_lines(bytes: &[u8], path: &Path) -> Result<Vec<Identity>> {
    let show = path.display();
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::input(format!("{show} is no age identity file"), ""))?;
    let mut identities = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line is never shown: it may be a secret with a typing error.
        let identity = line.parse().map_err(|_| {
            Error::input(
                format!("{show}:{number}: {}", what_it_is(line)),
                "an identity starts with AGE-SECRET-KEY-1",
            )
        })?;
        identities.push(Identity(identity));
    }
    if identities.is_empty() {
        return Err(Error::input(
            format!("{show} holds no identity"),
            "an identity starts with AGE-SECRET-KEY-1",
        ));
    }
    Ok(identities)
}

/// Says of a line that is no X25519 identity what it looks like.
fn what_it_is(line: &str) -> &'static str {
    if line.starts_with("AGE-PLUGIN-") {
        "a plugin identity; no plugin is ever run"
    } else if line.starts_with("AGE-SECRET-KEY-PQ-") {
        "a post-quantum identity; only X25519 identities (AGE-SECRET-KEY-1…) are taken"
    } else if line.starts_with("AGE-SECRET-KEY-") {
        "a mistyped or damaged identity"
    } else if line.contains("PRIVATE KEY-----") {
        "an SSH or PEM private key; only age identities (AGE-SECRET-KEY-1…) are taken"
    } else if line.starts_with("age1") {
        "a recipient, which cannot decrypt; the identity is wanted"
    } else {
        "not an age identity"
    }
}

fn decrypt(bytes: &[u8], path: &Path, passphrases: &mut dyn Passphrases) -> Result<Zeroizing<Vec<u8>>> {
    let show = path.display();
    let damaged = || Error::input(format!("{show}: a damaged age file"), "take it from a copy");
    let decryptor = age::Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(|_| damaged())?;
    if !decryptor.is_scrypt() {
        return Err(Error::input(
            format!("{show} is encrypted to a key, not with a passphrase"),
            "decrypt it with `age -d` first",
        ));
    }
    let mut identity = age::scrypt::Identity::new(passphrases.unlock(path)?);
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    let stream = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let stream = stream.map_err(|error| match error {
        DecryptError::ExcessiveWork { required, .. } => Error::input(
            format!("{show}: its scrypt work factor is 2^{required}; at most 2^{WORK_FACTOR_MAX} is taken"),
            "decrypt it with `age -d` and encrypt it again, if you trust who made it",
        ),
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => wrong_passphrase(path),
        _ => damaged(),
    })?;
    let mut clear = Zeroizing::new(Vec::with_capacity(bytes.len()));
    stream.take(CLEAR_BYTES_MAX).read_to_end(&mut clear).map_err(|_| damaged())?;
    Ok(clear)
}

fn encrypt(clear: &[u8], passphrase: &SecretString, work_factor: u8) -> Result<Zeroizing<Vec<u8>>> {
    refuse_empty(passphrase)?;
    let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(work_factor);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .expect("a passphrase alone is a valid set of recipients");
    let mut file = Vec::new();
    let written = ArmoredWriter::wrap_output(&mut file, Format::AsciiArmor)
        .and_then(|armor| encryptor.wrap_output(armor))
        .and_then(|mut writer| writer.write_all(clear).and_then(|()| writer.finish()))
        .and_then(|armor| armor.finish());
    written.expect("writing to memory cannot fail");
    Ok(Zeroizing::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::passphrase::{NoPassphrases, OnePassphrase};

    const PLAIN: &str = include_str!("../../fixtures/keys/test-only-a.identity.txt");
    const RECIPIENT: &str = include_str!("../../fixtures/keys/test-only-a.recipient.txt");

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
        let armored = include_str!("../../fixtures/keys/test-only-a.identity.age");
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
}
