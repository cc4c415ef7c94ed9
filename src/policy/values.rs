//! Single values of a policy, each checked where it stands.

use crate::error::Result;
use crate::format::class::Class;
use crate::format::moment::{self, MOMENT};
use crate::format::nearest::nearest;
use crate::format::path::PackPath;
use crate::format::settings::{Located, Section};
use crate::format::units::duration_s;
use crate::policy::matcher::glob;
use crate::policy::rules::Dialect;
use jiff::Timestamp;

/// The longest name of a project, in bytes.
const PROJECT_BYTES_MAX: usize = 64;

/// How a size is written.
pub(super) const A_SIZE: &str = "one whole number and B, KiB, MiB, GiB or TiB: 64MiB";

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 64;

/// The longest name of a supplier, in bytes.
const SUPPLIER_BYTES_MAX: usize = 200;

/// The length of an X25519 recipient: `age1`, then 32 bytes and a checksum in Bech32.
const RECIPIENT_BYTES: usize = 62;

/// Whether a text can be the `{project}` of a pack's name: `[a-zA-Z0-9._-]{1,64}`, not starting with a dot or dash.
pub fn is_project_name(text: &str) -> bool {
    (1..=PROJECT_BYTES_MAX).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// A class by its name.
pub(super) fn class(section: &Section<'_>, name: Located<&str>) -> Result<Class> {
    name.value.parse().map_err(|why| {
        let near = nearest(name.value, Class::ALL.map(Class::as_str)).map(did_you_mean);
        section.error(name.line, format!("class `{}` is {why}", show(name.value)), near.unwrap_or_default())
    })
}

/// A dialect by its name.
pub(super) fn dialect(section: &Section<'_>, name: Located<&str>) -> Result<Dialect> {
    let known = Dialect::ALL.iter().find(|(known, _)| *known == name.value);
    known.map(|&(_, dialect)| dialect).ok_or_else(|| {
        let names = Dialect::ALL.map(|(known, _)| known);
        let hint =
            nearest(name.value, names).map_or_else(|| format!("known: {}", names.join(", ")), did_you_mean);
        section.error(name.line, format!("dialect `{}` is not known", show(name.value)), hint)
    })
}

/// A list of patterns, each of which could match something.
pub(super) fn globs(section: &Section<'_>, key: &str) -> Result<Vec<String>> {
    let Some(list) = section.texts(key)? else { return Ok(Vec::new()) };
    for (index, pattern) in list.value.iter().enumerate() {
        if let Some((why, hint)) = glob_fault(pattern.value) {
            let message = format!("the pattern `{}` {why}", show(pattern.value));
            return Err(section.error(pattern.line, message, hint));
        }
        if list.value[..index].iter().any(|earlier| earlier.value == pattern.value) {
            let message = format!("the pattern `{}` stands in `{key}` twice", pattern.value);
            return Err(section.error(pattern.line, message, "remove one"));
        }
    }
    Ok(list.value.iter().map(|pattern| pattern.value.to_owned()).collect())
}

/// Why a pattern can match nothing, and what was meant.
pub(super) fn glob_fault(pattern: &str) -> Option<(String, String)> {
    let fault = |why: &str, hint: String| Some((why.to_owned(), hint));
    if pattern.is_empty() {
        return fault("is empty", "use ** for every file".into());
    }
    if let Some(rest) = pattern.strip_prefix('!') {
        return fault(
            "starts with !, which stands for itself here",
            format!("exclude = [\"{}\"]", show(rest)),
        );
    }
    if let Some(rest) = pattern.strip_prefix("./").or_else(|| pattern.strip_prefix('/')) {
        return fault("matches no path: paths are relative to the tree", format!("write \"{}\"", show(rest)));
    }
    if let Some(folder) = pattern.strip_suffix('/') {
        return fault("ends in / and matches no file", format!("write \"{}/**\"", show(folder)));
    }
    if pattern.split('/').any(|part| matches!(part, ".." | "." | "")) {
        return fault("matches no path: it has an empty or dot component", String::new());
    }
    glob(pattern).err().map(|error| (format!("is not valid: {}", error.kind()), String::new()))
}

/// Why a text cannot be an X25519 recipient. Its checksum is judged where keys are read.
pub(super) fn recipient_fault(text: &str) -> Option<&'static str> {
    const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    if text.starts_with("ssh-") {
        return Some("is an SSH key, which cannot be a recipient here");
    }
    let data = text.strip_prefix("age1").filter(|data| data.chars().all(|c| BECH32.contains(c)));
    (data.is_none() || text.len() != RECIPIENT_BYTES).then_some("is not an age X25519 recipient")
}

/// A path in the tree.
pub(super) fn path(section: &Section<'_>, key: &str) -> Result<Option<PackPath>> {
    section.text(key)?.map(|text| in_tree(section, key, text)).transpose()
}

