//! JSON: how documents, digests and times stand in it. Each has one spelling; another one is refused.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

/// A document as a file of ours: indented, with a final LF.
pub(crate) fn document(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("strings and numbers always serialise");
    bytes.push(b'\n');
    bytes
}

/// Reads a document; one whose `schema` is another one is an error.
pub(crate) fn of_schema<T: DeserializeOwned>(
    bytes: &[u8],
    schema: &str,
    said: impl Fn(&T) -> &str,
) -> serde_json::Result<T> {
    let read: T = serde_json::from_slice(bytes)?;
    if said(&read) == schema {
        return Ok(read);
    }
    Err(serde_json::Error::custom(format!("the schema is {:?}, not {schema}", said(&read))))
}

/// A SHA-256 digest as 64 lower-case hex digits.
pub(crate) mod sha256 {
    use crate::format::digest::Sha256;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(digest: &Sha256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha256, D::Error> {
        let text = String::deserialize(deserializer)?;
        Sha256::from_hex(&text)
            .filter(|digest| digest.to_string() == text)
            .ok_or_else(|| D::Error::custom("a sha256 digest must be 64 lower-case hex digits"))
    }
}

/// A SHA-256 digest that may be absent, in which case its field is left out.
pub(crate) mod optional_sha256 {
    use crate::format::digest::Sha256;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        digest: &Option<Sha256>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => super::sha256::serialize(digest, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Sha256>, D::Error> {
        super::sha256::deserialize(deserializer).map(Some)
    }
}

/// A point in time that may be absent, in which case its field is left out.
pub(crate) mod optional_timestamp {
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::timestamp::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        super::timestamp::deserialize(deserializer).map(Some)
    }
}

/// A point in time as RFC 3339 in UTC, with `Z` and no more digits than needed.
pub(crate) mod timestamp {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Timestamp>()
            .ok()
            .filter(|time| time.to_string() == text)
            .ok_or_else(|| D::Error::custom("a time must be RFC 3339 in UTC, like 2026-11-20T14:02:00Z"))
    }
}
