//! `approve`, and what approvals are worth to whoever verifies.

use crate::forge::{Pack, Tar, file, own_key, publish};
use crate::signers::{Person, QA, RISK, STRANGER, TRUST, WITNESS, people, trust};
use crate::world::{Said, World, everything_in, names_in};
use attestar::evidence::approvals::file_name;
use attestar::format::approval::Approval;
use attestar::format::digest::Sha256;
use attestar::format::kind::Kind;
use attestar::keys::signing::SigningKey;
use std::fs;
use std::path::PathBuf;

const ARCHIVE: &str = "out/shop-1.0.0.tar.zst.age";
const FOLDER: &str = "out/shop-1.0.0";
const TWO: &str = "[approvals]\nany_of = [\"qa\", \"risk\"]\nat_least = 2\n";

/// A sealed release, and the people around it.
fn sealed() -> World {
    let world = World::sealed();
    people(&world);
    world
}

fn approve(world: &World, target: &str, by: Person, flags: &[&str]) -> Said {
    let key = by.key_file();
    world.run(&[&["approve", target, "--role", by.0, "--key", &key], &TRUST[..], flags].concat())
}

/// Where somebody's approval in a role lies.
fn place(world: &World, role: &str, key: &SigningKey) -> PathBuf {
    world.evidence().join(file_name(role, &key.public().key_id()))
}

/// What somebody would say of this release in a role.
fn said(world: &World, role: &str) -> Approval {
    Approval {
        project: "shop".into(),
        kind: Kind::Release,
        version: "1.0.0".into(),
        role: role.into(),
        seal_sha256: digest(world, "attestations/seal.sigstore.json"),
        approved_at: "2026-11-20T14:02:00Z".parse().unwrap(),
    }
}

fn digest(world: &World, name: &str) -> Sha256 {
    Sha256::of(&fs::read(world.evidence().join(name)).unwrap())
}

/// Lays an approval beside the seal, under the name that it should have.
fn forge(world: &World, key: &SigningKey, approval: Approval) {
    let path = place(world, &approval.role, key);
    let statement = approval.over(digest(world, "tagmanifest-sha256.txt"));
    fs::write(path, key.sign_statement(&statement).to_bytes()).unwrap();
}

fn approvals(world: &World) -> Vec<String> {
    let names = names_in(&world.evidence().join("attestations"));
    names.into_iter().filter(|name| name.starts_with("approval.")).collect()
}

/// Verifying archive and folder comes to this, with these findings.
#[track_caller]
fn verifies(world: &World, exit: i32, findings: &[&str]) {
    for target in [ARCHIVE, FOLDER] {
        let flags = ["--json", "verify", target, "--evidence-only"];
        let said = world.run(&[&flags[..], &TRUST[..]].concat()).exits(exit);
        assert_eq!(said.findings(), findings, "{target}");
    }
}

#[test]
fn as_many_as_trust_asks_for_have_to_approve() {
    let world = sealed();
    world.verify(&TRUST).done().says("the policy asks for none").says("not applicable");
    trust(&world, &[("", TWO)]);
    verifies(&world, 4, &["approval-missing approvals"]);
    world
        .verify(&TRUST)
        .exits(4)
        .says("0 of 2 asked for")
        .says("refused: 1 finding")
        .complains("attestar approve");
    approve(&world, ARCHIVE, QA, &[]).done().says("approved    shop-1.0.0").says("wrote");
    verifies(&world, 4, &["approval-missing approvals"]);
    let document = approve(&world, FOLDER, RISK, &["--json"]).done().json();
    assert_eq!((&document["role"], &document["already"]), (&"risk".into(), &false.into()));
    assert!(place(&world, "qa", &QA.key()).is_file() && place(&world, "risk", &RISK.key()).is_file());
    verifies(&world, 0, &[]);
    world.verify(&TRUST).done().says("2 of 2 asked for; qa, risk");
    // Stripped.
    fs::remove_file(place(&world, "qa", &QA.key())).unwrap();
    verifies(&world, 4, &["approval-missing approvals"]);
    // What differs is seen before anything is approved.
    world.run(&[&["diff", FOLDER, FOLDER], &TRUST[..]].concat()).done();
}