/// A list of paths in the tree, none twice.
pub(super) fn paths(section: &Section<'_>, key: &str) -> Result<Vec<PackPath>> {
    let mut paths = Vec::new();
    for text in section.texts(key)?.map_or_else(Vec::new, |list| list.value) {
        let path = in_tree(section, key, text)?;
        if paths.contains(&path) {
            return Err(section.error(text.line, format!("{path} stands in `{key}` twice"), "remove one"));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn in_tree(section: &Section<'_>, key: &str, text: Located<&str>) -> Result<PackPath> {
    PackPath::new(text.value.as_bytes()).map_err(|why| {
        let message = format!("`{key}` cannot be a path in the tree: {why}");
        section.error(text.line, message, "relative to the tree, with / between folders")
    })
}

/// The tier of a project: one word.
pub(super) fn tier(section: &Section<'_>) -> Result<Option<String>> {
    let Some(text) = section.text("tier")? else { return Ok(None) };
    if is_project_name(text.value) {
        return Ok(Some(text.value.to_owned()));
    }
    let message = format!("`{}` cannot be a tier", show(text.value));
    Err(section.error(text.line, message, "one word: tier = \"critical\""))
}

/// Who supplies the software: an organisation's name, as people write it.
pub(super) fn supplier(section: &Section<'_>) -> Result<Option<String>> {
    let Some(text) = section.text("supplier")? else { return Ok(None) };
    let why = match text.value {
        value if value.trim().is_empty() => "is empty",
        value if value.chars().any(char::is_control) => "has control characters in it",
        value if value.len() > SUPPLIER_BYTES_MAX => "is longer than 200 bytes",
        value => return Ok(Some(value.to_owned())),
    };
    Err(section.error(text.line, format!("`supplier` {why}"), "for example supplier = \"Tideline Ltd\""))
}

/// When something ends.
pub(super) fn moment(section: &Section<'_>, key: &str) -> Result<Option<Timestamp>> {
    let Some(written) = section.time(key)? else { return Ok(None) };
    let wrong = || {
        let message = format!("`{key}` cannot be {}, which is no moment", show(&written.value));
        section.error(written.line, message, format!("write {MOMENT}"))
    };
    moment::moment(&written.value).map(Some).ok_or_else(wrong)
}

/// A duration above zero, in seconds, with its text: `26h`.
pub(super) fn duration<'d>(section: &Section<'d>, key: &str) -> Result<Option<(u64, &'d str)>> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    match duration_s(text.value) {
        Some(seconds) => Ok(Some((seconds, text.value))),
        None => {
            let message = format!("`{key}` cannot be `{}`", show(text.value));
            Err(section.error(text.line, message, "one whole number and s, m, h, d or w: 26h"))
        }
    }
}

/// A whole number that is not negative.
pub(super) fn natural(section: &Section<'_>, key: &str) -> Result<Option<u64>> {
    let Some(number) = section.number(key)? else { return Ok(None) };
    let natural = u64::try_from(number.value);
    let negative = |_| section.error(number.line, format!("`{key}` cannot be {}", number.value), "0 or more");
    natural.map(Some).map_err(negative)
}

/// The id of a gate, a capture or a probe: `[a-z0-9-]{1,64}`.
pub(super) fn id(section: &Section<'_>, what: &str) -> Result<String> {
    let Some(id) = section.text("id")? else {
        let message = format!("a {what} without `id`");
        return Err(section.error(section.line, message, "for example id = \"changelog-entry\""));
    };
    let is_valid = (1..=ID_BYTES_MAX).contains(&id.value.len())
        && id.value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_valid {
        return Ok(id.value.to_owned());
    }
    let message = format!("`{}` cannot be the id of a {what}", show(id.value));
    Err(section.error(id.line, message, "use 1 to 64 of a-z, 0-9 and -"))
}

/// The value of a key that takes one of a few words.
pub(super) fn one_of<T: Copy>(section: &Section<'_>, key: &str, known: &[(&str, T)]) -> Result<Option<T>> {
    section.text(key)?.map(|name| among(section, key, name, known)).transpose()
}

/// One of a few words; else the nearest one is the hint.
pub(super) fn among<T: Copy>(
    section: &Section<'_>,
    key: &str,
    name: Located<&str>,
    known: &[(&str, T)],
) -> Result<T> {
    if let Some((_, value)) = known.iter().find(|(known, _)| *known == name.value) {
        return Ok(*value);
    }
    let names = || known.iter().map(|(name, _)| *name);
    let hint = match nearest(name.value, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(section.error(name.line, format!("`{key}` cannot be `{}`", show(name.value)), hint))
}

pub(super) fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// A value as an error may show it: short, and without control characters.
pub(super) fn show(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_debug().to_string().replace("\\\"", "\"")
}
