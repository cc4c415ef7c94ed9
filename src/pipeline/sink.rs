//! The writing end: frames in order, encrypted, digested and written by one thread.

use crate::Error;
use crate::format::digest::Sha256;
use crate::format::frames::{INDEX_MAGIC, SeekTable, skippable_header};
use crate::pipeline::buffers::Buffer;
use crate::pipeline::watch::Watch;
use crossbeam_channel::Receiver;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread::{Scope, ScopedJoinHandle};

/// age writes its header in dozens of small pieces: up to so many bytes they go together. Chunks of the payload are longer.
const HEADER_BYTES: usize = 4096;

/// The archive as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The digest of the file.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// What the sink is sent.
pub enum Part {
    /// A data frame; they may come out of order.
    Frame(Compressed),
    /// The body of the member index, after the last frame.
    Index(Vec<u8>),
}

/// A frame on its way to the file.
pub struct Compressed {
    /// Its place in the order.
    pub seq: u64,
    /// The bytes.
    pub frame: Buffer,
    /// How many plaintext bytes it holds.
    pub content: u32,
}

/// What takes the bytes of an archive: a file, or an object on its way into a store.
pub type Out<'o> = &'o mut (dyn Write + Send);

/// Starts the thread. It ends when the queue does; without an index before that, the archive is not complete and
/// nothing is returned.
pub fn start<'s>(
    scope: &'s Scope<'s, '_>,
    out: Out<'s>,
    path: &Path,
    encryptor: Option<age::Encryptor>,
    parts: Receiver<Part>,
    watch: &Watch,
) -> ScopedJoinHandle<'s, Option<Written>> {
    let (path, watch) = (path.to_owned(), watch.clone());
    scope.spawn(move || match run(Output::new(out), encryptor, &parts) {
        Ok(written) => written,
        Err(source) => {
            watch.fail(io_error(path, source));
            // Take what is still coming, so that no compressor waits for ever.
            parts.iter().for_each(drop);
            None
        }
    })
}

/// What takes the bytes may say in its own words what went wrong.
fn io_error(path: PathBuf, source: io::Error) -> Error {
    source.downcast::<Error>().unwrap_or_else(|source| Error::Io { action: "write", path, source })
}

fn run(
    output: Output<'_>,
    encryptor: Option<age::Encryptor>,
    parts: &Receiver<Part>,
) -> io::Result<Option<Written>> {
    let mut output = match encryptor {
        Some(encryptor) => Outer::Age(Box::new(encryptor.wrap_output(output)?)),
        None => Outer::Plain(output),
    };
    let (mut table, mut early, mut index) = (SeekTable::default(), BTreeMap::new(), None);
    for part in parts {
        match part {
            Part::Index(body) => index = Some(body),
            Part::Frame(frame) => {
                early.insert(frame.seq, frame);
                while let Some(Compressed { frame, content, .. }) = early.remove(&(table.frames.len() as u64))
                {
                    output.write_all(&frame)?;
                    table.frames.push((frame.len() as u32, content));
                }
            }
        }
    }
    let Some(index) = index else { return Ok(None) };
    let length =
        u32::try_from(index.len()).map_err(|_| io::Error::other("the member index outgrew its frame"))?;
    let header = skippable_header(INDEX_MAGIC, index.len());
    output.write_all(&header)?;
    output.write_all(&index)?;
    table.frames.push((length + header.len() as u32, 0));
    output.write_all(&table.to_frame())?;
    output.finish().map(Some)
}

/// The age writer, or none.
enum Outer<'o> {
    Age(Box<age::stream::StreamWriter<Output<'o>>>),
    Plain(Output<'o>),
}

impl Outer<'_> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Outer::Age(writer) => writer.write_all(bytes),
            Outer::Plain(writer) => writer.write_all(bytes),
        }
    }

    /// Writes age's last chunk, without which the file is truncated.
    fn finish(self) -> io::Result<Written> {
        let mut output = match self {
            Outer::Age(writer) => writer.finish()?,
            Outer::Plain(writer) => writer,
        };
        output.out.flush()?;
        Ok(Written { sha256: Sha256(output.hasher.finalize().into()), size_bytes: output.size_bytes })
    }
}

/// What takes the bytes, with the digest of what was written to it.
struct Output<'o> {
    out: BufWriter<Out<'o>>,
    hasher: sha2::Sha256,
    size_bytes: u64,
}

impl<'o> Output<'o> {
    fn new(out: Out<'o>) -> Output<'o> {
        Output {
            out: BufWriter::with_capacity(HEADER_BYTES, out),
            hasher: sha2::Sha256::new(),
            size_bytes: 0,
        }
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
