//! A check that many machines share: each reads its part, one joins the reports, and misses none.

use crate::backup::POLICY;
use crate::backup_verify::{archives, check, flip, nights, read_again, refuses, status, without_haste};
use crate::world::{World, names_in};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// A world of five backups, whose three parts were read and lie in `parts/`.
fn shared_out() -> World {
    let world = nights(5);
    for part in 0..3 {
        check(&world, &["--shard", &format!("{part}/3"), "--out", "parts"]).done().says("a part");
    }
    world
}

/// The reports of parts, by number.
fn part(world: &World, number: u32) -> PathBuf {
    let folder = world.path().join("parts");
    let names = names_in(&folder);
    let found = names.iter().find(|name| name.ends_with(&format!("shard-{number}-of-3.json")));
    folder.join(found.expect("a part"))
}

#[test]
fn shards_are_joined_and_none_is_missed() {
    let world = shared_out();
    let before = world.run(&["log", "list", "--store", "nights"]).done().out;
    assert!(!before.contains("verified"), "a part is no check of the whole");
    // The parts lie in the store too, for machines that share nothing else.
    let report = check(&world, &["--json", "--no-record", "--merge", "reports/verify"]).done().json();
    assert_eq!(read_again(&report).len(), 5);
    let files: Vec<String> = (0..3).map(|number| part(&world, number).to_str().unwrap().to_owned()).collect();
    let [zero, one, two] = [&*files[0], &*files[1], &*files[2]];
    refuses(&world, &["--no-record", "--merge", zero, one], 5, "shard-missing part 2 of 3");
    refuses(&world, &["--no-record", "--merge", zero, one, two, one], 5, "shard-twice");
    let report = check(&world, &["--json", "--merge", "parts"]).done().json();
    assert_eq!((&report["share"]["of"], &report["share"]["parts"]), (&"merged".into(), &3.into()));
    assert_eq!((read_again(&report).len(), &report["recorded"]["log_size"]), (5, &6.into()));
    // A part that is run again takes the place of its report, as long as nothing else happened.
    let world_again = shared_out();
    check(&world_again, &["--shard", "1/3", "--out", "parts"]).done();
    check(&world_again, &["--merge", "parts"]).done();
    // What they have read counts as read.
    without_haste(&world);
    let report = check(&world, &["--json"]).done().json();
    assert_eq!(read_again(&report).len(), 1);
    check(&world, &["--merge", "nowhere"]).exits(1).complains("there is no report of a shard");
}

#[test]
fn parts_of_an_earlier_night_do_not_count() {
    let world = shared_out();
    thread::sleep(Duration::from_millis(1100));
    let report = refuses(&world, &["--no-record", "--max-age", "1s", "--merge", "parts"], 5, "shard-foreign");
    assert!(read_again(&report).is_empty(), "older than the newest backup may be: {report:#}");
    // Joined in vain, they may be joined again with what was missing; once they were joined, they are over.
    refuses(&world, &["--merge", part(&world, 0).to_str().unwrap()], 5, "shard-missing");
    check(&world, &["--merge", "parts"]).done();
    let report = refuses(&world, &["--merge", "parts"], 5, "shard-foreign");
    assert!(read_again(&report).is_empty(), "{report:#}");
}

#[test]
fn what_was_joined_too_late_was_not_read_within_the_window() {
    let world = nights(2);
    let window = "[store]\nurl = \"../nights\"\n[backup]\nverify_within = \"1s\"\n";
    world.write("attestar.toml", format!("{POLICY}{window}"));
    for shard in ["0/2", "1/2"] {
        check(&world, &["--shard", shard, "--out", "parts"]).done();
    }
    thread::sleep(Duration::from_millis(1100));
    let report = check(&world, &["--json", "--merge", "parts"]).done().json();
    assert_eq!(report["findings"][0]["code"], "unread-too-long", "{report:#}");
    assert_eq!((read_again(&report).len(), &report["coverage"]["bytes_within_window"]), (2, &0.into()));
}

