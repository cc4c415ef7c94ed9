//! Text tag files (RFC 8493, section 2.3): lines that end in LF, CR or CRLF, in the declared encoding.

use crate::format::lines::{LINE_BYTES_MAX, LineError};
use std::io::{self, BufRead, Read};

const TOO_LONG: &str = "longer than 262144 bytes";
const UNDECODABLE: &str = "not text in the encoding that bagit.txt declares";

/// A character encoding of tag files that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The one to use, and the only one that is written.
    Utf8,
    /// Seven bits.
    Ascii,
    /// ISO 8859-1: each byte is the character of that number.
    Latin1,
    /// By its byte-order mark, else big-endian (RFC 2781, section 4.3).
    Utf16,
    /// Big-endian, with or without a mark.
    Utf16Be,
    /// Little-endian, with or without a mark.
    Utf16Le,
}

impl Encoding {
    /// The encoding of a name in IANA's registry, in either case; `None` if it is not read here.
    pub fn from_name(name: &str) -> Option<Encoding> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Encoding::Utf8,
            "us-ascii" | "ascii" => Encoding::Ascii,
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" => Encoding::Latin1,
            "utf-16" | "utf16" => Encoding::Utf16,
            "utf-16be" => Encoding::Utf16Be,
            "utf-16le" => Encoding::Utf16Le,
            _ => return None,
        })
    }

    /// One line's bytes as text; `None` if they are none in this encoding. UTF-16 comes here as big-endian.
    fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Encoding::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Encoding::Ascii => bytes.is_ascii().then(|| bytes.iter().map(|&b| char::from(b)).collect()),
            Encoding::Latin1 => Some(bytes.iter().map(|&b| char::from(b)).collect()),
            Encoding::Utf16 | Encoding::Utf16Be | Encoding::Utf16Le => {
                let (units, rest) = bytes.as_chunks();
                let units = units.iter().map(|&unit| u16::from_be_bytes(unit));
                let text = char::decode_utf16(units).collect::<Result<String, _>>().ok();
                text.filter(|_| rest.is_empty())
            }
        }
    }

    fn is_wide(self) -> bool {
        matches!(self, Encoding::Utf16 | Encoding::Utf16Be | Encoding::Utf16Le)
    }
}

/// A line without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLine {
    /// Counted from 1.
    pub number: u64,
    /// What it says.
    pub text: String,
}

/// The lines of a text tag file. Memory is bounded: a line longer than [`LINE_BYTES_MAX`] ends it with an error.
pub struct TextLines<R> {
    reader: R,
    encoding: Encoding,
    number: u64,
    bom: bool,
    after_cr: bool,
    ended: bool,
    line: Vec<u8>,
}

/// How the reading of one line's bytes ended.
enum Raw {
    Line,
    TooLong,
    End,
}

impl<R: BufRead> TextLines<R> {
    /// The lines that `reader` holds.
    pub fn new(reader: R, encoding: Encoding) -> TextLines<R> {
        TextLines { reader, encoding, number: 0, bom: false, after_cr: false, ended: false, line: Vec::new() }
    }

    /// Whether the file began with a byte-order mark; known once the first line was read.
    pub fn has_bom(&self) -> bool {
        self.bom
    }

    fn read_raw(&mut self) -> io::Result<Raw> {
        self.line.clear();
        let raw = if self.encoding.is_wide() { self.read_wide()? } else { self.read_narrow()? };
        Ok(if self.line.len() > LINE_BYTES_MAX { Raw::TooLong } else { raw })
    }

    /// Reads up to a line end of one byte a character.
    fn read_narrow(&mut self) -> io::Result<Raw> {
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok(if self.line.is_empty() { Raw::End } else { Raw::Line });
            }
            // The LF of a CRLF whose CR ended the line before.
            let skip = usize::from(std::mem::take(&mut self.after_cr) && chunk[0] == b'\n');
            let text = &chunk[skip..];
            let end = text.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let room = (LINE_BYTES_MAX + 1).saturating_sub(self.line.len());
            let take = end.unwrap_or(text.len()).min(room);
            self.line.extend_from_slice(&text[..take]);
            self.after_cr = end.is_some_and(|at| text[at] == b'\r');
            let used = skip + end.map_or(text.len(), |at| at + 1);
            self.reader.consume(used);
            if end.is_some() || self.line.len() > LINE_BYTES_MAX {
                return Ok(Raw::Line);
            }
        }
    }

    /// Reads up to a line end of two bytes a character, and turns them big-endian.
    fn read_wide(&mut self) -> io::Result<Raw> {
        let mut begun = false;
        loop {
            let Some(unit) = self.read_unit()? else {
                return Ok(if begun { Raw::Line } else { Raw::End });
            };
            let unit = if self.encoding == Encoding::Utf16Le {
                [unit.1, Some(unit.0)]
            } else {
                [Some(unit.0), unit.1]
            };
            match unit {
                [Some(0), Some(b'\n')] if std::mem::take(&mut self.after_cr) => continue,
                [Some(0), Some(end @ (b'\n' | b'\r'))] => {
                    self.after_cr = end == b'\r';
                    return Ok(Raw::Line);
                }
                [Some(0xff), Some(0xfe)]
                    if self.encoding == Encoding::Utf16 && self.number == 0 && !begun =>
                {
                    self.encoding = Encoding::Utf16Le;
                    self.bom = true;
                }
                unit => self.line.extend(unit.into_iter().flatten()),
            }
            begun = true;
            self.after_cr = false;
            if self.line.len() > LINE_BYTES_MAX {
                return Ok(Raw::TooLong);
            }
        }
    }

    /// Two bytes, or the one byte that is left over at the end.
    fn read_unit(&mut self) -> io::Result<Option<(u8, Option<u8>)>> {
        let mut bytes = self.reader.by_ref().bytes();
        let Some(first) = bytes.next().transpose()? else { return Ok(None) };
        Ok(Some((first, bytes.next().transpose()?)))
    }
}

