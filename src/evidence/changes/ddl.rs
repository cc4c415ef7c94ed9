//! What databases get: objects that there are once every file is applied, and files whose place or content changed.

use crate::evidence::changes::Both;
use crate::evidence::changes::files::{FileChange, FileEvent, FileState};
use crate::format::ddl::{DdlFile, DdlPack, Object, ObjectKind};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ObjectEvent {
    /// Only the files of the second side leave it there.
    Created,
    /// Only the files of the first side leave it there.
    Dropped,
    /// Both leave it there, but not by as many statements that alter it.
    Altered,
}

/// An object that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectChange {
    /// What happened to it.
    pub change: ObjectEvent,
    /// `table`, `index`, `view`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The last file that did it; of an object whose statement is gone, the file of the first side that had it.
    pub file: Option<String>,
}

/// What happened to a file beside being added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DdlFileEvent {
    /// Its content changed: whoever applied it before has something else.
    Edited,
    /// It is applied earlier or later than other files that both sides have.
    Reordered,
    /// It is new, and applied before files that both sides have.
    Inserted,
}

/// A file that those who applied the first side need to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DdlFileChange {
    /// What happened to it.
    pub change: DdlFileEvent,
    /// Where it lies on the second side.
    pub path: String,
}

/// What differs in the DDL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ddl {
    /// How many files each side describes; nothing where a pack describes none. Then nothing is compared.
    pub compared: Both<Option<u64>>,
    /// How many statements of each side could not be parsed: what they do is not known.
    pub unparsed: Both<u64>,
    /// Objects by kind and name.
    pub objects: Vec<ObjectChange>,
    /// Files in the order of the second side.
    pub files: Vec<DdlFileChange>,
}

/// Compares what two sides say of their DDL. `changes` says which files were edited and renamed.
pub fn changes(a: Option<&DdlPack>, b: Option<&DdlPack>, changes: &[FileChange]) -> Ddl {
    let number = |pack: &DdlPack| pack.files.len() as u64 + pack.files_omitted;
    let unparsed = |pack: Option<&DdlPack>| pack.map_or(0, |pack| pack.statements().1);
    let mut ddl = Ddl {
        compared: Both { a: a.map(number), b: b.map(number) },
        unparsed: Both { a: unparsed(a), b: unparsed(b) },
        ..Ddl::default()
    };
    if let (Some(a), Some(b)) = (a, b) {
        ddl.objects = objects(&a.files, &b.files);
        ddl.files = files(&a.files, &b.files, changes);
    }
    ddl
}

/// The objects that are there once every file is applied, each with the file that made it.
fn state(files: &[DdlFile]) -> BTreeMap<&Object, &str> {
    let mut state = BTreeMap::new();
    for file in files {
        // What a file both drops and creates is there after it: so dumps begin.
        for like in file.drops.iter().flat_map(like) {
            state.remove(&like);
        }
        state.extend(file.creates.iter().map(|object| (object, &*file.path)));
    }
    state
}

/// The objects that a statement about this one can mean: some name a table or a view without saying which.
fn like(object: &Object) -> impl Iterator<Item = Object> {
    use ObjectKind::{MaterializedView, Relation, Table, View};
    let kinds = match object.kind {
        Relation => vec![Relation, Table, View, MaterializedView],
        Table | View | MaterializedView => vec![object.kind, Relation],
        kind => vec![kind],
    };
    kinds.into_iter().map(|kind| Object { kind, name: object.name.clone() })
}

fn objects(a: &[DdlFile], b: &[DdlFile]) -> Vec<ObjectChange> {
    let (there_a, there_b) = (state(a), state(b));
    let change = |change, object: &Object, file: Option<&str>| ObjectChange {
        change,
        kind: object.kind.as_str(),
        name: object.name.clone(),
        file: file.map(str::to_owned),
    };
    let created = there_b.iter().filter(|(object, _)| !there_a.contains_key(*object));
    let mut changes: Vec<_> =
        created.map(|(object, file)| change(ObjectEvent::Created, object, Some(file))).collect();
    let drops = last(b, |file| &file.drops);
    for (object, file) in there_a.iter().filter(|(object, _)| !there_b.contains_key(*object)) {
        let dropped_by = like(object).find_map(|like| drops.get(&like).map(|(_, file)| *file));
        changes.push(change(ObjectEvent::Dropped, object, dropped_by.or(Some(file))));
    }
    let (alters_a, alters_b) = (last(a, |file| &file.alters), last(b, |file| &file.alters));
    let count = |alters: &Statements<'_>, object: &Object| alters.get(object).map_or(0, |(count, _)| *count);
    let altered: BTreeSet<&Object> = alters_a.keys().chain(alters_b.keys()).copied().collect();
    for object in altered {
        // What was created or dropped is said to be that.
        let is_there = |state: &BTreeMap<&Object, &str>| like(object).any(|like| state.contains_key(&like));
        if count(&alters_a, object) != count(&alters_b, object) && is_there(&there_a) == is_there(&there_b) {
            let file = alters_b.get(object).or_else(|| alters_a.get(object));
            changes.push(change(ObjectEvent::Altered, object, file.map(|(_, file)| *file)));
        }
    }
    changes.sort_by(|x, y| (x.change, x.kind, &x.name).cmp(&(y.change, y.kind, &y.name)));
    changes
}

/// How many files have a statement about an object, and the last of them.
type Statements<'a> = BTreeMap<&'a Object, (u64, &'a str)>;

fn last<'a>(files: &'a [DdlFile], list: impl Fn(&'a DdlFile) -> &'a [Object]) -> Statements<'a> {
    let mut statements = Statements::new();
    for file in files {
        for object in list(file) {
            let said = statements.entry(object).or_insert((0, &*file.path));
            *said = (said.0 + 1, &*file.path);
        }
    }
    statements
}

