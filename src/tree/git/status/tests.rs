//! Trees that differ from their commit in each way, judged beside `git status`; and repositories that would like to
//! start something.

use super::*;
use crate::tree::testing::git;

/// A repository with a file in its root and one in a folder.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    write(root, "a", "1\n");
    write(root, "sub/b", "2\n");
    write(root, ".gitignore", "*.log\n");
    commit(root);
    folder
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn commit(root: &Path) {
    git(root, &["add", "."]);
    git(root, &["commit", "-q", "-m", "more"]);
}

fn of(root: &Path) -> Status {
    let status = status(root, &[]).unwrap().unwrap();
    assert_eq!(status.unread, None);
    status
}

/// Changed, untracked, and the paths.
fn found(root: &Path) -> (u64, u64, Vec<String>) {
    let status = of(root);
    (status.changed, status.untracked, status.paths)
}

#[test]
fn a_fresh_checkout_is_clean_and_without_git_there_is_no_status() {
    let folder = repository();
    assert_eq!(of(folder.path()).is_clean(), Some(true));
    assert_eq!(status(tempfile::tempdir().unwrap().path(), &[]).unwrap(), None);
}

#[test]
fn changes_in_index_and_work_tree_and_untracked_files_are_counted_once_and_ignored_ones_are_not() {
    let folder = repository();
    let root = folder.path();
    write(root, "a", "11\n");
    git(root, &["add", "a"]);
    write(root, "a", "111\n");
    write(root, "staged", "x");
    git(root, &["add", "staged"]);
    fs::remove_file(root.join("sub/b")).unwrap();
    write(root, "new/c", "3");
    write(root, "new/d", "3");
    write(root, "noise.log", "3");
    let paths = ["a", "new/c", "new/d", "staged", "sub/b"].map(str::to_owned).to_vec();
    assert_eq!(found(root), (3, 2, paths));
    assert_eq!(of(root).is_clean(), Some(false));
    let porcelain = git(root, &["status", "--porcelain", "-uall"]);
    assert_eq!(porcelain.lines().count(), 5, "{porcelain}");
}

#[test]
fn a_mode_a_type_and_an_equal_length_count() {
    let folder = repository();
    let root = folder.path();
    write(root, "a", "9\n");
    fs::remove_file(root.join("sub/b")).unwrap();
    std::os::unix::fs::symlink("../a", root.join("sub/b")).unwrap();
    assert_eq!(found(root), (2, 0, vec!["a".to_owned(), "sub/b".to_owned()]));
    let script = repository();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(script.path().join("a"), mode).unwrap();
    assert_eq!(found(script.path()), (1, 0, vec!["a".to_owned()]));
}

