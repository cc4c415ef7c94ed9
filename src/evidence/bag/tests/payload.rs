//! Damage to the payload.

use super::{TestBag, found};
use crate::evidence::bag::check_bag;
use crate::finding::{Status, Verdict};
use crate::format::bag::algorithm::Algorithm;
use std::fs;

fn verdict(bag: &TestBag) -> Verdict {
    bag.check().verdict()
}

#[test]
fn one_flipped_byte_is_altered_and_both_digests_are_said() {
    let bag = TestBag::good();
    bag.write("data/a", "alphA");
    let outcome = bag.check();
    assert_eq!(found(&outcome), ["altered data/a"]);
    let finding = outcome.findings().next().unwrap();
    assert!(
        finding.expected.as_deref().is_some_and(|text| text.starts_with("sha256 8ed3f6ad")),
        "{finding:?}"
    );
    assert_eq!(finding.actual, Some(format!("sha256 {}", bag.hex(Algorithm::Sha256, "data/a"))));
    assert_eq!(outcome.verdict(), Verdict::Refuted);
}

#[test]
fn a_listed_file_that_is_gone_is_missing_and_the_count_disagrees() {
    let bag = TestBag::good();
    assert_eq!(bag.remove("data/a").found(), ["missing data/a", "disagreement bag-info.txt"]);
}

#[test]
fn a_file_that_nothing_lists_is_extra_whatever_its_name() {
    let bag = TestBag::good();
    bag.write("data/\u{1b}[2Jx", "");
    fs::write(bag.dir.path().join(std::path::Path::new("data").join(non_utf8())), "").unwrap();
    let mut extra = bag.found();
    extra.pop();
    assert_eq!(extra, ["extra data/\u{1b}[2Jx", "extra data/\u{fffd}"]);
}

fn non_utf8() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(vec![0xff])
}

#[test]
fn payload_that_is_wholly_absent_is_not_checked_rather_than_missing() {
    let bag = TestBag::good();
    fs::remove_dir_all(bag.path("data")).unwrap();
    let outcome = bag.check();
    assert_eq!(found(&outcome), ["no-payload data/"]);
    assert_eq!(outcome.verdict(), Verdict::Unverified);
    assert_eq!(outcome.checks[2].status, Status::NotChecked);
}

#[test]
fn a_bag_without_files_is_complete_but_proves_nothing() {
    let bag = TestBag::new("1.0", &[Algorithm::Sha256], &[]);
    assert_eq!(bag.found(), ["nothing-checked data/"]);
    assert_eq!(verdict(&bag), Verdict::Unverified);
}

#[test]
fn a_link_to_a_file_of_the_payload_is_checked_as_that_file() {
    let bag = TestBag::good();
    bag.link("data/l", "b/c d%");
    assert_eq!(bag.found()[0], "extra data/l");
    let line = format!("{}  data/l\n", bag.hex(Algorithm::Sha256, "data/l"));
    bag.edit("manifest-sha256.txt", |text| text + &line);
    bag.edit("bag-info.txt", |text| text.replace("9.2", "13.3"));
    assert_eq!(bag.found(), [""; 0]);
    bag.write("data/b/c d%", "Beta");
    assert_eq!(bag.found(), ["altered data/b/c d%", "altered data/l"]);
}

#[test]
fn a_link_to_a_folder_of_the_payload_is_not_walked() {
    let bag = TestBag::good();
    bag.link("data/l", "b").link("data/b/up", "..");
    assert_eq!(bag.found(), [""; 0]);
}

#[test]
fn links_that_leave_the_bag_are_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "alpha").unwrap();
    let target = outside.path().to_str().unwrap();
    let bag = TestBag::good();
    bag.link("data/l", target);
    assert_eq!(bag.found(), ["path-unsafe data/l"]);
    // Even with the very bytes that are listed.
    bag.remove("data/l").remove("data/a").link("data/a", &format!("{target}/secret"));
    assert_eq!(bag.found()[0], "path-unsafe data/a");
    fs::rename(bag.path("data"), outside.path().join("data")).unwrap();
    bag.link("data", &format!("{target}/data"));
    assert_eq!(bag.found(), ["path-unsafe data/"]);
}

