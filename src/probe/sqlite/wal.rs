//! Write-ahead logs of SQLite (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>): whether one ends where a
//! transaction does. SQLite itself drops what comes after the last whole commit, and says nothing.

use crate::error::{Error, Result};
use crate::probe::deadline::End;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// What a log holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Frames of whole transactions.
    pub frames: u64,
    /// What is wrong with its end.
    pub torn: Option<String>,
}

/// A running checksum.
#[derive(Clone, Copy)]
struct Sum {
    big_endian: bool,
    one: u32,
    two: u32,
}

impl Sum {
    /// Over a whole number of pairs of words.
    fn add(&mut self, bytes: &[u8]) {
        let word = |four: &[u8]| {
            let four = [four[0], four[1], four[2], four[3]];
            if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        for pair in bytes.chunks_exact(8) {
            self.one = self.one.wrapping_add(word(&pair[..4])).wrapping_add(self.two);
            self.two = self.two.wrapping_add(word(&pair[4..])).wrapping_add(self.one);
        }
    }

    fn is(&self, bytes: &[u8]) -> bool {
        (number(bytes, 0), number(bytes, 4)) == (self.one, self.two)
    }
}

/// Reads a log, which `shown` is the name of, from its beginning to where its own generation ends.
pub fn check(path: &Path, shown: &str, end: End<'_>) -> Result<Told> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut file = BufReader::with_capacity(1 << 20, end.reads(file, shown));
    let told = read(&mut file).map_err(Error::io("read", path));
    end.check(shown)?;
    told
}

fn read(file: &mut impl Read) -> io::Result<Told> {
    let torn = |frames, why: &str| Ok(Told { frames, torn: Some(why.to_owned()) });
    let mut header = [0; HEADER_BYTES];
    match fill(file, &mut header)? {
        0 => return Ok(Told { frames: 0, torn: None }),
        HEADER_BYTES => {}
        _ => return torn(0, "it ends in its header"),
    }
    let magic = number(&header, 0);
    let page_bytes = number(&header, 8) as usize;
    if magic & !1 != MAGIC || !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
        return torn(0, "its header is none");
    }
    let mut sum = Sum { big_endian: magic & 1 == 1, one: 0, two: 0 };
    sum.add(&header[..24]);
    if !sum.is(&header[24..]) {
        return torn(0, "its header does not have its checksum");
    }
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let (mut whole, mut open) = (0u64, 0u64);
    loop {
        match fill(file, &mut frame)? {
            0 => break,
            length if length == frame.len() => {}
            _ => return torn(whole, "its last frame is cut short"),
        }
        // Frames of an earlier generation are left over, and are no part of it.
        if frame[8..16] != header[16..24] {
            break;
        }
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER_BYTES..]);
        if !sum.is(&frame[16..24]) {
            return torn(whole, "a frame does not have its checksum");
        }
        open += 1;
        if number(&frame, 4) != 0 {
            (whole, open) = (whole + open, 0);
        }
    }
    if open > 0 {
        torn(whole, "its last transaction has no end")
    } else {
        Ok(Told { frames: whole, torn: None })
    }
}

fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// A log of three transactions, as SQLite writes it.
    fn log() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").unwrap();
        connection.execute_batch("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);").unwrap();
        std::fs::read(folder.path().join("x.db-wal")).unwrap()
    }

    #[test]
    fn a_whole_log_is_whole_and_each_damage_is_told() {
        let whole = log();
        let told = |bytes: &[u8]| read(&mut &*bytes).unwrap();
        let frames = told(&whole).frames;
        assert!(frames >= 3 && told(&whole).torn.is_none());
        assert_eq!(told(&[]), Told { frames: 0, torn: None });
        let page = number(&whole, 8) as usize + FRAME_HEADER_BYTES;
        let torn = |bytes: &[u8]| told(bytes).torn.unwrap();
        assert_eq!(torn(&whole[..whole.len() - 100]), "its last frame is cut short");
        assert_eq!(told(&whole[..whole.len() - 100]).frames, frames - 1);
        assert_eq!(torn(&whole[..20]), "it ends in its header");
        let mut flipped = whole.clone();
        flipped[HEADER_BYTES + page + 1000] ^= 1;
        assert_eq!(torn(&flipped), "a frame does not have its checksum");
        let mut header = whole.clone();
        header[12] ^= 1;
        assert_eq!(torn(&header), "its header does not have its checksum");
        assert_eq!(torn(&[7; 64]), "its header is none");
        // What an earlier generation left behind is no part of it.
        let mut older = whole.clone();
        let last = older.len() - page;
        older[last + 8] ^= 1;
        assert_eq!(told(&older), Told { frames: frames - 1, torn: None });
    }
}
