//! Documents that are changed along with what they describe.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::sources::Sources;
use crate::policy::gate::{Evidence, Release};
use std::collections::BTreeSet;

/// What the documents of a gate describe.
#[derive(Debug)]
pub struct Follow {
    files: Sources,
    first_release: Option<String>,
}

impl Follow {
    /// The keys `follow` and `first_release`.
    pub fn read(section: &Section<'_>) -> Result<Option<Follow>> {
        let first_release = section.text("first_release")?;
        if section.texts("follow")?.is_none() {
            return match first_release {
                Some(first) => Err(section.error(first.line, "`first_release` without `follow`", "")),
                None => Ok(None),
            };
        }
        let files = Sources::required(section, "follow")?;
        Ok(Some(Follow { files, first_release: first_release.map(|first| first.value.to_owned()) }))
    }

    /// The documents that stayed as they were while what they describe did not.
    pub fn faults(
        &self,
        documents: &[PackPath],
        evidence: &dyn Evidence,
        release: &Release<'_>,
    ) -> Vec<Fault> {
        if self.first_release.as_deref() == Some(release.version) {
            return Vec::new();
        }
        self.judge(documents, evidence, release).unwrap_or_else(|fault| vec![fault])
    }

    fn judge(
        &self,
        documents: &[PackPath],
        evidence: &dyn Evidence,
        release: &Release<'_>,
    ) -> Result<Vec<Fault>, Fault> {
        let unknown = |why: String| Fault::new("last release").expected("one to compare with").actual(why);
        let last = evidence.last_release().map_err(unknown)?.version.clone();
        let (now, mut faults) = self.files.files(evidence, release);
        let before = evidence.files_before().map_err(unknown)?;
        let (before, _) = self.files.among(before.iter(), release);
        let mut changed = None;
        for file in now.iter().chain(&before).collect::<BTreeSet<_>>() {
            if differs(file, evidence)? {
                changed = Some(file);
                break;
            }
        }
        let Some(changed) = changed else { return Ok(faults) };
        for document in documents {
            if !differs(document, evidence)? {
                let expected = format!("a change since {last}, as {changed} has one");
                faults.push(Fault::new(document.as_str()).expected(expected).actual("it is as it was"));
            }
        }
        Ok(faults)
    }
}

/// Whether a file is not what it was in the last release.
fn differs(file: &PackPath, evidence: &dyn Evidence) -> Result<bool, Fault> {
    let fault = |why| Fault::new(file.as_str()).expected("a file that can be compared").actual(why);
    let (now, before) = (evidence.read(file).map_err(fault)?, evidence.before(file).map_err(fault)?);
    Ok(now.map(|document| document.sha256) != before.map(|document| document.sha256))
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    const GATE: &str = "check = 'docs'\nfiles = ['docs/API.md']\nfollow = ['api/*.json']";

    fn tree(api: &str, docs: &str) -> Fake {
        let fake = Fake::new().file("api/a.json", api).file("docs/API.md", docs);
        fake.before("api/a.json", "1").before("docs/API.md", "one")
    }

    #[test]
    fn a_document_changes_along_with_what_it_describes() {
        passes(GATE, &tree("1", "one"));
        passes(GATE, &tree("2", "two"));
        passes(GATE, &tree("1", "two"));
        let expected = "a change since 1.2.2, as api/a.json has one";
        fails(GATE, &tree("2", "one"), "docs/API.md", expected, "it is as it was");
    }

    #[test]
    fn new_files_and_those_that_are_gone_are_changes_too() {
        let expected = |file: &str| format!("a change since 1.2.2, as {file} has one");
        let new = tree("1", "one").file("api/b.json", "x");
        fails(GATE, &new, "docs/API.md", &expected("api/b.json"), "it is as it was");
        let gone = tree("1", "one").before("api/b.json", "x");
        fails(GATE, &gone, "docs/API.md", &expected("api/b.json"), "it is as it was");
    }

    #[test]
    fn without_a_last_release_only_the_first_one_passes() {
        let bare = Fake::new().file("api/a.json", "1").file("docs/API.md", "one");
        let none = "there is no release before this one";
        fails(GATE, &bare, "last release", "one to compare with", none);
        passes(&format!("{GATE}\nfirst_release = '1.2.3'"), &bare);
        let alone = "check = 'docs'\nfiles = ['a']\nfirst_release = '1.0.0'";
        assert_eq!(refusal(alone).1, "`first_release` without `follow`");
    }
}
