//! Where a tree comes from: what git says of it, and where it is sealed.

use crate::error::Result;
use crate::evidence::provenance::Origin;
use crate::finding::{Code, Finding};
use crate::policy::Policy;
use crate::tree::ci;
use crate::tree::git::{self, GitFacts, Signers};
use std::path::{Path, PathBuf};

/// Looks at the checkout that the tree is; `excluded` says nothing of it.
pub fn origin(
    root: &Path,
    policy: &Policy,
    version: &str,
    git: Option<GitFacts>,
    excluded: &[PathBuf],
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Origin> {
    let signers = Signers::load(root, &policy.git)?;
    let tags = git.as_ref().map_or(&[][..], |git| &git.tags_at_head);
    // Two tags that name one version are the two halves of nothing: which is meant, nobody says.
    let tag = match git::tag::naming(tags, &policy.tag, version)[..] {
        [name] => git::tag(root, name, &signers)?,
        _ => None,
    };
    Ok(Origin { git, tag, status: git::status(root, excluded)?, builder: ci::builder(variables) })
}

/// What could not be read of git, and so is not in the provenance.
pub fn unread(origin: &Origin) -> Vec<Finding> {
    let facts = origin.git.as_ref().and_then(|git| git.unread.as_deref());
    let tag = origin.tag.as_ref().and_then(|tag| tag.unread.as_deref());
    let status = origin.status.as_ref().and_then(|status| status.unread.as_deref());
    let mut whys: Vec<&str> = [facts, tag, status].into_iter().flatten().collect();
    whys.dedup();
    whys.into_iter().map(|why| Finding::new(Code::GitUnread, "git").actual(why)).collect()
}
