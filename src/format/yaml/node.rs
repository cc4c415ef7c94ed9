//! What JSON and YAML lockfiles are read into: a tree of values that borrows from the file and knows its lines.
//!
//! Whoever builds it goes through [`Builder`], so that both formats have the same limits, and neither takes a key twice.

use crate::finding::Code;
use crate::format::fault::Fault;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The deepest nesting that is read. Lockfiles need a dozen; npm's oldest nests a package in a package.
pub const DEPTH_MAX: usize = 128;

/// The most values of a file. A package is some 15 of them.
pub const NODES_MAX: usize = 2_000_000;

/// Maps up to this size are searched from the start; others have an index.
const SMALL_MAX: usize = 8;

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    line: u32,
    value: Value<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value<'a> {
    /// Whatever was written without quotes: a number, `true`, `null`; in YAML also text.
    Plain(Cow<'a, str>),
    /// A text in quotes.
    Quoted(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Box<Map<'a>>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Map<'a> {
    entries: Vec<Entry<'a>>,
    /// The places of the entries by key, for more than [`SMALL_MAX`].
    sorted: Vec<u32>,
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key's text.
    pub key: Cow<'a, str>,
    /// What it leads to.
    pub node: Node<'a>,
    line: u32,
}

impl Entry<'_> {
    /// The line of the key, from 1.
    pub fn line(&self) -> usize {
        self.line as usize
    }
}

impl<'a> Node<'a> {
    /// The line on which it begins, from 1.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// The text of a scalar, quoted or not; `None` for null, lists and maps.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(text) if matches!(&**text, "" | "~" | "null") => None,
            Value::Plain(text) | Value::Quoted(text) => Some(text),
            _ => None,
        }
    }

    /// The text of what was written in quotes: what a string is in JSON.
    pub fn string(&self) -> Option<&str> {
        match &self.value {
            Value::Quoted(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a plain `true`.
    pub fn is_true(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if text == "true")
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if matches!(&**text, "" | "~" | "null"))
    }

    /// Whether it is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// The items of a list, in order; none of anything else.
    pub fn items(&self) -> &[Node<'a>] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map, in order; none of anything else.
    pub fn entries(&self) -> &[Entry<'a>] {
        match &self.value {
            Value::Map(map) => &map.entries,
            _ => &[],
        }
    }

    /// What a map has under a key; `None` if this is no map.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        let Value::Map(map) = &self.value else { return None };
        if map.entries.len() <= SMALL_MAX {
            return map.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node);
        }
        let entry = |at: &u32| map.entries.get(*at as usize);
        let order = |at: &u32| entry(at).map_or(Ordering::Less, |entry| (*entry.key).cmp(key));
        let found = map.sorted.binary_search_by(order).ok()?;
        map.sorted.get(found).and_then(entry).map(|entry| &entry.node)
    }

    /// The same as [`Node::get`], then [`Node::text`].
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }
}

/// An open list or map. A map's next key waits until its value is there.
enum Open<'a> {
    List(u32, Vec<Node<'a>>),
    Map(u32, Vec<Entry<'a>>, Option<(Cow<'a, str>, u32)>),
}

/// Builds a tree out of what a parser meets, in order.
#[derive(Default)]
pub struct Builder<'a> {
    open: Vec<Open<'a>>,
    nodes: usize,
    done: Option<Node<'a>>,
}

impl<'a> Builder<'a> {
    /// A scalar: a value, or a key where a map waits for one.
    pub fn scalar(&mut self, line: usize, text: Cow<'a, str>, quoted: bool) -> Result<(), Fault> {
        self.count(line)?;
        let line = short(line);
        if let Some(Open::Map(_, _, key @ None)) = self.open.last_mut() {
            *key = Some((text, line));
            return Ok(());
        }
        let value = if quoted { Value::Quoted(text) } else { Value::Plain(text) };
        self.put(Node { line, value });
        Ok(())
    }

    /// The begin of a list.
    pub fn list(&mut self, line: usize) -> Result<(), Fault> {
        self.begin(line, Open::List(short(line), Vec::new()))
    }

