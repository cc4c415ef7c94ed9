//! Signatures of minisign and signify: <https://jedisct1.github.io/minisign/>. Verification only.
//!
//! Both kinds are read: `Ed`, over the file, and `ED`, over its BLAKE2b-512. The trusted comment must be signed too.

use crate::keys::public::PublicKey;
use blake2::{Blake2b512, Digest};
use data_encoding::{BASE64, HEXUPPER};

/// What every file of minisign begins with.
pub const BEGINNING: &str = "untrusted comment:";

/// The algorithm of keys, and of signatures over the file itself; and that of signatures over its digest.
const PURE: [u8; 2] = *b"Ed";
const HASHED: [u8; 2] = *b"ED";

/// A public key: its id, which only picks it among others, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinisignKey {
    id: [u8; 8],
    key: PublicKey,
}

/// A signature file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinisignSignature {
    id: [u8; 8],
    is_hashed: bool,
    signature: [u8; 64],
    comment: String,
    over_comment: [u8; 64],
}

impl MinisignKey {
    /// Reads a key file: a comment, then the key in base64; or that line alone.
    pub fn parse(text: &str) -> Result<MinisignKey, String> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let line = if first.starts_with(BEGINNING) { lines.next().unwrap_or_default() } else { first };
        let bytes: [u8; 42] = decode(line).ok_or("it is no key of minisign")?;
        let (head, key) = bytes.split_at(10);
        let id = head.strip_prefix(&PURE).and_then(|id| id.try_into().ok());
        let key: Option<[u8; 32]> = key.try_into().ok();
        let (id, key) = id.zip(key).ok_or("it is a key of another algorithm")?;
        Ok(MinisignKey { id, key: PublicKey::from_bytes(&key).map_err(|fault| fault.to_string())? })
    }

    /// The key's id, as minisign shows it.
    pub fn id(&self) -> String {
        show(self.id)
    }
}

impl MinisignSignature {
    /// Reads a `.minisig` file.
    pub fn parse(text: &str) -> Result<MinisignSignature, String> {
        let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
        let mut line = || lines.next().unwrap_or_default();
        if !line().starts_with(BEGINNING) {
            return Err("it is no signature of minisign".to_owned());
        }
        let bytes: [u8; 74] = decode(line()).ok_or("its second line is no signature")?;
        let comment = line().strip_prefix("trusted comment: ").ok_or("it has no trusted comment")?.to_owned();
        let over_comment = decode(line()).ok_or("its trusted comment is not signed")?;
        if lines.any(|line| !line.trim().is_empty()) {
            return Err("something stands behind the signature".to_owned());
        }
        let (head, signature) = bytes.split_at(10);
        let (algorithm, id) = head.split_at(2);
        let is_hashed = match algorithm {
            algorithm if algorithm == HASHED => true,
            algorithm if algorithm == PURE => false,
            _ => return Err("it is of another algorithm".to_owned()),
        };
        let (id, signature) = (id.try_into().ok(), signature.try_into().ok());
        let (id, signature) = id.zip(signature).ok_or("its second line is no signature")?;
        Ok(MinisignSignature { id, is_hashed, signature, comment, over_comment })
    }

    /// The id of the key that it names.
    pub fn key_id(&self) -> String {
        show(self.id)
    }

    /// Whether it is over the file, by this key; why not.
    pub fn verify(&self, file: &[u8], key: &MinisignKey) -> Result<(), &'static str> {
        if self.id != key.id {
            return Err("it is by another key");
        }
        let holds = match self.is_hashed {
            true => key.key.verify_strict(&Blake2b512::digest(file), &self.signature),
            false => key.key.verify_strict(file, &self.signature),
        };
        if !holds {
            return Err("the signature is not over this file");
        }
        let commented = [&self.signature, self.comment.as_bytes()].concat();
        match key.key.verify_strict(&commented, &self.over_comment) {
            true => Ok(()),
            false => Err("its trusted comment was altered"),
        }
    }
}

fn decode<const N: usize>(line: &str) -> Option<[u8; N]> {
    BASE64.decode(line.trim().as_bytes()).ok()?.try_into().ok()
}

/// Minisign shows the id as a little-endian number.
fn show(id: [u8; 8]) -> String {
    HEXUPPER.encode(&u64::from_le_bytes(id).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The examples of the minisign-verify crate: the same key over the file `test`, in both kinds.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const HASHED: &str = "untrusted comment: signature from minisign secret key\n\
        RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
        trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
        wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";
    const PURE: &str = "untrusted comment: signature from minisign secret key\n\
        RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\n\
        trusted comment: timestamp:1555779966\tfile:test\n\
        QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==\n";

    fn verify(signature: &str, file: &[u8]) -> Result<(), String> {
        let signature = MinisignSignature::parse(signature)?;
        signature.verify(file, &MinisignKey::parse(KEY)?).map_err(str::to_owned)
    }

    #[test]
    fn both_kinds_hold_over_their_file_and_no_other() {
        for signature in [HASHED, PURE] {
            assert_eq!(verify(signature, b"test"), Ok(()));
            assert_eq!(verify(signature, b"Test").unwrap_err(), "the signature is not over this file");
            let altered = signature.replace("file:test", "file:best");
            assert_eq!(verify(&altered, b"test").unwrap_err(), "its trusted comment was altered");
            assert_eq!(verify(&signature.replace("\n", "\r\n"), b"test"), Ok(()));
        }
        let key = MinisignKey::parse(&format!("untrusted comment: minisign public key\n{KEY}\n")).unwrap();
        assert_eq!((key.id(), MinisignSignature::parse(HASHED).unwrap().key_id()), (key.id(), key.id()));
        let other = MinisignKey { id: [0; 8], ..key };
        let signature = MinisignSignature::parse(HASHED).unwrap();
        assert_eq!(signature.verify(b"test", &other).unwrap_err(), "it is by another key");
    }

    #[test]
    fn what_is_no_signature_is_told() {
        for (signature, why) in [
            ("", "it is no signature of minisign"),
            ("untrusted comment: x\n", "its second line is no signature"),
            ("untrusted comment: x\nRWQ=\n", "its second line is no signature"),
            (&HASHED.replace("trusted comment: t", "t")[..], "it has no trusted comment"),
            (&format!("{HASHED}more\n"), "something stands behind the signature"),
            (&HASHED.replace("RUQf", "RUUf"), "it is of another algorithm"),
        ] {
            assert_eq!(verify(signature, b"test").unwrap_err(), why);
        }
        assert_eq!(MinisignKey::parse("x").unwrap_err(), "it is no key of minisign");
        assert_eq!(
            MinisignKey::parse(&KEY.replace("RWQ", "RUQ")).unwrap_err(),
            "it is a key of another algorithm"
        );
    }
}
