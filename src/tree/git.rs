//! What git says about the tree, read from the repository's files. git's own programs are never started, and only
//! the repository's own configuration is read, of which nothing is run.

use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The commit that a tree was checked out from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// HEAD as lower-case hex; `None` where nothing was committed yet.
    pub commit: Option<String>,
    /// The committer's time of HEAD, in seconds since 1970.
    pub commit_time_s: Option<i64>,
    /// The short names of the tags that end at HEAD, annotated or not, sorted.
    pub tags_at_head: Vec<String>,
    /// What could not be read, and why, for people.
    pub unread: Option<String>,
}

/// The facts of the checkout that `root` is, or lies in; `None` without one. A repository that cannot be read is not
/// an error: [`GitFacts::unread`] says what is missing.
pub fn facts(root: &Path) -> Result<Option<GitFacts>> {
    let root = fs::canonicalize(root).map_err(Error::io("find", root))?;
    let Some(work_tree) = work_tree(&root) else { return Ok(None) };
    // Isolated: no configuration of the user or the system, no variables of the environment. Whoever owns it, it is
    // only read.
    let options = gix::open::Options::isolated().bail_if_untrusted(false);
    let repository = match gix::open_opts(&work_tree, options) {
        Ok(repository) => repository,
        Err(error) => {
            return Ok(Some(GitFacts {
                unread: Some(why_closed(&work_tree, &error)),
                ..GitFacts::default()
            }));
        }
    };
    // `core.worktree` may say that the files lie elsewhere: then their history says nothing about this tree.
    let elsewhere =
        |workdir: &Path| fs::canonicalize(workdir).is_ok_and(|workdir| !root.starts_with(workdir));
    if repository.workdir().is_none_or(elsewhere) {
        return Ok(None);
    }
    let mut facts = GitFacts::default();
    if let Err(error) = read(&repository, &mut facts) {
        facts.unread = Some(format!("the git repository {}: {error}", work_tree.display()));
    }
    Ok(Some(facts))
}

/// The nearest folder, from here upwards, that has a `.git`: as git looks for it, across file systems as well.
fn work_tree(root: &Path) -> Option<PathBuf> {
    root.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
}

/// Fills in what can be read, in the order of what depends on what.
fn read(repository: &gix::Repository, facts: &mut GitFacts) -> gix::Result<()> {
    let head = repository.head()?;
    let Some(head) = head.id() else { return Ok(()) };
    facts.commit = Some(head.to_string());
    facts.commit_time_s = Some(head.object()?.try_into_commit()?.time()?.seconds);
    for tag in repository.references()?.tags()?.peeled()? {
        let tag = tag?;
        if tag.try_id() == Some(head) {
            facts.tags_at_head.push(tag.name().shorten().to_string());
        }
    }
    facts.tags_at_head.sort_unstable();
    Ok(())
}

/// Why a repository cannot be opened.
fn why_closed(work_tree: &Path, error: &gix::Error) -> String {
    let config = fs::read_to_string(work_tree.join(".git/config")).unwrap_or_default().to_ascii_lowercase();
    let uses_sha256 = config.lines().any(|line| {
        line.split_once('=')
            .is_some_and(|(key, value)| key.trim() == "objectformat" && value.trim() == "sha256")
    });
    let work_tree = work_tree.display();
    if uses_sha256 {
        format!("the git repository {work_tree} names its objects by SHA-256, which is not supported")
    } else {
        format!("the git repository {work_tree} cannot be opened: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{TIME_S, git};

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
        git(folder.path(), &["init", "-q"]);
        assert_eq!(found(folder.path()), GitFacts::default());
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
}
