//! What a bucket's refusals mean, in words for people.

use object_store::Error;
use std::error::Error as StdError;

/// Why a request failed, without the request: the server's own code and message, or the innermost cause. Addresses lose
/// their query, which can hold a signature.
pub fn said(error: &Error) -> String {
    let chain = chain(error);
    if asked_for_credentials(&chain) {
        return "there are no credentials, and no metadata of an instance that has some".to_owned();
    }
    let innermost = || chain.last().map(|text| without_queries(text)).unwrap_or_default();
    answered(&chain).unwrap_or_else(innermost)
}

/// Whether it was the request for an instance's credentials that failed: the last place to look.
fn asked_for_credentials(chain: &[String]) -> bool {
    chain.iter().any(|text| text.contains("/latest/api/token") || text.contains("/latest/meta-data"))
}

/// The error and its causes.
fn chain(error: &Error) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        chain.push(inner.to_string());
        cause = inner.source();
    }
    chain
}

/// The code and message of a server that answered.
fn answered(chain: &[String]) -> Option<String> {
    chain.iter().find_map(|text| {
        let (code, message) = (element(text, "Code")?, element(text, "Message").unwrap_or_default());
        Some(if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") })
    })
}

/// What to do about it, or empty.
pub fn hint(error: &Error) -> &'static str {
    let said = said(error);
    match error {
        _ if asked_for_credentials(&chain(error)) => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; docs/STORE.md says where credentials are \
             looked for"
        }
        _ if said.starts_with("NoSuchBucket") => "create the bucket first; docs/STORE.md says how",
        Error::NotFound { .. } => "check the name of the bucket, its region and the endpoint",
        Error::InvalidPath { .. } => {
            "attestar makes no such name: delete that object, or choose another prefix"
        }
        Error::PermissionDenied { .. } => {
            "the credentials lack the right for it, or the object is locked until its retention ends; docs/STORE.md \
             lists the rights"
        }
        Error::Unauthenticated { .. } => "check the credentials: AWS_ACCESS_KEY_ID, or AWS_PROFILE",
        Error::NotImplemented { .. } | Error::NotSupported { .. } => {
            "the server lacks what a store needs; docs/STORE.md lists it"
        }
        _ if said.contains("redirect") => "set AWS_REGION to the region of the bucket",
        _ => "it was tried several times; try again when the store can be reached",
    }
}

/// Whether it is a right that these credentials lack.
pub fn is_denied(error: &Error) -> bool {
    matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
}

/// Whether it is open what became of the request: the answer was lost, or none that decides.
pub fn is_open(error: &Error) -> bool {
    matches!(error, Error::Generic { .. })
}

/// Whether trying again can help. A server that answered, and a range that is past the end, stay as they are; where a
/// server says that it is busy, the library has tried again already.
pub fn may_pass(error: &Error) -> bool {
    let chain = chain(error);
    is_open(error)
        && answered(&chain).is_none()
        && !chain.iter().any(|text| text.to_lowercase().contains("range"))
}

/// Whether a condition failed: what was expected is not so.
pub fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. })
}

/// The text of an XML element, as errors of S3 have it.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

fn without_queries(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once('?') {
        Some((address, query)) if address.contains("://") => {
            let end = query.find([',', ')', '"', ':']).map_or("", |at| &query[at..]);
            format!("{address}{end}")
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> Error {
        Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn the_servers_own_words_are_shown_and_no_signature() {
        let xml = "<Error><Code>NoSuchBucket</Code><Message>The bucket does not exist</Message></Error>";
        assert_eq!(said(&generic(xml)), "NoSuchBucket: The bucket does not exist");
        assert!(hint(&generic(xml)).contains("create the bucket"));
        let signed = "error for url (https://host/key?sig=SECRET): timed out";
        assert_eq!(said(&generic(signed)), "error for url (https://host/key): timed out");
    }

    #[test]
    fn every_failure_has_a_hint() {
        let source = || "no".to_owned().into();
        for error in [
            generic("no"),
            Error::NotFound { path: String::new(), source: source() },
            Error::PermissionDenied { path: String::new(), source: source() },
            Error::Unauthenticated { path: String::new(), source: source() },
            Error::NotSupported { source: source() },
        ] {
            assert!(!hint(&error).is_empty(), "{error}");
        }
    }
}
