//! What a host remembers of the files of its last backup: a binary file of its own, never part of a pack, and worth nothing to
//! anybody but the program that wrote it.
//!
//! A line of text that names the format, a line of JSON (the [`Header`]), a record for each file in bytewise order of the path,
//! and 32 bytes of BLAKE3 over all of that. Numbers are little endian, or LEB128 where they are mostly small. A path is stored
//! as how many bytes it shares with the one before, and the rest.

use crate::format::digest::{Blake3, Digests, Sha256};
use crate::format::json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};

/// The first line.
const MAGIC: &[u8] = b"attestar backup cache 1\n";

/// The longest header that is read, in bytes.
const HEADER_BYTES_MAX: u64 = 4 << 20;

/// How much is digested at once, in bytes.
const STRETCH_BYTES: usize = 64 << 10;

/// The longest path, in bytes.
const PATH_BYTES_MAX: u64 = 4096;

/// What the whole file is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The store that it was backed up to.
    pub store: String,
    /// The project.
    pub project: String,
    /// The tree, as an absolute path.
    pub root: String,
    /// A digest over everybody who can decrypt.
    #[serde(with = "json::sha256")]
    pub recipients: Sha256,
    /// The digest of the policy's text.
    #[serde(with = "json::sha256")]
    pub policy: Sha256,
    /// A digest over everything that the inventory says of the payload, as lower-case hex.
    pub listing: String,
    /// When the last full backup began.
    #[serde(with = "json::timestamp")]
    pub full_at: Timestamp,
    /// The pack of the last backup.
    pub newest: String,
    /// The archives that hold the bytes of the files, and the newest one.
    pub archives: Vec<Held>,
    /// How many records follow.
    pub files: u64,
}

/// An archive that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Its pack.
    pub name: String,
    /// The digest of its ciphertext.
    #[serde(with = "json::sha256")]
    pub sha256: Sha256,
    /// Its size.
    pub size_bytes: u64,
    /// The digest of its receipt.
    #[serde(with = "json::sha256")]
    pub receipt: Sha256,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Relative to the tree.
    pub path: Vec<u8>,
    /// Bytes.
    pub size: u64,
    /// Modification time: seconds since 1970.
    pub mtime_s: i64,
    /// Nanoseconds past them.
    pub mtime_ns: u32,
    /// When the system last noted a change of it: nanoseconds since 1970.
    pub ctime_ns: i64,
    /// The file's number.
    pub inode: u64,
    /// The number of its file system.
    pub device: u64,
    /// Whether its times say nothing of whether it changes: it is read again.
    pub unsettled: bool,
    /// Whether it changed while it was read, and was kept as it came.
    pub torn: bool,
    /// Of its content.
    pub digests: Digests,
    /// Which of the header's archives holds the content.
    pub archive: u32,
    /// Its path there, where that is another one.
    pub place: Option<Vec<u8>>,
}

/// Writes a cache.
pub struct Writer<W> {
    out: W,
    hasher: blake3::Hasher,
    before: Vec<u8>,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    pub fn new(out: W, header: &Header) -> io::Result<Writer<W>> {
        let mut writer = Writer { out, hasher: blake3::Hasher::new(), before: Vec::new(), line: Vec::new() };
        writer.line.extend_from_slice(MAGIC);
        serde_json::to_writer(&mut writer.line, header)?;
        writer.line.push(b'\n');
        Ok(writer)
    }

    /// Appends a record; they come in order.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let shared = self.before.iter().zip(&record.path).take_while(|(a, b)| a == b).count();
        let rest = record.path.get(shared..).unwrap_or_default();
        let line = &mut self.line;
        number(line, shared as u64);
        number(line, rest.len() as u64);
        line.extend_from_slice(rest);
        let flags =
            u8::from(record.unsettled) | u8::from(record.torn) << 1 | u8::from(record.place.is_some()) << 2;
        line.push(flags);
        number(line, record.size);
        number(line, record.archive.into());
        line.extend_from_slice(&record.mtime_s.to_le_bytes());
        line.extend_from_slice(&record.mtime_ns.to_le_bytes());
        line.extend_from_slice(&record.ctime_ns.to_le_bytes());
        line.extend_from_slice(&record.inode.to_le_bytes());
        line.extend_from_slice(&record.device.to_le_bytes());
        line.extend_from_slice(&record.digests.sha256.0);
        line.extend_from_slice(&record.digests.blake3.0);
        if let Some(place) = &record.place {
            number(line, place.len() as u64);
            line.extend_from_slice(place);
        }
        self.before.truncate(shared);
        self.before.extend_from_slice(rest);
        if self.line.len() >= STRETCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Appends the digest; gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        self.out.write_all(self.hasher.finalize().as_bytes())?;
        Ok(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.line);
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}

