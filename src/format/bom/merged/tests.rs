use super::testing::{artifact, everything, file, lockfile, npm, project, release, sum};
use super::*;
use crate::format::bom::{Algorithm, Component, Graph};
use std::collections::BTreeSet;

fn graph(root: Option<Component>, packages: Vec<Component>) -> Graph {
    let mut graph = Graph::default();
    let root = root.map(|root| graph.add_root(root));
    for package in packages {
        let node = graph.add(package);
        if let Some(root) = root {
            graph.depend(root, node);
        }
    }
    graph
}

fn refs<'m>(merged: &'m Merged<'_>) -> Vec<&'m str> {
    merged.parts.iter().map(|part| &*part.bom_ref).collect()
}

fn part<'m, 'a>(merged: &'m Merged<'a>, bom_ref: &str) -> &'m Part<'a> {
    merged.parts.iter().find(|part| part.bom_ref == bom_ref).unwrap_or_else(|| panic!("no {bom_ref}"))
}

#[test]
fn packages_are_one_by_their_purl_and_projects_by_their_folder() {
    let app = || Some(project("app", Some("1")));
    let sources = vec![
        lockfile("a/package-lock.json", graph(app(), vec![npm("left", "1"), npm("left", "2")])),
        lockfile("a/yarn.lock", graph(app(), vec![npm("left", "1")])),
        lockfile("b/yarn.lock", graph(app(), vec![npm("app", "1")])),
    ];
    let release = release(sources, vec![]);
    let merged = Merged::of(&release);
    let expected =
        ["pkg:npm/app@1", "pkg:npm/left@1", "pkg:npm/left@2", "project:a/app@1", "project:b/app@1"];
    assert_eq!(refs(&merged), expected);
    assert_eq!(merged.subject_ref, "release:tideline@1.4.0");
    assert_eq!(merged.subject_needs, [3, 4]);
    assert_eq!(part(&merged, "pkg:npm/left@1").sources, [0, 1]);
    assert_eq!(part(&merged, "project:a/app@1").needs, [1, 2]);
    assert!(merged.loose.is_empty() && merged.disagreements.is_empty());
    assert_eq!(merged.aggregate, Aggregate::Complete);
}

#[test]
fn names_with_slashes_that_look_alike_get_numbers() {
    let sources = vec![
        lockfile("a/yarn.lock", graph(Some(project("b/c", None)), vec![])),
        lockfile("a/b/yarn.lock", graph(Some(project("c", None)), vec![])),
        lockfile("yarn.lock", graph(Some(project("a/b/c#2", None)), vec![])),
    ];
    let release = release(sources, vec![]);
    assert_eq!(refs(&Merged::of(&release)), ["project:a/b/c", "project:a/b/c#2", "project:a/b/c#3"]);
}

#[test]
fn the_strongest_scope_and_every_digest_stay_and_edges_stand_once() {
    let with = |scope, sums: &[Checksum]| Component { scope, checksums: sums.into(), ..npm("left", "1") };
    let (one, two) = (sum(Algorithm::Sha512, 1), sum(Algorithm::Sha256, 2));
    let sources = vec![
        lockfile("a/yarn.lock", graph(None, vec![with(Scope::Development, std::slice::from_ref(&one))])),
        lockfile("b/yarn.lock", graph(None, vec![with(Scope::Optional, &[two.clone(), one.clone()])])),
    ];
    let release = release(sources, vec![]);
    let merged = Merged::of(&release);
    let left = part(&merged, "pkg:npm/left@1");
    assert_eq!(left.scope, Scope::Optional);
    assert_eq!(left.checksums.iter().map(|sum| &**sum).collect::<Vec<_>>(), [&two, &one]);
    assert_eq!(merged.disagreements, []);
}

#[test]
fn digests_disagree_only_where_two_sources_have_none_in_common() {
    let said = |sums: &[u8]| {
        let checksums = sums.iter().map(|&first| sum(Algorithm::Sha256, first)).collect();
        graph(None, vec![Component { checksums, ..npm("left", "1") }])
    };
    let disagreements = |sets: &[&[u8]]| {
        let name = |at: usize| format!("{at}/yarn.lock");
        let sources = sets.iter().enumerate().map(|(at, sums)| lockfile(&name(at), said(sums))).collect();
        let release = release(sources, vec![]);
        Merged::of(&release).disagreements
    };
    assert_eq!(disagreements(&[&[1, 2], &[2, 3], &[3]]), []);
    assert_eq!(disagreements(&[&[1, 2], &[], &[1]]), []);
    let found = disagreements(&[&[1, 2], &[2], &[3], &[4]]);
    let [one] = &*found else { panic!("{found:?}") };
    assert_eq!((one.first.0.as_str(), one.other.0.as_str()), ("0/yarn.lock", "2/yarn.lock"));
    let finding = one.finding();
    assert_eq!((finding.code, finding.subject.as_str()), (Code::SbomSourcesDisagree, "pkg:npm/left@1"));
    assert!(finding.actual.unwrap().starts_with("SHA-256:03abab"));
}

#[test]
fn of_two_licences_the_expression_stays_and_the_difference_is_said() {
    let said = |licence| {
        let licence = Licence::read(licence);
        graph(None, vec![Component { licence, ..npm("left", "1") }])
    };
    let sources = vec![lockfile("a/l", said("")), lockfile("b/l", said("BSD")), lockfile("c/l", said("ISC"))];
    let release = release(sources, vec![]);
    let merged = Merged::of(&release);
    assert_eq!(merged.parts[0].licence.unwrap().text(), "ISC");
    assert_eq!(merged.disagreements[0].first, ("b/l".to_owned(), "BSD".to_owned()));
    assert_eq!(merged.disagreements[0].other, ("c/l".to_owned(), "ISC".to_owned()));
}

