//! `log`, and what of a store's log is caught: every kind of tampering, and proofs that need no store.

use crate::publish::{content, publish};
use crate::world::{Said, World, names_in};
use attestar::format::checkpoint::Checkpoint;
use attestar::format::digest::Sha256;
use attestar::format::kind::Kind;
use attestar::format::note::Note;
use attestar::format::receipt::Receipt;
use attestar::format::seal::Totals;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::signing::SigningKey;
use std::fs;
use std::path::{Path, PathBuf};

fn log(world: &World, args: &[&str]) -> Said {
    world.run(&[&["--json", "log"], args, &["--store", "store"]].concat())
}

/// `log verify` exits with this, and finds this.
#[track_caller]
fn verify_finds(world: &World, code: i32, finding: &str) {
    let said = log(world, &["verify"]).exits(code);
    let found = said.findings();
    let hit = found.iter().any(|found| found == finding || found.split(' ').next() == Some(finding));
    assert!(hit, "{found:?} instead of {finding}: {}", said.out);
}

/// Two releases in a store.
fn two() -> World {
    let world = World::sealed();
    publish(&world, &[]).done();
    second(&world);
    world
}

fn second(world: &World) {
    world.run(&["-C", "shop", "seal", "--version", "1.1.0", "--out", "../out"]).done();
    world.run(&["publish", "out/shop-1.1.0", "--store", "store"]).done();
}

fn own_key(world: &World) -> SigningKey {
    SigningKey::load(&world.home().join("signing.key"), &mut NoPassphrases).unwrap()
}

fn store(world: &World, path: &str) -> PathBuf {
    world.path().join("store").join(path)
}

fn copy_tree(from: &Path, to: &Path) {
    for (path, bytes) in content(from) {
        let to = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
}

#[test]
fn a_log_lists_and_verifies_and_says_what_it_did() {
    let world = two();
    let said = world.run(&["log", "list", "--store", "store"]).done();
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("  0  20") && lines[1].ends_with("sealed     shop-1.1.0"),
        "{}",
        said.out
    );
    let said = world.run(&["log", "verify", "--store", "store"]).done();
    let said = said
        .says("2 leaves of shop, signed by own")
        .says("extends the 2 leaves seen")
        .says("2 statements, each signed by one who may");
    said.says("2 archives: none without a leaf,").says("verified in");
    let document = log(&world, &["verify"]).done().json();
    let names: Vec<&str> =
        document["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(
        (names, &document["leaves"]),
        (vec!["checkpoint", "earlier", "tree", "events", "store"], &2.into())
    );
}

#[test]
fn a_host_that_has_not_seen_the_log_says_so() {
    let world = two();
    let fresh = |args: &[&str]| log(&world, &[args, &["--state", "elsewhere"]].concat());
    let said = fresh(&["verify"]).exits(5);
    assert!(said.findings()[0].starts_with("log-not-remembered"), "{}", said.out);
    assert!(names_in(&world.path().join("elsewhere")).is_empty(), "it is not remembered by asking");
    fresh(&["verify"]).exits(5).tells("log-not-remembered");
    fresh(&["list"]).done();
    fresh(&["verify"]).exits(5).tells("log-not-remembered");
    fresh(&["verify", "--first"]).done();
    fresh(&["verify"]).done();
}

/// Something done to a store.
type Harm<'a> = Box<dyn Fn() + 'a>;

