//! Proof files (<https://c2sp.org/tlog-proof>): a leaf's index, its proof of inclusion, and the checkpoint. They can be
//! verified offline, and years later.
//!
//! The extra data, which the standard leaves open, is the entry itself: the leaf's hash authenticates it.

use crate::format::checkpoint::decimal;
use crate::format::digest::Sha256;
use crate::format::note::NOTE_BYTES_MAX;
use crate::format::tlog::entries::ENTRY_BYTES_MAX;
use data_encoding::BASE64;

/// The first line.
const VERSION: &str = "c2sp.org/tlog-proof@v1";

/// What a proof file's name ends in.
pub const EXTENSION: &str = "tlog-proof";

/// The largest proof file that is read: the entry in base64, the hashes, and the checkpoint.
pub const PROOF_BYTES_MAX: usize = 2 * ENTRY_BYTES_MAX + NOTE_BYTES_MAX + (8 << 10);

/// The most hashes of a proof: a level each.
const HASHES_MAX: usize = 64;

/// A proof, of which nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// The entry that is proven.
    pub entry: Vec<u8>,
    /// Its place in the log, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub hashes: Vec<Sha256>,
    /// The checkpoint, a signed note, as the log had it.
    pub checkpoint: Vec<u8>,
}

/// Why bytes are no proof with its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// Longer than [`PROOF_BYTES_MAX`].
    #[error("too large for a proof")]
    TooLarge,
    /// Not in the form of the standard.
    #[error("not a proof: {0}")]
    Form(&'static str),
}

impl ProofFile {
    /// Reads a proof file that carries its entry.
    pub fn parse(bytes: &[u8]) -> Result<ProofFile, ProofFault> {
        use ProofFault::Form;
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofFault::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Form("it is not text"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(Form("there is no checkpoint in it"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(VERSION) {
            return Err(Form("it begins with another line"));
        }
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let entry = field("extra").and_then(|extra| BASE64.decode(extra.as_bytes()).ok());
        let entry = entry.ok_or(Form("the extra data, which is the entry, is not there"))?;
        let index = field("index").and_then(decimal).ok_or(Form("there is no index"))?;
        let hashes: Vec<Sha256> =
            lines.map(hash).collect::<Option<_>>().ok_or(Form("a line that is no hash"))?;
        if hashes.len() > HASHES_MAX {
            return Err(Form("more hashes than a tree has levels"));
        }
        Ok(ProofFile { entry, index, hashes, checkpoint: checkpoint.as_bytes().to_vec() })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{VERSION}\nextra {}\nindex {}\n", BASE64.encode(&self.entry), self.index);
        self.hashes.iter().for_each(|hash| head += &format!("{}\n", BASE64.encode(&hash.0)));
        [head.as_bytes(), b"\n", &self.checkpoint].concat()
    }
}

fn hash(line: &str) -> Option<Sha256> {
    Some(Sha256(BASE64.decode(line.as_bytes()).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> ProofFile {
        let hashes = vec![Sha256([1; 32]), Sha256([2; 32])];
        let checkpoint = "a\n3\nroot\n\n\u{2014} a signature\n".as_bytes().to_vec();
        ProofFile { entry: b"entry".to_vec(), index: 2, hashes, checkpoint }
    }

    fn changed(from: &str, to: &str) -> Result<ProofFile, ProofFault> {
        let text = String::from_utf8(proof().to_bytes()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        ProofFile::parse(text.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn a_proof_is_written_as_the_standard_says_and_reads_back() {
        let (one, two) = (BASE64.encode(&[1; 32]), BASE64.encode(&[2; 32]));
        let expected = format!(
            "c2sp.org/tlog-proof@v1\nextra ZW50cnk=\nindex 2\n{one}\n{two}\n\na\n3\nroot\n\n\u{2014} a signature\n"
        );
        assert_eq!(String::from_utf8(proof().to_bytes()).unwrap(), expected);
        assert_eq!(ProofFile::parse(expected.as_bytes()), Ok(proof()));
        let alone = ProofFile { hashes: Vec::new(), ..proof() };
        assert_eq!(ProofFile::parse(&alone.to_bytes()), Ok(alone));
    }

    #[test]
    fn other_forms_are_refused() {
        let refused = [
            changed("proof@v1", "proof@v2"),
            changed("extra ZW50cnk=\n", ""),
            changed("ZW50cnk=", "ZW50cnk"),
            changed("index 2", "index 02"),
            changed("index 2\n", ""),
            changed("AQEB", "AQE-"),
            changed("AQEB", ""),
            changed("\n\na", "\na"),
        ];
        refused
            .iter()
            .for_each(|refused| assert!(matches!(refused, Err(ProofFault::Form(_))), "{refused:?}"));
        let many = ProofFile { hashes: vec![Sha256([1; 32]); HASHES_MAX + 1], ..proof() };
        assert!(ProofFile::parse(&many.to_bytes()).is_err());
        assert_eq!(ProofFile::parse(&vec![b'a'; PROOF_BYTES_MAX + 1]), Err(ProofFault::TooLarge));
        assert!(ProofFile::parse(b"\xff\n\n").is_err());
    }
}
