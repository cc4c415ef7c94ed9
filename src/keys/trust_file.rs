//! The trust file: TOML to checked signers, and entries to append.

use crate::error::{Error, Result};
use crate::format::config::{line_of, nearest, parse};
use crate::keys::file;
use crate::keys::public::PublicKey;
use crate::keys::right::Right;
use crate::keys::trust::{Approvals, Signer, Trust};
use jiff::Timestamp;
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;
use toml::value::Datetime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrust {
    #[serde(default)]
    signer: Vec<RawSigner>,
    approvals: Option<RawApprovals>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSigner {
    role: Spanned<String>,
    key: Spanned<String>,
    #[serde(default)]
    may: Vec<Spanned<String>>,
    projects: Option<Spanned<Vec<String>>>,
    not_after: Option<Spanned<Datetime>>,
    revoked_at: Option<Spanned<Datetime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApprovals {
    any_of: Spanned<Vec<String>>,
    at_least: Spanned<i64>,
}

/// A trust file while it is checked: knows where everything stands.
struct Checker<'a> {
    file: &'a Path,
    text: &'a str,
}

/// Reads a trust file.
pub(super) fn load(path: &Path) -> Result<Trust> {
    check(path, &file::read_text(path)?)
}

/// Checks the text of a trust file; key paths are relative to the folder of `file`.
pub(super) fn check(file: &Path, text: &str) -> Result<Trust> {
    let raw: RawTrust = parse(file, text)?;
    let checker = Checker { file, text };
    let mut trust = Trust::default();
    for raw in raw.signer {
        let signer = checker.signer(&raw)?;
        if let Some(other) = trust.signers.iter().find(|other| other.key == signer.key) {
            let message = format!("this key is already trusted, as {:?}", other.role);
            return Err(checker.error(&raw.key, message, "a key has one role: put all its rights there"));
        }
        trust.signers.push(signer);
    }
    trust.approvals = raw.approvals.map(|raw| checker.approvals(raw)).transpose()?;
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

impl Checker<'_> {
    fn signer(&self, raw: &RawSigner) -> Result<Signer> {
        let role = raw.role.get_ref();
        if !is_role(role) {
            let message = format!("role {role:?} is not 1 to 32 of a-z, 0-9 and -");
            return Err(self.error(&raw.role, message, ""));
        }
        let projects = raw.projects.as_ref().map(|projects| {
            if projects.get_ref().is_empty() {
                return Err(self.error(projects, "an empty list of projects", "leave it out to mean any"));
            }
            Ok(projects.get_ref().iter().cloned().collect())
        });
        Ok(Signer {
            role: role.clone(),
            key: self.key(&raw.key)?,
            rights: raw.may.iter().map(|right| self.right(right)).collect::<Result<_>>()?,
            projects: projects.transpose()?,
            not_after: raw.not_after.as_ref().map(|time| self.time(time)).transpose()?,
            revoked_at: raw.revoked_at.as_ref().map(|time| self.time(time)).transpose()?,
        })
    }

    /// A key stands there itself, or the path of its file.
    fn key(&self, raw: &Spanned<String>) -> Result<PublicKey> {
        let text = raw.get_ref();
        if text.trim_start().starts_with("-----BEGIN ") || text.trim_start().starts_with("ssh-") {
            return PublicKey::from_text(text).map_err(|fault| self.error(raw, fault.to_string(), ""));
        }
        PublicKey::load(&self.file.parent().unwrap_or(Path::new("")).join(text)).map_err(
            |error| match error {
                Error::Io { source, path, .. } => {
                    self.error(raw, format!("cannot read the key {}: {source}", path.display()), "")
                }
                other => self.error(raw, other.to_string(), other.hint().to_owned()),
            },
        )
    }

    fn right(&self, raw: &Spanned<String>) -> Result<Right> {
        let name = raw.get_ref();
        Right::from_name(name).ok_or_else(|| {
            let known = Right::ALL.iter().map(|right| right.as_str());
            let hint = nearest(name, known).map(|right| format!("did you mean \"{right}\"?"));
            self.error(raw, format!("unknown right {name:?}"), hint.unwrap_or_default())
        })
    }

    fn time(&self, raw: &Spanned<Datetime>) -> Result<Timestamp> {
        let text = raw.get_ref().to_string();
        text.parse().map_err(|_| {
            let message = format!("{text} is no point in time: it needs a date, a time and a zone");
            self.error(raw, message, "write it like 2027-06-30T00:00:00Z")
        })
    }

    fn approvals(&self, raw: RawApprovals) -> Result<Approvals> {
        if let Some(role) = raw.any_of.get_ref().iter().find(|role| !is_role(role)) {
            return Err(self.error(&raw.any_of, format!("{role:?} cannot be a role"), ""));
        }
        let at_least = usize::try_from(*raw.at_least.get_ref()).ok().filter(|&count| count > 0);
        let at_least = at_least.ok_or_else(|| {
            self.error(&raw.at_least, "at_least is 1 or more", "leave [approvals] out to ask for none")
        })?;
        Ok(Approvals { any_of: raw.any_of.into_inner(), at_least })
    }

    fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::config(self.file, line_of(self.text, &at.span()), message, hint)
    }
}

#[cfg(test)]
mod tests;
