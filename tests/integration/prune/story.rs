//! `attestar prune` as it is typed: real backups, a real clock.

use crate::world::{Said, World, everything_in, names_in};
use std::fs;
use std::path::Path;

const POLICY: &str = "schema = 1\n[project]\nname = \"nightly\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n\
                      [store]\nurl = \"../nights\"\n";

/// Three backups of one day, of which one is to stay.
fn three() -> World {
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}[backup]\nkeep = {{ last = 1 }}\n"));
    for port in 0..3 {
        world.write("etc/app.conf", format!("port = {port}\n"));
        run(&world, &["backup", "--full"]).done();
    }
    world
}

fn run(world: &World, args: &[&str]) -> Said {
    world.run(&[&["-C", "shop"], args].concat())
}

fn archives(world: &World) -> Vec<String> {
    names_in(&world.path().join("nights/archives"))
}

#[test]
fn a_dry_run_says_what_would_go_and_a_prune_deletes_it_and_says_so() {
    let world = three();
    let before = everything_in(&world.path().join("nights"));
    let said = run(&world, &["prune", "--dry-run"]).done();
    let said = said.says("backups     1 last\n").says("releases    every one is kept\n");
    said.says("kept        1 archive: 1 last").says("would prune nightly-").says("would free");
    let document = run(&world, &["--json", "prune", "--dry-run"]).done().json();
    assert_eq!((document["pruned"].as_array().unwrap().len(), &document["log_size"]), (2, &().into()));
    assert_eq!(everything_in(&world.path().join("nights")), before, "nothing changed");
    // A host that has not seen the log cannot know that it is the newest; once it has, it compares.
    for said in [vec!["log-not-remembered"], Vec::new()] {
        let fresh = run(&world, &["--json", "prune", "--dry-run", "--state", "fresh"]).done().json();
        let warnings = fresh["warnings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap());
        assert_eq!(warnings.collect::<Vec<_>>(), said);
    }
    let newest = document["kept"][0]["name"].as_str().unwrap().to_owned();
    let said = run(&world, &["prune"]).done();
    said.says("pruned      nightly-").says("freed").says("logged      2 leaves; 5 in all");
    let left = archives(&world);
    assert_eq!(left, ["", ".sigstore.json"].map(|end| format!("{newest}.tar.zst.age{end}")));
    run(&world, &["prune"]).done().says("pruned      nothing");
    // Its own policy is known where it lies in the tree; elsewhere it is named, or nobody says that this might be.
    run(&world, &["log", "verify"]).done().says("pruned       2 archives, 2 of them as the policy says");
    let elsewhere = ["log", "verify", "--first", "--store", "nights", "--state", "elsewhere"];
    let said = world.run(&[&["--json"], &elsewhere[..]].concat()).exits(5);
    assert_eq!(said.findings(), ["prune-not-judged 2 archives of nightly"]);
    let said = world.run(&elsewhere).exits(5).says("pruned       2 archives, of which none was judged");
    said.complains("attestar log verify --policy FILE");
    world.run(&[&elsewhere[..], &["--policy", "shop/attestar.toml"]].concat()).done();
    // By a policy that keeps more they should be there; but not on a host that has judged them before.
    world.write("attestar.toml", format!("{POLICY}[backup]\nkeep = {{ last = 9 }}\n"));
    run(&world, &["log", "verify"]).done();
    let other = ["--json", "log", "verify", "--first", "--state", "other"];
    let found = run(&world, &other).exits(3).findings();
    assert!(
        found.len() == 2 && found.iter().all(|one| one.starts_with("prune-not-due nightly-")),
        "{found:?}"
    );
    // What is left is whole.
    run(&world, &["restore", &newest, "--to", "back"]).done();
    assert_eq!(fs::read_to_string(world.path().join("back/etc/app.conf")).unwrap(), "port = 2\n");
}

#[test]
fn a_host_that_may_back_up_may_not_prune() {
    let world = three();
    let own = fs::read_to_string(world.home().join("trust.toml")).unwrap();
    let may = own.lines().find(|line| line.starts_with("may")).unwrap().to_owned();
    let trust = own.replace(&may, "may = [\"seal:backup\", \"receipt\", \"log\"]");
    fs::write(world.home().join("backs-up.toml"), trust).unwrap();
    let before = everything_in(&world.path().join("nights"));
    let trust = ["--trust", "home/backs-up.toml"];
    let said = run(&world, &[&["--json", "prune"], &trust[..]].concat()).exits(3);
    assert_eq!(said.findings(), ["signer-not-allowed the prune"]);
    assert_eq!(everything_in(&world.path().join("nights")), before);
    // It may ask, though.
    run(&world, &[&["prune", "--dry-run"], &trust[..]].concat()).done().says("would prune nightly-");
    // And what was pruned by one whom this trust does not let prune is missing.
    run(&world, &["prune"]).done();
    let found = run(&world, &[&["--json", "log", "verify"], &trust[..]].concat()).exits(3).findings();
    for code in ["signer-not-allowed events/", "missing nightly-"] {
        assert_eq!(found.iter().filter(|one| one.starts_with(code)).count(), 2, "{code}: {found:?}");
    }
}

#[test]
fn what_a_killed_prune_left_is_said_and_completed() {
    let world = three();
    let nights = world.path().join("nights");
    let kept = world.path().join("kept");
    copy(&nights.join("archives"), &kept);
    run(&world, &["prune"]).done();
    fs::remove_dir_all(nights.join("archives")).unwrap();
    copy(&kept, &nights.join("archives"));
    let said = run(&world, &["--json", "log", "verify"]).done();
    assert!(
        said.findings().iter().all(|one| one.starts_with("prune-unfinished archives/nightly-")),
        "{}",
        said.out
    );
    run(&world, &["prune", "--dry-run"]).done().says("to complete archives/nightly-");
    run(&world, &["prune"]).done().says("completed   archives/nightly-");
    assert_eq!(archives(&world).len(), 2);
    assert!(run(&world, &["--json", "log", "verify"]).done().findings().is_empty());
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

#[test]
fn without_a_store_a_policy_or_a_log_nothing_is_pruned() {
    let world = World::new();
    world.write("attestar.toml", POLICY.replace("[store]\nurl = \"../nights\"\n", ""));
    run(&world, &["prune"]).exits(2).complains("no store was named");
    fs::create_dir(world.path().join("empty")).unwrap();
    let said = run(&world, &["--json", "prune", "--store", "empty"]).exits(5);
    assert_eq!(said.findings(), ["nothing-checked log/checkpoint"]);
    assert!(run(&world, &["prune", "--store", "empty"]).exits(5).out.ends_with("nothing pruned\n"));
}
