//! TOML 1.0 files that people write, read key by key, so that every mistake is told with its line and, where one
//! is near, the name that was meant. Nothing is ignored: a key that nobody knows is an error.

use crate::error::{Error, Result};
use crate::format::nearest::nearest;
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file.
pub struct Document<'t> {
    origin: Origin<'t>,
    root: Spanned<DeTable<'t>>,
}

/// What an error has to say about the place.
struct Origin<'t> {
    file: PathBuf,
    text: &'t str,
}

impl Origin<'_> {
    fn line(&self, span: Range<usize>) -> usize {
        1 + self.text.as_bytes().iter().take(span.start).filter(|&&b| b == b'\n').count()
    }
}

/// A table of the file: the whole, a `[table]`, or one of its `[[tables]]`.
#[derive(Clone, Copy)]
pub struct Section<'d> {
    origin: &'d Origin<'d>,
    name: &'d str,
    table: &'d DeTable<'d>,
    /// The line it starts on, from 1.
    pub line: usize,
}

/// A value, and the line it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What was written.
    pub value: T,
    /// The line it stands on, from 1.
    pub line: usize,
}

impl<'t> Document<'t> {
    /// Parses a file; syntax errors and duplicate keys are [`Error::Config`]. Errors never quote the text, which may
    /// hold what should not be shown.
    pub fn parse(file: &Path, text: &'t str) -> Result<Document<'t>> {
        let origin = Origin { file: file.to_owned(), text };
        match DeTable::parse(text) {
            Ok(root) => Ok(Document { origin, root }),
            Err(error) => {
                let line = origin.line(error.span().unwrap_or(0..0));
                Err(Error::config(file, line, error.message(), ""))
            }
        }
    }

    /// The top of the file.
    pub fn root(&self) -> Section<'_> {
        Section { origin: &self.origin, name: "", table: self.root.get_ref(), line: 1 }
    }
}

impl<'d> Section<'d> {
    /// An error about a line of this file.
    pub fn error(&self, line: usize, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::config(&self.origin.file, line, message, hint)
    }

    /// Refuses every key that is none of these.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        let unknown = |(key, _): &(&Spanned<Cow<'_, str>>, _)| !known.contains(&key.get_ref().as_ref());
        // In the order of the file, so that the first mistake is told first.
        let first = self.table.iter().filter(unknown).min_by_key(|(key, _)| key.span().start);
        let Some((key, _)) = first else { return Ok(()) };
        let name = key.get_ref().escape_debug().to_string();
        let hint = match nearest(&name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
        Err(self.error(self.origin.line(key.span()), format!("unknown key `{name}`{place}"), hint))
    }

    /// A string.
    pub fn text(&self, key: &str) -> Result<Option<Located<&'d str>>> {
        self.read(key, "a string", |value| value.as_str())
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Result<Option<Located<bool>>> {
        self.read(key, "true or false", |value| value.as_bool())
    }

