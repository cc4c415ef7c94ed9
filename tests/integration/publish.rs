//! `publish` and `copy`: a release into a store and its log, and the second copy of it.

use crate::signers::{QA, people};
use crate::world::{Said, World, everything_in, names_in};
use std::fs;
use std::path::{Path, PathBuf};

/// Everything below a folder as bytes, the folder of what is on its way in left out.
pub fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = everything_in(folder).into_iter().map(|(path, _)| path).filter(|path| path.is_file());
    let is_there = |path: &PathBuf| !path.starts_with(folder.join("incoming"));
    files.filter(is_there).map(|path| (path.clone(), fs::read(path).expect("it is readable"))).collect()
}

pub fn publish(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["publish", "out/shop-1.0.0", "--store", "store"], flags].concat())
}

/// A trust file in which the own key seals and logs, and QA approves.
fn trust_all(world: &World) {
    people(world);
    let signer = |role: &str, may: &str| {
        format!("[[signer]]\nrole = \"{role}\"\nkey = \"{role}.pub\"\nmay = [{may}]\n")
    };
    let text = signer("captain", "\"seal:release\", \"receipt\", \"log\"") + &signer("qa", "\"approve\"");
    fs::write(world.path().join("all.toml"), text).unwrap();
}

#[test]
fn a_published_release_verifies_and_restores_from_the_store() {
    let world = World::sealed();
    let said = publish(&world, &[]).done();
    assert!(said.out.contains("logged      1 sealed; 1 new, 1 in all"), "{}", said.out);
    let release = world.path().join("store/releases/shop-1.0.0");
    assert_eq!(
        names_in(&release),
        ["shop-1.0.0", "shop-1.0.0.tar.zst.age", "shop-1.0.0.tar.zst.age.sigstore.json"]
    );
    let here = content(&world.evidence()).into_iter().map(|(_, bytes)| bytes);
    assert!(content(&release.join("shop-1.0.0")).into_iter().map(|(_, bytes)| bytes).eq(here));
    fs::remove_dir_all(world.out()).unwrap();
    let said = world.run(&["verify", "shop-1.0.0", "--store", "store"]).done().says("payload");
    said.says("log          leaf 0 of 1 of shop");
    let by_key = ["verify", "shop-1.0.0", "--store", "store", "--key", "home/signing.pub"];
    world.run(&by_key).done().says("no key was given that may log");
    world.run(&["restore", "shop-1.0.0", "--to", "back", "--store", "store"]).done();
    assert_eq!(fs::read(world.path().join("back/docs/guide.md")).unwrap(), b"# Guide\n");
    world.run(&["log", "verify", "--store", "store"]).done().says("1 archive: none without a leaf");
    let store = fs::canonicalize(world.path().join("store")).unwrap();
    let document = world.run(&["--json", "log", "list", "--store", "store"]).done().json();
    assert_eq!(document["store"], store.display().to_string());
    assert_eq!(
        (&document["leaves"][0]["type"], &document["leaves"][0]["name"]),
        (&"sealed".into(), &"shop-1.0.0".into())
    );
    assert_eq!(document["origin"], "shop");
}

#[test]
fn the_policy_names_the_store_and_the_log_and_the_store_is_never_payload() {
    let world = World::release();
    world.write(
        "attestar.toml",
        "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"doc\"\npaths = [\"**\"]\n\
         [store]\nurl = \"backups\"\n[log]\norigin = \"example.com/shop\"\n",
    );
    world.seal(&[]).done();
    world.run(&["-C", "shop", "publish", "out/shop-1.0.0.tar.zst.age"]).done();
    assert_eq!(names_in(&world.tree().join("backups")), ["events", "incoming", "log", "releases"]);
    world.run(&["-C", "shop", "log", "verify"]).done().says("of example.com/shop");
    world.run(&["-C", "shop", "verify", "shop-1.0.0"]).done();
    let again = ["-C", "shop", "seal", "--version", "1.0.1", "--out", "../out", "--json"];
    let document = world.run(&again).done().json();
    assert_eq!(document["payload"]["files"], 6, "the store lies in the tree, and is not in it: {document:#}");
}

