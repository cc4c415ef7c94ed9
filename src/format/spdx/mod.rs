//! SPDX 2.3 as JSON (ISO/IEC 5962 in its second edition): the same components as the CycloneDX document, from the same
//! [`Merged`].
//!
//! Everything is a package, files of the release too: SPDX wants SHA-1 of what it calls a file.

mod document;
mod id;
mod licences;
pub(crate) mod read;

#[cfg(test)]
mod tests;

use crate::format::bom::merged::{Loose, Merged, Part, Role};
use crate::format::bom::{Aggregate, Algorithm, Checksum, Component, ComponentKind, Scope};
use crate::format::layout::{self, Each};
use crate::format::spdx::document as spdx;
use crate::format::spdx::licences::{Licences, NOASSERTION};
use serde::Serialize;
use std::iter;

/// The file in a pack.
pub const FILE_NAME: &str = "sbom/bom.spdx.json";

const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";

/// The file: the document and a final LF. The namespace has a digest of everything else in it, so that the same release
/// gives the same bytes, and other content another namespace.
pub fn to_bytes(merged: &Merged<'_>) -> Vec<u8> {
    let ids = Ids::of(merged);
    let known = merged.parts.iter().filter_map(|part| part.licence).chain(&merged.release.subject.licence);
    layout::stamped(&document(merged, &ids, &Licences::of(known)), bytes_expected(merged))
}

/// What a package and a relationship take in most documents.
fn bytes_expected(merged: &Merged<'_>) -> usize {
    let relationships: usize = merged.parts.iter().map(|part| part.needs.len() + 1).sum();
    merged.parts.len() * 800 + relationships * 240
}

/// The identifiers of everything.
struct Ids {
    subject: String,
    parts: Vec<String>,
}

impl Ids {
    fn of(merged: &Merged<'_>) -> Ids {
        Ids {
            subject: id::element(&merged.subject_ref),
            parts: merged.parts.iter().map(|part| id::element(&part.bom_ref)).collect(),
        }
    }
}

fn document<'a>(
    merged: &'a Merged<'a>,
    ids: &'a Ids,
    licences: &'a Licences<'a>,
) -> spdx::Document<'a, impl Serialize, impl Serialize> {
    let Component { name, version, .. } = &merged.release.subject;
    let name = version.as_ref().map_or(name.clone(), |version| format!("{name}-{version}"));
    let (readable, uuid) = (id::readable(&name), layout::UUID_NONE);
    let packages = move || {
        let parts = merged.parts.iter().zip(&ids.parts);
        let packages = parts.map(|(part, id)| package(merged, part, id, licences));
        iter::once(subject(merged, &ids.subject, licences)).chain(packages)
    };
    spdx::Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        spdx_id: DOCUMENT_ID,
        document_namespace: format!("https://spdx.org/spdxdocs/{readable}-{uuid}"),
        name,
        creation_info: creation_info(merged),
        comment: comment(merged),
        packages: Each(packages),
        has_extracted_licensing_infos: licences.extracted(),
        relationships: Each(move || relationships(merged, ids)),
    }
}

fn creation_info(merged: &Merged<'_>) -> spdx::CreationInfo {
    let release = merged.release;
    let mut creators = vec![format!("Tool: {}-{}", release.tool.name, release.tool.version)];
    let supplier = supplier(release.subject.supplier.as_deref());
    creators.extend(Some(supplier).filter(|supplier| supplier != NOASSERTION));
    spdx::CreationInfo { created: layout::time(release.epoch_s), creators }
}

/// What was read, and how much of it: SPDX 2.3 has no field for that.
fn comment(merged: &Merged<'_>) -> String {
    let mut lines =
        vec![format!("{}: how much of the release is described here.", aggregate(merged.aggregate))];
    for source in &merged.sources {
        let digest = source.sha256.map_or(String::new(), |sha256| format!(", sha256:{sha256}"));
        lines.push(format!("{}: {}{digest}", aggregate(source.aggregate), source.path));
    }
    lines.join("\n")
}

fn aggregate(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Complete => "complete",
        Aggregate::Unknown => "unknown",
        Aggregate::Incomplete => "incomplete",
    }
}

fn subject<'a>(merged: &'a Merged<'a>, id: &'a str, licences: &'a Licences<'a>) -> spdx::Package<'a> {
    let Component { kind, name, version, purl, checksums: sums, licence, supplier: from, .. } =
        &merged.release.subject;
    spdx::Package {
        spdx_id: id,
        name,
        version_info: version.as_deref(),
        package_file_name: None,
        supplier: supplier(from.as_deref()),
        download_location: NOASSERTION,
        files_analyzed: false,
        checksums: checksums(sums.iter()),
        source_info: None,
        license_concluded: NOASSERTION,
        license_declared: licences.declared(licence.as_ref()),
        copyright_text: NOASSERTION,
        external_refs: purl.iter().map(|purl| purl_ref(purl.as_str())).collect(),
        primary_package_purpose: purpose(*kind),
        comment: partial(merged.aggregate),
    }
}

fn package<'a>(
    merged: &Merged<'_>,
    part: &'a Part<'a>,
    id: &'a str,
    licences: &'a Licences<'a>,
) -> spdx::Package<'a> {
    let sources: Vec<&str> = part.sources.iter().map(|&source| &*merged.sources[source].path).collect();
    let is_file = matches!(part.role, Role::File(_));
    spdx::Package {
        spdx_id: id,
        name: part.name,
        version_info: part.version,
        package_file_name: is_file.then_some(part.name),
        supplier: supplier(part.supplier),
        download_location: NOASSERTION,
        files_analyzed: false,
        checksums: checksums(part.checksums.iter().map(|sum| &**sum)),
        source_info: (!sources.is_empty()).then(|| format!("named by {}", sources.join(", "))),
        license_concluded: NOASSERTION,
        license_declared: licences.declared(part.licence),
        copyright_text: NOASSERTION,
        external_refs: part.purl.iter().map(|purl| purl_ref(purl.as_str())).collect(),
        primary_package_purpose: purpose(part.kind),
        comment: partial(part.aggregate).filter(|_| !matches!(part.role, Role::Package)),
    }
}

