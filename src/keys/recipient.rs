//! age X25519 recipients: who can decrypt. Not secret.

use crate::error::{Error, Result};
use crate::keys::file;
use data_encoding::{Encoding, Specification};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The u coordinates of low order, little endian, sign bit clear: no secret can be agreed on with these, and
/// anyone could decrypt (<https://cr.yp.to/ecdh.html#validate>).
const LOW_ORDER: [[u8; 32]; 7] = {
    let mut points = [[0; 32]; 7];
    points[1][0] = 1;
    points[2] = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ];
    points[3] = [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ];
    let mut near_p = [0xff; 32];
    near_p[31] = 0x7f;
    // p - 1, p and p + 1, where p is 2^255 - 19.
    near_p[0] = 0xec;
    points[4] = near_p;
    near_p[0] = 0xed;
    points[5] = near_p;
    near_p[0] = 0xee;
    points[6] = near_p;
    points
};

/// A public key that archives are encrypted to: `age1…`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Recipient(age::x25519::Recipient);

/// Why text is not such a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientFault {
    /// Not `age1…`, or mistyped.
    #[error("not an age recipient (age1…), or mistyped")]
    Malformed,
    /// An SSH key.
    #[error("an SSH recipient; only age1… recipients are taken")]
    Ssh,
    /// A recipient of an age plugin, or of a later age.
    #[error("a plugin recipient; only X25519 recipients (age1…) are taken, and no plugin is ever run")]
    Plugin,
    /// A secret key where the public one is wanted.
    #[error("a secret key; give its recipient instead, which `age-keygen -y` prints")]
    Secret,
    /// A point of low order: anyone could decrypt.
    #[error("a weak recipient of low order")]
    Weak,
}

impl Recipient {
    /// The recipient as the age crate takes it.
    pub fn as_age(&self) -> &age::x25519::Recipient {
        &self.0
    }

    /// Every recipient of a recipients file: one a line, empty lines and `#` comments between them.
    pub fn load_file(path: &Path) -> Result<Vec<Recipient>> {
        let text = file::read_text(path)?;
        let mut recipients = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let recipient = line.parse::<Recipient>();
            recipients.push(recipient.map_err(|fault| {
                Error::input(
                    format!("{}:{number}: {fault}", path.display()),
                    "a line holds one recipient: age1…",
                )
            })?);
        }
        if recipients.is_empty() {
            return Err(Error::input(
                format!("{} names no recipient", path.display()),
                "write age1… into it",
            ));
        }
        Ok(recipients)
    }

    /// What a `--recipient` means: `age1…` itself, or a recipients file.
    pub fn from_argument(argument: &str) -> Result<Vec<Recipient>> {
        match argument.parse::<Recipient>() {
            Ok(recipient) => Ok(vec![recipient]),
            Err(RecipientFault::Malformed) if !argument.starts_with("age1") => {
                Recipient::load_file(Path::new(argument))
            }
            // The text itself may be the secret that was pasted here by mistake: it is not repeated.
            Err(fault) => Err(Error::usage(format!("--recipient: {fault}"), "")),
        }
    }
}

impl From<age::x25519::Recipient> for Recipient {
    /// For the public half of an identity, which is never of low order.
    fn from(recipient: age::x25519::Recipient) -> Recipient {
        Recipient(recipient)
    }
}

impl FromStr for Recipient {
    type Err = RecipientFault;

    fn from_str(text: &str) -> Result<Recipient, RecipientFault> {
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("github:") {
            return Err(RecipientFault::Ssh);
        }
        if text.get(..11).is_some_and(|head| head.eq_ignore_ascii_case("AGE-SECRET-")) {
            return Err(RecipientFault::Secret);
        }
        // Bech32: what stands before the last `1` is the kind. `age1NAME1…` is of the plugin NAME.
        match text.rsplit_once('1') {
            Some(("age", _)) => {}
            Some((kind, _)) if kind.starts_with("age1") => return Err(RecipientFault::Plugin),
            _ => return Err(RecipientFault::Malformed),
        }
        let recipient = text.parse::<age::x25519::Recipient>().map_err(|_| RecipientFault::Malformed)?;
        if is_low_order(text) {
            return Err(RecipientFault::Weak);
        }
        Ok(Recipient(recipient))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Whether a well-formed `age1…` is a point of low order. The age crate panics on encrypting to one.
fn is_low_order(text: &str) -> bool {
    let data = &text.as_bytes()["age1".len()..];
    // 32 bytes are 52 characters; six more are the checksum, which has been verified.
    let point = data.get(..52).and_then(|data| bech32().decode(data).ok());
    point.is_none_or(|mut point| {
        point[31] &= 0x7f;
        LOW_ORDER.iter().any(|low| low[..] == point[..])
    })
}

/// The five-bit alphabet of Bech32 (BIP 173).
fn bech32() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("qpzry9x8gf2tvdw0s3jn54khce6mua7l");
    specification.encoding().expect("32 different ASCII characters are an alphabet")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../fixtures/keys/test-only-a.recipient.txt");

    fn fault(text: &str) -> RecipientFault {
        text.parse::<Recipient>().unwrap_err()
    }

    #[test]
    fn a_recipient_reads_back_and_a_mistyped_one_does_not() {
        let good = GOOD.trim();
        assert_eq!(good.parse::<Recipient>().unwrap().to_string(), good);
        assert_eq!(fault(&good.replacen('q', "p", 1)), RecipientFault::Malformed);
        assert_eq!(fault(&good[..good.len() - 1]), RecipientFault::Malformed);
    }

    #[test]
    fn recipients_that_anyone_could_decrypt_for_are_refused() {
        // Bech32 of the points in LOW_ORDER, and of zero with the sign bit set.
        for weak in [
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
            "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
            "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
            "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
            "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
            "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
            "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqsuwj9m",
        ] {
            assert_eq!(fault(weak), RecipientFault::Weak, "{weak}");
        }
    }

    #[test]
    fn what_is_no_x25519_recipient_is_named() {
        assert_eq!(fault("ssh-ed25519 AAAA me"), RecipientFault::Ssh);
        assert_eq!(
            fault("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"),
            RecipientFault::Plugin
        );
        assert_eq!(fault("age1pq1qqqq"), RecipientFault::Plugin);
        let secret = include_str!("../../fixtures/keys/test-only-a.identity.txt").lines().last().unwrap();
        assert_eq!(fault(secret), RecipientFault::Secret);
        let error = Recipient::from_argument(secret).unwrap_err();
        assert!(matches!(error, Error::Usage { .. }) && !error.to_string().contains(secret), "{error}");
    }

    #[test]
    fn a_recipients_file_has_comments_and_its_mistakes_have_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.txt");
        std::fs::write(&path, format!("# the auditors\n\n{GOOD}{GOOD}")).unwrap();
        assert_eq!(Recipient::from_argument(path.to_str().unwrap()).unwrap().len(), 2);
        std::fs::write(&path, format!("{GOOD}ssh-rsa AAAA\n")).unwrap();
        let error = Recipient::load_file(&path).unwrap_err().to_string();
        assert!(error.ends_with("r.txt:2: an SSH recipient; only age1… recipients are taken"), "{error}");
        std::fs::write(&path, "# nobody\n").unwrap();
        assert!(matches!(Recipient::load_file(&path), Err(Error::Input { .. })));
        assert!(matches!(Recipient::from_argument("/no/such/file"), Err(Error::Io { .. })));
    }
}
