//! The tables `[store]` and `[log]`: where archives are kept, and what the log there is called.

use crate::error::Result;
use crate::format::note::is_key_name;
use crate::format::settings::Section;
use crate::policy::values::show;
use std::path::{Path, PathBuf};

/// The `[store]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// A directory, relative to the tree, or `s3://BUCKET/PREFIX`.
    pub url: String,
    /// The server of the bucket, where it is not the cloud's own.
    pub endpoint: Option<String>,
}

impl StoreOptions {
    /// The directory, where it is one.
    pub fn directory(&self, tree: &Path) -> Option<PathBuf> {
        (!self.url.contains("://")).then(|| tree.join(&self.url))
    }
}

pub(super) fn store(section: Option<Section<'_>>) -> Result<Option<StoreOptions>> {
    let Some(section) = section else { return Ok(None) };
    section.only(&["url", "endpoint"])?;
    let hint = "a directory, or s3://BUCKET/PREFIX";
    let Some(url) = section.text("url")? else {
        return Err(section.error(section.line, "`url` is missing in [store]", hint));
    };
    if url.value.is_empty() || url.value.chars().any(char::is_control) {
        return Err(section.error(url.line, "`url` names no store", hint));
    }
    let endpoint = section.text("endpoint")?;
    if let Some(endpoint) = endpoint {
        if !endpoint.value.starts_with("https://") && !endpoint.value.starts_with("http://") {
            let message = format!("`{}` is no server", show(endpoint.value));
            return Err(section.error(
                endpoint.line,
                message,
                "for example endpoint = \"http://localhost:9000\"",
            ));
        }
        if !url.value.contains("://") {
            return Err(section.error(
                endpoint.line,
                "`endpoint` has no meaning for a directory",
                "remove it",
            ));
        }
    }
    Ok(Some(StoreOptions {
        url: url.value.to_owned(),
        endpoint: endpoint.map(|endpoint| endpoint.value.to_owned()),
    }))
}

/// The origin of the log, where the policy names one.
pub(super) fn origin(section: Option<Section<'_>>) -> Result<Option<String>> {
    let Some(section) = section else { return Ok(None) };
    section.only(&["origin"])?;
    let Some(origin) = section.text("origin")? else { return Ok(None) };
    if !is_key_name(origin.value) {
        let message = format!("`{}` cannot be the origin of a log", show(origin.value));
        return Err(section.error(origin.line, message, "no spaces, no +: for example \"example.com/shop\""));
    }
    Ok(Some(origin.value.to_owned()))
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::policy::{Policy, Source};

    const HEAD: &str = "schema = 1\n[[include]]\nclass = 'doc'\npaths = ['**']\n";

    fn parse(more: &str) -> Result<Policy, Error> {
        Policy::parse(Source::File("attestar.toml".into()), format!("{HEAD}{more}"))
    }

    #[test]
    fn a_store_and_the_origin_of_its_log() {
        let none = parse("").unwrap();
        assert_eq!((none.store, none.log_origin), (None, None));
        let policy = parse("[store]\nurl = 'backups'\n[log]\norigin = 'example.com/shop'\n").unwrap();
        let store = policy.store.unwrap();
        assert_eq!(store.directory("/shop".as_ref()), Some("/shop/backups".into()));
        assert_eq!(policy.log_origin.as_deref(), Some("example.com/shop"));
        let bucket = parse("[store]\nurl = 's3://b/p'\nendpoint = 'http://localhost:9000'\n").unwrap();
        let store = bucket.store.unwrap();
        assert_eq!(
            (store.directory("/shop".as_ref()), store.endpoint.as_deref()),
            (None, Some("http://localhost:9000"))
        );
        assert_eq!(parse("[log]\n").unwrap().log_origin, None);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, line, part) in [
            ("[store]\n", 5, "`url` is missing"),
            ("[store]\nurl = ''\n", 6, "names no store"),
            ("[store]\nurl = 'a'\npath = 'b'\n", 7, "unknown key `path`"),
            ("[store]\nurl = 'a'\nendpoint = 'http://x'\n", 7, "no meaning for a directory"),
            ("[store]\nurl = 's3://b'\nendpoint = 'x'\n", 7, "is no server"),
            ("[log]\norigin = 'a b'\n", 6, "cannot be the origin"),
            ("[log]\nname = 'a'\n", 6, "unknown key `name`"),
        ] {
            match parse(text).unwrap_err() {
                Error::Config { line: at, message, .. } => {
                    assert!(at == line && message.contains(part), "{text}: {at} {message}")
                }
                error => panic!("{text}: {error}"),
            }
        }
    }
}
