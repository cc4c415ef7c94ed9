//! The packages of one lockfile by their names, to find what a dependency means.

use crate::finding::Code;
use crate::format::bom::{self, Graph, Scope};
use crate::tree::reading::Reading;
use std::collections::{HashMap, HashSet};

/// The most packages of one name that a dependency without a version leads to. Real ones have a handful of versions.
const NAMED_MAX: usize = 64;

/// The most dependencies of a file. The largest real ones have some 100,000.
const LINKS_MAX: usize = 4_000_000;

/// Packages by name, in whatever spelling their ecosystem compares.
#[derive(Default)]
pub struct Packages {
    by_name: HashMap<String, Vec<bom::Node>>,
    links: usize,
}

impl Packages {
    /// Notes a package under a name.
    pub fn add(&mut self, name: impl Into<String>, node: bom::Node) {
        self.by_name.entry(name.into()).or_default().push(node);
    }

    /// Every package of a name, in the order in which they came.
    pub fn named(&self, name: &str) -> &[bom::Node] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Says that a package needs whatever is of that name: all versions, where a file has several and does not say
    /// which, since each is used somewhere. Gives whether there is any.
    pub fn link(&mut self, reading: &mut Reading, from: bom::Node, name: &str) -> bool {
        let Some(found) = self.by_name.get(name) else { return false };
        if found.len() > NAMED_MAX {
            let what = format!("`{}` stands for {} packages", name.escape_debug(), found.len());
            reading.fault(Code::SbomSourceTooLarge, None, what);
        }
        for to in found.iter().take(NAMED_MAX) {
            if self.links == LINKS_MAX {
                let what = format!("more than {LINKS_MAX} dependencies");
                reading.fault(Code::SbomSourceTooLarge, None, what);
                return true;
            }
            self.links += 1;
            if *to != from {
                reading.graph.depend(from, *to);
            }
        }
        true
    }
}

/// Gives everything that is reached from a start the scope of that start. Starts are looked at from the scope that is
/// needed most to the one that is needed least; what none reaches keeps the scope that it has. Roots are not passed
/// through: what they need is needed for different ends, and stands among the starts.
pub fn spread(graph: &mut Graph, starts: &[(Scope, bom::Node)]) {
    let mut starts = starts.to_vec();
    starts.sort_by_key(|(scope, _)| *scope);
    let mut seen: HashSet<bom::Node> = graph.roots().iter().copied().collect();
    let mut waiting = Vec::new();
    for (scope, start) in starts {
        waiting.push(start);
        while let Some(node) = waiting.pop() {
            if seen.insert(node) {
                graph.component_mut(node).scope = scope;
                waiting.extend_from_slice(graph.needs(node));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::{Aggregate, Component, ComponentKind};

    fn package(reading: &mut Reading, name: &str) -> bom::Node {
        reading.graph.add(Component::new(ComponentKind::Library, name, Some("1")))
    }

    #[test]
    fn the_scope_that_is_needed_most_wins_and_cycles_end() {
        let mut reading = Reading::new(Aggregate::Complete);
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| package(&mut reading, name));
        for (from, to) in [(a, b), (b, a), (c, b), (c, d)] {
            reading.graph.depend(from, to);
        }
        spread(&mut reading.graph, &[(Scope::Development, c), (Scope::Runtime, a)]);
        let scopes = [a, b, c, d].map(|node| reading.graph.component(node).scope);
        use Scope::{Development, Runtime};
        assert_eq!(scopes, [Runtime, Runtime, Development, Development]);
    }

    #[test]
    fn a_name_of_very_many_packages_is_a_fault() {
        let mut reading = Reading::new(Aggregate::Complete);
        let mut packages = Packages::default();
        let nodes: Vec<_> = (0..=NAMED_MAX).map(|_| package(&mut reading, "x")).collect();
        nodes.iter().for_each(|node| packages.add("x", *node));
        let user = package(&mut reading, "user");
        assert!(!packages.link(&mut reading, user, "y"));
        assert!(reading.faults.is_empty());
        assert!(packages.link(&mut reading, user, "x"));
        assert_eq!(reading.graph.needs(user).len(), NAMED_MAX);
        assert_eq!(reading.faults[0].code, Code::SbomSourceTooLarge);
    }
}