#[test]
fn approving_again_changes_nothing() {
    let world = sealed();
    approve(&world, FOLDER, QA, &[]).done();
    let before = everything_in(world.path());
    let first = fs::read(place(&world, "qa", &QA.key())).unwrap();
    approve(&world, FOLDER, QA, &[]).done().says("already at");
    assert_eq!(approve(&world, ARCHIVE, QA, &["--json"]).done().json()["already"], true);
    assert_eq!(everything_in(world.path()), before);
    assert_eq!(fs::read(place(&world, "qa", &QA.key())).unwrap(), first);
    // Something else under that name is not overwritten.
    fs::write(place(&world, "qa", &QA.key()), "mine").unwrap();
    approve(&world, FOLDER, QA, &[]).exits(3).complains("bundle-invalid");
    assert_eq!(fs::read(place(&world, "qa", &QA.key())).unwrap(), b"mine");
}

#[test]
fn an_approval_that_would_not_count_is_not_signed() {
    let world = sealed();
    let before = everything_in(world.path());
    let refused = |by: Person, flags: &[&str], exit: i32, says: &str| {
        approve(&world, FOLDER, by, flags).exits(exit).complains(says);
        assert_eq!(everything_in(world.path()), before, "{says}: something was left behind");
    };
    refused(WITNESS, &[], 3, "signer-not-allowed");
    refused(STRANGER, &[], 3, "signer-unknown");
    let as_qa =
        |key: &str| world.run(&[&["approve", FOLDER, "--role", "qa", "--key", key], &TRUST[..]].concat());
    as_qa("risk.key")
        .exits(2)
        .complains("trust gives this key the role risk, not qa")
        .complains("--role risk");
    let own = ["approve", FOLDER, "--role", "captain", "--key", "home/signing.key"];
    world.run(&[&own[..], &TRUST[..]].concat()).exits(2).complains("this key sealed the release");
    for (term, code) in [
        ("not_after = 2020-01-01T00:00:00Z", "signer-expired"),
        ("revoked_at = 2020-01-01T00:00:00Z", "signer-revoked"),
        ("projects = ['bank']", "signer-wrong-project"),
    ] {
        trust(&world, &[("qa", term)]);
        approve(&world, FOLDER, QA, &[]).exits(3).complains(code);
    }
    assert_eq!(approvals(&world), [""; 0]);
}

#[test]
fn nothing_is_approved_unseen() {
    let world = sealed();
    let refused = |exit: i32, says: &str| {
        approve(&world, FOLDER, QA, &[]).exits(exit).complains(says);
        assert_eq!(approvals(&world), [""; 0]);
    };
    let pack = world.evidence().join("pack.json");
    let honest = fs::read(&pack).unwrap();
    fs::write(&pack, [&honest[..], b" "].concat()).unwrap();
    refused(3, "altered");
    fs::write(&pack, honest).unwrap();
    trust(&world, &[("captain", "revoked_at = 2020-01-01T00:00:00Z")]);
    refused(3, "signer-revoked");
    trust(&world, &[]);
    fs::remove_file(world.evidence().join("attestations/seal.sigstore.json")).unwrap();
    refused(1, "there is no seal in out/shop-1.0.0");
    fs::remove_dir_all(world.evidence()).unwrap();
    approve(&world, ARCHIVE, QA, &[]).exits(1).complains("keep the evidence folder beside the archive");
    let nobody = World::without_keys();
    fs::copy(world.path().join("qa.key"), nobody.path().join("qa.key")).unwrap();
    let other = World::sealed();
    let target = other.evidence().display().to_string();
    nobody.run(&["approve", &target, "--role", "qa", "--key", "qa.key"]).exits(5).complains("no-trust");
    assert_eq!(approvals(&other), [""; 0]);
}

