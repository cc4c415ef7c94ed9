//! DSSE v1: an envelope that signs a payload together with its type.
//!
//! <https://github.com/secure-systems-lab/dsse/blob/master/envelope.md>. What is signed is the PAE of the
//! payload bytes as received; they are never serialised again on the way to the verifier.

use data_encoding::{BASE64, BASE64URL};
use serde::{Deserialize, Serialize};

/// The payload type of in-toto statements.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A payload with its one signature, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is; part of what is signed.
    pub payload_type: String,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// Names the key. Not signed: it only picks among keys that are trusted anyway. May be empty.
    pub key_id: String,
    /// Pure Ed25519 over [`Envelope::signed_bytes`].
    pub signature: [u8; 64],
}

/// Why JSON is not an envelope with one Ed25519 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// The payload or a signature is not base64.
    #[error("not base64")]
    Base64,
    /// No signature, or more than one.
    #[error("{0} signatures where one must be")]
    SignatureCount(usize),
    /// The signature is not 64 bytes long.
    #[error("a signature that is not Ed25519")]
    SignatureLength,
}

/// The envelope as it stands in JSON, its fields in the order of the protobuf.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvelopeJson {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Serialize, Deserialize)]
struct SignatureJson {
    sig: String,
    #[serde(default)]
    keyid: String,
}

impl Envelope {
    /// The bytes that the signature is over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    pub(super) fn from_json(json: EnvelopeJson) -> Result<Envelope, EnvelopeFault> {
        let count = json.signatures.len();
        let [SignatureJson { sig, keyid }] =
            <[_; 1]>::try_from(json.signatures).map_err(|_| EnvelopeFault::SignatureCount(count))?;
        Ok(Envelope {
            payload: decode(&json.payload)?,
            payload_type: json.payload_type,
            key_id: keyid,
            signature: decode(&sig)?.try_into().map_err(|_| EnvelopeFault::SignatureLength)?,
        })
    }

    pub(super) fn to_json(&self) -> EnvelopeJson {
        let sig = BASE64.encode(&self.signature);
        EnvelopeJson {
            payload: BASE64.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: vec![SignatureJson { sig, keyid: self.key_id.clone() }],
        }
    }
}

/// Pre-authentication encoding (DSSE protocol): `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`, lengths
/// in bytes, ASCII decimal.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {} {} ", payload_type.len(), payload_type, payload.len());
    [head.as_bytes(), payload].concat()
}

/// The standard lets writers choose the alphabet, so readers take both.
fn decode(text: &str) -> Result<Vec<u8>, EnvelopeFault> {
    let bytes = BASE64.decode(text.as_bytes()).or_else(|_| BASE64URL.decode(text.as_bytes()));
    bytes.map_err(|_| EnvelopeFault::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_is_the_example_of_the_standard() {
        // From the DSSE protocol document, "Test Vectors".
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn lengths_are_of_bytes_so_that_no_two_envelopes_share_signed_bytes() {
        assert_eq!(pae("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes());
        assert_ne!(pae("a", b"1 b"), pae("a 3 1", b"b"));
    }
}
