//! From what a policy or a flag names to a store.

use super::Store;
use super::bucket::settings::{self, Address};
use super::directory::Directory;
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What opening a store needs besides its address.
pub struct Opening<'o> {
    /// A server other than the cloud's own, from the policy: `http://localhost:9000`.
    pub endpoint: Option<&'o str>,
    /// Looks up a variable of the environment: credentials, region, and `HOME` for the files of the AWS tools.
    pub variable: &'o dyn Fn(&str) -> Option<String>,
    /// What a relative directory is relative to: the policy's folder, or where the command was typed.
    pub base: &'o Path,
    /// Whether a directory that is not there is made.
    pub create: bool,
    /// Interruption.
    pub watch: &'o Watch,
}

/// Opens a store: a directory, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. A bucket is not
/// asked for anything yet.
pub fn open(url: &str, opening: &Opening<'_>) -> Result<Box<dyn Store>> {
    let Some((scheme, rest)) = url.split_once("://") else { return directory(url, opening) };
    // One store has one name: what a host remembers of it is found by that.
    let (url, rest) = (url.trim_end_matches('/'), rest.trim_end_matches('/'));
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let address = Address { place: url, bucket, prefix, endpoint: opening.endpoint };
    if bucket.is_empty() || rest.contains(['@', '?', '#']) {
        // What stands around these is what nobody may read.
        return Err(refused(&format!("{scheme}://…")));
    }
    Ok(match scheme {
        "s3" => Box::new(settings::s3(&address, opening.variable, opening.watch)?),
        "gs" => Box::new(settings::google(&address, opening.variable, opening.watch)?),
        "az" => Box::new(settings::azure(&address, opening.variable, opening.watch)?),
        _ => return Err(refused(url)),
    })
}

fn directory(path: &str, opening: &Opening<'_>) -> Result<Box<dyn Store>> {
    if path.is_empty() {
        return Err(refused(path));
    }
    let path = absolute(&opening.base.join(path))?;
    let opened = match opening.create {
        true => Directory::open_or_create(&path, opening.watch),
        false => Directory::open(&path, opening.watch),
    };
    match opened {
        Ok(store) => Ok(Box::new(store)),
        Err(error) if error.is_not_found() => Err(not_there(&path)),
        Err(error) => Err(error),
    }
}

fn not_there(path: &Path) -> Error {
    Error::input(
        format!("{} is not there", path.display()),
        "mount the disk that the store lies on, or name the store by where it is",
    )
}

/// The same folder has one name, whichever way it is named. What is not there yet has that of what it lies in.
fn absolute(path: &Path) -> Result<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name());
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    match name {
        Some(name) => Ok(canonical(parent)?.join(name)),
        None => canonical(path),
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => not_there(path),
        _ => Error::io("open", path)(error),
    })
}

fn refused(url: &str) -> Error {
    Error::usage(
        format!("{url:?} is no store"),
        "a store is a directory, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX; credentials come \
         from the environment, never from the address",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn opened(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Box<dyn Store>> {
        let (base, watch) = (tempfile::tempdir().unwrap(), Watch::default());
        let opening = Opening { endpoint: None, variable, base: base.path(), create: true, watch: &watch };
        open(url, &opening)
    }

    fn credentials(name: &str) -> Option<String> {
        Some(match name {
            "AWS_ACCESS_KEY_ID" | "AZURE_STORAGE_ACCOUNT_NAME" => "SECRETID".to_owned(),
            "AWS_SECRET_ACCESS_KEY" => "SECRETKEY".to_owned(),
            "AZURE_STORAGE_ACCOUNT_KEY" => "U0VDUkVUS0VZ".to_owned(),
            "GOOGLE_SKIP_SIGNATURE" => "true".to_owned(),
            _ => return None,
        })
    }

    #[test]
    fn addresses_become_stores_that_show_no_credentials() {
        for url in ["s3://bucket", "s3://bucket/a/b", "gs://bucket/a", "az://container/a"] {
            // However it is written, it is one store.
            for written in [url.to_owned(), format!("{url}/"), format!("{url}//")] {
                let store = opened(&written, &credentials).unwrap();
                assert_eq!((store.place(), format!("{store:?}")), (url, format!("Store({url})")));
            }
        }
    }

    #[test]
    fn what_is_no_store_is_refused_with_what_is() {
        for url in [
            "",
            "http://host/x",
            "s3://",
            "s3:///a",
            "s3://KEY:SECRET@bucket/a",
            "s3://bucket/a?key=SECRET",
            "ftp://a/b",
        ] {
            let error = opened(url, &credentials).unwrap_err();
            assert!(error.hint().contains("s3://BUCKET/PREFIX"), "{url}: {error}");
            assert!(!error.to_string().contains("SECRET"), "{error}");
        }
        assert!(opened("s3://bucket/a b", &credentials).is_err());
    }

    #[test]
    fn half_of_the_credentials_is_an_error_that_does_not_show_it() {
        let half = |name: &str| credentials(name).filter(|_| name == "AWS_ACCESS_KEY_ID");
        let error = opened("s3://bucket", &half).unwrap_err();
        assert!(!error.to_string().contains("SECRETID") && !error.hint().is_empty(), "{error}");
    }

    #[test]
    fn a_directory_is_relative_to_its_base_and_made_only_where_that_is_meant() {
        let (base, watch) = (tempfile::tempdir().unwrap(), Watch::default());
        let with = |create| Opening {
            endpoint: None,
            variable: &|_| None,
            base: base.path(),
            create,
            watch: &watch,
        };
        // The store itself, or what it would lie in.
        for (url, create) in [("backups", false), ("disk/backups", false), ("disk/backups", true)] {
            let error = open(url, &with(create)).unwrap_err();
            assert!(
                error.to_string().ends_with(" is not there") && error.hint().contains("mount"),
                "{error}"
            );
        }
        assert!(open("backups", &with(true)).is_ok());
        assert!(open("backups", &with(false)).is_ok());
        assert!(fs::metadata(base.path().join("backups")).unwrap().is_dir());
    }
}
