//! The checksum algorithms of manifests (RFC 8493, section 2.4), and all of them made in one read.

use sha2::digest::DynDigest;

/// A checksum algorithm that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 1321: read for old bags, never written.
    Md5,
    /// RFC 3174: read for old bags, never written.
    Sha1,
    /// FIPS 180-4: seen in a few bags, never written.
    Sha224,
    /// FIPS 180-4: what every bag reader must know, and what is written here.
    Sha256,
    /// FIPS 180-4: seen in a few bags, never written.
    Sha384,
    /// FIPS 180-4: what every bag reader must know.
    Sha512,
}

impl Algorithm {
    /// All of them, from the weakest to the strongest.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha224,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
    ];

    /// The normalised name that stands in a manifest's file name.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha224 => "sha224",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// The algorithm of a normalised name; `None` if it is not known here.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The length of its digests, in bytes.
    pub fn digest_bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha224 => 28,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// Whether two files with one digest can be made on purpose.
    pub fn is_weak(self) -> bool {
        matches!(self, Algorithm::Md5 | Algorithm::Sha1)
    }

    fn hasher(self) -> Box<dyn DynDigest + Send> {
        match self {
            Algorithm::Md5 => Box::new(md5::Md5::default()),
            Algorithm::Sha1 => Box::new(sha1::Sha1::default()),
            Algorithm::Sha224 => Box::new(sha2::Sha224::default()),
            Algorithm::Sha256 => Box::new(sha2::Sha256::default()),
            Algorithm::Sha384 => Box::new(sha2::Sha384::default()),
            Algorithm::Sha512 => Box::new(sha2::Sha512::default()),
        }
    }
}

/// A digest and what made it.
pub type MadeDigest = (Algorithm, Vec<u8>);

/// Makes the digests of several algorithms in one pass.
pub struct MultiHasher(Vec<(Algorithm, Box<dyn DynDigest + Send>)>);

impl MultiHasher {
    /// A hasher for these algorithms.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> MultiHasher {
        MultiHasher(algorithms.into_iter().map(|algorithm| (algorithm, algorithm.hasher())).collect())
    }

    /// Feeds bytes to all of them.
    pub fn update(&mut self, bytes: &[u8]) {
        for (_, hasher) in &mut self.0 {
            hasher.update(bytes);
        }
    }

    /// The digests of everything fed, in the order of the algorithms; the hasher is as new after it.
    pub fn finish(&mut self) -> Vec<MadeDigest> {
        let finish = |(algorithm, hasher): &mut (Algorithm, Box<dyn DynDigest + Send>)| {
            let mut digest = vec![0; algorithm.digest_bytes()];
            hasher.finalize_into_reset(&mut digest).expect("the buffer is as long as the algorithm's digest");
            (*algorithm, digest)
        };
        self.0.iter_mut().map(finish).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[test]
    fn known_answers_of_abc_in_one_pass_and_again() {
        let mut hasher = MultiHasher::new(Algorithm::ALL);
        for _ in 0..2 {
            hasher.update(b"a");
            hasher.update(b"bc");
            let digests = hasher.finish();
            let hex = |at: usize| HEXLOWER.encode(&digests[at].1);
            assert_eq!(hex(0), "900150983cd24fb0d6963f7d28e17f72");
            assert_eq!(hex(1), "a9993e364706816aba3e25717850c26c9cd0d89d");
            assert!(hex(2).starts_with("23097d223405d822"));
            assert!(hex(3).starts_with("ba7816bf8f01cfea"));
            assert!(hex(4).starts_with("cb00753f45a35e8b"));
            assert!(hex(5).starts_with("ddaf35a193617aba"));
        }
    }

    #[test]
    fn every_algorithm_is_found_by_its_name_and_no_other_is() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_name("SHA256"), None);
        assert_eq!(Algorithm::from_name("sha3256"), None);
    }
}
