//! A value inside a JSON document: RFC 6901.

use crate::error::Result;
use crate::format::settings::Section;
use crate::policy::gate::Document;
use crate::policy::gate::judged::Fault;
use crate::policy::values::show;
use serde_json::Value;

/// Where a value stands: `/summary/p95`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(pub String);

impl Pointer {
    /// The value of `pointer`.
    pub fn read(section: &Section<'_>) -> Result<Option<Pointer>> {
        Pointer::of_key(section, "pointer")
    }

    /// The value of another key.
    pub fn of_key(section: &Section<'_>, key: &str) -> Result<Option<Pointer>> {
        let Some(text) = section.text(key)? else { return Ok(None) };
        // In a pointer ~ is written ~0 and / is written ~1; nothing else may follow a ~.
        let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
        let is_valid = text.value.starts_with('/') && text.value.split('~').skip(1).all(is_escaped);
        if !is_valid {
            let message = format!("`{key}` cannot be `{}`", show(text.value));
            return Err(section.error(text.line, message, "a JSON pointer (RFC 6901): /summary/p95"));
        }
        Ok(Some(Pointer(text.value.to_owned())))
    }

    /// What stands there.
    pub fn of<'v>(&self, file: &str, value: &'v Value) -> Result<&'v Value, Fault> {
        value
            .pointer(&self.0)
            .ok_or_else(|| Fault::new(self.place(file)).expected("a value").actual("there is none"))
    }

    /// The place, for people: `report.json#/summary/p95`.
    pub fn place(&self, file: &str) -> String {
        format!("{file}#{}", self.0)
    }
}

/// The largest document that is read as JSON, in bytes: parsed, one of nothing but small numbers takes 16 times as much.
const JSON_BYTES_MAX: usize = 16 << 20;

/// A document as JSON.
pub fn json(document: &Document) -> Result<Value, Fault> {
    if document.bytes.len() > JSON_BYTES_MAX {
        return Err(Fault::new(&document.path).expected("JSON of at most 16 MiB").actual("it is larger"));
    }
    let bytes = document.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&document.bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("{}:{}", document.path, error.line().max(1));
        // The words of the error can quote nothing of the document but single characters and key names.
        Fault::new(place).expected("JSON").actual(show(&error.to_string()))
    })
}
