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
use crate::policy::values::paths;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "version",
    code: Code::GateVersion,
    holds_when: "VERSION, SOURCE_TAG and the manifests of the ecosystems all state the version that is sealed, or \
                 the policy's `tag` of it, and that version is a Semantic Version",
    keys: &[(
        "files",
        "files that state it; default: those of the well-known ones that lie in the tree's root",
    )],
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
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    Ok(Arc::new(Version { files: paths(section, "files")? }))
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
                        Some(version) if version == release.version || version == release.tag => stating += 1,
                        Some(version) => {
                            faults.push(Fault::new(file.as_str()).expected(release.version).actual(version))
                        }
                        // A manifest of a workspace has none, unless the policy says that it has.
                        None if !named => {}
                        None => faults
                            .push(Fault::new(file.as_str()).expected(release.version).actual("no version")),
                    }
                }
            }
        }
        if stating == 0 && faults.is_empty() {
            faults.push(Fault::new("files").expected(release.version).actual("no file states a version"));
        }
        let says = if stating == 1 { "says" } else { "say" };
        let passed = format!("{} {says} {}", count(stating, "file"), release.version);
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
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
