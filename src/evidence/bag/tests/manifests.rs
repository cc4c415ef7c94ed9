//! Manifests that break a rule.

use super::{TestBag, found};
use crate::evidence::bag::Bag;
use crate::evidence::bag::listing::Listing;
use crate::finding::Verdict;
use crate::format::bag::algorithm::Algorithm::{Md5, Sha1, Sha224, Sha256, Sha384, Sha512};
use crate::format::bag::declaration::Version;
use crate::format::bag::manifest::Kind;
use crate::format::bag::text::Encoding;

const MANIFEST: &str = "manifest-sha256.txt";
const FILES: [(&str, &str); 2] = [("data/a", "alpha"), ("data/b", "beta")];

#[test]
fn several_manifests_are_checked_side_by_side() {
    let bag = TestBag::new("1.0", &[Md5, Sha1, Sha224, Sha256, Sha384, Sha512], &FILES);
    assert_eq!(bag.found(), [""; 0]);
    bag.write("data/a", "alphA");
    assert_eq!(bag.found(), ["altered data/a"; 6]);
}

#[test]
fn manifests_that_disagree_are_both_an_alteration_and_a_disagreement() {
    let bag = TestBag::new("1.0", &[Md5, Sha256], &FILES);
    let (right, wrong) = (bag.hex(Md5, "data/a"), bag.hex(Md5, "data/b"));
    bag.edit("manifest-md5.txt", |text| text.replace(&right, &wrong));
    assert_eq!(bag.found(), ["altered data/a", "disagreement data/a"]);
}

#[test]
fn every_manifest_lists_every_file_in_1_0_and_one_was_enough_before() {
    for (version, want) in [("1.0", &["bag-invalid data/b"][..]), ("0.97", &[]), ("0.93", &[])] {
        let bag = TestBag::new(version, &[Md5, Sha256], &FILES);
        bag.edit("manifest-md5.txt", |text| text.lines().next().unwrap().to_owned() + "\n");
        assert_eq!(bag.found(), want, "{version}");
    }
}

#[test]
fn a_bag_without_payload_manifest_is_invalid() {
    let bag = TestBag::good();
    bag.remove(MANIFEST).retag();
    assert_eq!(bag.found(), ["bag-invalid manifest-sha256.txt", "nothing-checked data/"]);
}

#[test]
fn weak_digests_alone_are_warned_of() {
    let bag = TestBag::new("0.97", &[Md5, Sha1], &FILES);
    let outcome = bag.check();
    assert_eq!(
        (found(&outcome), outcome.verdict()),
        (vec!["(weak-digest data/)".to_owned()], Verdict::Holds)
    );
    assert_eq!(TestBag::new("1.0", &[Md5, Sha512], &FILES).found(), [""; 0]);
}

#[test]
fn unknown_algorithms_are_not_checkable_and_named() {
    let bag = TestBag::good();
    bag.write("manifest-sha3512.txt", "00ff  data/a\n00ff  data/b/c d%25\n").retag();
    assert_eq!(bag.found(), ["(not-checkable manifest-sha3512.txt)"]);
    bag.remove(MANIFEST).retag();
    let outcome = bag.check();
    assert_eq!(found(&outcome), ["not-checkable manifest-sha3512.txt", "nothing-checked data/"]);
    assert_eq!(outcome.verdict(), Verdict::Unverified);
}

#[test]
fn a_file_that_only_an_unknown_algorithm_covers_is_not_checkable() {
    let bag = TestBag::version("0.97");
    bag.edit(MANIFEST, |text| text.lines().next().unwrap().to_owned() + "\n");
    bag.write("manifest-sha3512.txt", "00ff  data/b/c d\n").retag();
    assert_eq!(bag.found(), ["(not-checkable manifest-sha3512.txt)", "not-checkable data/b/c d"]);
}

#[test]
fn paths_that_leave_the_bag_are_unsafe_and_never_opened() {
    for path in ["data/../../x", "/etc/passwd", "data//x", "C:/x", "data/./x"] {
        let bag = TestBag::good();
        bag.edit(MANIFEST, |text| format!("{text}{}  {path}\n", "0".repeat(64)));
        assert_eq!(bag.found(), [format!("path-unsafe {path}")]);
    }
}