#[test]
fn a_part_without_an_archive_holds_and_a_whole_without_one_does_not() {
    let world = nights(1);
    let said = ["0/2", "1/2"].map(|shard| check(&world, &["--shard", shard, "--out", "parts"]).done());
    assert_eq!(said.iter().filter(|said| said.out.contains("nothing in this part")).count(), 1);
    let report = check(&world, &["--json", "--merge", "parts"]).done().json();
    assert_eq!((read_again(&report).len(), status(&report, "contents")), (1, "passed"));
    // Of a project that has nothing in the store, no part has anything.
    let policy = POLICY.replace("nightly", "other");
    let store = "[store]\nurl = \"../nights\"\n[log]\norigin = \"nightly\"\n";
    world.write("attestar.toml", format!("{policy}{store}"));
    for shard in ["0/2", "1/2"] {
        refuses(&world, &["--shard", shard, "--out", "none"], 5, "nothing-checked");
    }
    refuses(&world, &["--merge", "none"], 5, "nothing-checked");
}

#[test]
fn a_part_that_was_altered_or_is_of_another_run_does_not_count() {
    let world = shared_out();
    let name = |number: u32| part(&world, number).file_name().unwrap().to_str().unwrap().to_owned();
    // Altered, and unsigned.
    let whole = fs::read_to_string(part(&world, 1)).unwrap();
    fs::write(part(&world, 1), whole.replacen("\"intact\": true", "\"intact\":  true", 1)).unwrap();
    refuses(&world, &["--merge", "parts"], 3, &format!("altered {}", name(1)));
    fs::write(part(&world, 1), &whole).unwrap();
    let bundle = part(&world, 1).with_file_name(format!("{}.sigstore.json", name(1)));
    let signed = fs::read(&bundle).unwrap();
    fs::remove_file(&bundle).unwrap();
    refuses(&world, &["--merge", "parts"], 3, &format!("signature-invalid {}", name(1)));
    // Another part's signature is of another report.
    let other = part(&world, 2).with_file_name(format!("{}.sigstore.json", name(2)));
    fs::copy(other, &bundle).unwrap();
    refuses(&world, &["--merge", "parts"], 3, &format!("altered {}", name(1)));
    fs::write(&bundle, signed).unwrap();
    // Of another number of parts, of another state of the log, of another policy.
    check(&world, &["--shard", "0/2", "--out", "others"]).done();
    refuses(&world, &["--merge", "parts", "others"], 5, "shard-foreign");
    world.write("etc/number", "more");
    world.run(&["-C", "shop", "backup"]).done();
    check(&world, &["--shard", "0/3", "--out", "later"]).done();
    refuses(&world, &["--merge", "parts", "later"], 5, "shard-foreign");
    let report = check(&world, &["--json", "--no-record", "--merge", "parts"]).done().json();
    assert_eq!(
        read_again(&report).len(),
        5,
        "an archive that came since is nobody's part, and waits for its turn"
    );
    world.write(
        "attestar.toml",
        format!("{POLICY}[store]\nurl = \"../nights\"\n[backup]\nmax_age = \"27h\"\n"),
    );
    refuses(&world, &["--merge", "parts"], 5, "shard-foreign");
}

#[test]
fn a_shard_says_what_is_wrong_with_its_part_and_the_whole_says_it_again() {
    let world = nights(3);
    flip(&archives(&world)[1], 1000);
    let codes: Vec<i32> =
        (0..3).map(|part| check(&world, &["--shard", &format!("{part}/3"), "--out", "parts"]).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 3).count(), 1, "{codes:?}");
    let report = refuses(&world, &["--merge", "parts"], 3, "altered");
    assert_eq!(read_again(&report).len(), 2);
}

#[test]
fn a_report_that_cannot_be_left_in_a_folder_takes_nothing_back_of_what_was_found() {
    let world = nights(1);
    fs::write(world.path().join("taken"), "").unwrap();
    let said = check(&world, &["--out", "taken/parts"]).exits(1).says("1 archive read again");
    said.says("not-recorded").says("cannot create taken/parts").complains("hint: another --out DIR");
    let report = refuses(&world, &["--out", "taken/parts"], 1, "not-recorded");
    assert_eq!((status(&report, "contents"), status(&report, "out")), ("passed", "failed"));
    let stored = world.path().join("nights").join(report["recorded"]["report"].as_str().unwrap());
    assert!(stored.exists(), "it lies in the store");
    // What is worse counts.
    flip(&archives(&world)[0], 100);
    let report = refuses(&world, &["--out", "taken/parts"], 3, "altered");
    assert_eq!(status(&report, "out"), "failed");
}
