//! TOML 1.0 lockfiles and manifests, as the same tree of values that JSON and YAML become.

use crate::finding::Code;
use crate::format::yaml::node::{Builder, Node};
use crate::format::yaml::utf8;
use crate::pipeline::crew;
use crate::tree::reading::Fault;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What heads each package in a lockfile.
const PACKAGE: &str = "[[package]]";

/// How many packages are parsed at once, where a file has many: the parser's own tree of a whole file is several times as
/// large as ours.
const PACKAGES_AT_ONCE: usize = 64;

/// How many threads parse at most.
const THREADS_MAX: usize = 4;

/// Reads a whole file. Arrays come in the order of the file; lines are told.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, Fault> {
    let text = utf8(bytes)?;
    let lines = Lines::of(text);
    // What cannot be read in parts is read whole, which tells what is wrong with it.
    in_parts(text, &lines).map_or_else(|| whole(text, &lines), Ok)
}

fn whole<'a>(text: &'a str, lines: &Lines) -> Result<Node<'a>, Fault> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.at(span.start));
        Fault::new(Code::SbomSourceInvalid, line, format!("not TOML: {}", error.message()))
    })?;
    let mut builder = Builder::default();
    Part { lines, start: 0 }.table(&mut builder, 1, table.into_inner())?;
    builder.finish().ok_or_else(|| Fault::new(Code::SbomSourceInvalid, 1, "not TOML"))
}

/// Reads a lockfile a few packages at a time, on all cores; `None` if it has few, or does not come apart: each part must
/// be TOML by itself, and hold packages alone but for what stands before the first and behind the last.
fn in_parts<'a>(text: &'a str, lines: &Lines) -> Option<Node<'a>> {
    let is_head = |line: &&usize| text[**line..].lines().next().is_some_and(|line| line == PACKAGE);
    let heads: Vec<usize> = lines.0.iter().filter(is_head).copied().collect();
    if heads.len() <= PACKAGES_AT_ONCE {
        return None;
    }
    let mut builder = Builder::default();
    builder.map(1).ok()?;
    let before = Part { lines, start: 0 };
    before.entries(&mut builder, before.parse(&text[..heads[0]])?).ok()?;
    builder.scalar(lines.at(heads[0]), Cow::Borrowed("package"), true).ok()?;
    builder.list(lines.at(heads[0])).ok()?;
    let starts: Vec<usize> = heads.iter().step_by(PACKAGES_AT_ONCE).copied().collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let places: Vec<(usize, usize)> = starts.iter().copied().zip(ends).collect();
    let read = crew::each(&places, crew::hands(THREADS_MAX), |&(start, end)| {
        Part { lines, start }.packages(&text[start..end], builder.beside())
    });
    let mut behind = DeTable::new();
    for (part, &(start, _)) in read.into_iter().zip(&places) {
        let (packages, rest) = part?;
        // What stands behind the packages of one part stands before those of the next.
        if !behind.is_empty() {
            return None;
        }
        builder.join(lines.at(start), packages).ok()?;
        behind = rest;
    }
    builder.end().ok()?;
    Part { lines, start: *starts.last()? }.entries(&mut builder, behind).ok()?;
    builder.end().ok()?;
    builder.finish()
}

/// A part of a file, and where it starts.
#[derive(Clone, Copy)]
struct Part<'l> {
    lines: &'l Lines,
    start: usize,
}

impl Part<'_> {
    fn parse<'a>(&self, text: &'a str) -> Option<DeTable<'a>> {
        DeTable::parse(text).ok().map(Spanned::into_inner)
    }

    /// The packages of a part, and what else is in it.
    fn packages<'a>(&self, text: &'a str, mut builder: Builder<'a>) -> Option<(Builder<'a>, DeTable<'a>)> {
        let mut table = self.parse(text)?;
        let DeValue::Array(packages) = table.remove("package")?.into_inner() else { return None };
        packages.into_iter().try_for_each(|package| self.value(&mut builder, package)).ok()?;
        Some((builder, table))
    }

    fn line(&self, byte: usize) -> usize {
        self.lines.at(self.start + byte)
    }

    /// The file's values end up in the tree one by one; the builder ends what is nested too deep.
    fn value<'a>(&self, builder: &mut Builder<'a>, value: Spanned<DeValue<'a>>) -> Result<(), Fault> {
        let line = self.line(value.span().start);
        let plain = |text: String| (Cow::Owned(text), false);
        let (text, quoted) = match value.into_inner() {
            DeValue::String(text) => (text, true),
            DeValue::Integer(number) => plain(number.as_str().to_owned()),
            DeValue::Float(number) => plain(number.as_str().to_owned()),
            DeValue::Boolean(yes) => plain(yes.to_string()),
            DeValue::Datetime(time) => plain(time.to_string()),
            DeValue::Array(items) => {
                builder.list(line)?;
                items.into_iter().try_for_each(|item| self.value(builder, item))?;
                return builder.end();
            }
            DeValue::Table(table) => return self.table(builder, line, table),
        };
        builder.scalar(line, text, quoted)
    }

    fn table<'a>(&self, builder: &mut Builder<'a>, line: usize, table: DeTable<'a>) -> Result<(), Fault> {
        builder.map(line)?;
        self.entries(builder, table)?;
        builder.end()
    }

    fn entries<'a>(&self, builder: &mut Builder<'a>, table: DeTable<'a>) -> Result<(), Fault> {
        table.into_iter().try_for_each(|(key, value)| {
            builder.scalar(self.line(key.span().start), key.into_inner(), true)?;
            self.value(builder, value)
        })
    }
}

