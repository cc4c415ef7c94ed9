//! The opening end: an archive's bytes are digested, decrypted and split into frames.
//!
//! Two threads: one reads and digests the file to its end, whatever becomes of the content; the other decrypts and
//! splits.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::frames::{
    self, Frame, FrameFault, INDEX_MAGIC, SEEK_TABLE_MAGIC, SKIPPABLE_HEADER_BYTES, SeekTable,
};
use crate::pipeline::buffers::{Buffer, Pool};
use crate::pipeline::sink::Written;
use crate::pipeline::watch::Watch;
use crossbeam_channel::{Receiver, Sender};
use sha2::Digest as _;
use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of the file that are read at once.
pub const READ_BYTES: usize = 1 << 20;

/// What decrypts an archive.
pub type Identities = [Box<dyn age::Identity + Send + Sync>];

/// An archive's file.
pub struct Archive<'a> {
    /// Its bytes, from the start.
    pub input: Box<dyn Read + Send + 'a>,
    /// For messages.
    pub path: &'a Path,
    /// `None` for an archive that is not encrypted.
    pub identities: Option<&'a Identities>,
}

/// A data frame to decompress, with the buffer for its content.
pub struct FrameIn {
    /// Its place in the order, from 0.
    pub seq: u64,
    /// The frame.
    pub frame: Buffer,
    /// How many bytes it holds.
    pub content: usize,
    /// Empty, with room for them.
    pub plain: Buffer,
}

/// The most recipients of an archive.
pub const RECIPIENTS_MAX: usize = 1_000;

/// The most bytes of an age header that are read: more than twice what [`RECIPIENTS_MAX`] take.
pub const HEADER_BYTES_MAX: usize = 256 << 10;

/// The most lines: two a recipient, and some to spare. The age crate parses the header again for each of them, so that
/// a long one would take hours.
const HEADER_LINES_MAX: usize = 2 * RECIPIENTS_MAX + 100;

/// What attestar's archives never are.
pub const PASSPHRASE: &str = "encrypted with a passphrase, not to recipients";

/// What follows the data frames.
#[derive(Default)]
pub struct Trailer {
    /// The body of the member index.
    pub index: Vec<u8>,
}

/// Reads and digests the whole file; passes the bytes on as long as somebody takes them.
pub fn read_file(
    archive: &mut (dyn Read + Send),
    path: &Path,
    pool: &Pool,
    out: Sender<Buffer>,
    watch: &Watch,
) -> Result<Written> {
    let (mut hasher, mut size_bytes, mut out) = (sha2::Sha256::new(), 0, Some(out));
    loop {
        let mut buffer = pool.take(watch)?;
        let mut piece = (&mut *archive).take(READ_BYTES as u64);
        let count = piece.read_to_end(&mut buffer).map_err(|source| failed(source, path))?;
        if count == 0 {
            return Ok(Written { sha256: Sha256(hasher.finalize().into()), size_bytes });
        }
        hasher.update(&buffer[..]);
        size_bytes += count as u64;
        if out.as_ref().is_some_and(|out| out.send(buffer).is_err()) {
            out = None;
        }
    }
}

/// What could not be read; where it comes from may have said so in its own words.
fn failed(source: io::Error, path: &Path) -> Error {
    source.downcast::<Error>().unwrap_or_else(|source| Error::io("read", path)(source))
}

/// Decrypts and splits: sends each data frame, in order, and gives what follows them.
pub fn split(
    input: Receiver<Buffer>,
    archive: (&Path, Option<&Identities>),
    pools: (&Pool, &Pool),
    out: &Sender<FrameIn>,
    watch: &Watch,
) -> Result<Trailer> {
    let (path, identities) = archive;
    let input = Pieces { input, current: None, at: 0 };
    let mut plain = decrypt(input, identities, path)?;
    let (mut table, mut trailer) = (SeekTable::default(), Trailer::default());
    loop {
        let mut frame = pools.0.take(watch)?;
        let read = frames::read_frame(&mut plain, &mut frame).map_err(|fault| refuse(fault, path))?;
        match read {
            Some(Frame::Data { content }) if trailer.index.is_empty() => {
                if !table.is_full() {
                    return Err(invalid(Code::FrameInvalid, path, "a short frame before the last one"));
                }
                table.frames.push((frame.len() as u32, content as u32));
                let buffer = pools.1.take(watch)?;
                let seq = table.frames.len() as u64 - 1;
                if out.send(FrameIn { seq, frame, content, plain: buffer }).is_err() {
                    return Err(Error::Interrupted);
                }
            }
            Some(Frame::Skippable { magic: INDEX_MAGIC })
                if trailer.index.is_empty() && !frame.is_empty() =>
            {
                table.frames.push((frame.len() as u32 + SKIPPABLE_HEADER_BYTES as u32, 0));
                trailer.index = frame.to_vec();
            }
            Some(Frame::Skippable { magic: SEEK_TABLE_MAGIC }) if !trailer.index.is_empty() => {
                if SeekTable::parse(&frame).as_ref() != Some(&table) {
                    return Err(invalid(
                        Code::IndexInvalid,
                        path,
                        "the seek table does not match the frames",
                    ));
                }
                return end(&mut plain, path).map(|()| trailer);
            }
            Some(_) => {
                return Err(invalid(
                    Code::FrameInvalid,
                    path,
                    "frames in an order that attestar does not write",
                ));
            }
            None => {
                return Err(invalid(Code::FrameInvalid, path, "it ends without member index and seek table"));
            }
        }
    }
}

