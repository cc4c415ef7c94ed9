use super::*;
use crate::format::ddl::{Unparsed, Why};
use crate::policy::gate::evidence::LastRelease;
use crate::policy::gate::testing::{Fake, fails, judge, passes, refusal};

const LOCKED: &str = "check = 'ddl-order'\nagainst = 'ddl.lock'";
const SINCE: &str = "check = 'ddl-order'";

fn file(path: &str) -> DdlFile {
    DdlFile {
        path: path.to_owned(),
        dialect: None,
        statements: 1,
        statements_unparsed: 0,
        creates: Vec::new(),
        alters: Vec::new(),
        drops: Vec::new(),
        depends: Vec::new(),
        unparsed: Vec::new(),
        omitted: 0,
    }
}

/// Files in this order, each with its name as its content, unless it says another: `path=content`.
fn tree(files: &[&str]) -> Fake {
    let split = |file: &&str| {
        let (path, content) = file.split_once('=').unwrap_or((file, file));
        (path.to_owned(), content.to_owned())
    };
    let all: Vec<_> = files.iter().map(split).collect();
    let mut fake = all.iter().fold(Fake::new(), |fake, (path, content)| fake.file(path, content));
    let files = all.iter().map(|(path, _)| file(path)).collect();
    fake.ddl = Ok(Arc::new(DdlPack { files, files_omitted: 0 }));
    fake
}

fn lock(paths: &[&str]) -> String {
    paths.iter().map(|path| format!("{}  {path}\n", Sha256::of(path.as_bytes()))).collect()
}

fn locked_tree(before: &[&str], now: &[&str]) -> Fake {
    tree(now).file_of(None, "ddl.lock", lock(before))
}

fn change(fake: &mut Fake, change: impl FnOnce(&mut [DdlFile])) {
    let mut pack = DdlPack::clone(fake.ddl.as_ref().unwrap());
    change(&mut pack.files);
    fake.ddl = Ok(Arc::new(pack));
}

fn object(kind: ObjectKind, name: &str) -> Object {
    Object { kind, name: name.to_owned() }
}

#[test]
fn the_same_files_with_new_ones_behind_pass() {
    let fake = locked_tree(&["d/1.sql", "d/2.sql"], &["d/1.sql", "d/2.sql", "d/3.sql"]);
    let judged = passes(LOCKED, &fake);
    assert_eq!(judged.detail, "3 files against ddl.lock");
    let read: Vec<_> = judged.read.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(read, ["d/1.sql", "d/2.sql", "d/3.sql", "ddl.lock"]);
}

#[test]
fn whatever_happened_to_an_old_file_is_told() {
    let before = ["d/1.sql", "d/2.sql", "d/3.sql"];
    let of = |now: &[&str]| locked_tree(&before, now);
    let keys = format!("{LOCKED}\nnumbers = 'none'");
    let (two, other) = (Sha256::of(b"d/2.sql").to_string(), format!("edited: {}", Sha256::of(b"x")));
    fails(&keys, &of(&["d/1.sql", "d/2.sql=x", "d/3.sql"]), "d/2.sql", &two, &other);
    fails(&keys, &of(&["d/1.sql", "d/2.sql"]), "d/3.sql", "a file of the last release", "removed");
    let renamed = of(&["d/1.sql", "d/2_b.sql=d/2.sql", "d/3.sql"]);
    fails(&keys, &renamed, "d/2.sql", "a file of the last release", "renamed to d/2_b.sql");
    let reordered = of(&["d/1.sql", "d/3.sql", "d/2.sql"]);
    fails(&keys, &reordered, "d/3.sql", "after d/2.sql", "it comes before it");
    let inserted = of(&["d/1.sql", "d/1b.sql", "d/2.sql", "d/3.sql"]);
    fails(&keys, &inserted, "d/1b.sql", "after d/3.sql", "it is new, and comes before it");
}

#[test]
fn numbers_have_neither_gaps_nor_duplicates() {
    let gap = locked_tree(&["d/1.sql"], &["d/1.sql", "d/3.sql"]);
    fails(LOCKED, &gap, "d/3.sql", "2, after d/1.sql", "3");
    passes(&format!("{LOCKED}\nnumbers = 'increasing'"), &gap);
    let twice = locked_tree(&["d/1.sql"], &["d/1.sql", "d/02_a.sql", "d/2_b.sql"]);
    fails(LOCKED, &twice, "d/2_b.sql", "a number of its own", "2, as d/02_a.sql");
    fails(
        &format!("{LOCKED}\nnumbers = 'increasing'"),
        &twice,
        "d/2_b.sql",
        "a number of its own",
        "2, as d/02_a.sql",
    );
    passes(&format!("{LOCKED}\nnumbers = 'none'"), &twice);
    let bare = locked_tree(&["d/1.sql"], &["d/1.sql", "d/2.sql", "d/views.sql"]);
    fails(LOCKED, &bare, "d/views.sql", "a number, as the other files have", "none");
    passes(LOCKED, &locked_tree(&["d/a.sql"], &["d/a.sql", "d/b.sql"]));
    let folders = locked_tree(&["a/1.sql"], &["a/1.sql", "b/1.sql", "b/2.sql"]);
    passes(LOCKED, &folders);
}

