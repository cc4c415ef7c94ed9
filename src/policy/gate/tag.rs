//! `tag`: the release's tag says who released it.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::policy::gate::evidence::Tag;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::{Check, Evidence, Git, Judged, Kind, Release};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "tag",
    code: Code::GateTag,
    holds_when: "the release's tag (`[project] tag`) is annotated, signed by a signer that `[git]` allows, ends at \
                 HEAD, and HEAD is on the default branch",
    keys: &[
        ("annotated", "false: a lightweight tag will do, and then no signature is asked for; default true"),
        ("signed", "false: the signature is not asked for; default true"),
        (
            "at_head",
            "false: HEAD may have moved on since, as at stage close, and it is the tag's commit that must be on the \
             default branch; default true",
        ),
        (
            "from_last",
            "true: HEAD must come from the tag of the last release, as a hotfix does; default false",
        ),
        (
            "any_branch",
            "true: HEAD may be on any branch, as for a hotfix; default false. The default branch is `[git] \
             default_branch`, else the one that `origin` named when it was cloned",
        ),
    ],
    example: "[[gate]]\nid = \"signed-tag\"\ncheck = \"tag\"\nsigned = true\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct TagGate {
    annotated: bool,
    signed: bool,
    any_branch: bool,
    at_head: bool,
    from_last: bool,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let annotated = section.flag("annotated")?.is_none_or(|flag| flag.value);
    let signed = section.flag("signed")?;
    if let Some(flag) = signed.filter(|flag| flag.value && !annotated) {
        let message = "a tag that need not be annotated cannot have to be signed";
        return Err(section.error(flag.line, message, "take out `annotated = false`"));
    }
    let signed = signed.map_or(annotated, |flag| flag.value);
    let any_branch = section.flag("any_branch")?.is_some_and(|flag| flag.value);
    let at_head = section.flag("at_head")?.is_none_or(|flag| flag.value);
    let from_last = section.flag("from_last")?.is_some_and(|flag| flag.value);
    Ok(Arc::new(TagGate { annotated, signed, any_branch, at_head, from_last }))
}

impl Check for TagGate {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let git = match evidence.git() {
            Ok(git) => git,
            Err(why) => return Judged::of(vec![Fault::new("git").expected("a repository").actual(why)], ""),
        };
        let mut faults = match &git.tag {
            None => {
                let fault = Fault::new(&release.tag).expected("a tag of this name");
                vec![fault.actual(git.unread.as_deref().unwrap_or("there is none"))]
            }
            Some(tag) => self.of_tag(tag, git),
        };
        if !self.any_branch {
            let (subject, on) = match &git.tag {
                Some(tag) if !self.at_head => (&*tag.name, tag.on_default_branch),
                _ => ("HEAD", git.on_default_branch),
            };
            faults.extend(off_branch(git, subject, on));
        }
        if self.from_last {
            faults.extend(not_from_last(evidence, git));
        }
        Judged::of(faults, self.said(git))
    }
}

impl TagGate {
    fn of_tag(&self, tag: &Tag, git: &Git) -> Vec<Fault> {
        let mut faults = Vec::new();
        let head = git.commit.as_deref().unwrap_or("HEAD");
        if self.at_head && !tag.at_head {
            faults.push(Fault::new(&tag.name).expected(format!("at {head}")).actual("it ends elsewhere"));
        }
        if self.annotated && !tag.annotated {
            faults.push(Fault::new(&tag.name).expected("an annotated tag").actual("a lightweight tag"));
        } else if self.signed
            && let Err(why) = &tag.signed_by
        {
            faults.push(Fault::new(&tag.name).expected("signed by an allowed signer").actual(why));
        }
        faults
    }

    fn said(&self, git: &Git) -> String {
        let Some(tag) = &git.tag else { return String::new() };
        let place = if self.at_head { "at HEAD" } else { "is there" };
        match &tag.signed_by {
            Ok(signer) => format!("{} {place}, signed by {signer}", tag.name),
            Err(_) => format!("{} {place}", tag.name),
        }
    }
}

/// A release that does not come from the last one.
fn not_from_last(evidence: &dyn Evidence, git: &Git) -> Option<Fault> {
    let last = match evidence.last_release() {
        Ok(last) => last,
        Err(why) => return Some(Fault::new("HEAD").expected("to come from the last release").actual(why)),
    };
    let fault = || Fault::new("HEAD").expected(format!("to come from {}", last.version));
    match git.from_last {
        Some(true) => None,
        Some(false) => Some(fault().actual("it does not")),
        None => Some(fault().actual("that cannot be told: the tag, or a commit on the way, is not here")),
    }
}

