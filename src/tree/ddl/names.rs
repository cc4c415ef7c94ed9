//! Names of objects, written the one way in which packs hold them.

use crate::format::ddl::Dialect;
use crate::tree::ddl::dialect::fold;
use sqlparser::ast::{Ident, ObjectName};

/// Parts as one name: joined by dots, a part that could be misread in double quotes.
pub fn join<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<String> = parts.into_iter().map(quote).collect();
    parts.join(".")
}

/// The name of what lies within a table by name.
pub fn within(name: &str, table: &str) -> String {
    format!("{name} on {table}")
}

fn quote(part: &str) -> String {
    if part.is_empty() || part.contains(['.', '"', ' ']) {
        return format!("\"{}\"", part.replace('"', "\"\""));
    }
    part.to_owned()
}

/// A name of the syntax tree; `None` where a function makes the name, or it is no name but a string: a file's, say.
pub fn of(dialect: Option<Dialect>, name: &ObjectName) -> Option<String> {
    let parts: Option<Vec<String>> =
        name.0.iter().map(|part| part.as_ident().and_then(|ident| part_of(dialect, ident))).collect();
    parts.map(|parts| join(parts.iter().map(String::as_str)))
}

/// The same for a name of one part.
pub fn of_ident(dialect: Option<Dialect>, ident: &Ident) -> Option<String> {
    part_of(dialect, ident).map(|part| quote(&part))
}

fn part_of(dialect: Option<Dialect>, ident: &Ident) -> Option<String> {
    match ident.quote_style {
        Some('\'') => None,
        quote => Some(fold(dialect, &ident.value, quote.is_some())),
    }
}

/// A name that stands in a string, as in `nextval('shop.orders_id_seq')`.
pub fn from_text(dialect: Option<Dialect>, text: &str) -> Option<String> {
    let parts: Vec<String> = text
        .split('.')
        .map(|part| match part.strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
            Some(quoted) => fold(dialect, quoted, true),
            None => fold(dialect, part, false),
        })
        .collect();
    let plain = |part: &String| !part.is_empty() && !part.contains('"');
    parts.iter().all(plain).then(|| join(parts.iter().map(String::as_str)))
}