#[test]
fn a_key_counts_once_and_the_sealer_never() {
    let world = sealed();
    trust(&world, &[("", TWO)]);
    let (qa, own) = (QA.key(), own_key(&world));
    let missing = "approval-missing approvals";
    let name = |role: &str, key: &SigningKey| file_name(role, &key.public().key_id());
    forge(&world, &qa, said(&world, "qa"));
    // The same key in a second role.
    forge(&world, &qa, said(&world, "risk"));
    let not_counted = format!("approval-not-counted {}", name("risk", &qa));
    verifies(&world, 4, &[&not_counted, missing]);
    fs::remove_file(place(&world, "risk", &qa)).unwrap();
    forge(&world, &own, said(&world, "captain"));
    let not_counted = format!("approval-not-counted {}", name("captain", &own));
    trust(&world, &[("", &TWO.replace("\"risk\"", "\"captain\""))]);
    verifies(&world, 4, &[&not_counted, missing]);
    // Somebody whom nobody knows.
    trust(&world, &[("", TWO)]);
    fs::remove_file(place(&world, "captain", &own)).unwrap();
    forge(&world, &STRANGER.key(), said(&world, "risk"));
    let unknown = format!("signer-unknown {}", name("risk", &STRANGER.key()));
    verifies(&world, 4, &[&unknown, missing]);
    forge(&world, &RISK.key(), said(&world, "risk"));
    verifies(&world, 0, &[&unknown]);
}

#[test]
fn what_does_not_verify_is_refused_though_enough_approve() {
    let world = sealed();
    for by in [QA, RISK] {
        approve(&world, FOLDER, by, &[]).done();
    }
    trust(&world, &[("", &TWO.replace('2', "1"))]);
    verifies(&world, 0, &[]);
    let (qa, path) = (QA.key(), place(&world, "qa", &QA.key()));
    let name = file_name("qa", &qa.public().key_id());
    let honest = fs::read(&path).unwrap();
    // Changed, cut short, empty.
    for bytes in [&honest[..honest.len() - 1], b"", &[&honest[..], b"\n"].concat()] {
        fs::write(&path, bytes).unwrap();
        verifies(&world, 3, &[&format!("bundle-invalid {name}")]);
    }
    // Of something else.
    type Bend = fn(&mut Approval);
    let bends: [(&str, Bend); 4] = [
        ("disagreement NAME: version", |said| said.version = "1.0.1".into()),
        ("disagreement NAME: seal", |said| said.seal_sha256 = Sha256::of(b"")),
        ("statement-invalid NAME", |said| said.project = "bank".into()),
        ("statement-invalid NAME", |said| said.kind = Kind::Backup),
    ];
    for (finding, bend) in bends {
        let mut approval = said(&world, "qa");
        bend(&mut approval);
        forge(&world, &qa, approval);
        verifies(&world, 3, &[&finding.replace("NAME", &name)]);
    }
    let other = said(&world, "qa").over(Sha256::of(b""));
    fs::write(&path, qa.sign_statement(&other).to_bytes()).unwrap();
    verifies(&world, 3, &[&format!("disagreement {name}: tagmanifest-sha256.txt")]);
    fs::remove_file(&path).unwrap();
    // By one who may not.
    forge(&world, &WITNESS.key(), said(&world, "witness"));
    let by_witness = file_name("witness", &WITNESS.key().public().key_id());
    verifies(&world, 3, &[&format!("signer-not-allowed {by_witness}")]);
    fs::remove_file(place(&world, "witness", &WITNESS.key())).unwrap();
    // Under another's name.
    fs::rename(place(&world, "risk", &RISK.key()), &path).unwrap();
    verifies(&world, 3, &[&format!("disagreement {name}: name"), "approval-missing approvals"]);
}

#[test]
fn an_approval_of_another_release_renamed() {
    let world = sealed();
    let other = sealed();
    approve(&other, FOLDER, QA, &[]).done();
    let name = file_name("qa", &QA.key().public().key_id());
    fs::copy(place(&other, "qa", &QA.key()), place(&world, "qa", &QA.key())).unwrap();
    verifies(&world, 3, &[&format!("disagreement {name}: seal")]);
}

