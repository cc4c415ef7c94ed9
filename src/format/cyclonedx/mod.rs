//! CycloneDX 1.6 as JSON (ECMA-424): what a release is made of, who needs what, and how much of that is known.

pub mod attestation;
mod document;
pub mod read;

#[cfg(test)]
mod tests;

use crate::format::bom::merged::{Merged, Part, Role};
use crate::format::bom::release::Source;
use crate::format::bom::{Aggregate, Checksum, ComponentKind, Licence, Scope};
use crate::format::cyclonedx::document as cdx;
use crate::format::kind::Kind;
use crate::format::layout::{self, Each};
use crate::format::seal::Tool;
use serde::Serialize;
use std::borrow::Cow;
use std::iter;

/// The file in a pack.
pub const FILE_NAME: &str = "sbom/bom.cdx.json";

const SERIAL_NUMBER: &str = "urn:uuid:";

/// The property of `metadata` that says `release`.
pub(crate) const KIND_PROPERTY: &str = "attestar:kind";

/// The file: the document and a final LF. The serial number is a digest of everything else in it, so that the same
/// release gives the same bytes, and other content another number.
pub fn to_bytes(merged: &Merged<'_>) -> Vec<u8> {
    layout::stamped(&document(merged), bytes_expected(merged))
}

/// What a component and a name of one take in most documents: it is named once as a need, once in the compositions.
fn bytes_expected(merged: &Merged<'_>) -> usize {
    let names: usize = merged.parts.iter().map(|part| part.needs.len() + 2).sum();
    merged.parts.len() * 600 + names * 48
}

fn document<'a>(merged: &'a Merged<'a>) -> cdx::Document<'a, impl Serialize, impl Serialize> {
    cdx::Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: [SERIAL_NUMBER, layout::UUID_NONE].concat(),
        version: 1,
        metadata: metadata(merged),
        components: Each(move || merged.parts.iter().map(|part| component(merged, part))),
        dependencies: Each(move || dependencies(merged)),
        compositions: compositions(merged),
    }
}

fn metadata<'a>(merged: &'a Merged<'a>) -> cdx::Metadata<'a> {
    let release = merged.release;
    let supplier = supplier(release.subject.supplier.as_deref());
    let mut properties = vec![cdx::Property { name: KIND_PROPERTY, value: Kind::Release.as_str().into() }];
    properties.extend(merged.sources.iter().map(|source| source_property(source)));
    cdx::Metadata {
        timestamp: layout::time(release.epoch_s),
        tools: cdx::Tools { components: [tool(&release.tool)] },
        // Who made the document is who releases, where that is known.
        manufacturer: supplier,
        component: subject(merged),
        supplier,
        properties,
    }
}

fn tool(tool: &Tool) -> cdx::Tool<'_> {
    cdx::Tool { kind: "application", name: &tool.name, version: &tool.version }
}

/// `AGGREGATE sha256:DIGEST PATH`: what was read, and how much of it. The path is last, because it may have spaces.
fn source_property<'a>(source: &Source) -> cdx::Property<'a> {
    let digest = source.sha256.map_or("-".to_owned(), |sha256| format!("sha256:{sha256}"));
    let value = format!("{} {digest} {}", aggregate_name(source.aggregate), source.path);
    cdx::Property { name: "attestar:source", value: value.into() }
}

fn subject<'a>(merged: &'a Merged<'a>) -> cdx::Component<'a> {
    let subject = &merged.release.subject;
    cdx::Component {
        kind: kind_name(subject.kind),
        bom_ref: &merged.subject_ref,
        supplier: supplier(subject.supplier.as_deref()),
        group: None,
        name: &subject.name,
        version: subject.version.as_deref(),
        scope: None,
        hashes: subject.checksums.iter().map(hash).collect(),
        licenses: subject.licence.iter().map(licence).collect(),
        purl: subject.purl.as_ref().map(|purl| purl.as_str()),
        evidence: None,
        properties: Vec::new(),
    }
}

fn component<'a>(merged: &'a Merged<'a>, part: &'a Part<'a>) -> cdx::Component<'a> {
    let (group, name) = split(part);
    let occurrences: Vec<_> = part
        .sources
        .iter()
        .map(|&source| cdx::Occurrence { location: &merged.sources[source].path })
        .collect();
    let properties = match part.role {
        Role::File(file) => {
            vec![cdx::Property { name: "attestar:size", value: file.size.to_string().into() }]
        }
        Role::Package | Role::Project => Vec::new(),
    };
    cdx::Component {
        kind: kind_name(part.kind),
        bom_ref: &part.bom_ref,
        supplier: supplier(part.supplier),
        group,
        name,
        version: part.version,
        scope: Some(scope_name(part.scope)),
        hashes: part.checksums.iter().map(|sum| hash(sum)).collect(),
        licenses: part.licence.iter().map(|known| licence(known)).collect(),
        purl: part.purl.map(|purl| purl.as_str()),
        evidence: (!occurrences.is_empty()).then_some(cdx::Evidence { occurrences }),
        properties,
    }
}

