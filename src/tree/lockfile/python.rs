//! What Python's lockfiles have in common: names, package URLs, digests, and the project beside them.

use crate::finding::Code;
use crate::format::bom::{self, Checksum, Component, ComponentKind, Purl, checksum::Algorithm};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::lockfile::{Lockfile, pyproject, pyproject::Project};
use crate::tree::reading::Fault;

/// A name as the index compares it (PEP 503): lower case, and one dash for every run of `-`, `_` and `.`.
pub fn normalized(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ if c.is_ascii() => normal.push(c.to_ascii_lowercase()),
            _ => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

/// Where a package comes from, as far as its package URL tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// An index.
    #[default]
    Index,
    /// A repository and a commit in it: `git+https://host/repo@commit`.
    Vcs(String),
    /// The address of a file.
    Url(String),
    /// A folder or file beside the lockfile: no one else can tell which package that is.
    Local,
}

/// A package, named as the file has it.
pub fn package(name: &str, version: Option<&str>, origin: &Origin) -> Component {
    let qualifier = match origin {
        Origin::Index | Origin::Local => ("", ""),
        Origin::Vcs(address) => ("vcs_url", address.as_str()),
        Origin::Url(address) => ("download_url", address.as_str()),
    };
    let purl = match origin {
        Origin::Local => None,
        _ => Purl::qualified("pypi", "", &normalized(name), version.unwrap_or_default(), &[qualifier]),
    };
    Component { purl, ..Component::new(ComponentKind::Library, name, version) }
}

/// `sha256:HEX`, as pip, Poetry, PDM and uv write it.
pub fn checksum(text: &str) -> Option<Checksum> {
    let (algorithm, hex) = text.split_once(':')?;
    Checksum::from_hex(Algorithm::named(algorithm)?, hex)
}

/// Adds a digest where a file states one; what is none is a fault.
pub fn add_checksum(assembly: &mut Assembly, to: &mut Component, stated: &Node<'_>) {
    match stated.text().map(checksum) {
        Some(Some(checksum)) => to.checksums.push(checksum),
        _ => {
            let what = format!("`{}` has a hash that is none", to.name.escape_debug());
            assembly.invalid(stated.line(), what);
        }
    }
}

/// A dependency's name at the start of a requirement (PEP 508), normalised: `Coverage[toml]>=5; os_name == "nt"`.
pub fn required_name(requirement: &str) -> Option<String> {
    let requirement = requirement.trim_start();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = requirement.find(|c| !is_name(c)).unwrap_or(requirement.len());
    requirement.get(..end).filter(|name| !name.is_empty()).map(normalized)
}

/// Adds the project that `pyproject.toml` beside the lockfile describes, as a root; what it needs is linked later.
pub fn add_project(assembly: &mut Assembly, lockfile: &Lockfile<'_>) -> Option<(bom::Node, Project)> {
    let project = match pyproject::beside(lockfile)? {
        Ok(project) => project,
        Err(fault) => {
            let line = fault.line.map_or(String::new(), |line| format!(":{line}"));
            let what = format!("pyproject.toml{line} beside it: {}", fault.what);
            assembly.fault(Fault::of_file(Code::SbomSourceInvalid, what));
            return None;
        }
    };
    let name = project.name.as_deref()?;
    let described = package(name, project.version.as_deref(), &Origin::Index);
    let (kind, licence) = (ComponentKind::Application, project.licence.clone());
    let node = assembly.root(Component { kind, licence, ..described });
    Some((node, project))
}

/// Links a project with what it needs.
pub fn link_project(assembly: &mut Assembly, packages: &mut Packages, root: bom::Node, project: &Project) {
    for (name, scope) in &project.needs {
        packages.link(assembly, root, name, *scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_the_index_does() {
        assert_eq!(normalized("Zope.Interface"), "zope-interface");
        assert_eq!(normalized("ruamel_.-yaml"), "ruamel-yaml");
        assert_eq!(
            package("Ruamel.YAML", Some("1"), &Origin::Index).purl.unwrap().as_str(),
            "pkg:pypi/ruamel-yaml@1"
        );
    }

    #[test]
    fn a_requirement_begins_with_its_name() {
        assert_eq!(required_name("Coverage[toml]>=5; os_name == 'nt'").as_deref(), Some("coverage"));
        assert_eq!(required_name(" a_b==1").as_deref(), Some("a-b"));
        assert_eq!(required_name("==1"), None);
    }

    #[test]
    fn packages_from_elsewhere_say_where() {
        let vcs = package("x", Some("1"), &Origin::Vcs("git+https://h.example/r@abc".into()));
        assert_eq!(vcs.purl.unwrap().as_str(), "pkg:pypi/x@1?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fr%40abc");
        assert_eq!(package("x", None, &Origin::Local).purl, None);
    }
}
