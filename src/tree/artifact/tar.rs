//! Foreign tars, member by member (POSIX.1-2017 pax, section "ustar Interchange Format", and GNU's long names).
//!
//! Other than [`crate::format::tar`], which takes only what attestar writes, this takes what others write. Nothing is
//! ever unpacked: a name is a key to compare with, not a path to write to.

use crate::tree::artifact::bounds::{Budget, Trouble};
use crate::tree::artifact::bytes::Bytes;
use std::io::{self, Read};

const BLOCK_BYTES: u64 = 512;

/// The longest path of a system (PATH_MAX). A member with a longer one can be nothing that is looked for.
const PATH_BYTES_MAX: usize = 4096;

/// The most bytes of a pax header or a long name.
const EXTENSION_BYTES_MAX: u64 = 1 << 20;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file whose bytes follow.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Another name of a file before it.
    HardLink,
    /// A device, a FIFO, a sparse file, or what nobody knows.
    Other,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name as it is written; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Where a link points.
    pub link: String,
    /// What it is.
    pub kind: EntryKind,
    /// How many bytes follow.
    pub size: u64,
}

/// A tar that is walked once, from its start to its end.
pub struct Tar<'a> {
    input: &'a mut dyn Bytes,
    /// Of the body of the member that was given last, and what pads it.
    body: u64,
    padding: u64,
    any: bool,
}

