//! Whether a file parses as what its name says: nothing of it is kept.

use crate::error::{Error, Result};
use crate::probe::deadline::End;
use crate::probe::files::bounds::{Bounds, DEPTH_MAX, Nesting, PIECE_BYTES_MAX, Parsed, Pieces};
use quick_xml::events::Event;
use saphyr_parser::Event as Yaml;
use serde::de::IgnoredAny;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The first and the last bytes of a Parquet file; before the last ones stands the length of its footer.
const PARQUET: &[u8; 4] = b"PAR1";

/// The largest file of TOML that is parsed, in bytes: its parser makes some hundred times as much of it.
const TOML_BYTES_MAX: u64 = 1 << 20;

/// The largest file of YAML that is parsed, in bytes: its parser takes a text, and no file.
const YAML_BYTES_MAX: u64 = 8 << 20;

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

/// What a parser says: what is wrong, in words.
type Said = std::result::Result<(), String>;

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

    /// Reads a file, which `shown` is the name of, until it ends or `end` comes.
    pub fn parse(self, path: &Path, shown: &str, end: End<'_>) -> Result<Parsed> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let bounds = Bounds::default();
        // The others are in UTF-8, by their own word.
        let may_be = matches!(self, Format::Yaml | Format::Xml | Format::Csv);
        if may_be && is_utf16(&mut file).map_err(Error::io("read", path))? {
            return Ok(Parsed::Past("it is in UTF-16".to_owned()));
        }
        let said = match self {
            Format::Json => json(end.reads(file, shown), &bounds),
            Format::JsonLines => json_lines(end.reads(file, shown), &bounds),
            Format::Toml => text(file, TOML_BYTES_MAX, &bounds).and_then(|text| toml(&text)),
            Format::Yaml => {
                text(file, YAML_BYTES_MAX, &bounds).and_then(|text| yaml(&text, shown, end, &bounds))
            }
            Format::Xml => xml(end.reads(file, shown), &bounds),
            Format::Csv => csv(end.reads(file, shown), &bounds),
            Format::Parquet => parquet(file).map_err(Error::io("read", path))?,
        };
        // What was ended is not wrong.
        end.check(shown)?;
        Ok(bounds.judge(said))
    }
}

/// Whether a file begins with the byte order mark of UTF-16, or of UTF-32; what is read next is its beginning.
fn is_utf16(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut mark = Vec::new();
    file.by_ref().take(2).read_to_end(&mut mark)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(matches!(&*mark, [0xff, 0xfe] | [0xfe, 0xff]))
}

fn words<T, E: ToString>(parsed: std::result::Result<T, E>) -> std::result::Result<T, String> {
    parsed.map_err(|error| error.to_string())
}

/// All of a file, if it is no longer than that.
fn text(file: impl Read, bytes_max: u64, bounds: &Bounds) -> std::result::Result<String, String> {
    let mut bytes = Vec::new();
    words(file.take(bytes_max + 1).read_to_end(&mut bytes))?;
    if bytes.len() as u64 > bytes_max {
        return Err(bounds.whole(bytes_max));
    }
    words(String::from_utf8(bytes))
}

fn json(file: impl Read, bounds: &Bounds) -> Said {
    let file = BufReader::new(Nesting::new(file, bounds));
    words(serde_json::from_reader::<_, IgnoredAny>(file)).map(|_| ())
}

fn json_lines(file: impl Read, bounds: &Bounds) -> Said {
    let file = BufReader::new(Nesting::new(file, bounds));
    let mut lines = serde_json::Deserializer::from_reader(file).into_iter::<IgnoredAny>();
    lines.try_for_each(|line| words(line).map(|_| ()))
}

fn toml(text: &str) -> Said {
    words(toml::from_str::<IgnoredAny>(text)).map(|_| ())
}

fn yaml(text: &str, shown: &str, end: End<'_>, bounds: &Bounds) -> Said {
    let mut depth = 0usize;
    for event in saphyr_parser::Parser::new_from_str(text) {
        match words(event)?.0 {
            Yaml::SequenceStart(..) | Yaml::MappingStart(..) => depth += 1,
            Yaml::SequenceEnd | Yaml::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(bounds.depth());
        }
        words(end.check(shown))?;
    }
    Ok(())
}

