//! YAML 1.2, of which JSON is a part: maps, lists and texts. Anchors and aliases, with which a small file can stand for
//! a huge one, are refused.

mod lines;
pub mod node;

use crate::finding::Code;
use crate::format::fault::Fault;
use crate::format::yaml::node::{Builder, Node};
use saphyr_parser::{Event, Parser, ScalarStyle};

/// The most documents of a file. pnpm writes two: what it runs on itself, then the project.
const DOCUMENTS_MAX: usize = 8;

/// Reads a file of one document; an empty one is null. Lines are told.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, Fault> {
    let mut documents = parse_all(bytes)?;
    let Some(first) = documents.drain(..1).next() else {
        return Err(invalid(1, "there is no document"));
    };
    match documents.first() {
        Some(second) => Err(invalid(second.line(), "a second document")),
        None => Ok(first),
    }
}

/// Reads a file of one or more documents.
pub fn parse_all(bytes: &[u8]) -> Result<Vec<Node<'_>>, Fault> {
    let text = utf8(bytes)?;
    match lines::parse(text) {
        Some(document) => document.map(|document| vec![document]),
        None => parse_events(text),
    }
}

/// Reads everything that YAML is.
fn parse_events(text: &str) -> Result<Vec<Node<'_>>, Fault> {
    let mut builder = Builder::default();
    let mut documents = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            // What is missing at the end is told to be missing on the line after it.
            let last = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
            invalid(error.marker().line().min(last), &format!("not YAML: {}", error.info()))
        })?;
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, _) => {
                refuse_anchor(anchor, line)?;
                builder.scalar(line, text, style != ScalarStyle::Plain)?;
            }
            Event::SequenceStart(anchor, _) => {
                refuse_anchor(anchor, line)?;
                builder.list(line)?;
            }
            Event::MappingStart(anchor, _) => {
                refuse_anchor(anchor, line)?;
                builder.map(line)?;
            }
            Event::SequenceEnd | Event::MappingEnd => builder.end()?,
            Event::Alias(_) => return Err(invalid(line, "an alias, which is not read")),
            Event::DocumentEnd => {
                documents.extend(builder.finish());
                if documents.len() > DOCUMENTS_MAX {
                    return Err(invalid(line, "too many documents"));
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }
    if documents.is_empty() {
        return Err(invalid(1, "there is no document"));
    }
    Ok(documents)
}

/// A file's text without the mark that some editors put first.
pub fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        invalid(1 + before.iter().filter(|byte| **byte == b'\n').count(), "not UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn refuse_anchor(anchor: usize, line: usize) -> Result<(), Fault> {
    if anchor == 0 { Ok(()) } else { Err(invalid(line, "an anchor, which is not read")) }
}

