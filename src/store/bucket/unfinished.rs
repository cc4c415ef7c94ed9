//! Multipart uploads on S3 that nobody will finish: their parts cost, and no list of objects shows them. The object
//! store's library does not list them, so that one request is made here, with a signed address of the library's.

use super::super::{ObjectName, failed};
use super::connection::Connections;
use super::{Bucket, connection, failures};
use crate::error::Result;
use jiff::Timestamp;
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody};
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::sync::Arc;
use std::time::Duration;

/// How long a signed address is good for: it is used at once.
const VALID: Duration = Duration::from_secs(60);

/// The most pages that are read, of 1,000 uploads each; the next sweep takes the rest.
const PAGES_MAX: usize = 100;

/// The uploads of a bucket.
pub struct Unfinished {
    signer: Arc<AmazonS3>,
    client: HttpClient,
}

/// Where a store's long objects lie. At the top of a bucket there may be other people's uploads beside them.
const FOLDERS: [&str; 6] = ["archives/", "events/", "incoming/", "log/", "releases/", "reports/"];

/// Whether it is a name that an upload of attestar's can have.
fn is_ours(name: &str) -> bool {
    FOLDERS.iter().any(|folder| name.starts_with(folder)) && ObjectName::new(name).is_ok()
}

/// One page of a list of uploads.
#[derive(Debug, Default, PartialEq)]
struct Page {
    uploads: Vec<Upload>,
    /// Where the next page begins: a key and an upload.
    next: Option<(String, String)>,
}

#[derive(Debug, Default, PartialEq)]
struct Upload {
    key: String,
    id: String,
    initiated: String,
}

impl Unfinished {
    /// Asks through connections that count; `plain` allows them without TLS.
    pub fn new(
        signer: Arc<AmazonS3>,
        connections: &Connections,
        plain: bool,
    ) -> object_store::Result<Unfinished> {
        Ok(Unfinished { signer, client: connections.connect(&connection::options(plain))? })
    }

    /// Ends the uploads that began before `before`, and says which. A server that cannot list them has to end them itself,
    /// by a rule of the bucket.
    pub fn abort(&self, bucket: &Bucket, before: Timestamp) -> Result<Vec<String>> {
        let mut aborted = Vec::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(bucket, next.take())?;
            for upload in page.uploads {
                let name = upload.key.strip_prefix(&bucket.prefix).unwrap_or(&upload.key);
                let is_old = upload.initiated.parse::<Timestamp>().is_ok_and(|began| began < before);
                if !is_ours(name) || !is_old {
                    continue;
                }
                let abort = || {
                    let (objects, key) = (bucket.objects.clone(), Key::from(upload.key.as_str()));
                    let id = upload.id.clone();
                    async move { objects.abort_multipart(&key, &id).await }
                };
                match bucket.ask(abort)? {
                    Ok(()) => aborted.push(format!("upload of {name}, begun {}", upload.initiated)),
                    // Another host was faster.
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(bucket.failed("abort the upload of", name, &error)),
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(aborted)
    }

    /// `GET /?uploads`: ListMultipartUploads.
    fn page(&self, bucket: &Bucket, from: Option<(String, String)>) -> Result<Page> {
        let mut query = vec![("uploads", String::new()), ("prefix", bucket.prefix.clone())];
        if let Some((key, id)) = from {
            query.extend([("key-marker", key), ("upload-id-marker", id)]);
        }
        let options = SignedUrlOptions::default().with_query(query);
        let listed = bucket.ask(|| answer(self.signer.clone(), self.client.clone(), options.clone()))?;
        let what = "uploads that are not finished";
        let text = match listed {
            Err(error) if failures::said(&error).starts_with("NotImplemented") => return Ok(Page::default()),
            listed => listed.map_err(|error| bucket.failed("list", what, &error))?,
        };
        parse(&text)
            .map_err(|error| failed(bucket, "list", what, format!("the answer is no list: {error}"), ""))
    }
}

/// What the server says to a signed request with this query.
async fn answer(
    signer: Arc<AmazonS3>,
    client: HttpClient,
    options: SignedUrlOptions,
) -> object_store::Result<String> {
    let generic = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic {
        store: "S3",
        source,
    };
    let get = "GET".parse().expect("a method");
    let url = signer.signed_url_opts(get, &Key::default(), VALID, &options).await?;
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.as_str().parse().expect("an address is one");
    let answer = client.execute(request).await.map_err(|error| generic(error.into()))?;
    let status = answer.status();
    let bytes = answer.into_body().bytes().await.map_err(|error| generic(error.into()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if status.is_success() { Ok(text) } else { Err(generic(format!("{status}: {text}").into())) }
}

/// Reads a ListMultipartUploadsResult.
fn parse(text: &str) -> Result<Page, quick_xml::Error> {
    let mut reader = Reader::from_str(text);
    let (mut page, mut upload) = (Page::default(), None);
    let (mut name, mut content) = (String::new(), String::new());
    let (mut truncated, mut next) = (false, (String::new(), String::new()));
    loop {
        match reader.read_event()? {
            Event::Start(start) => {
                name = start.local_name().as_ref().to_owned();
                content.clear();
                if name == "Upload" {
                    upload = Some(Upload::default());
                }
            }
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::End(end) => {
                let value = if end.local_name().as_ref() == name {
                    std::mem::take(&mut content)
                } else {
                    String::new()
                };
                match (end.local_name().as_ref(), &mut upload) {
                    ("Upload", _) => page.uploads.extend(upload.take()),
                    ("Key", Some(upload)) => upload.key = value,
                    ("UploadId", Some(upload)) => upload.id = value,
                    ("Initiated", Some(upload)) => upload.initiated = value,
                    ("IsTruncated", None) => truncated = value == "true",
                    ("NextKeyMarker", None) => next.0 = value,
                    ("NextUploadIdMarker", None) => next.1 = value,
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    page.next = truncated.then_some(next);
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_of_others_in_the_bucket_are_left_to_them() {
        for name in
            ["archives/shop-1.tar.zst.age", "releases/shop-1.0.0/shop-1.0.0.tar.zst", "incoming/a.0123"]
        {
            assert!(is_ours(name), "{name}");
        }
        for name in
            ["video.mp4", "films/video.mp4", "archives", "archived/a", "archives/a film", "/archives/a"]
        {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn a_page_of_uploads_is_read_and_says_where_the_next_begins() {
        let text = r#"<?xml version="1.0"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Bucket>b</Bucket><KeyMarker></KeyMarker><NextKeyMarker>archives/b</NextKeyMarker>
            <NextUploadIdMarker>2</NextUploadIdMarker><MaxUploads>1</MaxUploads><IsTruncated>true</IsTruncated>
            <Upload><Key>archives/a</Key><UploadId>1</UploadId><Initiator><ID>x</ID></Initiator>
            <Initiated>2026-11-20T01:00:02.000Z</Initiated></Upload></ListMultipartUploadsResult>"#;
        let upload = Upload {
            key: "archives/a".to_owned(),
            id: "1".to_owned(),
            initiated: "2026-11-20T01:00:02.000Z".to_owned(),
        };
        let next = Some(("archives/b".to_owned(), "2".to_owned()));
        assert_eq!(parse(text).unwrap(), Page { uploads: vec![upload], next });
        let last =
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>";
        assert_eq!(parse(last).unwrap(), Page::default());
        assert!(parse("<a><b></a>").is_err());
    }
}
