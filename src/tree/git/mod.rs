//! What git says about the tree, read from the repository's files. git's own programs are never started, and only
//! the repository's own configuration is read, of which nothing is run; nothing is written, the index neither.

pub mod history;
mod open;
mod remote;
pub mod signature;
pub mod status;
pub mod tag;
#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::tree::git::open::{object, open};
use gix::Repository;
use gix::refs::TargetRef;
use std::path::Path;

pub use history::{History, history};
pub use signature::{Format, Signature, Signers, Verdict};
pub use status::{Status, status};
pub use tag::{Person, Tag, tag};

/// The commit that a tree was checked out from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// HEAD as lower-case hex; `None` where nothing was committed yet.
    pub commit: Option<String>,
    /// The committer's time of HEAD, in seconds since 1970.
    pub commit_time_s: Option<i64>,
    /// The short names of the tags that end at HEAD, annotated or not, sorted.
    pub tags_at_head: Vec<String>,
    /// The branch that is checked out; `None` where HEAD is detached.
    pub branch: Option<String>,
    /// The branch that `origin` had as its default when it was cloned.
    pub default_branch: Option<String>,
    /// Where it was cloned from, without credentials: see [`public_url`](crate::format::public_url::public_url).
    pub remote: Option<String>,
    /// Whether older commits are missing. What is said here holds all the same.
    pub shallow: bool,
    /// What could not be read, and why, for people.
    pub unread: Option<String>,
}

/// The facts of the checkout that `root` is, or lies in; `None` without one. A repository that cannot be read is not
/// an error: [`GitFacts::unread`] says what is missing.
pub fn facts(root: &Path) -> Result<Option<GitFacts>> {
    let Some(checkout) = open(root)? else { return Ok(None) };
    let repository = match &checkout.repository {
        Ok(repository) => repository,
        Err(why) => return Ok(Some(GitFacts { unread: Some(why.clone()), ..GitFacts::default() })),
    };
    let mut facts = GitFacts {
        branch: branch(repository),
        default_branch: default_branch(repository),
        remote: remote::remote(repository),
        shallow: repository.is_shallow().unwrap_or_default(),
        ..GitFacts::default()
    };
    if let Err(error) = read(repository, &mut facts) {
        facts.unread = Some(checkout.fault(error));
    }
    Ok(Some(facts))
}

/// Fills in what can be read, in the order of what depends on what.
fn read(repository: &Repository, facts: &mut GitFacts) -> gix::Result<()> {
    let head = repository.head()?;
    let Some(head) = head.id() else { return Ok(()) };
    facts.commit = Some(head.to_string());
    facts.commit_time_s = Some(object(head)?.try_into_commit()?.time()?.seconds);
    for tag in repository.references()?.tags()?.peeled()? {
        let tag = tag?;
        if tag.try_id() == Some(head) {
            facts.tags_at_head.push(tag.name().shorten().to_string());
        }
    }
    facts.tags_at_head.sort_unstable();
    Ok(())
}

fn branch(repository: &Repository) -> Option<String> {
    let name = repository.head_name().ok()??;
    name.as_bstr().to_string().strip_prefix("refs/heads/").map(str::to_owned)
}

fn default_branch(repository: &Repository) -> Option<String> {
    let head = repository.try_find_reference("refs/remotes/origin/HEAD").ok()??;
    match head.target() {
        TargetRef::Symbolic(name) => {
            name.as_bstr().to_string().strip_prefix("refs/remotes/origin/").map(str::to_owned)
        }
        TargetRef::Object(_) => None,
    }
}