#[test]
fn publishing_again_adds_what_has_come_since_and_nothing_else() {
    let world = World::sealed();
    trust_all(&world);
    let publish = |flags: &[&str]| publish(&world, &[&["--trust", "all.toml"], flags].concat());
    publish(&[]).done();
    let first = content(&world.path().join("store"));
    let again = publish(&["--json"]).done().json();
    assert_eq!((&again["stores"][0]["created"], &again["stores"][0]["leaves_added"]), (&0.into(), &0.into()));
    assert_eq!(content(&world.path().join("store")), first, "nothing changed");
    let approve =
        ["approve", "out/shop-1.0.0", "--role", "qa", "--key", &QA.key_file(), "--trust", "all.toml"];
    world.run(&approve).done();
    let third = publish(&["--json"]).done().json();
    assert_eq!((&third["stores"][0]["created"], &third["stores"][0]["leaves_added"]), (&1.into(), &1.into()));
    publish(&[]).done().says("1 sealed, 1 approved; all there already, 2 in all");
    // What was there is as it was, but for the checkpoint.
    let now = content(&world.path().join("store"));
    let is_kept =
        |(path, _): &&(PathBuf, Vec<u8>)| !path.ends_with("log/checkpoint") && !path.ends_with("log/pending");
    assert!(first.iter().filter(is_kept).all(|file| now.contains(file)));
    world
        .run(&["log", "verify", "--store", "store", "--trust", "all.toml"])
        .done()
        .says("2 statements, each signed");
    let from = ["verify", "shop-1.0.0", "--store", "store", "--trust", "all.toml", "--evidence-only"];
    world.run(&from).done().says("approvals    qa; ");
}

#[test]
fn what_nobody_who_may_has_signed_is_said_and_left_out() {
    let world = World::sealed();
    trust_all(&world);
    let approve =
        ["approve", "out/shop-1.0.0", "--role", "qa", "--key", &QA.key_file(), "--trust", "all.toml"];
    world.run(&approve).done();
    let only_own = fs::read_to_string(world.path().join("all.toml")).unwrap();
    fs::write(world.path().join("own.toml"), only_own.split("[[signer]]\nrole = \"qa\"").next().unwrap())
        .unwrap();
    let document = publish(&world, &["--trust", "own.toml", "--json"]).done().json();
    assert_eq!(document["left_out"][0]["code"], "signer-unknown");
    assert_eq!(document["stores"][0]["leaves_added"], 1);
    world.run(&["log", "verify", "--store", "store", "--trust", "own.toml"]).done();
}

#[test]
fn what_does_not_verify_is_not_published() {
    let world = World::sealed();
    let refuses = |code: i32, flags: &[&str]| {
        let said = publish(&world, flags).exits(code);
        let store = world.path().join("store");
        assert!(content(&store).is_empty(), "{:?}: {}", content(&store), said.out);
        said
    };
    // A trust file that lets the own key seal and not log.
    people(&world);
    refuses(5, &["--trust", "trust.toml"]).complains("does not let this key sign the log");
    fs::write(world.path().join("nobody.toml"), "").unwrap();
    refuses(5, &["--trust", "nobody.toml"]).says("nothing published");
    let manifest = world.evidence().join("pack.json");
    let good = fs::read(&manifest).unwrap();
    fs::write(&manifest, [&good, &b" "[..]].concat()).unwrap();
    refuses(3, &[]).says("altered").says("nothing published");
    fs::write(&manifest, good).unwrap();
    let mut archive = fs::read(world.archive()).unwrap();
    archive[1000] ^= 1;
    fs::write(world.archive(), &archive).unwrap();
    refuses(3, &[]).says("nothing published");
    fs::remove_file(world.archive()).unwrap();
    refuses(1, &[]).complains("there is no archive shop-1.0.0.tar.zst.age");
}