#[test]
fn every_kind_of_tampering_is_found() {
    let world = two();
    let kept = world.path().join("kept");
    copy_tree(&world.path().join("store"), &kept);
    let release = "releases/shop-1.0.0/shop-1.0.0.tar.zst.age";
    let event = format!("events/{}", names_in(&store(&world, "events"))[0]);
    let replace = |path: &str, from: &str, to: &str| {
        let bytes = fs::read(store(&world, path)).unwrap();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{path} has no {from}"));
        let changed = [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat();
        fs::write(store(&world, path), changed).unwrap();
    };
    let cut = |path: &str| {
        let bytes = fs::read(store(&world, path)).unwrap();
        fs::write(store(&world, path), &bytes[..bytes.len() - 32]).unwrap();
    };
    let remove = |path: &str| fs::remove_file(store(&world, path)).unwrap();
    let resign = |change: &dyn Fn(&mut Checkpoint), key: SigningKey| {
        let note = Note::parse(&fs::read(store(&world, "log/checkpoint")).unwrap()).unwrap();
        let mut checkpoint = Checkpoint::parse(&note.text).unwrap();
        change(&mut checkpoint);
        fs::write(store(&world, "log/checkpoint"), key.sign_checkpoint(&checkpoint)).unwrap();
    };
    let entries = "log/tile/entries/000.p/2";
    let cases: Vec<(Harm<'_>, &str)> = vec![
        (Box::new(|| replace(entries, "shop-1.0.0", "shop-9.0.0")), "log-invalid log/checkpoint"),
        (Box::new(|| cut(entries)), "log-invalid log/tile/entries/000.p/2"),
        (Box::new(|| cut("log/tile/0/000.p/2")), "log-invalid log/tile/0/000.p/2"),
        (Box::new(|| remove("log/tile/0/000.p/2")), "log-invalid log/tile/0/000.p/2"),
        (Box::new(|| remove("log/checkpoint")), "log-forked log/checkpoint"),
        (Box::new(|| resign(&|_| {}, SigningKey::from_seed(&[9; 32]))), "signer-unknown log/checkpoint"),
        (Box::new(|| resign(&|it| it.root = Sha256([0; 32]), own_key(&world))), "log-forked log/checkpoint"),
        (Box::new(|| resign(&|it| it.size = 1, own_key(&world))), "log-forked log/checkpoint"),
        (Box::new(|| resign(&|it| it.origin = "bank".into(), own_key(&world))), "log-forked log/checkpoint"),
        (Box::new(|| replace("log/checkpoint", "\n2\n", "\n3\n")), "signature-invalid log/checkpoint"),
        (Box::new(|| remove(release)), "missing shop-1.0.0.tar.zst.age"),
        (Box::new(|| cut(release)), "altered releases/shop-1.0.0/shop-1.0.0.tar.zst.age"),
        (Box::new(|| remove(&format!("{release}.sigstore.json"))), "receipt-missing"),
        (
            Box::new(|| replace(&format!("{release}.sigstore.json"), "{", "{ ")),
            "altered releases/shop-1.0.0/shop-1.0.0.tar.zst.age.sigstore.json",
        ),
        (Box::new(|| remove(&event)), "missing"),
        (Box::new(|| replace(&event, "{", "{ ")), "altered"),
    ];
    for (number, (tamper, finding)) in cases.iter().enumerate() {
        tamper();
        let before = content(&world.path().join("store"));
        verify_finds(&world, 3, finding);
        assert_eq!(content(&world.path().join("store")), before, "{number}: verify writes nothing");
        fs::remove_dir_all(world.path().join("store")).unwrap();
        copy_tree(&kept, &world.path().join("store"));
        log(&world, &["verify"]).done();
    }
}

#[test]
fn a_log_that_was_rolled_back_or_split_is_caught_by_who_remembers() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let one = world.path().join("one");
    copy_tree(&world.path().join("store"), &one);
    second(&world);
    // The store of yesterday.
    let two = world.path().join("two");
    fs::rename(world.path().join("store"), &two).unwrap();
    copy_tree(&one, &world.path().join("store"));
    verify_finds(&world, 3, "log-forked log/checkpoint");
    world.run(&["log", "verify", "--store", "store"]).exits(3).complains("rolled the store back");
    log(&world, &["list"]).exits(3).tells("log-forked");
    let said = world.run(&["--json", "verify", "shop-1.0.0", "--store", "store"]).exits(3);
    assert_eq!(said.findings(), ["log-forked log/checkpoint"]);
    // Nobody appends to it, either; and another view of the same length is no better.
    world.run(&["publish", "out/shop-1.1.0", "--store", "store"]).exits(3).tells("log-forked");
    world.run(&["-C", "shop", "seal", "--version", "1.2.0", "--out", "../out"]).done();
    world.run(&["publish", "out/shop-1.2.0", "--store", "store", "--state", "another-host"]).done();
    verify_finds(&world, 3, "log-forked log/checkpoint");
    log(&world, &["verify", "--first"]).exits(3).tells("log-forked");
    fs::remove_dir_all(world.path().join("store")).unwrap();
    fs::rename(&two, world.path().join("store")).unwrap();
    log(&world, &["verify"]).done();
}