/// Reads a cache. What it gives is worth nothing until [`read`](Reader::read) has said that there is no more: only then was the
/// digest compared.
pub struct Reader<R> {
    input: Hashed<R>,
    /// The header.
    pub header: Header,
    left: u64,
    current: Record,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn new(input: R) -> io::Result<Reader<R>> {
        let mut input = Hashed { input, hasher: blake3::Hasher::new(), pending: Vec::new() };
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(damaged("it is of another format"));
        }
        let mut line = Vec::new();
        (&mut input.input).take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)?;
        input.pending.extend_from_slice(&line);
        let header: Header =
            serde_json::from_slice(&line).map_err(|_| damaged("its header cannot be read"))?;
        let left = header.files;
        Ok(Reader { input, header, left, current: Record::default() })
    }

    /// The next record, lent; `None` at the end, when the digest was compared and holds.
    pub fn read(&mut self) -> io::Result<Option<&Record>> {
        let Some(left) = self.left.checked_sub(1) else { return self.end().map(|()| None) };
        self.left = left;
        self.record()?;
        Ok(Some(&self.current))
    }

    fn record(&mut self) -> io::Result<()> {
        let (input, record) = (&mut self.input, &mut self.current);
        let shared = input.number()?;
        if shared > record.path.len() as u64 {
            return Err(damaged("a path that goes on from nothing"));
        }
        record.path.truncate(shared as usize);
        input.append(&mut record.path)?;
        let [flags] = input.array()?;
        if flags > 7 {
            return Err(damaged("an unknown flag"));
        }
        record.unsettled = flags & 1 != 0;
        record.torn = flags & 2 != 0;
        record.size = input.number()?;
        record.archive =
            u32::try_from(input.number()?).map_err(|_| damaged("an archive that is not there"))?;
        if record.archive as usize >= self.header.archives.len() {
            return Err(damaged("an archive that is not there"));
        }
        record.mtime_s = i64::from_le_bytes(input.array()?);
        record.mtime_ns = u32::from_le_bytes(input.array()?);
        record.ctime_ns = i64::from_le_bytes(input.array()?);
        record.inode = u64::from_le_bytes(input.array()?);
        record.device = u64::from_le_bytes(input.array()?);
        record.digests = Digests { sha256: Sha256(input.array()?), blake3: Blake3(input.array()?) };
        record.place = None;
        if flags & 4 != 0 {
            let mut place = Vec::new();
            input.append(&mut place)?;
            record.place = Some(place);
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.input.settle();
        let found = self.input.hasher.finalize();
        let mut written = [0; 32];
        self.input.input.read_exact(&mut written)?;
        if found != written || !self.input.input.fill_buf()?.is_empty() {
            return Err(damaged("its digest does not match"));
        }
        Ok(())
    }
}

/// Digests what is read.
struct Hashed<R> {
    input: R,
    hasher: blake3::Hasher,
    /// Read and not digested yet: BLAKE3 is fast on long stretches alone.
    pending: Vec<u8>,
}

impl<R: BufRead> Hashed<R> {
    fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.input.read_exact(bytes)?;
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= STRETCH_BYTES {
            self.settle();
        }
        Ok(())
    }

    fn settle(&mut self) {
        self.hasher.update(&self.pending);
        self.pending.clear();
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number without an end"))
    }

    /// Appends a counted stretch of a path.
    fn append(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        let count = self.number()?;
        if count + to.len() as u64 > PATH_BYTES_MAX {
            return Err(damaged("a path longer than any"));
        }
        let start = to.len();
        to.resize(start + count as usize, 0);
        self.read_exact(&mut to[start..])
    }
}

fn number(line: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        line.push(value as u8 | 0x80);
        value >>= 7;
    }
    line.push(value as u8);
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(files: u64) -> Header {
        let held =
            Held { name: "p-1".into(), sha256: Sha256([1; 32]), size_bytes: 7, receipt: Sha256([2; 32]) };
        Header {
            store: "/backups".into(),
            project: "p".into(),
            root: "/tree".into(),
            recipients: Sha256([3; 32]),
            policy: Sha256([4; 32]),
            listing: "00".into(),
            full_at: "2026-11-20T01:00:02Z".parse().unwrap(),
            newest: "p-1".into(),
            archives: vec![held],
            files,
        }
    }

    fn record(path: &[u8], size: u64) -> Record {
        Record {
            path: path.to_vec(),
            size,
            mtime_s: -5,
            mtime_ns: 7,
            ctime_ns: 1 << 60,
            inode: u64::MAX,
            device: 3,
            unsettled: size.is_multiple_of(2),
            torn: size.is_multiple_of(3),
            digests: Digests::of(path),
            archive: 0,
            place: (size.is_multiple_of(5)).then(|| b"other".to_vec()),
        }
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &header(records.len() as u64)).unwrap();
        records.iter().for_each(|record| writer.push(record).unwrap());
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<Record>> {
        let mut reader = Reader::new(bytes)?;
        let mut records = Vec::new();
        while let Some(record) = reader.read()? {
            records.push(record.clone());
        }
        Ok(records)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(files in prop::collection::btree_map("[a-c/]{1,12}", any::<u64>(), 0..20)) {
            let records: Vec<Record> = files.iter().map(|(path, size)| record(path.as_bytes(), *size)).collect();
            prop_assert_eq!(read(&written(&records)).unwrap(), records);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            prop_assert!(read(&[MAGIC, &*bytes].concat()).is_err());
        }
    }

    #[test]
    fn a_byte_that_differs_anywhere_is_seen() {
        let bytes = written(&[record(b"a/b", 1), record(b"a/c", 300), record(b"b", 5)]);
        assert_eq!(read(&bytes).unwrap().len(), 3);
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 4;
            assert!(read(&other).is_err(), "byte {at}");
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(read(&[&*bytes, b"x"].concat()).is_err());
    }
}
