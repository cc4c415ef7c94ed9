//! Programs that a policy names: of gates, captures and probes.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::values::{duration, show};
use std::ffi::OsString;

/// The longest time limit: a day.
const TIME_LIMIT_S_MAX: u64 = 86_400;

/// Values shorter than this are not masked: they are `1`, `C`, `true`, and stand everywhere.
const MASKED_BYTES_MIN: usize = 4;

/// Variables that programs need to run, whose values everyone may know; those of all others are masked where they are told.
pub const PUBLIC_VARIABLES: [&str; 8] = ["PATH", "HOME", "LANG", "LC_ALL", "TERM", "TZ", "USER", "PWD"];

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The program and its arguments.
    pub program: Vec<String>,
    /// How long it may take, in seconds.
    pub time_limit_s: u64,
    /// Names of the variables that it gets.
    pub variables: Vec<String>,
}

impl Order {
    /// The variables that it gets of these, with their values.
    pub fn given(&self, environment: &dyn Fn(&str) -> Option<OsString>) -> Vec<(OsString, OsString)> {
        given(&self.variables, environment)
    }
}

/// The variables of these names, with their values.
pub fn given(names: &[String], environment: &dyn Fn(&str) -> Option<OsString>) -> Vec<(OsString, OsString)> {
    names.iter().filter_map(|name| Some((OsString::from(name), environment(name)?))).collect()
}

/// The values among those that a program got which are told to nobody.
pub fn secret_values(given: &[(OsString, OsString)]) -> Vec<Vec<u8>> {
    let is_secret = |(name, value): &&(OsString, OsString)| {
        value.len() >= MASKED_BYTES_MIN && !PUBLIC_VARIABLES.iter().any(|plain| name == plain)
    };
    given.iter().filter(is_secret).map(|(_, value)| value.as_encoded_bytes().to_vec()).collect()
}

/// `time_limit` in seconds, at most a day.
pub(super) fn time_limit_s(section: &Section<'_>, default: u64) -> Result<u64> {
    let seconds = duration(section, "time_limit")?.map_or(default, |(seconds, _)| seconds);
    if seconds > TIME_LIMIT_S_MAX {
        let line = section.text("time_limit")?.map_or(section.line, |text| text.line);
        return Err(section.error(line, "`time_limit` is above 24h", ""));
    }
    Ok(seconds)
}

/// `run`: a program and its arguments. With a `/` in it, it is a file of the tree.
pub(super) fn words(section: &Section<'_>, what: &str) -> Result<Vec<String>> {
    let words = section.texts("run")?.map_or_else(Vec::new, |list| list.value);
    let Some(first) = words.first() else {
        let message = format!("a {what} of this kind needs `run`");
        return Err(section.error(section.line, message, "run = [\"scripts/gates.sh\"]"));
    };
    if let Some(word) = words.iter().find(|word| word.value.contains('\0')) {
        return Err(section.error(word.line, "`run` has a NUL in it", ""));
    }
    if first.value.contains('/') || first.value.is_empty() {
        PackPath::new(first.value.as_bytes()).map_err(|why| {
            let message = format!("`{}` cannot be a program of the tree: {why}", show(first.value));
            section.error(first.line, message, "relative to the tree, or a name without /")
        })?;
    } else if first.value.contains(' ') && words.len() == 1 {
        let message = "`run` is a list of words, not a line for a shell";
        let words: Vec<String> = first.value.split(' ').map(|word| format!("\"{}\"", show(word))).collect();
        return Err(section.error(first.line, message, format!("run = [{}]", words.join(", "))));
    }
    Ok(words.iter().map(|word| word.value.to_owned()).collect())
}

/// `variables`: names of the environment's variables that it gets.
pub(super) fn variables(section: &Section<'_>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in section.texts("variables")?.map_or_else(Vec::new, |list| list.value) {
        let is_name = !name.value.is_empty()
            && !name.value.starts_with(|c: char| c.is_ascii_digit())
            && name.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name || names.iter().any(|known| known == name.value) {
            let why = if is_name { "stands there twice" } else { "cannot be the name of a variable" };
            let message = format!("`{}` {why}", show(name.value));
            return Err(section.error(name.line, message, "names alone: variables = [\"PATH\"]"));
        }
        names.push(name.value.to_owned());
    }
    Ok(names)
}
