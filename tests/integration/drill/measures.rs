//! What a drill measures, and by what: the time of each step, the recovery point of the project whichever archive is drilled,
//! the drill before; and what it ends with where several things went wrong.

use super::{APP, POLICY, back_up, database, drill, facts, fails, plant, put, report, world};
use crate::forge::{Pack, Tar, encrypt, file, own_key, receipt};
use crate::world::{World, noise};
use attestar::format::digest::Sha256;
use attestar::format::drill_report::{DrillReport, Ended, Step, StepName};
use jiff::SignedDuration;
use std::fs;

fn step(report: &DrillReport, name: StepName) -> &Step {
    report.steps.iter().find(|step| step.name == name).unwrap()
}

#[test]
fn each_step_has_the_time_that_it_took() {
    let slow = "[[probe]]\nid = \"slow\"\nkind = \"command\"\nrun = [\"sleep\", \"0.5\"]\n";
    let world = world(&format!("{APP}{slow}"));
    world.write("etc/large.bin", noise(12_000_000));
    back_up(&world);
    drill(&world, &[]).done();
    let report = report(&world);
    assert!(report.steps.iter().all(|step| step.status == Ended::Passed), "{:#?}", report.steps);
    // Both are one pass, and both say so.
    let [restore, hashes] = [StepName::Restore, StepName::Hashes].map(|name| step(&report, name));
    assert!(restore.duration_ms > 0);
    assert_eq!((hashes.started_at, hashes.duration_ms), (restore.started_at, restore.duration_ms));
    assert!(hashes.detail.ends_with("in the pass that restores and with its time"), "{}", hashes.detail);
    assert!(step(&report, StepName::Decrypt).detail.starts_with("the lists of the pack"));
    let probes = step(&report, StepName::Probes).duration_ms;
    let each: u64 = report.probes.iter().map(|probe| probe.duration_ms).sum();
    assert!(probes >= 500 && probes >= each, "{probes} ms, {each} ms");
    // One after the other.
    let mut before = report.started_at;
    for step in report.steps.iter().filter(|step| step.name != StepName::Hashes) {
        assert!(step.started_at >= before, "{:#?}", report.steps);
        before = step.started_at + SignedDuration::from_millis(step.duration_ms as i64);
        assert!(before <= report.finished_at);
    }
    let timed = report.steps.iter().filter(|step| !matches!(step.name, StepName::Hashes | StepName::Cleanup));
    let all: u64 = timed.map(|step| step.duration_ms).sum();
    let (rto, whole) =
        (report.objectives.rto_measured_ms, report.finished_at.duration_since(report.started_at));
    assert!(all <= rto && i128::from(rto) <= whole.as_millis(), "{all} ms of {rto} ms: {:#?}", report.steps);
}

#[test]
fn the_drill_before_is_named_whatever_comes_of_this_one() {
    let world = world(APP);
    back_up(&world);
    drill(&world, &[]).done();
    let first = report(&world);
    assert_eq!(first.previous, None);
    let digest = Sha256::of(&fs::read(world.path().join("drill/drill_report.json")).unwrap());
    fs::remove_dir_all(world.path().join("store/archives")).unwrap();
    let previous = fails(&world, 3, "missing").previous.unwrap();
    assert_eq!((previous.drill_id, previous.sha256), (first.drill_id, digest));
}

/// Nights of these ages in hours, with a day as what may be lost.
fn nights(hours: &[i64]) -> (World, Vec<String>) {
    let world = world(&format!("{APP}[drill]\nrpo = \"24h\"\n"));
    let path = world.path().join("app.db");
    database(&path);
    let night = |&hours: &i64| {
        plant(&world, hours, vec![file("captures/app/app.db", fs::read(&path).unwrap())], vec![facts(&path)])
    };
    let names = hours.iter().map(night).collect();
    (world, names)
}

