//! The `sbom` attestation: a statement whose predicate is the CycloneDX document itself, byte for byte as it lies in the
//! pack. Tools that know the predicate type read the SBOM out of it; nobody has to compare two spellings.

use crate::format::cyclonedx::read::{self, BOM_BYTES_MAX, BomFault};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::statement::{Predicate, Statement, Subject};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The name of the only subject: the manifest that lists every file of the release.
pub const SBOM_SUBJECT: &str = "manifest-sha256.txt";

/// Predicate `https://cyclonedx.org/bom`.
#[derive(Clone, Debug)]
pub struct Sbom {
    document: Box<RawValue>,
    project: String,
    kind: Kind,
}

impl Sbom {
    /// Of the file as it lies in the pack: a document and a final LF.
    pub fn of(file: &[u8]) -> Result<Sbom, BomFault> {
        if file.len() > BOM_BYTES_MAX {
            return Err(BomFault::TooLarge);
        }
        Sbom::new(serde_json::from_slice(file)?)
    }

    /// Whether this is that file, byte for byte.
    pub fn is(&self, file: &[u8]) -> bool {
        file.strip_suffix(b"\n") == Some(self.document.get().as_bytes())
    }

    /// The document, without the final LF.
    pub fn document(&self) -> &str {
        self.document.get()
    }

    /// The statement to sign: this SBOM of the files in this manifest.
    pub fn over(self, manifest: Sha256) -> Statement<Sbom> {
        Statement::new(vec![Subject::new(SBOM_SUBJECT, manifest)], self)
    }

    fn new(document: Box<RawValue>) -> Result<Sbom, BomFault> {
        let (project, kind) = read::subject(document.get())?;
        Ok(Sbom { document, project, kind })
    }
}

impl Predicate for Sbom {
    const TYPE: &'static str = "https://cyclonedx.org/bom";

    /// The name of `metadata.component`.
    fn project(&self) -> &str {
        &self.project
    }

    /// The property `attestar:kind` of the metadata.
    fn kind(&self) -> Kind {
        self.kind
    }
}

impl PartialEq for Sbom {
    fn eq(&self, other: &Sbom) -> bool {
        self.document.get() == other.document.get()
    }
}

impl Eq for Sbom {}

impl Serialize for Sbom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sbom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sbom, D::Error> {
        Sbom::new(Box::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::Merged;
    use crate::format::bom::merged::testing::everything;
    use crate::format::bundle::Bundle;
    use crate::format::cyclonedx;
    use crate::format::envelope::Envelope;

    fn file() -> Vec<u8> {
        cyclonedx::to_bytes(&Merged::of(&everything()))
    }

    #[test]
    fn the_document_goes_through_statement_and_bundle_byte_for_byte() {
        let file = file();
        let statement = Sbom::of(&file).unwrap().over(Sha256::of(b"manifest"));
        let payload = statement.to_bytes();
        let document = file.strip_suffix(b"\n").unwrap();
        assert!(payload.windows(document.len()).any(|window| window == document));
        let envelope = Envelope {
            payload_type: "application/vnd.in-toto+json".to_owned(),
            payload,
            key_id: "key".to_owned(),
            signature: [1; 64],
        };
        let bundle = Bundle::parse_canonical(&Bundle { envelope }.to_bytes()).unwrap();
        let read = Statement::<Sbom>::parse(&bundle.envelope.payload).unwrap();
        assert_eq!((&read, read.to_bytes()), (&statement, bundle.envelope.payload));
        assert_eq!((read.predicate.project(), read.predicate.kind()), ("tideline", Kind::Release));
        assert_eq!(read.predicate_type, "https://cyclonedx.org/bom");
        assert!(read.predicate.is(&file));
    }

    #[test]
    fn another_spelling_of_the_same_document_is_not_the_file() {
        let file = file();
        let sbom = Sbom::of(&file).unwrap();
        let respelled: serde_json::Value = serde_json::from_slice(&file).unwrap();
        assert!(!sbom.is(respelled.to_string().as_bytes()));
        assert!(!sbom.is(&file[..file.len() - 1]), "the final LF");
        assert!(!sbom.is(&[&*file, b"\n"].concat()));
    }

    #[test]
    fn a_predicate_that_does_not_say_of_what_it_is_is_no_statement() {
        let statement = Sbom::of(&file()).unwrap().over(Sha256::of(b"manifest"));
        let text = String::from_utf8(statement.to_bytes()).unwrap();
        for (from, to) in [("attestar:kind", "attestar:king"), ("\"metadata\"", "\"metadatum\"")] {
            assert!(Statement::<Sbom>::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!(matches!(Sbom::of(b"{}\n"), Err(BomFault::Json(_))));
        assert!(matches!(Sbom::of(b""), Err(BomFault::Json(_))));
    }
}