/// Where each line of a text begins.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines(std::iter::once(0).chain(after).collect())
    }

    /// The line of a byte, from 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_lines() {
        let node =
            parse(b"a = 1\n[[p]]\nname = \"x\"\nyes = true\n\n[[p]]\nname = 'y'\nl = [\n 1,\n 2.5,\n]\n")
                .unwrap();
        assert_eq!(node.get_text("a"), Some("1"));
        assert_eq!(node.get("a").unwrap().string(), None);
        let [one, two] = node.get("p").unwrap().items() else { panic!("{node:?}") };
        assert_eq!((one.line(), one.get_text("name"), two.line()), (2, Some("x"), 6));
        assert!(one.get("yes").unwrap().is_true());
        assert_eq!(two.get("name").unwrap().string(), Some("y"));
        assert_eq!(two.get("l").unwrap().items()[1].line(), 10);
    }

    /// A lockfile of so many packages, with something before and behind them.
    fn many(packages: usize) -> String {
        let package = |at: usize| {
            format!("[[package]]\nname = \"p{at}\"\ntext = \"\"\"\na\n\"\"\"\n[package.more]\nx = [{at}]\n\n")
        };
        let packages: String = (0..packages).map(package).collect();
        format!("version = 1\n\n{packages}[metadata]\nhash = \"h\"\n")
    }

    #[test]
    fn a_file_in_parts_is_what_it_is_whole() {
        for packages in [65, 128, 129, 500] {
            let text = many(packages);
            let lines = Lines::of(&text);
            let (parts, whole) = (in_parts(&text, &lines).unwrap(), whole(&text, &lines).unwrap());
            for key in ["version", "package", "metadata"] {
                assert!(whole.get(key).is_some());
                assert_eq!(parts.get(key), whole.get(key), "{key} of {packages}");
            }
            assert_eq!(parts.entries().len(), whole.entries().len());
        }
        assert!(in_parts(&many(64), &Lines::of(&many(64))).is_none());
    }

    #[test]
    fn what_does_not_come_apart_is_read_whole_or_refused_with_its_line() {
        // A head that is the text of a string; a table twice, in two parts; a mistake far inside.
        let text = many(200).replace("text = \"\"\"\na\n", "text = \"\"\"\n[[package]]\n");
        assert_eq!(parse(text.as_bytes()).unwrap().get("package").unwrap().items().len(), 200);
        let twice =
            many(200).replacen("[[package]]\nname = \"p100\"", "[metadata]\n[[package]]\nname = \"p100\"", 1);
        assert!(parse(twice.as_bytes()).unwrap_err().what.starts_with("not TOML: duplicate key"));
        let wrong = many(200).replace("name = \"p150\"", "name = p150");
        let line = wrong.lines().position(|line| line == "name = p150").unwrap() + 1;
        assert_eq!(parse(wrong.as_bytes()).unwrap_err().line, Some(line));
    }

    #[test]
    fn what_is_no_toml_or_too_deep_is_told_with_its_line() {
        for (text, line, what) in [
            ("a = 1\na = 2\n".to_owned(), 2, "not TOML: duplicate key"),
            ("a = 1\n\nb = \n".to_owned(), 3, "not TOML"),
            ("a = \"\n".to_owned(), 1, "not TOML"),
            (format!("a = {}", "[".repeat(50_000)), 1, "not TOML"),
            (format!("[{}x]\n", "x.".repeat(50_000)), 1, "not TOML"),
            (format!("a = {}", format!("{{ {}x = ", "x.".repeat(70)).repeat(20)), 1, ""),
        ] {
            let fault = parse(text.as_bytes()).unwrap_err();
            let start: String = text.chars().take(40).collect();
            assert!(fault.what.starts_with(what), "{start}: {fault:?}");
            assert_eq!(fault.line, Some(line), "{start}: {fault:?}");
        }
        let deep = format!("a = {}1{}", format!("{{ {}x = ", "x.".repeat(60)).repeat(4), "}".repeat(4));
        assert!(parse(deep.as_bytes()).unwrap_err().what.starts_with("nested deeper than"));
        assert_eq!(parse(b"a = 1\nb = '\xff'\n").unwrap_err().line, Some(2));
    }
}
