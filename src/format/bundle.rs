//! Sigstore bundle v0.3: a DSSE envelope and the name of the key that signed it, in one JSON file.
//!
//! <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>. We read what others
//! write (media types 0.1 to 0.3, either base64 alphabet); of our own we accept the canonical form alone, so
//! that no byte of a bundle file is unchecked.

use crate::format::envelope::{Envelope, EnvelopeFault, EnvelopeJson};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// The media type that is written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The largest bundle that is read: 64 MiB, room for a statement about every file of a large release.
pub const BUNDLE_BYTES_MAX: usize = 64 << 20;

const MEDIA_TYPES_READ: [&str; 4] = [
    MEDIA_TYPE,
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

/// A bundle with one DSSE signature by a bare public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The signed payload. Its `key_id` is also the bundle's key hint.
    pub envelope: Envelope,
}

/// Why bytes are not such a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleFault {
    /// Longer than [`BUNDLE_BYTES_MAX`].
    #[error("larger than 64 MiB")]
    TooLarge,
    /// Not the JSON of a bundle.
    #[error("not a Sigstore bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// A media type of something else, or of a later version.
    #[error("media type {0:?}")]
    MediaType(String),
    /// The envelope in it is not one of ours.
    #[error(transparent)]
    Envelope(#[from] EnvelopeFault),
    /// The hint and the envelope name different keys.
    #[error("the key hint and the key id differ")]
    Hint,
    /// A bundle, but not byte for byte as attestar writes it.
    #[error("not in canonical form")]
    NotCanonical,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleJson {
    media_type: String,
    verification_material: MaterialJson,
    dsse_envelope: EnvelopeJson,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MaterialJson {
    public_key: PublicKeyJson,
    /// Always written, because PyPI sigstore's models do not parse a bundle without it; never read.
    #[serde(default, deserialize_with = "ignore")]
    tlog_entries: [(); 0],
}

#[derive(Serialize, Deserialize)]
struct PublicKeyJson {
    #[serde(default)]
    hint: String,
}

impl Bundle {
    /// Reads a bundle of any of the known forms. That it parses says nothing about who wrote it.
    pub fn parse(bytes: &[u8]) -> Result<Bundle, BundleFault> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleFault::TooLarge);
        }
        let json: BundleJson = serde_json::from_slice(bytes)?;
        if !MEDIA_TYPES_READ.contains(&json.media_type.as_str()) {
            return Err(BundleFault::MediaType(json.media_type));
        }
        let mut envelope = Envelope::from_json(json.dsse_envelope)?;
        let hint = json.verification_material.public_key.hint;
        if envelope.key_id.is_empty() {
            envelope.key_id = hint;
        } else if !hint.is_empty() && hint != envelope.key_id {
            return Err(BundleFault::Hint);
        }
        Ok(Bundle { envelope })
    }

    /// Reads a bundle that must be byte for byte as attestar writes it.
    pub fn parse_canonical(bytes: &[u8]) -> Result<Bundle, BundleFault> {
        let bundle = Bundle::parse(bytes)?;
        if bundle.is_canonical(bytes) { Ok(bundle) } else { Err(BundleFault::NotCanonical) }
    }

    /// The canonical form: compact JSON in a fixed order, standard base64, one LF at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("strings and arrays always serialise, and memory takes them");
        bytes
    }

    /// Whether these bytes, which this bundle was parsed from, are its canonical form.
    pub fn is_canonical(&self, bytes: &[u8]) -> bool {
        let mut expected = Expected(bytes);
        self.write(&mut expected).is_ok() && expected.0.is_empty()
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let json = BundleJson {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: MaterialJson {
                public_key: PublicKeyJson { hint: self.envelope.key_id.clone() },
                tlog_entries: [],
            },
            dsse_envelope: self.envelope.to_json(),
        };
        serde_json::to_writer(&mut *to, &json)?;
        to.write_all(b"\n")
    }
}

