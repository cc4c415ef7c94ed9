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

#[test]
fn a_link_beside_a_database_leads_nowhere_either() {
    for side in ["-wal", "-journal"] {
        let world = super::world(&probe("sqlite", "var/app.db"));
        let secret = world.path().join("secret");
        fs::write(&secret, "dear words\n").unwrap();
        symlink("../../secret", world.tree().join(format!("var/app.db{side}"))).unwrap();
        back_up(&world);
        let said = drill(&world, &[]).done();
        assert!(!said.out.contains("dear words"), "{}", said.out);
    }
}

/// A pack made by somebody else, with links that no backup would keep: nothing of it is restored, let alone opened.
#[test]
fn a_pack_with_links_that_lead_out_is_not_restored() {
    for target in ["../../outside.db", "/etc/passwd", "../../../../../../../../etc/passwd"] {
        let world = World::new();
        world.write("attestar.toml", format!("{POLICY}{}", probe("sqlite", "var/x.db")));
        database(&world.path().join("outside.db"));
        plant(&world, 0, vec![file("etc/x", "x"), link("var/x.db", target)], Vec::new());
        let said = drill(&world, &[]);
        assert!([3, 5].contains(&said.code), "{}{}", said.out, said.err);
        let report = report(&world);
        let restored = report.steps.iter().find(|step| step.name == StepName::Restore).unwrap();
        assert_eq!(restored.status, Ended::Failed, "{:#?}", report.steps);
        super::proves_nothing(&report, "p", "did not run");
        super::nothing_is_left(&world);
    }
}