/// Lays an archive into the store whose receipt is of this time, and which the log does not know.
fn lay(world: &World, name: &str, created_at: jiff::Timestamp) {
    let bytes = b"ciphertext";
    let receipt = Receipt {
        project: "shop".into(),
        kind: Kind::Backup,
        version: name.strip_prefix("shop-").unwrap().into(),
        name: name.into(),
        size_bytes: bytes.len() as u64,
        seal_sha256: Sha256([1; 32]),
        tagmanifest_sha256: Sha256([2; 32]),
        payload: Totals { files: 1, bytes: 2 },
        recipients: 1,
        bases: Vec::new(),
        evaluated_at: created_at,
        created_at,
    };
    let file = format!("{name}.tar.zst.age");
    let statement = receipt.for_archive(&*file, Sha256::of(bytes));
    fs::create_dir_all(store(world, "archives")).unwrap();
    fs::write(store(world, &format!("archives/{file}")), bytes).unwrap();
    let bundle = own_key(world).sign_statement(&statement).to_bytes();
    fs::write(store(world, &format!("archives/{file}.sigstore.json")), bundle).unwrap();
}

#[test]
fn an_archive_that_the_log_does_not_know_is_a_warning_for_a_day_and_then_a_finding() {
    let world = two();
    let hours_ago = |hours: i64| jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    lay(&world, "shop-young", hours_ago(23));
    let said = log(&world, &["verify"]).done();
    assert_eq!(said.findings(), ["not-logged archives/shop-young.tar.zst.age"]);
    lay(&world, "shop-old", hours_ago(25));
    verify_finds(&world, 3, "not-logged archives/shop-old.tar.zst.age");
    fs::remove_file(store(&world, "archives/shop-old.tar.zst.age")).unwrap();
    log(&world, &["verify"]).done();
    // Of a time to come, and without a receipt that holds.
    lay(&world, "shop-future", hours_ago(-1));
    verify_finds(&world, 3, "not-logged archives/shop-future.tar.zst.age");
    fs::write(store(&world, "archives/shop-future.tar.zst.age.sigstore.json"), "{}").unwrap();
    verify_finds(&world, 3, "not-logged archives/shop-future.tar.zst.age");
}

#[test]
fn a_release_that_was_laid_into_the_store_verifies_with_a_warning_while_it_is_young() {
    let world = two();
    world.run(&["-C", "shop", "seal", "--version", "1.2.0", "--out", "../new"]).done();
    copy_tree(&world.path().join("new"), &store(&world, "releases/shop-1.2.0"));
    let said = world.run(&["--json", "verify", "shop-1.2.0", "--store", "store"]).done();
    assert_eq!(said.findings(), ["not-logged shop-1.2.0"]);
    // Under the name of one that is logged it is another one's.
    let file = |name: &str| store(&world, &format!("releases/shop-1.0.0/{name}"));
    let receipt = "shop-1.0.0.tar.zst.age.sigstore.json";
    fs::copy(store(&world, "releases/shop-1.1.0/shop-1.1.0.tar.zst.age.sigstore.json"), file(receipt))
        .unwrap();
    let said = world.run(&["--json", "verify", "shop-1.0.0", "--store", "store"]).exits(3);
    assert!(said.findings().contains(&"altered shop-1.0.0".to_owned()), "{}", said.out);
}

