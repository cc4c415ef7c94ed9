//! The part of YAML that pnpm and yarn write, read line by line: maps indented by spaces, lists of scalars, flow
//! collections of scalars on one line, and literal texts.
//!
//! A full parser looks at every character several times; this takes a fifth of its time, which counts in lockfiles of
//! megabytes. Whatever is not surely of this part makes it give up, and [`yaml`](crate::format::yaml) lets the full
//! parser read the file from its start.

use crate::format::fault::Fault;
use crate::format::yaml::node::{Builder, Node};
use std::borrow::Cow;

/// Longer keys are written in another way.
const KEY_BYTES_MAX: usize = 1000;

/// Reads a file of one document. `None` if it holds more than this part of YAML.
pub fn parse(text: &str) -> Option<Result<Node<'_>, Fault>> {
    let is_simple = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    if !text.bytes().all(is_simple) {
        return None;
    }
    let mut reader = Reader { builder: Builder::default(), open: Vec::new(), waits: None, block: None };
    for (at, line) in text.split('\n').enumerate() {
        match reader.line(at + 1, line)? {
            Ok(()) => {}
            Err(fault) => return Some(Err(fault)),
        }
    }
    reader.finish()
}

struct Reader<'a> {
    builder: Builder<'a>,
    /// The indentation of every map and list that is open, and whether it is a list.
    open: Vec<(usize, bool)>,
    /// The line of a key whose value is still to come.
    waits: Option<usize>,
    /// A text of several lines that is not at its end.
    block: Option<Block<'a>>,
}

/// A literal text (`|-`): where it was begun, how far its lines are indented, and those.
struct Block<'a> {
    number: usize,
    above: usize,
    indent: Option<usize>,
    lines: Vec<&'a str>,
}

/// `None` gives up; an error is a fault of the file, such as a key that stands twice.
type Read = Option<Result<(), Fault>>;