fn invalid(line: usize, what: &str) -> Fault {
    Fault::new(Code::SbomSourceInvalid, line, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn maps_lists_and_texts_are_read_with_their_lines() {
        let text = "# by a tool\n\na: 1\n'b c':\n  - x\n  - {y: \"z\\n\", w: [~]}\nd: ''\ne:\nf: >-\n  two\n  lines\n";
        let node = parse(text.as_bytes()).unwrap();
        assert_eq!(node.get_text("a"), Some("1"));
        let list = node.get("b c").unwrap();
        assert_eq!((list.line(), list.items().len()), (5, 2));
        assert_eq!(list.items()[1].get_text("y"), Some("z\n"));
        assert!(list.items()[1].get("w").unwrap().items()[0].is_null());
        assert_eq!(node.get_text("d"), Some(""));
        assert!(node.get("e").unwrap().is_null());
        assert_eq!(node.get_text("f"), Some("two lines"));
        assert_eq!(node.entries().iter().map(|entry| entry.line()).collect::<Vec<_>>(), [3, 4, 7, 8, 9]);
    }

    /// Whether two readers saw the same. Where nothing stands, and where a text of several lines begins, they may differ.
    fn same(one: &Node<'_>, two: &Node<'_>) -> bool {
        let (entries, items) = (one.entries(), one.items());
        let same_entries = entries.len() == two.entries().len()
            && entries.iter().zip(two.entries()).all(|(one, two)| {
                one.key == two.key && one.line() == two.line() && same(&one.node, &two.node)
            });
        let same_items = items.len() == two.items().len()
            && items.iter().zip(two.items()).all(|(one, two)| same(one, two));
        let same_line = one.line() == two.line() || !one.is_map() && !one.is_list();
        let same_kind =
            (one.is_map(), one.is_list(), one.is_null()) == (two.is_map(), two.is_list(), two.is_null());
        same_entries
            && same_items
            && same_line
            && same_kind
            && (one.text(), one.string()) == (two.text(), two.string())
    }

    /// What both read is the same; whatever the reader of lines takes for whole, YAML takes for whole.
    fn assert_same(text: &str) -> bool {
        let Some(lines) = lines::parse(text) else { return false };
        match (lines, parse_events(text)) {
            (Ok(one), Ok(two)) => assert!(two.len() == 1 && same(&one, &two[0]), "{text}\n{one:?}\n{two:?}"),
            (Err(_), Err(_)) => {}
            (one, two) => panic!("{text}\n{one:?}\n{two:?}"),
        }
        true
    }

    #[test]
    fn literal_texts_are_read_as_the_full_reader_does() {
        for text in [
            "a: |-\n  one\n  two # no comment\n\n   three\n\nb: 1\n",
            "a:\n  b: |-\n    one\n  c: 2\n",
            "a: |-\n  one",
            "a: |-\n\n  one\n",
            "a: |-\nb: 1\n",
            "a: |-\n   one\n  two\n",
            "a: |-\n  one\n   \n# comment\nb: 1\n",
            "- |-\n  one\n",
            "a: |-\n",
        ] {
            assert_same(text);
        }
        assert!(assert_same("a: |-\n  one\n\n  two\nb: 1\n"));
    }

    #[test]
    fn the_end_of_a_document_is_no_text() {
        for text in
            ["... a: a\n", "...: a\n", "...\n", "a: 1\n...\n", "a: 1\n... b: 2\n", "a: 1\n...\nb: 2\n"]
        {
            assert!(!assert_same(text), "{text} is left to the full reader");
        }
        assert!(assert_same("a: ... b\n.. c: ...\nd:\n  ... e: f\n"));
    }

    #[test]
    fn the_reader_of_lines_reads_what_the_full_one_does() {
        use crate::tree::lockfile::testing::file;
        for name in ["pnpm-6/pnpm-lock.yaml", "pnpm-9/pnpm-lock.yaml", "yarn-2/yarn.lock", "yarn-4/yarn.lock"]
        {
            let text = String::from_utf8(file(&format!("fixtures/lockfiles/{name}"))).unwrap();
            assert!(assert_same(&text), "{name}");
            let part = &text[..text.len().min(3000)];
            for (at, change) in (0..part.len()).step_by(3).zip(" '\"{}[]:,\n-&*#!|>%@?~.aA".chars().cycle()) {
                let mut changed = part.to_owned();
                changed.replace_range(at..=at, &change.to_string());
                assert_same(&changed);
                changed = part.to_owned();
                changed.insert(at, change);
                assert_same(&changed);
                assert_same(&part[..at]);
            }
        }
        for name in ["../shared/lockfiles/pnpm/pnpm-lock.yaml", "../shared/lockfiles/yarn-berry/yarn.lock"] {
            assert!(assert_same(&String::from_utf8(file(name)).unwrap()), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_reader_of_lines_takes_nothing_that_is_something_else(
            lines in proptest::collection::vec((0usize..3, "[a-c'\"{}\\[\\]:,#&*!|>%@?~ -]{0,8}"), 0..5)
        ) {
            let lines = lines.iter().map(|(indent, line)| format!("{}{line}\n", "  ".repeat(*indent)));
            assert_same(&lines.collect::<String>());
        }

        #[test]
        fn nor_in_brackets(inner in "[a-c'\":,~.^# -]{0,12}") {
            assert_same(&format!("a: {{{inner}}}\n"));
            assert_same(&format!("a: [{inner}]\n"));
            assert_same(&format!("a: {inner}\n"));
            assert_same(&format!("{inner}: a\n"));
        }
    }

    #[test]
    fn many_keys_are_found() {
        let text: String = (0..100).map(|at| format!("key{at}: {at}\n")).collect();
        let node = parse(text.as_bytes()).unwrap();
        assert!((0..100).all(|at| node.get_text(&format!("key{at}")) == Some(&at.to_string())));
        assert_eq!(node.get("key100"), None);
    }

    #[test]
    fn several_documents_are_read_where_they_are_expected() {
        let text = b"---\na: 1\n---\nb: 2\n";
        assert_eq!(parse_all(text).unwrap().len(), 2);
        assert_eq!(parse(text).unwrap_err().line, Some(4));
        assert_eq!(parse(b"").unwrap_err().what, "there is no document");
    }

    #[test]
    fn what_is_hostile_is_refused_with_its_line() {
        let many: String = (0..20).map(|at| format!("k{at}: 1\n")).collect();
        for (text, line, what) in [
            ("a: &x 1\n".to_owned(), 1, "an anchor"),
            ("a: 1\nb: *x\n".to_owned(), 2, "not YAML"),
            ("a: 1\nb: &y [1]\nc: *y\n".to_owned(), 2, "an anchor"),
            ("a: 1\nb: 2\na: 3\n".to_owned(), 3, "the key `a` stands twice"),
            (format!("{many}k7: 2\n"), 21, "the key `k7` stands twice"),
            ("? [a]\n: 1\n".to_owned(), 1, "a key that is not a text"),
            ("a: 1\n b: 2\n".to_owned(), 2, "not YAML"),
            ("[".repeat(100_000), 1, "not YAML: recursion limit"),
            ("a: [\n".repeat(1000), 1, ""),
            ("- ".repeat(100_000), 1, "nested deeper than"),
            ("--- 1\n".repeat(20), 1, ""),
        ] {
            let fault = parse(text.as_bytes()).unwrap_err();
            let start: String = text.chars().take(40).collect();
            assert!(fault.what.starts_with(what), "{start}: {fault:?}");
            assert!(what.is_empty() || fault.line == Some(line), "{start}: {fault:?}");
        }
        assert_eq!(parse(b"a: 1\nb: \xff\n").unwrap_err().line, Some(2));
    }
}
