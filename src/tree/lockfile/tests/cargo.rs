//! Lockfiles of cargo.

use crate::format::bom::{Aggregate, Licence};
use crate::tree::lockfile::testing::{Folder, component, file, listing, read};
use crate::tree::reading::Reading;

fn lockfile(folder: &str) -> Reading {
    let reading = read("Cargo.lock", &file(&format!("{folder}/Cargo.lock")), &Folder::new(folder));
    assert_eq!((&reading.faults[..], reading.aggregate), (&[][..], Aggregate::Complete), "{folder}");
    reading
}

#[test]
fn version_1_has_its_checksums_at_the_end() {
    let reading = lockfile("fixtures/lockfiles/cargo-1");
    assert_eq!(
        listing(&reading.graph),
        [
            "Application futures-executor@0.3.34 Runtime: futures-core@0.3.34 futures-task@0.3.34 futures-util@0.3.34",
            "Library futures-core@0.3.34 Runtime:",
            "Library futures-task@0.3.34 Runtime:",
            "Library futures-util@0.3.34 Runtime: \
             futures-core@0.3.34 futures-task@0.3.34 pin-project-lite@0.2.17 slab@0.4.12",
            "Library pin-project-lite@0.2.17 Runtime:",
            "Library slab@0.4.12 Runtime:",
        ]
    );
    let slab = component(&reading.graph, "pkg:cargo/slab@0.4.12");
    assert_eq!(slab.checksums[0].hex(), "0c790de23124f9ab44544d7ac05d60440adc586479ce501c1d6d7da3cd8c9cf5");
}

#[test]
fn versions_2_and_3_have_them_with_each_package() {
    for (folder, expected) in [
        (
            "fixtures/lockfiles/cargo-2",
            &[
                "Application slab@0.4.12 Runtime: serde@1.0.228 serde_test@1.0.177",
                "Library proc-macro2@1.0.106 Runtime: unicode-ident@1.0.22",
                "Library quote@1.0.44 Runtime: proc-macro2@1.0.106",
                "Library serde@1.0.228 Runtime: serde_core@1.0.228 serde_derive@1.0.228",
                "Library serde_core@1.0.228 Runtime: serde_derive@1.0.228",
                "Library serde_derive@1.0.228 Runtime: proc-macro2@1.0.106 quote@1.0.44 syn@2.0.114",
                "Library serde_test@1.0.177 Runtime: serde@1.0.228",
                "Library syn@2.0.114 Runtime: proc-macro2@1.0.106 quote@1.0.44 unicode-ident@1.0.22",
                "Library unicode-ident@1.0.22 Runtime:",
            ][..],
        ),
        (
            "fixtures/lockfiles/cargo-3",
            &[
                "Application thiserror-impl@2.0.21 Runtime: proc-macro2@1.0.107 quote@1.0.47 syn@3.0.6",
                "Library proc-macro2@1.0.107 Runtime: unicode-ident@1.0.26",
                "Library quote@1.0.47 Runtime: proc-macro2@1.0.107",
                "Library syn@3.0.6 Runtime: proc-macro2@1.0.107 quote@1.0.47 unicode-ident@1.0.26",
                "Library unicode-ident@1.0.26 Runtime:",
            ],
        ),
    ] {
        let graph = lockfile(folder).graph;
        assert_eq!(listing(&graph), expected);
        let digests = graph.nodes().map(|node| graph.component(node).checksums.len()).sum::<usize>();
        assert_eq!(digests, graph.len() - 1, "{folder}");
    }
}

#[test]
fn the_manifests_of_a_workspace_tell_what_is_for_tests() {
    let reading = lockfile("fixtures/lockfiles/cargo-4");
    assert_eq!(
        listing(&reading.graph),
        [
            "Application helper@0.1.0 Runtime: scopeguard@1.2.0",
            "Application tool@1.2.0 Runtime: autocfg@1.5.1 faraway@0.3.1 fastrand@2.5.0 helper@0.1.0 itoa@0.4.8 log@0.4.35 \
             winapi-util@0.1.11",
            "Library autocfg@1.5.1 Runtime:",
            "Library faraway@0.3.1 Runtime: itoa@1.0.18",
            "Library fastrand@2.5.0 Development:",
            "Library itoa@0.4.8 Development:",
            "Library itoa@1.0.18 Runtime:",
            "Library log@0.4.35 Runtime:",
            "Library scopeguard@1.2.0 Development:",
            "Library winapi-util@0.1.11 Runtime: windows-sys@0.61.2",
            "Library windows-link@0.2.1 Runtime:",
            "Library windows-sys@0.61.2 Runtime: windows-link@0.2.1",
        ]
    );
    let tool = component(&reading.graph, "pkg:cargo/tool@1.2.0");
    assert_eq!(tool.licence, Some(Licence::Expression("MIT".into())));
    let git = "pkg:cargo/faraway@0.3.1?vcs_url=git%2Bhttps:%2F%2Fgit.example%2Fa%2Ffaraway.git\
               %40d0b46ce05019fc6777d923b69aff5e6356f2a2af";
    assert!(component(&reading.graph, git).checksums.is_empty());
    let without = read("Cargo.lock", &file("fixtures/lockfiles/cargo-4/Cargo.lock"), &());
    assert!(listing(&without.graph).iter().all(|line| line.contains(" Runtime:")));
}

#[test]
fn other_registries_are_told_and_secrets_are_not() {
    let text = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
        source = \"sparse+https://me:secret@registry.example/index/?token=secret\"\n\
        [[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
        [[package]]\nname = \"b\"\nversion = \"1.0.0\"\ndependencies = [\n\
        \"a 1.0.0 (sparse+https://me:secret@registry.example/index/?token=secret)\",\n]\n";
    let graph = read("Cargo.lock", text.as_bytes(), &()).graph;
    let other = "pkg:cargo/a@1.0.0?repository_url=https:%2F%2Fregistry.example%2Findex%2F";
    component(&graph, other);
    component(&graph, "pkg:cargo/a@1.0.0");
    let needs = graph.needs(graph.roots()[0]);
    assert_eq!(graph.component(needs[0]).purl.as_ref().unwrap().as_str(), other);
}
