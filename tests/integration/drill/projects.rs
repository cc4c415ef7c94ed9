//! Several projects in one store: what is signed for one of them is about its own archives.

use super::{APP, POLICY, back_up, drill, fails, nothing_is_left, report, world};
use crate::forge::{Pack, Tar, encrypt, file, own_key, receipt};
use crate::world::World;
use attestar::format::drill_report::{Ended, StepName};
use attestar::format::kind::Kind;
use std::fs;

/// The policy of these stories, of another project with the same store and log.
fn policy_of(project: &str) -> String {
    let policy = POLICY.replace("\"nightly\"", &format!("\"{project}\""));
    format!("{policy}[log]\norigin = \"nightly\"\n{APP}")
}

/// A tree and a night of the project `shop`, and then one of `nightly` in the same store; the first one's name.
fn two_projects() -> (World, String) {
    let world = world(APP);
    back_up(&world);
    let own = names(&world);
    world.write("attestar.toml", policy_of("shop"));
    back_up(&world);
    world.write("attestar.toml", format!("{POLICY}{APP}"));
    let name = names(&world).into_iter().find(|name| !own.contains(name)).unwrap();
    assert!(name.starts_with("shop-"), "{name}");
    (world, name)
}

fn names(world: &World) -> Vec<String> {
    let all = crate::world::names_in(&world.path().join("store/archives"));
    all.iter().filter_map(|name| name.strip_suffix(".tar.zst.age").map(str::to_owned)).collect()
}

#[test]
fn the_archive_of_another_project_is_no_drill_of_this_one() {
    let (world, other) = two_projects();
    let said = drill(&world, &[&other]).exits(3);
    let project = format!("{other}.tar.zst.age.sigstore.json: project");
    assert_eq!(
        said.findings(),
        [
            format!("disagreement {project}"),
            "probe-skipped app-opens".into(),
            "rto-missed RTO".into(),
            "rpo-missed RPO".into()
        ]
    );
    let report = report(&world);
    let found = &report.findings[0];
    assert_eq!((found.expected.as_deref(), found.actual.as_deref()), (Some("nightly"), Some("shop")));
    let step = report.steps.iter().find(|step| step.name == StepName::Receipt).unwrap();
    assert_eq!((step.status, report.coverage.files_checked), (Ended::Failed, 0));
    assert!(report.proves.is_empty());
    nothing_is_left(&world);
    // What is logged is a drill that failed, and a gate says so.
    let gate = "[[gate]]\nid = \"drilled\"\ncheck = \"drill\"\nstage = \"promote\"\nwithin = \"7d\"\n";
    world.write("attestar.toml", format!("{POLICY}{APP}{gate}"));
    world
        .run(&["-C", "shop", "--json", "gate", "--stage", "promote", "--version", "1.0.0"])
        .exits(4)
        .tells("gate-drill");
    drill(&world, &[]).done();
    // Its own project drills it, and others restore and verify it, by its name.
    for words in [&["verify"][..], &["restore", "--to", "back"]] {
        world.run(&[&["-C", "shop"], words, &[&other]].concat()).done();
    }
    world.write("attestar.toml", policy_of("shop"));
    drill(&world, &[&other]).done();
}

/// `nightly-eu-…` is the night of `nightly-eu`, and might be the release `eu-…` of `nightly`.
#[test]
fn the_newest_night_of_a_project_is_not_a_release_of_another_with_the_same_name() {
    let world = world(APP);
    back_up(&world);
    world.write("attestar.toml", policy_of("nightly-eu"));
    back_up(&world);
    let night = names(&world).into_iter().find(|name| name.starts_with("nightly-eu-")).unwrap();
    let version = night.strip_prefix("nightly-").unwrap();
    let mut pack = Pack::named("nightly", version, vec![file("etc/x", "another")]);
    pack.kind = Kind::Release;
    let pack = pack.sealed(&own_key(&world));
    let archive = encrypt(&world, &Tar::of(&pack).container().bytes());
    let name = format!("{night}.tar.zst.age");
    let bundle = own_key(&world).sign_statement(&receipt(&pack, &name, &archive)).to_bytes();
    let folder = world.path().join("store/releases").join(&night);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(&name), archive).unwrap();
    fs::write(folder.join(format!("{name}.sigstore.json")), bundle).unwrap();
    fails(&world, 3, "disagreement");
    let said = world.run(&["-C", "shop", "--json", "restore", "latest", "--to", "back"]).exits(3);
    assert_eq!(
        said.findings(),
        [
            format!("disagreement {name}.sigstore.json: project"),
            format!("disagreement {name}.sigstore.json: kind")
        ]
    );
    assert!(!world.path().join("back").exists());
}