#[test]
fn a_proof_verifies_without_the_store_and_only_for_its_archive() {
    let world = two();
    let prove =
        |flags: &[&str]| world.run(&[&["log", "prove", "shop-1.0.0", "--store", "store"], flags].concat());
    prove(&[]).done().says("leaf 0 of 2");
    prove(&[]).exits(1).complains("never overwritten");
    prove(&["--json", "--out", "other.tlog-proof"]).done().json();
    world.run(&["log", "prove", "shop-1.0.1", "--store", "store"]).exits(1).complains("did you mean shop-1.");
    fs::remove_dir_all(world.path().join("store")).unwrap();
    let verify = |archive: &str, proof: &str| {
        world.run(&[
            "--json",
            "verify",
            &format!("out/{archive}.tar.zst.age"),
            "--evidence-only",
            "--proof",
            proof,
        ])
    };
    verify("shop-1.0.0", "shop-1.0.0.tlog-proof").done();
    verify("shop-1.0.0", "other.tlog-proof").done();
    let refuses = |archive: &str, proof: &str| {
        let said = verify(archive, proof).exits(3);
        assert!(said.findings().iter().any(|found| found.starts_with("proof-invalid ")), "{}", said.out);
    };
    refuses("shop-1.1.0", "shop-1.0.0.tlog-proof");
    let good = fs::read_to_string(world.path().join("shop-1.0.0.tlog-proof")).unwrap();
    for (from, to) in [("index 0", "index 1"), ("@v1", "@v2"), ("extra ", "extra AAAA")] {
        fs::write(world.path().join("bad"), good.replacen(from, to, 1)).unwrap();
        refuses("shop-1.0.0", "bad");
    }
    fs::write(world.path().join("bad"), good.replacen("\n2\n", "\n3\n", 1)).unwrap();
    let said = verify("shop-1.0.0", "bad").exits(3);
    assert!(said.findings().iter().any(|found| found.starts_with("signature-invalid")), "{}", said.out);
    // A key that may seal and not log.
    let by_key = [
        "--json",
        "verify",
        "out/shop-1.0.0.tar.zst.age",
        "--evidence-only",
        "--proof",
        "shop-1.0.0.tlog-proof",
        "--key",
        "home/signing.pub",
    ];
    let said = world.run(&by_key).exits(3);
    assert_eq!(said.findings(), ["signer-not-allowed shop-1.0.0.tlog-proof"]);
    fs::remove_file(world.receipt()).unwrap();
    refuses("shop-1.0.0", "shop-1.0.0.tlog-proof");
}

/// The system ends it at the first byte that it writes.
#[test]
fn a_killed_run_leaves_no_half_a_proof() {
    let world = World::sealed();
    publish(&world, &[]).done();
    let line = r#"ulimit -f 0; exec "$0" log prove shop-1.0.0 --store store"#;
    let mut shell = std::process::Command::new("sh");
    let ended = shell.args(["-c", line, env!("CARGO_BIN_EXE_attestar")]).current_dir(world.path());
    assert!(!ended.env("ATTESTAR_HOME", world.home()).output().unwrap().status.success());
    assert!(!world.path().join("shop-1.0.0.tlog-proof").exists());
    world.run(&["log", "prove", "shop-1.0.0", "--store", "store"]).done();
}

