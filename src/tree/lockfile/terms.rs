//! Elixir's terms as `mix.lock` has them: maps, tuples, lists, strings and atoms, which nothing evaluates.

use crate::finding::Code;
use crate::tree::reading::Fault;

/// The deepest nesting that is read. Lockfiles need five.
const DEPTH_MAX: usize = 32;

/// A term, and the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The line, from 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a term is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text in double quotes.
    Text(String),
    /// An atom, with or without its colon: `:hex`, `true`, `nil`; and numbers.
    Atom(String),
    /// A tuple or a list.
    Items(Vec<Term>),
    /// A map, or a key with its value in a list.
    Pairs(Vec<(Term, Term)>),
}

impl Term {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The atom without its colon, if it is one.
    pub fn atom(&self) -> Option<&str> {
        if let Value::Atom(atom) = &self.value { Some(atom) } else { None }
    }

    /// The items of a tuple or a list; none of anything else.
    pub fn items(&self) -> &[Term] {
        if let Value::Items(items) = &self.value { items } else { &[] }
    }

    /// The pairs of a map; none of anything else.
    pub fn pairs(&self) -> &[(Term, Term)] {
        if let Value::Pairs(pairs) = &self.value { pairs } else { &[] }
    }

    /// The value of a key in a keyword list: `[hex: :name, optional: false]`.
    pub fn keyword(&self, key: &str) -> Option<&Term> {
        let pairs = self.items().iter().flat_map(Term::pairs);
        pairs.filter(|(known, _)| known.atom() == Some(key)).map(|(_, value)| value).next()
    }
}