/// Nothing may follow the seek table, and age's last chunk must authenticate the end.
fn end(plain: &mut impl Read, path: &Path) -> Result<()> {
    match plain.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(invalid(Code::FrameInvalid, path, "bytes after the seek table")),
        Err(source) => Err(refuse(FrameFault::Io(source), path)),
    }
}

/// The plaintext of an age file, or the bytes themselves.
pub fn decrypt<'a, R: BufRead + 'a>(
    mut input: R,
    identities: Option<&Identities>,
    path: &Path,
) -> Result<Box<dyn Read + 'a>> {
    let Some(identities) = identities else { return Ok(Box::new(input)) };
    let start = input.fill_buf().map_err(|source| refuse(FrameFault::Io(source), path))?;
    header_ends(start, path)?;
    let decryptor = age::Decryptor::new_buffered(input).map_err(|error| header_fault(error, path))?;
    if decryptor.is_scrypt() {
        // Never tried: whoever wrote the file chose how much work that would be.
        return Err(invalid(Code::AgeInvalid, path, PASSPHRASE));
    }
    let keys = identities.iter().map(|identity| &**identity as &dyn age::Identity);
    let reader = decryptor.decrypt(keys).map_err(|error| header_fault(error, path))?;
    Ok(Box::new(AgeReader(reader)))
}

/// Refuses a header that is longer than an archive of attestar can have; `start` is the start of the file.
pub fn header_ends(start: &[u8], path: &Path) -> Result<()> {
    let head = &start[..start.len().min(HEADER_BYTES_MAX)];
    let end = head.windows(5).position(|part| part == b"\n--- ").unwrap_or(head.len());
    let lines = head[..end].iter().filter(|&&byte| byte == b'\n').count();
    if end == HEADER_BYTES_MAX || lines > HEADER_LINES_MAX {
        return Err(invalid(Code::AgeInvalid, path, "its header is longer than that of any archive"));
    }
    Ok(())
}

/// What a fault of the age header means: a wrong identity is no fault of the archive.
pub fn header_fault(error: age::DecryptError, path: &Path) -> Error {
    match error {
        age::DecryptError::NoMatchingKeys => Error::unavailable(
            format!("none of the given identities decrypts {}", path.display()),
            "--identity FILE with the secret key of one of its recipients",
        ),
        age::DecryptError::Io(source) if source.raw_os_error().is_some() => {
            Error::Io { action: "read", path: path.to_owned(), source }
        }
        age::DecryptError::Io(source) if source.get_ref().is_some_and(|inner| inner.is::<Error>()) => {
            failed(source, path)
        }
        other => invalid(Code::AgeInvalid, path, other.to_string()),
    }
}

/// What a fault below the tar means.
pub fn refuse(fault: FrameFault, path: &Path) -> Error {
    match fault {
        FrameFault::Io(source) if source.get_ref().is_some_and(|inner| inner.is::<Error>()) => {
            failed(source, path)
        }
        FrameFault::Io(source) if source.raw_os_error().is_some() => {
            Error::Io { action: "read", path: path.to_owned(), source }
        }
        FrameFault::Io(source) => {
            let code = match source.get_ref() {
                Some(inner) if inner.is::<AgeFault>() => Code::AgeInvalid,
                _ => Code::FrameInvalid,
            };
            invalid(code, path, source.to_string())
        }
        FrameFault::Invalid(what) => invalid(Code::FrameInvalid, path, what),
        FrameFault::TooLarge(what) => invalid(Code::FrameTooLarge, path, what),
    }
}

/// A finding about the archive as such.
pub fn invalid(code: Code, path: &Path, what: impl ToString) -> Error {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Error::refused(Finding::new(code, name).actual(what))
}

/// Marks errors that are age's verdict on its own bytes.
#[derive(Debug)]
struct AgeFault(String);

impl fmt::Display for AgeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AgeFault {}

/// Passes reads on, and marks what age says.
pub struct AgeReader<R>(pub R);

impl<R: Read> Read for AgeReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes).map_err(marked)
    }
}

impl<R: Seek> Seek for AgeReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to).map_err(marked)
    }
}

fn marked(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None if error.get_ref().is_some_and(|inner| inner.is::<Error>()) => error,
        None => io::Error::new(error.kind(), AgeFault(error.to_string())),
    }
}

/// The pieces of a file as one reader.
struct Pieces {
    input: Receiver<Buffer>,
    current: Option<Buffer>,
    at: usize,
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.current.as_ref().is_none_or(|current| self.at == current.len()) {
            // The buffer goes back before the next one is waited for.
            self.current = None;
            self.current = self.input.recv().ok();
            self.at = 0;
        }
        Ok(self.current.as_ref().map_or(&[][..], |current| &current[self.at..]))
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Pieces {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(bytes)?;
        self.consume(count);
        Ok(count)
    }
}
