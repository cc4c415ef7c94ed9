//! Bags that others made, under fixtures/packs/foreign; README there says how.

use super::found;
use crate::evidence::bag::check_bag;
use crate::finding::Verdict;
use std::fs;
use std::path::Path;

/// Every bag, what is found in it, and what that comes to.
const BAGS: [(&str, &[&str], Verdict); 19] = [
    ("bagit-py-md5", &["(weak-digest data/)"], Verdict::Holds),
    ("bagit-py-sha256-sha512", &[], Verdict::Holds),
    ("v0.93-package-info", &["(weak-digest data/)"], Verdict::Holds),
    ("v0.95-sha1", &["(weak-digest data/)"], Verdict::Holds),
    ("v0.96-md5sum-binary-marks", &["(bag-warning manifest-md5.txt)", "(weak-digest data/)"], Verdict::Holds),
    ("v0.97-crlf", &[], Verdict::Holds),
    ("v0.97-latin-1", &[], Verdict::Holds),
    ("v0.97-utf-16", &[], Verdict::Holds),
    ("v1.0-percent", &[], Verdict::Holds),
    (
        "bagit-py-md5.declaration-missing",
        &["bag-invalid bagit.txt", "(weak-digest data/)", "missing bagit.txt"],
        Verdict::Refuted,
    ),
    ("bagit-py-md5.payload-altered", &["(weak-digest data/)", "altered data/prices.csv"], Verdict::Refuted),
    (
        "bagit-py-md5.payload-extra",
        &["(weak-digest data/)", "extra data/more.csv", "disagreement bag-info.txt"],
        Verdict::Refuted,
    ),
    (
        "bagit-py-md5.payload-missing",
        &["(weak-digest data/)", "missing data/prices.csv", "disagreement bag-info.txt"],
        Verdict::Refuted,
    ),
    ("bagit-py-md5.tag-file-altered", &["(weak-digest data/)", "altered bag-info.txt"], Verdict::Refuted),
    (
        "bagit-py-sha256-sha512.holey",
        &["payload-not-here data/prices.csv", "(bag-warning fetch.txt)"],
        Verdict::Unverified,
    ),
    (
        "v0.93-package-info.oxum-wrong",
        &["(weak-digest data/)", "disagreement package-info.txt"],
        Verdict::Refuted,
    ),
    (
        "v0.93-package-info.path-leaves-bag",
        &["path-unsafe data/../../prices.csv", "(weak-digest data/)", "extra data/prices.csv"],
        Verdict::Refuted,
    ),
    ("v1.0-percent.line-twice", &["bag-invalid data/100%.csv"], Verdict::Refuted),
    ("v1.0-percent.third-line", &["bag-invalid bagit.txt"], Verdict::Refuted),
];

#[test]
fn every_bag_of_the_fixtures_comes_to_what_it_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/packs/foreign");
    for (name, want, verdict) in BAGS {
        let outcome = check_bag(&folder.join(name), 2).unwrap();
        assert_eq!(found(&outcome), want, "{name}");
        assert_eq!(outcome.verdict(), verdict, "{name}");
    }
    let bags = fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(bags.count(), BAGS.len(), "a bag of the fixtures is in no line of the table");
}
