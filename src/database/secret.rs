//! Connections that a policy names without saying them.

use crate::error::{Error, Result};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// A value that may be a secret: as it stands, from the environment (`env:NAME`), or from a file (`file:PATH`).
pub fn resolve(text: &str, root: &Path, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<String> {
    if let Some(name) = text.strip_prefix("env:") {
        let value = environment(name).ok_or_else(|| {
            Error::input(format!("the variable {name} is not set"), "the policy takes a connection from it")
        })?;
        return value
            .into_string()
            .map_err(|_| Error::input(format!("the variable {name} is not UTF-8"), ""));
    }
    match text.strip_prefix("file:") {
        None => Ok(text.to_owned()),
        Some(path) => {
            let path = root.join(path);
            let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            Ok(text.trim().to_owned())
        }
    }
}
