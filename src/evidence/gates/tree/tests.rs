use super::*;
use crate::evidence::gates::last;
use crate::format::kind::Kind;
use crate::keys::trust::Trust;
use crate::policy::Source;
use crate::tree::ci;
use crate::tree::git::{facts, history, status};
use crate::tree::scan::{ScanOptions, scan};
use crate::tree::testing::{TIME_S, git};
use std::fs;

const POLICY: &str = "schema = 1\n[git]\ndefault_branch = 'main'\n[[include]]\nclass = 'ddl'\npaths = ['ddl/*.sql']\n\
                      [[include]]\nclass = 'doc'\npaths = ['*.md']\n[[include]]\nclass = 'data'\npaths = ['*.db']\n";

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Shows the evidence of a tree at version 1.1.0.
fn see(root: &Path, look: impl FnOnce(&TreeEvidence<'_>)) {
    let policy = Policy::parse(Source::File("p.toml".into()), POLICY.to_owned()).unwrap();
    let (watch, out) = (Watch::default(), root.join("sealed"));
    let excluded = std::slice::from_ref(&out);
    let scan =
        scan(root, &policy, &ScanOptions { kind: Kind::Release, excluded, progress: &|_| Ok(()) }).unwrap();
    let origin = Origin {
        git: facts(root).unwrap(),
        tag: None,
        status: status(root, &[]).unwrap(),
        builder: ci::builder(&|_| None),
    };
    let history = history(root).unwrap().unwrap_or_else(|| Err("none".to_owned()));
    let last = last::find(&last::Look {
        out: &out,
        project: "app",
        version: "1.1.0",
        tag: &policy.tag,
        trust: &Trust::default(),
        history: history.as_ref().ok(),
    });
    let judging = Judging {
        root,
        policy: &policy,
        scan: &scan,
        origin: &origin,
        tag: "v1.1.0".to_owned(),
        history: &history,
        last: &last,
        threads: 1,
    };
    look(&TreeEvidence::new(judging, &watch).unwrap());
}

/// One release, v1.0.0, and what came after it.
fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    write(root, "ddl/1.sql", "CREATE TABLE a (id int);\n");
    write(root, "A.md", "a");
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "one"]);
    git(root, &["tag", "v1.0.0"]);
    write(root, "ddl/2.sql", "SELECT * FROM a;\n");
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "two"]);
    folder
}

#[test]
fn git_is_told_whole() {
    let folder = tree();
    let root = folder.path();
    git(root, &["tag", "-a", "v1.1.0", "-m", "x"]);
    write(root, "A.md", "b");
    write(root, "B.md", "b");
    write(root, "other", "o");
    see(root, |evidence| {
        let git = evidence.git().unwrap();
        let tag = git.tag.as_ref().unwrap();
        assert_eq!((tag.annotated, tag.at_head), (true, true));
        assert_eq!(tag.signed_by, Err("it is not signed".to_owned()));
        assert_eq!(
            (&git.changed[..], &git.untracked[..]),
            (&["A.md".to_owned()][..], &["B.md".to_owned(), "other".to_owned()][..])
        );
        assert_eq!((git.on_default_branch, git.status_unread.as_ref()), (Some(true), None));
        assert_eq!(
            ["A.md", "gone.md", "other", "x.db"].map(|path| evidence.takes(path)),
            [true, true, false, false]
        );
        let at = evidence.committed_at(&PackPath::new(b"A.md").unwrap()).unwrap();
        assert_eq!(at.unwrap().as_second(), TIME_S);
    });
}

#[test]
fn a_tag_that_is_elsewhere_is_told_as_that() {
    let folder = tree();
    git(folder.path(), &["tag", "v1.1.0", "v1.0.0"]);
    see(folder.path(), |evidence| {
        let tag = evidence.git().unwrap().tag.clone().unwrap();
        assert_eq!((tag.annotated, tag.at_head), (false, false));
    });
}

#[test]
fn the_ddl_and_that_of_the_last_release_are_in_order() {
    let folder = tree();
    see(folder.path(), |evidence| {
        let ddl = evidence.ddl().unwrap();
        assert_eq!(
            ddl.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["ddl/1.sql", "ddl/2.sql"]
        );
        assert_eq!(evidence.last_release().unwrap().version, "1.0.0");
        let before = evidence.ddl_before().unwrap();
        assert_eq!(before, [("ddl/1.sql".to_owned(), Sha256::of(b"CREATE TABLE a (id int);\n"))]);
        let path = PackPath::new(b"A.md").unwrap();
        assert_eq!(evidence.before(&path).unwrap().unwrap().bytes, b"a");
    });
}

#[test]
fn a_link_has_the_digest_of_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "A.md", "a");
    std::os::unix::fs::symlink("A.md", folder.path().join("L.md")).unwrap();
    see(folder.path(), |evidence| {
        assert_eq!(evidence.digest(&PackPath::new(b"L.md").unwrap()), Ok(Sha256::of(b"a")));
        assert!(evidence.digest(&PackPath::new(b"none").unwrap()).is_err());
        assert!(evidence.git().is_err() && evidence.last_release().is_err());
        assert!(evidence.events().is_err() && evidence.approvals().is_err());
    });
}

#[test]
fn programs_are_not_started_unless_the_policy_was_named() {
    let folder = tree();
    let words = ["sh", "-c", "touch ran"].map(str::to_owned).to_vec();
    let order = Order { program: words, time_limit_s: 60, variables: vec!["PATH".to_owned()] };
    see(folder.path(), |evidence| assert_eq!(evidence.run(&order), Err(NOT_NAMED.to_owned())));
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn the_files_of_the_last_release_are_listed_and_a_look_keeps_nothing() {
    let folder = tree();
    see(folder.path(), |evidence| {
        let before: Vec<String> =
            evidence.files_before().unwrap().iter().map(|path| path.to_string()).collect();
        assert_eq!(before, ["A.md", "ddl/1.sql"]);
        let path = |path: &str| PackPath::new(path.as_bytes()).unwrap();
        let mut seen = Vec::new();
        assert_eq!(evidence.look(&path("A.md"), &mut |bytes| seen.extend_from_slice(bytes)), Ok(true));
        assert_eq!((seen.as_slice(), evidence.asked.borrow().len()), (&b"a"[..], 0));
        assert_eq!(evidence.look(&path("B.md"), &mut |_| panic!("there is nothing to see")), Ok(false));
        let unsigned = evidence.signature(&path("A.md"), b"?", &[]);
        assert_eq!(unsigned, Err("it is a signature of no known kind".to_owned()));
    });
}
