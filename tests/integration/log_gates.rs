//! Gates that ask the store's log for backups and drills: over a real log in a directory.

use crate::world::{Said, World, names_in};
use attestar::format::digest::Sha256;
use attestar::format::event::Event;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::format::receipt::Receipt;
use attestar::format::seal::Totals;
use attestar::format::statement::{Predicate, Statement, Subject};
use attestar::format::test_result::{self, Drill, TestResult};
use attestar::format::verify_report::Depth;
use attestar::format::verify_result::{Checked, VerifyResult};
use attestar::keys::home::Home;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::signing::SigningKey;
use attestar::log::Log;
use attestar::log::append::{Record, Writer};
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use jiff::{SignedDuration, Timestamp};
use std::fs;

const POLICY: &str = "schema = 1
[project]
name = \"shop\"
[store]
url = \"backups\"
[[include]]
class = \"doc\"
paths = [\"**\"]
[[gate]]
id = \"backed-up\"
check = \"backup\"
within = \"26h\"
[[gate]]
id = \"drilled\"
check = \"drill\"
within = \"7d\"
[[gate]]
id = \"held\"
check = \"retention\"
back = \"10d\"
[[gate]]
id = \"three-good\"
check = \"streak\"
event = \"verified\"
last = 3
";

fn shop() -> World {
    let world = World::release();
    world.write("attestar.toml", POLICY);
    world
}

fn key(world: &World) -> SigningKey {
    SigningKey::load(&world.home().join("signing.key"), &mut NoPassphrases).unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap() - SignedDuration::from_hours(hours)
}

fn record<P: Predicate>(world: &World, what: What, name: &str, statement: &Statement<P>) -> Record {
    let bundle = key(world).sign_statement(statement).to_bytes();
    Record::of(what, name, &statement.predicate, Timestamp::UNIX_EPOCH, bundle)
}

fn file(name: &str) -> String {
    format!("{name}.tar.zst.age")
}

fn backed_up(world: &World, name: &str, hours: i64) -> Record {
    let at = hours_ago(hours);
    let receipt = Receipt {
        project: "shop".into(),
        kind: Kind::Backup,
        version: name.strip_prefix("shop-").unwrap().into(),
        name: name.into(),
        size_bytes: 7,
        seal_sha256: Sha256([1; 32]),
        tagmanifest_sha256: Sha256([2; 32]),
        payload: Totals { files: 1, bytes: 2 },
        recipients: 1,
        bases: Vec::new(),
        evaluated_at: at,
        created_at: at,
    };
    record(world, What::BackedUp, name, &receipt.for_archive(file(name), Sha256([3; 32])))
}

fn event(world: &World, what: What, name: &str, hours: i64, passed: bool) -> Record {
    let event = Event {
        project: "shop".into(),
        kind: Kind::Backup,
        what,
        name: name.into(),
        passed,
        at: hours_ago(hours),
    };
    record(world, what, name, &event.of([(file(name), Sha256([3; 32]))]))
}

/// That an archive was read again.
fn verified(world: &World, name: &str, hours: i64, passed: bool) -> Record {
    let check = Checked {
        project: "shop".into(),
        kind: Kind::Backup,
        name: name.into(),
        depth: Depth::Files,
        partial: false,
        started_at: hours_ago(hours),
        finished_at: hours_ago(hours),
    };
    let result = if passed { test_result::Result::Passed } else { test_result::Result::Failed };
    let result = VerifyResult { result, configuration: Vec::new(), check };
    let report = (format!("shop-{hours}.json"), Sha256([4; 32]));
    record(world, What::Verified, name, &result.over([(file(name), Sha256([3; 32]))], report))
}

fn drilled(world: &World, name: &str, hours: i64, result: test_result::Result) -> Record {
    let drill = Drill {
        project: "shop".into(),
        kind: Kind::Backup,
        name: name.into(),
        drill_id: format!("drill-{hours}"),
        finished_at: hours_ago(hours),
    };
    let result = TestResult { result, configuration: Vec::new(), drill };
    let subjects = vec![Subject::new(file(name), Sha256([3; 32]))];
    record(world, What::Drilled, name, &Statement::new(subjects, result))
}

fn append(world: &World, records: &[Record]) {
    let path = world.tree().join("backups");
    let store = Directory::open_or_create(&path, &Watch::default()).unwrap();
    let (key, trust) = (key(world), Home::new(world.home()).trust().unwrap());
    let state = State { folder: None, now: Timestamp::now() };
    let log = Log { store: &store, trust: &trust, origin: Some("shop") };
    Writer { log, origin: "shop", key: &key, state: &state }.append(records).unwrap();
}

/// Two weeks in which everything went well.
fn good(world: &World) -> Vec<Record> {
    vec![
        backed_up(world, "shop-old", 14 * 24),
        verified(world, "shop-old", 13 * 24, true),
        drilled(world, "shop-old", 48, test_result::Result::Passed),
        verified(world, "shop-old", 30, true),
        backed_up(world, "shop-new", 5),
        verified(world, "shop-new", 4, true),
    ]
}

fn gate(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["-C", "shop", "gate", "--version", "1.0.0", "--json"], flags].concat())
}

