//! The member index: where each member's header begins in the tar, so that one file is restored without reading the
//! rest. A hint, not evidence: what it points at is verified against the signed manifest.
//!
//! Body of the skippable frame: `ATSTIDX1`, then a zstd frame of rows in tar order. A row: how many bytes of the path
//! are shared with the row before, how many follow, those bytes, distance from the header before, content size; all
//! numbers LEB128.

use crate::format::path::PackPath;
use std::io::{self, BufRead, BufReader, Read, Write};

const MAGIC: &[u8; 8] = b"ATSTIDX1";
/// Compression level of the rows.
const LEVEL: i32 = 3;
/// The largest window that is read, as a power of two: twice what that level writes.
const WINDOW_LOG_MAX: u32 = 22;

/// A member as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Relative to the pack's folder.
    pub path: PackPath,
    /// Where its first header block begins, in plaintext bytes from the start of the tar.
    pub offset: u64,
    /// Bytes of content.
    pub size: u64,
}

/// Writes rows as they come.
pub struct IndexWriter {
    rows: zstd::stream::write::Encoder<'static, Vec<u8>>,
    path: String,
    offset: u64,
}

impl IndexWriter {
    /// An empty index.
    pub fn new() -> io::Result<IndexWriter> {
        let mut rows = zstd::stream::write::Encoder::new(MAGIC.to_vec(), LEVEL)?;
        rows.include_checksum(true)?;
        Ok(IndexWriter { rows, path: String::new(), offset: 0 })
    }

    /// Adds the next member of the tar.
    pub fn push(&mut self, path: &str, offset: u64, size: u64) -> io::Result<()> {
        let shared = self.path.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
        let suffix = &path.as_bytes()[shared..];
        let mut row = Vec::with_capacity(suffix.len() + 16);
        for number in [shared as u64, suffix.len() as u64] {
            push_number(&mut row, number);
        }
        row.extend_from_slice(suffix);
        push_number(&mut row, offset - self.offset);
        push_number(&mut row, size);
        path.clone_into(&mut self.path);
        self.offset = offset;
        self.rows.write_all(&row)
    }

    /// The body of the skippable frame.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        self.rows.finish()
    }
}

/// Reads rows from the body of the skippable frame, without keeping them.
pub struct IndexReader<'a> {
    rows: BufReader<zstd::stream::read::Decoder<'a, &'a [u8]>>,
    path: Vec<u8>,
    offset: u64,
}

impl<'a> IndexReader<'a> {
    /// Begins to read; an error if this is no member index.
    pub fn new(body: &'a [u8]) -> io::Result<IndexReader<'a>> {
        let rows = body.strip_prefix(MAGIC).ok_or_else(invalid)?;
        let mut rows = zstd::stream::read::Decoder::with_buffer(rows)?.single_frame();
        rows.window_log_max(WINDOW_LOG_MAX)?;
        Ok(IndexReader { rows: BufReader::new(rows), path: Vec::new(), offset: 0 })
    }

    fn row(&mut self) -> io::Result<Option<Row>> {
        if self.rows.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let shared = usize::try_from(self.number()?).map_err(|_| invalid())?;
        let suffix = self.number()?;
        if shared > self.path.len() || shared as u64 + suffix > crate::format::path::PATH_BYTES_MAX as u64 {
            return Err(invalid());
        }
        self.path.truncate(shared);
        (&mut self.rows).take(suffix).read_to_end(&mut self.path)?;
        let path = PackPath::new(&self.path).map_err(|_| invalid())?;
        self.offset = self.number()?.checked_add(self.offset).ok_or_else(invalid)?;
        Ok(Some(Row { path, offset: self.offset, size: self.number()? }))
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0u64;
        for shift in (0..63).step_by(7) {
            let mut byte = [0];
            self.rows.read_exact(&mut byte)?;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(invalid())
    }
}

impl Iterator for IndexReader<'_> {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<io::Result<Row>> {
        self.row().transpose()
    }
}

fn push_number(row: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        row.push(number as u8 | 0x80);
        number >>= 7;
    }
    row.push(number as u8);
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a member index")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_read_back(rows in proptest::collection::vec(("[a-zé]{1,9}(/[a-zé]{1,9}){0,3}", 0u64..1 << 40, 0u64..1 << 50), 0..30)) {
            let mut writer = IndexWriter::new().unwrap();
            let mut expected = Vec::new();
            let mut offset = 0;
            for (path, step, size) in rows {
                offset += step;
                writer.push(&path, offset, size).unwrap();
                expected.push(Row { path: PackPath::new(path.as_bytes()).unwrap(), offset, size });
            }
            let body = writer.finish().unwrap();
            let read: Vec<Row> = IndexReader::new(&body).unwrap().collect::<io::Result<_>>().unwrap();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn arbitrary_rows_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let body = [&MAGIC[..], &zstd::bulk::compress(&bytes, 1).unwrap()].concat();
            let _ = IndexReader::new(&body).unwrap().collect::<io::Result<Vec<_>>>();
        }
    }

    #[test]
    fn a_cut_index_is_an_error() {
        let mut writer = IndexWriter::new().unwrap();
        writer.push("data/a", 0, 5).unwrap();
        let body = writer.finish().unwrap();
        for cut in 0..body.len() {
            let rows = IndexReader::new(&body[..cut]).and_then(|rows| rows.collect::<io::Result<Vec<_>>>());
            assert!(rows.is_err(), "cut at {cut}");
        }
    }
}
