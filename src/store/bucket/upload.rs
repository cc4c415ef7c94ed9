//! A long object on its way into a bucket: parts that go while the next one fills, and a condition at the end.

use super::super::{Arrival, Created, INCOMING, ObjectName, compare};
use super::connection::Copying;
use super::runtime::Task;
use super::{Bucket, Holder, TRIES, Way, attributes, delete, failures, is_absent, token};
use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path as Key;
use object_store::{CopyMode, CopyOptions, MultipartUpload, PutMode, PutMultipartOptions};
use sha2::Digest as _;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The size of the first parts. A bucket takes 10,000 of them, of at least 5 MiB and at most 5 GiB.
const PART: usize = 8 << 20;

/// After so many parts their size doubles: what is long needs more memory, and no limit on its length is met before the
/// bucket's own.
const PARTS_OF_A_SIZE: usize = 1000;

/// How many bytes may be under way at once, unless one part alone has more.
const UNDER_WAY: usize = 4 * PART;

/// How often a copy that the server is at is asked for.
const COPYING: Duration = Duration::from_secs(1);

/// How long tidying up may take: it is nobody's answer.
const TIDY: Duration = Duration::from_secs(10);

/// The size of a part by its number.
fn part_bytes(number: usize) -> usize {
    PART << (number / PARTS_OF_A_SIZE)
}

/// An object on its way in.
pub struct Arriving<'b> {
    bucket: &'b Bucket,
    name: ObjectName,
    token: String,
    size: u64,
    sha256: sha2::Sha256,
    /// What is not yet a part.
    buffer: Vec<u8>,
    upload: Option<Upload>,
}

/// A multipart upload.
struct Upload {
    key: Key,
    parts: Parts,
    under_way: VecDeque<(usize, Task<object_store::Result<Option<PartId>>>)>,
    begun: usize,
}

/// An upload of the library's. It is out only while it is ended, and back if that failed: then it is given up.
type Counted = Arc<Mutex<Option<Box<dyn MultipartUpload>>>>;

/// How parts become one object.
enum Parts {
    /// By the upload's name and what its parts are called: whoever is left without an answer can ask again.
    Named { id: String, sent: Vec<PartId> },
    /// By the library's own upload, which brings the token where Azure takes it: with the request that ends it, once.
    Counted(Counted),
}

