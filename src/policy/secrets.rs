//! Secrets that were written into a policy. The policy goes into every pack, so none may stand in it, not even in
//! a comment. No error here ever repeats what was found.

use crate::error::Result;
use crate::format::settings::{Located, Section};
use std::collections::BTreeSet;

/// What to write instead.
pub(super) const HINT: &str = "name where it is kept instead: \"env:NAME\" or \"file:PATH\"; \
                               and replace the secret, since it was in a file";

/// The line of the first private key or age identity in the text, comments included, and what it is.
pub(super) fn key_material(text: &str) -> Option<(usize, &'static str)> {
    text.lines().enumerate().find_map(|(index, line)| {
        let line = line.to_ascii_uppercase();
        if line.contains("AGE-SECRET-KEY-") {
            Some((index + 1, "an age identity"))
        } else if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") {
            Some((index + 1, "a private key"))
        } else {
            None
        }
    })
}

/// Refuses connection strings with a password, and values under names that only secrets have.
pub(super) fn refuse(section: &Section<'_>) -> Result<()> {
    section.each_text(&mut |key, found| match secret(key, found) {
        Some(what) => Err(section.error(found.line, format!("the value of `{key}` is {what}"), HINT)),
        None => Ok(()),
    })
}

/// Where a policy takes values from that it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Variables of the environment that programs get.
    pub variables: BTreeSet<String>,
    /// Variables that `env:NAME` names: connections, and addresses that are secret.
    pub secrets: BTreeSet<String>,
    /// The files that `file:PATH` names, relative to the tree.
    pub files: BTreeSet<String>,
}

pub(super) fn sources(section: &Section<'_>) -> Result<Sources> {
    let mut sources = Sources::default();
    section.each_text(&mut |key, found| {
        let programs = (key == "variables").then_some(found.value);
        sources.variables.extend(programs.map(str::to_owned));
        sources.secrets.extend(found.value.strip_prefix("env:").map(str::to_owned));
        // The address of a store that is a folder is no secret.
        let file = found.value.strip_prefix("file:").filter(|path| !path.starts_with("//"));
        sources.files.extend(file.map(str::to_owned));
        Ok(())
    })?;
    Ok(sources)
}

fn secret(key: &str, found: Located<&str>) -> Option<&'static str> {
    let value = found.value;
    if value.starts_with("env:") || value.starts_with("file:") {
        return None;
    }
    let key = key.to_ascii_lowercase();
    let names_a_secret = ["password", "passphrase", "passwd", "secret", "token", "api_key", "credential"];
    if names_a_secret.iter().any(|name| key.contains(name)) {
        Some("a secret")
    } else if url_has_password(value) || value.to_ascii_lowercase().split(' ').any(is_password_pair) {
        Some("a connection string with a password")
    } else {
        None
    }
}

/// `scheme://user:password@host`.
fn url_has_password(value: &str) -> bool {
    value.match_indices("://").any(|(at, _)| {
        let authority = value[at + 3..].split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
    })
}

/// `password=…`, as libpq and ODBC write it, alone or in a query or a `;` list.
fn is_password_pair(word: &str) -> bool {
    word.split(['?', '&', ';']).any(|pair| {
        pair.split_once('=').is_some_and(|(name, value)| {
            matches!(name, "password" | "pwd" | "passwd" | "sslpassword") && !value.is_empty()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_secret(key: &str, value: &str) -> bool {
        secret(key, Located { value, line: 1 }).is_some()
    }

    #[test]
    fn connection_strings_are_secret_only_with_a_password() {
        assert!(is_secret("dsn", "postgres://app:hunter2@db/x"));
        assert!(is_secret("dsn", "host=db user=app password=hunter2"));
        assert!(is_secret("dsn", "postgres://db/x?user=app&password=hunter2"));
        assert!(!is_secret("dsn", "postgres://app@db:5432/x"));
        assert!(!is_secret("dsn", "postgres://db:5432/x"));
        assert!(!is_secret("dsn", "env:APP_DSN"));
        assert!(!is_secret("url", "s3://bucket/prefix"));
    }

    #[test]
    fn a_name_that_only_secrets_have_takes_no_plain_value() {
        assert!(is_secret("api_token", "x"));
        assert!(!is_secret("passphrase", "file:/run/secrets/pass"));
        assert!(!is_secret("paths", "docs/tokens.md"));
    }

    #[test]
    fn keys_are_seen_in_comments_too() {
        assert_eq!(key_material("a = 1\n# age-secret-key-1QQ\n"), Some((2, "an age identity")));
        assert_eq!(key_material("k = '''\n-----BEGIN OPENSSH PRIVATE KEY-----"), Some((2, "a private key")));
        assert_eq!(key_material("-----BEGIN PUBLIC KEY-----"), None);
    }
}