fn xml(file: impl Read, bounds: &Bounds) -> Said {
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(Pieces { file, bounds }));
    reader.config_mut().check_end_names = true;
    // The parser keeps the names of what is open.
    let (mut buffer, mut open, mut names, mut elements) = (Vec::new(), 0, 0, 0u64);
    loop {
        bounds.renew();
        match words(reader.read_event_into(&mut buffer))? {
            Event::Start(tag) => {
                (open, elements, names) = (open + 1, elements + 1, names + tag.name().as_ref().len());
            }
            Event::Empty(_) => elements += 1,
            Event::End(tag) => {
                (open, names) = (open - 1, names.saturating_sub(tag.name().as_ref().len()));
            }
            Event::Eof if open > 0 => return Err("an element has no end".to_owned()),
            Event::Eof if elements == 0 => return Err("it has no element".to_owned()),
            Event::Eof => return Ok(()),
            _ => {}
        }
        if open > DEPTH_MAX {
            return Err(bounds.depth());
        }
        if names > PIECE_BYTES_MAX {
            return Err(bounds.piece());
        }
        buffer.clear();
    }
}

fn csv(file: impl Read, bounds: &Bounds) -> Said {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(Pieces { file, bounds });
    let mut record = csv::ByteRecord::new();
    loop {
        bounds.renew();
        if !words(reader.read_byte_record(&mut record))? {
            return Ok(());
        }
    }
}

