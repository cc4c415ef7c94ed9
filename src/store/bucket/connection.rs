//! What goes over the wire, between the object store's library and its HTTP client: requests are counted, and the one
//! that completes a multipart upload becomes create-only, for which the library has no call.

use jiff::Timestamp;
use object_store::ClientOptions;
use object_store::HeaderMap;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long nothing may come before a request is given up and tried again. A part on a slow line takes its time; it is
/// silence that means trouble.
const SILENCE: Duration = Duration::from_secs(60);

/// How long one request may take in all: 256 MiB at 1 MiB a second, with some to spare.
const REQUEST: Duration = Duration::from_secs(600);

/// How connections are made; `plain` allows them without TLS.
pub fn options(plain: bool) -> ClientOptions {
    let agent = concat!("attestar/", env!("CARGO_PKG_VERSION")).parse().expect("a header's value");
    ClientOptions::new()
        .with_user_agent(agent)
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        .with_timeout(REQUEST)
        .with_allow_http(plain)
}

/// Makes connections that count, and that complete uploads only where nothing is.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    requests: Arc<AtomicU64>,
}

impl Connections {
    /// How many requests there were, tries again included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }
}

impl HttpConnector for Connections {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Connection { client, requests: self.requests.clone() }))
    }
}

#[derive(Debug)]
struct Connection {
    client: HttpClient,
    requests: Arc<AtomicU64>,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Connection {
    fn call<'s, 'a>(&'s self, mut request: HttpRequest) -> Answer<'a>
    where
        's: 'a,
        Self: 'a,
    {
        self.requests.fetch_add(1, Relaxed);
        if completes_upload(&request) {
            // Not among the signed headers, which SigV4 leaves to the client; S3 honours it all the same.
            let anything = "*".parse().expect("a header's value");
            request.headers_mut().insert("if-none-match", anything);
        }
        Box::pin(async move {
            let mut response = self.client.execute(request).await?;
            // The library hands on what lies among the extensions of an answer, and no headers that it does not know.
            if let Some(lock) = lock(response.headers()) {
                response.extensions_mut().insert(lock);
            }
            if let Some(copying) = copying(response.headers()) {
                response.extensions_mut().insert(copying);
            }
            Ok(response)
        })
    }
}

/// How far the copy is that made an object, where it is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copying {
    /// The server is at it.
    Pending,
    /// It came to nothing.
    Failed,
}

/// Azure answers a copy before it has ended, and tells of it whenever it is asked of the object.
fn copying(headers: &HeaderMap) -> Option<Copying> {
    match headers.get("x-ms-copy-status")?.to_str().ok()? {
        "pending" => Some(Copying::Pending),
        "failed" | "aborted" => Some(Copying::Failed),
        _ => None,
    }
}

/// Until when an object may not be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock(pub Timestamp);

/// The lock that an answer tells of, in the words of S3, Google or Azure: until when it is retained, or that somebody holds
/// it for as long as they like.
fn lock(headers: &HeaderMap) -> Option<Lock> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let until = [
        "x-amz-object-lock-retain-until-date",
        "x-goog-retention-expiration",
        "x-ms-immutability-policy-until-date",
    ];
    let held = [
        "x-amz-object-lock-legal-hold",
        "x-ms-legal-hold",
        "x-goog-temporary-hold",
        "x-goog-event-based-hold",
    ];
    if held.iter().filter_map(|name| text(name)).any(|value| ["on", "true"].contains(&&*value.to_lowercase()))
    {
        return Some(Lock(Timestamp::MAX));
    }
    until.iter().filter_map(|name| text(name)).find_map(time).map(Lock)
}

fn time(text: &str) -> Option<Timestamp> {
    let by_mail = || jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(by_mail)
}

/// `POST /bucket/key?uploadId=…`: CompleteMultipartUpload.
fn completes_upload(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == "POST" && query.split('&').any(|pair| pair.starts_with("uploadId="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpRequestBody;

    #[test]
    fn every_clouds_word_for_a_lock_is_known() {
        let of = |name: &'static str, value: &str| {
            lock(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
        };
        let until = Some(Lock("2026-12-20T10:00:00Z".parse().unwrap()));
        assert_eq!(of("x-amz-object-lock-retain-until-date", "2026-12-20T10:00:00.000Z"), until);
        assert_eq!(of("x-goog-retention-expiration", "2026-12-20T10:00:00Z"), until);
        assert_eq!(of("x-ms-immutability-policy-until-date", "Sun, 20 Dec 2026 10:00:00 GMT"), until);
        assert_eq!(of("x-amz-object-lock-legal-hold", "ON"), Some(Lock(Timestamp::MAX)));
        assert_eq!(of("x-amz-object-lock-legal-hold", "OFF"), None);
        assert_eq!(of("x-amz-object-lock-mode", "COMPLIANCE"), None);
    }

    #[test]
    fn a_copy_that_is_under_way_is_known() {
        let of = |status: &'static str| {
            let name = "x-ms-copy-status".parse().unwrap();
            copying(&HeaderMap::from_iter([(name, status.parse().unwrap())]))
        };
        let all = ["pending", "failed", "aborted", "success"].map(of);
        assert_eq!(all, [Some(Copying::Pending), Some(Copying::Failed), Some(Copying::Failed), None]);
        assert_eq!(copying(&HeaderMap::new()), None);
    }

    #[test]
    fn only_the_end_of_an_upload_is_made_conditional() {
        let completes = |method: &str, uri: &str| {
            let mut request = HttpRequest::new(HttpRequestBody::empty());
            *request.method_mut() = method.parse().unwrap();
            *request.uri_mut() = uri.parse().unwrap();
            completes_upload(&request)
        };
        assert!(completes("POST", "http://host/bucket/key?uploadId=1"));
        assert!(!completes("POST", "http://host/bucket/key?uploads="));
        assert!(!completes("PUT", "http://host/bucket/key?partNumber=1&uploadId=1"));
        assert!(!completes("DELETE", "http://host/bucket/key?uploadId=1"));
    }
}
