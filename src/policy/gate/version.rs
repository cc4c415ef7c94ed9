//! `version`: every file that states the version states the one that is sealed.

use crate::error::Result;
use crate::finding::Code;
use crate::format::manifest;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::one_of;
use crate::policy::values::paths;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "version",
    code: Code::GateVersion,
    holds_when: "VERSION, SOURCE_TAG and the manifests of the ecosystems all state the version that is sealed, or \
                 the policy's `tag` of it, and that version is a Semantic Version",
    keys: &[
        ("files", "files that state it; default: those of the well-known ones that lie in the tree's root"),
        (
            "states",
            "`release` (default), or `next`, as after a release: a later version that is no release yet, such as \
             `0.1.2-dev`",
        ),
    ],
    example: "[[gate]]\nid = \"one-version\"\ncheck = \"version\"\nfiles = [\"VERSION\", \"package.json\"]\n",
    waivable: true,
    parse,
};

/// Files that state a version, where the gate names none.
const WELL_KNOWN: &[&str] =
    &["Cargo.toml", "SOURCE_TAG", "VERSION", "composer.json", "package.json", "pyproject.toml"];

#[derive(Debug)]
struct Version {
    files: Vec<PackPath>,
    /// Whether it is the version after this one that the files state.
    next: bool,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let next = one_of(section, "states", &[("release", false), ("next", true)])?.unwrap_or_default();
    Ok(Arc::new(Version { files: paths(section, "files")?, next }))
}

impl Check for Version {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let named = !self.files.is_empty();
        let files = if named { self.files.clone() } else { well_known(evidence) };
        let mut faults: Vec<Fault> = semantic(release.version).into_iter().collect();
        let mut read = Vec::new();
        let mut stating = 0;
        for file in &files {
            match required_text(evidence, file) {
                Err(fault) => faults.push(fault),
                Ok((document, text)) => {
                    read.push(document);
                    match stated(file.name(), &text) {
                        Some(version) if self.is_right(&version, release) => stating += 1,
                        Some(version) => faults
                            .push(Fault::new(file.as_str()).expected(self.expected(release)).actual(version)),
                        // A manifest of a workspace has none, unless the policy says that it has.
                        None if !named => {}
                        None => faults.push(
                            Fault::new(file.as_str()).expected(self.expected(release)).actual("no version"),
                        ),
                    }
                }
            }
        }
        if stating == 0 && faults.is_empty() {
            faults.push(
                Fault::new("files").expected(self.expected(release)).actual("no file states a version"),
            );
        }
        let says = if stating == 1 { "says" } else { "say" };
        let passed = format!("{} {says} {}", count(stating, "file"), self.expected(release));
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

impl Version {
    /// What the files should state.
    fn expected(&self, release: &Release<'_>) -> String {
        if self.next {
            format!("a version to come after {}", release.version)
        } else {
            release.version.to_owned()
        }
    }

    fn is_right(&self, version: &str, release: &Release<'_>) -> bool {
        if !self.next {
            return version == release.version || version == release.tag;
        }
        let (Ok(next), Ok(now)) = (semver::Version::parse(version), semver::Version::parse(release.version))
        else {
            return false;
        };
        !next.pre.is_empty() && next.cmp_precedence(&now).is_gt()
    }
}

fn semantic(version: &str) -> Option<Fault> {
    let error = semver::Version::parse(version).err()?;
    Some(Fault::new("version").expected("a Semantic Version").actual(format!("{version}: {error}")))
}

fn well_known(evidence: &dyn Evidence) -> Vec<PackPath> {
    let is_known = |path: &&PackPath| WELL_KNOWN.contains(&path.as_str());
    evidence.files().iter().filter(is_known).cloned().collect()
}

/// The version that a file states.
fn stated(name: &str, text: &str) -> Option<String> {
    if name.ends_with(".json") || name.ends_with(".toml") {
        return manifest::parse(name, text)?.version;
    }
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    #[test]
    fn after_a_release_the_files_state_a_later_one_that_is_none_yet() {
        let keys = "check = 'version'\nfiles = ['VERSION']\nstates = 'next'";
        let of = |version: &str| Fake::new().file("VERSION", version);
        assert_eq!(passes(keys, &of("1.2.4-dev\n")).detail, "1 file says a version to come after 1.2.3");
        for version in ["1.2.3", "1.2.4", "1.2.3-dev", "next"] {
            fails(keys, &of(version), "VERSION", "a version to come after 1.2.3", version);
        }
        assert_eq!(refusal("check = 'version'\nstates = 'nxt'").2, "did you mean `next`?");
    }
}