#[test]
fn how_much_is_known_of_a_component_is_what_its_sources_know() {
    let source =
        |path: &str, aggregate| Source { aggregate, ..lockfile(path, graph(None, vec![npm("x", "1")])) };
    let (complete, unknown, incomplete) = (Aggregate::Complete, Aggregate::Unknown, Aggregate::Incomplete);
    for (of, known, whole) in [
        ([complete, complete], complete, complete),
        ([complete, unknown], complete, unknown),
        ([complete, incomplete], incomplete, incomplete),
        ([unknown, incomplete], incomplete, incomplete),
    ] {
        let release = release(vec![source("a", of[0]), source("b", of[1])], vec![]);
        let merged = Merged::of(&release);
        assert_eq!((merged.parts[0].aggregate, merged.aggregate), (known, whole), "{of:?}");
        assert_eq!(release.incomplete(), whole == incomplete);
    }
    assert_eq!(Merged::of(&release(vec![], vec![])).aggregate, unknown);
    assert_eq!(Merged::of(&release(vec![], vec![file("dist/a.pdf")])).aggregate, unknown);
}

#[test]
fn a_file_holds_what_it_says_it_is() {
    let image = graph(Some(project("image", None)), vec![]);
    let release = release(vec![artifact("dist/image.tar", image)], vec![file("dist/image.tar")]);
    let merged = Merged::of(&release);
    assert_eq!(refs(&merged), ["artifact:dist/image.tar/image", "file:dist/image.tar"]);
    let file = part(&merged, "file:dist/image.tar");
    assert_eq!((&*file.needs, &*merged.subject_needs), (&[0][..], &[1][..]));
    assert_eq!(file.version, Some("1.4.0"));
    assert_eq!(file.supplier, merged.release.subject.supplier.as_deref());
    assert_eq!(file.checksums.len(), 2);
}

#[test]
fn every_part_can_be_reached_and_no_edge_leads_nowhere() {
    let release = everything();
    let merged = Merged::of(&release);
    let unique: BTreeSet<&str> = refs(&merged).into_iter().chain([&*merged.subject_ref]).collect();
    assert_eq!(unique.len(), merged.parts.len() + 1);
    let mut reached: BTreeSet<usize> = merged.subject_needs.iter().copied().collect();
    reached.extend(merged.loose.iter().map(|loose| loose.part));
    let mut pending: Vec<usize> = reached.iter().copied().collect();
    while let Some(at) = pending.pop() {
        assert!(merged.parts[at].needs.is_sorted_by(|a, b| a < b), "each edge once");
        assert!(!merged.parts[at].needs.contains(&at), "nothing needs itself");
        pending.extend(merged.parts[at].needs.iter().filter(|&&need| reached.insert(need)));
    }
    assert_eq!(reached.len(), merged.parts.len());
}

#[test]
fn what_is_loose_hangs_on_the_only_project_or_the_file_of_its_source() {
    let release = everything();
    let merged = Merged::of(&release);
    let hangs = |name: &str| {
        let loose = merged.loose.iter().find(|loose| merged.parts[loose.part].name == name);
        let loose = loose.unwrap_or_else(|| panic!("{name} is not loose"));
        (loose.under.map(|under| &*merged.parts[under].bom_ref), loose.held)
    };
    assert_eq!(hangs("libc6"), (Some("file:dist/image.tar"), true));
    assert_eq!(hangs("pytest"), (None, false));
    assert_eq!(hangs("one"), (None, false));
    assert!(merged.loose.iter().all(|loose| merged.parts[loose.part].name != "two"), "one leads there");
}

/// Far under a second in a release build; the bound is for a machine that is busy, and still no quadratic step meets it.
#[test]
fn the_work_grows_with_the_sources_and_not_with_its_square() {
    const COMPONENTS: usize = 10_000;
    let mut sources = Vec::new();
    for file in 0..2 {
        let mut graph = Graph::default();
        // Names that all look alike: each needs a number.
        for at in 0..COMPONENTS / 10 {
            let slashes = "/".repeat(at % 50);
            graph.add_root(project(&format!("{slashes}x"), None));
        }
        let mut all = Vec::new();
        for at in 0..COMPONENTS {
            let mut package = npm(&format!("package-{at}"), "1.2.3");
            package.licence = Licence::read("MIT");
            package.checksums = vec![sum(Algorithm::Sha512, at as u8)];
            all.push(graph.add(package));
        }
        for (at, &node) in all.iter().enumerate() {
            (1..6).for_each(|step| graph.depend(node, all[(at * 7 + step * 13) % COMPONENTS]));
        }
        sources.push(lockfile(&format!("{file}/package-lock.json"), graph));
    }
    let release = release(sources, vec![]);
    let started = std::time::Instant::now();
    let merged = Merged::of(&release);
    let documents = [crate::format::cyclonedx::to_bytes(&merged), crate::format::spdx::to_bytes(&merged)];
    let took = started.elapsed();
    assert!(merged.parts.len() > COMPONENTS && documents.iter().all(|document| document.len() > COMPONENTS));
    assert!(took.as_secs() < 60, "{took:?}");
}