#[test]
fn payload_manifests_list_nothing_but_payload() {
    let bag = TestBag::good();
    bag.edit(MANIFEST, |text| format!("{text}{}  bagit.txt\n", bag.hex(Sha256, "bagit.txt")));
    assert_eq!(bag.found(), ["bag-invalid bagit.txt"]);
}

#[test]
fn the_same_line_twice_is_a_warning_before_1_0_and_invalid_in_it() {
    for (version, want) in [("0.97", "(bag-warning data/a)"), ("1.0", "bag-invalid data/a")] {
        let bag = TestBag::version(version);
        bag.edit(MANIFEST, |text| format!("{text}{}  data/a\n", bag.hex(Sha256, "data/a")));
        assert_eq!(bag.found(), [want]);
        bag.edit(MANIFEST, |text| format!("{text}{}  data/a\n", "0".repeat(64)));
        assert!(bag.found().contains(&"path-duplicate data/a".to_owned()));
    }
}

#[test]
fn lines_that_are_none_are_invalid_and_a_flood_of_them_ends() {
    let bag = TestBag::good();
    bag.edit(MANIFEST, |text| format!("# comment\n{text}00ff  data/a\n"));
    assert_eq!(bag.found(), ["manifest-invalid manifest-sha256.txt"; 2]);
    bag.edit(MANIFEST, |_| "x\n".repeat(10_000));
    let invalid = bag.found().iter().filter(|found| found.starts_with("manifest-invalid")).count();
    assert_eq!(invalid, 100);
}

#[test]
fn marks_of_the_checksum_tools_are_warned_of_once_a_manifest() {
    let bag = TestBag::version("0.97");
    bag.edit(MANIFEST, |text| text.replace("  data", " *data"));
    let outcome = bag.check();
    assert_eq!(found(&outcome), ["(bag-warning manifest-sha256.txt)"]);
    assert_eq!(outcome.findings().next().unwrap().actual.as_deref(), Some("a * before the path, in 2 lines"));
    bag.edit(MANIFEST, |text| text.replace(" *data", "\t./data").replace('\n', "\r\n"));
    assert_eq!(bag.found(), ["(bag-warning manifest-sha256.txt)"]);
}

#[test]
fn names_that_other_file_systems_confuse_are_warned_of() {
    let files = [("data/Read", "1"), ("data/read", "2"), ("data/\u{e9}", "3"), ("data/e\u{301}", "4")];
    let bag = TestBag::new("1.0", &[Sha256], &files);
    let outcome = bag.check();
    assert_eq!(outcome.findings().filter(|f| f.code.as_str() == "path-collision").count(), 2);
    assert_eq!((outcome.findings().count(), outcome.verdict()), (2, Verdict::Holds));
}

#[test]
fn line_breaks_and_percent_signs_in_names_are_encoded_as_the_version_says() {
    let files = [("data/a\nb", "1"), ("data/a%0Ab", "2"), ("data/c\r", "3")];
    let bag = TestBag::new("1.0", &[Sha256], &files);
    assert_eq!(bag.found(), [""; 0]);
    // Before 1.0 `%25` is `%25`; an encoded line break is one only where the name as listed is not there.
    let bag = TestBag::new("0.97", &[Sha256], &[("data/a%0Ab", "2"), ("data/c\r", "3"), ("data/%25", "4")]);
    bag.edit(MANIFEST, |text| text.replace("%250A", "%0A").replace("%2525", "%25"));
    assert_eq!(bag.found(), [""; 0]);
}

#[test]
fn a_byte_order_mark_is_invalid_in_1_0() {
    for (version, want) in
        [("0.97", "(bag-warning manifest-sha256.txt)"), ("1.0", "bag-invalid manifest-sha256.txt")]
    {
        let bag = TestBag::version(version);
        bag.edit(MANIFEST, |text| format!("\u{feff}{text}"));
        assert_eq!(bag.found(), [want]);
    }
}

#[test]
fn manifests_that_list_too_much_for_the_memory_are_an_error() {
    let bag = TestBag::version("1.0");
    let open = |listing_bytes_max| Bag {
        root: bag.dir.path().canonicalize().unwrap(),
        version: Version::V1_0,
        encoding: Encoding::Utf8,
        listing_bytes_max,
    };
    assert_eq!(Listing::read(&open(1000), Kind::Payload).map(|listing| listing.len()).unwrap(), 2);
    let refused = Listing::read(&open(200), Kind::Payload).err().unwrap();
    assert!(refused.to_string().ends_with("lists too much to check at once"), "{refused}");
}
