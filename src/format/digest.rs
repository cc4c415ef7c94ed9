//! SHA-256 (FIPS 180-4) and BLAKE3 digests, made together in one read.

use data_encoding::HEXLOWER;
use sha2::Digest as _;
use std::fmt;

/// How many bytes are fed to each algorithm before the other one gets them: they stay in the L1/L2 cache.
const INTERLEAVE_BYTES: usize = 32 * 1024;

macro_rules! digest {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// Parses 64 hex digits of either case; `None` for anything else.
            pub fn from_hex(text: &str) -> Option<Self> {
                let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
                Some(Self(bytes.try_into().ok()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                HEXLOWER.encode_display(&self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

digest! {
    /// A SHA-256 digest, 32 bytes; shown as 64 lower-case hex digits.
    Sha256
}
digest! {
    /// A BLAKE3 digest of the default 32 bytes; shown as 64 lower-case hex digits.
    Blake3
}

impl Sha256 {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Sha256 {
        Sha256(sha2::Sha256::digest(bytes).into())
    }
}

/// Both digests of the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Digests {
    /// What manifests, subjects and seals carry.
    pub sha256: Sha256,
    /// What the inventory and HASHES.blake3.txt carry besides.
    pub blake3: Blake3,
}

impl Digests {
    /// Both digests of these bytes.
    pub fn of(bytes: &[u8]) -> Digests {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Makes both digests in one pass.
#[derive(Clone, Default)]
pub struct Hasher {
    sha256: sha2::Sha256,
    blake3: Box<blake3::Hasher>,
}

impl Hasher {
    /// Feeds bytes to both.
    pub fn update(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(INTERLEAVE_BYTES) {
            self.sha256.update(part);
            self.blake3.update(part);
        }
    }

    /// Both digests of everything fed; the hasher is as new after it.
    pub fn finish(&mut self) -> Digests {
        let digests = Digests {
            sha256: Sha256(self.sha256.finalize_reset().into()),
            blake3: Blake3(*self.blake3.finalize().as_bytes()),
        };
        self.blake3.reset();
        digests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_the_empty_input_and_abc() {
        let empty = Digests::of(b"");
        assert_eq!(
            empty.sha256.to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            empty.blake3.to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        assert_eq!(
            Sha256::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_hasher_can_be_used_again() {
        let mut hasher = Hasher::default();
        hasher.update(&[7; 100_000]);
        let first = hasher.finish();
        hasher.update(&[7; 100_000]);
        assert_eq!(hasher.finish(), first);
    }

    #[test]
    fn hex_is_read_in_either_case_and_never_short() {
        let digest = Sha256::of(b"x");
        assert_eq!(Sha256::from_hex(&digest.to_string().to_uppercase()), Some(digest));
        assert_eq!(Sha256::from_hex(&digest.to_string()[1..]), None);
        assert_eq!(Sha256::from_hex(""), None);
    }
}
