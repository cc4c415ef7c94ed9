//! Links that came back: a probe follows none that leads out of what came back.

use super::{POLICY, back_up, database, drill, fails, plant, report};
use crate::forge::{file, link};
use crate::world::World;
use attestar::format::drill_report::{Ended, StepName};
use std::fs;
use std::os::unix::fs::symlink;

fn probe(kind: &str, path: &str) -> String {
    match kind {
        "files" => format!("[[probe]]\nid = \"p\"\nkind = \"files\"\npaths = [\"{path}\"]\n"),
        _ => format!("[[probe]]\nid = \"p\"\nkind = \"{kind}\"\npath = \"{path}\"\n"),
    }
}

#[test]
fn a_backup_keeps_links_inside_and_only_names_those_that_lead_out() {
    let world = super::world(&probe("sqlite", "var/inside.db"));
    let outside = world.path().join("outside.db");
    database(&outside);
    symlink("app.db", world.tree().join("var/inside.db")).unwrap();
    symlink("../../outside.db", world.tree().join("var/up.db")).unwrap();
    symlink(&outside, world.tree().join("var/absolute.db")).unwrap();
    back_up(&world);
    // What is inside is opened through its link.
    drill(&world, &[]).done();
    assert_eq!(super::proven(&report(&world), "p").len(), 1);
    // What leads out did not come back, and is told as that, whatever lies there.
    for path in ["var/up.db", "var/absolute.db"] {
        for kind in ["sqlite", "duckdb"] {
            world.write("attestar.toml", format!("{POLICY}{}", probe(kind, path)));
            let report = fails(&world, 5, &format!("probe-skipped {path}"));
            super::proves_nothing(&report, "p", "did not run");
        }
    }
}

/// A pack made by somebody else, with links that no backup would keep: nothing of it is restored, let alone opened.
#[test]
fn a_pack_with_links_that_lead_out_is_not_restored() {
    let targets = ["../../outside.db", "/etc/passwd", "../../../../../../../../etc/passwd"];
    // The database itself, and what SQLite would read beside one.
    let places = ["var/x.db", "var/x.db-wal", "var/x.db-journal"];
    for (target, place) in
        targets.into_iter().map(|target| (target, places[0])).chain(places.map(|place| (targets[0], place)))
    {
        let world = World::new();
        world.write("attestar.toml", format!("{POLICY}{}", probe("sqlite", "var/x.db")));
        let outside = world.path().join("outside.db");
        database(&outside);
        let beside = (place != places[0]).then(|| file(places[0], fs::read(&outside).unwrap()));
        let entries = [file("etc/x", "x")].into_iter().chain(beside).chain([link(place, target)]).collect();
        plant(&world, 0, entries, Vec::new());
        let report = fails(&world, 3, &format!("path-unsafe data/{place}"));
        let restored = report.steps.iter().find(|step| step.name == StepName::Restore).unwrap();
        assert_eq!(restored.status, Ended::Failed, "{:#?}", report.steps);
        super::proves_nothing(&report, "p", "did not run");
    }
}
