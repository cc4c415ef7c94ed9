//! What a log says of objects: which archives must lie there, whose they are, and which were pruned. Each project speaks for
//! its own: a key that is limited to one project excuses nothing that is missing of another.

use crate::evidence::logged::Logged;
use crate::evidence::receipt::pack_name;
use crate::evidence::stored::{ARCHIVES, release_folder};
use crate::format::leaf::{Leaf, What};
use crate::format::receipt::Base;
use crate::format::statement::Subject;
use crate::log::event::Told;
use crate::store::Entry;
use std::collections::{BTreeMap, HashMap};

/// The archive that a leaf puts into the store: of the leaf's own name, which begins with its project's. Who names another
/// one's file puts nothing there.
pub fn archive_of<'t>(leaf: &Leaf, told: &'t Told) -> Option<&'t Subject> {
    let archive = told.subjects.first()?;
    let version = leaf.name.strip_prefix(&*leaf.project).and_then(|rest| rest.strip_prefix('-'));
    let is_own = version.is_some() && pack_name(&archive.name) == Some(&*leaf.name);
    is_own.then_some(archive)
}

/// The object that it must be; `None` unless the leaf puts one there.
pub fn object_of(leaf: &Leaf, told: &Told) -> Option<String> {
    let file = &archive_of(leaf, told)?.name;
    match leaf.what {
        What::Sealed => Some(format!("{}/{file}", release_folder(&leaf.name))),
        What::BackedUp => Some(format!("{ARCHIVES}/{file}")),
        _ => None,
    }
}

/// An object, and the project that put it there: two may both say so of one name.
type Owned<'l> = (String, &'l str);

/// What a log says of objects.
pub struct Register<'l> {
    /// The archives that must lie there: put there by a leaf, and not pruned by a later one.
    standing: BTreeMap<Owned<'l>, (&'l Leaf, &'l Told)>,
    /// The newest leaf that puts an object there, and its place.
    put: HashMap<String, (usize, &'l Leaf)>,
    /// The same where its statement cannot be read, so that the name alone is known.
    unread: HashMap<&'l str, (usize, &'l Leaf)>,
    /// The newest leaf that prunes an object.
    pruned: HashMap<String, &'l Leaf>,
}

impl<'l> Register<'l> {
    /// Reads the log.
    pub fn of(logged: &'l Logged) -> Register<'l> {
        let mut register = Register {
            standing: BTreeMap::new(),
            put: HashMap::new(),
            unread: HashMap::new(),
            pruned: HashMap::new(),
        };
        let mut named = HashMap::<(&str, &str), Vec<String>>::new();
        for (at, (leaf, told)) in logged.leaves.leaves.iter().zip(&logged.told).enumerate() {
            let named = named.entry((&leaf.project, &leaf.name));
            match (leaf.what, told) {
                (What::Sealed | What::BackedUp, Some(told)) => {
                    let Some(object) = object_of(leaf, told) else { continue };
                    named.or_default().push(object.clone());
                    register.put.insert(object.clone(), (at, leaf));
                    register.standing.insert((object, &leaf.project), (leaf, told));
                }
                (What::Sealed | What::BackedUp, None) => drop(register.unread.insert(&leaf.name, (at, leaf))),
                (What::Pruned, Some(told)) => {
                    named.or_default().retain(|object| !register.prune(object, leaf, told));
                }
                _ => {}
            }
        }
        register
    }

    /// Whether an object does not stand after this leaf: its statement must be about the very archive that was put there.
    fn prune(&mut self, object: &str, leaf: &'l Leaf, told: &Told) -> bool {
        let owned = (object.to_owned(), &*leaf.project);
        let Some((put, there)) = self.standing.get(&owned) else { return true };
        let is_it = archive_of(put, there).is_some_and(|archive| told.subjects.contains(archive));
        if is_it {
            self.standing.remove(&owned);
            self.pruned.insert(owned.0, leaf);
        }
        is_it
    }

    /// Every archive that must lie there.
    pub fn standing(&self) -> impl Iterator<Item = (&str, &'l Leaf, &'l Told)> {
        self.standing.iter().map(|((object, _), (leaf, told))| (&**object, *leaf, *told))
    }

    /// Whether an object must lie there.
    pub fn stands(&self, object: &str) -> bool {
        self.standing_at(object).next().is_some()
    }

    /// Whether it must by the word of another project than this one.
    pub fn stands_for_another(&self, object: &str, project: &str) -> bool {
        self.standing_at(object).any(|leaf| leaf.project != project)
    }

    /// The leaves by which it must: one of each project that says so.
    fn standing_at(&self, object: &str) -> impl Iterator<Item = &'l Leaf> {
        let from = self.standing.range((object.to_owned(), "")..);
        from.take_while(move |((there, _), _)| there == object).map(|(_, (leaf, _))| *leaf)
    }

    /// The first of these archives that does not stand: it was pruned, or never logged.
    pub fn fallen<'b>(&self, bases: &'b [Base]) -> Option<&'b str> {
        let stands = |base: &&Base| self.standing.values().any(|(leaf, _)| leaf.name == base.name);
        bases.iter().find(|base| !stands(base)).map(|base| &*base.name)
    }

    /// Whether an archive of this name was pruned.
    pub fn was_pruned(&self, name: &str) -> bool {
        self.pruned.values().any(|leaf| leaf.name == name)
    }

    /// The leaves that an object is judged by: those by which it must lie there, else the newest that put it there, or one of
    /// its name.
    pub fn leaves_of(&self, object: &str, entry: &Entry) -> Vec<&'l Leaf> {
        let standing: Vec<&Leaf> = self.standing_at(object).collect();
        if !standing.is_empty() {
            return standing;
        }
        let named = pack_name(entry.name.file_name()).and_then(|name| self.unread.get(name));
        let newest = self.put.get(object).into_iter().chain(named).max_by_key(|(at, _)| *at);
        newest.map(|(_, leaf)| *leaf).into_iter().collect()
    }

    /// The leaf by which an object that does not stand was pruned.
    pub fn pruned(&self, object: &str) -> Option<&'l Leaf> {
        self.pruned.get(object).copied().filter(|_| !self.stands(object))
    }
}