/// A commit, HEAD or a tag's, that is not known to be on the default branch.
pub(super) fn off_branch(git: &Git, subject: &str, on: Option<bool>) -> Option<Fault> {
    let Some(branch) = &git.default_branch else {
        let fault = Fault::new(subject).expected("on the default branch");
        return Some(fault.actual("neither [git] default_branch nor origin names one"));
    };
    let fault = || Fault::new(subject).expected(format!("on {branch}"));
    match on {
        Some(true) => None,
        Some(false) => Some(fault().actual("it is on another branch")),
        None => Some(fault().actual("that cannot be told: the branch, or a commit on the way, is not here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    const GATE: &str = "check = 'tag'";

    fn git() -> Git {
        let tag = Tag {
            name: "v1.2.3".to_owned(),
            annotated: true,
            at_head: true,
            on_default_branch: Some(true),
            signed_by: Ok("release@example.com".to_owned()),
        };
        Git {
            commit: Some("0123".to_owned()),
            default_branch: Some("main".to_owned()),
            on_default_branch: Some(true),
            tag: Some(tag),
            ..Git::default()
        }
    }

    fn with(change: impl FnOnce(&mut Tag)) -> Fake {
        let mut git = git();
        git.tag.as_mut().map(change);
        Fake::new().git(git)
    }

    #[test]
    fn a_signed_tag_at_the_head_of_the_default_branch_passes() {
        let judged = passes(GATE, &Fake::new().git(git()));
        assert_eq!(judged.detail, "v1.2.3 at HEAD, signed by release@example.com");
    }

    #[test]
    fn each_rule_of_the_tag_is_broken_alone() {
        fails(GATE, &Fake::new(), "git", "a repository", "there is no git repository");
        let none = Fake::new().git(Git { tag: None, ..git() });
        fails(GATE, &none, "v1.2.3", "a tag of this name", "there is none");
        fails(GATE, &with(|tag| tag.at_head = false), "v1.2.3", "at 0123", "it ends elsewhere");
        let light = with(|tag| tag.annotated = false);
        fails(GATE, &light, "v1.2.3", "an annotated tag", "a lightweight tag");
        let unsigned = with(|tag| tag.signed_by = Err("it is not signed".to_owned()));
        fails(GATE, &unsigned, "v1.2.3", "signed by an allowed signer", "it is not signed");
        passes("check = 'tag'\nsigned = false", &unsigned);
        passes("check = 'tag'\nannotated = false", &light);
    }

    #[test]
    fn head_must_be_known_to_be_on_the_default_branch() {
        let on = |on| Fake::new().git(Git { on_default_branch: on, ..git() });
        fails(GATE, &on(Some(false)), "HEAD", "on main", "it is on another branch");
        let unknown = "that cannot be told: the branch, or a commit on the way, is not here";
        fails(GATE, &on(None), "HEAD", "on main", unknown);
        let unnamed = Fake::new().git(Git { default_branch: None, ..git() });
        let why = "neither [git] default_branch nor origin names one";
        fails(GATE, &unnamed, "HEAD", "on the default branch", why);
        passes("check = 'tag'\nany_branch = true", &unnamed);
    }

    #[test]
    fn head_may_have_moved_on_where_the_gate_says_so() {
        let moved = |on| with(move |tag| (tag.at_head, tag.on_default_branch) = (false, on));
        let gate = "check = 'tag'\nat_head = false";
        assert_eq!(passes(gate, &moved(Some(true))).detail, "v1.2.3 is there, signed by release@example.com");
        fails(gate, &moved(Some(false)), "v1.2.3", "on main", "it is on another branch");
        passes(&format!("{gate}\nany_branch = true"), &moved(None));
    }

    #[test]
    fn a_hotfix_comes_from_the_last_release() {
        let gate = "check = 'tag'\nfrom_last = true";
        let from = |from_last| Fake::new().before("a", "a").git(Git { from_last, ..git() });
        passes(gate, &from(Some(true)));
        fails(gate, &from(Some(false)), "HEAD", "to come from 1.2.2", "it does not");
        let unknown = "that cannot be told: the tag, or a commit on the way, is not here";
        fails(gate, &from(None), "HEAD", "to come from 1.2.2", unknown);
        let none = "there is no release before this one";
        fails(gate, &Fake::new().git(git()), "HEAD", "to come from the last release", none);
    }

    #[test]
    fn keys_are_checked() {
        let found = refusal("check = 'tag'\nsigend = true");
        assert_eq!((found.0, found.1.as_str()), (2, "unknown key `sigend` in [gate]"));
        assert_eq!(found.2, "did you mean `signed`?");
        assert_eq!(refusal("check = 'tag'\nannotated = false\nsigned = true").0, 3);
        assert_eq!(
            refusal("check = 'tag'\nsigned = 'yes'").1,
            "`signed` must be true or false, not a string"
        );
    }
}
