//! JSON (RFC 8259) with lines, and the looser JSON that bun writes: comments, and a comma after the last item.
//!
//! Nothing here calls itself, so depth costs no stack; the limits are the tree's.

use crate::finding::Code;
use crate::format::yaml::node::{Builder, Node};
use crate::format::yaml::utf8;
use crate::tree::reading::Fault;
use std::borrow::Cow;

/// What is taken for JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 8259 and nothing else.
    Strict,
    /// With comments, and with a comma after the last item.
    Relaxed,
}

/// Reads a file of one value.
pub fn parse(bytes: &[u8], dialect: Dialect) -> Result<Node<'_>, Fault> {
    let mut reader =
        Reader { text: utf8(bytes)?, at: 0, line: 1, dialect, builder: Builder::default(), open: Vec::new() };
    let mut next = Next::Value;
    loop {
        reader.skip()?;
        let Some(byte) = reader.peek() else { break };
        next = reader.step(next, byte)?;
    }
    let node = reader.builder.finish();
    node.ok_or_else(|| Fault::new(Code::SbomSourceInvalid, reader.line, "not JSON: it ends too early"))
}

/// What may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    FirstItem,
    Item,
    FirstKey,
    Key,
    Colon,
    Comma,
    Nothing,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    dialect: Dialect,
    builder: Builder<'a>,
    /// The closing bracket of everything that is open.
    open: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn step(&mut self, next: Next, byte: u8) -> Result<Next, Fault> {
        let relaxed = self.dialect == Dialect::Relaxed;
        match (next, byte) {
            (Next::FirstKey | Next::Key, b'"') => {
                let key = self.string()?;
                self.builder.scalar(self.line, key, true)?;
                Ok(Next::Colon)
            }
            (Next::Colon, b':') => {
                self.at += 1;
                Ok(Next::Value)
            }
            (Next::Comma, b',') => {
                self.at += 1;
                Ok(if self.open.last() == Some(&b'}') { Next::Key } else { Next::Item })
            }
            (Next::Comma, _) if self.open.last() == Some(&byte) => self.end(),
            (Next::FirstKey, b'}') | (Next::FirstItem, b']') => self.end(),
            (Next::Key, b'}') | (Next::Item, b']') if relaxed => self.end(),
            (Next::Value | Next::FirstItem | Next::Item, _) => self.value(byte),
            _ => Err(self.unexpected()),
        }
    }

    fn value(&mut self, byte: u8) -> Result<Next, Fault> {
        match byte {
            b'{' => {
                self.builder.map(self.line)?;
                self.open.push(b'}');
                self.at += 1;
                Ok(Next::FirstKey)
            }
            b'[' => {
                self.builder.list(self.line)?;
                self.open.push(b']');
                self.at += 1;
                Ok(Next::FirstItem)
            }
            b'"' => {
                let text = self.string()?;
                self.builder.scalar(self.line, text, true)?;
                Ok(self.after())
            }
            _ => {
                let literal = self.literal()?;
                self.builder.scalar(self.line, Cow::Borrowed(literal), false)?;
                Ok(self.after())
            }
        }
    }

    fn end(&mut self) -> Result<Next, Fault> {
        self.builder.end()?;
        self.open.pop();
        self.at += 1;
        Ok(self.after())
    }

    fn after(&self) -> Next {
        if self.open.is_empty() { Next::Nothing } else { Next::Comma }
    }

    /// A number, `true`, `false` or `null`.
    fn literal(&mut self) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.bytes().take_while(is_part).count();
        let literal = rest.get(..length).unwrap_or_default();
        let known = matches!(literal, "true" | "false" | "null");
        if !known && serde_json::from_str::<f64>(literal).is_err() {
            return Err(self.unexpected());
        }
        self.at += length;
        Ok(literal)
    }

    /// A text in quotes, borrowed unless something in it is escaped.
    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let rest = self.rest();
        let mut escaped = false;
        let mut at = 1;
        loop {
            match rest.as_bytes().get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                Some(0x20..) => at += 1,
                _ => return Err(self.invalid("a text without its end")),
            }
        }
        let whole = rest.get(..=at).unwrap_or_default();
        self.at += whole.len();
        if escaped {
            let text = serde_json::from_str(whole).map_err(|_| self.invalid("an escape that is none"))?;
            return Ok(Cow::Owned(text));
        }
        Ok(Cow::Borrowed(whole.get(1..at).unwrap_or_default()))
    }

    /// Passes over what stands between values.
    fn skip(&mut self) -> Result<(), Fault> {
        loop {
            match self.peek() {
                Some(b'\n') => self.line += 1,
                Some(b' ' | b'\t' | b'\r') => {}
                Some(b'/') if self.dialect == Dialect::Relaxed => {
                    self.comment()?;
                    continue;
                }
                _ => return Ok(()),
            }
            self.at += 1;
        }
    }

    fn comment(&mut self) -> Result<(), Fault> {
        let rest = self.rest();
        if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return Ok(());
        }
        let end = rest.strip_prefix("/*").and_then(|inner| inner.find("*/"));
        let length = end.ok_or_else(|| self.unexpected())? + 4;
        self.line += rest.bytes().take(length).filter(|byte| *byte == b'\n').count();
        self.at += length;
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self) -> Fault {
        let shown: String = self.rest().chars().take(1).collect();
        self.invalid(&format!("`{}` where it may not be", shown.escape_debug()))
    }

    fn invalid(&self, what: &str) -> Fault {
        Fault::new(Code::SbomSourceInvalid, self.line, format!("not JSON: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Whether the two readers saw the same.
    fn same(node: &Node<'_>, value: &Value) -> bool {
        match value {
            Value::Null => node.is_null(),
            Value::Bool(value) => node.text() == Some(&value.to_string()) && node.string().is_none(),
            Value::Number(value) => node.text().and_then(|text| text.parse().ok()) == value.as_f64(),
            Value::String(value) => node.string() == Some(value),
            Value::Array(values) => {
                node.is_list()
                    && node.items().len() == values.len()
                    && node.items().iter().zip(values).all(|(node, value)| same(node, value))
            }
            Value::Object(values) => {
                node.is_map()
                    && node.entries().len() == values.len()
                    && values.iter().all(|(key, value)| node.get(key).is_some_and(|node| same(node, value)))
            }
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 12, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"\\\\é]{0,4}", inner, 0..12)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_as_it_was(value in value(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
            let text = text.unwrap();
            for dialect in [Dialect::Strict, Dialect::Relaxed] {
                prop_assert!(same(&parse(&text, dialect).unwrap(), &value));
            }
        }

        #[test]
        fn what_serde_json_refuses_is_refused(text in "[\\[\\]{}\",:0-9a truefalsn\\\\.-]{0,12}") {
            let theirs = serde_json::from_str::<Value>(&text);
            let ours = parse(text.as_bytes(), Dialect::Strict);
            // serde_json takes a key twice, and gives up on numbers past what f64 holds.
            let twice = ours.as_ref().is_err_and(|fault| fault.what.ends_with("stands twice"));
            prop_assert!(twice || ours.is_ok() == theirs.is_ok(), "{:?} {:?}", ours, theirs);
        }
    }

    #[test]
    fn comments_and_last_commas_are_buns() {
        let text = b"{ // one\n  \"a\": [1, /* two\n three */ 2,],\n}\n";
        let node = parse(text, Dialect::Relaxed).unwrap();
        assert_eq!(node.get("a").unwrap().items()[1].line(), 3);
        assert_eq!(parse(text, Dialect::Strict).unwrap_err().line, Some(1));
        assert_eq!(parse(b"{\"a\": [1,\n]}", Dialect::Strict).unwrap_err().line, Some(2));
        for bad in ["/", "/* ", "[,]", "{,}", "[1,,]", "// only\n", "\u{feff}"] {
            assert!(parse(bad.as_bytes(), Dialect::Relaxed).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_hostile_is_refused_with_its_line() {
        for (text, line, what) in [
            ("[".repeat(1_000_000), 1, "nested deeper"),
            ("{\"a\":".repeat(1_000_000), 1, "nested deeper"),
            ("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}".to_owned(), 3, "the key `a` stands twice"),
            ("{\"a\": 1,\n\"b".to_owned(), 2, "not JSON: a text without its end"),
            ("[1]\n[2]".to_owned(), 2, "not JSON: `[`"),
            ("[1}\n".to_owned(), 1, "not JSON: `}`"),
            ("[\"\\ud800\"]".to_owned(), 1, "not JSON: an escape"),
            (format!("[{}0]", "0,".repeat(2_000_001)), 1, "more than"),
        ] {
            let fault = parse(text.as_bytes(), Dialect::Strict).unwrap_err();
            let start: String = text.chars().take(40).collect();
            assert!(fault.what.starts_with(what) && fault.line == Some(line), "{start}: {fault:?}");
        }
    }
}