fn parquet(mut file: impl Read + Seek) -> io::Result<Said> {
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
    use crate::pipeline::watch::Watch;
    use crate::probe::deadline::Deadline;
    use std::fs;
    use std::time::{Duration, Instant};

    fn parsed_within(limit: Duration, name: &str, content: &[u8]) -> Result<Parsed> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let watch = Watch::default();
        format(name).unwrap().parse(&path, name, End { deadline: Deadline::after(limit), watch: &watch })
    }

    fn parsed(name: &str, content: impl AsRef<[u8]>) -> Parsed {
        parsed_within(Duration::from_secs(60), name, content.as_ref()).unwrap()
    }

    #[test]
    fn what_is_right_parses_and_what_is_cut_does_not() {
        let samples: [(&str, &[u8], &[u8]); 10] = [
            ("a.json", b"{\"a\": [1, 2]}\n", b"{\"a\": [1, 2"),
            ("a.ndjson", b"{}\n{\"a\":1}\n", b"{}\n{\"a\":"),
            ("a.toml", b"a = 1\n[b]\n", b"a = 1\n[b"),
            ("b.toml", b"a = 1\nb = 1\n", b"a = 1\na = 1\n"),
            ("a.yaml", b"a: [1, 2]\n---\nb: 2\n", b"a: [1, 2\n"),
            ("a.yml", b"a: 1\n", b"a: \"1\n"),
            ("a.xml", b"<a><b/></a>", b"<a><b/>"),
            ("b.xml", b"<a/>", b""),
            ("a.csv", b"a,b\n1,2\n", b"a,b\n1\n"),
            ("a.PARQUET", b"PAR1\0\0\0\0PAR1", b"PAR1\0\0\0\x01PAR1"),
        ];
        for (name, right, wrong) in samples {
            assert_eq!(parsed(name, right), Parsed::Well, "{name}");
            assert!(matches!(parsed(name, wrong), Parsed::Wrong(_)), "{name}");
        }
        assert!(format("a.txt").is_none() && format("json").is_none());
    }

    #[track_caller]
    fn past(name: &str, content: impl AsRef<[u8]>, bound: &str) {
        let parsed = parsed(name, content);
        assert!(matches!(&parsed, Parsed::Past(why) if why.contains(bound)), "{name}: {parsed:?}");
    }

    #[test]
    fn a_piece_without_end_is_not_held_and_not_checked() {
        let long = "a".repeat(PIECE_BYTES_MAX + (1 << 20));
        for (name, begins) in [("a.csv", "\""), ("a.xml", "<a>"), ("b.xml", "<a b=\"")] {
            past(name, format!("{begins}{long}"), "larger than 4.0 MiB");
        }
        past("c.csv", ",".repeat(PIECE_BYTES_MAX + (1 << 20)), "larger than 4.0 MiB");
        let name = "a".repeat(PIECE_BYTES_MAX / 4);
        past("c.xml", format!("<{name}>").repeat(5), "larger than 4.0 MiB");
        past("a.toml", format!("a = \"{long}\""), "larger than 1.0 MiB");
        past("a.yaml", format!("a: {long}{long}"), "larger than 8.0 MiB");
        // Many pieces may be as long as they like in sum, and so may texts that no parser holds.
        let line = format!("{},b\n", &long[..1 << 20]);
        assert_eq!(parsed("a.csv", line.repeat(12)), Parsed::Well);
        assert_eq!(parsed("a.xml", format!("<a>{}</a>", format!("<{name}/>").repeat(12))), Parsed::Well);
        assert_eq!(parsed("a.json", format!("\"{}\"", long.repeat(3))), Parsed::Well);
    }

    #[test]
    fn what_is_in_utf_16_is_right_for_others_and_not_checked() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>ä</a>\n";
        let units = || "\u{feff}".encode_utf16().chain(text.encode_utf16());
        for (name, bytes) in [
            ("a.xml", units().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
            ("b.xml", units().flat_map(u16::to_be_bytes).collect()),
            ("a.csv", units().flat_map(u16::to_le_bytes).collect()),
        ] {
            past(name, bytes, "it is in UTF-16");
        }
        for name in ["a.xml", "a.csv"] {
            assert_eq!(parsed(name, "\u{feff}<a>x</a>\n"), Parsed::Well, "{name}");
        }
        for (name, text) in [("a.json", "\u{feff}{}"), ("a.toml", "\u{feff}a = 1")] {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(matches!(parsed(name, bytes), Parsed::Wrong(_)), "{name}");
        }
    }

    #[test]
    fn what_is_nested_without_end_is_not_checked() {
        let nested = |depth: usize, opens: &str, closes: &str| {
            [opens.repeat(depth), "1".to_owned(), closes.repeat(depth)].concat()
        };
        let forms = [
            ("a.json", "[", "]"),
            ("b.json", "{\"[\\\"\":", "}"),
            ("a.jsonl", "[", "]"),
            ("a.xml", "<a>", "</a>"),
        ];
        for (name, opens, closes) in forms {
            past(name, nested(DEPTH_MAX + 1, opens, closes), "nested deeper than 1,000 levels");
            assert_eq!(parsed(name, nested(DEPTH_MAX, opens, closes)), Parsed::Well, "{name}");
        }
        past("a.yaml", nested(DEPTH_MAX + 1, "- ", ""), "nested deeper than 1,000 levels");
        // A bracket in a text is none, and what was closed is not open.
        assert_eq!(parsed("a.json", format!("[\"{}\"]", "[".repeat(5000))), Parsed::Well);
        assert_eq!(parsed("a.jsonl", "[]\n".repeat(5000)), Parsed::Well);
    }

    #[test]
    fn parsing_ends_with_its_time() {
        let lines = "{\"a\": 1}\n".repeat(1 << 20);
        let rows = "a,b\n".repeat(1 << 20);
        let tags = format!("<a>{}</a>", "<b/>".repeat(1 << 20));
        let entries = "- a\n".repeat(1 << 20);
        let large = [("a.jsonl", &lines), ("a.csv", &rows), ("a.xml", &tags), ("a.yaml", &entries)];
        for (name, content) in large {
            let took = |limit| {
                let begun = Instant::now();
                (parsed_within(limit, name, content.as_bytes()), begun.elapsed())
            };
            let (late, at_once) = took(Duration::ZERO);
            assert_eq!(late.unwrap_err().to_string(), format!("{name}: it did not end within 0 s"));
            // However slow the machine is: nothing beside what all of it takes.
            let (whole, in_time) = took(Duration::from_secs(250));
            assert_eq!(whole.unwrap(), Parsed::Well);
            assert!(at_once * 2 < in_time, "{name}: {at_once:?} of {in_time:?}");
        }
    }
}