macro_rules! ok {
    ($result:expr) => {
        if let Err(fault) = $result {
            return Some(Err(fault));
        }
    };
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: usize, line: &'a str) -> Read {
        let content = line.trim_start_matches(' ');
        if self.block.is_some() {
            match self.block_line(line, line.len() - content.len())? {
                Ok(true) => return Some(Ok(())),
                Ok(false) => {}
                Err(fault) => return Some(Err(fault)),
            }
        }
        if content.is_empty() || content.starts_with('#') {
            return line.is_empty().then_some(Ok(())).or((!content.is_empty()).then_some(Ok(())));
        }
        let indent = line.len() - content.len();
        // Where a document may end, what follows is none of it.
        if indent == 0 && content.starts_with("...") {
            return None;
        }
        let is_item = content.starts_with("- ");
        let deepest = self.open.last().map(|(indent, _)| *indent);
        match (self.waits.take(), deepest) {
            (None, None) if indent == 0 => ok!(self.begin(number, indent, is_item)),
            (Some(_), Some(deepest)) if indent > deepest => ok!(self.begin(number, indent, is_item)),
            (Some(key), Some(_)) => ok!(self.builder.scalar(key, Cow::Borrowed(""), false)),
            (None, Some(deepest)) if indent <= deepest => {}
            _ => return None,
        }
        while self.open.last().is_some_and(|(deepest, _)| indent < *deepest) {
            self.open.pop();
            ok!(self.builder.end());
        }
        if self.open.last() != Some(&(indent, is_item)) {
            return None;
        }
        match content.strip_prefix("- ") {
            Some(item) => self.value(number, item),
            None => self.entry(number, content),
        }
    }

    /// Takes a line of the open block and says so; or ends the block.
    fn block_line(&mut self, line: &'a str, indent: usize) -> Option<Result<bool, Fault>> {
        let block = self.block.as_mut()?;
        if line.is_empty() {
            block.lines.push(line);
            return Some(Ok(true));
        }
        if indent > block.above {
            let text = line.get(*block.indent.get_or_insert(indent)..)?;
            let is_clear = indent >= block.indent? && !text.trim().is_empty();
            block.lines.push(text);
            return is_clear.then_some(Ok(true));
        }
        self.end_block().map(|ended| ended.map(|()| false))
    }

    fn end_block(&mut self) -> Read {
        let Some(mut block) = self.block.take() else { return Some(Ok(())) };
        while block.lines.last().is_some_and(|line| line.is_empty()) {
            block.lines.pop();
        }
        block.indent?;
        Some(self.builder.scalar(block.number, Cow::Owned(block.lines.join("\n")), true))
    }

    fn begin(&mut self, number: usize, indent: usize, is_list: bool) -> Result<(), Fault> {
        self.open.push((indent, is_list));
        if is_list { self.builder.list(number) } else { self.builder.map(number) }
    }

    fn entry(&mut self, number: usize, content: &'a str) -> Read {
        let (key, quoted, after) = key(content)?;
        ok!(self.builder.scalar(number, Cow::Borrowed(key), quoted));
        if after.is_empty() {
            self.waits = Some(number);
            return Some(Ok(()));
        }
        self.value(number, after.strip_prefix(' ')?)
    }

    fn value(&mut self, number: usize, text: &'a str) -> Read {
        if let Some(inner) = text.strip_prefix('{') {
            ok!(self.builder.map(number));
            return self.flow(number, inner.strip_suffix('}')?, true);
        }
        if let Some(inner) = text.strip_prefix('[') {
            ok!(self.builder.list(number));
            return self.flow(number, inner.strip_suffix(']')?, false);
        }
        if text == "|-" {
            let (above, is_list) = *self.open.last()?;
            self.block = Some(Block { number, above, indent: None, lines: Vec::new() });
            return (!is_list).then_some(Ok(()));
        }
        let (scalar, quoted) = whole(text)?;
        Some(self.builder.scalar(number, Cow::Borrowed(scalar), quoted))
    }

    /// What stands between the brackets of a flow collection.
    fn flow(&mut self, number: usize, inner: &'a str, is_map: bool) -> Read {
        let mut rest = inner;
        while !rest.is_empty() {
            if is_map {
                let (name, quoted, after) = key(rest)?;
                if name.contains([',', '[', ']', '{', '}']) {
                    return None;
                }
                ok!(self.builder.scalar(number, Cow::Borrowed(name), quoted));
                rest = after.strip_prefix(' ')?;
            }
            let (scalar, quoted, after) = match quoted(rest) {
                Some((scalar, after)) => (scalar, true, after),
                None => {
                    let (scalar, after) = rest.split_at_checked(rest.find(',').unwrap_or(rest.len()))?;
                    // Parsers do not agree on what ` -` means here.
                    if scalar.contains(['[', ']', '{', '}']) || scalar.contains(" -") {
                        return None;
                    }
                    (plain(scalar)?, false, after)
                }
            };
            ok!(self.builder.scalar(number, Cow::Borrowed(scalar), quoted));
            rest = match after.strip_prefix(", ") {
                Some(rest) if !rest.is_empty() => rest,
                None if after.is_empty() => "",
                _ => return None,
            };
        }
        Some(self.builder.end())
    }

    fn finish(mut self) -> Option<Result<Node<'a>, Fault>> {
        ok!(self.end_block()?);
        if let Some(key) = self.waits
            && let Err(fault) = self.builder.scalar(key, Cow::Borrowed(""), false)
        {
            return Some(Err(fault));
        }
        for _ in &self.open {
            if let Err(fault) = self.builder.end() {
                return Some(Err(fault));
            }
        }
        self.builder.finish().map(Ok)
    }
}

/// A key, whether it was in quotes, and what follows its colon.
fn key(text: &str) -> Option<(&str, bool, &str)> {
    let (key, is_quoted, after) = match quoted(text) {
        Some((key, after)) => (key, true, after),
        None => {
            let is_end = |at: &usize| matches!(text.as_bytes().get(at + 1), None | Some(b' '));
            let end = text.match_indices(':').map(|(at, _)| at).find(is_end)?;
            (plain(text.get(..end)?)?, false, text.get(end..)?)
        }
    };
    let after = after.strip_prefix(':').filter(|_| key.len() <= KEY_BYTES_MAX)?;
    (after.is_empty() || after.starts_with(' ')).then_some((key, is_quoted, after))
}

/// A scalar that takes up the whole of a text.
fn whole(text: &str) -> Option<(&str, bool)> {
    match quoted(text) {
        Some((scalar, "")) => Some((scalar, true)),
        Some(_) => None,
        None => Some((plain(text)?, false)),
    }
}

/// A text in quotes of either kind with nothing escaped in it, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '\'' | '"'))?;
    let (inner, after) = text.get(1..)?.split_once(mark)?;
    (!inner.contains('\\') && !after.starts_with(mark)).then_some((inner, after))
}

/// A text without quotes that means nothing but itself.
fn plain(text: &str) -> Option<&str> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "./^~(<=_$+".contains(c));
    let is_clear = !text.contains(": ") && !text.contains(" #") && !text.ends_with([':', ' ']);
    (begins && is_clear).then_some(text)
}