impl<'b> Arriving<'b> {
    /// Nothing is sent before the first part is full: what is short goes in one request.
    pub fn new(bucket: &'b Bucket, name: &ObjectName) -> Result<Arriving<'b>> {
        Ok(Arriving {
            bucket,
            name: name.clone(),
            token: token()?,
            size: 0,
            sha256: sha2::Sha256::new(),
            buffer: Vec::new(),
            upload: None,
        })
    }

    fn failed(&self, error: &object_store::Error) -> Error {
        self.bucket.failed("write", self.name.as_str(), error)
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.bucket.watch.check()?;
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let most = part_bytes(self.upload.as_ref().map_or(0, |upload| upload.begun));
            let (now, later) = bytes.split_at(bytes.len().min(most - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == most {
                self.send()?;
            }
        }
        Ok(())
    }

    /// The buffer becomes a part on its way.
    fn send(&mut self) -> Result<()> {
        let mut upload = match self.upload.take() {
            Some(upload) => upload,
            None => self.begin()?,
        };
        let sent = self.send_part(&mut upload);
        self.upload = Some(upload);
        sent
    }

    fn send_part(&mut self, upload: &mut Upload) -> Result<()> {
        let length = self.buffer.len();
        while upload.waiting_bytes() + length > UNDER_WAY && !upload.under_way.is_empty() {
            self.receive(upload)?;
        }
        let part = Bytes::from(std::mem::take(&mut self.buffer));
        let runtime = &self.bucket.runtime;
        let task = match &mut upload.parts {
            Parts::Named { id, .. } => {
                let (objects, key) = (self.bucket.objects.clone(), upload.key.clone());
                let (id, number) = (id.clone(), upload.begun);
                runtime.begin(async move { objects.put_part(&key, &id, number, part.into()).await.map(Some) })
            }
            Parts::Counted(counted) => {
                let sent = taken(counted).as_mut().expect("it has not ended").put_part(part.into());
                runtime.begin(async move { sent.await.map(|()| None) })
            }
        };
        upload.under_way.push_back((length, task));
        upload.begun += 1;
        Ok(())
    }

    /// Waits for the earliest part that is under way.
    fn receive(&self, upload: &mut Upload) -> Result<()> {
        if let Some((_, task)) = upload.under_way.pop_front() {
            let part = task.wait(&self.bucket.watch)?.map_err(|error| self.failed(&error))?;
            if let Parts::Named { sent, .. } = &mut upload.parts {
                sent.extend(part);
            }
        }
        Ok(())
    }

    fn begin(&self) -> Result<Upload> {
        let bucket = self.bucket;
        bucket.conditions.hold_for_uploads(bucket)?;
        let options =
            PutMultipartOptions { attributes: attributes(&self.token), ..PutMultipartOptions::default() };
        let (key, parts) = match bucket.way {
            Way::Complete => {
                let key = bucket.key(self.name.as_str());
                let id = bucket.ask(|| {
                    let (objects, key, options) = (bucket.objects.clone(), key.clone(), options.clone());
                    async move { objects.create_multipart_opts(&key, options).await }
                })?;
                (key, id.map(|id| Parts::Named { id, sent: Vec::new() }))
            }
            Way::Copy => {
                let name = format!("{INCOMING}/{}.{}", self.name.file_name(), &self.token[..16]);
                let key = bucket.key(&name);
                let counted = bucket.ask(|| {
                    let (objects, key, options) = (bucket.objects.clone(), key.clone(), options.clone());
                    async move { objects.put_multipart_opts(&key, options).await }
                })?;
                (key, counted.map(|counted| Parts::Counted(Arc::new(Mutex::new(Some(counted))))))
            }
        };
        let parts = parts.map_err(|error| self.failed(&error))?;
        Ok(Upload { key, parts, under_way: VecDeque::new(), begun: 0 })
    }

    /// Everything that is left, as the last part.
    fn send_rest(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        let Some(mut upload) = self.upload.take() else { return Ok(()) };
        let mut received = Ok(());
        while received.is_ok() && !upload.under_way.is_empty() {
            received = self.receive(&mut upload);
        }
        self.upload = Some(upload);
        received
    }

    /// Ends the upload. On S3 it is in place then, if nothing was.
    fn complete(&self, upload: &mut Upload) -> Result<Created> {
        let at = self.relative(&upload.key);
        match &mut upload.parts {
            Parts::Named { id, sent } => {
                let ended = self.decided(&at, TRIES, || {
                    let (objects, key, id) = (self.bucket.objects.clone(), upload.key.clone(), id.clone());
                    let sent = sent.clone();
                    async move { objects.complete_multipart(&key, &id, sent).await.map(drop) }
                })?;
                if ended == Created::Created { self.placed() } else { Ok(ended) }
            }
            Parts::Counted(counted) => {
                let ended = self.decided(&at, 1, || {
                    let (back, mut counted) =
                        (counted.clone(), taken(counted).take().expect("it is ended once"));
                    async move {
                        let ended = counted.complete().await;
                        if ended.is_err() {
                            *taken(&back) = Some(counted);
                        }
                        ended.map(drop)
                    }
                })?;
                match ended {
                    Created::Created => self.copy(&upload.key),
                    Created::AlreadyThere => Ok(ended),
                }
            }
        }
    }

    /// From `incoming/` to its place, if nothing is there.
    fn copy(&self, from: &Key) -> Result<Created> {
        let copied = self.decided(self.name.as_str(), TRIES, || {
            let objects = self.bucket.objects.clone();
            let (from, to) = (from.clone(), self.bucket.key(self.name.as_str()));
            let options = CopyOptions { mode: CopyMode::Create, ..CopyOptions::default() };
            async move { objects.copy_opts(&from, &to, options).await }
        })?;
        if copied == Created::Created { self.placed() } else { Ok(copied) }
    }

    /// Makes a request that puts this object at a name if nothing has it. What one that failed, or whose answer got lost,
    /// came to, the object itself says: it is this one, or another.
    fn decided<F>(&self, at: &str, tries: u32, mut request: impl FnMut() -> F) -> Result<Created>
    where
        F: Future<Output = object_store::Result<()>> + Send + 'static,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Err(error) = self.bucket.ask_once(request())? else { return Ok(Created::Created) };
            let conflict = failures::is_conflict(&error);
            match self.bucket.holder(at, &self.token)? {
                Ok(Holder::Ours(_)) => return Ok(Created::Created),
                // The upload may be gone, too, if an earlier request ended it.
                Ok(Holder::Another) if conflict || failures::is_open(&error) || is_absent(&error) => {
                    return Ok(Created::AlreadyThere);
                }
                Ok(Holder::Nobody) if attempt < tries && (conflict || failures::may_pass(&error)) => {
                    self.bucket.pause(attempt)?;
                }
                _ => return Err(self.failed(&error)),
            }
        }
    }

