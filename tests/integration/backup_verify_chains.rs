//! The nightly check of incremental archives, and of a store from which something was pruned.

use crate::backup::{POLICY, back_up};
use crate::backup_verify::{
    archives, check, check_store, codes, flip, nights, read_again, receipt, refuses, status, store,
};
use crate::backup_verify_faults::in_memory;
use crate::world::{World, noise};
use attestar::finding::Verdict;
use attestar::pipeline::watch::Watch;
use attestar::verbs::backup_verify::Selection;
use std::fs;
use std::path::{Path, PathBuf};

/// A full backup of a large file, whose frames are not those of the lists, and a small one; and three in which only the small
/// one changed.
fn chain() -> World {
    let world = nights(0);
    world.write("var/large.bin", noise(9_000_000));
    for number in 0..4 {
        world.write("etc/number", format!("number {number}"));
        world.run(&["-C", "shop", "backup"]).done();
    }
    world
}

/// The full archive, which is the largest, and the others.
fn full_and_rest(world: &World) -> (PathBuf, Vec<PathBuf>) {
    let size = |file: &Path| fs::metadata(file).unwrap().len();
    let mut all = archives(world);
    all.sort_by_key(|file| size(file));
    let full = all.pop().unwrap();
    assert!(size(&full) > 9_000_000 && all.iter().all(|file| size(file) < 100_000), "three are incremental");
    (full, all)
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

#[test]
fn each_archive_of_a_chain_is_read_once() {
    let world = World::new();
    world.write("var/large.bin", noise(3_000_000));
    for day in 10..14 {
        world.write("etc/number", format!("number {day}"));
        back_up(&world, POLICY, &format!("2026-11-{day}T01:00:00Z")).unwrap();
    }
    let host = in_memory(&world).host();
    let checked =
        check_store(&world, &host, "2026-11-13T03:00:00Z", Selection::All, &Watch::default()).unwrap();
    assert_eq!(checked.outcome.verdict(), Verdict::Holds, "{:?}", codes(&checked.outcome));
    assert_eq!(checked.report.coverage.archives_read, 4);
    for archive in &checked.report.archives {
        let object = format!("read archives/{}", archive.file);
        assert_eq!(host.calls().iter().filter(|call| **call == object).count(), 1, "{object}");
    }
    assert!(checked.report.archives.iter().all(|archive| archive.read.as_ref().unwrap().files == 2));
}

#[test]
fn a_base_that_is_gone_is_named_by_each_that_needs_it() {
    let world = chain();
    check(&world, &["--all"]).done();
    let (full, _) = full_and_rest(&world);
    fs::remove_file(receipt(&full)).unwrap();
    fs::remove_file(&full).unwrap();
    let report = refuses(&world, &["--all"], 3, &format!("missing {}", name(&full)));
    assert!(read_again(&report).is_empty(), "nothing comes back without it");
    let pack = name(&full).strip_suffix(".tar.zst.age").unwrap();
    let found = report["findings"].as_array().unwrap();
    let needing = found.iter().filter(|found| found["code"] == "base-missing");
    let subjects: Vec<&str> = needing.map(|found| found["subject"].as_str().unwrap()).collect();
    assert!(subjects.len() == 3 && subjects.iter().all(|subject| subject.ends_with(pack)), "{subjects:?}");
}

#[test]
fn a_base_that_was_altered_is_told_once_and_the_others_are_intact() {
    let world = chain();
    let (full, rest) = full_and_rest(&world);
    flip(&full, 1_500_000);
    let report = refuses(&world, &["--all"], 3, &format!("altered archives/{}", name(&full)));
    let mut read = read_again(&report);
    read.sort_unstable();
    let mut expected: Vec<&str> = rest.iter().map(|file| name(file)).collect();
    expected.sort_unstable();
    assert_eq!(read, expected);
}

#[test]
fn whoever_reads_the_newest_alone_reads_what_it_needs() {
    let world = chain();
    let (full, rest) = full_and_rest(&world);
    let newest = check(&world, &["--json", "--latest"]).done().json();
    assert_eq!(read_again(&newest).len(), 1);
    assert!(rest.iter().any(|file| name(file) == read_again(&newest)[0]), "{newest:#}");
    // A byte of the large file: the lists of the archive are as they were.
    flip(&full, 1_500_000);
    let report = refuses(&world, &["--latest"], 3, "base-altered");
    assert!(read_again(&report).is_empty(), "nothing comes back without it");
}

#[test]
fn a_base_whose_lists_are_others_does_not_count() {
    let world = chain();
    let (full, rest) = full_and_rest(&world);
    // The newest but one in place of the base, with a receipt that is its own.
    let other = &rest[0];
    fs::copy(other, &full).unwrap();
    let report = refuses(&world, &["--all"], 3, &format!("altered archives/{}", name(&full)));
    assert!(read_again(&report).is_empty());
    fs::copy(receipt(other), receipt(&full)).unwrap();
    refuses(&world, &["--all"], 3, "disagreement");
}

#[test]
fn what_was_pruned_is_judged_by_the_verifiers_policy() {
    let world = nights(0);
    let keep =
        |count: u32| format!("{POLICY}[store]\nurl = \"../nights\"\n[backup]\nkeep = {{ last = {count} }}\n");
    world.write("attestar.toml", keep(2));
    for number in 0..4 {
        world.write("etc/number", number.to_string());
        world.run(&["-C", "shop", "backup", "--full"]).done();
    }
    check(&world, &["--first"]).done();
    world.run(&["-C", "shop", "prune"]).done();
    assert_eq!(archives(&world).len(), 2);
    let report = check(&world, &["--json", "--all"]).done().json();
    assert_eq!((status(&report, "pruned"), status(&report, "store")), ("passed", "passed"));
    assert_eq!(report["coverage"]["archives_total"], 2);
    // Whoever keeps more than the one who pruned finds it, on a host that has not judged it before.
    world.write("attestar.toml", keep(4));
    let fresh = world.path().join("fresh");
    let fresh = ["--first", "--no-record", "--state", fresh.to_str().unwrap()];
    let report = refuses(&world, &fresh, 3, "prune-not-due");
    assert_eq!(status(&report, "pruned"), "failed");
    assert!(store(&world).join("reports/verify").is_dir());
}
