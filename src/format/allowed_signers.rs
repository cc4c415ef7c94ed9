//! Allowed-signers files: which SSH keys sign for whom, for what, and when. ssh-keygen(1), ALLOWED SIGNERS.
//!
//! A line is principals, options, a key type and the key in base64. Times without `Z` are local time for ssh-keygen;
//! here they are UTC, so that one file means the same on every machine. The key type and the key are compared as they
//! stand, so keys of types that nothing here can verify are taken too.

use crate::format::nearest::nearest;
use data_encoding::BASE64;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The most lines that are looked at.
const LINES_MAX: usize = 10_000;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    /// Its lines, in order, without empty ones and comments.
    pub lines: Vec<Allowed>,
}

/// One line: who may sign with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The line, from 1.
    pub line: usize,
    /// Who: a list of patterns, as written.
    pub principals: String,
    /// The key signs certificates, and not for itself.
    pub cert_authority: bool,
    /// For what; `None` for everything.
    pub namespaces: Option<String>,
    /// From when, in seconds since 1970.
    pub valid_after_s: Option<i64>,
    /// Until when, in seconds since 1970; that second counts.
    pub valid_before_s: Option<i64>,
    /// The public key, as RFC 4253, section 6.6, encodes it.
    pub key: Vec<u8>,
}

/// Why a file is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl AllowedSigners {
    /// Reads a file. A line that is not understood is an error, never left out: it could be the one that says until when.
    pub fn parse(text: &str) -> Result<AllowedSigners, Fault> {
        let mut lines = Vec::new();
        for (number, text) in
            text.lines().enumerate().map(|(at, text)| (at + 1, text.trim_matches([' ', '\t', '\r'])))
        {
            if number > LINES_MAX {
                return Err(Fault { line: number, why: format!("more than {LINES_MAX} lines") });
            }
            if !text.is_empty() && !text.starts_with('#') {
                lines.push(line(number, text).map_err(|why| Fault { line: number, why })?);
            }
        }
        Ok(AllowedSigners { lines })
    }
}

impl Allowed {
    /// Whether a principal, an email address mostly, is one of this line's.
    pub fn is_for(&self, principal: &str) -> bool {
        matches_list(principal, &self.principals)
    }

    /// Whether signatures of a namespace may be made with this key.
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespaces.as_deref().is_none_or(|list| matches_list(namespace, list))
    }
}

fn line(number: usize, text: &str) -> Result<Allowed, String> {
    let (principals, rest) = principals(text)?;
    let mut allowed = Allowed {
        line: number,
        principals,
        cert_authority: false,
        namespaces: None,
        valid_after_s: None,
        valid_before_s: None,
        key: Vec::new(),
    };
    let mut rest = rest.trim_start_matches([' ', '\t']);
    if !begins_with_key_type(rest) {
        let (options, after) = rest.split_at(options_end(rest)?);
        for option in split_options(options) {
            take_option(&mut allowed, option)?;
        }
        rest = after.trim_start_matches([' ', '\t']);
    }
    allowed.key = key(rest)?;
    match (allowed.valid_after_s, allowed.valid_before_s) {
        (Some(after), Some(before)) if before <= after => {
            Err("valid-before is not after valid-after".to_owned())
        }
        _ => Ok(allowed),
    }
}

/// The first word, which may be in quotes.
fn principals(text: &str) -> Result<(String, &str), String> {
    let (word, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("the quotes around the principals do not end")?,
        None => text.split_once([' ', '\t']).ok_or("nothing follows the principals")?,
    };
    if word.is_empty() || word.split(',').any(|pattern| pattern.trim_start_matches('!').is_empty()) {
        return Err("a principal is empty".to_owned());
    }
    Ok((word.to_owned(), rest))
}

fn begins_with_key_type(text: &str) -> bool {
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    word.starts_with("ssh-")
        || word.starts_with("ecdsa-")
        || word.starts_with("sk-")
        || word.starts_with("webauthn-")
}

