//! Damage to the tag files: declaration, tag manifests, bag-info and fetch.

use super::{TestBag, found};
use crate::finding::{Status, Verdict};
use crate::format::bag::algorithm::Algorithm::{Md5, Sha256};
use std::fs;

const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

#[test]
fn a_folder_without_declaration_is_no_bag() {
    let bag = TestBag::good();
    bag.remove("bagit.txt").retag();
    assert_eq!(bag.found(), ["bag-invalid bagit.txt"]);
}

#[test]
fn a_wrong_declaration_is_invalid_and_the_rest_is_checked_all_the_same() {
    for (from, to) in [("1.0", "2.0"), ("UTF-8\n", "UTF-8\n\n"), ("BagIt", "\u{feff}BagIt"), (": 1", ":1")] {
        let bag = TestBag::good();
        bag.edit("bagit.txt", |text| text.replacen(from, to, 1));
        let outcome = bag.check();
        assert_eq!(found(&outcome), ["bag-invalid bagit.txt"], "{to}");
        assert_eq!(outcome.checks[2].status, Status::Passed);
    }
    let bag = TestBag::good();
    bag.edit("bagit.txt", |text| text + &"x".repeat(5000));
    assert_eq!(bag.found(), ["bag-invalid bagit.txt"; 2]);
}

#[test]
fn an_unknown_encoding_is_not_checkable() {
    let bag = TestBag::good();
    bag.edit("bagit.txt", |text| text.replace("UTF-8", "EBCDIC-INT"));
    let outcome = bag.check();
    assert_eq!(found(&outcome), ["not-checkable bagit.txt"]);
    assert_eq!(outcome.verdict(), Verdict::Unverified);
    assert_eq!(outcome.checks.iter().filter(|check| check.status == Status::Skipped).count(), 5);
}

#[test]
fn other_encodings_are_read_and_warned_of_in_1_0_only() {
    for (version, want) in [("0.97", &[][..]), ("1.0", &["(bag-warning bagit.txt)"])] {
        let bag = TestBag::new(version, &[Sha256], &[("data/caf\u{e9}", "x")]);
        bag.edit("bagit.txt", |text| text.replace("UTF-8", "ISO-8859-1"));
        for name in ["manifest-sha256.txt", "bag-info.txt"] {
            let text = fs::read_to_string(bag.path(name)).unwrap();
            bag.write(name, text.chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<_>>());
        }
        bag.retag();
        assert_eq!(bag.found(), want);
    }
}

#[test]
fn an_altered_missing_or_unsafe_tag_file_is_found() {
    let bag = TestBag::good();
    bag.write("bag-info.txt", "Contact-Name: B\n");
    assert_eq!(bag.found(), ["altered bag-info.txt"]);
    bag.remove("bag-info.txt");
    assert_eq!(bag.found(), ["missing bag-info.txt"]);
    let bag = TestBag::good();
    let text = fs::read_to_string(bag.path(TAG_MANIFEST)).unwrap();
    let zeros = "0".repeat(64);
    bag.write(TAG_MANIFEST, format!("{text}{zeros}  ../x\n{zeros}  data/a\n{zeros}  {TAG_MANIFEST}\n"));
    assert_eq!(bag.found(), ["path-unsafe ../x", "bag-invalid data/a", "bag-invalid tagmanifest-sha256.txt"]);
}

#[test]
fn tag_manifests_list_every_payload_manifest() {
    for (version, want) in
        [("0.97", "(bag-warning manifest-md5.txt)"), ("1.0", "bag-invalid manifest-md5.txt")]
    {
        let bag = TestBag::new(version, &[Md5], &[("data/a", "x")]);
        let text = fs::read_to_string(bag.path("tagmanifest-md5.txt")).unwrap();
        let kept: Vec<_> = text.lines().filter(|line| !line.ends_with("manifest-md5.txt")).collect();
        bag.write("tagmanifest-md5.txt", kept.join("\n"));
        assert!(bag.found().contains(&want.to_owned()), "{:?}", bag.found());
    }
}

#[test]
fn tag_files_that_nothing_lists_are_warned_of_but_signatures_come_after() {
    let bag = TestBag::good();
    bag.write("notes/x.txt", "x").write("attestations/seal.sigstore.json", "{}");
    assert_eq!(bag.found(), ["(bag-warning notes/x.txt)"]);
    bag.remove(TAG_MANIFEST);
    let outcome = bag.check();
    assert_eq!(found(&outcome), [""; 0]);
    assert_eq!(outcome.checks[3].status, Status::NotApplicable);
}

#[test]
fn tag_files_that_are_links_out_of_the_bag_are_not_opened() {
    for name in ["bagit.txt", "manifest-sha256.txt", "bag-info.txt", "fetch.txt"] {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let bag = TestBag::good();
        let _ = fs::remove_file(bag.path(name));
        bag.link(name, outside.path().to_str().unwrap());
        assert!(bag.found().contains(&format!("path-unsafe {name}")), "{name}: {:?}", bag.found());
        assert_eq!(bag.check().verdict(), Verdict::Refuted);
    }
}

#[test]
fn metadata_is_strict_in_1_0_and_free_before() {
    for (version, want) in [("0.97", &[][..]), ("0.93", &[]), ("1.0", &["bag-invalid bag-info.txt"; 2])] {
        let bag = TestBag::version(version);
        let name = if version == "0.93" { "package-info.txt" } else { "bag-info.txt" };
        bag.edit(name, |text| text + "Note :  x\nOther:y\n");
        assert_eq!(bag.found(), want, "{version}");
    }
    let bag = TestBag::good();
    bag.edit("bag-info.txt", |text| text + "Bag-Count: 1 of 2\nbag-count: 2 of 2\n");
    assert_eq!(bag.found(), ["(bag-warning bag-info.txt)"]);
}

#[test]
fn fetch_speaks_of_listed_payload_by_absolute_uris() {
    let wrong = [
        ("https://x/y - data/none", "bag-invalid data/none"),
        ("https://x/y - bagit.txt", "bag-invalid bagit.txt"),
        ("https://x/y - data/../../x", "path-unsafe data/../../x"),
        ("x/y - data/a", "bag-invalid data/a"),
        ("https://x/y many data/a", "bag-invalid fetch.txt"),
        ("https://x/y 5 data/a\nhttps://x/y 5 data/a", "(bag-warning data/a)"),
        ("https://x/y 6 data/a", "(bag-warning data/a)"),
    ];
    for (text, want) in wrong {
        let bag = TestBag::good();
        bag.write("fetch.txt", text).retag();
        assert_eq!(bag.found(), [want]);
    }
}

#[test]
fn a_fetch_file_of_nothing_but_nonsense_is_not_read_to_its_end() {
    let bag = TestBag::good();
    bag.write("fetch.txt", "x\n".repeat(10_000)).retag();
    assert_eq!(bag.found(), vec!["bag-invalid fetch.txt"; 103]);
}
