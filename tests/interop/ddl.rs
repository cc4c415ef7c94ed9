//! SQLite, PostgreSQL's own parser and sqlglot judge what a pack says of its DDL: how many statements, which objects.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::judge::{attestar, passes, python};

/// A tree with the fixtures of one dialect, sealed.
struct Sealed {
    dir: tempfile::TempDir,
    dialect: &'static str,
}

impl Sealed {
    fn of(dialect: &'static str) -> Sealed {
        let sealed = Sealed { dir: tempfile::tempdir().expect("a temporary folder"), dialect };
        let tree = sealed.dir.path().join("tree");
        fs::create_dir_all(tree.join("ddl")).expect("a folder");
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ddl").join(dialect);
        for entry in fs::read_dir(&fixtures).expect("the fixtures") {
            let file = entry.expect("an entry").path();
            if file.extension().is_none_or(|extension| extension != "sql") {
                continue;
            }
            fs::copy(&file, tree.join("ddl").join(file.file_name().expect("a name"))).expect("a copy");
        }
        let policy = format!(
            "schema = 1\n[project]\nname = \"judged\"\n[[include]]\nclass = \"ddl\"\npaths = [\"ddl/*.sql\"]\n\
             dialect = \"{dialect}\"\n"
        );
        fs::write(tree.join("attestar.toml"), policy).expect("the policy");
        let home = sealed.dir.path().join("home");
        passes(attestar(&home).args(["keys", "new", "--no-passphrase"]));
        let mut seal = attestar(&home);
        seal.arg("-C").arg(&tree).args(["seal", "--version", "1.0.0", "--no-encrypt"]);
        passes(seal.env("SOURCE_DATE_EPOCH", "1700000000"));
        sealed
    }

    /// What `pack.json` says of the files, in its order.
    fn files(&self) -> Vec<Value> {
        let pack = self.dir.path().join("tree/sealed/judged-1.0.0/pack.json");
        let pack: Value = serde_json::from_slice(&fs::read(pack).expect("the pack")).expect("JSON");
        let files = pack["ddl"]["files"].as_array().expect("a list of DDL files").clone();
        assert!(!files.is_empty() && files.iter().all(|file| file["dialect"] == self.dialect), "{files:?}");
        files
    }

    fn path(&self, file: &Value) -> PathBuf {
        self.dir.path().join("tree").join(file["path"].as_str().expect("a path"))
    }

    /// What a judge says of these files.
    fn judged(&self, script: &str, arguments: &[&str], files: &[Value]) -> Value {
        let mut judge = python(script);
        judge.args(arguments).args(files.iter().map(|file| self.path(file)));
        serde_json::from_str(&passes(&mut judge)).expect("the judge's JSON")
    }
}

/// `kind name` of each object in a list, however often it stands there.
fn objects(list: &Value) -> BTreeSet<String> {
    let all = list.as_array().into_iter().flatten();
    all.map(|object| format!("{} {}", object["kind"].as_str().unwrap(), object["name"].as_str().unwrap()))
        .collect()
}

/// The same of a judge's pairs.
fn pairs(list: &Value) -> BTreeSet<String> {
    let all = list.as_array().into_iter().flatten();
    all.map(|pair| format!("{} {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap_or("?"))).collect()
}

#[test]
fn sqlite_makes_the_objects_that_the_pack_lists() {
    let sealed = Sealed::of("sqlite");
    let files = sealed.files();
    let said = sealed.judged("ddl_sqlite.py", &[], &files);
    let mut created = BTreeSet::new();
    for file in &files {
        let path = sealed.path(file).display().to_string();
        assert_eq!(file["statements"], said["statements"][&path], "{path}");
        assert_eq!(file["statements_unparsed"], Value::Null, "{path}");
        created.extend(objects(&file["creates"]));
    }
    assert!(created.len() > 200 && created.iter().any(|object| object.starts_with("trigger ")));
    assert_eq!(created, pairs(&said["objects"]));
}

#[test]
fn the_parser_of_postgresql_sees_the_same_statements_and_objects() {
    let sealed = Sealed::of("postgresql");
    let files = sealed.files();
    let said = sealed.judged("ddl_postgresql.py", &[], &files);
    for file in &files {
        let said = &said[sealed.path(file).display().to_string()];
        assert_eq!(file["statements"], said["statements"], "{file}");
        // The judge has no name for a cast.
        let named = |object: &String| !object.starts_with("cast ");
        let ours: BTreeSet<String> = objects(&file["creates"]).into_iter().filter(named).collect();
        assert_eq!(ours, pairs(&said["creates"]).into_iter().filter(named).collect(), "{file}");
        // `DO` runs code that nobody has read; nothing else of these files is beyond us.
        let starts = file["unparsed"].as_array().into_iter().flatten().map(|unparsed| &unparsed["start"]);
        assert!(starts.into_iter().all(|start| start == "DO"), "{file}");
    }
    assert_eq!(files.iter().filter(|file| file["statements_unparsed"] != Value::Null).count(), 2);
}

/// Compares with sqlglot, which knows the last part of a name only.
fn sqlglot_agrees(dialect: &'static str, read: &str, judged: &[&str], unknown: &[&str]) {
    let sealed = Sealed::of(dialect);
    let mut files = sealed.files();
    assert!(files.iter().all(|file| file["statements_unparsed"] == Value::Null), "{files:?}");
    files.retain(|file| judged.iter().any(|name| file["path"].as_str().unwrap().ends_with(name)));
    assert_eq!(files.len(), judged.len());
    let said = sealed.judged("ddl_sqlglot.py", &[read], &files);
    for file in &files {
        let said = &said[sealed.path(file).display().to_string()];
        assert_eq!(file["statements"], said["statements"], "{file}");
        let last = |object: &String| {
            let (kind, name) = object.split_once(' ').unwrap();
            let name = name.split(" on ").next().unwrap().rsplit('.').next().unwrap();
            format!("{kind} {name}")
        };
        let ours: BTreeSet<String> = objects(&file["creates"]).iter().map(last).collect();
        let theirs = pairs(&said["creates"]);
        let theirs: BTreeSet<String> = theirs
            .iter()
            .map(|object| object.replace("nonclustered ", "").replace("macro ", "function "))
            .collect();
        let missing: BTreeSet<String> = unknown.iter().map(|object| (*object).to_owned()).collect();
        assert_eq!(ours, &theirs | &missing, "{file}");
    }
}

#[test]
fn sqlglot_sees_the_same_in_mysql() {
    // It does not know DELIMITER.
    sqlglot_agrees("mysql", "mysql", &["0001_shop.sql"], &[]);
}

#[test]
fn sqlglot_sees_the_same_in_sql_server() {
    sqlglot_agrees("sqlserver", "tsql", &["0001_shop.sql"], &[]);
}

#[test]
fn sqlglot_sees_the_same_in_duckdb() {
    // It does not know types of DuckDB.
    sqlglot_agrees("duckdb", "duckdb", &["0001_shop.sql"], &["type mood"]);
}
