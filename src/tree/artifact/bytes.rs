//! Streams in which large stretches can be passed over, and how compressed ones are opened.

use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Bounded, Pool, Trouble};
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::io::{self, BufReader, Read, SeekFrom};

/// How much is read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// The largest window of zstd that is accepted, as a power of two: 128 MiB, what `zstd -d` takes too.
const WINDOW_LOG_MAX: u32 = 27;

/// The memory that xz may take, in KiB: twice what its highest preset needs.
const XZ_KIB_MAX: u32 = 128 << 10;

/// How many bytes are enough to know what a stream holds: the first tar header, and the pax header before it.
pub const HEAD_BYTES: usize = 8 << 10;

/// A stream in which bytes can be passed over.
pub trait Bytes: Read {
    /// Passes over so many bytes; an error of kind `UnexpectedEof` if there are fewer.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

/// A file: what is passed over is not read.
pub struct Seeking<'a> {
    inner: BufReader<&'a mut dyn Source>,
    left: u64,
}

impl<'a> Seeking<'a> {
    /// From the start of a file.
    pub fn new(source: &'a mut dyn Source) -> io::Result<Seeking<'a>> {
        let left = source.seek(SeekFrom::End(0))?;
        source.seek(SeekFrom::Start(0))?;
        Ok(Seeking { inner: BufReader::with_capacity(BUFFER_BYTES, source), left })
    }
}

impl Read for Seeking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl Bytes for Seeking<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let distance = i64::try_from(bytes).ok().filter(|_| bytes <= self.left);
        let distance = distance.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        self.left -= bytes;
        self.inner.seek_relative(distance)
    }
}

/// A stream that can only be read: what is passed over is read and dropped.
pub struct Flowing<R> {
    inner: R,
    scratch: Vec<u8>,
}

impl<R: Read> Flowing<R> {
    /// From here on.
    pub fn new(inner: R) -> Flowing<R> {
        Flowing { inner, scratch: Vec::new() }
    }
}

impl<R: Read> Read for Flowing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: Read> Bytes for Flowing<R> {
    fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        self.scratch.resize(BUFFER_BYTES, 0);
        while bytes > 0 {
            let most = usize::try_from(bytes).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
            match self.inner.read(&mut self.scratch[..most]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => bytes -= read as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A stream of which the first bytes have been looked at.
pub struct Peeked<'a> {
    head: Vec<u8>,
    given: usize,
    rest: &'a mut dyn Bytes,
}

impl<'a> Peeked<'a> {
    /// Looks at the first [`HEAD_BYTES`], or as many as there are.
    pub fn new(rest: &'a mut dyn Bytes) -> io::Result<Peeked<'a>> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        rest.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        Ok(Peeked { head, given: 0, rest })
    }

    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

impl Read for Peeked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut head = self.head.get(self.given..).unwrap_or_default();
        if head.is_empty() {
            return self.rest.read(buffer);
        }
        let read = head.read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

impl Bytes for Peeked<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let of_head = (self.head.len() - self.given).min(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.given += of_head;
        self.rest.skip(bytes - of_head as u64)
    }
}

/// What a stream is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The .xz file format, version 1.2.
    Xz,
    /// POSIX.1-1988 and later, or an archive of no member.
    Tar,
    /// Anything else.
    Other,
}

impl Form {
    /// By the first [`HEAD_BYTES`].
    pub fn of(head: &[u8]) -> Form {
        if head.starts_with(&[0x1f, 0x8b, 8]) {
            return Form::Gzip;
        }
        if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            return Form::Zstd;
        }
        if head.starts_with(b"\xfd7zXZ\0") {
            return Form::Xz;
        }
        let is_empty_tar = head.get(..512).is_some_and(|block| block.iter().all(|byte| *byte == 0));
        match head.get(257..262) == Some(b"ustar") || is_empty_tar {
            true => Form::Tar,
            false => Form::Other,
        }
    }
}

/// Opens a stream that may be compressed, and gives it to `then`.
pub fn unpacked<T>(
    input: &mut dyn Bytes,
    form: Form,
    pool: &Pool,
    then: impl FnOnce(&mut dyn Bytes) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    match form {
        Form::Gzip => {
            let gzip = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, input));
            then(&mut Flowing::new(Bounded::new(gzip, pool.clone())))
        }
        Form::Zstd => {
            let mut zstd = zstd::Decoder::new(input)?;
            zstd.window_log_max(WINDOW_LOG_MAX)?;
            then(&mut Flowing::new(Bounded::new(zstd, pool.clone())))
        }
        Form::Xz => {
            let input = BufReader::with_capacity(BUFFER_BYTES, input);
            let xz = XzReader::new_mem_limit(input, true, XZ_KIB_MAX);
            then(&mut Flowing::new(Bounded::new(xz, pool.clone())))
        }
        Form::Tar | Form::Other => then(input),
    }
}
