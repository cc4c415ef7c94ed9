//! One requirement (PEP 508), and what pip takes besides: addresses, archives and folders.

use crate::tree::lockfile::pip_lines::resolved;
use crate::tree::lockfile::python::Origin;
use crate::tree::lockfile::{Beside, Lockfile, pyproject};

/// A package that is required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its name as written.
    pub name: String,
    /// Its version, if it is pinned to one.
    pub version: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Requirement {
    /// Reads what stands in a file of `folder`; `None` for that folder itself, which is the project.
    pub fn read(text: &str, folder: &str, beside: &dyn Beside) -> Result<Option<Requirement>, String> {
        let unreadable = || format!("`{}` is no requirement", text.escape_debug());
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let rest = rest.trim_start();
        // The first sign after a name tells: an archive or a folder is a path, and an address has a colon.
        let is_file = text.starts_with('.') || rest.starts_with(['/', ':', '+', '\\']) || is_archive(name);
        if is_file || name.is_empty() && rest.starts_with('/') {
            return elsewhere(text, folder, beside).map_err(|()| unreadable());
        }
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(unreadable());
        }
        let rest = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(unreadable)?.1.trim_start(),
            None => rest,
        };
        let (name, origin, version) = match rest.strip_prefix('@') {
            Some(address) => (name, origin(before_marker(address)), None),
            None => (name, Origin::Index, pinned(before_marker(rest)).ok_or_else(unreadable)?),
        };
        Ok(Some(Requirement { name: name.to_owned(), version, origin }))
    }
}

fn before_marker(text: &str) -> &str {
    text.split(';').next().unwrap_or(text).trim()
}

/// The version of `==` or `===`; `None` within for any other specifiers, `None` around it for what are none.
fn pinned(specifiers: &str) -> Option<Option<String>> {
    let inner = specifiers.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(specifiers);
    let mut pinned = None;
    for specifier in inner.split(',').map(str::trim).filter(|specifier| !specifier.is_empty()) {
        let version = specifier.trim_start_matches(['=', '<', '>', '!', '~']);
        let operator = specifier.get(..specifier.len() - version.len())?;
        let version = version.trim();
        let known = ["==", "===", "<=", ">=", "!=", "~=", "<", ">"].contains(&operator);
        if !known || version.is_empty() || version.contains(char::is_whitespace) {
            return None;
        }
        if operator == "===" || operator == "==" && !version.ends_with(".*") {
            pinned = Some(version.to_owned());
        }
    }
    Some(pinned)
}

fn origin(address: &str) -> Origin {
    let address = address.split('#').next().unwrap_or(address);
    let scheme = address.split(':').next().unwrap_or_default();
    match scheme {
        "file" => Origin::Local,
        _ if scheme.contains('+') => Origin::Vcs(address.to_owned()),
        _ => Origin::Url(address.to_owned()),
    }
}

