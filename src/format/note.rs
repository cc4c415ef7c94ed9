//! Signed notes (<https://c2sp.org/signed-note>): text, a blank line, and the signatures of one or more keys.
//!
//! The text says nothing until one of its signatures was verified under a key that is trusted: `keys/` does that.

use crate::format::digest::Sha256;
use data_encoding::BASE64;

/// The largest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 256 << 10;

/// The most signatures that are read; the standard asks for 16 at least.
pub const SIGNATURES_MAX: usize = 64;

/// What a signature line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// The signature type of Ed25519 in a key id.
const ED25519: u8 = 1;

/// A text with its signatures, none of them verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What was signed: ends in LF.
    pub text: String,
    /// At least one, in the order of the note.
    pub signatures: Vec<NoteSignature>,
}

/// A signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name: not empty, without spaces and `+`.
    pub name: String,
    /// With the name, what picks a key: [`key_id`].
    pub key_id: [u8; 4],
    /// The signature itself, in the form of its algorithm.
    pub signature: Vec<u8>,
}

/// Why bytes are no signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// Longer than [`NOTE_BYTES_MAX`], or more than [`SIGNATURES_MAX`] signatures.
    #[error("too large for a signed note")]
    TooLarge,
    /// Not UTF-8, or with control characters.
    #[error("not text")]
    NotText,
    /// No blank line with signatures after it, or an end without LF.
    #[error("no signatures after a blank line")]
    NoSignatures,
    /// A line among the signatures that is none.
    #[error("a signature line that is none")]
    Signature,
}

impl Note {
    /// Reads a note. Other forms of the same bytes are refused: base64 in one alphabet, with padding.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteFault> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteFault::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteFault::NotText)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteFault::NotText);
        }
        // The last blank line parts them: the text may have some of its own.
        let at = note.rfind("\n\n").ok_or(NoteFault::NoSignatures)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteFault::NoSignatures)?;
        let signatures: Vec<NoteSignature> =
            lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteFault::TooLarge);
        }
        Ok(Note { text: text.to_owned(), signatures })
    }

    /// The note as it stands in its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut note = format!("{}\n", self.text);
        for NoteSignature { name, key_id, signature } in &self.signatures {
            let signature = BASE64.encode(&[key_id.as_slice(), signature].concat());
            note += &format!("{DASH}{name} {signature}\n");
        }
        note.into_bytes()
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Result<NoteSignature, NoteFault> {
        let parts = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' '));
        let (name, signature) = parts.ok_or(NoteFault::Signature)?;
        let bytes = BASE64.decode(signature.as_bytes()).map_err(|_| NoteFault::Signature)?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, signature)) if !signature.is_empty() && is_key_name(name) => {
                Ok(NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
            }
            _ => Err(NoteFault::Signature),
        }
    }
}

/// Whether a text can name a key: not empty, no space of any kind, no `+`, no control character.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// The id of an Ed25519 key under a name: the first 4 bytes of SHA-256(name, LF, 0x01, key).
pub fn key_id(name: &str, public_key: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::of(&[name.as_bytes(), b"\n", &[ED25519], public_key].concat());
    std::array::from_fn(|at| digest.0[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn note() -> Note {
        let signature =
            NoteSignature { name: "example.com/a".into(), key_id: [1, 2, 3, 4], signature: vec![5; 64] };
        Note { text: "one\n\ntwo\n".into(), signatures: vec![signature] }
    }

    fn changed(from: &str, to: &str) -> Result<Note, NoteFault> {
        let text = String::from_utf8(note().to_bytes()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        Note::parse(text.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn a_note_is_text_a_blank_line_and_signature_lines() {
        let signature = BASE64.encode(&[[1, 2, 3, 4].as_slice(), &[5; 64]].concat());
        let expected = format!("one\n\ntwo\n\n\u{2014} example.com/a {signature}\n");
        assert_eq!(String::from_utf8(note().to_bytes()).unwrap(), expected);
        assert_eq!(Note::parse(expected.as_bytes()), Ok(note()));
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        let example = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u{e8} subito sera.\n\n\
                       \u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
        let note = Note::parse(example.as_bytes()).unwrap();
        assert!(note.text.ends_with("sera.\n") && note.text.contains("\n\n"));
        assert_eq!(note.signatures[0].name, "quasimodo.example/salvatore");
        assert_eq!(note.signatures[0].signature.len(), 64);
        assert_eq!(note.to_bytes(), example.as_bytes());
    }

    #[test]
    fn what_is_no_note_is_refused() {
        use NoteFault::{NoSignatures, NotText, Signature};
        assert_eq!(
            changed("\n\n\u{2014}", "\n\u{2014}"),
            Err(Signature),
            "the blank line of the text parts them"
        );
        assert_eq!(changed("two", "t\two"), Err(NotText));
        assert_eq!(changed("two\n", "two\r\n"), Err(NotText));
        assert_eq!(changed("\u{2014} ", "- "), Err(Signature));
        assert_eq!(changed("example.com/a", "a+b"), Err(Signature));
        assert_eq!(changed("example.com/a", "a\u{a0}b"), Err(Signature));
        assert_eq!(changed("example.com/a ", " "), Err(Signature));
        assert_eq!(changed("AQIDBA", "AQID-A"), Err(Signature));
        assert_eq!(Note::parse(b"text\n\n\xe2\x80\x94 a AQIDBA==\n"), Err(Signature), "an id alone");
        let bytes = note().to_bytes();
        assert_eq!(Note::parse(&bytes[..bytes.len() - 1]), Err(NoSignatures));
        assert_eq!(Note::parse(b"text\n"), Err(NoSignatures));
        assert_eq!(Note::parse(b""), Err(NoSignatures));
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NotText));
        assert_eq!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteFault::TooLarge));
        let signatures = vec![note().signatures[0].clone(); SIGNATURES_MAX + 1];
        assert_eq!(Note::parse(&Note { signatures, ..note() }.to_bytes()), Err(NoteFault::TooLarge));
    }

    #[test]
    fn the_key_id_is_that_of_the_standard() {
        // printf 'example.com/a\n\001' | cat - <(head -c 32 /dev/zero) | sha256sum
        assert_eq!(data_encoding::HEXLOWER.encode(&key_id("example.com/a", &[0; 32])), "34b6f23c");
        assert_ne!(key_id("example.com/b", &[0; 32]), key_id("example.com/a", &[0; 32]));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_in_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let with_end = [bytes.as_slice(), "\n\n\u{2014} n AQIDBAU=\n".as_bytes()].concat();
            for bytes in [bytes, with_end] {
                if let Ok(note) = Note::parse(&bytes) {
                    prop_assert_eq!(note.to_bytes(), bytes);
                }
            }
        }
    }
}
