//! Whether the two SBOMs of a release are about the same components.

use crate::format::cyclonedx::read::{BOM_BYTES_MAX, Bom, BomFault, ComponentJson, Json};
use crate::format::spdx::read as spdx;
use std::borrow::Cow;

/// What both documents have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Components, without the release itself and without files.
    pub components: usize,
    /// Needs, as CycloneDX counts them.
    pub dependencies: usize,
}

/// Compares a CycloneDX document with an SPDX one, both as attestar writes them: the time, and of every component
/// package URL, name, version and digests (but BLAKE3, which is never in SPDX). Says in words what is wrong.
pub fn agrees(cyclonedx: &[u8], spdx: &[u8]) -> Result<Counts, String> {
    let dependencies = Bom::parse(cyclonedx).map_err(|fault| format!("CycloneDX: {fault}"))?.dependencies;
    let ours = Json::parse(cyclonedx).map_err(|fault| format!("CycloneDX: {fault}"))?;
    let theirs = parse(spdx).map_err(|fault| format!("SPDX: {fault}"))?;
    let (here, there) = (&ours.metadata.timestamp, &theirs.creation_info.created);
    if here != there {
        return Err(format!("CycloneDX is of {here:?}, SPDX of {there:?}"));
    }
    let mut of_ours: Vec<Entry<'_>> =
        ours.components.iter().chain([&ours.metadata.component]).map(Entry::of_component).collect();
    let mut of_theirs: Vec<Entry<'_>> = theirs.packages.iter().map(Entry::of_package).collect();
    of_ours.sort_unstable();
    of_theirs.sort_unstable();
    match difference(&of_ours, &of_theirs) {
        Some(text) => Err(text),
        None => {
            let components = ours.components.iter().filter(|component| !component.is_file()).count();
            Ok(Counts { components, dependencies })
        }
    }
}

fn parse(bytes: &[u8]) -> Result<spdx::Json<'_>, BomFault> {
    if bytes.len() > BOM_BYTES_MAX {
        return Err(BomFault::TooLarge);
    }
    let json: spdx::Json<'_> = serde_json::from_slice(bytes)?;
    if json.spdx_version == "SPDX-2.3" { Ok(json) } else { Err(BomFault::Version("SPDX 2.3")) }
}

/// What both formats say of a component.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry<'a> {
    purl: Option<&'a str>,
    name: Cow<'a, str>,
    version: Option<&'a str>,
    /// Algorithm, without dashes, and digest.
    sums: Vec<(String, &'a str)>,
}

impl<'a> Entry<'a> {
    fn of_component(component: &'a ComponentJson<'_>) -> Entry<'a> {
        let sums = component.hashes.iter().map(|hash| (hash.alg.replace('-', ""), &*hash.content));
        let sums = sums.filter(|(algorithm, _)| algorithm != "BLAKE3");
        let (purl, version) = (component.purl.as_deref(), component.version.as_deref());
        Entry { purl, name: component.whole_name(), version, sums: sorted(sums) }
    }

    fn of_package(package: &'a spdx::PackageJson<'_>) -> Entry<'a> {
        let sums = package.checksums.iter().map(|sum| (sum.algorithm.to_string(), &*sum.checksum_value));
        let name = Cow::Borrowed(&*package.name);
        Entry { purl: package.purl(), name, version: package.version_info.as_deref(), sums: sorted(sums) }
    }
}

fn sorted<'a>(sums: impl Iterator<Item = (String, &'a str)>) -> Vec<(String, &'a str)> {
    let mut sums: Vec<_> = sums.collect();
    sums.sort_unstable();
    sums
}

/// The first difference of two sorted lists.
fn difference(ours: &[Entry<'_>], theirs: &[Entry<'_>]) -> Option<String> {
    let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let what = |entry: &Entry<'_>| {
        let version = entry.version.map_or(String::new(), |version| format!(" {version:?}"));
        format!("{:?}{version}", entry.name)
    };
    match (ours.get(same), theirs.get(same)) {
        (None, None) => None,
        (Some(a), Some(b)) if (a.purl, &a.name, a.version) == (b.purl, &b.name, b.version) => {
            Some(format!("the digests of {} differ", what(a)))
        }
        (Some(a), Some(b)) if a > b => Some(format!("only SPDX has {}", what(b))),
        (Some(a), _) => Some(format!("only CycloneDX has {}", what(a))),
        (None, Some(b)) => Some(format!("only SPDX has {}", what(b))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::merged::testing::everything;
    use crate::format::bom::{ComponentKind, Merged};
    use crate::format::{cyclonedx, spdx};

    fn both() -> (String, String) {
        let release = everything();
        let merged = Merged::of(&release);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(cyclonedx::to_bytes(&merged)), text(spdx::to_bytes(&merged)))
    }

    #[test]
    fn both_documents_of_a_release_agree() {
        let (cdx, spdx) = both();
        let counts = agrees(cdx.as_bytes(), spdx.as_bytes()).unwrap();
        let release = everything();
        let merged = Merged::of(&release).parts;
        let packages = merged.iter().filter(|part| part.kind != ComponentKind::File).count();
        assert!(packages < merged.len());
        assert_eq!(counts.components, packages);
        assert!(counts.dependencies > counts.components);
    }

    #[test]
    fn any_component_more_less_or_other_is_said_by_name() {
        let (cdx, spdx) = both();
        let says = |cdx: &str, spdx: &str| agrees(cdx.as_bytes(), spdx.as_bytes()).unwrap_err();
        let other = spdx.replacen("\"versionInfo\":\"2.41-1\"", "\"versionInfo\":\"2.41-2\"", 1);
        assert_eq!(says(&cdx, &other), "only CycloneDX has \"libc6\" \"2.41-1\"");
        let line = spdx.lines().find(|line| line.contains("\"name\":\"libc6\"")).unwrap();
        assert_eq!(says(&cdx, &spdx.replace(line, "")), "only CycloneDX has \"libc6\" \"2.41-1\"");
        let more = spdx.replace(line, &format!("{line}{line}"));
        assert!(says(&cdx, &more).starts_with("only SPDX has \"libc6\""));
        let sums = spdx.replacen("\"checksumValue\":\"", "\"checksumValue\":\"0", 1);
        assert!(says(&cdx, &sums).starts_with("the digests of "));
        let time = spdx.replacen("\"created\":\"2026", "\"created\":\"2027", 1);
        assert!(says(&cdx, &time).contains("SPDX of \"2027"));
        assert!(says(&cdx, &spdx.replacen("SPDX-2.3", "SPDX-2.2", 1)).starts_with("SPDX: not SPDX 2.3"));
        assert!(says("{}", &spdx).starts_with("CycloneDX: not an SBOM of ours"));
        assert!(says(&cdx, "[[[").starts_with("SPDX: not an SBOM of ours"));
    }
}