    /// The begin of a map.
    pub fn map(&mut self, line: usize) -> Result<(), Fault> {
        self.begin(line, Open::Map(short(line), Vec::new(), None))
    }

    /// The end of the list or map that was begun last.
    pub fn end(&mut self) -> Result<(), Fault> {
        let node = match self.open.pop() {
            Some(Open::List(line, items)) => Node { line, value: Value::List(items) },
            Some(Open::Map(line, entries, _)) => {
                Node { line, value: Value::Map(Box::new(indexed(entries)?)) }
            }
            None => return Ok(()),
        };
        self.put(node);
        Ok(())
    }

    /// A builder of more items for the list that is open here, as deep inside. Whoever has it may be on another thread.
    pub fn beside(&self) -> Builder<'a> {
        let open = self.open.iter().map(|_| Open::List(0, Vec::new())).collect();
        Builder { open, nodes: 0, done: None }
    }

    /// Takes the items of a builder that was made by [`Builder::beside`], behind those that are here.
    pub fn join(&mut self, line: usize, mut other: Builder<'a>) -> Result<(), Fault> {
        if let (Some(Open::List(_, items)), Some(Open::List(_, more))) =
            (self.open.last_mut(), other.open.pop())
        {
            items.extend(more);
        }
        self.nodes += other.nodes;
        self.within(line)
    }

    /// The whole, once everything has ended; the builder is then ready for the next document.
    pub fn finish(&mut self) -> Option<Node<'a>> {
        self.done.take().filter(|_| self.open.is_empty())
    }

    /// Whether a map is open that waits for a key.
    pub fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map(_, _, None)))
    }

    fn begin(&mut self, line: usize, open: Open<'a>) -> Result<(), Fault> {
        self.count(line)?;
        if self.wants_key() {
            return Err(Fault::new(Code::SbomSourceInvalid, line, "a key that is not a text"));
        }
        if self.open.len() >= DEPTH_MAX {
            let what = format!("nested deeper than {DEPTH_MAX}");
            return Err(Fault::new(Code::SbomSourceTooLarge, line, what));
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, node: Node<'a>) {
        match self.open.last_mut() {
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => {
                if let Some((key, line)) = key.take() {
                    entries.push(Entry { key, node, line });
                }
            }
            None => self.done = Some(node),
        }
    }

    fn count(&mut self, line: usize) -> Result<(), Fault> {
        self.nodes += 1;
        self.within(line)
    }

    fn within(&self, line: usize) -> Result<(), Fault> {
        if self.nodes > NODES_MAX {
            let what = format!("more than {NODES_MAX} values");
            return Err(Fault::new(Code::SbomSourceTooLarge, line, what));
        }
        Ok(())
    }
}

/// Files are at most 64 MiB, so lines are fewer than that; anything else is the last that fits.
fn short(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// A map of entries whose keys differ.
fn indexed(entries: Vec<Entry<'_>>) -> Result<Map<'_>, Fault> {
    let twice = |entry: &Entry<'_>| {
        let what = format!("the key `{}` stands twice", entry.key.escape_debug());
        Fault::new(Code::SbomSourceInvalid, entry.line(), what)
    };
    if entries.len() <= SMALL_MAX {
        for (at, entry) in entries.iter().enumerate() {
            if entries.iter().take(at).any(|other| other.key == entry.key) {
                return Err(twice(entry));
            }
        }
        return Ok(Map { entries, sorted: Vec::new() });
    }
    let mut order: Vec<(&str, u32)> = entries.iter().map(|entry| &*entry.key).zip(0..).collect();
    order.sort_unstable();
    for pair in order.windows(2) {
        if let [(one, _), (two, at)] = pair
            && one == two
            && let Some(entry) = entries.get(*at as usize)
        {
            return Err(twice(entry));
        }
    }
    let sorted = order.into_iter().map(|(_, at)| at).collect();
    Ok(Map { entries, sorted })
}
