//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): what a log holds at one size, as the text of a signed note.

use crate::format::digest::Sha256;
use crate::format::note::is_key_name;
use data_encoding::BASE64;

/// The most leaves a log can have here: far past what anyone writes, and far from where arithmetic ends.
pub const SIZE_MAX: u64 = 1 << 40;

/// A log at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: also the name of its keys.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of its tree (RFC 6962, section 2.1).
    pub root: Sha256,
}

/// Why a text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: three lines, which are an origin, a size and a root")]
pub struct CheckpointFault;

impl Checkpoint {
    /// Reads the text of a note. Lines past the third, which nobody could audit, are refused.
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointFault> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointFault)?.split('\n').collect();
        let [origin, size, root] = lines[..] else { return Err(CheckpointFault) };
        let decoded = BASE64.decode(root.as_bytes()).ok().and_then(|root| root.try_into().ok());
        match (decimal(size).filter(|&size| size <= SIZE_MAX), decoded) {
            (Some(size), Some(root)) if is_key_name(origin) => {
                Ok(Checkpoint { origin: origin.to_owned(), size, root: Sha256(root) })
            }
            _ => Err(CheckpointFault),
        }
    }

    /// The text to sign.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root.0))
    }
}

/// A number in its one spelling: ASCII digits, no leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_read() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let checkpoint = Checkpoint::parse(text).unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.to_text(), text);
    }

    #[test]
    fn other_forms_are_refused() {
        let root = BASE64.encode(&[7; 32]);
        let good = format!("a\n5\n{root}\n");
        assert!(Checkpoint::parse(&good).is_ok());
        let bad = [
            format!("a\n5\n{root}"),
            format!("a\n5\n{root}\n\n"),
            format!("a\n5\n{root}\nextension\n"),
            format!("\n5\n{root}\n"),
            format!("a b\n5\n{root}\n"),
            format!("a\n05\n{root}\n"),
            format!("a\n+5\n{root}\n"),
            format!("a\n-5\n{root}\n"),
            format!("a\n\n{root}\n"),
            format!("a\n{}\n{root}\n", SIZE_MAX + 1),
            format!("a\n5\n{}\n", BASE64.encode(&[7; 31])),
            format!("a\n5\n{}\n", root.trim_end_matches('=')),
            "a\n5\n".to_owned(),
        ];
        for text in bad {
            assert_eq!(Checkpoint::parse(&text), Err(CheckpointFault), "{text}");
        }
    }
}
