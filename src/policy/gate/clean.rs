//! `clean`: what is sealed is what was committed.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::tag::off_branch;
use crate::policy::gate::{Check, Evidence, Git, Judged, Kind, Release};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "clean",
    code: Code::GateClean,
    holds_when: "no file that the policy takes is changed, deleted or untracked: what is sealed is what was committed. \
                 Files that git ignores, such as builds, do not count",
    keys: &[(
        "default_branch",
        "true: HEAD must be on the default branch as well, where releases are tagged only after they went out; \
         default false",
    )],
    example: "[[gate]]\nid = \"all-committed\"\ncheck = \"clean\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Clean {
    default_branch: bool,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let default_branch = section.flag("default_branch")?.is_some_and(|flag| flag.value);
    Ok(Arc::new(Clean { default_branch }))
}

impl Check for Clean {
    fn judge(&self, evidence: &dyn Evidence, _: &Release<'_>) -> Judged {
        let files = evidence.payload().len();
        let faults = match evidence.git() {
            Err(why) => vec![Fault::new("git").expected("a repository").actual(why)],
            Ok(git) => match git.status_unread.as_ref().or(git.unread.as_ref()) {
                Some(why) => vec![Fault::new("git").expected("a status").actual(why)],
                None if files == 0 => {
                    vec![Fault::new("payload").expected("files").actual("the policy takes none")]
                }
                None => {
                    let mut faults = faults(evidence, git);
                    if self.default_branch {
                        faults.extend(off_branch(git, "HEAD", git.on_default_branch));
                    }
                    faults
                }
            },
        };
        Judged::of(faults, format!("{}, all as committed", count(files as u64, "file")))
    }
}

fn faults(evidence: &dyn Evidence, git: &Git) -> Vec<Fault> {
    let kinds = [
        (&git.changed, "it is changed"),
        (&git.untracked, "it is not committed"),
        (&git.uncompared, "git was told not to look at it, or a filter would have to be run"),
    ];
    let fault = |path: &String, actual| Fault::new(path).expected("as committed").actual(actual);
    let taken = kinds.iter().flat_map(|(paths, actual)| paths.iter().map(move |path| (path, *actual)));
    taken.filter(|(path, _)| evidence.takes(path)).map(|(path, actual)| fault(path, actual)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    const GATE: &str = "check = 'clean'";

    fn fake(git: Git) -> Fake {
        Fake::new().file("a.md", "a").file("b.md", "b").git(git)
    }

    #[test]
    fn committed_payload_passes_whatever_lies_beside_it() {
        let git = Git { untracked: vec!["scratch".to_owned()], ..Git::default() };
        assert_eq!(passes(GATE, &fake(git)).detail, "2 files, all as committed");
    }

    #[test]
    fn each_way_to_differ_is_told() {
        let one = || vec!["a.md".to_owned()];
        let changed = fake(Git { changed: one(), ..Git::default() });
        fails(GATE, &changed, "a.md", "as committed", "it is changed");
        let untracked = fake(Git { untracked: one(), ..Git::default() });
        fails(GATE, &untracked, "a.md", "as committed", "it is not committed");
        let uncompared = fake(Git { uncompared: one(), ..Git::default() });
        let why = "git was told not to look at it, or a filter would have to be run";
        fails(GATE, &uncompared, "a.md", "as committed", why);
        let mut deleted = fake(Git { changed: vec!["gone.md".to_owned()], ..Git::default() });
        deleted.gone.push("gone.md".to_owned());
        fails(GATE, &deleted, "gone.md", "as committed", "it is changed");
    }

    #[test]
    fn head_is_on_the_default_branch_where_the_gate_asks() {
        let gate = "check = 'clean'\ndefault_branch = true";
        let on = |on_default_branch| {
            fake(Git { default_branch: Some("main".to_owned()), on_default_branch, ..Git::default() })
        };
        passes(gate, &on(Some(true)));
        passes(GATE, &on(Some(false)));
        fails(gate, &on(Some(false)), "HEAD", "on main", "it is on another branch");
    }

    #[test]
    fn what_cannot_be_told_is_not_clean() {
        fails(GATE, &Fake::new().file("a", ""), "git", "a repository", "there is no git repository");
        let broken = fake(Git { status_unread: Some("the index is broken".to_owned()), ..Git::default() });
        fails(GATE, &broken, "git", "a status", "the index is broken");
        fails(GATE, &Fake::new().git(Git::default()), "payload", "files", "the policy takes none");
        assert_eq!(refusal("check = 'clean'\npaths = ['x']").0, 2);
    }
}