#[test]
fn approvals_are_judged_by_a_trust_file_alone() {
    let world = sealed();
    approve(&world, FOLDER, QA, &[]).done();
    let said = world.verify(&["--key", "home/signing.pub", "--key", "qa.pub"]).done();
    said.says("1 lies beside it; only a trust file can judge").says("skipped");
    world.verify(&TRUST).done().says("qa; the policy asks for none");
}

#[test]
fn nothing_else_may_lie_beside_the_seal() {
    let world = sealed();
    approve(&world, FOLDER, QA, &[]).done();
    let there = fs::read(place(&world, "qa", &QA.key())).unwrap();
    for name in [
        "attestations/approved.qa.sigstore.json",
        "attestations/gates.seal.x.sigstore.json",
        "attestations/waiver.window.sigstore.json",
        "attestations/approval.qa.json",
        "approval.qa.x.sigstore.json",
    ] {
        let path = world.evidence().join(name);
        fs::write(&path, &there).unwrap();
        let flags = ["--json", "verify", FOLDER, "--evidence-only"];
        let said = world.run(&[&flags[..], &TRUST[..]].concat()).exits(3);
        assert_eq!(said.findings(), [format!("extra {name}")]);
        fs::remove_file(path).unwrap();
    }
    let link = world.evidence().join("attestations/approval.risk.x.sigstore.json");
    std::os::unix::fs::symlink(place(&world, "qa", &QA.key()), &link).unwrap();
    let flags = ["--json", "verify", FOLDER, "--evidence-only"];
    world.run(&[&flags[..], &TRUST[..]].concat()).exits(3).tells("bundle-invalid");
    world.run(&[&["verify", ARCHIVE], &TRUST[..]].concat()).exits(3).says("no regular file");
}

#[test]
fn a_folder_that_was_moved_takes_its_approvals_along() {
    let world = sealed();
    trust(&world, &[("", &TWO.replace('2', "1"))]);
    approve(&world, FOLDER, QA, &[]).done();
    let moved = world.path().join("elsewhere/shop-1.0.0");
    fs::create_dir(world.path().join("elsewhere")).unwrap();
    fs::rename(world.evidence(), &moved).unwrap();
    let flags = ["verify", "elsewhere/shop-1.0.0", "--evidence-only"];
    world.run(&[&flags[..], &TRUST[..]].concat()).done().says("1 of 1 asked for; qa");
    // The archive alone has none.
    world.verify(&TRUST).exits(4).says("0 of 1 asked for");
}

#[test]
fn an_archive_holds_no_approvals() {
    let world = World::new();
    people(&world);
    let own = own_key(&world);
    let pack = Pack::of([file("a.md", "# Guide\n")]);
    let name = file_name("qa", &QA.key().public().key_id());
    let publish = |pack: &Pack| publish(&world, pack, &Tar::of(pack).container().bytes());
    // Beside the tag manifest, and in it.
    let mut beside = pack.clone().closed();
    beside.tags.insert(name.clone(), b"{}".to_vec());
    publish(&beside.signed(&own));
    world.refuses_with(3, &format!("extra {name}"), &TRUST);
    let mut listed = pack;
    listed.tags.insert(name, b"{}".to_vec());
    publish(&listed.sealed(&own));
    world.refuses_with(3, "manifest-invalid tagmanifest-sha256.txt", &TRUST);
}

#[test]
fn approvals_are_in_nobodys_way_when_a_folder_is_restored() {
    let world = World::release();
    people(&world);
    world.seal(&["--payload"]).done();
    approve(&world, FOLDER, QA, &[]).done();
    world.run(&[&["restore", FOLDER, "--to", "back"], &TRUST[..]].concat()).done();
    let restored = everything_in(&world.path().join("back"));
    assert!(restored.iter().all(|(path, _)| !path.display().to_string().contains("approval")));
    assert!(world.path().join("back/docs/guide.md").is_file());
}

#[test]
fn a_file_whose_name_is_no_text_stands_in_nobodys_way() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::sealed();
    let name = std::ffi::OsStr::from_bytes(b"approval.qa.\xff.sigstore.json");
    fs::write(world.evidence().join("attestations").join(name), "{}").unwrap();
    world.verify(&[]).done();
}
