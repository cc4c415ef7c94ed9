//! Drills of backups that are well: passed, signed, logged, and never a false alarm.

use super::{APP, back_up, database, drill, nothing_is_left, proven, report, sql, world};
use crate::forge::own_key;
use crate::world::{World, names_in};
use attestar::format::digest::Sha256;
use attestar::format::drill_report::{DrillReport, DrillResult, Ended};
use attestar::format::envelope;
use std::fs;

const PROBES: &str = "[drill]\nevery = \"7d\"\nrto = \"15m\"\nrpo = \"24h\"\n\
    [[probe]]\nid = \"files\"\nkind = \"files\"\n";

#[test]
fn a_backup_is_drilled_and_the_report_is_signed_kept_and_logged() {
    let world = world(&format!(
        "{APP}queries = [{{ sql = \"SELECT count(*), max(id) FROM trades\", expect = \"2000|2000\" }}, \
         {{ sql = \"SELECT count(*) FROM owners\", at_least = 20 }}]\n{PROBES}"
    ));
    back_up(&world);
    let said = drill(&world, &[]).done();
    let document = said.json();
    assert_eq!(document["log_size"], 2);
    assert_eq!(document["findings"].as_array().unwrap().len(), 0, "{document:#}");
    nothing_is_left(&world);
    let report = report(&world);
    assert_eq!(report.result, DrillResult::Passed);
    assert!(report.steps.iter().all(|step| step.status == Ended::Passed), "{:#?}", report.steps);
    assert_eq!((report.coverage.files_total, report.coverage.files_checked), (4, 4));
    assert!(report.objectives.rto_met && report.objectives.rpo_met);
    let names: Vec<&str> =
        report.probes[0].checks.iter().map(|check| check.name.split(':').next().unwrap()).collect();
    let expected = [
        "side files",
        "integrity_check",
        "foreign_key_check",
        "tables",
        "rows",
        "contents",
        "objects",
        "definitions",
        "query",
        "query",
    ];
    assert_eq!(names, expected);
    let told = proven(&report, "app-opens");
    assert!(told.len() == 1 && told[0].contains("2 tables, 2,020 rows as captured"), "{told:?}");
    assert!(told[0].starts_with("the database of app-opens opens and answers here (sqlite): "), "{told:?}");
    assert_eq!(
        proven(&report, "files"),
        ["the files of files are those that were packed (files): 4 files digested, 2 parsed"]
    );
    assert!(report.does_not_prove.iter().any(|line| line.contains("that the application starts")));
    is_signed_and_kept(&world, &report);
    // The next one knows of it.
    drill(&world, &[]).done();
    let next = super::report(&world);
    assert_eq!(next.previous.unwrap().drill_id, report.drill_id);
}

/// The same files here and in the store, and the signature is over both archive and report.
fn is_signed_and_kept(world: &World, report: &DrillReport) {
    let here = world.path().join("drill");
    let files = [
        "drill_report.html",
        "drill_report.json",
        "drill_report.json.sigstore.json",
        "drill_report.junit.xml",
    ];
    assert_eq!(names_in(&here), files);
    let drills = world.path().join("store/reports/drill");
    let folder = drills.join(&names_in(&drills)[0]);
    assert_eq!(names_in(&folder), files);
    for file in files {
        assert_eq!(fs::read(here.join(file)).unwrap(), fs::read(folder.join(file)).unwrap(), "{file}");
    }
    let bundle: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("drill_report.json.sigstore.json")).unwrap()).unwrap();
    assert_eq!(bundle["dsseEnvelope"]["payloadType"], envelope::PAYLOAD_TYPE);
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let statement: serde_json::Value =
        serde_json::from_slice(&data_encoding::BASE64.decode(payload.as_bytes()).unwrap()).unwrap();
    assert_eq!(statement["predicateType"], "https://in-toto.io/attestation/test-result/v0.1");
    assert_eq!(statement["predicate"]["result"], "PASSED");
    let archive = format!("{}.tar.zst.age", report.archive.name);
    let digests = [
        (archive.clone(), Sha256::of(&fs::read(world.path().join("store/archives").join(archive)).unwrap())),
        ("drill_report.json".to_owned(), Sha256::of(&fs::read(here.join("drill_report.json")).unwrap())),
    ];
    let subjects = statement["subject"].as_array().unwrap();
    assert_eq!(subjects.len(), digests.len(), "{subjects:?}");
    for (subject, (name, digest)) in subjects.iter().zip(digests) {
        assert_eq!(subject["name"], *name);
        assert_eq!(subject["digest"]["sha256"], digest.to_string());
    }
    let store = world.path().join("store");
    world.run(&["log", "verify", "--store", store.to_str().unwrap()]).done();
    assert_eq!(report.archive.signer_key_id, own_key(world).public().key_id());
}

#[test]
fn a_drill_satisfies_the_gate_that_asks_for_one_and_a_failed_one_does_not() {
    let gate = "[[gate]]\nid = \"weekly-drill\"\ncheck = \"drill\"\nwithin = \"7d\"\n";
    let world = world(&format!("{APP}{PROBES}{gate}"));
    back_up(&world);
    let judge = || world.run(&["-C", "shop", "gate", "--version", "1.0.0"]);
    judge().exits(4).says("weekly-drill");
    drill(&world, &[]).done();
    judge().done();
    let policy = fs::read_to_string(world.tree().join("attestar.toml")).unwrap();
    let failing = "[[probe]]\nid = \"never\"\nkind = \"command\"\nrun = [\"false\"]\n";
    world.write("attestar.toml", format!("{policy}{failing}"));
    drill(&world, &[]).exits(3);
    judge().exits(4).says("weekly-drill");
}

#[test]
fn the_screen_is_one_screen() {
    let world = world(&format!("{APP}{PROBES}"));
    back_up(&world);
    let said = world.run(&["-C", "shop", "drill", "--out", "drill"]).done();
    let said = said.says("app-opens    sqlite: integrity, 2 tables, 2,020 rows as captured");
    let said = said.says("RTO ").says("met").says("not proved").says("fresh until");
    assert!(said.out.lines().count() <= 24, "{}", said.out);
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
}

#[test]
fn thirty_clean_drills_raise_no_alarm() {
    let world = world(&format!("{APP}{PROBES}"));
    for night in 0..30 {
        let file = world.tree().join("var/app.db");
        match night % 3 {
            0 => sql(&file, &format!("INSERT INTO trades VALUES ({}, 1, 0.25)", 5000 + night)),
            1 => sql(&file, "DELETE FROM trades WHERE id = (SELECT max(id) FROM trades); VACUUM"),
            _ => {
                fs::remove_file(&file).unwrap();
                database(&file);
                sql(&file, &format!("PRAGMA journal_mode = WAL; CREATE TABLE night{night} (x, y BLOB)"));
            }
        }
        world.write("etc/night.json", format!("[{night}]"));
        back_up(&world);
        let said = drill(&world, &[]).done();
        assert_eq!(said.findings(), Vec::<String>::new(), "night {night}");
    }
    nothing_is_left(&world);
}

#[test]
fn a_kept_scratch_is_said_and_stays() {
    let world = world(&format!("{APP}{PROBES}"));
    back_up(&world);
    let document = drill(&world, &["--keep"]).done().json();
    let kept = document["kept"].as_str().unwrap();
    assert!(fs::metadata(format!("{kept}/restored/etc/app.toml")).is_ok());
    drill(&world, &[]).done();
    assert!(fs::metadata(kept).is_ok(), "the next drill takes it for nobody's");
}