#[test]
fn another_release_of_the_same_name_changes_nothing() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let before = content(&world.path().join("store"));
    world.write("docs/guide.md", "# Another guide\n");
    world.run(&["-C", "shop", "seal", "--version", "1.0.0", "--out", "../other"]).done();
    world.run(&["publish", "other/shop-1.0.0", "--store", "store"]).exits(1).complains("holds another");
    assert_eq!(content(&world.path().join("store")), before);
}

#[test]
fn what_an_interrupted_publish_left_is_taken_up() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let whole = content(&world.path().join("store"));
    // In the order in which things are put there, each of them missing and all that comes after.
    let release = world.path().join("store/releases/shop-1.0.0");
    let receipt = release.join("shop-1.0.0.tar.zst.age.sigstore.json");
    for (removed, with_log) in [
        (vec![release.clone()], true),
        (vec![receipt], true),
        (vec![release.join("shop-1.0.0")], true),
        (vec![], true),
        (vec![release.join("shop-1.0.0/attestations")], false),
    ] {
        for path in removed {
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        if with_log {
            fs::remove_dir_all(world.path().join("store/log")).unwrap();
            fs::remove_dir_all(world.home().join("state")).unwrap();
        }
        publish(&world, &[]).done();
        assert_eq!(content(&world.path().join("store")), whole);
    }
}

#[test]
fn a_copy_verifies_where_it_lies_without_the_store() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let copy = || world.run(&["--json", "copy", "shop-1.0.0", "--store", "store", "--to", "disk"]);
    let document = copy().done().json();
    assert_eq!((&document["verdict"], &document["already"]), (&"holds".into(), &0.into()));
    let bytes: usize = content(&world.path().join("disk")).iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(document["bytes"], bytes, "all of it is read again");
    let again = copy().done().json();
    assert_eq!(again["created"], 0);
    fs::remove_dir_all(world.path().join("store")).unwrap();
    fs::remove_dir_all(world.out()).unwrap();
    let release = world.path().join("disk/releases/shop-1.0.0");
    assert!(names_in(&release).contains(&"shop-1.0.0.tlog-proof".to_owned()));
    assert_eq!(names_in(&world.path().join("disk/events")).len(), 1);
    let proof = "disk/releases/shop-1.0.0/shop-1.0.0.tlog-proof";
    world
        .run(&["verify", "shop-1.0.0", "--store", "disk", "--proof", proof])
        .done()
        .says("leaf 0 of 1 of shop");
    world.run(&["restore", "shop-1.0.0", "--store", "disk", "--to", "back"]).done();
}

#[test]
fn a_copy_that_is_not_the_same_is_found_out() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let copy = |code: i32| {
        world.run(&["--json", "copy", "shop-1.0.0", "--store", "store", "--to", "disk"]).exits(code)
    };
    copy(0);
    let path = world.path().join("disk/releases/shop-1.0.0/shop-1.0.0/pack.json");
    let good = fs::read(&path).unwrap();
    fs::write(&path, b"{}").unwrap();
    assert_eq!(copy(3).findings()[0].split(' ').next(), Some("altered"));
    fs::write(&path, good).unwrap();
    copy(0);
    // What the store has lost cannot be copied; a copy that has it is whole without.
    let event = fs::read_dir(world.path().join("store/events")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(event).unwrap();
    copy(0);
    let other = world.run(&["--json", "copy", "shop-1.0.0", "--store", "store", "--to", "other"]).exits(3);
    assert!(other.findings()[0].starts_with("missing events/"));
    world
        .run(&["copy", "shop-1.0.0", "--store", "store", "--to", "./store/"])
        .exits(2)
        .complains("the store itself");
    world
        .run(&["copy", "shop-2.0.0", "--store", "store", "--to", "disk"])
        .exits(1)
        .complains("has no archive shop-2.0.0");
    world.run(&["copy", "../x", "--store", "store", "--to", "disk"]).exits(2).complains("is no name");
}