impl<R: BufRead> Iterator for TextLines<R> {
    type Item = Result<TextLine, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let raw = self.read_raw();
        self.ended = !matches!(raw, Ok(Raw::Line));
        self.number += 1;
        match raw {
            Err(e) => return Some(Err(LineError::Io(e))),
            Ok(Raw::End) => return None,
            Ok(Raw::TooLong) => return Some(Err(LineError::bad(self.number, TOO_LONG))),
            Ok(Raw::Line) => {}
        }
        let Some(mut text) = self.encoding.decode(&self.line) else {
            return Some(Err(LineError::bad(self.number, UNDECODABLE)));
        };
        if self.number == 1 && text.starts_with('\u{feff}') {
            self.bom = true;
            text.remove(0);
        }
        Some(Ok(TextLine { number: self.number, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8], encoding: Encoding) -> Vec<String> {
        // One byte a read, so that every line end falls on a buffer's edge.
        let reader = io::BufReader::with_capacity(1, bytes);
        TextLines::new(reader, encoding).map(|line| line.map_or_else(|e| e.to_string(), |l| l.text)).collect()
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn lf_cr_and_crlf_end_lines_and_the_last_one_needs_none() {
        assert_eq!(lines(b"a\nb\rc\r\n\r\nd", Encoding::Utf8), ["a", "b", "c", "", "d"]);
        assert_eq!(lines(b"", Encoding::Utf8), [""; 0]);
        assert_eq!(lines(b"a\r\n", Encoding::Utf8), ["a"]);
    }

    #[test]
    fn each_encoding_is_decoded() {
        assert_eq!(lines(b"caf\xe9\n", Encoding::Latin1), ["caf\u{e9}"]);
        assert_eq!(lines(b"\xef\xbb\xbfx\n", Encoding::Utf8), ["x"]);
        let text = "\u{e9}\u{1f980}\r\n\u{a0a}\n";
        let want = ["\u{e9}\u{1f980}", "\u{a0a}"];
        assert_eq!(lines(&utf16(text, u16::to_be_bytes), Encoding::Utf16), want);
        assert_eq!(lines(&utf16(text, u16::to_le_bytes), Encoding::Utf16Le), want);
        let marked = format!("\u{feff}{text}");
        assert_eq!(lines(&utf16(&marked, u16::to_le_bytes), Encoding::Utf16), want);
        assert_eq!(lines(&utf16(&marked, u16::to_be_bytes), Encoding::Utf16), want);
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_line_and_reading_goes_on() {
        let bad = format!("line 2: {UNDECODABLE}");
        assert_eq!(lines(b"a\n\xff\nb\n", Encoding::Utf8), ["a", &bad, "b"]);
        assert_eq!(lines(b"a\n\xe9\nb\n", Encoding::Ascii), ["a", &bad, "b"]);
        assert_eq!(lines(b"\0a\0\n\0", Encoding::Utf16), ["a", &bad]);
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let endless = io::BufReader::new(io::repeat(b'a'));
        let lines: Vec<_> = TextLines::new(endless, Encoding::Utf8).collect();
        assert!(matches!(lines[..], [Err(LineError::Bad { number: 1, reason: TOO_LONG })]));
        let endless = io::BufReader::new(io::repeat(b'a'));
        assert_eq!(TextLines::new(endless, Encoding::Utf16).count(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_run_on(bytes: Vec<u8>) {
            for encoding in [Encoding::Utf8, Encoding::Ascii, Encoding::Latin1, Encoding::Utf16, Encoding::Utf16Le] {
                prop_assert!(lines(&bytes, encoding).len() <= bytes.len());
            }
        }
    }
}