#[test]
fn nothing_is_used_before_it_is_created() {
    let mut fake = locked_tree(&["d/1.sql"], &["d/1.sql", "d/2.sql"]);
    change(&mut fake, |files| {
        files[0].depends.push(object(ObjectKind::Relation, "prices"));
        files[0].depends.push(object(ObjectKind::Extension, "postgis"));
        files[1].creates.push(object(ObjectKind::Table, "prices"));
        files[1].creates.push(object(ObjectKind::Index, "postgis"));
    });
    let expected = "relation prices created before it is used";
    fails(LOCKED, &fake, "d/1.sql", expected, "d/2.sql creates it");
    change(&mut fake, |files| files[0].creates.push(object(ObjectKind::View, "prices")));
    fails(LOCKED, &fake, "d/1.sql", expected, "it is created further down");
    change(&mut fake, |files| files.iter_mut().for_each(|file| file.depends.clear()));
    change(&mut fake, |files| files[1].depends.push(object(ObjectKind::Relation, "prices")));
    passes(LOCKED, &fake);
}

#[test]
fn what_cannot_be_parsed_is_listed_or_refused() {
    let mut fake = locked_tree(&["d/1.sql"], &["d/1.sql"]);
    change(&mut fake, |files| {
        files[0].statements_unparsed = 2;
        files[0].unparsed.push(Unparsed { offset: 9, line: 7, why: Why::Form, start: String::new() });
    });
    let detail = passes(LOCKED, &fake).detail;
    assert_eq!(detail, "1 file against ddl.lock; 2 statements not parsed: d/1.sql:7, …");
    let judged = judge(&format!("{LOCKED}\nunparsed = 'refuse'"), &fake);
    let subjects: Vec<_> = judged.faults.iter().map(|fault| fault.subject.as_str()).collect();
    assert_eq!(subjects, ["d/1.sql:7", "d/1.sql"]);
}

#[test]
fn without_anything_to_compare_it_fails_unless_it_is_the_first() {
    let fake = tree(&["d/1.sql"]);
    fails(SINCE, &fake, "ddl", "a release to compare with", "there is no release before this one");
    let first = passes("check = 'ddl-order'\nfirst_release = '1.2.3'", &fake);
    assert_eq!(first.detail, "1 file against no release before it");
    fails(
        "check = 'ddl-order'\nfirst_release = '1.0.0'",
        &fake,
        "ddl",
        "a release to compare with",
        "there is no release before this one",
    );
    fails(LOCKED, &fake, "ddl.lock", "a file", "it is not there");
    fails(
        LOCKED,
        &tree(&["d/1.sql"]).file_of(None, "ddl.lock", ""),
        "ddl.lock",
        "DDL files",
        "it lists none",
    );
    let nonsense = tree(&["d/1.sql"]).file_of(None, "ddl.lock", "hello\n");
    let why = "line 1: not a digest, two spaces and a path";
    fails(LOCKED, &nonsense, "ddl.lock", "lines of a digest, two spaces and a path", why);
    let nothing = Fake::new().file_of(None, "ddl.lock", lock(&["d/1.sql"]));
    assert!(
        judge(LOCKED, &nothing)
            .faults
            .iter()
            .any(|fault| fault.actual.as_deref() == Some("the policy takes none"))
    );
}

#[test]
fn the_last_release_is_compared_with_once_its_seal_verifies() {
    let mut fake = tree(&["d/1.sql", "d/2.sql"]);
    let last = |seal| LastRelease {
        version: "1.2.2".to_owned(),
        place: "the sealed pack app-1.2.2".to_owned(),
        seal,
        read: None,
    };
    fake.ddl_before = Ok(vec![("d/1.sql".to_owned(), Sha256::of(b"d/1.sql"))]);
    fake.last_release = Ok(last(Some(Ok(()))));
    assert_eq!(passes(SINCE, &fake).detail, "2 files against the sealed pack app-1.2.2");
    fake.last_release = Ok(last(Some(Err("its signature does not verify".to_owned()))));
    fails(SINCE, &fake, "the sealed pack app-1.2.2", "a seal that verifies", "its signature does not verify");
    let mut fake = fake.before("d/1.sql", "d/1.sql");
    assert_eq!(passes(SINCE, &fake).detail, "2 files against the tag v1.2.2");
    fake.last_release = Ok(last(None));
    fake.ddl_before = Err("it has no list".to_owned());
    fails(SINCE, &fake, "the sealed pack app-1.2.2", "its DDL files", "it has no list");
}

#[test]
fn keys_are_checked() {
    assert_eq!(refusal("check = 'ddl-order'\nnumbers = 'gaples'").2, "did you mean `gapless`?");
    assert_eq!(refusal("check = 'ddl-order'\nagainst = '../x'").0, 2);
    assert_eq!(refusal("check = 'ddl-order'\nagainst = 'x'\nfirst_release = '1'").0, 3);
}

#[test]
fn a_record_of_what_was_applied_lists_every_file() {
    let whole = "check = 'ddl-order'\nagainst = 'ran/{version}.txt'\ncomplete = true";
    let of = |ran: &[&str]| tree(&["d/1.sql", "d/2.sql"]).file_of(None, "ran/1.2.3.txt", lock(ran));
    passes(whole, &of(&["d/1.sql", "d/2.sql"]));
    let expected = "a line in ran/1.2.3.txt";
    fails(whole, &of(&["d/1.sql"]), "d/2.sql", expected, "it is not listed");
    assert_eq!(refusal("check = 'ddl-order'\ncomplete = true").0, 2);
}
