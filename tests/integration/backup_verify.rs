//! The nightly check: what it reads, what it finds, what it writes down.

use crate::backup::{POLICY, back_up};
use crate::world::{Said, World, everything_in, names_in};
use attestar::finding::{Outcome, Verdict};
use attestar::format::digest::Sha256;
use attestar::format::event::Event;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::format::statement::Subject;
use attestar::format::test_result::Result as TestResult;
use attestar::format::verify_report::{CheckedPolicy, Depth};
use attestar::format::verify_result::{self, VerifyResult};
use attestar::keys::home::Home;
use attestar::keys::identity::Identity;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::signing::SigningKey;
use attestar::log::Log;
use attestar::log::append::{Record, Writer};
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::Store;
use attestar::store::directory::Directory;
use attestar::verbs::backup_verify::{Checked, Request, Selection, Work, backup_verify};
use jiff::Timestamp;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tree whose policy has a store, with so many full backups in it.
pub fn nights(backups: usize) -> World {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}[store]\nurl = \"../nights\"\n"));
    for number in 0..backups {
        world.write("etc/number", number.to_string());
        world.run(&["-C", "shop", "backup", "--full"]).done();
    }
    world
}

/// Gives every archive its turn within ten years: of what was read a moment ago nothing is due, however long a moment is.
pub fn without_haste(world: &World) {
    let policy = format!("{POLICY}[store]\nurl = \"../nights\"\n[backup]\nverify_within = \"3650d\"\n");
    world.write("attestar.toml", policy);
}

pub fn check(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["-C", "shop", "backup-verify"], flags].concat())
}

pub fn store(world: &World) -> PathBuf {
    world.path().join("nights")
}

/// The archives, by name.
pub fn archives(world: &World) -> Vec<PathBuf> {
    let folder = store(world).join("archives");
    names_in(&folder).iter().filter(|name| name.ends_with(".age")).map(|name| folder.join(name)).collect()
}

/// The receipt beside an archive.
pub fn receipt(archive: &Path) -> PathBuf {
    archive.with_file_name(format!("{}.sigstore.json", archive.file_name().unwrap().to_str().unwrap()))
}

pub fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// How a check of the report ended.
pub fn status<'r>(report: &'r Value, check: &str) -> &'r str {
    let checks = report["checks"].as_array().unwrap();
    let found =
        checks.iter().find(|one| one["name"] == check).unwrap_or_else(|| panic!("no {check}: {report:#}"));
    found["status"].as_str().unwrap()
}

/// The files of archives that were read and hold.
pub fn read_again(report: &Value) -> Vec<&str> {
    let is_read = |one: &&Value| one["read"]["intact"] == true;
    report["archives"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_read)
        .map(|one| one["file"].as_str().unwrap())
        .collect()
}

/// Fails with this code and finding; says which archive files it is about.
#[track_caller]
pub fn refuses(world: &World, flags: &[&str], code: i32, finding: &str) -> Value {
    let said = check(world, &[&["--json"], flags].concat()).exits(code);
    let found = said.findings();
    let hit = found.iter().any(|found| found == finding || found.split(' ').next() == Some(finding));
    assert!(hit, "found {found:?} instead of {finding}");
    said.json()
}

#[test]
fn a_night_is_checked_signed_and_logged() {
    let world = nights(2);
    without_haste(&world);
    let said = check(&world, &[]).done();
    let said = said.says("receipts     2 archives").says("2 archives read again").says("each file");
    said.says("log          2 leaves, consistent with the 2 seen before").says("             leaf 2\n");
    let report = check(&world, &["--json"]).done().json();
    assert_eq!((&report["result"], &report["verdict"]), (&"passed".into(), &"holds".into()));
    let all = ["newest", "receipts", "contents", "log", "store"];
    assert!(all.iter().all(|check| status(&report, check) == "passed"), "{report:#}");
    assert_eq!(read_again(&report).len(), 1, "the newest; the other one was read a moment ago");
    assert_eq!(report["archives"].as_array().unwrap().len(), 2);
    assert_eq!((&report["coverage"]["bytes_within_window"]), (&report["coverage"]["bytes_total"]));
    let name = report["recorded"]["report"].as_str().unwrap();
    assert_eq!(report["recorded"]["log_size"], 4);
    let kept: Value = serde_json::from_slice(&fs::read(store(&world).join(name)).unwrap()).unwrap();
    crate::schemas::judge(&kept);
    assert_eq!((&kept["trace_id"], &kept["archives"]), (&report["trace_id"], &report["archives"]));
    assert!(store(&world).join(format!("{name}.sigstore.json")).is_file());
    let list = world.run(&["log", "list", "--store", "nights"]).done().out;
    assert_eq!(list.matches("verified").count(), 2, "{list}");
    world.run(&["log", "verify", "--store", "nights"]).done();
}

