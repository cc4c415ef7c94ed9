//! Components, and which needs which.

use crate::format::bom::Component;

/// A component's place in its [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(u32);

impl Node {
    /// Its place in [`Graph::nodes`].
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Components of one file, or of a whole release. Cycles are allowed: npm has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    components: Vec<Component>,
    depends: Vec<Vec<Node>>,
    roots: Vec<Node>,
}

impl Graph {
    /// Adds a component that nothing depends on yet.
    pub fn add(&mut self, component: Component) -> Node {
        let node =
            Node(u32::try_from(self.components.len()).expect("a file of 64 MiB holds fewer components"));
        self.components.push(component);
        self.depends.push(Vec::new());
        node
    }

    /// Adds a component that the file is about: a project of a workspace, or what an artifact says it is.
    pub fn add_root(&mut self, component: Component) -> Node {
        let node = self.add(component);
        self.roots.push(node);
        node
    }

    /// Says that one needs another. Whoever writes the graph drops what was said twice, and what needs itself.
    pub fn depend(&mut self, from: Node, to: Node) {
        self.depends[from.0 as usize].push(to);
    }

    /// What the file is about, in the order of the file.
    pub fn roots(&self) -> &[Node] {
        &self.roots
    }

    /// How many components there are.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Every node, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..self.components.len() as u32).map(Node)
    }

    /// A component.
    pub fn component(&self, node: Node) -> &Component {
        &self.components[node.0 as usize]
    }

    /// A component, to say more of it.
    pub fn component_mut(&mut self, node: Node) -> &mut Component {
        &mut self.components[node.0 as usize]
    }

    /// What a component needs, in the order in which it was said.
    pub fn needs(&self, node: Node) -> &[Node] {
        &self.depends[node.0 as usize]
    }
}