/// Where the options end: at the first space that is in no quotes.
fn options_end(text: &str) -> Result<usize, String> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b' ' | b'\t' if !quoted => return Ok(at),
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    Err(if quoted { "quotes do not end" } else { "there is no key" }.to_owned())
}

/// Options at the commas that are in no quotes.
fn split_options(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let splits = c == ',' && !quoted;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        splits
    })
}

fn take_option(allowed: &mut Allowed, option: &str) -> Result<(), String> {
    let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
    let lower = name.to_ascii_lowercase();
    let twice = match (lower.as_str(), value) {
        ("cert-authority", None) => std::mem::replace(&mut allowed.cert_authority, true),
        ("namespaces", Some(value)) => allowed.namespaces.replace(unquoted(name, value)?).is_some(),
        ("valid-after", Some(value)) => {
            allowed.valid_after_s.replace(time(&unquoted(name, value)?)?).is_some()
        }
        ("valid-before", Some(value)) => {
            allowed.valid_before_s.replace(time(&unquoted(name, value)?)?).is_some()
        }
        ("namespaces" | "valid-after" | "valid-before", None) => {
            return Err(format!("`{lower}` has no value"));
        }
        ("cert-authority", Some(_)) => return Err("`cert-authority` takes no value".to_owned()),
        _ => {
            let known = ["cert-authority", "namespaces", "valid-after", "valid-before"];
            let near = nearest(&lower, known);
            let hint = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
            return Err(format!("the option `{}` is not known{hint}", name.escape_debug()));
        }
    };
    if twice { Err(format!("`{lower}` stands twice")) } else { Ok(()) }
}

fn unquoted(name: &str, value: &str) -> Result<String, String> {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let inner = inner
        .filter(|_| value.len() > 1)
        .ok_or_else(|| format!("the value of `{name}` must be in quotes"))?;
    if inner.is_empty() {
        return Err(format!("the value of `{name}` is empty"));
    }
    Ok(inner.replace("\\\"", "\""))
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, each with `Z` or without.
fn time(text: &str) -> Result<i64, String> {
    let fault = || format!("`{}` is no time: YYYYMMDD[HHMM[SS]][Z]", text.escape_debug());
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fault());
    }
    let number =
        |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i8>().ok()).unwrap_or(0);
    let year = digits.get(..4).and_then(|year| year.parse::<i16>().ok()).ok_or_else(fault)?;
    let (month, day) = (number(4, 6), number(6, 8));
    let civil = DateTime::new(year, month, day, number(8, 10), number(10, 12), number(12, 14), 0);
    let zoned = civil.and_then(|civil| TimeZone::UTC.to_timestamp(civil)).map_err(|_| fault())?;
    Ok(zoned.as_second())
}

/// A key type and a key; what follows is a comment.
fn key(text: &str) -> Result<Vec<u8>, String> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return Err("there is no key".to_owned());
    };
    let key = BASE64.decode(key.as_bytes()).map_err(|_| "the key is not base64".to_owned())?;
    let length = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
    match key.strip_prefix(&length).and_then(|key| key.strip_prefix(kind.as_bytes())) {
        Some(rest) if !rest.is_empty() => Ok(key),
        _ => Err(format!("the key is none of type `{}`", kind.escape_debug())),
    }
}

/// Whether a list of patterns, separated by commas, takes a text; one that begins with `!` and matches refuses it.
fn matches_list(text: &str, list: &str) -> bool {
    let mut taken = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(text.as_bytes(), pattern.as_bytes()) => return false,
            Some(_) => {}
            None => taken |= matches(text.as_bytes(), pattern.as_bytes()),
        }
    }
    taken
}

/// `*` is any run of characters, `?` any single one. Only the last star is ever tried again, so the work is the
/// product of the lengths at most.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(at) {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((at, in_pattern));
                in_pattern += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == byte => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                let Some((from, place)) = star else { return false };
                star = Some((from + 1, place));
                at = from + 1;
                in_pattern = place + 1;
            }
        }
    }
    pattern.get(in_pattern..).is_some_and(|rest| rest.iter().all(|&b| b == b'*'))
}

#[cfg(test)]
mod tests;
