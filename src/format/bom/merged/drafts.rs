//! The first step: every component of every source under the key by which it is one with others.

use crate::format::bom::merged::Role;
use crate::format::bom::release::{Origin, RELEASED_FILE, Release, ReleaseFile, Source};
use crate::format::bom::{Component, ComponentKind};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// What makes components one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key<'a> {
    Purl(&'a str),
    Named(ComponentKind, &'a str, Option<&'a str>),
    /// The folder of its lockfile, its name and version, its package URL.
    Project(&'a str, &'a str, Option<&'a str>, Option<&'a str>),
    /// What an artifact without a package URL is: its path, name and version.
    Artifact(&'a str, &'a str, Option<&'a str>),
    File(&'a str),
}

/// A component and everything that is said of it.
pub(super) struct Draft<'a> {
    key: Key<'a>,
    pub role: Role<'a>,
    /// By which source, in the order of the sources, and what.
    pub said: Vec<(usize, &'a Component)>,
    /// What it needs, as drafts, in no order and maybe twice.
    pub needs: Vec<usize>,
}

/// All of them.
pub(super) struct Drafts<'a> {
    pub all: Vec<Draft<'a>>,
    /// What the subject consists of.
    pub subject_needs: Vec<usize>,
    subject: &'a Component,
    by_key: HashMap<Key<'a>, usize>,
}

impl<'a> Drafts<'a> {
    pub fn collect(release: &'a Release, sources: &[&'a Source]) -> Drafts<'a> {
        let nodes: usize = sources.iter().map(|source| source.graph.len()).sum();
        let mut drafts = Drafts {
            all: Vec::with_capacity(nodes + release.files.len()),
            subject_needs: Vec::new(),
            subject: &release.subject,
            by_key: HashMap::with_capacity(nodes + release.files.len()),
        };
        for file in &release.files {
            drafts.add_file(file);
        }
        for (at, source) in sources.iter().enumerate() {
            drafts.add_source(at, source);
        }
        drafts
    }

    fn add_file(&mut self, file: &'a ReleaseFile) {
        let draft = self.draft(Key::File(file.path.as_str()), Role::File(file));
        self.subject_needs.push(draft);
    }

    fn add_source(&mut self, at: usize, source: &'a Source) {
        let graph = &source.graph;
        let mut is_root = vec![false; graph.len()];
        for root in graph.roots() {
            is_root[root.index()] = true;
        }
        let mut draft_of = Vec::with_capacity(graph.len());
        for node in graph.nodes() {
            let component = graph.component(node);
            let is_root = is_root[node.index()];
            let is_project = is_root && source.origin == Origin::Lockfile;
            let role = if is_project { Role::Project } else { Role::Package };
            let draft = self.draft(key(source, component, is_root), role);
            self.all[draft].said.push((at, component));
            draft_of.push(draft);
        }
        for node in graph.nodes() {
            let from = draft_of[node.index()];
            let needs = graph.needs(node).iter().map(|need| draft_of[need.index()]);
            self.all[from].needs.extend(needs.filter(|&need| need != from));
        }
        let roots = graph.roots().iter().map(|root| draft_of[root.index()]);
        let file = self.by_key.get(&Key::File(&source.path)).copied();
        match file.filter(|_| source.origin == Origin::Artifact) {
            Some(file) => self.all[file].needs.extend(roots),
            None => self.subject_needs.extend(roots),
        }
    }

    fn draft(&mut self, key: Key<'a>, role: Role<'a>) -> usize {
        let next = self.all.len();
        let draft = *self.by_key.entry(key).or_insert(next);
        if draft == next {
            self.all.push(Draft { key, role, said: Vec::new(), needs: Vec::new() });
        }
        draft
    }

    /// The drafts by name, and their names in that order; the subject's name is the last.
    ///
    /// Two keys can give one name where names have slashes in them: then a number is added, in the order of the keys.
    pub fn named(&self) -> (Vec<usize>, Vec<Cow<'a, str>>) {
        let subject = named("release:", "", &self.subject.name, self.subject.version.as_deref());
        let mut names: Vec<(Cow<'a, str>, Key<'a>, usize)> =
            self.all.iter().enumerate().map(|(at, draft)| (draft.key.name(), draft.key, at)).collect();
        names.sort_unstable();
        let mut taken: HashSet<Cow<'a, str>> = names.iter().map(|(name, ..)| name.clone()).collect();
        let (mut last, mut count) = (None, 1_usize);
        for (name, ..) in &mut names {
            if last.as_ref() != Some(&*name) {
                (last, count) = (Some(name.clone()), 1);
                continue;
            }
            let other = std::iter::from_fn(|| {
                count += 1;
                Some(Cow::Owned(format!("{name}#{count}")))
            });
            *name = other.into_iter().find(|other| !taken.contains(other)).expect("numbers do not end");
            taken.insert(name.clone());
        }
        names.sort_unstable();
        let order = names.iter().map(|&(.., at)| at).collect();
        let refs = names.into_iter().map(|(name, ..)| name);
        (order, refs.chain([Cow::Owned(subject)]).collect())
    }
}

fn key<'a>(source: &'a Source, component: &'a Component, is_root: bool) -> Key<'a> {
    let Component { kind, name, version, purl, .. } = component;
    let (version, purl) = (version.as_deref(), purl.as_ref().map(|purl| purl.as_str()));
    match (purl, source.origin) {
        (_, Origin::Lockfile) if is_root => Key::Project(source.folder(), name, version, purl),
        (Some(purl), _) => Key::Purl(purl),
        (None, Origin::Artifact) if is_root => Key::Artifact(&source.path, name, version),
        (None, _) => Key::Named(*kind, name, version),
    }
}

impl<'a> Key<'a> {
    /// No two kinds of keys share a beginning, so that only those of one kind can meet under one name.
    fn name(self) -> Cow<'a, str> {
        match self {
            Key::Purl(purl) => Cow::Borrowed(purl),
            Key::Named(kind, name, version) => Cow::Owned(named(beginning(kind), "", name, version)),
            Key::Project(folder, name, version, _) => Cow::Owned(named("project:", folder, name, version)),
            Key::Artifact(path, name, version) => Cow::Owned(named("artifact:", path, name, version)),
            Key::File(path) => Cow::Owned(named(RELEASED_FILE, "", path, None)),
        }
    }
}

fn beginning(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Application => "application:",
        ComponentKind::Library => "library:",
        ComponentKind::Container => "container:",
        ComponentKind::OperatingSystem => "operating-system:",
        ComponentKind::File => "inner-file:",
    }
}

fn named(beginning: &str, folder: &str, name: &str, version: Option<&str>) -> String {
    let slash = if folder.is_empty() { "" } else { "/" };
    let at = if version.is_some() { "@" } else { "" };
    [beginning, folder, slash, name, at, version.unwrap_or("")].concat()
}
