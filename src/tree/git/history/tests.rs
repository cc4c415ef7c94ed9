use super::*;
use crate::tree::testing::{TIME_S, git};
use std::path::Path;

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Commits everything, some seconds after [`TIME_S`].
fn commit(root: &Path, seconds: i64) {
    git(root, &["add", "-A"]);
    // The environment sets the time of every commit: another one is written by hand.
    let tree = git(root, &["write-tree"]);
    let parent = std::process::Command::new("git")
        .current_dir(root)
        .args(["rev-parse", "-q", "--verify", "HEAD"])
        .output();
    let parent = String::from_utf8(parent.unwrap().stdout).unwrap().trim().to_owned();
    let parent = if parent.is_empty() { String::new() } else { format!("parent {parent}\n") };
    let time = TIME_S + seconds;
    let text = format!(
        "tree {tree}\n{parent}author T <t@example.com> {time} +0000\ncommitter T <t@example.com> {time} +0000\n\nx\n"
    );
    write(root, ".git/new-commit", &text);
    let id = git(root, &["hash-object", "-t", "commit", "-w", ".git/new-commit"]);
    git(root, &["update-ref", "HEAD", &id]);
}

/// Three commits: a and ddl/1.sql; then b and tag v1.0.0; then a again.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    write(root, "a", "1");
    write(root, "ddl/1.sql", "one");
    commit(root, 0);
    write(root, "b", "1");
    commit(root, 10);
    git(root, &["tag", "-a", "v1.0.0", "-m", "x"]);
    write(root, "a", "2");
    commit(root, 20);
    folder
}

fn of(root: &Path) -> History {
    history(root).unwrap().unwrap().unwrap()
}

#[test]
fn a_file_was_committed_when_it_got_what_it_has() {
    let folder = repository();
    let history = of(folder.path());
    let at = |path| history.committed_at(path).unwrap().map(|time| time - TIME_S);
    assert_eq!([at("a"), at("b"), at("ddl/1.sql"), at("none")], [Some(20), Some(10), Some(0), None]);
    let inside = of(&folder.path().join("ddl"));
    assert_eq!(inside.committed_at("1.sql").unwrap(), Some(TIME_S));
}

#[test]
fn a_merge_gave_a_file_nothing_that_a_parent_had() {
    let folder = repository();
    let root = folder.path();
    git(root, &["checkout", "-q", "-b", "side", "v1.0.0"]);
    write(root, "c", "1");
    commit(root, 30);
    git(root, &["checkout", "-q", "main"]);
    git(root, &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let history = of(root);
    assert_eq!(history.committed_at("c").unwrap(), Some(TIME_S + 30));
    assert_eq!(history.committed_at("b").unwrap(), Some(TIME_S + 10));
}

#[test]
fn head_is_on_a_branch_if_that_leads_to_it() {
    let folder = repository();
    let root = folder.path();
    assert_eq!(of(root).on_branch("main"), Some(true));
    git(root, &["checkout", "-q", "--detach", "v1.0.0"]);
    assert_eq!(of(root).on_branch("main"), Some(true));
    write(root, "c", "1");
    commit(root, 30);
    assert_eq!(of(root).on_branch("main"), Some(false));
    git(root, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    assert_eq!(of(root).on_branch("main"), Some(true));
    assert_eq!(of(root).on_branch("trunk"), None);
}

#[test]
fn files_are_read_as_they_were_at_a_tag() {
    let folder = repository();
    let root = folder.path();
    std::os::unix::fs::symlink("a", root.join("link")).unwrap();
    commit(root, 40);
    git(root, &["tag", "light"]);
    let history = of(root);
    assert_eq!(history.tags().unwrap(), ["light", "v1.0.0"]);
    assert_eq!(history.files_at("v1.0.0").unwrap(), ["a", "b", "ddl/1.sql"]);
    assert_eq!(history.files_at("light").unwrap(), ["a", "b", "ddl/1.sql"]);
    let read = |tag, path| {
        history.read_at(tag, path, 100).map(|bytes| bytes.map(|bytes| String::from_utf8(bytes).unwrap()))
    };
    assert_eq!(read("v1.0.0", "a"), Ok(Some("1".to_owned())));
    assert_eq!(read("light", "a"), Ok(Some("2".to_owned())));
    assert_eq!(read("light", "none"), Ok(None));
    assert!(read("light", "ddl").is_err() && read("v9", "a").is_err());
    assert!(history.read_at("light", "ddl/1.sql", 2).unwrap_err().contains("too large"));
    assert_eq!(of(&root.join("ddl")).files_at("light").unwrap(), ["1.sql"]);
}

#[test]
fn a_history_that_is_cut_off_says_so() {
    let (folder, clone) = (repository(), tempfile::tempdir().unwrap());
    let url = format!("file://{}", folder.path().display());
    git(clone.path(), &["clone", "-q", "--depth", "1", &url, "."]);
    let history = of(clone.path());
    assert!(history.committed_at("a").unwrap_err().ends_with("a: the history is cut off before it"));
    assert_eq!(history.committed_at("none"), Ok(None));
    assert_eq!((history.at_head("a"), history.at_head("none")), (Ok(true), Ok(false)));
    assert!(super::history(tempfile::tempdir().unwrap().path()).unwrap().is_none());
}
