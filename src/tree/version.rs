//! Which version of which project a tree is, and who says so.

use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::policy::{Policy, is_project_name};
use crate::tree::git::GitFacts;
use crate::tree::manifest;
use crate::tree::text;
use std::fs;
use std::path::Path;

/// The longest version, in bytes.
const VERSION_BYTES_MAX: usize = 64;

/// Who tells the project's name where nothing else does.
pub const BY_FOLDER: &str = "the folder's name";

/// A name or version, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The value: it can be part of a file's name.
    pub value: String,
    /// Who says so, for people: `--version`, `VERSION`, `tag v1.2.3`, `Cargo.toml`, …
    pub by: String,
}

/// The version to seal: the one given, else the policy's version file, else the one tag at HEAD that fits the
/// policy's template, else the ecosystem's manifest.
pub fn version(root: &Path, policy: &Policy, given: Option<&str>, git: Option<&GitFacts>) -> Result<Told> {
    let told = match given {
        Some(given) => Told { value: given.to_owned(), by: "--version".to_owned() },
        None => found(root, policy, git)?,
    };
    if is_version(&told.value) {
        return Ok(told);
    }
    let message =
        format!("`{}` ({}) cannot be a version in a file's name", told.value.escape_debug(), told.by);
    let hint = format!("use 1 to {VERSION_BYTES_MAX} of 0-9 A-Z a-z . + _ -: --version V");
    Err(match given {
        Some(_) => Error::usage(message, hint),
        None => Error::input(message, hint),
    })
}

/// The project's name: the policy's, else the ecosystem's manifest's, else the folder's, made valid.
pub fn project_name(root: &Path, policy: &Policy) -> Result<Told> {
    if let Some(name) = &policy.project {
        return Ok(Told { value: name.clone(), by: policy.source.to_string() });
    }
    for (file, Manifest { name, .. }) in manifest::all(root)? {
        if let Some(value) = name.map(|name| made_valid(&name)).filter(|name| is_project_name(name)) {
            return Ok(Told { value, by: file.to_owned() });
        }
    }
    let full = fs::canonicalize(root).map_err(Error::io("find", root))?;
    let value = full.file_name().map(|name| made_valid(&name.to_string_lossy())).unwrap_or_default();
    if is_project_name(&value) {
        return Ok(Told { value, by: BY_FOLDER.to_owned() });
    }
    let message = format!("{} does not tell the project's name", root.display());
    Err(Error::input(message, "write it into the policy: [project] name = \"…\""))
}

/// Whether a text can be the `{version}` of a pack's name: `[0-9A-Za-z.+_-]{1,64}`.
pub fn is_version(text: &str) -> bool {
    (1..=VERSION_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'_' | b'-'))
}

fn found(root: &Path, policy: &Policy, git: Option<&GitFacts>) -> Result<Told> {
    if let Some(file) = &policy.version_file {
        let path = root.join(file.as_str());
        let text = text::read(&path)?.ok_or_else(|| {
            let message = format!("there is no {}, which the policy names as version_file", path.display());
            Error::input(message, "write the version into it, or give --version V")
        })?;
        return Ok(Told { value: text.trim().to_owned(), by: file.to_string() });
    }
    let tags = git.map_or(&[][..], |git| &git.tags_at_head);
    let fitting: Vec<_> = tags.iter().filter_map(|tag| Some((tag, policy.tag.version(tag)?))).collect();
    match fitting[..] {
        [] => {}
        [(tag, version)] => return Ok(Told { value: version.to_owned(), by: format!("tag {tag}") }),
        _ => {
            let names: Vec<_> = fitting.iter().map(|(tag, _)| tag.as_str()).collect();
            let message = format!("several tags at HEAD fit `{}`: {}", policy.tag, names.join(", "));
            return Err(Error::input(message, "say which version is meant: --version V"));
        }
    }
    for (file, Manifest { version, .. }) in manifest::all(root)? {
        if let Some(value) = version {
            return Ok(Told { value, by: file.to_owned() });
        }
    }
    let message = format!(
        "nothing in {} tells the version: no tag at HEAD fits `{}`, and no manifest has one",
        root.display(),
        policy.tag
    );
    Err(Error::usage(message, "--version V"))
}