#[test]
fn before_the_first_commit_everything_is_new() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    write(folder.path(), "a", "1");
    write(folder.path(), "b", "1");
    git(folder.path(), &["add", "a"]);
    assert_eq!(found(folder.path()), (1, 1, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn only_the_root_counts_and_nothing_that_is_excluded() {
    let folder = repository();
    let root = folder.path();
    write(root, "a", "22\n");
    write(root, "subject", "x");
    write(root, "sub/new", "x");
    write(root, "sub/sealed/app-1.tar.zst.age", "x");
    write(root, "sub/sealed-not", "x");
    let excluded = [root.join("sub/sealed"), root.join("nowhere")];
    let status = status(&root.join("sub"), &excluded).unwrap().unwrap();
    assert_eq!((status.changed, status.untracked), (0, 2));
    assert_eq!(status.paths, ["sub/new", "sub/sealed-not"]);
}

#[test]
fn an_excluded_link_is_excluded_as_itself_and_as_what_it_leads_to() {
    let folder = repository();
    let root = folder.path();
    write(root, "real/x", "x");
    std::os::unix::fs::symlink("real", root.join("sealed")).unwrap();
    assert_eq!(of(root).untracked, 2);
    assert_eq!(status(root, &[root.join("sealed")]).unwrap().unwrap().is_clean(), Some(true));
}

#[test]
fn only_the_first_paths_are_named_and_all_are_counted() {
    let folder = repository();
    for number in 0..30 {
        write(folder.path(), &format!("n{number:02}"), "x");
    }
    let (changed, untracked, paths) = found(folder.path());
    assert_eq!((changed, untracked, paths.len()), (0, 30, PATHS_MAX));
    assert_eq!((paths[0].as_str(), paths[9].as_str()), ("n00", "n09"));
}

#[test]
fn line_ends_that_the_attributes_convert_are_no_change() {
    let folder = repository();
    let root = folder.path();
    write(root, ".gitattributes", "*.txt text eol=crlf\n*.id ident\n");
    write(root, "t.txt", "a\r\nb\r\n");
    write(root, "t.id", "$Id$\n");
    commit(root);
    // Written again, so that the index cannot tell by the times.
    write(root, "t.txt", "a\r\nb\r\n");
    write(root, "t.id", "$Id: 0123 $\n");
    assert_eq!(of(root).is_clean(), Some(true));
    write(root, "t.txt", "a\r\nc\r\n");
    assert_eq!(found(root), (1, 0, vec!["t.txt".to_owned()]));
}

#[test]
fn nothing_that_the_configuration_names_is_started_and_the_index_stays_as_it_is() {
    let (folder, outside) = (repository(), tempfile::tempdir().unwrap());
    let root = folder.path();
    write(root, ".gitattributes", "*.bin filter=evil diff=evil\n*.lfs filter=lfs\n");
    write(root, "x.bin", "1");
    write(root, "y.lfs", "1");
    commit(root);
    let mark = outside.path().join("started");
    let program = outside.path().join("program");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.alternateRefsCommand",
        "core.gitProxy",
        "filter.evil.process",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.lfs.clean",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "credential.helper",
        "gpg.program",
        "gpg.ssh.program",
        "uploadpack.packObjectsHook",
        "alias.status",
    ] {
        git(root, &["config", key, program]);
    }
    git(root, &["config", "core.hooksPath", outside.path().to_str().unwrap()]);
    fs::copy(program, outside.path().join("fsmonitor-watchman")).unwrap();
    fs::copy(program, outside.path().join("post-index-change")).unwrap();
    write(root, "x.bin", "2");
    write(root, "y.lfs", "2");
    write(root, "new.bin", "3");
    let before = fs::read(root.join(".git/index")).unwrap();
    let status = of(root);
    assert_eq!((status.changed, status.untracked, status.uncompared), (0, 1, 2));
    crate::tree::git::facts(root).unwrap().unwrap();
    assert!(!mark.exists(), "a program was started");
    assert_eq!(fs::read(root.join(".git/index")).unwrap(), before);
    // The trap is one: git itself falls into it.
    git(root, &["status"]);
    assert!(mark.exists());
}

#[test]
fn files_that_the_index_skips_leave_it_unknown() {
    let folder = repository();
    let root = folder.path();
    git(root, &["update-index", "--assume-unchanged", "a"]);
    git(root, &["update-index", "--skip-worktree", "sub/b"]);
    write(root, "a", "other\n");
    let status = of(root);
    assert_eq!((status.changed, status.uncompared, status.is_clean()), (0, 2, None));
}

#[test]
fn a_submodule_at_another_commit_is_a_change_and_its_files_are_not_looked_at() {
    let (folder, inner) = (repository(), repository());
    let root = folder.path();
    let url = inner.path().to_str().unwrap();
    git(root, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "module"]);
    git(root, &["commit", "-q", "-m", "module"]);
    write(root, "module/new", "x");
    let status = of(root);
    assert_eq!((status.changed, status.untracked, status.submodules), (0, 0, 1));
    git(&root.join("module"), &["commit", "-q", "--allow-empty", "-m", "two"]);
    let status = of(root);
    assert_eq!((status.changed, status.submodules, status.paths), (1, 0, vec!["module".to_owned()]));
}

#[test]
fn a_broken_repository_has_no_status_and_says_why() {
    let folder = repository();
    fs::write(folder.path().join(".git/index"), "DIRC, but no more").unwrap();
    let broken = status(folder.path(), &[]).unwrap().unwrap();
    assert!(broken.unread.is_some() && broken.is_clean().is_none());
}