/// Group and name, where the ecosystem itself has both: npm's scopes, Maven's groups, Composer's vendors.
fn split<'a>(part: &Part<'a>) -> (Option<&'a str>, &'a str) {
    let of = |kind: &str| part.purl.is_some_and(|purl| purl.as_str().starts_with(kind));
    let halves = if of("pkg:maven/") {
        part.name.split_once(':')
    } else if of("pkg:npm/") || of("pkg:composer/") {
        part.name.split_once('/')
    } else {
        None
    };
    match halves {
        Some((group, name)) if !group.is_empty() && !name.is_empty() => (Some(group), name),
        _ => (None, part.name),
    }
}

/// What [`split`] took apart.
fn join<'a>(group: Option<&str>, name: &'a str, purl: Option<&str>) -> Cow<'a, str> {
    let between = if purl.is_some_and(|purl| purl.starts_with("pkg:maven/")) { ":" } else { "/" };
    group.map_or(Cow::Borrowed(name), |group| Cow::Owned([group, between, name].concat()))
}

fn supplier(name: Option<&str>) -> Option<cdx::Organisation<'_>> {
    name.filter(|name| !name.trim().is_empty()).map(|name| cdx::Organisation { name })
}

fn hash(sum: &Checksum) -> cdx::Hash<'_> {
    cdx::Hash { alg: sum.algorithm.name(), content: sum.hex() }
}

/// An SPDX id that every validator knows stands as `id`, because most readers look there first. Any other valid
/// expression stands as such: the list of ids is part of the schema, and a validator with an older list refuses a newer
/// one.
fn licence(licence: &Licence) -> cdx::Licence<'_> {
    match licence {
        Licence::Named(name) => cdx::Licence::License(cdx::OneLicence::Name(name)),
        Licence::Expression(text) => match spdx::license_id(text) {
            Some(id) if id.name == text && (id.is_osi_approved() || id.is_fsf_free_libre()) => {
                cdx::Licence::License(cdx::OneLicence::Id(text))
            }
            _ => cdx::Licence::Expression(text),
        },
    }
}

fn kind_name(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Application => "application",
        ComponentKind::Library => "library",
        ComponentKind::Container => "container",
        ComponentKind::OperatingSystem => "operating-system",
        ComponentKind::File => "file",
    }
}

/// "Components that are excluded provide the ability to document component usage for test and other non-runtime
/// purposes" (CycloneDX 1.6, `component.scope`): so development is `excluded`.
fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Runtime => "required",
        Scope::Optional => "optional",
        Scope::Development => "excluded",
    }
}

fn aggregate_name(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Complete => "complete",
        Aggregate::Unknown => "unknown",
        Aggregate::Incomplete => "incomplete",
    }
}

/// One for the subject and for every component, those that need nothing too. How far to trust an empty one stands in
/// the compositions.
fn dependencies<'a>(merged: &'a Merged<'a>) -> impl Iterator<Item = cdx::Dependency<'a>> {
    let of = |of: &'a str, needs: &[usize]| {
        let depends_on = needs.iter().map(|&need| &*merged.parts[need].bom_ref).collect();
        cdx::Dependency { of, depends_on }
    };
    let parts = merged.parts.iter().map(move |part| of(&part.bom_ref, &part.needs));
    iter::once(of(&merged.subject_ref, &merged.subject_needs)).chain(parts)
}

/// How much is known: of the release as a whole and of each project and file, what they consist of; of everything, what
/// it needs. They do not cascade, so each is named.
fn compositions<'a>(merged: &'a Merged<'a>) -> Vec<cdx::Composition<'a>> {
    let of = |aggregate: Aggregate| {
        let parts = || merged.parts.iter().filter(move |part| part.aggregate == aggregate);
        let whole = (merged.aggregate == aggregate).then_some(&*merged.subject_ref);
        let consists = parts().filter(|part| !matches!(part.role, Role::Package));
        let assemblies: Vec<&str> = whole.into_iter().chain(consists.map(|part| &*part.bom_ref)).collect();
        let dependencies: Vec<&str> = whole.into_iter().chain(parts().map(|part| &*part.bom_ref)).collect();
        let is_empty = assemblies.is_empty() && dependencies.is_empty();
        (!is_empty).then(|| cdx::Composition {
            aggregate: aggregate_name(aggregate),
            assemblies,
            dependencies,
        })
    };
    [Aggregate::Complete, Aggregate::Unknown, Aggregate::Incomplete].into_iter().filter_map(of).collect()
}
