//! Digests of components, as lockfiles state them.

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use std::fmt;

/// A digest algorithm that lockfiles name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
    /// BLAKE3, 32 bytes. Never in SPDX, whose tools refuse it.
    Blake3,
}

/// A digest of a component's archive, as lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum {
    /// By which algorithm.
    pub algorithm: Algorithm,
    hex: String,
}

impl Algorithm {
    /// The length of a digest, in bytes.
    pub fn length(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 | Algorithm::Blake3 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// The name as FIPS 180-4 and CycloneDX 1.6 write it: `SHA-256`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha1 => "SHA-1",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha384 => "SHA-384",
            Algorithm::Sha512 => "SHA-512",
            Algorithm::Blake3 => "BLAKE3",
        }
    }

    /// By the name that Subresource Integrity and most lockfiles use: `sha512`, in any case, with or without a dash.
    pub fn named(name: &str) -> Option<Algorithm> {
        Some(match &*name.to_ascii_lowercase().replace('-', "") {
            "md5" => Algorithm::Md5,
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Checksum {
    /// From raw bytes; `None` if the length is not the algorithm's.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Checksum> {
        (bytes.len() == algorithm.length()).then(|| Checksum { algorithm, hex: HEXLOWER.encode(bytes) })
    }

    /// From hex of either case.
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Checksum> {
        Checksum::new(algorithm, &HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?)
    }

    /// From base64 with padding.
    pub fn from_base64(algorithm: Algorithm, base64: &str) -> Option<Checksum> {
        Checksum::new(algorithm, &BASE64.decode(base64.as_bytes()).ok()?)
    }

    /// Every digest of a Subresource Integrity text: `sha512-BASE64 sha1-BASE64?option`. What is none is passed over.
    pub fn from_integrity(text: &str) -> Vec<Checksum> {
        let one = |word: &str| {
            let (algorithm, rest) = word.split_once('-')?;
            let digest = rest.split('?').next()?;
            Checksum::from_base64(Algorithm::named(algorithm)?, digest)
        };
        text.split_ascii_whitespace().filter_map(one).collect()
    }

    /// The digest as lower-case hex.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}