#[test]
fn an_archive_that_was_altered_is_caught_and_the_others_are_read() {
    for (name, damage) in [
        ("a byte of the ciphertext", Box::new(|file: &Path| flip(file, 1000)) as Box<dyn Fn(&Path)>),
        ("the last byte", Box::new(|file: &Path| flip(file, fs::metadata(file).unwrap().len() as usize - 1))),
    ] {
        let world = nights(3);
        let [first, ..] = &archives(&world)[..] else { panic!("three archives") };
        let whole = fs::read(first).unwrap();
        damage(first);
        let object = format!("altered archives/{}", first.file_name().unwrap().to_str().unwrap());
        let report = refuses(&world, &[], 3, &object);
        assert_eq!(read_again(&report).len(), 2, "{name}");
        assert_eq!((status(&report, "contents"), status(&report, "store")), ("failed", "passed"), "{name}");
        assert_eq!(report["recorded"]["log_size"], 4, "a check that fails is logged too");
        // Mended, it is read at once, since it was not before.
        fs::write(first, whole).unwrap();
        let report = check(&world, &["--json"]).done().json();
        assert!(read_again(&report).contains(&first.file_name().unwrap().to_str().unwrap()), "{name}");
        // Without an identity the ciphertext says as much.
        damage(first);
        fs::rename(world.home().join("identity.age"), world.path().join("kept.age")).unwrap();
        refuses(&world, &["--all"], 3, &object);
    }
}

#[test]
fn without_an_identity_the_ciphertext_is_read_and_that_is_said() {
    let world = nights(2);
    fs::rename(world.home().join("identity.age"), world.path().join("kept.age")).unwrap();
    check(&world, &[]).done().says("ciphertext alone: no identity was given");
    let report = check(&world, &["--json", "--all"]).done().json();
    let depths: Vec<&Value> =
        report["archives"].as_array().unwrap().iter().map(|one| &one["read"]["depth"]).collect();
    assert_eq!(depths, ["ciphertext", "ciphertext"]);
    // One that does not decrypt them was given to decrypt them.
    let other = World::new();
    let identity = other.home().join("identity.age");
    refuses(&world, &["--all", "--identity", identity.to_str().unwrap()], 5, "no-identity");
}

#[test]
fn what_is_cut_short_missing_or_swapped_is_found_by_name() {
    type Damage = (&'static str, i32, &'static str, fn(&World));
    let damages: [Damage; 6] = [
        ("cut short", 3, "altered", |world| {
            let file = &archives(world)[0];
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() - 100]).unwrap();
        }),
        ("gone", 3, "missing", |world| fs::remove_file(&archives(world)[0]).unwrap()),
        ("receipt gone", 3, "receipt-missing", |world| {
            fs::remove_file(receipt(&archives(world)[0])).unwrap()
        }),
        ("swapped", 3, "disagreement", |world| {
            let all = archives(world);
            let [one, other] = [&all[0], &all[1]].map(|file| fs::read(receipt(file)).unwrap());
            fs::write(receipt(&all[0]), other).unwrap();
            fs::write(receipt(&all[1]), one).unwrap();
        }),
        ("content of another", 3, "altered", |world| {
            let all = archives(world);
            fs::copy(&all[1], &all[0]).unwrap();
        }),
        ("without a leaf", 3, "not-logged", |world| {
            let file = &archives(world)[0];
            let copy = file.with_file_name("nightly-20261101T010002Z.tar.zst.age");
            fs::copy(file, &copy).unwrap();
            fs::copy(receipt(file), receipt(&copy)).unwrap();
        }),
    ];
    for (name, code, finding, damage) in damages {
        let world = nights(2);
        damage(&world);
        let report = refuses(&world, &["--all"], code, finding);
        assert_eq!(report["result"], "failed", "{name}");
    }
}

#[test]
fn a_store_that_was_rolled_back_is_caught_and_gets_no_leaf() {
    let world = nights(2);
    let [log, aside] = [store(&world).join("log"), world.path().join("aside")];
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success())
    };
    copy(&log, &aside);
    check(&world, &[]).done();
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    let before = everything_in(&log);
    let report = refuses(&world, &[], 3, "log-forked log/checkpoint");
    assert_eq!((status(&report, "log"), &report["recorded"]["log_size"]), ("failed", &Value::Null));
    assert_eq!(everything_in(&log), before, "a log that does not hold is not appended to");
    check(&world, &[]).exits(3).complains("somebody rolled the store back");
}