#[test]
fn without_a_store_one_is_asked_for() {
    let world = World::sealed();
    world.run(&["-C", "shop", "publish", "out/shop-1.0.0"]).exits(2).complains("--store URL");
    world.run(&["-C", "shop", "log", "list"]).exits(2).complains("--store URL");
    world.run(&["verify", "shop-1.0.0", "--store", "nowhere"]).exits(1).complains("nowhere");
    world.run(&["verify", "out/shop-1.0.0", "--store", "out"]).exits(2).complains("is no name");
}

#[test]
fn what_is_signed_later_goes_where_the_release_was_published_if_the_key_may_log() {
    let world = World::release();
    trust_all(&world);
    world.write(
        "attestar.toml",
        "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\n\
         [store]\nurl = \"../store\"\n\
         [[gate]]\nid = \"agreed\"\ncheck = \"approvals\"\nstage = \"promote\"\nroles = [\"qa\"]\n",
    );
    let run = |words: &[&str]| world.run(&[&["-C", "shop"], words, &["--trust", "all.toml"]].concat());
    run(&["seal", "--version", "1.0.0", "--out", "../out"]).done();
    let promote = ["gate", "--stage", "promote", "--pack", "out/shop-1.0.0", "--key", "home/signing.key"];
    let before = run(&promote).exits(4);
    assert!(!before.out.contains("stored"), "it was not published: {}", before.out);
    run(&["publish", "out/shop-1.0.0"]).done();
    let approved = run(&["approve", "out/shop-1.0.0", "--role", "qa", "--key", &QA.key_file()]).done();
    assert!(approved.out.contains("not in the store: the given trust does not let this key sign the log"));
    assert!(approved.out.contains("hint: attestar publish out/shop-1.0.0"), "{}", approved.out);
    let approve = ["approve", "out/shop-1.0.0", "--role", "qa", "--key", &QA.key_file(), "--json"];
    let document = run(&approve).done().json();
    assert!(document["stored"].is_null());
    let why = "the given trust does not let this key sign the log, so nobody would believe it";
    assert_eq!(document["not_stored"], why);
    let gated = run(&[&promote[..], &["--json"]].concat()).done().json();
    let store = fs::canonicalize(world.path().join("store")).unwrap();
    assert_eq!(gated["stored"], store.display().to_string());
    let attestations = names_in(&store.join("releases/shop-1.0.0/shop-1.0.0/attestations"));
    for later in ["approval.qa.", "gates.promote."] {
        assert!(attestations.iter().any(|name| name.starts_with(later)), "{later} in {attestations:?}");
    }
    run(&["log", "verify"]).done();
}

#[test]
fn nothing_wrong_ever_gets_its_name_in_a_copy() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let release = world.path().join("store/releases/shop-1.0.0");
    let archive = release.join("shop-1.0.0.tar.zst.age");
    for (file, name, code) in [
        (archive.clone(), "shop-1.0.0.tar.zst.age", "altered"),
        (release.join("shop-1.0.0/pack.json"), "shop-1.0.0/pack.json", "altered"),
        (release.join("shop-1.0.0/tagmanifest-sha256.txt"), "shop-1.0.0/tagmanifest-sha256.txt", "altered"),
        (
            release.join("shop-1.0.0.tar.zst.age.sigstore.json"),
            "shop-1.0.0.tar.zst.age.sigstore.json",
            "-invalid",
        ),
    ] {
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        fs::write(&file, &bad).unwrap();
        let disk = format!("disk-{}", name.len());
        world.run(&["--json", "copy", "shop-1.0.0", "--store", "store", "--to", &disk]).exits(3).tells(code);
        let copied = content(&world.path().join(&disk));
        assert!(copied.iter().all(|(_, bytes)| *bytes != bad), "{name}");
        assert!(!world.path().join(&disk).join("releases/shop-1.0.0").join(name).exists(), "{name}");
        fs::write(&file, good).unwrap();
    }
    world.run(&["copy", "shop-1.0.0", "--store", "store", "--to", "disk"]).done();
    // What lies there is not sent again.
    let meta = || fs::metadata(world.path().join("disk/incoming")).unwrap().modified().unwrap();
    let before = meta();
    world.run(&["copy", "shop-1.0.0", "--store", "store", "--to", "disk"]).done();
    assert_eq!(meta(), before, "nothing was on its way in");
}