/// `id: detail` of each gate that failed.
fn failed(said: &Said) -> Vec<String> {
    let document = said.json();
    let gates = document["gates"].as_array().unwrap().iter();
    let failed = gates.filter(|gate| gate["status"] == "failed");
    failed
        .map(|gate| format!("{}: {}", gate["id"].as_str().unwrap(), gate["detail"].as_str().unwrap()))
        .collect()
}

#[test]
fn gates_pass_by_what_the_log_says() {
    let world = shop();
    append(&world, &good(&world));
    let said = gate(&world, &[]).done();
    let evidence = said.json()["gates"][0]["evidence"].clone();
    let names: Vec<&String> = evidence.as_object().unwrap().keys().collect();
    assert!(names.len() == 2 && names.iter().all(|name| name.starts_with("log/")), "{evidence}");
    world.seal(&[]).done();
    let archived = names_in(&world.evidence().join("attestations"));
    assert!(archived.contains(&"gates.sigstore.json".to_owned()));
    world.verify(&[]).done();
}

/// Something that happens, as a record for the log.
type Happens = dyn Fn(&World) -> Record;

#[test]
fn each_gate_fails_by_what_the_log_says() {
    let cases: [(&Happens, &str); 4] = [
        (&|world| verified(world, "shop-new", 1, false), "backed-up: the log: the newest"),
        (&|world| drilled(world, "shop-new", 1, test_result::Result::Failed), "drilled: the log"),
        (&|world| event(world, What::Pruned, "shop-old", 1, true), "held: the log: the oldest is of"),
        (&|world| verified(world, "shop-old", 2, false), "three-good: "),
    ];
    for (more, part) in cases {
        let world = shop();
        append(&world, &[good(&world), vec![more(&world)]].concat());
        let said = gate(&world, &[]).exits(4);
        assert!(failed(&said).iter().any(|failed| failed.starts_with(part)), "{part}: {:?}", failed(&said));
    }
}

#[test]
fn a_log_that_cannot_be_relied_on_fails_every_gate_that_asks_it() {
    let world = shop();
    let fails = |part: &str, flags: &[&str]| {
        let said = gate(&world, flags).exits(4);
        let failed = failed(&said);
        assert!(failed.len() == 4 && failed.iter().all(|one| one.contains(part)), "{part}: {failed:?}");
    };
    fails("backups", &[]);
    fs::create_dir(world.tree().join("backups")).unwrap();
    fails("there is no log in ", &[]);
    append(&world, &good(&world));
    gate(&world, &[]).done();
    fs::write(world.path().join("nobody.toml"), "").unwrap();
    fails("nobody is trusted", &["--trust", "nobody.toml"]);
    // A statement that is gone could be the one that says that something failed.
    let events = world.tree().join("backups/events");
    let first = events.join(&names_in(&events)[0]);
    let bytes = fs::read(&first).unwrap();
    fs::remove_file(&first).unwrap();
    fails("missing: events/", &[]);
    fs::write(&first, &bytes[1..]).unwrap();
    fails("altered: events/", &[]);
    fs::write(&first, bytes).unwrap();
    gate(&world, &[]).done();
    // Rolled back, where this host has seen more of it.
    world.run(&["log", "verify", "--first", "--store", "shop/backups"]).exits(3).tells("missing");
    fs::remove_file(world.tree().join("backups/log/checkpoint")).unwrap();
    fails("log-forked: log/checkpoint", &[]);
    world.write("attestar.toml", POLICY.replace("[store]\nurl = \"backups\"\n", ""));
    fails("the policy names no [store]", &[]);
}
