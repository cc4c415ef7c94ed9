//! Which of the servers that are installed here is started.

use crate::error::{Error, Result};
use crate::probe::postgres::major;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Where distributions keep the server's programs, a folder a version, and how its name begins before the version.
const DISTRIBUTIONS: [(&str, &str); 3] =
    [("/usr/lib/postgresql", ""), ("/usr/local/pgsql", ""), ("/usr", "pgsql-")];

/// The folder of the server's programs: the one that the policy names, the one of the captured server's version, the one that
/// `PATH` leads to, else the newest.
pub fn find(
    named: Option<&str>,
    captured: Option<&str>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<PathBuf> {
    if let Some(named) = named.map(PathBuf::from) {
        let message = format!("there is no initdb in {}", named.display());
        return if has_it(&named) {
            Ok(named)
        } else {
            Err(Error::input(message, "`programs` of the probe"))
        };
    }
    let on_path = on_path(&environment("PATH").unwrap_or_default());
    chosen(on_path, installed(&DISTRIBUTIONS), captured.and_then(major)).ok_or_else(|| {
        Error::input("PostgreSQL's server is not installed", "install it, of the captured version or later")
    })
}

fn has_it(folder: &Path) -> bool {
    folder.join("initdb").is_file()
}

/// The first on `PATH`. What stands there without a root is a folder of wherever this runs: none.
fn on_path(path: &OsStr) -> Option<PathBuf> {
    let path = path.to_string_lossy();
    let folder = path.split(':').map(Path::new).find(|folder| folder.is_absolute() && has_it(folder))?;
    // A link leads to the folder that has all of them.
    folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned)
}

/// Those of distributions, with their versions.
fn installed(distributions: &[(&str, &str)]) -> Vec<(u32, PathBuf)> {
    let version = |prefix: &str, path: &Path| major(path.file_name()?.to_str()?.strip_prefix(prefix)?);
    let mut found = Vec::new();
    for (folder, prefix) in distributions {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let programs = path.join("bin");
            if let Some(version) = version(prefix, &path).filter(|_| has_it(&programs)) {
                found.push((version, programs));
            }
        }
    }
    found
}

fn chosen(
    on_path: Option<PathBuf>,
    mut installed: Vec<(u32, PathBuf)>,
    wanted: Option<u32>,
) -> Option<PathBuf> {
    installed.sort();
    let same = installed.iter().find(|(version, _)| Some(*version) == wanted).map(|(_, folder)| folder);
    let newest = installed.last().map(|(_, folder)| folder);
    same.cloned().or(on_path).or(newest.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_captured_version_is_preferred_then_the_path_then_the_newest() {
        let installed =
            || vec![(9, PathBuf::from("/9")), (17, PathBuf::from("/17")), (15, PathBuf::from("/15"))];
        let path = || Some(PathBuf::from("/path"));
        for (on_path, wanted, folder) in [
            (path(), Some(15), "/15"),
            (path(), Some(16), "/path"),
            (path(), None, "/path"),
            (None, Some(16), "/17"),
            (None, None, "/17"),
        ] {
            assert_eq!(chosen(on_path, installed(), wanted), Some(PathBuf::from(folder)));
        }
        assert_eq!(chosen(None, Vec::new(), Some(15)), None);
    }

    #[test]
    fn they_are_found_by_the_path_and_where_distributions_keep_them() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        for name in ["versions/15/bin", "versions/16/lib", "others/pgsql-17/bin", "others/18/bin", "aside"] {
            fs::create_dir_all(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("initdb"), "").unwrap();
        }
        let text = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let found = installed(&[(&text("versions"), ""), (&text("others"), "pgsql-"), (&text("none"), "")]);
        let expected = [(15, "versions/15/bin"), (17, "others/pgsql-17/bin")];
        assert_eq!(found, expected.map(|(version, name)| (version, folder.join(name))));
        std::os::unix::fs::symlink(folder.join("versions/15/bin/initdb"), folder.join("others/initdb"))
            .unwrap();
        for (path, expected) in [
            (format!(":relative:{}:{}", text("others"), text("aside")), Some("versions/15/bin")),
            (format!("::{}", text("aside")), Some("aside")),
            (text("versions"), None),
            (String::new(), None),
        ] {
            assert_eq!(on_path(path.as_ref()), expected.map(|name| folder.join(name)), "{path}");
        }
    }
}