#[test]
fn an_archive_that_the_log_does_not_know_is_not_copied_in_silence() {
    let world = World::sealed();
    publish(&world, &[]).done();
    world.run(&["-C", "shop", "seal", "--version", "1.1.0", "--out", "../new"]).done();
    let release = world.path().join("store/releases/shop-1.1.0");
    for (path, bytes) in content(&world.path().join("new")) {
        let to = release.join(path.strip_prefix(world.path().join("new")).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    let said = world.run(&["--json", "copy", "shop-1.1.0", "--store", "store", "--to", "disk"]).done();
    assert_eq!(said.findings(), ["not-logged shop-1.1.0"]);
}

#[test]
fn an_older_result_never_takes_the_place_of_a_newer_one() {
    let world = World::release();
    trust_all(&world);
    world.write(
        "attestar.toml",
        "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\n\
         [[gate]]\nid = \"agreed\"\ncheck = \"approvals\"\nstage = \"promote\"\nroles = [\"qa\"]\n",
    );
    let run = |words: &[&str]| world.run(&[&["-C", "shop"], words, &["--trust", "all.toml"]].concat());
    run(&["seal", "--version", "1.0.0", "--out", "../out"]).done();
    let promote = ["gate", "--stage", "promote", "--pack", "out/shop-1.0.0", "--key", "home/signing.key"];
    run(&promote).exits(4).tells("the seal: there is none");
    let attestations = world.evidence().join("attestations");
    let result = names_in(&attestations).into_iter().find(|name| name.starts_with("gates.promote.")).unwrap();
    let old = fs::read(attestations.join(&result)).unwrap();
    publish(&world, &["--trust", "all.toml"]).done();
    world.run(&["copy", "shop-1.0.0", "--store", "store", "--to", "disk", "--trust", "all.toml"]).done();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    run(&["approve", "out/shop-1.0.0", "--role", "qa", "--key", &QA.key_file()]).done();
    run(&promote).done();
    let new = fs::read(attestations.join(&result)).unwrap();
    publish(&world, &["--trust", "all.toml"]).done();
    // A host that has only the older one publishes again, and the older store is copied over the newer copy.
    let stored = world.path().join("store/releases/shop-1.0.0/shop-1.0.0/attestations").join(&result);
    let copied = world.path().join("disk/releases/shop-1.0.0/shop-1.0.0/attestations").join(&result);
    assert_eq!(fs::read(&stored).unwrap(), new);
    fs::write(attestations.join(&result), &old).unwrap();
    publish(&world, &["--trust", "all.toml"]).done();
    assert_eq!(fs::read(&stored).unwrap(), new, "publish does not go back");
    let copy =
        || world.run(&["copy", "shop-1.0.0", "--store", "store", "--to", "disk", "--trust", "all.toml"]);
    copy().done();
    assert_eq!(fs::read(&copied).unwrap(), new);
    fs::write(&stored, &old).unwrap();
    copy().done();
    assert_eq!(fs::read(&copied).unwrap(), new, "nor does copy");
}

#[test]
fn the_policys_store_must_have_the_policys_log() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let policy = |origin: &str| {
        let head =
            "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\n";
        world.write(
            "attestar.toml",
            format!("{head}[store]\nurl = \"../store\"\n[log]\norigin = \"{origin}\"\n"),
        );
    };
    policy("shop");
    world.run(&["-C", "shop", "verify", "shop-1.0.0"]).done();
    policy("example.com/other");
    let said = world.run(&["-C", "shop", "--json", "verify", "shop-1.0.0"]).exits(3);
    assert_eq!(said.findings(), ["log-invalid log/checkpoint"]);
}

/// A leaf that calls a backup a release would be wrong for ever.
#[test]
fn a_backup_is_not_published() {
    let world = World::new();
    let policy = "schema = 1\n[project]\nname = \"nightly\"\n[[include]]\nclass = \"data\"\npaths = [\"etc/**\"]\n\
                  [store]\nurl = \"../nights\"\n";
    world.write("attestar.toml", policy);
    world.write("etc/app.conf", "port = 1\n");
    world.run(&["-C", "shop", "backup", "--no-encrypt"]).done();
    let archives = world.path().join("nights/archives");
    let archive = archives.join(&names_in(&archives)[0]);
    let frames = zstd::Decoder::new(fs::File::open(&archive).unwrap()).unwrap();
    tar::Archive::new(frames).unpack(&archives).unwrap();
    let pack = archive.to_str().unwrap().strip_suffix(".tar.zst").unwrap();
    for to in ["store", "nights"] {
        let before = content(&world.path().join(to));
        let said = world.run(&["-C", "shop", "publish", pack, "--store", to]).exits(1);
        said.complains("is a backup, and only releases are published").complains("attestar copy NAME");
        assert_eq!(content(&world.path().join(to)), before, "nothing is left behind");
    }
}

/// Its leaf is in the log and comes there once: what is put there again, the next prune would take for unfinished.
#[test]
fn what_was_pruned_is_not_published_again() {
    let world = World::release();
    let policy = "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\n\
                  [store]\nurl = \"../store\"\n[release]\nkeep = { min_age = \"1s\" }\n";
    world.write("attestar.toml", policy);
    let run = |words: &[&str]| world.run(&[&["-C", "shop"], words].concat());
    for version in ["1.0.0", "1.1.0"] {
        run(&["seal", "--version", version, "--out", "../out"]).done();
        run(&["publish", &format!("out/shop-{version}")]).done();
    }
    let is_due = |_| run(&["prune"]).done().out.contains("pruned      shop-1.0.0");
    assert!((0..100).any(is_due), "it is a second old by now");
    let before = content(&world.path().join("store"));
    let said = run(&["publish", "out/shop-1.0.0"]).exits(1).complains("shop-1.0.0 was pruned at ");
    said.complains("hint: seal it anew");
    assert_eq!(content(&world.path().join("store")), before, "nothing is left behind");
    // What is sealed anew is another one, and stays.
    run(&["seal", "--version", "1.0.0", "--out", "../anew"]).done();
    run(&["publish", "anew/shop-1.0.0"]).done().says("1 new");
    run(&["log", "verify"]).done();
    run(&["publish", "out/shop-1.0.0"]).exits(1);
}

/// A disk that is taken away has no nightly backup that would clean up.
#[test]
fn what_a_killed_copy_or_publish_left_is_removed_and_said() {
    let world = World::sealed();
    for (words, to) in [
        (["publish", "out/shop-1.0.0", "--store", "store"].as_slice(), "store"),
        (&["copy", "shop-1.0.0", "--store", "store", "--to", "disk"], "disk"),
    ] {
        let incoming = world.path().join(to).join("incoming");
        fs::create_dir_all(&incoming).unwrap();
        let left = incoming.join("shop-1.0.0.tar.zst.age.0123456789abcdef");
        fs::write(&left, "half of it").unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        fs::File::options().append(true).open(&left).unwrap().set_modified(long_ago).unwrap();
        let said = world.run(&[&["--json"], words].concat()).done();
        let expected = format!("cleaned incoming/{}", left.file_name().unwrap().to_str().unwrap());
        let notes = &said.json()["notes"];
        let first = format!("{} {}", notes[0]["code"], notes[0]["subject"]).replace('"', "");
        assert_eq!((first, notes.as_array().unwrap().len()), (expected, 1), "{}", said.out);
        assert_eq!(names_in(&incoming), [".lock"]);
        fs::write(&left, "half of it").unwrap();
        world.run(words).done();
        assert!(left.exists(), "what is young may be somebody's");
    }
}
