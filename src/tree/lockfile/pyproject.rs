//! `pyproject.toml` beside a lockfile: which project it is for, and what that needs for which purpose (PEP 621, PEP 735,
//! and the tables of Poetry, PDM and uv).

use crate::format::bom::{Licence, Scope};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::python::{normalized, required_name};
use crate::tree::lockfile::toml_tree;
use crate::tree::reading::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// A project as its manifest describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// Its name as written.
    pub name: Option<String>,
    /// Its version, unless that is made when it is built.
    pub version: Option<String>,
    /// Its licence, where that is an expression or a name.
    pub licence: Option<Licence>,
    /// What it needs by normalised name, and when at the most.
    pub needs: BTreeMap<String, Scope>,
    /// The names of its extras.
    pub extras: BTreeSet<String>,
}

/// The manifest beside a lockfile, if there is one.
pub fn beside(lockfile: &Lockfile<'_>) -> Option<Result<Project, Fault>> {
    let bytes = lockfile.beside.read("pyproject.toml")?;
    Some(toml_tree::parse(&bytes).map(|manifest| project(&manifest)))
}

fn project(manifest: &Node<'_>) -> Project {
    let at = |path: &[&str]| path.iter().try_fold(manifest, |node, key| node.get(key));
    let either = |key: &str| at(&["project", key]).or_else(|| at(&["tool", "poetry", key]));
    let string = |key: &str| either(key).and_then(Node::string).map(str::to_owned);
    let licence =
        either("license").and_then(|stated| stated.string().or_else(|| stated.get("text")?.string()));
    let mut project = Project {
        name: string("name").filter(|name| !name.is_empty()),
        version: string("version").filter(|version| !version.is_empty()),
        // A licence's whole text may stand there too; that is no name.
        licence: licence.filter(|text| !text.contains('\n')).and_then(Licence::read),
        needs: BTreeMap::new(),
        extras: BTreeSet::new(),
    };
    let extras = at(&["project", "optional-dependencies"]).map_or(&[][..], Node::entries);
    project.extras.extend(extras.iter().map(|extra| extra.key.to_string()));
    for (path, scope) in [
        (&["project", "dependencies"][..], Scope::Runtime),
        (&["tool", "uv", "dev-dependencies"], Scope::Development),
    ] {
        at(path).into_iter().for_each(|list| project.require(list, scope));
    }
    for (path, scope) in [
        (&["project", "optional-dependencies"][..], Scope::Optional),
        (&["dependency-groups"], Scope::Development),
        (&["tool", "pdm", "dev-dependencies"], Scope::Development),
    ] {
        let groups = at(path).map_or(&[][..], Node::entries);
        groups.iter().for_each(|group| project.require(&group.node, scope));
    }
    if let Some(poetry) = at(&["tool", "poetry"]) {
        project.poetry(poetry);
    }
    project
}

impl Project {
    /// A list of requirements. What a group includes is a table, and stands in the group that it names anyway.
    fn require(&mut self, list: &Node<'_>, scope: Scope) {
        for requirement in list.items().iter().filter_map(Node::string) {
            if let Some(name) = required_name(requirement) {
                self.need(name, scope);
            }
        }
    }

    /// Poetry's tables have names as keys. `python` is no package.
    fn poetry(&mut self, poetry: &Node<'_>) {
        let is_optional = |node: &Node<'_>| node.get("optional").is_some_and(Node::is_true);
        let entries = |table: Option<&Node<'_>>| -> Vec<(String, bool)> {
            let entries = table.map_or(&[][..], Node::entries).iter().filter(|entry| entry.key != "python");
            entries.map(|entry| (normalized(&entry.key), is_optional(&entry.node))).collect()
        };
        for (name, optional) in entries(poetry.get("dependencies")) {
            self.need(name, if optional { Scope::Optional } else { Scope::Runtime });
        }
        let groups = poetry.get("group").map_or(&[][..], Node::entries);
        let groups = groups.iter().map(|group| group.node.get("dependencies"));
        for (name, _) in groups.chain([poetry.get("dev-dependencies")]).flat_map(entries) {
            self.need(name, Scope::Development);
        }
    }

    fn need(&mut self, name: String, scope: Scope) {
        let known = self.needs.entry(name).or_insert(scope);
        *known = scope.min(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Project {
        project(&toml_tree::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn every_table_of_requirements_is_known() {
        let project = read(
            "[project]\nname = 'My.App'\nversion = '1.0'\nlicense = 'MIT'\ndependencies = ['A_b>=1', 'c[x]']\n\
             [project.optional-dependencies]\nfast = ['d', 'c']\n\
             [dependency-groups]\ndev = ['e', {include-group = 'docs'}]\ndocs = ['f']\n\
             [tool.pdm.dev-dependencies]\ntest = ['g']\n[tool.uv]\ndev-dependencies = ['h', 'd']\n",
        );
        assert_eq!((project.name.as_deref(), project.version.as_deref()), (Some("My.App"), Some("1.0")));
        assert_eq!(project.licence.unwrap().text(), "MIT");
        let needs: Vec<_> = project.needs.iter().map(|(name, scope)| (name.as_str(), *scope)).collect();
        use Scope::{Development as D, Optional as O, Runtime as R};
        let expected = [("a-b", R), ("c", R), ("d", O), ("e", D), ("f", D), ("g", D), ("h", D)];
        assert_eq!(needs, expected);
    }

    #[test]
    fn poetry_has_tables_of_its_own() {
        let project = read(
            "[tool.poetry]\nname = 'p'\nversion = '2'\nlicense = {text = \"a\\nb\"}\n\
             [tool.poetry.dependencies]\npython = '^3'\nA_b = '*'\nc = {version = '1', optional = true}\n\
             [tool.poetry.dev-dependencies]\nd = '*'\n[tool.poetry.group.test.dependencies]\ne = '1'\n",
        );
        assert_eq!((project.name.as_deref(), project.licence), (Some("p"), None));
        let needs: Vec<_> = project.needs.iter().map(|(name, scope)| (name.as_str(), *scope)).collect();
        use Scope::{Development as D, Optional as O, Runtime as R};
        assert_eq!(needs, [("a-b", R), ("c", O), ("d", D), ("e", D)]);
    }
}
