//! Whether a file parses as what its name says: nothing of it is kept.

use crate::error::{Error, Result};
use quick_xml::events::Event;
use serde::de::IgnoredAny;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

/// The first and the last bytes of a Parquet file; before the last ones stands the length of its footer.
const PARQUET: &[u8; 4] = b"PAR1";

/// The largest piece of a file that a parser holds as a whole, in bytes.
const PIECE_BYTES_MAX: usize = 64 << 20;

/// What a file can be parsed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 8259.
    Json,
    /// A JSON document a line.
    JsonLines,
    /// TOML 1.0.
    Toml,
    /// YAML 1.2, every document of the file.
    Yaml,
    /// XML 1.0: well formed.
    Xml,
    /// RFC 4180: every record as long as the first.
    Csv,
    /// Apache Parquet: its beginning, its end, and that the footer fits.
    Parquet,
}

/// By the ending of the name.
pub fn format(path: &str) -> Option<Format> {
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "json" => Format::Json,
        "jsonl" | "ndjson" => Format::JsonLines,
        "toml" => Format::Toml,
        "yaml" | "yml" => Format::Yaml,
        "xml" => Format::Xml,
        "csv" => Format::Csv,
        "parquet" => Format::Parquet,
        _ => return None,
    })
}

type Parsed = std::result::Result<(), String>;

impl Format {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "JSON",
            Format::JsonLines => "JSON lines",
            Format::Toml => "TOML",
            Format::Yaml => "YAML",
            Format::Xml => "XML",
            Format::Csv => "CSV",
            Format::Parquet => "Parquet",
        }
    }

    /// Whether it is read without holding it.
    pub fn is_streamed(self) -> bool {
        !matches!(self, Format::Toml | Format::Yaml)
    }

    /// Reads a file to its end; what is wrong with its content is said in words.
    pub fn parse(self, path: &Path) -> Result<Parsed> {
        let open = || File::open(path).map(BufReader::new).map_err(Error::io("open", path));
        let text = || fs::read(path).map_err(Error::io("read", path));
        Ok(match self {
            Format::Json => words(serde_json::from_reader::<_, IgnoredAny>(open()?)),
            Format::JsonLines => {
                let lines = serde_json::Deserializer::from_reader(open()?).into_iter::<IgnoredAny>();
                words(lines.collect::<std::result::Result<Vec<_>, _>>())
            }
            Format::Toml => toml(&text()?),
            Format::Yaml => yaml(&text()?),
            Format::Xml => xml(open()?),
            Format::Csv => csv(open()?),
            Format::Parquet => parquet(open()?).map_err(Error::io("read", path))?,
        })
    }
}

fn words<T, E: ToString>(parsed: std::result::Result<T, E>) -> Parsed {
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

fn toml(bytes: &[u8]) -> Parsed {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    words(toml::from_str::<toml::Table>(text))
}

fn yaml(bytes: &[u8]) -> Parsed {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    saphyr_parser::Parser::new_from_str(text).try_for_each(words)
}

fn xml(file: impl Read) -> Parsed {
    let room = Room::default();
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(room.reads(file)));
    reader.config_mut().check_end_names = true;
    let (mut buffer, mut open, mut elements) = (Vec::new(), 0u64, 0u64);
    loop {
        room.renew();
        match reader.read_event_into(&mut buffer).map_err(|error| error.to_string())? {
            Event::Start(_) => (open, elements) = (open + 1, elements + 1),
            Event::Empty(_) => elements += 1,
            Event::End(_) => open = open.saturating_sub(1),
            Event::Eof if open > 0 => return Err("an element has no end".to_owned()),
            Event::Eof if elements == 0 => return Err("it has no element".to_owned()),
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

fn csv(file: impl Read) -> Parsed {
    let room = Room::default();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(room.reads(file));
    let mut record = csv::ByteRecord::new();
    loop {
        room.renew();
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// How many bytes of one piece (a record, a tag, a text) may still be read: a parser holds it.
#[derive(Clone, Debug, Default)]
struct Room(Rc<Cell<usize>>);

/// What is read into a room.
struct Reads<R>(R, Room);

impl Room {
    /// The next piece begins.
    fn renew(&self) {
        self.0.set(PIECE_BYTES_MAX);
    }

    fn reads<R>(&self, file: R) -> Reads<R> {
        Reads(file, self.clone())
    }
}

impl<R: Read> Read for Reads<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        let room = &self.1.0;
        let left = room.get().checked_sub(count);
        room.set(left.ok_or_else(|| io::Error::other("a piece of it is larger than 64 MiB"))?);
        Ok(count)
    }
}

fn parquet(mut file: impl Read + Seek) -> io::Result<Parsed> {
    let size = file.seek(SeekFrom::End(0))?;
    let (mut first, mut last) = ([0; 4], [0; 8]);
    if size < 12 {
        return Ok(Err(format!("it has {size} bytes")));
    }
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut first)?;
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut last)?;
    let footer = u32::from_le_bytes([last[0], last[1], last[2], last[3]]);
    Ok(match (first == *PARQUET, last[4..] == *PARQUET, u64::from(footer) + 12 <= size) {
        (true, true, true) => Ok(()),
        (false, _, _) => Err("it does not begin as one".to_owned()),
        (_, false, _) => Err("it does not end as one".to_owned()),
        (_, _, false) => Err("its footer is longer than it is".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str, content: &[u8]) -> Parsed {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        format(name).unwrap().parse(&path).unwrap()
    }

    #[test]
    fn what_is_right_parses_and_what_is_cut_does_not() {
        let samples: [(&str, &[u8], &[u8]); 9] = [
            ("a.json", b"{\"a\": [1, 2]}\n", b"{\"a\": [1, 2"),
            ("a.ndjson", b"{}\n{\"a\":1}\n", b"{}\n{\"a\":"),
            ("a.toml", b"a = 1\n[b]\n", b"a = 1\n[b"),
            ("a.yaml", b"a: [1, 2]\n---\nb: 2\n", b"a: [1, 2\n"),
            ("a.yml", b"a: 1\n", b"a: \"1\n"),
            ("a.xml", b"<a><b/></a>", b"<a><b/>"),
            ("b.xml", b"<a/>", b""),
            ("a.csv", b"a,b\n1,2\n", b"a,b\n1\n"),
            ("a.PARQUET", b"PAR1\0\0\0\0PAR1", b"PAR1\0\0\0\x01PAR1"),
        ];
        for (name, right, wrong) in samples {
            assert_eq!(parsed(name, right), Ok(()), "{name}");
            assert!(parsed(name, wrong).is_err(), "{name}");
        }
        assert!(format("a.txt").is_none() && format("json").is_none());
    }

    #[test]
    fn a_piece_without_end_is_not_held() {
        let long = vec![b'a'; PIECE_BYTES_MAX + (1 << 20)];
        for (name, begins) in [("a.csv", "\""), ("a.xml", "<a>"), ("b.xml", "<a b=\"")] {
            let why = parsed(name, &[begins.as_bytes(), &long].concat()).unwrap_err();
            assert!(why.contains("larger than 64 MiB"), "{name}: {why}");
        }
        // Many pieces may be as long as they like in sum.
        let line = [vec![b'a'; 1 << 20], b",b\n".to_vec()].concat();
        assert_eq!(parsed("a.csv", &line.repeat(70)), Ok(()));
    }
}
