//! The second step: what becomes of everything that is said of one component.

use crate::format::bom::merged::drafts::Draft;
use crate::format::bom::merged::{Disagreement, Part, Role, artifact};
use crate::format::bom::release::{Release, ReleaseFile, Source};
use crate::format::bom::{Aggregate, Algorithm, Checksum, Component, ComponentKind, Licence, Scope};
use std::borrow::Cow;
use std::collections::HashSet;

pub(super) fn part<'a>(
    release: &'a Release,
    sources: &[&'a Source],
    draft: &Draft<'a>,
    bom_ref: Cow<'a, str>,
    needs: Vec<usize>,
    disagreements: &mut Vec<Disagreement>,
) -> Part<'a> {
    if let Role::File(file) = draft.role {
        return file_part(release, sources, file, bom_ref, needs);
    }
    let said = &draft.said;
    let (_, first) = said.first().expect("a component that is no file comes from a source");
    let mut named: Vec<usize> = said.iter().map(|&(at, _)| at).collect();
    named.dedup();
    let mut supplier = said.iter().find_map(|(_, component)| stated(component.supplier.as_deref()));
    if matches!(draft.role, Role::Project) {
        supplier = supplier.or(stated(release.subject.supplier.as_deref()));
    }
    let mut disagree = Disagreeing { sources, component: &bom_ref, all: disagreements };
    let licence = licence(said, &mut disagree);
    let checksums = checksums(said, &mut disagree);
    Part {
        role: draft.role,
        kind: first.kind,
        name: &first.name,
        version: stated(first.version.as_deref()),
        purl: first.purl.as_ref(),
        checksums,
        scope: said.iter().map(|(_, component)| component.scope).min().unwrap_or_default(),
        licence,
        supplier,
        aggregate: known(named.iter().map(|&at| sources[at].aggregate)),
        sources: named,
        needs,
        bom_ref,
    }
}

/// A file of the release: its version and supplier are the release's.
fn file_part<'a>(
    release: &'a Release,
    sources: &[&'a Source],
    file: &'a ReleaseFile,
    bom_ref: Cow<'a, str>,
    needs: Vec<usize>,
) -> Part<'a> {
    let digests = [(Algorithm::Sha256, file.digests.sha256.0), (Algorithm::Blake3, file.digests.blake3.0)];
    let checksums = digests.iter().filter_map(|(algorithm, bytes)| Checksum::new(*algorithm, bytes));
    Part {
        bom_ref,
        role: Role::File(file),
        kind: ComponentKind::File,
        name: file.path.as_str(),
        version: stated(release.subject.version.as_deref()),
        purl: None,
        checksums: checksums.map(Cow::Owned).collect(),
        scope: Scope::Runtime,
        licence: None,
        supplier: stated(release.subject.supplier.as_deref()),
        // What is in a file of no known kind is not known.
        aggregate: artifact(sources, file).map_or(Aggregate::Unknown, |at| sources[at].aggregate),
        sources: Vec::new(),
        needs,
    }
}

/// What several sources know of a component's needs: all of it, if one of them has all; but one of which something is
/// missing may have named more.
fn known(sources: impl Iterator<Item = Aggregate> + Clone) -> Aggregate {
    let has = |aggregate| sources.clone().any(|source| source == aggregate);
    if has(Aggregate::Incomplete) {
        Aggregate::Incomplete
    } else if has(Aggregate::Complete) {
        Aggregate::Complete
    } else {
        Aggregate::Unknown
    }
}

/// A text that says something.
fn stated(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// Where contradictions of one component go.
struct Disagreeing<'s, 'a> {
    sources: &'s [&'a Source],
    component: &'s str,
    all: &'s mut Vec<Disagreement>,
}

impl Disagreeing<'_, '_> {
    fn note(&mut self, first: (usize, String), other: (usize, String)) {
        let said = |(at, value): (usize, String)| (self.sources[at].path.clone(), value);
        let component = self.component.to_owned();
        self.all.push(Disagreement { component, first: said(first), other: said(other) });
    }
}

/// The first valid expression, else the first name. A name says less than an expression, but it is another text.
fn licence<'a>(said: &[(usize, &'a Component)], disagree: &mut Disagreeing<'_, '_>) -> Option<&'a Licence> {
    let stated = || said.iter().filter_map(|(at, component)| Some((*at, component.licence.as_ref()?)));
    let (from, first) = stated().next()?;
    if let Some((at, other)) = stated().find(|(at, other)| *at != from && *other != first) {
        disagree.note((from, first.text().to_owned()), (at, other.text().to_owned()));
    }
    let expression = stated().find(|(_, licence)| matches!(licence, Licence::Expression(_)));
    Some(expression.map_or(first, |(_, licence)| licence))
}

/// Every digest once; at most one contradiction an algorithm is noted: the first source of whose digests none was stated
/// before.
fn checksums<'a>(
    said: &[(usize, &'a Component)],
    disagree: &mut Disagreeing<'_, '_>,
) -> Vec<Cow<'a, Checksum>> {
    let mut all: Vec<(&'a Checksum, usize)> =
        said.iter().flat_map(|(at, component)| component.checksums.iter().map(|sum| (sum, *at))).collect();
    all.sort_unstable();
    if said.first().map(|(at, _)| at) != said.last().map(|(at, _)| at) {
        for one_algorithm in all.chunk_by(|(a, _), (b, _)| a.algorithm == b.algorithm) {
            contradiction(one_algorithm, disagree);
        }
    }
    all.dedup_by_key(|(sum, _)| *sum);
    all.into_iter().map(|(sum, _)| Cow::Borrowed(sum)).collect()
}

fn contradiction(sums: &[(&Checksum, usize)], disagree: &mut Disagreeing<'_, '_>) {
    let mut by_source: Vec<(usize, &Checksum)> = sums.iter().map(|&(sum, at)| (at, sum)).collect();
    by_source.sort_unstable();
    let mut before: HashSet<&Checksum> = HashSet::new();
    for of_one in by_source.chunk_by(|(a, _), (b, _)| a == b) {
        if !before.is_empty() && of_one.iter().all(|(_, sum)| !before.contains(sum)) {
            let text = |(at, sum): (usize, &Checksum)| (at, format!("{}:{}", sum.algorithm, sum.hex()));
            return disagree.note(text(by_source[0]), text(of_one[0]));
        }
        before.extend(of_one.iter().map(|(_, sum)| *sum));
    }
}