#[test]
fn what_a_revoked_key_signed_counts_if_this_host_saw_it_in_the_log_before() {
    let world = two();
    world.run(&["log", "prove", "shop-1.0.0", "--store", "store"]).done();
    let own = fs::read_to_string(world.home().join("trust.toml")).unwrap();
    let revoked = |at: &str| {
        fs::write(world.home().join("revoked.toml"), format!("{own}revoked_at = {at}\n")).unwrap();
    };
    let trust = ["--trust", "home/revoked.toml"];
    let verify = |flags: &[&str]| {
        let proof = ["--json", "verify", "out/shop-1.0.0.tar.zst.age", "--proof", "shop-1.0.0.tlog-proof"];
        world.run(&[&proof[..], &trust, flags].concat())
    };
    // After it was seen: the log, every statement, and the whole pack by the proof.
    revoked("2099-01-01T00:00:00Z");
    log(&world, &["verify", "--trust", "home/revoked.toml"]).done();
    verify(&[]).done();
    // Before, and on a host that has not seen it.
    let refuses = |said: Said| {
        let said = said.exits(3);
        assert!(said.findings().iter().any(|found| found.starts_with("signer-revoked")), "{}", said.out);
    };
    refuses(verify(&["--state", "elsewhere"]));
    refuses(log(&world, &["verify", "--first", "--state", "elsewhere", "--trust", "home/revoked.toml"]));
    refuses(world.run(&[&["--json", "verify", "out/shop-1.0.0.tar.zst.age"], &trust[..]].concat()));
    revoked("2020-01-01T00:00:00Z");
    refuses(verify(&[]));
    refuses(log(&world, &["verify", "--trust", "home/revoked.toml"]));
}

/// A second key beside the own one, which may seal, receipt and log, and the own one revoked after what it signed was seen.
fn own_key_revoked(world: &World) {
    crate::signers::people(world);
    let own = fs::read_to_string(world.home().join("trust.toml")).unwrap();
    let captain = "[[signer]]\nrole = \"risk\"\nkey = \"../risk.pub\"\nmay = [\"seal:release\", \"receipt\", \"log\"]\n";
    fs::write(
        world.home().join("revoked.toml"),
        format!("{own}revoked_at = 2099-01-01T00:00:00Z\n{captain}"),
    )
    .unwrap();
}

#[test]
fn a_revoked_keys_newest_checkpoint_stops_nobody_who_saw_it_before() {
    let world = World::sealed();
    publish(&world, &[]).done();
    own_key_revoked(&world);
    let trust = ["--trust", "home/revoked.toml"];
    log(&world, &[&["list"], &trust[..]].concat()).done();
    log(&world, &[&["prove", "shop-1.0.0"], &trust[..]].concat()).done();
    world.run(&[&["copy", "shop-1.0.0", "--store", "store", "--to", "disk"], &trust[..]].concat()).done();
    world.run(&[&["verify", "shop-1.0.0", "--store", "store"], &trust[..]].concat()).done();
    // Writing goes on, by another key.
    let seal = ["-C", "shop", "seal", "--version", "1.1.0", "--out", "../out", "--key", "risk.key"];
    world.run(&seal).done();
    let publish = ["publish", "out/shop-1.1.0", "--store", "store", "--key", "risk.key"];
    world.run(&[&publish[..], &trust].concat()).done();
    log(&world, &[&["verify"], &trust[..]].concat()).done();
    // A host that has not seen it before believes none of this.
    let elsewhere = ["--state", "elsewhere"];
    log(&world, &[&["list"], &trust[..], &elsewhere].concat()).done();
    let said = log(&world, &[&["verify", "--first"], &trust[..], &elsewhere].concat()).exits(3);
    assert!(said.findings().iter().any(|found| found.starts_with("signer-revoked")), "{}", said.out);
}

