//! What the lockfiles of npm, pnpm, yarn and bun share: names of packages, where they come from, and package.json.

use crate::format::bom::{Component, ComponentKind, Licence, Purl, Scope};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::json::{self, Dialect};
use crate::tree::lockfile::source::{download_url, vcs_url};
use crate::tree::lockfile::{Beside, Lockfile};

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A registry: name and version say it all.
    Registry,
    /// A repository: `git+ssh://git@host/owner/name.git#commit`, `github:owner/name#commit`.
    Git(&'a str),
    /// An archive at an address.
    Address(&'a str),
    /// A file or folder beside the project, which no package URL can name.
    Local,
}

impl<'a> Source<'a> {
    /// What a text stands for that some lockfiles have in the place of a version.
    pub fn of(text: &'a str) -> Source<'a> {
        let begins = |with: &[&str]| with.iter().any(|with| text.starts_with(with));
        if begins(&["file:", "link:", "portal:", "workspace:"]) {
            Source::Local
        } else if begins(&["git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:"]) {
            Source::Git(text)
        } else if begins(&["http:", "https:"]) {
            let address = text.split_once('#').map_or(text, |(address, _)| address);
            if address.ends_with(".git") { Source::Git(text) } else { Source::Address(text) }
        } else {
            Source::Registry
        }
    }
}

/// The package URL of a package of the npm kind: `pkg:npm/%40scope/name@version`.
pub fn purl(name: &str, version: &str, source: Source<'_>) -> Option<Purl> {
    let (scope, bare) = match name.split_once('/') {
        Some((scope, bare)) if scope.starts_with('@') => (scope, bare),
        _ => ("", name),
    };
    let (key, value) = match source {
        Source::Registry => ("vcs_url", String::new()),
        Source::Git(text) => ("vcs_url", vcs_url(text)?),
        Source::Address(text) => ("download_url", download_url(text)?),
        Source::Local => return None,
    };
    Purl::qualified("npm", scope, bare, version, &[(key, &value)])
}

/// A package that something depends on. An empty version is none.
pub fn package(name: &str, version: &str, source: Source<'_>) -> Component {
    let stated = Some(version).filter(|version| !version.is_empty());
    let purl = purl(name, version, source);
    Component { purl, ..Component::new(ComponentKind::Library, name, stated) }
}

/// A project of the tree: the root, or a member of a workspace. Without a name it is called after its folder.
pub fn project(
    lockfile: &Lockfile<'_>,
    folder: &str,
    name: Option<&str>,
    version: Option<&str>,
) -> Component {
    let version = version.filter(|version| !version.is_empty());
    match name.filter(|name| !name.is_empty()) {
        Some(name) => {
            let purl = purl(name, version.unwrap_or_default(), Source::Registry);
            Component { purl, ..Component::new(ComponentKind::Application, name, version) }
        }
        None => Component::new(ComponentKind::Application, lockfile.folder_name(folder), version),
    }
}

/// What a project's package.json says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// `name`
    pub name: Option<String>,
    /// `version`
    pub version: Option<String>,
    /// `license`
    pub licence: Option<Licence>,
    /// What it needs: name, range, and when.
    pub needs: Vec<(String, String, Scope)>,
    /// The members of its workspace, as far as they are named without a glob.
    pub members: Vec<String>,
    /// Whether others are named with one.
    pub has_globs: bool,
}

/// The lists of a manifest. What stands in a later one as well is meant as the later one says.
pub const LISTS: [(&str, Scope); 3] = [
    ("dependencies", Scope::Runtime),
    ("optionalDependencies", Scope::Optional),
    ("devDependencies", Scope::Development),
];

/// The package.json of a folder below the lockfile; `None` if there is none that can be read.
pub fn manifest(beside: &dyn Beside, folder: &str) -> Option<Manifest> {
    let folder = folder.trim_start_matches("./").trim_matches('/');
    let path = match folder {
        "" | "." => "package.json".to_owned(),
        folder => format!("{folder}/package.json"),
    };
    let bytes = beside.read(&path)?;
    let node = json::parse(&bytes, Dialect::Strict).ok()?;
    let text = |key: &str| node.get(key).and_then(Node::string).map(str::to_owned);
    let mut needs = Vec::new();
    for (list, when) in LISTS {
        for entry in node.get(list).map(Node::entries).unwrap_or_default() {
            let range = entry.node.string().unwrap_or_default().to_owned();
            needs.push((entry.key.clone().into_owned(), range, when));
        }
    }
    let workspaces = node.get("workspaces");
    let members = workspaces.and_then(|node| node.get("packages")).or(workspaces);
    let members = members.map(Node::items).unwrap_or_default().iter().filter_map(Node::string);
    let (globs, members): (Vec<&str>, Vec<&str>) =
        members.partition(|member| member.contains(['*', '?', '!', '{', '[']));
    Some(Manifest {
        name: text("name"),
        version: text("version"),
        licence: node.get("license").and_then(licence),
        needs,
        members: members.into_iter().map(str::to_owned).collect(),
        has_globs: !globs.is_empty(),
    })
}

/// A licence as a text, or as the object that npm took long ago.
pub fn licence(node: &Node<'_>) -> Option<Licence> {
    node.string().or_else(|| node.get("type")?.string()).and_then(Licence::read)
}

/// `name@rest`, where the name may begin with an `@`.
pub fn split_name(text: &str) -> Option<(&str, &str)> {
    let from = usize::from(text.starts_with('@'));
    let at = from + text.get(from..)?.find('@')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn package_urls_say_where_a_package_comes_from() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (name, source, expected) in [
            ("ms", "1.0.0".to_owned(), Some("pkg:npm/ms@1.0.0".to_owned())),
            ("@types/ms", "^1".to_owned(), Some("pkg:npm/%40types/ms@1.0.0".to_owned())),
            (
                "ms",
                format!("git+ssh://git@host.example/a/ms.git#{commit}"),
                Some(format!(
                    "pkg:npm/ms@1.0.0?vcs_url=git%2Bssh:%2F%2Fgit%40host.example%2Fa%2Fms.git%40{commit}"
                )),
            ),
            (
                "ms",
                "https://user:secret@host.example/ms.tgz?token=secret#hash".to_owned(),
                Some("pkg:npm/ms@1.0.0?download_url=https:%2F%2Fhost.example%2Fms.tgz".to_owned()),
            ),
            ("ms", "file:../ms".to_owned(), None),
        ] {
            let purl = purl(name, "1.0.0", Source::of(&source));
            assert_eq!(purl.map(|purl| purl.to_string()), expected, "{source}");
        }
    }

    #[test]
    fn a_manifest_says_what_is_needed_when() {
        let text = r#"{"name": "a", "license": {"type": "MIT"}, "dependencies": {"b": "^1"},
            "devDependencies": {"c": "2"}, "workspaces": {"packages": ["x", "y/*"]}}"#;
        let beside = BTreeMap::from([("packages/a/package.json", text)]);
        let manifest = manifest(&beside, "./packages/a").unwrap();
        let needs = [("b", "^1", Scope::Runtime), ("c", "2", Scope::Development)];
        assert_eq!(
            manifest.needs,
            needs.map(|(name, range, when)| (name.to_owned(), range.to_owned(), when))
        );
        assert_eq!((manifest.name.as_deref(), manifest.version), (Some("a"), None));
        assert_eq!(manifest.licence, Some(Licence::Expression("MIT".into())));
        assert_eq!((&manifest.members[..], manifest.has_globs), (&["x".to_owned()][..], true));
    }

    #[test]
    fn names_end_at_the_first_at_that_does_not_begin_them() {
        assert_eq!(split_name("@a/b@npm:c@1"), Some(("@a/b", "npm:c@1")));
        assert_eq!(split_name("a@1"), Some(("a", "1")));
        assert_eq!(split_name("@a/b"), None);
        assert_eq!(split_name(""), None);
    }
}