/// `@scope/name` and the like as a name that a file can have: every run of other characters becomes one dash.
fn made_valid(name: &str) -> String {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let parts: Vec<_> = name.split(|c| !is_valid(c)).filter(|part| !part.is_empty()).collect();
    let joined = parts.join("-");
    let start = joined.trim_start_matches(['.', '-']);
    start.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Source;

    fn policy(text: &str) -> Policy {
        let rules = "[[include]]\nclass = 'doc'\npaths = ['**']\n";
        Policy::parse(Source::File("p.toml".into()), format!("schema = 1\n{text}\n{rules}")).unwrap()
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::Builder::new().prefix("my app ").tempdir().unwrap();
        for (name, text) in files {
            fs::write(root.path().join(name), text).unwrap();
        }
        root
    }

    fn tagged(tags: &[&str]) -> GitFacts {
        GitFacts { tags_at_head: tags.iter().map(|tag| tag.to_string()).collect(), ..GitFacts::default() }
    }

    fn told(value: &str, by: &str) -> Told {
        Told { value: value.into(), by: by.into() }
    }

    #[test]
    fn the_version_is_the_one_given_then_the_files_then_the_tags_then_the_manifests() {
        let root =
            tree(&[("VERSION", "3.0.0\n"), ("Cargo.toml", "[package]\nname = 'a'\nversion = '1.0.0'\n")]);
        let git = tagged(&["nightly", "v2.0.0"]);
        let (with_file, without) = (policy("[project]\nversion_file = 'VERSION'"), policy(""));
        let root = root.path();
        assert_eq!(version(root, &with_file, Some("4"), Some(&git)).unwrap(), told("4", "--version"));
        assert_eq!(version(root, &with_file, None, Some(&git)).unwrap(), told("3.0.0", "VERSION"));
        assert_eq!(version(root, &without, None, Some(&git)).unwrap(), told("2.0.0", "tag v2.0.0"));
        assert_eq!(version(root, &without, None, None).unwrap(), told("1.0.0", "Cargo.toml"));
    }

    #[test]
    fn several_fitting_tags_are_refused_and_listed() {
        let root = tree(&[]);
        let error =
            version(root.path(), &policy(""), None, Some(&tagged(&["v1.0.0", "v1.0.1"]))).unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error:?}");
        assert_eq!(error.to_string(), "several tags at HEAD fit `v{version}`: v1.0.0, v1.0.1");
    }

    #[test]
    fn no_version_anywhere_says_what_to_type() {
        let root = tree(&[("package.json", "{\"name\": \"x\"}")]);
        let error = version(root.path(), &policy(""), None, None).unwrap_err();
        assert!(matches!(error, Error::Usage { .. }), "{error:?}");
        assert_eq!(error.hint(), "--version V");
    }

    #[test]
    fn a_version_that_is_no_part_of_a_file_name_is_refused() {
        let root = tree(&[("VERSION", "1.0\n2.0\n")]);
        for bad in ["", "1/2", "a b", "1\n", &"1".repeat(65)] {
            let error = version(root.path(), &policy(""), Some(bad), None).unwrap_err();
            assert!(matches!(error, Error::Usage { .. }), "{bad}: {error:?}");
        }
        let from_file = policy("[project]\nversion_file = 'VERSION'");
        assert!(matches!(version(root.path(), &from_file, None, None), Err(Error::Input { .. })));
    }

    #[test]
    fn a_version_file_that_is_not_there_is_told() {
        let root = tree(&[]);
        let error = version(root.path(), &policy("[project]\nversion_file = 'V'"), None, None).unwrap_err();
        assert!(
            matches!(error, Error::Input { .. }) && error.to_string().contains("version_file"),
            "{error:?}"
        );
    }

    #[test]
    fn the_project_is_the_policys_then_the_manifests_then_the_folders() {
        let root = tree(&[("package.json", "{\"name\": \"@acme/web app\"}")]);
        let named = policy("[project]\nname = 'app'");
        assert_eq!(project_name(root.path(), &named).unwrap(), told("app", "p.toml"));
        assert_eq!(project_name(root.path(), &policy("")).unwrap(), told("acme-web-app", "package.json"));
        let bare = tree(&[]);
        let found = project_name(bare.path(), &policy("")).unwrap();
        assert!(found.value.starts_with("my-app-") && found.by == "the folder's name", "{found:?}");
        assert!(matches!(project_name(Path::new("/"), &policy("")), Err(Error::Input { .. })));
    }
}