/// Reads a file of one term.
pub fn parse(text: &str) -> Result<Term, Fault> {
    let mut reader = Reader { text, at: 0, line: 1 };
    let term = reader.term(0)?;
    reader.skip();
    if reader.peek().is_some() {
        return Err(reader.invalid("something after the end"));
    }
    Ok(term)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn invalid(&self, what: &str) -> Fault {
        Fault::new(Code::SbomSourceInvalid, self.line, what)
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        self.line += usize::from(next == '\n');
        Some(next)
    }

    /// Passes over spaces and comments.
    fn skip(&mut self) {
        while let Some(next) = self.peek() {
            match next {
                '#' => {
                    let end = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.at += end;
                }
                _ if next.is_whitespace() => {
                    self.next();
                }
                _ => return,
            }
        }
    }

    fn takes(&mut self, text: &str) -> bool {
        let begins = self.rest().starts_with(text);
        if begins {
            self.at += text.len();
        }
        begins
    }

    fn term(&mut self, depth: usize) -> Result<Term, Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::new(
                Code::SbomSourceTooLarge,
                self.line,
                format!("nested deeper than {DEPTH_MAX}"),
            ));
        }
        self.skip();
        let line = self.line;
        let value = if self.takes("%{") {
            Value::Pairs(self.pairs('}', depth)?)
        } else if self.takes("{") {
            Value::Items(self.items('}', depth)?)
        } else if self.takes("[") {
            Value::Items(self.items(']', depth)?)
        } else if self.takes(":\"") || self.takes("\"") {
            let is_atom = self.text.get(..self.at).is_some_and(|before| before.ends_with(":\""));
            let text = self.string()?;
            if is_atom { Value::Atom(text) } else { Value::Text(text) }
        } else {
            self.takes(":");
            Value::Atom(self.word()?)
        };
        Ok(Term { line, value })
    }

    fn word(&mut self) -> Result<String, Fault> {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '!' | '?' | '.' | '-' | '+');
        let end = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
        let word = self.rest().get(..end).filter(|word| !word.is_empty());
        let word = word.ok_or_else(|| self.invalid("no term that a lockfile has"))?;
        self.at += end;
        Ok(word.to_owned())
    }

    /// The rest of a text after its first quote. What would be evaluated (`#{…}`) is refused.
    fn string(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.invalid("a text that does not end")),
                Some('"') => return Ok(text),
                Some('#') if self.peek() == Some('{') => return Err(self.invalid("a text that is code")),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('"' | '\\' | '#')) => text.push(c),
                    _ => return Err(self.invalid("an escape that is not known")),
                },
                Some(c) => text.push(c),
            }
        }
    }

    /// A key before its colon, if the next is one: `name:` or `"name":`.
    fn key(&mut self) -> Result<Option<Term>, Fault> {
        self.skip();
        let (start, line) = (self.at, self.line);
        let text = match self.peek() {
            Some('"') => {
                self.next();
                self.string()?
            }
            Some(c) if c.is_alphabetic() || c == '_' => self.word()?,
            _ => return Ok(None),
        };
        if self.rest().starts_with(':') && !self.rest().starts_with("::") {
            self.at += 1;
            return Ok(Some(Term { line, value: Value::Atom(text) }));
        }
        (self.at, self.line) = (start, line);
        Ok(None)
    }

    fn pairs(&mut self, end: char, depth: usize) -> Result<Vec<(Term, Term)>, Fault> {
        let mut pairs = Vec::new();
        while !self.ends(end)? {
            let key = match self.key()? {
                Some(key) => key,
                None => {
                    let key = self.term(depth + 1)?;
                    self.skip();
                    if !self.takes("=>") {
                        return Err(self.invalid("a key without `=>`"));
                    }
                    key
                }
            };
            pairs.push((key, self.term(depth + 1)?));
            self.separator(end)?;
        }
        Ok(pairs)
    }

    fn items(&mut self, end: char, depth: usize) -> Result<Vec<Term>, Fault> {
        let mut items = Vec::new();
        while !self.ends(end)? {
            let item = match self.key()? {
                Some(key) => {
                    let line = key.line;
                    Term { line, value: Value::Pairs(vec![(key, self.term(depth + 1)?)]) }
                }
                None => self.term(depth + 1)?,
            };
            items.push(item);
            self.separator(end)?;
        }
        Ok(items)
    }

    fn ends(&mut self, end: char) -> Result<bool, Fault> {
        self.skip();
        match self.peek() {
            None => Err(self.invalid("it ends too early")),
            Some(next) if next == end => {
                self.next();
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// A comma; before the end it may be missing.
    fn separator(&mut self, end: char) -> Result<(), Fault> {
        self.skip();
        if self.takes(",") || self.peek() == Some(end) {
            return Ok(());
        }
        Err(self.invalid(if self.peek().is_none() { "it ends too early" } else { "a comma is missing" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_with_their_lines() {
        let term = parse(
            "%{\n  \"a\": {:hex, :a, \"1\", [x: :y, z: false]}, # why\n  \"b\" => [nil, :\"q r\"],\n}\n",
        )
        .unwrap();
        let [(a, tuple), (b, list)] = term.pairs() else { panic!("{term:?}") };
        assert_eq!((a.atom(), a.line, b.text(), b.line), (Some("a"), 2, Some("b"), 3));
        let items: Vec<_> = tuple.items().iter().map(|item| item.atom().or(item.text())).collect();
        assert_eq!(items, [Some("hex"), Some("a"), Some("1"), None]);
        assert_eq!(tuple.items()[3].keyword("x").and_then(Term::atom), Some("y"));
        assert_eq!(tuple.items()[3].keyword("z").and_then(Term::atom), Some("false"));
        assert_eq!(list.items()[1].atom(), Some("q r"));
    }

    #[test]
    fn what_is_none_is_told_with_its_line() {
        for (text, line, what) in [
            ("%{\n\"a\": {:hex", 2, "it ends too early"),
            ("%{\n\"a\n", 3, "a text that does not end"),
            ("%{\"a\" {}}", 1, "a key without"),
            ("{:a :b}", 1, "a comma is missing"),
            ("{}\n\n{}", 3, "something after the end"),
            ("{\"a#{System.halt()}\"}", 1, "a text that is code"),
            ("{\"\\u0041\"}", 1, "an escape"),
            ("{<<<<}", 1, "no term"),
            ("", 1, "no term"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.what.starts_with(what) && fault.line == Some(line), "{text}: {fault:?}");
        }
        for open in ["{", "[", "%{a: ", "[a: "] {
            let fault = parse(&open.repeat(100_000)).unwrap_err();
            assert_eq!(fault.code, Code::SbomSourceTooLarge, "{open}");
        }
    }
}
