//! Goes through DDL in its order, statement by statement, and says what is there at its end: a drop may stand before a create
//! of the same name, or behind it.
//!
//! Tables, views and indexes are followed. What cannot be told by reading (`CASCADE`, a name that several schemas have) is
//! told as unsure, never guessed.

use crate::format::ddl::{Dialect, Object, ObjectKind as Kind, Why};
use crate::tree::ddl::cursor::Cursor;
use crate::tree::ddl::dialect;
use crate::tree::ddl::objects::Effects;
use crate::tree::ddl::{FILE_BYTES_MAX, effects, split};
use crate::tree::reading::caught;
use std::collections::{BTreeMap, BTreeSet};

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was created, and not dropped since.
    There,
    /// It was dropped, and not created since.
    Gone,
    /// One of both.
    Unsure,
}

/// Statements that drop nothing, whatever else stands in them.
const HARMLESS: &[&str] = &[
    "ANALYZE", "COMMENT", "COPY", "CREATE", "DELETE", "GRANT", "INSERT", "PRAGMA", "REVOKE", "SET", "UPDATE",
    "VACUUM",
];

/// What the statements so far leave.
#[derive(Clone, Debug, Default)]
struct Scene {
    objects: BTreeMap<Object, Standing>,
    /// The tables that an object goes with: of an index its table, of a partition its parent.
    hangs: BTreeMap<Object, BTreeSet<String>>,
}

/// DDL files of one dialect, gone through one after the other.
#[derive(Clone, Debug)]
pub struct Replay {
    dialect: Dialect,
    scene: Scene,
    /// What was there when the open transaction began.
    before: Option<Scene>,
    /// Objects of the session alone.
    temporary: BTreeSet<Object>,
    /// The same of every session so far.
    ever_temporary: BTreeSet<Object>,
    uncertain: u64,
}

impl Replay {
    /// An empty database.
    pub fn new(dialect: Dialect) -> Replay {
        let (scene, temporary, ever_temporary) = (Scene::default(), BTreeSet::new(), BTreeSet::new());
        Replay { dialect, scene, before: None, temporary, ever_temporary, uncertain: 0 }
    }