fn is_archive(name: &str) -> bool {
    [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"].iter().any(|end| name.ends_with(end))
}

/// An address or a path. The name is what `#egg=` says, else a wheel's file name, else the manifest in the folder.
fn elsewhere(text: &str, folder: &str, beside: &dyn Beside) -> Result<Option<Requirement>, ()> {
    let text = before_marker(text);
    let (place, fragment) = text.split_once('#').unwrap_or((text, ""));
    let is_address = place.contains("://");
    let origin = if is_address { origin(place) } else { Origin::Local };
    let egg = fragment.split('&').find_map(|part| part.strip_prefix("egg="));
    if let Some(egg) = egg.and_then(|egg| egg.split('[').next()).filter(|egg| !egg.is_empty()) {
        return Ok(Some(Requirement { name: egg.to_owned(), version: None, origin }));
    }
    let file = place.rsplit('/').next().unwrap_or(place);
    if let Some(wheel) = file.strip_suffix(".whl") {
        let mut parts = wheel.split('-');
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else { return Err(()) };
        let version = Some(version.to_owned());
        return Ok(Some(Requirement { name: name.to_owned(), version, origin }));
    }
    if is_address {
        return Err(());
    }
    // Extras of a folder: `.[test]`.
    let place = place.split('[').next().unwrap_or(place);
    match resolved(folder, place) {
        Some(path) if path.is_empty() => Ok(None),
        Some(path) => named_by_manifest(&path, beside).map(Some).ok_or(()),
        None => Err(()),
    }
}

/// A folder of this tree says in its `pyproject.toml` what it is.
fn named_by_manifest(path: &str, beside: &dyn Beside) -> Option<Requirement> {
    struct Inside<'a>(&'a str, &'a dyn Beside);
    impl Beside for Inside<'_> {
        fn read(&self, relative: &str) -> Option<Vec<u8>> {
            self.1.read(&format!("{}/{relative}", self.0))
        }
    }
    let inside = Inside(path, beside);
    let project = pyproject::beside(&Lockfile { path, bytes: &[], beside: &inside })?.ok()?;
    Some(Requirement { name: project.name?, version: project.version, origin: Origin::Local })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(text: &str) -> Option<(String, Option<String>, Origin)> {
        let files = BTreeMap::from([("lib/x/pyproject.toml", "[project]\nname = 'x'\nversion = '3'")]);
        let one = Requirement::read(text, "", &files).unwrap()?;
        Some((one.name, one.version, one.origin))
    }

    fn pin(name: &str, version: Option<&str>, origin: Origin) -> Option<(String, Option<String>, Origin)> {
        Some((name.into(), version.map(str::to_owned), origin))
    }

    #[test]
    fn only_a_pin_is_a_version() {
        for (text, version) in [
            ("a==1.0", Some("1.0")),
            ("a == 1.0 ; python_version < '3'", Some("1.0")),
            ("a[x,y] ===1.0+local", Some("1.0+local")),
            ("a (==1.0)", Some("1.0")),
            ("a>=1,==1.5,<2", Some("1.5")),
            ("a", None),
            ("a>=1", None),
            ("a==1.*", None),
            ("a; extra == 'b'", None),
        ] {
            assert_eq!(read(text), pin("a", version, Origin::Index), "{text}");
        }
    }

    #[test]
    fn addresses_archives_and_folders_name_packages_too() {
        let vcs = Origin::Vcs("git+https://h.example/r.git@abc".into());
        assert_eq!(read("a @ git+https://h.example/r.git@abc#egg=a"), pin("a", None, vcs.clone()));
        assert_eq!(read("git+https://h.example/r.git@abc#egg=a[x]&subdirectory=s"), pin("a", None, vcs));
        let url = Origin::Url("https://h.example/a_b-1.2-py3-none-any.whl".into());
        assert_eq!(
            read("https://h.example/a_b-1.2-py3-none-any.whl#sha256=00"),
            pin("a_b", Some("1.2"), url)
        );
        assert_eq!(read("./wheels/a-2-py3-none-any.whl"), pin("a", Some("2"), Origin::Local));
        assert_eq!(read("a-2-py3-none-any.whl"), pin("a", Some("2"), Origin::Local));
        assert_eq!(read("lib/x"), pin("x", Some("3"), Origin::Local));
        assert_eq!(read("./lib/x[extra]"), pin("x", Some("3"), Origin::Local));
        assert_eq!(read("."), None);
        assert_eq!(read(".[test]"), None);
    }

    #[test]
    fn anything_else_is_no_requirement() {
        for text in [
            "==1",
            "a = 1",
            "a==",
            "a b",
            "a[x",
            "https://h.example/x.tar.gz",
            "./nothing",
            "../up",
            "/abs",
            "<<<<<<< HEAD",
            "-x",
        ] {
            assert!(Requirement::read(text, "", &()).is_err(), "{text}");
        }
    }
}