fn files(a: &[DdlFile], b: &[DdlFile], changes: &[FileChange]) -> Vec<DdlFileChange> {
    let renamed = changes.iter().filter_map(|change| Some((&*change.path, change.renamed_from.as_deref()?)));
    let renamed: HashMap<&str, &str> = renamed.collect();
    let content = |change: &&FileChange| {
        let sha256 = |state: Option<&FileState>| state.and_then(|state| state.sha256);
        change.change == FileEvent::Altered && sha256(change.a.as_ref()) != sha256(change.b.as_ref())
    };
    let edited: BTreeSet<&str> = changes.iter().filter(content).map(|change| &*change.path).collect();
    let places: HashMap<&str, usize> = a.iter().enumerate().map(|(at, file)| (&*file.path, at)).collect();
    // Where each file of the second side stands on the first.
    let before: Vec<Option<usize>> = b
        .iter()
        .map(|file| {
            let path = &*file.path;
            places.get(renamed.get(path).copied().unwrap_or(path)).copied()
        })
        .collect();
    let in_order = in_order(&before);
    let last_known = before.iter().rposition(Option::is_some);
    let mut found = Vec::new();
    for (at, file) in b.iter().enumerate() {
        let mut note = |change| found.push(DdlFileChange { change, path: file.path.clone() });
        match before[at] {
            Some(_) if !in_order[at] => note(DdlFileEvent::Reordered),
            None if last_known.is_some_and(|last| at < last) => note(DdlFileEvent::Inserted),
            _ => {}
        }
        if edited.contains(&*file.path) {
            note(DdlFileEvent::Edited);
        }
    }
    found
}

/// Which of the places belong to a longest run that ascends: those that were not moved.
fn in_order(places: &[Option<usize>]) -> Vec<bool> {
    // The index of the smallest end of a run of each length, and what comes before each in its run.
    let (mut ends, mut before) = (Vec::<usize>::new(), vec![None; places.len()]);
    for (at, place) in places.iter().enumerate() {
        if place.is_none() {
            continue;
        }
        let length = ends.partition_point(|&end| places[end] < *place);
        before[at] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut kept = vec![false; places.len()];
    let mut at = ends.last().copied();
    while let Some(place) = at {
        kept[place] = true;
        at = before[place];
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        let (kind, name) = text.split_once(' ').unwrap();
        let kind = match kind {
            "table" => ObjectKind::Table,
            "view" => ObjectKind::View,
            "relation" => ObjectKind::Relation,
            _ => ObjectKind::Index,
        };
        Object { kind, name: name.to_owned() }
    }

    /// A file of statements: `+` creates, `~` alters, `-` drops.
    fn file(path: &str, statements: &[&str]) -> DdlFile {
        let of = |sign: char| statements.iter().filter_map(|s| s.strip_prefix(sign)).map(object).collect();
        DdlFile {
            path: path.to_owned(),
            dialect: None,
            statements: statements.len() as u64,
            statements_unparsed: 0,
            creates: of('+'),
            alters: of('~'),
            drops: of('-'),
            depends: Vec::new(),
            unparsed: Vec::new(),
            omitted: 0,
        }
    }

    fn compare(a: &[DdlFile], b: &[DdlFile]) -> Vec<String> {
        let show = |change: ObjectChange| {
            format!("{:?} {} {}: {}", change.change, change.kind, change.name, change.file.unwrap())
        };
        objects(a, b).into_iter().map(show).collect()
    }

    #[test]
    fn objects_are_what_is_there_in_the_end() {
        let a =
            [file("1.sql", &["+table prices", "+table old", "+index i"]), file("2.sql", &["~table prices"])];
        let mut b = a.to_vec();
        b.push(file("3.sql", &["+view totals", "-table old", "~relation prices"]));
        assert_eq!(
            compare(&a, &b),
            ["Created view totals: 3.sql", "Dropped table old: 3.sql", "Altered relation prices: 3.sql"]
        );
        assert_eq!(
            compare(&b, &a),
            ["Created table old: 1.sql", "Dropped view totals: 3.sql", "Altered relation prices: 3.sql"]
        );
        assert!(compare(&a, &a).is_empty());
    }

    #[test]
    fn what_a_dump_drops_first_is_there_after_it() {
        let dump = [file("dump.sql", &["-table prices", "+table prices"])];
        assert_eq!(compare(&[], &dump), ["Created table prices: dump.sql"]);
        assert!(
            compare(&dump, &[dump[0].clone(), file("2.sql", &["-table prices", "+table prices"])]).is_empty()
        );
    }

    #[test]
    fn files_that_were_moved_or_inserted_are_named() {
        let list = |names: &[&str]| -> Vec<DdlFile> { names.iter().map(|name| file(name, &[])).collect() };
        let compare = |a: &[&str], b: &[&str]| -> Vec<String> {
            let found = files(&list(a), &list(b), &[]);
            found.into_iter().map(|change| format!("{:?} {}", change.change, change.path)).collect()
        };
        assert!(compare(&["1", "2", "3"], &["1", "2", "3", "4"]).is_empty());
        assert!(compare(&["1", "2", "3"], &["1", "3"]).is_empty());
        assert_eq!(compare(&["1", "2", "3"], &["1", "x", "2", "3"]), ["Inserted x"]);
        assert_eq!(compare(&["1", "2", "3", "4"], &["4", "1", "2", "3"]), ["Reordered 4"]);
    }
}