/// What pax headers and long names say of the member behind them.
#[derive(Default)]
struct Extension {
    path: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

impl<'a> Tar<'a> {
    /// From the first header on.
    pub fn new(input: &'a mut dyn Bytes) -> Tar<'a> {
        Tar { input, body: 0, padding: 0, any: false }
    }

    /// The next member, `None` at the end. What was not read of the one before is passed over.
    pub fn next(&mut self, budget: &mut Budget) -> Result<Option<Entry>, Trouble> {
        let mut extension = Extension::default();
        loop {
            self.input.skip(self.body + self.padding)?;
            (self.body, self.padding) = (0, 0);
            let Some(header) = self.header()? else { return Ok(None) };
            budget.count(1)?;
            let size = number(field(&header, 124, 12)?)?;
            self.follows(size)?;
            match field(&header, 156, 1)? {
                b"x" => extension.pax(&self.extension()?)?,
                b"L" => extension.path = Some(until_nul(&self.extension()?)),
                b"K" => extension.link = Some(until_nul(&self.extension()?)),
                b"g" | b"V" => {}
                kind => return self.entry(&header, kind, extension).map(Some),
            }
        }
    }

    /// The bytes of the member that was given last.
    pub fn body(&mut self) -> Body<'_, 'a> {
        Body { tar: self }
    }

    fn entry(&mut self, header: &[u8], kind: &[u8], extension: Extension) -> Result<Entry, Trouble> {
        let kind = match kind {
            b"0" | b"\0" | b"7" if !extension.sparse => EntryKind::File,
            b"5" => EntryKind::Folder,
            b"2" => EntryKind::Symlink,
            b"1" => EntryKind::HardLink,
            _ => EntryKind::Other,
        };
        if field(header, 156, 1)? == b"S" {
            self.sparse_map(field(header, 482, 1)?)?;
        }
        match (extension.size, kind) {
            // POSIX: links have no body, whatever their size says.
            (_, EntryKind::Folder | EntryKind::Symlink | EntryKind::HardLink) => self.follows(0)?,
            (Some(size), _) => self.follows(size)?,
            (None, _) => {}
        }
        let path = match extension.path {
            Some(path) => path,
            None => name(header)?,
        };
        let link = match extension.link {
            Some(link) => link,
            None => until_nul(field(header, 157, 100)?),
        };
        let is_long = path.len() > PATH_BYTES_MAX || link.len() > PATH_BYTES_MAX;
        if is_long {
            return Ok(Entry {
                path: String::new(),
                link: String::new(),
                kind: EntryKind::Other,
                size: self.body,
            });
        }
        Ok(Entry { path, link, kind, size: self.body })
    }

    /// Old GNU sparse files: more blocks of the map lie before the body.
    fn sparse_map(&mut self, is_extended: &[u8]) -> Result<(), Trouble> {
        let mut more = is_extended != b"\0";
        let mut block = [0; BLOCK_BYTES as usize];
        while more {
            self.input.read_exact(&mut block)?;
            more = field(&block, 504, 1)? != b"\0";
        }
        Ok(())
    }

    fn follows(&mut self, size: u64) -> Result<(), Trouble> {
        let whole = size.checked_next_multiple_of(BLOCK_BYTES).filter(|whole| *whole <= i64::MAX as u64);
        let whole = whole.ok_or_else(|| Trouble::invalid("a member that is larger than any file"))?;
        (self.body, self.padding) = (size, whole - size);
        Ok(())
    }

    /// A header whose checksum holds; `None` at the end marker.
    fn header(&mut self) -> Result<Option<[u8; BLOCK_BYTES as usize]>, Trouble> {
        let mut block = [0; BLOCK_BYTES as usize];
        self.input.read_exact(&mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let stated = number(field(&block, 148, 8)?)?;
        let sum = |cast: fn(u8) -> i64| -> i64 {
            let bytes = block.iter().enumerate();
            bytes.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { cast(*byte) }).sum()
        };
        // Some old tars summed signed bytes.
        let sums = [sum(i64::from), sum(|byte| i64::from(byte.cast_signed()))];
        if !sums.contains(&stated.cast_signed()) {
            return Err(Trouble::invalid(match self.any {
                true => "a header whose checksum does not hold",
                false => "it is not a tar",
            }));
        }
        self.any = true;
        Ok(Some(block))
    }

    fn extension(&mut self) -> Result<Vec<u8>, Trouble> {
        if self.body > EXTENSION_BYTES_MAX {
            return Err(Trouble::too_large(format!("a name of more than {EXTENSION_BYTES_MAX} bytes")));
        }
        let size = self.body;
        let mut bytes = Vec::new();
        self.body().read_to_end(&mut bytes)?;
        match bytes.len() as u64 == size {
            true => Ok(bytes),
            false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

impl Extension {
    /// Records `LENGTH KEY=VALUE\n`.
    fn pax(&mut self, mut records: &[u8]) -> Result<(), Trouble> {
        let broken = || Trouble::invalid("a malformed pax record");
        while !records.is_empty() {
            let space = records.iter().take(20).position(|byte| *byte == b' ').ok_or_else(broken)?;
            let (digits, _) = records.split_at(space);
            let length: usize =
                std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(broken)?;
            let (record, rest) = records.split_at_checked(length).ok_or_else(broken)?;
            let record = record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n"));
            let record = String::from_utf8_lossy(record.ok_or_else(broken)?);
            let (key, value) = record.split_once('=').ok_or_else(broken)?;
            match key {
                "path" | "GNU.sparse.name" => self.path = Some(value.to_owned()),
                "linkpath" => self.link = Some(value.to_owned()),
                "size" => self.size = Some(value.parse().map_err(|_| broken())?),
                _ => {}
            }
            self.sparse |= key.starts_with("GNU.sparse.");
            records = rest;
        }
        Ok(())
    }
}

/// The bytes of one member.
pub struct Body<'t, 'a> {
    tar: &'t mut Tar<'a>,
}

impl Read for Body<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.tar.body).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.tar.input.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.tar.body -= read as u64;
        Ok(read)
    }
}

impl Bytes for Body<'_, '_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.tar.body {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.tar.body -= bytes;
        self.tar.input.skip(bytes)
    }
}

/// A name of a member as a path without `./` in front and `/` behind; `None` if it leaves the archive.
pub fn inside(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

fn field(header: &[u8], at: usize, length: usize) -> Result<&[u8], Trouble> {
    header.get(at..at + length).ok_or_else(|| Trouble::invalid("a short header"))
}

/// `prefix/name`, of which only POSIX headers have a prefix; GNU keeps times there.
fn name(header: &[u8]) -> Result<String, Trouble> {
    let name = until_nul(field(header, 0, 100)?);
    let prefix = match field(header, 257, 6)? {
        b"ustar\0" => until_nul(field(header, 345, 155)?),
        _ => String::new(),
    };
    Ok(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

fn until_nul(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Octal digits, or GNU's big-endian number behind a byte of 128.
fn number(bytes: &[u8]) -> Result<u64, Trouble> {
    let broken = || Trouble::invalid("a number in a header that is none");
    if let [0x80, high @ .., a, b, c, d, e, f, g, h] = bytes {
        let value = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
        return (high.iter().all(|byte| *byte == 0)).then_some(value).ok_or_else(broken);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| broken())?;
    match text.trim_matches(['\0', ' ']) {
        "" => Ok(0),
        digits => u64::from_str_radix(digits, 8).map_err(|_| broken()),
    }
}