/// Compares what is written with what is expected next, so that a large bundle is not held twice.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ignore<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<[(); 0], D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| [])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_in_it_a_bundle_reads_back(key_id in ".*", payload_type in ".*", payload: Vec<u8>, half: [u8; 32]) {
            let signature = [half, half].concat().try_into().unwrap();
            let bundle = Bundle { envelope: Envelope { payload_type, payload, key_id, signature } };
            let bytes = bundle.to_bytes();
            prop_assert_eq!(Bundle::parse_canonical(&bytes).unwrap(), bundle);
            prop_assert!(Bundle::parse_canonical(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    fn bundle() -> Bundle {
        let payload = b"\xff\xef\xbe{}".to_vec();
        let envelope = Envelope {
            payload_type: "t".to_owned(),
            payload,
            key_id: "a+b/c=".to_owned(),
            signature: [0xfb; 64],
        };
        Bundle { envelope }
    }

    fn changed(from: &str, to: &str) -> Vec<u8> {
        let text = String::from_utf8(bundle().to_bytes()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        text.replacen(from, to, 1).into_bytes()
    }

    #[test]
    fn a_bundle_is_written_in_one_form_and_reads_back() {
        let bytes = bundle().to_bytes();
        let sig = "+/v7".repeat(21) + "+w==";
        let expected = format!(
            r#"{{"mediaType":"{MEDIA_TYPE}","verificationMaterial":{{"publicKey":{{"hint":"a+b/c="}},"tlogEntries":[]}},"dsseEnvelope":{{"payload":"/+++e30=","payloadType":"t","signatures":[{{"sig":"{sig}","keyid":"a+b/c="}}]}}}}"#
        );
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected + "\n");
        assert_eq!(Bundle::parse_canonical(&bytes).unwrap(), bundle());
    }

    #[test]
    fn what_others_write_is_read_but_is_not_canonical() {
        let others = [
            changed(MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.2"),
            changed("/+++e30=", "_---e30="),
            changed("{\"mediaType\"", "{ \"mediaType\""),
            changed("\n", ""),
            changed(r#","tlogEntries":[]"#, ""),
            changed("\"tlogEntries\":[]", r#""tlogEntries":[{"logIndex":"1"}]"#),
            changed(r#"{"hint":"a+b/c="}"#, "{}"),
            changed(r#","keyid":"a+b/c=""#, ""),
            changed("\"payloadType\":\"t\"", "\"payloadType\":\"\\u0074\""),
        ];
        for bytes in others {
            assert_eq!(Bundle::parse(&bytes).unwrap(), bundle(), "{}", String::from_utf8_lossy(&bytes));
            assert!(matches!(Bundle::parse_canonical(&bytes), Err(BundleFault::NotCanonical)));
        }
    }

    #[test]
    fn what_is_not_a_bundle_with_one_signature_is_refused() {
        let two = changed(r#""signatures":["#, r#""signatures":[{"sig":"","keyid":""},"#);
        let two = Bundle::parse(&two).unwrap_err();
        assert!(matches!(two, BundleFault::Envelope(EnvelopeFault::SignatureCount(2))));
        let text = String::from_utf8(bundle().to_bytes()).unwrap();
        let (head, _) = text.split_once(r#"[{"sig"#).unwrap();
        let none = Bundle::parse(format!("{head}[]}}}}\n").as_bytes()).unwrap_err();
        assert!(matches!(none, BundleFault::Envelope(EnvelopeFault::SignatureCount(0))));
        let hint = Bundle::parse(&changed("a+b/c=", "other")).unwrap_err();
        assert!(matches!(hint, BundleFault::Hint));
        let short = Bundle::parse(&changed("+/v7+/v7", "+/v7")).unwrap_err();
        assert!(matches!(short, BundleFault::Envelope(EnvelopeFault::SignatureLength)));
        let garbage = Bundle::parse(&changed("/+++", "/*++")).unwrap_err();
        assert!(matches!(garbage, BundleFault::Envelope(EnvelopeFault::Base64)));
        let media = Bundle::parse(&changed("v0.3", "v0.9")).unwrap_err();
        assert!(matches!(media, BundleFault::MediaType(_)));
        assert!(matches!(Bundle::parse(b"{}"), Err(BundleFault::Json(_))));
        assert!(matches!(Bundle::parse(&vec![b' '; BUNDLE_BYTES_MAX + 1]), Err(BundleFault::TooLarge)));
    }
}