    /// Goes through a file.
    pub fn file(&mut self, bytes: &[u8]) {
        let mut next = self.clone();
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= FILE_BYTES_MAX);
        match text.and_then(|text| caught(|| next.text(text))) {
            Some(()) => *self = next,
            None => self.uncertain += 1,
        }
        // Each file has a session of its own.
        self.temporary.clear();
        self.before = None;
    }

    /// Tables, views and indexes, and what became of each.
    pub fn objects(&self) -> &BTreeMap<Object, Standing> {
        &self.scene.objects
    }

    /// Whether such an object was there for a session alone.
    pub fn is_temporary(&self, object: &Object) -> bool {
        self.ever_temporary.contains(object)
    }

    /// How many statements may have dropped something without saying what.
    pub fn uncertain(&self) -> u64 {
        self.uncertain
    }

    fn text(&mut self, text: &str) {
        let rules = dialect::rules(Some(self.dialect));
        for statement in split::statements(text, &rules) {
            let piece = text.get(statement.start..statement.end).unwrap_or_default();
            let cursor = Cursor::new(piece, Some(self.dialect), &rules);
            self.statement(cursor, effects(text, &statement, Some(self.dialect), &rules));
        }
    }

    fn statement(&mut self, cursor: Option<Cursor<'_>>, effects: Result<Effects, Why>) {
        let Some(cursor) = cursor else {
            self.uncertain += 1;
            return;
        };
        if self.transaction(&cursor) {
            return;
        }
        let starts = |words: &[&str]| cursor.clone().any(words);
        match effects {
            _ if starts(&["CALL", "DO", "EXECUTE"]) => self.uncertain += 1,
            Err(_) => self.uncertain += u64::from(!starts(HARMLESS)),
            Ok(effects) if is_temporary(&cursor) => {
                self.ever_temporary.extend(effects.creates.iter().cloned());
                self.temporary.extend(effects.creates);
            }
            Ok(effects) if starts(&["ALTER", "RENAME"]) => self.alter(&cursor, effects),
            Ok(effects) => self.apply(&cursor, effects),
        }
    }

    /// What begins, ends or takes back a transaction; whether this does.
    fn transaction(&mut self, cursor: &Cursor<'_>) -> bool {
        let starts = |words: &[&str]| cursor.clone().any(words);
        if starts(&["BEGIN", "START TRANSACTION"]) {
            self.before = Some(self.scene.clone());
        } else if starts(&["COMMIT", "END"]) {
            self.before = None;
        } else if starts(&["ROLLBACK", "ABORT"]) {
            match self.before.take() {
                // To a savepoint: which statements that takes back is not followed.
                Some(before) if cursor.has(&["TO"]) => {
                    let is_new = |object: &Object, now: &Standing| before.objects.get(object) != Some(now);
                    let objects = self.scene.objects.iter_mut();
                    objects
                        .filter(|(object, now)| is_new(object, now))
                        .for_each(|(_, now)| *now = Standing::Unsure);
                    self.before = Some(before);
                }
                Some(before) => self.scene = before,
                None => {}
            }
        } else {
            return false;
        }
        true
    }

    fn apply(&mut self, cursor: &Cursor<'_>, effects: Effects) {
        let cascades = cursor.has(&["CASCADE"]);
        for object in effects.drops {
            if is_followed(object.kind) {
                self.drop(&object);
            }
            if cascades {
                self.cascade(&object);
            }
        }
        let tables = || effects.depends.iter().filter(|object| object.kind == Kind::Table);
        for object in effects.creates.into_iter().filter(|object| is_followed(object.kind)) {
            let names = tables().map(|table| table.name.clone()).collect();
            self.scene.hangs.insert(object.clone(), names);
            self.scene.objects.insert(object, Standing::There);
        }
    }

    /// A change of something, or its new name.
    fn alter(&mut self, cursor: &Cursor<'_>, effects: Effects) {
        let (drops, creates) = (&effects.drops, &effects.creates);
        for (old, new) in drops.iter().zip(creates).filter(|(old, _)| is_followed(old.kind)) {
            self.rename(old, &new.name);
        }
        if drops.is_empty() && cursor.has(&["DROP"]) {
            // An index goes with its column.
            for table in &effects.alters {
                self.doubt(|object, hangs| object.kind == Kind::Index && hangs_on(hangs, &table.name));
            }
        }
        // A table that is made a part of another goes with it.
        for table in effects.alters.iter().filter(|object| object.kind == Kind::Table) {
            let parts = effects.depends.iter().filter(|object| object.kind == Kind::Table);
            for part in parts {
                self.scene.hangs.entry(part.clone()).or_default().insert(table.name.clone());
                self.scene.hangs.entry(table.clone()).or_default().insert(part.name.clone());
            }
        }
    }

    fn drop(&mut self, object: &Object) {
        if self.temporary.remove(object) {
            return;
        }
        let found = self.find(object);
        if let [one] = found.as_slice() {
            self.scene.objects.insert(one.clone(), Standing::Gone);
        } else {
            // Which of them it is depends on the search path.
            found.into_iter().for_each(|one| _ = self.scene.objects.insert(one, Standing::Unsure));
        }
        for (hanging, tables) in &self.scene.hangs {
            let is_there = |now: &&mut Standing| **now == Standing::There && hangs_on(tables, &object.name);
            let Some(now) = self.scene.objects.get_mut(hanging).filter(is_there) else { continue };
            match hanging.kind {
                Kind::Index if tables.contains(&object.name) => *now = Standing::Gone,
                Kind::Index => *now = Standing::Unsure,
                // A partition goes with its parent, a table that only refers to it does not.
                Kind::Table if self.dialect == Dialect::Postgresql => *now = Standing::Unsure,
                _ => {}
            }
        }
    }

    /// What may go with something by `CASCADE`.
    fn cascade(&mut self, dropped: &Object) {
        let takes_tables =
            matches!(dropped.kind, Kind::Schema | Kind::Extension | Kind::Role | Kind::Database);
        self.doubt(|object, _| takes_tables || object.kind != Kind::Table);
    }

    fn doubt(&mut self, is_meant: impl Fn(&Object, &BTreeSet<String>) -> bool) {
        let none = BTreeSet::new();
        let objects = self.scene.objects.iter_mut().filter(|(_, now)| **now == Standing::There);
        for (object, now) in objects {
            if is_meant(object, self.scene.hangs.get(object).unwrap_or(&none)) {
                *now = Standing::Unsure;
            }
        }
    }

    fn rename(&mut self, old: &Object, name: &str) {
        if self.temporary.remove(old) {
            self.temporary.insert(Object { kind: old.kind, name: name.to_owned() });
            return;
        }
        let found = self.find(old);
        let [one] = found.as_slice() else {
            let new = Object { kind: old.kind, name: name.to_owned() };
            for object in found.into_iter().chain([new]) {
                self.scene.objects.insert(object, Standing::Unsure);
            }
            return;
        };
        let new = Object { kind: one.kind, name: name.to_owned() };
        self.scene.objects.insert(one.clone(), Standing::Gone);
        self.scene.objects.insert(new.clone(), Standing::There);
        for tables in self.scene.hangs.values_mut() {
            if tables.remove(&old.name) | tables.remove(&one.name) {
                tables.insert(name.to_owned());
            }
        }
        let tables = self.scene.hangs.remove(one).unwrap_or_default();
        self.scene.hangs.insert(new, tables);
    }

    /// What a statement means by a name: what is called exactly that, else what the last part of its name is. `ALTER TABLE`
    /// takes views and indexes too.
    fn find(&self, object: &Object) -> Vec<Object> {
        let there =
            || self.scene.objects.iter().filter(|(_, now)| **now != Standing::Gone).map(|(one, _)| one);
        let is_kind = |one: &Object| one.kind == object.kind || object.kind == Kind::Table;
        let exact = |one: &&Object| one.kind == object.kind && one.name == object.name;
        if let Some(one) =
            there().find(exact).or_else(|| there().find(|one| one.name == object.name && is_kind(one)))
        {
            return vec![one.clone()];
        }
        let same = |one: &&Object| is_kind(one) && last(&one.name) == last(&object.name);
        there().filter(same).cloned().collect()
    }
}

