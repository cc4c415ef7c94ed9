//! What git says of a tree, as gates see it.

use crate::error::Result;
use crate::evidence::gates::tree::Judging;
use crate::policy::gate::Git;
use crate::policy::gate::evidence::Tag;
use crate::tree::git::{self, Signature, Signers, Verdict};
use jiff::Timestamp;

/// Everything but the history; an error in words without a repository.
pub(super) fn said(judging: &Judging<'_>) -> Result<std::result::Result<Git, String>> {
    let Some(facts) = &judging.origin.git else { return Ok(Err("there is no git repository".to_owned())) };
    let status = judging.origin.status.as_ref();
    let differing = status.map(|status| status.differing.clone()).unwrap_or_default();
    let default_branch = judging.policy.git.default_branch.clone().or_else(|| facts.default_branch.clone());
    let history = judging.history.as_ref().ok();
    let on_default_branch =
        default_branch.as_deref().zip(history).and_then(|(branch, history)| history.on_branch(branch));
    let last = judging.last.as_ref().ok().zip(history);
    let from_last = last.and_then(|(last, history)| history.comes_from(last.tag()));
    let unread = status.map_or(Some("git has no status".to_owned()), |status| status.unread.clone());
    Ok(Ok(Git {
        commit: facts.commit.clone(),
        commit_time: facts.commit_time_s.and_then(|time| Timestamp::from_second(time).ok()),
        branch: facts.branch.clone(),
        from_last,
        tag: tag(judging, default_branch.as_deref())?,
        default_branch,
        on_default_branch,
        changed: differing.changed,
        untracked: differing.untracked,
        uncompared: differing.uncompared,
        status_unread: unread,
        unread: facts.unread.clone(),
    }))
}

/// The tag of the release, wherever it ends.
fn tag(judging: &Judging<'_>, default_branch: Option<&str>) -> Result<Option<Tag>> {
    let history = judging.history.as_ref().ok();
    let on_default_branch =
        default_branch.zip(history).and_then(|(branch, history)| history.tag_on_branch(&judging.tag, branch));
    let signers = Signers::load(judging.root, &judging.policy.git)?;
    let Some(tag) = git::tag(judging.root, &judging.tag, &signers)? else { return Ok(None) };
    let head = judging.origin.git.as_ref().and_then(|facts| facts.commit.as_ref());
    Ok(Some(Tag {
        annotated: tag.is_annotated(),
        on_default_branch,
        at_head: tag.target.is_some() && tag.target.as_ref() == head,
        signed_by: match (&tag.unread, &tag.signature) {
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err("it is not signed".to_owned()),
            (None, Some(signature)) => signer(signature),
        },
        name: tag.name,
    }))
}

/// Who signed, or why that does not count.
fn signer(signature: &Signature) -> std::result::Result<String, String> {
    let key = signature.key.as_deref().unwrap_or("which it does not tell");
    match &signature.verdict {
        Verdict::Good => Ok(signature.signer.clone().unwrap_or_else(|| key.to_owned())),
        Verdict::Bad(why) => Err(format!("its signature is bad: {why}")),
        Verdict::UnknownKey => Err(format!("signed by a key that is not allowed: {key}")),
        Verdict::Expired => Err(format!("signed when the key had expired: {key}")),
        Verdict::NotYetValid => Err(format!("signed before the key was valid: {key}")),
        Verdict::Unsupported(what) => Err(format!("it has {what}, which is not verified")),
    }
}