#[test]
fn an_archive_that_the_log_does_not_know_hides_behind_no_other() {
    let world = two();
    let release = store(&world, "releases/shop-1.0.0/shop-1.0.0.tar.zst.age");
    // Of the same pack, not encrypted, beside it; in another's folder; at the top of the archives; too deep.
    for place in [
        "releases/shop-1.0.0/shop-1.0.0.tar.zst",
        "releases/shop-1.1.0/shop-1.0.0.tar.zst.age",
        "releases/shop-1.0.0.tar.zst.age",
        "archives/shop-1.0.0.tar.zst.age",
        "archives/old/shop-1.0.0.tar.zst.age",
    ] {
        let to = store(&world, place);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&release, &to).unwrap();
        // Without a receipt it may be a run that is still at it; but not after a day.
        let found = log(&world, &["verify"]).done().findings();
        assert_eq!(found, [format!("receipt-missing {place}.sigstore.json")]);
        let day = std::time::Duration::from_secs(25 * 3600);
        let old = std::time::SystemTime::now() - day;
        fs::File::open(&to).unwrap().set_modified(old).unwrap();
        verify_finds(&world, 3, &format!("receipt-missing {place}.sigstore.json"));
        let receipt = world.receipt();
        fs::copy(&receipt, format!("{}.sigstore.json", to.display())).unwrap();
        let said = log(&world, &["verify"]);
        assert!(said.findings().contains(&format!("not-logged {place}")), "{place}: {}", said.out);
        fs::remove_file(&to).unwrap();
        fs::remove_file(format!("{}.sigstore.json", to.display())).unwrap();
        log(&world, &["verify"]).done();
    }
}

#[test]
fn many_processes_append_at_once_and_lose_nothing() {
    let world = World::sealed();
    for version in ["1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"] {
        world.run(&["-C", "shop", "seal", "--version", version, "--out", "../out"]).done();
    }
    let start = |version: &str, host: usize| {
        let (pack, state) = (format!("out/shop-{version}"), format!("host-{host}"));
        let mut command = world.command(&["publish", &pack, "--store", "store", "--state", &state]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        command.spawn().expect("attestar starts")
    };
    fs::create_dir(world.path().join("store")).unwrap();
    let versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"];
    // Each release twice at once; half of them are killed on the way, and come again.
    let mut killed: Vec<_> =
        versions.iter().enumerate().map(|(host, version)| start(version, host)).collect();
    // As soon as one of them has put anything into the store: none is through by then.
    let begun = std::time::Instant::now();
    while names_in(&world.path().join("store")).is_empty() {
        assert!(begun.elapsed().as_secs() < 60, "nobody begins");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let mut died = 0;
    for child in killed.iter_mut().step_by(2) {
        let _ = child.kill();
        died += usize::from(!child.wait().expect("it ends").success());
    }
    assert!(died > 0, "all of them were done before they were killed");
    let again: Vec<_> =
        versions.iter().enumerate().map(|(host, version)| start(version, 10 + host)).collect();
    for child in killed.into_iter().skip(1).step_by(2).chain(again) {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let document = log(&world, &["list"]).done().json();
    let mut names: Vec<&str> =
        document["leaves"].as_array().unwrap().iter().map(|leaf| leaf["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, versions.map(|version| format!("shop-{version}")));
    log(&world, &["verify", "--first"]).done();
}

#[test]
fn a_store_without_a_log_is_no_pass() {
    let world = World::without_keys();
    fs::create_dir(world.path().join("store")).unwrap();
    let said = log(&world, &["verify"]).exits(5);
    assert_eq!(said.findings(), ["nothing-checked log/checkpoint"]);
    log(&world, &["list"]).exits(5).tells("nothing-checked");
    log(&world, &["prove", "shop-1.0.0"]).exits(5).tells("nothing-checked");
    let sealed = two();
    let said = sealed
        .run(&["--json", "log", "verify", "--store", "store", "--key", "home/signing.pub"])
        .exits(3)
        .tells("signer-not-allowed");
    assert_eq!(said.findings(), ["signer-not-allowed log/checkpoint"]);
}

#[test]
fn a_log_of_no_leaves_proves_nothing() {
    let world = World::new();
    fs::create_dir_all(store(&world, "log")).unwrap();
    let empty = Checkpoint { origin: "shop".into(), size: 0, root: Sha256::of(b"") };
    fs::write(store(&world, "log/checkpoint"), crate::forge::own_key(&world).sign_checkpoint(&empty))
        .unwrap();
    for command in [&["log", "verify", "--first"][..], &["log", "list"]] {
        let said = world.run(&[command, &["--store", "store", "--json"]].concat()).exits(5);
        assert!(said.out.contains("nothing-checked"), "{}", said.out);
    }
}