#[test]
fn a_late_backup_is_refused() {
    let world = nights(1);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let report = refuses(&world, &["--max-age", "1s"], 4, "backup-late");
    assert_eq!((&report["newest"]["fresh"], &report["newest"]["max_age_ms"]), (&false.into(), &1000.into()));
    check(&world, &["--max-age", "1s"]).exits(4).complains("attestar backup, and see why it did not run");
    check(&world, &["--max-age", "1d"]).done();
    check(&world, &["--max-age", "soon"]).exits(2).complains("one whole number");
}

#[test]
fn nothing_is_checked_where_nothing_is_and_that_is_no_pass() {
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}[store]\nurl = \"../nights\"\n"));
    check(&world, &[]).exits(1).complains("nights");
    fs::create_dir(store(&world)).unwrap();
    let report = refuses(&world, &[], 5, "nothing-checked log/checkpoint");
    assert_eq!((status(&report, "receipts"), status(&report, "contents")), ("not-checked", "not-checked"));
    assert_eq!(status(&report, "newest"), "failed");
}

#[test]
fn trust_and_keys_are_asked_for() {
    let world = nights(1);
    let other = World::without_keys();
    let fresh = |flags: &[&str]| {
        let mut command = world.command(&[&["backup-verify", "--store", "nights"], flags].concat());
        crate::world::said(command.env("ATTESTAR_HOME", other.home()).output().unwrap())
    };
    fresh(&[]).exits(5).complains("there is no signing key");
    fresh(&["--no-record"]).exits(5).says("no-trust");
    let trust = world.home().join("trust.toml");
    let trust = trust.to_str().unwrap();
    // Seen for the first time, with somebody's trust: what can be checked holds.
    fresh(&["--no-record", "--trust", trust]).exits(5).says("log-not-remembered");
    fresh(&["--no-record", "--trust", trust, "--first"]).done().says("neither signed nor logged");
    fresh(&["--no-record", "--trust", trust]).done();
    // A key that nobody lets verify: everything is checked, nothing is written, and it fails.
    let text = fs::read_to_string(trust).unwrap().replace("\"verify\", ", "");
    fs::write(trust, text).unwrap();
    let before = everything_in(&store(&world));
    let report = refuses(&world, &[], 1, "not-recorded");
    assert_eq!((status(&report, "contents"), &report["recorded"]), ("passed", &Value::Null));
    assert_eq!(everything_in(&store(&world)), before);
}