    /// A whole number.
    pub fn number(&self, key: &str) -> Result<Option<Located<i64>>> {
        self.read(key, "a whole number", |value| {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// A number, whole or not; never NaN or infinite.
    pub fn decimal(&self, key: &str) -> Result<Option<Located<f64>>> {
        self.read(key, "a number", |value| {
            let number = match value.as_float() {
                Some(float) => float.as_str().parse().ok()?,
                None => {
                    let number = value.as_integer()?;
                    i64::from_str_radix(number.as_str(), number.radix()).ok()? as f64
                }
            };
            f64::is_finite(number).then_some(number)
        })
    }

    /// A date, a time, or both, as it is written.
    pub fn time(&self, key: &str) -> Result<Option<Located<String>>> {
        self.read(key, "a date and time", |value| Some(value.as_datetime()?.to_string()))
    }

    /// A list of strings, each with its own line.
    pub fn texts(&self, key: &str) -> Result<Option<Located<Vec<Located<&'d str>>>>> {
        const EXPECTED: &str = "a list of strings";
        let Some(list) = self.read(key, EXPECTED, |value| value.as_array())? else { return Ok(None) };
        let text = |item: &'d Spanned<DeValue<'d>>| {
            let line = self.origin.line(item.span());
            let value = item
                .get_ref()
                .as_str()
                .ok_or_else(|| self.wrong_type(key, line, EXPECTED, item.get_ref()))?;
            Ok(Located { value, line })
        };
        let value = list.value.iter().map(text).collect::<Result<_>>()?;
        Ok(Some(Located { value, line: list.line }))
    }

    /// A `[table]`.
    pub fn section(&self, key: &'d str) -> Result<Option<Section<'d>>> {
        let table = self.read(key, "a table", |value| value.as_table())?;
        Ok(table.map(|t| Section { origin: self.origin, name: key, table: t.value, line: t.line }))
    }

    /// All `[[tables]]` of one name, in order; none if the key is absent.
    pub fn sections(&self, key: &'d str) -> Result<Vec<Section<'d>>> {
        let expected = "a list of tables";
        let Some(list) = self.read(key, expected, |value| value.as_array())? else { return Ok(Vec::new()) };
        let section = |item: &'d Spanned<DeValue<'d>>| {
            let line = self.origin.line(item.span());
            let table = item.get_ref().as_table();
            let table = table.ok_or_else(|| self.wrong_type(key, line, expected, item.get_ref()))?;
            Ok(Section { origin: self.origin, name: key, table, line })
        };
        list.value.iter().map(section).collect()
    }

    /// Everything that stands in the section but under these keys, in one spelling: two sections that say the same
    /// give the same text, in whatever order and layout they do.
    pub fn canonical(&self, except: &[&str]) -> String {
        let mut text = String::new();
        table(&mut text, self.table, except);
        text
    }

    /// Shows every string of the section and of those in it, with the key it stands under.
    pub fn each_text(&self, see: &mut impl FnMut(&str, Located<&str>) -> Result<()>) -> Result<()> {
        self.table.iter().try_for_each(|(key, value)| self.each_in(key.get_ref(), value, see))
    }

    fn each_in(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        see: &mut impl FnMut(&str, Located<&str>) -> Result<()>,
    ) -> Result<()> {
        match value.get_ref() {
            DeValue::String(text) => see(key, Located { value: text, line: self.origin.line(value.span()) }),
            DeValue::Array(items) => items.iter().try_for_each(|item| self.each_in(key, item, see)),
            DeValue::Table(table) => table.iter().try_for_each(|(k, v)| self.each_in(k.get_ref(), v, see)),
            _ => Ok(()),
        }
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        get: impl FnOnce(&'d DeValue<'d>) -> Option<T>,
    ) -> Result<Option<Located<T>>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let line = self.origin.line(value.span());
        match get(value.get_ref()) {
            Some(value) => Ok(Some(Located { value, line })),
            None => Err(self.wrong_type(key, line, expected, value.get_ref())),
        }
    }

    fn wrong_type(&self, key: &str, line: usize, expected: &str, found: &DeValue<'_>) -> Error {
        self.error(line, format!("`{key}` must be {expected}, not {}", with_article(found.type_str())), "")
    }
}

/// Writes a table by its keys in bytewise order.
fn table(text: &mut String, table: &DeTable<'_>, except: &[&str]) {
    let mut pairs: Vec<(&str, &DeValue<'_>)> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref())).collect();
    pairs.retain(|(key, _)| !except.contains(key));
    pairs.sort_unstable_by_key(|(key, _)| *key);
    text.push('{');
    for (key, found) in pairs {
        text.push_str(&format!("{key:?}="));
        value(text, found);
        text.push(',');
    }
    text.push('}');
}

fn value(text: &mut String, found: &DeValue<'_>) {
    match found {
        DeValue::String(string) => text.push_str(&format!("{string:?}")),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => text.push_str(&number.to_string()),
            Err(_) => text.push_str(number.as_str()),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) => text.push_str(&format!("{number:?}")),
            Err(_) => text.push_str(number.as_str()),
        },
        DeValue::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
        DeValue::Datetime(time) => text.push_str(&time.to_string()),
        DeValue::Array(items) => {
            text.push('[');
            for item in items.iter() {
                value(text, item.get_ref());
                text.push(',');
            }
            text.push(']');
        }
        DeValue::Table(inner) => table(text, inner, &[]),
    }
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, read: impl Fn(Section<'_>) -> Result<()>) -> (usize, String, String) {
        let document = Document::parse(Path::new("x.toml"), text);
        match document.and_then(|document| read(document.root())) {
            Err(Error::Config { file, line, message, hint }) => {
                assert_eq!(file, Path::new("x.toml"));
                (line, message, hint)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read_with_its_line() {
        let document =
            Document::parse(Path::new("x.toml"), "a = 'x'\n\n[t]\nlist = [\n 'p',\n 'q',\n]\nn = 0x10\n")
                .unwrap();
        let root = document.root();
        assert_eq!(root.text("a").unwrap(), Some(Located { value: "x", line: 1 }));
        let table = root.section("t").unwrap().unwrap();
        assert_eq!(table.texts("list").unwrap().unwrap().value[1], Located { value: "q", line: 6 });
        assert_eq!(table.number("n").unwrap().unwrap().value, 16);
        assert_eq!(table.flag("absent").unwrap(), None);
    }

    #[test]
    fn what_says_the_same_has_one_spelling() {
        let canonical = |text: &str| {
            let document = Document::parse(Path::new("x.toml"), text).unwrap();
            document.root().canonical(&["id"])
        };
        let one =
            canonical("id = 'a'\nn = 0x10\nl = ['x', \"y\"]\nt = { b = 1.50, a = true }\nd = 2026-01-02\n");
        let same =
            canonical("d = 2026-01-02\nl = [\n  \"x\",  'y' ]\nn = 16\nid = 'b'\n[t]\na = true\nb = 1.5\n");
        assert_eq!(one, same);
        assert_eq!(one, "{\"d\"=2026-01-02,\"l\"=[\"x\",\"y\",],\"n\"=16,\"t\"={\"a\"=true,\"b\"=1.5,},}");
        for other in ["n = 17", "n = 16\nm = 1", "n = '16'", "n = [16]"] {
            assert_ne!(canonical(other), canonical("n = 16"), "{other}");
        }
        assert_ne!(canonical("a = 'x\",'"), canonical("a = 'x'"));
    }

    #[test]
    fn numbers_are_finite() {
        let document = Document::parse(Path::new("x.toml"), "a = 0.95\nb = 250\nc = -1e3\n").unwrap();
        let read = |key| document.root().decimal(key).unwrap().unwrap().value;
        assert_eq!((read("a"), read("b"), read("c")), (0.95, 250.0, -1000.0));
        for text in ["a = nan", "a = inf", "a = -inf", "a = '1'"] {
            let message = refusal(text, |root| root.decimal("a").map(drop)).1;
            assert!(message.starts_with("`a` must be a number"), "{message}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let found = refusal("a = 1\nnmae = 'x'\n", |root| root.only(&["a", "name"]));
        assert_eq!(found, (2, "unknown key `nmae`".into(), "did you mean `name`?".into()));
        let found = refusal("[t]\nzzz = 1\n", |root| root.section("t").unwrap().unwrap().only(&["a", "b"]));
        assert_eq!(found, (2, "unknown key `zzz` in [t]".into(), "known here: a, b".into()));
    }

    #[test]
    fn wrong_types_duplicate_keys_and_bad_syntax_are_told_with_their_line() {
        let found = refusal("\nname = 3\n", |root| root.text("name").map(drop));
        assert_eq!(found, (2, "`name` must be a string, not an integer".into(), String::new()));
        let found = refusal("l = ['a', 1]\n", |root| root.texts("l").map(drop));
        assert_eq!(found.1, "`l` must be a list of strings, not an integer");
        assert_eq!(refusal("a = 1\na = 2\n", |root| root.only(&["a"])).0, 2);
        assert_eq!(refusal("a = 1\nb =\n", |root| root.only(&["a"])).0, 2);
    }

    #[test]
    fn a_syntax_error_does_not_quote_the_line() {
        let found = refusal("key = hunter2\n", |root| root.only(&[]));
        assert!(!found.1.contains("hunter2"), "{}", found.1);
    }
}
