//! age X25519 identities: the secret keys that decrypt archives, in files as `age-keygen` and `age -p` write
//! them.

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

    /// Every identity of a file: plain, or encrypted with a passphrase (armored or binary), which is asked
    /// for.
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
mod tests;