#[test]
fn what_is_read_can_be_chosen() {
    let world = nights(4);
    let read = |flags: &[&str]| {
        let report = check(&world, &[&["--json", "--no-record"], flags].concat()).done().json();
        read_again(&report).iter().map(|file| (*file).to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(read(&["--all"]).len(), 4);
    let newest = check(&world, &["--json", "--no-record"]).done().json()["newest"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(read(&["--latest"]), [format!("{newest}.tar.zst.age")]);
    // Parts are disjoint and complete; a part without archives has checked nothing.
    let mut parts = Vec::new();
    for part in 1..=2 {
        let said = check(&world, &["--json", "--no-record", "--subset", &format!("{part}/2")]);
        let report = said.json();
        parts.extend(read_again(&report).iter().map(|file| (*file).to_owned()));
        assert_eq!(said.code, if read_again(&report).is_empty() { 5 } else { 0 });
    }
    parts.sort();
    assert_eq!(parts, read(&["--all"]));
    for (flag, part, hint) in [
        ("--subset", "0/7", "1/7 to 7/7"),
        ("--subset", "8/7", "1/7 to 7/7"),
        ("--shard", "4/4", "0/4, 1/4, 2/4 and 3/4"),
        ("--shard", "x", "it counts from 0"),
        ("--shard", "0/0", "it counts from 0"),
    ] {
        check(&world, &[flag, part]).exits(2).complains(hint);
    }
    check(&world, &["--all", "--latest"]).exits(2);
}

#[test]
fn what_does_not_hold_is_not_verified_however_it_was_read_before() {
    let world = nights(2);
    let report = check(&world, &["--json", "--all"]).done().json();
    let total = report["coverage"]["bytes_total"].clone();
    assert_eq!(report["coverage"]["bytes_within_window"], total);
    let all = archives(&world);
    let other = fs::metadata(&all[1]).unwrap().len();
    flip(&all[0], 1000);
    let coverage = refuses(&world, &["--all"], 3, "altered")["coverage"].clone();
    assert_eq!((&coverage["bytes_within_window"], &coverage["bytes_total"]), (&other.into(), &total));
    flip(&all[0], 1000);
    fs::remove_file(receipt(&all[0])).unwrap();
    let coverage = refuses(&world, &["--all"], 3, "receipt-missing")["coverage"].clone();
    assert_eq!((&coverage["bytes_within_window"], &coverage["bytes_total"]), (&other.into(), &total));
    assert_eq!((&coverage["archives_read"], &coverage["archives_total"]), (&1.into(), &2.into()));
}

#[test]
fn checks_of_another_project_are_no_rhythm_of_this_one() {
    let world = backed_up(1..=10);
    night(&world, "2026-11-10T03:00:00Z");
    let watch = Watch::default();
    let store = Directory::open(&world.path().join("store"), &watch).unwrap();
    check_project(&world, &store, "other", "2026-11-13T03:00:00Z", Selection::Window, &watch).unwrap();
    let covered = night(&world, "2026-11-14T03:00:00Z").report.coverage;
    assert!(covered.archives_read >= 5, "four days of seven: {covered:?}");
}

/// A signer may be limited to one project: what one says of another's archives is no reading of them.
#[test]
fn archives_that_another_project_says_it_has_read_are_read() {
    let world = backed_up(1..=6);
    night(&world, "2026-11-06T03:00:00Z");
    let watch = Watch::default();
    let store = Directory::open(&world.path().join("store"), &watch).unwrap();
    let (started_at, finished_at) = ("2026-11-13T01:00:00Z".parse().unwrap(), "2026-11-13T02:00:00Z");
    let said = VerifyResult {
        result: TestResult::Passed,
        configuration: vec![Subject::new("policy.toml", Sha256([0; 32]))],
        check: verify_result::Checked {
            project: "other".into(),
            kind: Kind::Backup,
            name: "other".into(),
            depth: Depth::Files,
            partial: false,
            started_at,
            finished_at: finished_at.parse().unwrap(),
        },
    };
    let entries = store.list("archives").unwrap().entries.into_iter();
    let archives = entries.filter(|entry| entry.name.file_name().ends_with(".age"));
    let named = archives.map(|entry| {
        let bytes = fs::read(store.file(&entry.name).unwrap()).unwrap();
        (entry.name.file_name().to_owned(), Sha256::of(&bytes))
    });
    let statement = said.clone().over(named, ("report.json".to_owned(), Sha256([1; 32])));
    let home = Home::new(world.home());
    let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
    let (trust, state) = (home.trust().unwrap(), State { folder: None, now: said.check.finished_at });
    let log = Log { store: &store, trust: &trust, origin: Some("nightly") };
    let writer = Writer { log, origin: "nightly", key: &key, state: &state };
    let bundle = key.sign_statement(&statement).to_bytes();
    let at = said.check.finished_at;
    writer.append(&[Record::of(What::Verified, "other", &statement.predicate, at, bundle)]).unwrap();
    assert_eq!(night(&world, "2026-11-13T03:00:00Z").report.coverage.archives_read, 6);
}

/// Checks a store at a moment, by the library: the clock is the test's. What it saw is remembered in `seen/`.
pub fn check_store(
    world: &World,
    store: &dyn Store,
    moment: &str,
    selection: Selection,
    watch: &Watch,
) -> attestar::Result<Checked> {
    check_project(world, store, "nightly", moment, selection, watch)
}

/// The same of whichever project.
fn check_project(
    world: &World,
    store: &dyn Store,
    project: &str,
    moment: &str,
    selection: Selection,
    watch: &Watch,
) -> attestar::Result<Checked> {
    let home = Home::new(world.home());
    let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
    let trust = home.trust().unwrap();
    let now: Timestamp = moment.parse().unwrap();
    let request = Request {
        store,
        trust: &trust,
        origin: Some("nightly"),
        state: State { folder: Some(&world.path().join("seen")), now },
        first: true,
        retention: None,
        project: Some(project),
        policy: CheckedPolicy { name: "nightly".into(), sha256: Sha256([0; 32]) },
        max_age_s: 26 * 3600,
        verify_within_s: 7 * 86_400,
        work: Work::Read(selection),
        identities: &Identity::load_file(&home.identity(), &mut NoPassphrases).unwrap(),
        key: Some(&key),
        clock: &move || now,
        trace_id: "0af7651916cd43dd8448eb211c80319c",
        threads: 2,
    };
    backup_verify(&request, watch)
}

/// The same of `store/`.
fn check_at(world: &World, moment: &str, selection: Selection, watch: &Watch) -> attestar::Result<Checked> {
    let store = Directory::open(&world.path().join("store"), watch)?;
    check_store(world, &store, moment, selection, watch)
}

fn night(world: &World, moment: &str) -> Checked {
    check_at(world, moment, Selection::Window, &Watch::default()).unwrap()
}

pub fn codes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.findings().map(|finding| finding.code.as_str()).collect()
}

/// A world with a backup in each of these nights of November 2026.
pub fn backed_up(days: impl IntoIterator<Item = u32>) -> World {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    for day in days {
        back_up(&world, POLICY, &format!("2026-11-{day:02}T01:00:00Z")).unwrap();
    }
    world
}

#[test]
fn every_archive_is_read_within_a_week_whatever_nights_were_missed() {
    let world = backed_up(1..=10);
    let first = night(&world, "2026-11-10T03:00:00Z");
    assert_eq!((first.outcome.verdict(), first.report.coverage.archives_read), (Verdict::Holds, 10));
    // Each night a seventh, at least, and the newest; the longest unread first.
    let mut most_unread = 0;
    for day in [11, 12, 13, 14, 15] {
        back_up(&world, POLICY, &format!("2026-11-{day}T01:00:00Z")).unwrap();
        let checked = night(&world, &format!("2026-11-{day}T03:00:00Z"));
        let covered = checked.report.coverage;
        assert!((2..=4).contains(&covered.archives_read), "{day}: {covered:?}");
        assert_eq!(covered.bytes_within_window, covered.bytes_total, "{day}");
        most_unread = most_unread.max(covered.longest_unread_ms);
    }
    assert!(most_unread <= 6 * 86_400_000);
    // Nobody checks for a week; then everything that is due is made up for.
    back_up(&world, POLICY, "2026-11-23T01:00:00Z").unwrap();
    let checked = night(&world, "2026-11-23T03:00:00Z");
    let covered = checked.report.coverage;
    assert_eq!((covered.archives_read, covered.bytes_within_window), (16, covered.bytes_total));
    assert!(covered.longest_unread_ms > 7 * 86_400_000);
    assert_eq!(checked.outcome.verdict(), Verdict::Holds);
    // A part by number leaves others unread, and says so.
    let part = check_at(&world, "2026-12-23T03:00:00Z", Selection::Latest, &Watch::default()).unwrap();
    assert_eq!(codes(&part.outcome), ["backup-late", "unread-too-long"]);
}

#[test]
fn looking_at_the_newest_alone_is_no_rhythm() {
    let world = backed_up(1..=10);
    assert_eq!(night(&world, "2026-11-10T03:00:00Z").report.coverage.archives_read, 10);
    // Somebody reads the newest, or a tenth, every few hours; the whole is looked at every third day.
    for hour in ["11T03", "11T15", "12T03", "12T15", "13T01"] {
        for part in [Selection::Latest, Selection::Subset(1, 1000)] {
            let _ = check_at(&world, &format!("2026-11-{hour}:00:00Z"), part, &Watch::default()).unwrap();
        }
    }
    let covered = night(&world, "2026-11-13T03:00:00Z").report.coverage;
    assert!(covered.archives_read >= 5, "three days of seven: {covered:?}");
}

#[test]
fn age_is_by_the_log_and_a_date_in_the_future_is_not_new() {
    let world = backed_up([10, 11]);
    assert_eq!(
        night(&world, "2026-11-12T03:00:00Z").outcome.verdict(),
        Verdict::Holds,
        "26 hours to the second"
    );
    let late = night(&world, "2026-11-12T03:00:01Z");
    assert_eq!((late.outcome.verdict(), codes(&late.outcome)), (Verdict::Refused, vec!["backup-late"]));
    let newest = late.report.newest.unwrap();
    assert_eq!((&*newest.name, newest.fresh, newest.age_ms), ("nightly-20261111T010000Z", false, 93_601_000));
    // A backup that is dated in the next month does not make the old ones new.
    back_up(&world, POLICY, "2026-12-20T01:00:00Z").unwrap();
    let future = night(&world, "2026-11-12T04:00:00Z");
    assert_eq!(future.outcome.verdict(), Verdict::Refused);
    let found = codes(&future.outcome);
    assert!(found.contains(&"backup-late") && found.contains(&"future-dated"), "{found:?}");
    assert_eq!(future.report.newest.unwrap().name, "nightly-20261111T010000Z");
}

#[test]
fn a_clock_that_went_back_makes_nothing_new() {
    let world = backed_up([10]);
    night(&world, "2026-11-20T03:00:00Z");
    // On the 20th the backup of the 10th was late; a clock that says the 11th does not mend that.
    let checked = night(&world, "2026-11-11T02:00:00Z");
    assert_eq!(checked.outcome.verdict(), Verdict::Unverified);
    assert!(codes(&checked.outcome).contains(&"clock-behind"), "{:?}", codes(&checked.outcome));
}

#[test]
fn a_night_without_changes_counts_as_new_while_its_archive_is_there() {
    let world = backed_up([10]);
    let unchanged = |name: &str, moment: &str| {
        let home = Home::new(world.home());
        let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
        let trust = home.trust().unwrap();
        let at: Timestamp = moment.parse().unwrap();
        let event = Event {
            project: "nightly".into(),
            kind: Kind::Backup,
            what: What::Unchanged,
            name: name.into(),
            passed: true,
            at,
        };
        let statement = event.clone().of([(format!("{name}.tar.zst.age"), Sha256([3; 32]))]);
        let bundle = key.sign_statement(&statement).to_bytes();
        let store = Directory::open(&world.path().join("store"), &Watch::default()).unwrap();
        let state = State { folder: None, now: at };
        let log = Log { store: &store, trust: &trust, origin: Some("nightly") };
        let writer = Writer { log, origin: "nightly", key: &key, state: &state };
        writer.append(&[Record::of(What::Unchanged, name, &event, at, bundle)]).unwrap();
    };
    unchanged("nightly-20261110T010000Z", "2026-11-13T01:00:00Z");
    let checked = night(&world, "2026-11-13T03:00:00Z");
    assert_eq!(checked.outcome.verdict(), Verdict::Holds, "{:?}", codes(&checked.outcome));
    let newest = checked.report.newest.unwrap();
    assert_eq!((newest.unchanged, newest.age_ms), (true, 7_200_000));
    unchanged("nightly-20261109T010000Z", "2026-11-15T01:00:00Z");
    let checked = night(&world, "2026-11-15T03:00:00Z");
    assert_eq!(checked.outcome.verdict(), Verdict::Refused, "it stands for an archive that is not there");
}

#[test]
fn a_run_that_is_interrupted_leaves_nothing() {
    let world = backed_up([10]);
    let before = everything_in(&world.path().join("store"));
    let watch = Watch::default();
    watch.interrupt();
    let interrupted = check_at(&world, "2026-11-10T03:00:00Z", Selection::All, &watch);
    assert!(matches!(interrupted, Err(attestar::Error::Interrupted)));
    assert_eq!(everything_in(&world.path().join("store")), before);
}

#[test]
fn a_log_that_cannot_be_read_leaves_the_archives_to_be_read_all_the_same() {
    let world = nights(2);
    let checkpoint = store(&world).join("log/checkpoint");
    fs::write(&checkpoint, "no checkpoint\n").unwrap();
    let report = refuses(&world, &[], 3, "log-invalid");
    assert_eq!(read_again(&report).len(), 2);
    assert_eq!((status(&report, "receipts"), status(&report, "newest")), ("passed", "passed"));
    let said = check(&world, &["--json", "--all"]).exits(3).json();
    assert_eq!(said["recorded"]["log_size"], Value::Null);
    // Parts are parts of what the log has.
    refuses(&world, &["--shard", "0/1"], 3, "nothing-checked");
}

#[test]
fn several_projects_in_one_store_are_watched_one_by_one() {
    let world = nights(1);
    let policy = POLICY.replace("nightly", "other");
    world.write(
        "attestar.toml",
        format!("{policy}[store]\nurl = \"../nights\"\n[log]\norigin = \"nightly\"\n"),
    );
    world.run(&["-C", "shop", "backup"]).done();
    let report = check(&world, &["--json"]).done().json();
    assert_eq!((report["project"].as_str(), read_again(&report).len()), (Some("other"), 1));
    let said = world.run(&["backup-verify", "--store", "nights"]).exits(2);
    said.complains("several projects: nightly, other");
    let skipped = world.run(&["--json", "log", "verify", "--store", "nights"]).done().json();
    assert_eq!(skipped["verdict"], serde_json::json!("holds"));
}
