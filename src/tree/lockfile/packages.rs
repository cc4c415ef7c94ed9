//! The packages of one lockfile by their names, to find what a dependency means.

use crate::finding::Code;
use crate::format::bom::{Node, Scope};
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::reading::Fault;
use std::collections::HashMap;

/// The most packages of one name that a dependency without a version leads to. Real ones have a handful of versions.
const NAMED_MAX: usize = 64;

/// The most dependencies of a file. The largest real ones have some 100,000.
const LINKS_MAX: usize = 4_000_000;

/// Packages by name, in whatever spelling their ecosystem compares.
#[derive(Default)]
pub struct Packages {
    by_name: HashMap<String, Vec<Node>>,
    links: usize,
}

impl Packages {
    /// Notes a package under a name.
    pub fn add(&mut self, name: impl Into<String>, node: Node) {
        let same = self.by_name.entry(name.into()).or_default();
        if same.last() != Some(&node) {
            same.push(node);
        }
    }

    /// Says that a package needs whatever is of that name: all versions, where a file has several and does not say
    /// which, since each is used somewhere. Gives whether there is any.
    pub fn link(&mut self, assembly: &mut Assembly, from: Node, name: &str, when: Scope) -> bool {
        let Some(found) = self.by_name.get(name) else { return false };
        if found.len() > NAMED_MAX {
            let what = format!("`{}` stands for {} packages", name.escape_debug(), found.len());
            assembly.fault(Fault::of_file(Code::SbomSourceTooLarge, what));
        }
        for to in found.iter().take(NAMED_MAX) {
            if self.links == LINKS_MAX {
                let what = format!("more than {LINKS_MAX} dependencies");
                assembly.fault(Fault::of_file(Code::SbomSourceTooLarge, what));
                return true;
            }
            self.links += 1;
            assembly.need(from, *to, when);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::{Aggregate, Component, ComponentKind};

    #[test]
    fn a_name_of_very_many_packages_is_a_fault() {
        let mut assembly = Assembly::new(Aggregate::Complete);
        let mut packages = Packages::default();
        let component =
            |version: usize| Component::new(ComponentKind::Library, "x", Some(&version.to_string()));
        for version in 0..=NAMED_MAX {
            packages.add("x", assembly.package(component(version)));
        }
        let user = assembly.root(Component::new(ComponentKind::Application, "user", None));
        assert!(!packages.link(&mut assembly, user, "y", Scope::Runtime));
        assert!(packages.link(&mut assembly, user, "x", Scope::Runtime));
        let reading = assembly.finish();
        assert_eq!(reading.graph.needs(user).len(), NAMED_MAX);
        assert_eq!(reading.faults[0].code, Code::SbomSourceTooLarge);
        assert_eq!(reading.aggregate, Aggregate::Incomplete);
    }
}
