//! Opens the repository of a tree so that nothing it says can start anything.

use crate::error::{Error, Result};
use gix::Repository;
use std::fs;
use std::path::{Path, PathBuf};

/// What of a repository's configuration is kept, by section. Everything else is dropped before anything is asked: filter
/// and diff drivers, file-system monitors, hooks, helpers and commands would be programs.
const KEPT: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "repositoryformatversion",
            "bare",
            "worktree",
            "filemode",
            "ignorecase",
            "precomposeunicode",
            "symlinks",
            "autocrlf",
            "eol",
            "checkroundtripencoding",
            "checkstat",
            "trustctime",
            "excludesfile",
            "attributesfile",
            "sparsecheckout",
            "sparsecheckoutcone",
        ],
    ),
    ("extensions", &["objectformat", "refstorage", "worktreeconfig", "partialclone", "preciousobjects"]),
    ("remote", &["url"]),
    ("branch", &["remote", "merge"]),
];

/// The largest commit or tag that is read, in bytes; real ones have some hundreds.
const OBJECT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A checkout.
pub(super) struct Checkout {
    /// What is sealed, without links in its path.
    pub root: PathBuf,
    /// The folder that has the `.git`.
    pub work_tree: PathBuf,
    /// Its repository, or why it cannot be opened.
    pub repository: Result<Repository, String>,
}

impl Checkout {
    /// What went wrong in it, for people.
    pub fn fault(&self, why: impl std::fmt::Display) -> String {
        format!("the git repository {}: {why}", self.work_tree.display())
    }
}

/// The checkout that `root` is, or lies in; `None` without one.
pub(super) fn open(root: &Path) -> Result<Option<Checkout>> {
    let root = fs::canonicalize(root).map_err(Error::io("find", root))?;
    let Some(work_tree) = work_tree(&root) else { return Ok(None) };
    // Isolated: no configuration of the user or the system, no variables of the environment. Whoever owns it, it is
    // only read.
    let options = gix::open::Options::isolated().bail_if_untrusted(false);
    let repository = match gix::open_opts(&work_tree, options).and_then(disarmed) {
        Ok(repository) => repository,
        Err(error) => {
            let why = why_closed(&work_tree, &error);
            return Ok(Some(Checkout { root, work_tree, repository: Err(why) }));
        }
    };
    // `core.worktree` may say that the files lie elsewhere: then their history says nothing about this tree.
    let elsewhere =
        |workdir: &Path| fs::canonicalize(workdir).is_ok_and(|workdir| !root.starts_with(workdir));
    if repository.workdir().is_none_or(elsewhere) {
        return Ok(None);
    }
    Ok(Some(Checkout { root, work_tree, repository: Ok(repository) }))
}

/// The repository with a configuration, in memory alone, that names no program.
fn disarmed(mut repository: Repository) -> gix::Result<Repository> {
    let mut config = repository.config_snapshot_mut();
    let ids: Vec<_> = config.section_ids().collect();
    for id in ids {
        let Some(mut section) = config.section_mut_by_id(id) else { continue };
        let name = section.header().name().to_string().to_ascii_lowercase();
        let Some((_, kept)) = KEPT.iter().find(|(section, _)| *section == name) else {
            config.remove_section_by_id(id);
            continue;
        };
        let values: Vec<String> = section.value_names().collect();
        for value in values.iter().filter(|value| !kept.contains(&value.to_ascii_lowercase().as_str())) {
            while section.remove(value).is_some() {}
        }
    }
    config.commit()?;
    Ok(repository)
}

/// An object that is small enough to be a commit or a tag, and has the digest that names it, which gix does not look at.
pub(super) fn object(id: gix::Id<'_>) -> gix::Result<gix::Object<'_>> {
    object_within(id, OBJECT_BYTES_MAX)
}

/// The same for any object of at most so many bytes.
pub(super) fn object_within(id: gix::Id<'_>, bytes_max: u64) -> gix::Result<gix::Object<'_>> {
    let fault = |why| gix::error::ErrorExt::raise(gix::error::message(why));
    if id.header()?.size() > bytes_max {
        return Err(fault("the object is too large"));
    }
    let object = id.object()?;
    if gix::objs::compute_hash(id.kind(), object.kind, &object.data)? != id.detach() {
        return Err(fault("the object is damaged: it does not have the digest that names it"));
    }
    Ok(object)
}

/// The nearest folder, from here upwards, that has a `.git`: as git looks for it, across file systems as well.
fn work_tree(root: &Path) -> Option<PathBuf> {
    root.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
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