    /// What is in place is all there, and has the length of what was written. Who may not look relies on the checksums of the
    /// parts.
    fn placed(&self) -> Result<Created> {
        let failed = |said: String| {
            super::failed(self.bucket, "write", self.name.as_str(), said, "delete it and try again")
        };
        loop {
            let found = match self.bucket.look(self.name.as_str())? {
                Ok(found) => found,
                Err(error) if failures::is_denied(&error) => return Ok(Created::Created),
                Err(error) => return Err(self.failed(&error)),
            };
            match found.extensions.get::<Copying>() {
                Some(Copying::Pending) => self.bucket.runtime.pause(COPYING, &self.bucket.watch)?,
                Some(Copying::Failed) => return Err(failed("the server did not copy it".to_owned())),
                None if found.meta.size == self.size => return Ok(Created::Created),
                None => {
                    let there = found.meta.size;
                    return Err(failed(format!("{} bytes were written, {there} are there", self.size)));
                }
            }
        }
    }

    /// The name that a key has in the store.
    fn relative(&self, key: &Key) -> String {
        let key = key.as_ref();
        key.strip_prefix(&self.bucket.prefix).unwrap_or(key).to_owned()
    }

    /// Takes back what is not in place.
    fn tidy(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        upload.under_way.clear();
        let objects = self.bucket.objects.clone();
        let tidying = self.bucket.runtime.begin(async move {
            // One of the two is gone already; what stays is swept.
            match upload.parts {
                Parts::Named { id, .. } => drop(objects.abort_multipart(&upload.key, &id).await),
                Parts::Counted(counted) => {
                    let left = taken(&counted).take();
                    if let Some(mut counted) = left {
                        drop(counted.abort().await);
                    }
                    drop(delete(objects, upload.key).await);
                }
            }
        });
        tidying.at_most(TIDY);
    }
}

fn taken(counted: &Counted) -> MutexGuard<'_, Option<Box<dyn MultipartUpload>>> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Upload {
    fn waiting_bytes(&self) -> usize {
        self.under_way.iter().map(|(length, _)| length).sum()
    }
}

impl Write for Arriving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Arrival for Arriving<'_> {
    fn finish(mut self: Box<Self>, size: u64, sha256: &Sha256) -> Result<Created> {
        self.bucket.watch.check()?;
        let written = Sha256(self.sha256.clone().finalize().into());
        compare(self.bucket, &self.name, (self.size, &written), (size, sha256))?;
        if self.upload.is_none() {
            let put = self.bucket.put("create", self.name.as_str(), &self.buffer, &PutMode::Create)?;
            return Ok(if put.is_some() { Created::Created } else { Created::AlreadyThere });
        }
        self.send_rest()?;
        let mut upload = self.upload.take().expect("it was begun");
        let completed = self.complete(&mut upload);
        let done = matches!(completed, Ok(Created::Created)) && self.bucket.way == Way::Complete;
        self.upload = (!done).then_some(upload);
        completed
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_the_longest_object_and_each_is_of_a_size_that_is_taken() {
        const GIB: u64 = 1 << 30;
        let sizes = (0..10_000).map(|number| part_bytes(number) as u64);
        assert!(sizes.clone().all(|size| (5 << 20..=5 * GIB).contains(&size)));
        assert!(sizes.clone().sum::<u64>() > 5 * 1024 * GIB);
        assert!(sizes.take(4000).sum::<u64>() > 100 * GIB, "a hundred gigabytes in parts of at most 64 MiB");
    }
}
