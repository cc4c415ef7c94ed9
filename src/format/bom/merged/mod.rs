//! Many graphs as one: each component once, under one name, with everything that was said of it.
//!
//! - **Who is the same.** Packages are one if their package URL is, or, without one, their kind, name and version. The
//!   projects of lockfiles never become one with packages: they are known by the lockfile's folder.
//! - **What is kept.** The strongest scope; all digests; of a licence the first valid expression, else the first name,
//!   in the order of the sources' paths; the first supplier.
//! - **What disagrees.** Two licences that are not the same text; two sources whose digests of one algorithm have none
//!   in common. Lockfiles list many digests for one version, one for each file that could be installed, so sets that
//!   overlap agree. All digests stay: which of the two is wrong is not known here.
//!
//! The result depends on what the sources say alone, not on their order.

mod drafts;
mod loose;
mod statements;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::finding::{Code, Finding};
use crate::format::bom::release::{Origin, Release, ReleaseFile, Source};
use crate::format::bom::{Aggregate, Checksum, ComponentKind, Licence, Purl, Scope};
use std::borrow::Cow;

/// A release with its graphs made one. Both formats are written from this.
#[derive(Debug)]
pub struct Merged<'a> {
    /// What was merged.
    pub release: &'a Release,
    /// Its sources by path.
    pub sources: Vec<&'a Source>,
    /// The `bom-ref` of what is released.
    pub subject_ref: String,
    /// What the release consists of, as places in [`Merged::parts`]: its projects, its files, and what artifacts that are
    /// none of its files are.
    pub subject_needs: Vec<usize>,
    /// Every component but the subject, by `bom-ref`, each once.
    pub parts: Vec<Part<'a>>,
    /// Parts of which no source says who needs them, so that no way leads there from the subject.
    pub loose: Vec<Loose>,
    /// How much of the release this is: no more than the least of its sources and files.
    pub aggregate: Aggregate,
    /// Where sources contradict each other.
    pub disagreements: Vec<Disagreement>,
}

/// One component of the release.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its name inside the documents, unique: the package URL, `project:FOLDER/NAME@VERSION`, `file:PATH`.
    pub bom_ref: Cow<'a, str>,
    /// Its place in the release.
    pub role: Role<'a>,
    /// What it is.
    pub kind: ComponentKind,
    /// Its whole name.
    pub name: &'a str,
    /// Its version.
    pub version: Option<&'a str>,
    /// Its package URL.
    pub purl: Option<&'a Purl>,
    /// Every digest that is stated of it, sorted, each once.
    pub checksums: Vec<Cow<'a, Checksum>>,
    /// The strongest scope that is stated.
    pub scope: Scope,
    /// Its licence.
    pub licence: Option<&'a Licence>,
    /// Who supplies it.
    pub supplier: Option<&'a str>,
    /// How much is known of what it needs.
    pub aggregate: Aggregate,
    /// Which of [`Merged::sources`] name it, ascending.
    pub sources: Vec<usize>,
    /// What it needs, or holds, as places in [`Merged::parts`], ascending, each once, never itself.
    pub needs: Vec<usize>,
}

/// What a part is to the release.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// Anything else that a source names.
    Package,
    /// A project of the tree: the root of a lockfile.
    Project,
    /// A file that is released.
    File(&'a ReleaseFile),
}

/// A part that nothing leads to, and who is known to need or hold it, by whatever way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loose {
    /// The part.
    pub part: usize,
    /// The only project of the source that lists it, or the file that this source is; `None` for the subject.
    pub under: Option<usize>,
    /// Whether it lies in an artifact; else something needs it.
    pub held: bool,
}

/// Two sources contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The `bom-ref` of the component.
    pub component: String,
    /// A source, and what it states.
    pub first: (String, String),
    /// A later one by path, and what that states.
    pub other: (String, String),
}

impl<'a> Merged<'a> {
    /// Merges.
    pub fn of(release: &'a Release) -> Merged<'a> {
        let mut sources: Vec<&Source> = release.sources.iter().collect();
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let drafts = drafts::Drafts::collect(release, &sources);
        let (order, mut refs) = drafts.named();
        let place = inverse(&order);
        let subject_ref = refs.pop().expect("the subject's name is the last").into_owned();

        let mut disagreements = Vec::new();
        let mut parts = Vec::with_capacity(order.len());
        for (bom_ref, &draft) in refs.into_iter().zip(&order) {
            let draft = &drafts.all[draft];
            let needs = places(&draft.needs, &place);
            parts.push(statements::part(release, &sources, draft, bom_ref, needs, &mut disagreements));
        }
        let subject_needs = places(&drafts.subject_needs, &place);
        let aggregate = if release.incomplete() { Aggregate::Incomplete } else { whole(&sources, &parts) };
        let loose = loose::find(&sources, &parts, &subject_needs);
        Merged { release, sources, subject_ref, subject_needs, parts, loose, aggregate, disagreements }
    }
}

impl Disagreement {
    /// The finding about it.
    pub fn finding(&self) -> Finding {
        let said = |(source, value): &(String, String)| format!("{value} ({source})");
        Finding::warning(Code::SbomSourcesDisagree, &*self.component)
            .expected(said(&self.first))
            .actual(said(&self.other))
    }
}

/// Where each draft comes to lie.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut place = vec![0; order.len()];
    for (at, &draft) in order.iter().enumerate() {
        place[draft] = at;
    }
    place
}

fn places(drafts: &[usize], place: &[usize]) -> Vec<usize> {
    let mut places: Vec<usize> = drafts.iter().map(|&draft| place[draft]).collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn whole(sources: &[&Source], parts: &[Part<'_>]) -> Aggregate {
    let files = parts.iter().filter(|part| matches!(part.role, Role::File(_))).map(|part| part.aggregate);
    let all = sources.iter().map(|source| source.aggregate).chain(files);
    // Complete, then unknown, then incomplete. About nothing, nothing is known.
    all.max().unwrap_or(Aggregate::Unknown)
}

/// The source that a file of the release is, if it says anything of itself.
fn artifact(sources: &[&Source], file: &ReleaseFile) -> Option<usize> {
    let path = file.path.as_str();
    let at = sources.binary_search_by(|source| source.path.as_str().cmp(path)).ok()?;
    (sources[at].origin == Origin::Artifact).then_some(at)
}
