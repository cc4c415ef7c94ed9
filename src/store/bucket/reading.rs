//! A long object read in windows, the next ones already on their way. Each asks for the content that was there at first.

use super::super::{ObjectName, failed};
use super::runtime::Task;
use super::{Bucket, failures};
use crate::error::Error;
use bytes::{Buf, Bytes};
use object_store::ObjectMeta;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;

/// How much one request asks for.
const WINDOW: u64 = 8 << 20;

/// How many requests are under way at once, the one that is waited for among them.
const AHEAD: usize = 3;

/// The bytes of an object, from its beginning.
pub struct Windows<'b> {
    bucket: &'b Bucket,
    name: ObjectName,
    size: u64,
    e_tag: Option<String>,
    asked: u64,
    under_way: VecDeque<(Range<u64>, Task<object_store::Result<Bytes>>)>,
    bytes: Bytes,
}

impl<'b> Windows<'b> {
    /// Nothing is asked for before the first read.
    pub fn new(bucket: &'b Bucket, name: &ObjectName, meta: &ObjectMeta) -> Windows<'b> {
        Windows {
            bucket,
            name: name.clone(),
            size: meta.size,
            e_tag: meta.e_tag.clone(),
            asked: 0,
            under_way: VecDeque::new(),
            bytes: Bytes::new(),
        }
    }

    fn ask(&mut self) {
        while self.asked < self.size && self.under_way.len() < AHEAD {
            let window = self.asked..self.size.min(self.asked + WINDOW);
            let got = self.bucket.window(self.name.as_str(), window.clone(), self.e_tag.clone());
            self.asked = window.end;
            self.under_way.push_back((window, self.bucket.runtime.begin(got)));
        }
    }

    /// The next window; none at the end.
    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.bucket.watch.check()?;
        self.ask();
        let Some((window, task)) = self.under_way.pop_front() else { return Ok(None) };
        let length = window.end - window.start;
        let name = self.name.as_str();
        let got = match task.wait(&self.bucket.watch)? {
            Err(error) if failures::may_pass(&error) => {
                self.bucket.ask(|| self.bucket.window(name, window.clone(), self.e_tag.clone()))?
            }
            got => got,
        };
        let broken = |said: String| failed(self.bucket, "read", name, said, "try again");
        match got {
            Ok(bytes) if bytes.len() as u64 == length => Ok(Some(bytes)),
            Ok(bytes) => Err(broken(format!("{} of {length} bytes came", bytes.len()))),
            Err(object_store::Error::Precondition { .. }) => {
                Err(broken("it was replaced while it was read".to_owned()))
            }
            Err(error) => Err(self.bucket.failed("read", name, &error)),
        }
    }
}

impl Read for Windows<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.bucket.watch.check().map_err(io::Error::other)?;
        if self.bytes.is_empty() && !bytes.is_empty() {
            self.bytes = self.next().map_err(io::Error::other)?.unwrap_or_default();
        }
        let read = bytes.len().min(self.bytes.len());
        self.bytes.copy_to_slice(&mut bytes[..read]);
        Ok(read)
    }
}