/// Whether one of these tables may be this one, which another statement may name without its schema.
fn hangs_on(tables: &BTreeSet<String>, name: &str) -> bool {
    let name = last(name);
    tables.iter().any(|table| last(table) == name)
}

/// Whether it is followed what becomes of such an object.
fn is_followed(kind: Kind) -> bool {
    matches!(kind, Kind::Table | Kind::View | Kind::MaterializedView | Kind::Index)
}

/// `CREATE TEMPORARY …`
fn is_temporary(cursor: &Cursor<'_>) -> bool {
    let mut at = cursor.clone();
    let creates = at.word("CREATE");
    at.words("OR REPLACE");
    at.any(&["GLOBAL", "LOCAL"]);
    creates && at.any(&["TEMP", "TEMPORARY"])
}

/// The last part of a name as packs hold it, without quotes.
pub fn last(name: &str) -> String {
    let Some(inner) = name.strip_suffix('"') else {
        return name.rsplit('.').next().unwrap_or(name).to_owned();
    };
    // Quotes inside of quotes stand there twice.
    let mut start = inner.len();
    for (at, _) in inner.rmatch_indices('"') {
        let is_doubled = inner.get(..at).is_some_and(|before| before.ends_with('"'))
            || inner.get(at + 1..).is_some_and(|behind| behind.starts_with('"'));
        if !is_doubled {
            start = at + 1;
            break;
        }
    }
    inner.get(start..).unwrap_or_default().replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Dialect; 3] = [Dialect::Sqlite, Dialect::Duckdb, Dialect::Postgresql];

    /// What is there at the end, `-` before what is gone and `?` before what is unsure; and how much is uncertain.
    fn left(dialect: Dialect, files: &[&str]) -> (String, u64) {
        let mut replay = Replay::new(dialect);
        files.iter().for_each(|file| replay.file(file.as_bytes()));
        let shown = |(object, standing): (&Object, &Standing)| match standing {
            Standing::There => object.name.clone(),
            Standing::Gone => format!("-{}", object.name),
            Standing::Unsure => format!("?{}", object.name),
        };
        (replay.objects().iter().map(shown).collect::<Vec<_>>().join(" "), replay.uncertain())
    }

    fn same(dialects: &[Dialect], file: &str, expected: &str) {
        for dialect in dialects {
            assert_eq!(left(*dialect, &[file]), (expected.to_owned(), 0), "{dialect:?}: {file}");
        }
    }

    #[test]
    fn the_order_of_statements_decides() {
        same(&ALL, "DROP TABLE IF EXISTS a; CREATE TABLE a (x INT);", "a");
        same(&ALL, "CREATE TABLE a (x INT); DROP TABLE a; CREATE TABLE a (y INT);", "a");
        same(&ALL, "CREATE TABLE a (x INT); DROP TABLE a;", "-a");
        same(&ALL, "CREATE VIEW v AS SELECT 1; DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 2;", "v");
        same(&ALL, "CREATE TABLE a (x INT); CREATE INDEX i ON a (x); DROP INDEX i;", "-i a");
        same(&ALL, "CREATE TABLE a (x INT); ALTER TABLE a RENAME TO b;", "-a b");
        same(
            &ALL,
            "CREATE TABLE a (x INT); CREATE TABLE a2 (x INT); ALTER TABLE a RENAME COLUMN x TO y;",
            "a a2",
        );
        for dialect in ALL {
            let files = ["CREATE TABLE a (x INT);", "DROP TABLE a;", "CREATE TABLE a (y INT);"];
            assert_eq!(left(dialect, &files).0, "a");
            assert_eq!(left(dialect, &files[..2]).0, "-a");
        }
    }

    #[test]
    fn what_goes_with_something_goes_and_what_may_go_is_unsure() {
        let table = "CREATE TABLE a (x INT); CREATE INDEX i ON a (x);";
        same(&ALL, &format!("{table} DROP TABLE a;"), "-i -a");
        same(&ALL, &format!("{table} ALTER TABLE a RENAME TO b; DROP TABLE b;"), "-i -a -b");
        let postgresql = &[Dialect::Postgresql];
        same(postgresql, &format!("{table} DROP TABLE public.a;"), "?i -a");
        same(postgresql, &format!("{table} ALTER TABLE a DROP COLUMN x;"), "?i a");
        same(postgresql, &format!("{table} CREATE VIEW v AS SELECT 1; DROP TABLE a CASCADE;"), "-i -a ?v");
        same(postgresql, &format!("CREATE SCHEMA s; {table} DROP SCHEMA s CASCADE;"), "?i ?a");
        let parts =
            "CREATE TABLE p (x INT) PARTITION BY LIST (x); CREATE TABLE c PARTITION OF p FOR VALUES IN (1);";
        same(postgresql, &format!("{parts} DROP TABLE p;"), "?c -p");
        same(postgresql, "CREATE TABLE s.a (x INT); CREATE TABLE t.a (x INT); DROP TABLE a;", "?s.a ?t.a");
        same(postgresql, "CREATE TABLE s.a (x INT); CREATE TABLE t.a (x INT); DROP TABLE s.a;", "-s.a t.a");
        same(postgresql, "CREATE VIEW v AS SELECT 1; ALTER TABLE v RENAME TO w;", "-v w");
    }

    #[test]
    fn transactions_temporary_tables_and_what_hides_its_doing() {
        same(&ALL, "CREATE TABLE a (x INT); BEGIN; DROP TABLE a; ROLLBACK;", "a");
        same(&ALL, "BEGIN; CREATE TABLE a (x INT); COMMIT;", "a");
        same(&ALL, "CREATE TABLE a (x INT); CREATE TEMP TABLE a (x INT); DROP TABLE a;", "a");
        same(&ALL, "CREATE TEMPORARY TABLE t (x INT);", "");
        let saved = "BEGIN; CREATE TABLE a (x INT); SAVEPOINT s; CREATE TABLE b (x INT); ROLLBACK TO SAVEPOINT s; COMMIT;";
        same(&ALL, saved, "?a ?b");
        let hidden = "CREATE TABLE a (x INT); DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;";
        assert_eq!(left(Dialect::Postgresql, &[hidden]), ("a".to_owned(), 1));
        assert_eq!(left(Dialect::Postgresql, &["\\i other.sql\n"]), (String::new(), 1));
        let mut replay = Replay::new(Dialect::Sqlite);
        replay.file(b"CREATE TABLE \xff (x)");
        assert_eq!((replay.objects().len(), replay.uncertain()), (0, 1));
    }

    #[test]
    fn the_last_part_of_a_name_is_told() {
        for (name, part) in [
            ("a", "a"),
            ("s.a", "a"),
            ("s.\"a b\"", "a b"),
            ("\"a.b\"", "a.b"),
            ("\"s x\".\"a\"\"b\"", "a\"b"),
        ] {
            assert_eq!(last(name), part, "{name}");
        }
    }
}
