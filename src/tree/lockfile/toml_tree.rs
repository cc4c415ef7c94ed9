//! TOML 1.0 lockfiles and manifests, as the same tree of values that JSON and YAML become.

use crate::finding::Code;
use crate::format::yaml::node::{Builder, Node};
use crate::format::yaml::utf8;
use crate::tree::reading::Fault;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads a whole file. Tables come in the order of their keys, arrays in that of the file; lines are told.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, Fault> {
    let text = utf8(bytes)?;
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.at(span.start));
        Fault::new(Code::SbomSourceInvalid, line, format!("not TOML: {}", error.message()))
    })?;
    let mut builder = Builder::default();
    put_table(&mut builder, &lines, 1, table.into_inner())?;
    builder.finish().ok_or_else(|| Fault::new(Code::SbomSourceInvalid, 1, "not TOML"))
}

/// The manifest's values end up in the tree one by one; the builder ends what is nested too deep.
fn put(builder: &mut Builder<'_>, lines: &Lines, value: Spanned<DeValue<'_>>) -> Result<(), Fault> {
    let line = lines.at(value.span().start);
    let plain = |text: String| (Cow::Owned(text), false);
    let (text, quoted) = match value.into_inner() {
        DeValue::String(text) => (Cow::Owned(text.into_owned()), true),
        DeValue::Integer(number) => plain(number.as_str().to_owned()),
        DeValue::Float(number) => plain(number.as_str().to_owned()),
        DeValue::Boolean(yes) => plain(yes.to_string()),
        DeValue::Datetime(time) => plain(time.to_string()),
        DeValue::Array(items) => {
            builder.list(line)?;
            for item in items {
                put(builder, lines, item)?;
            }
            return builder.end();
        }
        DeValue::Table(table) => return put_table(builder, lines, line, table),
    };
    builder.scalar(line, text, quoted)
}

fn put_table(builder: &mut Builder<'_>, lines: &Lines, line: usize, table: DeTable<'_>) -> Result<(), Fault> {
    builder.map(line)?;
    for (key, value) in table {
        let line = lines.at(key.span().start);
        builder.scalar(line, Cow::Owned(key.into_inner().into_owned()), true)?;
        put(builder, lines, value)?;
    }
    builder.end()
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
