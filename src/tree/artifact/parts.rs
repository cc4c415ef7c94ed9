//! What the readers of artifacts share: components that are only named, people's names, one graph inside another.

use crate::format::bom::{Component, ComponentKind, Graph, Licence, Node, Purl, Scope};
use crate::tree::artifact::bounds::short;
use crate::tree::reading::{Fault, Reading};
use std::collections::BTreeMap;

/// What something needs by name, each once; where one is said twice, the scope that is needed more counts.
#[derive(Debug, Default)]
pub struct Needed(BTreeMap<String, Scope>);

impl Needed {
    /// Adds one; what can be no name is passed over.
    pub fn add(&mut self, name: &str, scope: Scope) {
        if let Some(name) = short(name) {
            let known = self.0.entry(name.to_owned()).or_insert(scope);
            *known = (*known).min(scope);
        }
    }

    /// All, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, Scope)> {
        self.0.iter().map(|(name, scope)| (name.as_str(), *scope))
    }

    /// Adds each as a library that `from` needs. Which version will be taken, nobody has said.
    pub fn add_to(&self, graph: &mut Graph, from: Node, purl: impl Fn(&str) -> Option<Purl>) {
        for (name, scope) in self.all() {
            let mut library = Component::new(ComponentKind::Library, name, None);
            library.purl = purl(name);
            library.scope = scope;
            let to = graph.add(library);
            graph.depend(from, to);
        }
    }
}

/// Adds everything of another graph; gives where each of its nodes is now, in their order.
pub fn absorb(graph: &mut Graph, other: &Graph) -> Vec<Node> {
    let moved: Vec<Node> = other.nodes().map(|node| graph.add(other.component(node).clone())).collect();
    let new: BTreeMap<Node, Node> = other.nodes().zip(moved.iter().copied()).collect();
    for node in other.nodes() {
        for need in other.needs(node) {
            if let (Some(from), Some(to)) = (new.get(&node), new.get(need)) {
                graph.depend(*from, *to);
            }
        }
    }
    moved
}

/// Notes the fault of a file that lies inside.
pub fn noted(fault: Fault, inside: &str, reading: &mut Reading) {
    let before = reading.faults.len();
    reading.fault(fault.code, fault.line, fault.what);
    if let Some(noted) = reading.faults.get_mut(before) {
        noted.inside = inside.to_owned();
    }
}

/// `Name <mail> (url)` without mail and address, as npm, Cargo and Debian write people.
pub fn person(text: &str) -> Option<String> {
    let end = text.find(['<', '(']).unwrap_or(text.len());
    let name = text.get(..end)?.trim().trim_matches('"');
    short(name).filter(|name| !name.contains('@')).map(str::to_owned)
}

/// Several people, as one supplier.
pub fn people<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = texts.filter_map(person).take(20).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// A licence that is stated on one line; a whole text is no name of one.
pub fn licence(text: &str) -> Option<Licence> {
    short(text).and_then(Licence::read)
}

/// Several licences, of which each may be chosen, as registries mean a list.
pub fn licences(texts: &[&str]) -> Option<Licence> {
    match texts {
        [] => None,
        [one] => licence(one),
        several => {
            let read: Option<Vec<Licence>> = several.iter().map(|text| licence(text)).collect();
            let read = read?;
            let all_valid = read.iter().all(|licence| matches!(licence, Licence::Expression(_)));
            let texts: Vec<&str> = read.iter().map(Licence::text).collect();
            match all_valid {
                true => {
                    Licence::read(&texts.iter().map(|text| grouped(text)).collect::<Vec<_>>().join(" OR "))
                }
                false => licence(&texts.join(", ")).map(|licence| Licence::Named(licence.text().to_owned())),
            }
        }
    }
}

fn grouped(expression: &str) -> String {
    if expression.contains(' ') { format!("({expression})") } else { expression.to_owned() }
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_lose_mail_and_address() {
        assert_eq!(person("Jane Doe <jane@example.org> (https://example.org)").as_deref(), Some("Jane Doe"));
        assert_eq!(person("\"Doe, Jane\" <jane@example.org>").as_deref(), Some("Doe, Jane"));
        assert_eq!(person("jane@example.org"), None);
        assert_eq!(person("<jane@example.org>"), None);
        assert_eq!(people(["A <a@x>", "b@x", "C"].into_iter()).as_deref(), Some("A, C"));
    }

    #[test]
    fn a_list_of_licences_is_a_choice() {
        assert_eq!(licences(&["MIT", "Ruby"]), Some(Licence::Expression("MIT OR Ruby".into())));
        assert_eq!(licences(&["MIT", "Ours"]), Some(Licence::Named("MIT, Ours".into())));
        assert_eq!(licences(&["MIT\nPermission is hereby granted"]), None);
    }

    #[test]
    fn a_graph_inside_a_graph_keeps_its_edges() {
        let mut inner = Graph::default();
        let (a, b) = (
            inner.add(Component::new(ComponentKind::Library, "a", None)),
            inner.add(Component::new(ComponentKind::Library, "b", None)),
        );
        inner.depend(a, b);
        let mut graph = Graph::default();
        graph.add_root(Component::new(ComponentKind::Application, "root", None));
        let moved = absorb(&mut graph, &inner);
        assert_eq!((graph.len(), graph.needs(moved[0])), (3, &moved[1..]));
    }
}