#[test]
fn a_drill_that_measured_nothing_does_not_hide_a_gap_from_the_next() {
    let (world, names) = nights(&[60, 30, 1]);
    let archive = world.path().join(format!("store/archives/{}.tar.zst.age", names[2]));
    let aside = world.path().join("aside");
    fs::rename(&archive, &aside).unwrap();
    assert_eq!(fails(&world, 3, "missing").objectives.rpo_measured_ms, 0);
    fs::rename(&aside, &archive).unwrap();
    // Neither does that of a release, which is held to none.
    let pack = Pack::named("nightly", "1.0.0", vec![file("etc/x", "x")]).sealed(&own_key(&world));
    let release = encrypt(&world, &Tar::of(&pack).container().bytes());
    let file = format!("{}.tar.zst.age", pack.name());
    put(&world, &file, &release, &receipt(&pack, &file, &release));
    world.write("attestar.toml", format!("{POLICY}[drill]\nrpo = \"24h\"\n"));
    drill(&world, &[&pack.name()]).done();
    world.write("attestar.toml", format!("{POLICY}{APP}[drill]\nrpo = \"24h\"\n"));
    let report = fails(&world, 4, "rpo-missed RPO");
    assert_eq!(report.objectives.rpo_measured_ms / 3_600_000, 30, "from 60 to 30 hours ago");
    drill(&world, &[]).done();
}

#[test]
fn an_older_archive_by_name_is_held_to_what_the_project_would_lose_now() {
    let (world, names) = nights(&[60, 30, 8]);
    fails(&world, 4, "rpo-missed RPO");
    drill(&world, &[&names[0]]).done();
    let report = report(&world);
    assert_eq!(report.archive.name, names[0]);
    assert_eq!(report.objectives.rpo_measured_ms / 3_600_000, 8, "since the newest capture");
    let told = format!("that {} comes back, the newest backup: another one was asked for", names[2]);
    assert!(report.does_not_prove.contains(&told), "{:#?}", report.does_not_prove);
    drill(&world, &[&names[2]]).done();
    assert!(!super::report(&world).does_not_prove.contains(&told));
}

/// A file where the store keeps its reports: nothing is logged then.
fn without_reports(world: &World) {
    fs::write(world.path().join("store/reports"), "a file").unwrap();
}

/// A file where this host keeps its.
fn without_out(world: &World) {
    fs::write(world.path().join("drill"), "a file").unwrap();
}

#[test]
fn of_several_ends_the_gravest_counts() {
    let never = "[[probe]]\nid = \"never\"\nkind = \"command\"\nrun = [\"false\"]\n";
    let slow =
        "[[probe]]\nid = \"slow\"\nkind = \"command\"\nrun = [\"sleep\", \"1.1\"]\n[drill]\nrto = \"1s\"\n";
    let unasked = "[[capture]]\nid = \"late\"\nkind = \"sqlite\"\npath = \"var/late.db\"\n\
                   [[probe]]\nid = \"late\"\nkind = \"sqlite\"\ncapture = \"late\"\n";
    // What was found, by itself, and with what could not be written or logged: 3, 1, 5, 4, in this order.
    for (policy, alone, together) in [("", 0, 1), (never, 3, 3), (slow, 4, 1), (unasked, 5, 1)] {
        let world = world(APP);
        back_up(&world);
        world.write("attestar.toml", format!("{POLICY}{APP}{policy}"));
        drill(&world, &[]).exits(alone);
        for spoil in [without_out, without_reports] {
            let again = self::world(APP);
            back_up(&again);
            again.write("attestar.toml", format!("{POLICY}{APP}{policy}"));
            spoil(&again);
            let document = drill(&again, &[]).exits(together).json();
            let (written, logged) = (&document["not_written"], &document["not_logged"]);
            assert!(written.is_string() != logged.is_string(), "{document:#}");
            assert_eq!(document["log_size"].is_u64(), written.is_string());
        }
    }
}