#[test]
fn links_to_nowhere_are_missing_or_extra() {
    let bag = TestBag::good();
    bag.link("data/l", "l");
    assert_eq!(bag.found(), ["extra data/l"]);
    bag.remove("data/l").remove("data/a").link("data/a", "gone");
    assert_eq!(bag.found()[0], "missing data/a");
}

#[test]
fn a_socket_is_not_opened() {
    let bag = TestBag::good();
    let _socket = std::os::unix::net::UnixListener::bind(bag.path("data/s")).unwrap();
    assert_eq!(bag.found(), ["extra data/s"]);
    bag.edit("manifest-sha256.txt", |text| format!("{}{}  data/s\n", text, "0".repeat(64)));
    assert_eq!(bag.found(), ["bag-invalid data/s"]);
}

#[test]
fn a_listed_folder_is_invalid() {
    let bag = TestBag::good();
    bag.edit("manifest-sha256.txt", |text| format!("{}{}  data/b\n", text, "0".repeat(64)));
    assert_eq!(bag.found(), ["bag-invalid data/b"]);
}

#[test]
fn a_wrong_or_malformed_oxum_is_found() {
    let bag = TestBag::good();
    bag.edit("bag-info.txt", |text| text.replace("9.2", "9.3"));
    assert_eq!(bag.found(), ["disagreement bag-info.txt"]);
    bag.edit("bag-info.txt", |text| text.replace("9.3", "nine"));
    assert_eq!(bag.found(), ["bag-invalid bag-info.txt"]);
    bag.edit("bag-info.txt", |text| text.replace("nine", "9.2\npayload-oxum: 9.2"));
    assert_eq!(bag.found(), ["bag-invalid bag-info.txt"]);
    let old = TestBag::version("0.97");
    old.edit("bag-info.txt", |text| text + "Payload-Oxum: 9.2\n");
    assert_eq!(old.found(), ["(bag-warning bag-info.txt)"]);
}

#[test]
fn holes_of_a_holey_bag_are_not_verified_and_filled_ones_are() {
    let bag = TestBag::good();
    bag.write("fetch.txt", "https://x/a 5 data/a\nhttps://x/b - data/b/c d%25\n").retag();
    let outcome = bag.check();
    assert_eq!(found(&outcome), [""; 0]);
    assert_eq!(outcome.checks[5].detail, "2 files, 0 not here");
    bag.remove("data/a");
    let outcome = bag.check();
    assert_eq!(found(&outcome), ["payload-not-here data/a"]);
    assert_eq!(outcome.verdict(), Verdict::Unverified);
    bag.write("data/a", "gamma!");
    assert_eq!(bag.found(), ["altered data/a", "disagreement bag-info.txt", "(bag-warning data/a)"]);
}

#[test]
fn any_number_of_threads_finds_the_same() {
    let files: Vec<_> = (0..200).map(|n| (format!("data/{}/{n}", n % 7), format!("file {n}"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let bag = TestBag::new("1.0", &[Algorithm::Md5, Algorithm::Sha512], &files);
    assert_eq!(bag.found(), [""; 0]);
    bag.write("data/1/1", "x").remove("data/2/2").write("data/3/x", "");
    let [one, four] = [0, 4]
        .map(|threads| check_bag(bag.dir.path(), threads).unwrap().findings().cloned().collect::<Vec<_>>());
    assert_eq!(one, four);
    assert_eq!(one.len(), 5);
}

#[test]
fn a_file_that_may_not_be_read_is_not_verified() {
    use std::os::unix::fs::PermissionsExt as _;
    let bag = TestBag::good();
    fs::set_permissions(bag.path("data/a"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads it all the same.
    let want: &[&str] = if fs::read(bag.path("data/a")).is_ok() {
        &[]
    } else {
        &["unreadable data/a", "disagreement bag-info.txt"]
    };
    assert_eq!(bag.found(), want);
}
