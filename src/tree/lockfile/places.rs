//! The tree of folders that npm and bun install packages into, and Node's rule of finding one from another.

use crate::format::bom::Node;
use std::collections::HashMap;

/// The most folders above one another that are followed.
const DEPTH_MAX: usize = 64;

/// A folder that holds a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(u32);

/// Folders by their paths, such as `packages/a/node_modules/@b/c`.
#[derive(Default)]
pub struct Places<'a> {
    folders: Vec<Folder<'a>>,
    /// Those outside of any `node_modules`: the root, members of a workspace.
    bases: HashMap<&'a str, Place>,
    /// Those inside: of which folder, by which name.
    inside: HashMap<(Place, &'a str), Place>,
}

#[derive(Default)]
struct Folder<'a> {
    above: Option<Place>,
    depth: usize,
    package: Option<Node>,
    link: Option<&'a str>,
}

impl<'a> Places<'a> {
    /// The name under which a path's package is installed; `None` for a path outside of `node_modules`.
    pub fn name(path: &str) -> Option<&str> {
        let inside =
            path.strip_prefix("node_modules/").or_else(|| Some(path.split_once("/node_modules/")?.1))?;
        Some(inside.rsplit("/node_modules/").next().unwrap_or(inside))
    }

    /// The folder of a path, made if it is not there; `None` if it is too deep.
    pub fn make(&mut self, path: &'a str) -> Option<Place> {
        let (base, inside) = split(path);
        let mut place = self.base(base)?;
        for name in inside.into_iter().flat_map(|inside| inside.split("/node_modules/")) {
            place = self.child(place, name)?;
        }
        Some(place)
    }

    /// The folder of a name inside another, made if it is not there; `None` if it is too deep.
    pub fn child(&mut self, above: Place, name: &'a str) -> Option<Place> {
        if let Some(known) = self.inside.get(&(above, name)) {
            return Some(*known);
        }
        let place = self.add(Some(above))?;
        self.inside.insert((above, name), place);
        Some(place)
    }

    /// Says which package a folder holds.
    pub fn put(&mut self, place: Place, package: Node) {
        if let Some(folder) = self.folders.get_mut(place.0 as usize) {
            folder.package = Some(package);
        }
    }

    /// Says that a folder is a link to another.
    pub fn link(&mut self, place: Place, path: &'a str) {
        if let Some(folder) = self.folders.get_mut(place.0 as usize) {
            folder.link = Some(path);
        }
    }

    /// What `require(name)` finds from a folder: the nearest package of that name.
    pub fn find(&self, from: Place, name: &str) -> Option<Node> {
        let mut at = Some(from);
        while let Some(place) = at {
            let inside = self.inside.get(&(place, name));
            if let Some(package) = inside.and_then(|inside| self.package(*inside)) {
                return Some(package);
            }
            at = self.folders.get(place.0 as usize)?.above;
        }
        None
    }

    fn package(&self, place: Place) -> Option<Node> {
        let folder = self.folders.get(place.0 as usize)?;
        let linked = || self.folders.get(self.known(folder.link?)?.0 as usize)?.package;
        folder.package.or_else(linked)
    }

    fn known(&self, path: &str) -> Option<Place> {
        let (base, inside) = split(path);
        let mut place = *self.bases.get(base)?;
        for name in inside.into_iter().flat_map(|inside| inside.split("/node_modules/")) {
            place = *self.inside.get(&(place, name))?;
        }
        Some(place)
    }

    /// A folder outside of `node_modules`, with every folder above it: a package may be looked for in each.
    fn base(&mut self, path: &'a str) -> Option<Place> {
        if let Some(known) = self.bases.get(path) {
            return Some(*known);
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let prefixes: Vec<&'a str> = ends.take(DEPTH_MAX + 1).filter_map(|end| path.get(..end)).collect();
        if prefixes.len() > DEPTH_MAX {
            return None;
        }
        let mut above = match self.bases.get("") {
            Some(root) => *root,
            None => self.add(None)?,
        };
        self.bases.insert("", above);
        for prefix in prefixes {
            above = match self.bases.get(prefix) {
                Some(known) => *known,
                None => self.add(Some(above))?,
            };
            self.bases.insert(prefix, above);
        }
        Some(above)
    }

    fn add(&mut self, above: Option<Place>) -> Option<Place> {
        let depth = match above {
            Some(above) => self.folders.get(above.0 as usize)?.depth + 1,
            None => 0,
        };
        let place = Place(u32::try_from(self.folders.len()).ok()?);
        self.folders.push(Folder { above, depth, ..Folder::default() });
        (depth <= DEPTH_MAX).then_some(place)
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    match path.strip_prefix("node_modules/") {
        Some(inside) => ("", Some(inside)),
        None => match path.split_once("/node_modules/") {
            Some((base, inside)) => (base, Some(inside)),
            None => (path, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::{Component, ComponentKind, Graph};

    #[test]
    fn a_package_is_found_in_the_nearest_folder() {
        let mut graph = Graph::default();
        let mut places = Places::default();
        let paths = [
            "",
            "a/b",
            "node_modules/x",
            "a/b/node_modules/x",
            "a/node_modules/y",
            "node_modules/y/node_modules/x",
        ];
        let nodes = paths.map(|path| {
            let node = graph.add(Component::new(ComponentKind::Library, path, None));
            let place = places.make(path).unwrap();
            places.put(place, node);
            (place, node)
        });
        let link = places.make("node_modules/@s/b").unwrap();
        places.link(link, "a/b");
        let [(root, _), (member, member_node), (_, x), (in_member, member_x), (_, y), (_, y_x)] = nodes;
        assert_eq!(places.find(root, "x"), Some(x));
        assert_eq!(places.find(member, "x"), Some(member_x));
        assert_eq!(places.find(in_member, "y"), Some(y));
        assert_eq!(places.find(in_member, "@s/b"), Some(member_node));
        let below = places.make("node_modules/y").unwrap();
        assert_eq!(places.find(below, "x"), Some(y_x));
        assert_eq!(places.find(root, "y"), None, "the folder is there, a package is not");
        assert_eq!(Places::name("a/b/node_modules/@s/x"), Some("@s/x"));
        assert_eq!(Places::name("a/b"), None);
    }

    #[test]
    fn paths_have_a_limit() {
        let mut places = Places::default();
        let (deep, nested) = ("a/".repeat(100_000), "node_modules/a/".repeat(100_000));
        assert_eq!((places.make(&deep), places.make(&nested)), (None, None));
        assert!(places.folders.len() < 100, "{}", places.folders.len());
    }
}