fn partial(aggregate: Aggregate) -> Option<&'static str> {
    match aggregate {
        Aggregate::Complete => None,
        Aggregate::Unknown => Some("unknown: nothing says whether this is everything in it"),
        Aggregate::Incomplete => Some("incomplete: something that is in it could not be read"),
    }
}

/// A source names a supplier without saying whether it is a person: an organisation may be one person, too. The empty
/// address keeps a parenthesis in the name from being read as one.
fn supplier(name: Option<&str>) -> String {
    let name = name.unwrap_or("");
    let words: Vec<&str> = name.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let name = words.join(" ");
    match name.as_str() {
        "" => NOASSERTION.to_owned(),
        _ if name.contains(['(', ')']) => format!("Organization: {name} ()"),
        _ => format!("Organization: {name}"),
    }
}

/// No BLAKE3: SPDX 2.3 defines it, and readers refuse the usual 32 bytes.
fn checksums<'a>(sums: impl Iterator<Item = &'a Checksum>) -> Vec<spdx::Checksum<'a>> {
    let one = |sum: &'a Checksum| {
        let algorithm = match sum.algorithm {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha384 => "SHA384",
            Algorithm::Sha512 => "SHA512",
            Algorithm::Blake3 => return None,
        };
        Some(spdx::Checksum { algorithm, checksum_value: sum.hex() })
    };
    sums.filter_map(one).collect()
}

fn purl_ref(purl: &str) -> spdx::ExternalRef<'_> {
    spdx::ExternalRef {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: purl,
    }
}

fn purpose(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Application => "APPLICATION",
        ComponentKind::Library => "LIBRARY",
        ComponentKind::Container => "CONTAINER",
        ComponentKind::OperatingSystem => "OPERATING-SYSTEM",
        ComponentKind::File => "FILE",
    }
}

fn relationships<'a>(merged: &'a Merged<'a>, ids: &'a Ids) -> impl Iterator<Item = spdx::Relationship<'a>> {
    let contained = |&part: &usize| relation(&ids.subject, "CONTAINS", &ids.parts[part]);
    let of_parts = merged.parts.iter().zip(&ids.parts).flat_map(|(part, id)| of_part(merged, ids, part, id));
    iter::once(relation(DOCUMENT_ID, "DESCRIBES", &ids.subject))
        .chain(merged.subject_needs.iter().map(contained))
        .chain(of_parts)
        .chain(merged.loose.iter().map(|loose| of_loose(merged, ids, loose)))
}

fn relation<'a>(from: &'a str, kind: &'static str, to: &'a str) -> spdx::Relationship<'a> {
    spdx::Relationship { spdx_element_id: from, relationship_type: kind, related_spdx_element: to }
}

fn of_part<'a>(
    merged: &'a Merged<'a>,
    ids: &'a Ids,
    part: &'a Part<'a>,
    id: &'a str,
) -> impl Iterator<Item = spdx::Relationship<'a>> {
    let needs = part.needs.iter().map(move |&need| {
        let (needed, other) = (&merged.parts[need], &*ids.parts[need]);
        match weakened(part, needed) {
            _ if matches!(part.role, Role::File(_)) => relation(id, "CONTAINS", other),
            None => relation(id, "DEPENDS_ON", other),
            Some(reversed) => relation(other, reversed, id),
        }
    });
    // What is missing among them is said too (SPDX 2.3, section 11.1: NONE and NOASSERTION).
    let missing = match part.aggregate {
        Aggregate::Complete if part.needs.is_empty() => Some("NONE"),
        Aggregate::Complete => None,
        Aggregate::Unknown | Aggregate::Incomplete => Some(NOASSERTION),
    };
    needs.chain(missing.map(|missing| relation(id, "DEPENDS_ON", missing)))
}

/// The relationship of what is needed less to what needs it: the scope belongs to the edge where it weakens. Behind it,
/// what a development tool needs is simply needed.
fn weakened(from: &Part<'_>, to: &Part<'_>) -> Option<&'static str> {
    if to.scope <= from.scope {
        return None;
    }
    match to.scope {
        Scope::Runtime => None,
        Scope::Optional => Some("OPTIONAL_DEPENDENCY_OF"),
        Scope::Development => Some("DEV_DEPENDENCY_OF"),
    }
}

/// A part that no source links. In an artifact it is contained; of a lockfile, the project depends on it: SPDX does not
/// ask for the direct way, as CycloneDX does, where such a part stays without an edge.
fn of_loose<'a>(merged: &Merged<'_>, ids: &'a Ids, loose: &Loose) -> spdx::Relationship<'a> {
    let holder = loose.under.map_or(&*ids.subject, |under| &*ids.parts[under]);
    let part = &*ids.parts[loose.part];
    match merged.parts[loose.part].scope {
        _ if loose.held => relation(holder, "CONTAINS", part),
        Scope::Runtime => relation(holder, "DEPENDS_ON", part),
        Scope::Optional => relation(part, "OPTIONAL_DEPENDENCY_OF", holder),
        Scope::Development => relation(part, "DEV_DEPENDENCY_OF", holder),
    }
}
