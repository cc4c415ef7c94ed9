//! Facts of real repositories, and of broken ones.

use super::*;
use crate::tree::testing::{TIME_S, git};
use std::fs;

/// A repository with one commit, tagged in two ways, and a later one if wished.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    fs::write(folder.path().join("a"), "1").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "one"]);
    git(folder.path(), &["tag", "v1.0.0"]);
    git(folder.path(), &["tag", "-a", "-m", "it", "app/1.0.0"]);
    folder
}

fn commit_again(folder: &Path) {
    git(folder, &["commit", "-q", "--allow-empty", "-m", "two"]);
}

fn found(root: &Path) -> GitFacts {
    let facts = facts(root).unwrap().unwrap();
    assert_eq!(facts.unread, None);
    facts
}

#[test]
fn without_git_there_are_no_facts() {
    assert_eq!(facts(tempfile::tempdir().unwrap().path()).unwrap(), None);
}

#[test]
fn a_checkout_tells_its_commit_its_time_and_its_tags_from_every_folder_in_it() {
    let folder = repository();
    let head = git(folder.path(), &["rev-parse", "HEAD"]);
    fs::create_dir_all(folder.path().join("x/y")).unwrap();
    for root in [folder.path().to_owned(), folder.path().join("x/y")] {
        let facts = found(&root);
        assert_eq!(facts.commit.as_deref(), Some(head.as_str()));
        assert_eq!(facts.commit_time_s, Some(TIME_S));
        assert_eq!(facts.tags_at_head, ["app/1.0.0", "v1.0.0"]);
    }
}

#[test]
fn tags_of_other_commits_do_not_count() {
    let folder = repository();
    commit_again(folder.path());
    assert_eq!(found(folder.path()).tags_at_head, [""; 0]);
}

#[test]
fn before_the_first_commit_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "trunk"]);
    let branch = Some("trunk".to_owned());
    assert_eq!(found(folder.path()), GitFacts { branch, ..GitFacts::default() });
}

#[test]
fn a_detached_head_and_packed_refs_and_objects_are_read() {
    let folder = repository();
    commit_again(folder.path());
    git(folder.path(), &["checkout", "-q", "v1.0.0"]);
    git(folder.path(), &["pack-refs", "--all"]);
    git(folder.path(), &["gc", "-q"]);
    assert_eq!(found(folder.path()).tags_at_head, ["app/1.0.0", "v1.0.0"]);
}

#[test]
fn a_linked_worktree_tells_its_own_head() {
    let (folder, other) = (repository(), tempfile::tempdir().unwrap());
    let linked = other.path().join("linked");
    git(folder.path(), &["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), "v1.0.0"]);
    commit_again(folder.path());
    assert_eq!(found(&linked).tags_at_head, ["app/1.0.0", "v1.0.0"]);
    assert_eq!(found(folder.path()).tags_at_head, [""; 0]);
}

#[test]
fn what_cannot_be_read_is_said_and_does_not_stop_anything() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "--object-format=sha256"]);
    let unread = facts(folder.path()).unwrap().unwrap().unread.unwrap();
    assert!(unread.ends_with("names its objects by SHA-256, which is not supported"), "{unread}");

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".git"), "gitdir: /nowhere/at/all\n").unwrap();
    let broken = facts(folder.path()).unwrap().unwrap();
    assert!(broken.unread.unwrap().contains("cannot be opened"));
    assert_eq!(broken.commit, None);
}

#[test]
fn a_commit_that_is_gone_is_still_named() {
    let folder = repository();
    fs::remove_dir_all(folder.path().join(".git/objects")).unwrap();
    fs::create_dir(folder.path().join(".git/objects")).unwrap();
    let facts = facts(folder.path()).unwrap().unwrap();
    assert!(facts.commit.is_some() && facts.commit_time_s.is_none());
    assert!(facts.unread.is_some());
}

#[test]
fn a_repository_of_another_owner_is_read_as_well() {
    let folder = repository();
    let other = Some(rustix::fs::Uid::from_raw(12345));
    // Only root can give files away; for others there is nothing to see here but that reading works.
    for path in [folder.path().to_owned(), folder.path().join(".git")] {
        let given = rustix::fs::chown(&path, other, None);
        assert!(given.is_ok() || !rustix::process::geteuid().is_root());
    }
    assert_eq!(found(folder.path()).tags_at_head, ["app/1.0.0", "v1.0.0"]);
}

#[test]
fn branch_origin_and_its_default_branch_are_told() {
    let folder = repository();
    assert_eq!(found(folder.path()).branch.as_deref(), Some("main"));
    assert_eq!((found(folder.path()).remote, found(folder.path()).default_branch), (None, None));

    let clone = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    git(clone.path(), &["clone", "-q", "--depth", "1", &url, "c"]);
    let clone = clone.path().join("c");
    git(&clone, &["checkout", "-q", "-b", "release/1.x"]);
    let facts = found(&clone);
    assert_eq!(
        (facts.branch.as_deref(), facts.default_branch.as_deref()),
        (Some("release/1.x"), Some("main"))
    );
    assert_eq!((facts.shallow, facts.remote), (true, None));
    assert!(facts.commit.is_some() && !found(folder.path()).shallow);
    git(&clone, &["checkout", "-q", "--detach"]);
    assert_eq!(found(&clone).branch, None);
}

#[test]
fn the_remote_is_origin_or_the_only_one_and_tells_no_credentials() {
    let folder = repository();
    let run = |arguments: &[&str]| git(folder.path(), arguments);
    let remote = || found(folder.path()).remote;
    run(&["remote", "add", "fork", "https://u:hunter2@git.example/o/fork.git"]);
    assert_eq!(remote().as_deref(), Some("https://git.example/o/fork.git"));
    run(&["remote", "add", "other", "https://git.example/o/other.git"]);
    assert_eq!(remote(), None);
    run(&["remote", "add", "origin", "git@git.example:o/r.git"]);
    assert_eq!(remote().as_deref(), Some("ssh://git@git.example/o/r.git"));
    run(&["config", "url.https://u:hunter2@elsewhere.example/.insteadOf", "git@git.example:"]);
    assert_eq!(remote().as_deref(), Some("ssh://git@git.example/o/r.git"));
    run(&["remote", "set-url", "origin", "/srv/git/r.git"]);
    assert_eq!(remote(), None);
}

#[test]
fn a_damaged_commit_tells_no_time() {
    let folder = repository();
    let head = git(folder.path(), &["rev-parse", "HEAD"]);
    commit_again(folder.path());
    let later = git(folder.path(), &["rev-parse", "HEAD"]);
    let place = |id: &str| folder.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(place(&later)).unwrap();
    fs::copy(place(&head), place(&later)).unwrap();
    let facts = facts(folder.path()).unwrap().unwrap();
    assert_eq!((facts.commit, facts.commit_time_s), (Some(later), None));
    assert!(facts.unread.unwrap().contains("the object is damaged"));
}
