//! Puts what a lockfile says together: each package once, each need once, and when each is needed.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Component, Node, Scope};
use crate::tree::reading::{Fault, Reading};
use std::collections::{HashMap, HashSet};

/// A reading in the making.
pub struct Assembly {
    reading: Reading,
    packages: HashMap<Identity, Node>,
    needs: Vec<(Node, Node, Scope)>,
}

/// What makes two packages of one file the same: the package URL, else name and version.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Purl(String),
    Named(String, Option<String>),
}

impl Assembly {
    /// Nothing yet; as complete as the format can be.
    pub fn new(aggregate: Aggregate) -> Assembly {
        Assembly { reading: Reading::new(aggregate), packages: HashMap::new(), needs: Vec::new() }
    }

    /// A project that the file is about.
    pub fn root(&mut self, component: Component) -> Node {
        self.reading.graph.add_root(component)
    }

    /// A package. Where it stands in several places, as in npm's folders or as pnpm's copies for other peers, it is one
    /// component: with the digests of all of them, and needed as much as the one that is needed most.
    pub fn package(&mut self, component: Component) -> Node {
        let identity = match &component.purl {
            Some(purl) => Identity::Purl(purl.as_str().to_owned()),
            None => Identity::Named(component.name.clone(), component.version.clone()),
        };
        if let Some(node) = self.packages.get(&identity) {
            let known = self.reading.graph.component_mut(*node);
            known.scope = known.scope.min(component.scope);
            known.licence = known.licence.take().or(component.licence);
            for checksum in component.checksums {
                if !known.checksums.contains(&checksum) {
                    known.checksums.push(checksum);
                }
            }
            return *node;
        }
        let node = self.reading.graph.add(component);
        self.packages.insert(identity, node);
        node
    }

    /// Says that one needs another, and when.
    pub fn need(&mut self, from: Node, to: Node, when: Scope) {
        if from != to {
            self.needs.push((from, to, when));
        }
    }

    /// Says that the whole is known less well than the format can tell.
    pub fn limit(&mut self, aggregate: Aggregate) {
        self.reading.aggregate = self.reading.aggregate.max(aggregate);
    }

    /// Notes what could not be read. `line` is from 1.
    pub fn invalid(&mut self, line: usize, what: impl Into<String>) {
        self.reading.fault(Code::SbomSourceInvalid, Some(line), what);
    }

    /// Notes a version that is not known.
    pub fn newer(&mut self, line: usize, what: impl Into<String>) {
        self.reading.fault(Code::SbomSourceNewer, Some(line), what);
    }

    /// Notes a fault that a reader of the syntax found.
    pub fn fault(&mut self, fault: Fault) {
        self.reading.fault(fault.code, fault.line, fault.what);
    }

    /// The reading, where the file itself says when each package is needed.
    pub fn finish(mut self) -> Reading {
        let mut said = HashSet::with_capacity(self.needs.len());
        for (from, to, _) in &self.needs {
            if said.insert((*from, *to)) {
                self.reading.graph.depend(*from, *to);
            }
        }
        self.reading
    }

    /// The reading, where that follows from who needs what: a package is needed as much as the strongest way from a
    /// project to it, and a way is as weak as its weakest step. What nothing leads to counts as needed.
    pub fn finish_by_reach(mut self) -> Reading {
        let mut by_from: HashMap<Node, Vec<(Node, Scope)>> = HashMap::new();
        for (from, to, when) in &self.needs {
            by_from.entry(*from).or_default().push((*to, *when));
        }
        let mut reached: HashMap<Node, Scope> = HashMap::new();
        for limit in [Scope::Runtime, Scope::Optional, Scope::Development] {
            // What was reached by stronger ways goes on over this kind of step as well.
            let mut waiting: Vec<Node> = reached.keys().copied().collect();
            for root in self.reading.graph.roots() {
                reached.entry(*root).or_insert(Scope::Runtime);
                waiting.push(*root);
            }
            while let Some(node) = waiting.pop() {
                for (to, when) in by_from.get(&node).into_iter().flatten() {
                    if *when <= limit && !reached.contains_key(to) {
                        reached.insert(*to, limit);
                        waiting.push(*to);
                    }
                }
            }
        }
        for (node, scope) in reached {
            self.reading.graph.component_mut(node).scope = scope;
        }
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::ComponentKind;

    fn named(name: &str) -> Component {
        Component::new(ComponentKind::Library, name, Some("1"))
    }

    #[test]
    fn a_package_is_needed_as_much_as_the_strongest_way_to_it() {
        let mut assembly = Assembly::new(Aggregate::Complete);
        let root = assembly.root(named("root"));
        let [a, b, c, d, e, lost] =
            ["a", "b", "c", "d", "e", "lost"].map(|name| assembly.package(named(name)));
        assembly.need(root, a, Scope::Development);
        assembly.need(a, b, Scope::Runtime);
        assembly.need(root, c, Scope::Optional);
        assembly.need(c, b, Scope::Runtime);
        assembly.need(b, c, Scope::Runtime);
        assembly.need(c, d, Scope::Development);
        assembly.need(d, e, Scope::Runtime);
        assembly.need(root, e, Scope::Runtime);
        assembly.need(e, e, Scope::Runtime);
        assembly.need(root, e, Scope::Development);
        let graph = assembly.finish_by_reach().graph;
        let scopes = [root, a, b, c, d, e, lost].map(|node| graph.component(node).scope);
        use Scope::{Development, Optional, Runtime};
        assert_eq!(scopes, [Runtime, Development, Optional, Optional, Development, Runtime, Runtime]);
        assert_eq!(graph.needs(root), [a, c, e]);
        assert_eq!(graph.needs(e), []);
    }

    #[test]
    fn a_package_that_stands_twice_is_one() {
        let mut assembly = Assembly::new(Aggregate::Complete);
        let weak = Component { scope: Scope::Development, ..named("a") };
        let first = assembly.package(weak);
        assert_eq!(assembly.package(named("a")), first);
        let graph = assembly.finish().graph;
        assert_eq!((graph.len(), graph.component(first).scope), (1, Scope::Runtime));
    }
}
