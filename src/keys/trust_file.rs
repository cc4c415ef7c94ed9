//! The trust file: TOML to checked signers, and entries to append.

use crate::error::{Error, Result};
use crate::format::settings::{Document, Located, Section};
use crate::keys::file;
use crate::keys::public::PublicKey;
use crate::keys::right::{Right, UnknownRight};
use crate::keys::trust::{Approvals, Signer, Trust};
use jiff::Timestamp;
use std::path::Path;

/// Reads a trust file.
pub(super) fn load(path: &Path) -> Result<Trust> {
    check(path, &file::read_text(path)?)
}

/// Checks the text of a trust file; key paths are relative to the folder of `file`.
pub(super) fn check(file: &Path, text: &str) -> Result<Trust> {
    let document = Document::parse(file, text)?;
    let root = document.root();
    root.only(&["signer", "approvals"])?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut trust = Trust { has_file: true, ..Trust::default() };
    for section in root.sections("signer")? {
        section.only(&["role", "key", "may", "projects", "not_after", "revoked_at"])?;
        let raw_key = required(&section, "key", section.text("key")?)?;
        let key = key(&section, raw_key, folder)?;
        if let Some(other) = trust.signers.iter().find(|other| other.key == key) {
            let message = format!("this key is already trusted, as {:?}", other.role);
            return Err(section.error(raw_key.line, message, "a key has one role: put all its rights there"));
        }
        trust.signers.push(signer(&section, key)?);
    }
    trust.approvals = root.section("approvals")?.map(|section| approvals(&section)).transpose()?;
    Ok(trust)
}

/// The text of an entry for [`check`]; `key` is a path relative to the trust file.
pub(super) fn entry(role: &str, key: &str, rights: &[Right]) -> String {
    let rights: Vec<String> = rights.iter().map(|right| format!("\"{right}\"")).collect();
    format!("[[signer]]\nrole = \"{role}\"\nkey = \"{key}\"\nmay = [{}]\n", rights.join(", "))
}

/// Whether text can be a role: `[a-z0-9-]{1,32}`.
pub(super) fn is_role(role: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&role.len()) && role.bytes().all(allowed)
}

fn required<T>(section: &Section<'_>, key: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| section.error(section.line, format!("`{key}` is missing"), ""))
}

fn signer(section: &Section<'_>, key: PublicKey) -> Result<Signer> {
    let role = required(section, "role", section.text("role")?)?;
    if !is_role(role.value) {
        let message = format!("role {:?} is not 1 to 32 of a-z, 0-9 and -", role.value);
        return Err(section.error(role.line, message, ""));
    }
    let projects = section.texts("projects")?;
    if let Some(empty) = projects.as_ref().filter(|projects| projects.value.is_empty()) {
        return Err(section.error(empty.line, "an empty list of projects", "leave it out to mean any"));
    }
    let may = section.texts("may")?.map_or_else(Vec::new, |list| list.value);
    Ok(Signer {
        role: role.value.to_owned(),
        key,
        rights: may.into_iter().map(|right| self::right(section, right)).collect::<Result<_>>()?,
        projects: projects.map(|list| list.value.iter().map(|project| project.value.to_owned()).collect()),
        not_after: time(section, "not_after")?,
        revoked_at: time(section, "revoked_at")?,
    })
}

/// A key stands there itself, or the path of its file.
fn key(section: &Section<'_>, raw: Located<&str>, folder: &Path) -> Result<PublicKey> {
    let text = raw.value;
    if text.trim_start().starts_with("-----BEGIN ") || text.trim_start().starts_with("ssh-") {
        return PublicKey::from_text(text).map_err(|fault| section.error(raw.line, fault.to_string(), ""));
    }
    PublicKey::load(&folder.join(text)).map_err(|error| match error {
        Error::Io { source, path, .. } => {
            section.error(raw.line, format!("cannot read the key {}: {source}", path.display()), "")
        }
        other => section.error(raw.line, other.to_string(), other.hint()),
    })
}

fn right(section: &Section<'_>, raw: Located<&str>) -> Result<Right> {
    raw.value
        .parse()
        .map_err(|unknown: UnknownRight| section.error(raw.line, unknown.to_string(), unknown.hint()))
}

fn time(section: &Section<'_>, key: &str) -> Result<Option<Timestamp>> {
    let Some(Located { value, line }) = section.time(key)? else { return Ok(None) };
    value.parse().map(Some).map_err(|_| {
        let message = format!("{value} is no point in time: it needs a date, a time and a zone");
        section.error(line, message, "write it like 2027-06-30T00:00:00Z")
    })
}

fn approvals(section: &Section<'_>) -> Result<Approvals> {
    section.only(&["any_of", "at_least"])?;
    let any_of = required(section, "any_of", section.texts("any_of")?)?.value;
    if let Some(role) = any_of.iter().find(|role| !is_role(role.value)) {
        return Err(section.error(role.line, format!("{:?} cannot be a role", role.value), ""));
    }
    let at_least = required(section, "at_least", section.number("at_least")?)?;
    match usize::try_from(at_least.value) {
        Ok(count) if count > 0 => Ok(Approvals {
            any_of: any_of.iter().map(|role| role.value.to_owned()).collect(),
            at_least: count,
        }),
        _ => {
            let hint = "leave [approvals] out to ask for none";
            Err(section.error(at_least.line, "at_least is 1 or more", hint))
        }
    }
}

#[cfg(test)]
mod tests;
