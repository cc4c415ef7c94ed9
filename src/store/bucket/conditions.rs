//! Whether a bucket keeps the conditions that everything rests on. Some servers ignore them and say that all is well, so
//! that two hosts would overwrite each other; it is tried before the first write, on an object of its own.

use super::super::{INCOMING, ObjectName, failed};
use super::{Bucket, Objects, Way, attributes, failures, token};
use crate::error::{Error, Result};
use bytes::Bytes;
use object_store::path::Path as Key;
use object_store::{
    Attributes, CopyMode, CopyOptions, PutMode, PutMultipartOptions, PutOptions, UpdateVersion,
};
use std::sync::{Arc, Mutex, PoisonError};

/// The object that the conditions are tried on.
const PROBE: &str = "incoming/conditions";

/// What it is copied to where archives get their names by conditional copies.
const COPY: &str = "incoming/conditions-copied";

const CONTENT: &[u8] = b"attestar tries here whether the bucket keeps conditions\n";

const HINT: &str =
    "two hosts would overwrite each other's log; use a bucket with conditional writes: docs/STORE.md";

/// What is known so far.
#[derive(Default)]
pub struct Conditions(Mutex<Known>);

#[derive(Clone, Copy, Default)]
struct Known {
    writes: bool,
    uploads: bool,
}

impl Conditions {
    /// An error if the bucket takes no notice of conditions on small writes.
    pub fn hold_for(&self, bucket: &Bucket) -> Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.writes {
            try_create(bucket)?;
            try_swap(bucket)?;
            known.writes = true;
        }
        Ok(())
    }

    /// The same for the end of a multipart upload.
    pub fn hold_for_uploads(&self, bucket: &Bucket) -> Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.uploads {
            match bucket.way {
                Way::Complete => try_complete(bucket)?,
                Way::Copy => try_copy(bucket)?,
            }
        }
        known.uploads = true;
        Ok(())
    }
}

/// Whether a name is that of the probe, which a list of the folder it lies in leaves out, as a list of the whole store
/// leaves out the folder.
pub fn is_own(name: &ObjectName, listed: &str) -> bool {
    let incoming = name.as_str().strip_prefix(INCOMING).is_some_and(|rest| rest.starts_with('/'));
    incoming && (listed.is_empty() || [PROBE, COPY].contains(&name.as_str()))
}

/// Of two that create, the second must fail. After the first run ever, the first one does.
fn try_create(bucket: &Bucket) -> Result<()> {
    for _ in 0..2 {
        if is_refused(bucket, put(bucket, PutMode::Create)?)? {
            return Ok(());
        }
    }
    Err(ignored(bucket, "If-None-Match"))
}

/// A swap of what was never there must fail.
fn try_swap(bucket: &Bucket) -> Result<()> {
    let never =
        UpdateVersion { e_tag: Some("\"0123456789abcdef\"".to_owned()), version: Some("1".to_owned()) };
    match is_refused(bucket, put(bucket, PutMode::Update(never))?)? {
        true => Ok(()),
        false => Err(ignored(bucket, "If-Match")),
    }
}

/// An upload onto what is there must fail.
fn try_complete(bucket: &Bucket) -> Result<()> {
    let token = token()?;
    let tried = bucket.ask(|| upload(bucket.objects.clone(), bucket.key(PROBE), attributes(&token)))?;
    match is_refused(bucket, tried)? {
        true => Ok(()),
        false => Err(ignored(bucket, "If-None-Match on CompleteMultipartUpload")),
    }
}

/// Of two copies to one name the second must fail. After the first run ever, the first one does.
fn try_copy(bucket: &Bucket) -> Result<()> {
    for _ in 0..2 {
        let copied = bucket.ask(|| {
            let (objects, from, to) = (bucket.objects.clone(), bucket.key(PROBE), bucket.key(COPY));
            let options = CopyOptions { mode: CopyMode::Create, ..CopyOptions::default() };
            async move { objects.copy_opts(&from, &to, options).await }
        })?;
        if is_refused(bucket, copied)? {
            return Ok(());
        }
    }
    Err(ignored(bucket, "the condition of a copy"))
}

async fn upload(objects: Arc<dyn Objects>, key: Key, attributes: Attributes) -> object_store::Result<()> {
    let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
    let id = objects.create_multipart_opts(&key, options).await?;
    let done = match objects.put_part(&key, &id, 0, Bytes::from_static(CONTENT).into()).await {
        Ok(part) => objects.complete_multipart(&key, &id, vec![part]).await.map(drop),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // It may be gone already.
        let _ = objects.abort_multipart(&key, &id).await;
    }
    done
}

fn put(bucket: &Bucket, mode: PutMode) -> Result<object_store::Result<()>> {
    let token = token()?;
    bucket.ask(|| {
        let (objects, key) = (bucket.objects.clone(), bucket.key(PROBE));
        let options =
            PutOptions { mode: mode.clone(), attributes: attributes(&token), ..PutOptions::default() };
        async move { objects.put_opts(&key, Bytes::from_static(CONTENT).into(), options).await.map(drop) }
    })
}

/// Whether the write was refused because of its condition; other failures are errors.
fn is_refused(bucket: &Bucket, tried: object_store::Result<()>) -> Result<bool> {
    match tried {
        Ok(()) => Ok(false),
        Err(error) if failures::is_conflict(&error) => Ok(true),
        Err(error) => Err(bucket.failed("try a conditional write of", PROBE, &error)),
    }
}

fn ignored(bucket: &Bucket, condition: &str) -> Error {
    failed(bucket, "use", PROBE, format!("the bucket ignores {condition}"), HINT)
}
