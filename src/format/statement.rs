//! in-toto Statement v1: what a signature is about (subjects) and what it says of them (predicate).
//!
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>. Ours carry `sha256` alone, and
//! nothing that the standard does not name: an unknown or doubled field is refused, not ignored.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What a statement of ours says: a type of its own, about one project, of one kind.
pub trait Predicate: Serialize + DeserializeOwned {
    /// The predicate's type URI. A statement of any other type is never read as this one.
    const TYPE: &'static str;

    /// The project it speaks of; compared with what is verified, and with the signer's projects.
    fn project(&self) -> &str;

    /// Whether it speaks of a release or of a backup; compared with what is verified.
    fn kind(&self) -> Kind;

    /// When it was signed, where the predicate itself says so (only a receipt does).
    fn signed_at(&self) -> Option<Timestamp> {
        None
    }
}

/// A statement with its predicate. Fields are written in this order, as compact JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement<P> {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// What it is about: never empty, no name twice.
    pub subject: Vec<Subject>,
    /// The type URI of the predicate.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What it says of the subjects.
    pub predicate: P,
}

/// One file that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Its name, as the pack or the store calls it.
    pub name: String,
    /// Its digest.
    pub digest: DigestSet,
}

/// An in-toto DigestSet with `sha256` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// The SHA-256 digest, 64 lower-case hex digits.
    #[serde(with = "json::sha256")]
    pub sha256: Sha256,
}

/// Why signed bytes are not the statement that was expected.
#[derive(Debug, thiserror::Error)]
pub enum StatementFault {
    /// Not a statement: not JSON, or a field is missing, unknown, doubled or malformed.
    #[error("not a statement of ours: {0}")]
    Malformed(#[from] serde_json::Error),
    /// `_type` is something else.
    #[error("statement type {0:?}")]
    StatementType(String),
    /// A statement, but one that says something else.
    #[error("predicate type {0:?}")]
    PredicateType(String),
    /// It is about nothing.
    #[error("no subject")]
    NoSubject,
    /// A subject stands twice.
    #[error("subject {0:?} stands twice")]
    SubjectTwice(String),
}

impl Subject {
    /// A file's name and digest.
    pub fn new(name: impl Into<String>, sha256: Sha256) -> Subject {
        Subject { name: name.into(), digest: DigestSet { sha256 } }
    }
}

impl<P: Predicate> Statement<P> {
    /// A statement of this predicate about these subjects.
    pub fn new(subject: Vec<Subject>, predicate: P) -> Statement<P> {
        let statement_type = STATEMENT_TYPE.to_owned();
        Statement { statement_type, subject, predicate_type: P::TYPE.to_owned(), predicate }
    }

    /// Reads a payload whose signature has been verified. The types are compared before the predicate is
    /// looked at, so that a statement shown as another one is called that, and not malformed.
    pub fn parse(payload: &[u8]) -> Result<Statement<P>, StatementFault> {
        let outer: Statement<IgnoredAny> = serde_json::from_slice(payload)?;
        if outer.statement_type != STATEMENT_TYPE {
            return Err(StatementFault::StatementType(outer.statement_type));
        }
        if outer.predicate_type != P::TYPE {
            return Err(StatementFault::PredicateType(outer.predicate_type));
        }
        check_subjects(&outer.subject)?;
        Ok(serde_json::from_slice(payload)?)
    }

    /// The payload to sign: compact JSON, fields in the order of the struct.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and arrays always serialise")
    }
}

fn check_subjects(subjects: &[Subject]) -> Result<(), StatementFault> {
    let mut names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    if names.is_empty() {
        return Err(StatementFault::NoSubject);
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(StatementFault::SubjectTwice(pair[0].to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        project: String,
    }

    impl Predicate for Note {
        const TYPE: &'static str = "urn:attestar:note:v1";
        fn project(&self) -> &str {
            &self.project
        }
        fn kind(&self) -> Kind {
            Kind::Release
        }
    }

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn note() -> Statement<Note> {
        Statement::new(vec![Subject::new("a", Sha256::of(b"abc"))], Note { project: "p".into() })
    }

    fn fault(from: &str, to: &str) -> StatementFault {
        let text = String::from_utf8(note().to_bytes()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        Statement::<Note>::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err()
    }

    #[test]
    fn a_statement_is_compact_json_in_the_order_of_the_standard() {
        let text = String::from_utf8(note().to_bytes()).unwrap();
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{ABC}"}}}}],"predicateType":"urn:attestar:note:v1","predicate":{{"project":"p"}}}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(Statement::<Note>::parse(text.as_bytes()).unwrap(), note());
    }

    #[test]
    fn another_type_is_called_that_before_anything_else_is_read() {
        assert!(matches!(fault("note:v1", "note:v2"), StatementFault::PredicateType(t) if t.ends_with("v2")));
        assert!(matches!(fault("Statement/v1", "Statement/v0.1"), StatementFault::StatementType(_)));
    }

    #[test]
    fn a_statement_about_nothing_or_twice_about_one_thing_is_refused() {
        let subject = format!(r#"{{"name":"a","digest":{{"sha256":"{ABC}"}}}}"#);
        assert!(matches!(fault(&subject, ""), StatementFault::NoSubject));
        let twice = format!("{subject},{subject}");
        assert!(matches!(fault(&subject, &twice), StatementFault::SubjectTwice(name) if name == "a"));
    }

    #[test]
    fn unknown_and_doubled_fields_other_digests_and_upper_case_hex_are_refused() {
        let changes = [
            (r#""subject""#.to_owned(), r#""extra":1,"subject""#.to_owned()),
            (r#""name":"a""#.to_owned(), r#""name":"a","uri":"x""#.to_owned()),
            (r#""name":"a""#.to_owned(), r#""name":"a","name":"a""#.to_owned()),
            (r#""sha256""#.to_owned(), r#""blake3":"00","sha256""#.to_owned()),
            (r#""sha256""#.to_owned(), r#""sha512""#.to_owned()),
            (ABC.to_owned(), ABC.to_uppercase()),
            (ABC.to_owned(), ABC[1..].to_owned()),
            (r#""project":"p""#.to_owned(), r#""project":"p","more":1"#.to_owned()),
            (r#""p"}}"#.to_owned(), r#""p"}} {}"#.to_owned()),
        ];
        for (from, to) in changes {
            assert!(matches!(fault(&from, &to), StatementFault::Malformed(_)), "{to}");
        }
    }
}
