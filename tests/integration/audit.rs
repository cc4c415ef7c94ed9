//! `verify --policy`: an auditor judges a sealed release by a policy of his own.

use crate::world::{Said, World, names_in};
use serde_json::Value;
use std::fs;

const SEALED: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"doc\"
paths = [\"docs/**\", \"CHANGELOG.md\"]
[[gate]]
id = \"checks\"
check = \"command\"
run = [\"sh\", \"-c\", \"echo ran >> ../runs; echo fine\"]
variables = [\"PATH\"]
[[gate]]
id = \"readiness\"
check = \"checklist\"
file = \"reports/readiness.md\"
[[gate]]
id = \"log\"
check = \"changelog\"
";

const OWN: &str = "schema = 1
name = \"audit\"
[[include]]
class = \"doc\"
paths = [\"**\"]
";

const ARCHIVE: &str = "out/shop-1.0.0.tar.zst.age";
const FOLDER: &str = "out/shop-1.0.0";

/// A release, sealed with its payload in the folder as well.
fn sealed() -> World {
    let world = World::new();
    world.write("attestar.toml", SEALED);
    world.write("CHANGELOG.md", "# Changelog\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n");
    world.write("docs/guide.md", "# Guide\n\n## Use\n\nLike this.\n");
    world.write("docs/checklist.md", "- [ ] told\n");
    world.write("reports/readiness.md", "- [x] tested\n");
    world.seal(&["--payload"]).done();
    assert_eq!(runs(&world), 1);
    world
}

fn runs(world: &World) -> usize {
    fs::read_to_string(world.path().join("runs")).map_or(0, |text| text.lines().count())
}

fn verify(world: &World, target: &str, gates: &str, flags: &[&str]) -> Said {
    fs::write(world.path().join("audit.toml"), format!("{OWN}{gates}")).unwrap();
    world.run(&[&["--policy", "audit.toml", "verify", target], flags].concat())
}

fn policy_check(document: &Value) -> (String, String) {
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == "policy").expect("a check of the policy");
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("detail"))
}

/// The gates are judged with this exit code, of archive and folder alike; gives the findings.
#[track_caller]
fn judged(world: &World, gates: &str, flags: &[&str], exit: i32, detail: &str) -> Vec<String> {
    let mut findings = None;
    for target in [ARCHIVE, FOLDER] {
        let said = verify(world, target, gates, &[flags, &["--json"]].concat()).exits(exit);
        let (_, found) = policy_check(&said.json());
        assert_eq!(found, detail, "{target}: {}", said.out);
        let of_policy: Vec<String> =
            said.findings().into_iter().filter(|found| !found.starts_with("bag-")).collect();
        assert_eq!(findings.get_or_insert_with(|| of_policy.clone()), &of_policy, "{target}");
    }
    assert_eq!(runs(world), 1, "nothing is started");
    findings.unwrap_or_default()
}

const CHANGELOG: &str = "[[gate]]\nid = \"changes\"\ncheck = \"changelog\"\n";
const SECRETS: &str = "[[gate]]\nid = \"no-credentials\"\ncheck = \"secrets\"\n";
const WINDOW: &str = "[[gate]]\nid = \"any-time\"\ncheck = \"window\"\nwindows = [\"Mon-Sun 00:00-24:00\"]\n";

#[test]
fn a_pack_that_the_auditors_policy_lets_go() {
    let world = sealed();
    let gates = [CHANGELOG, SECRETS, WINDOW].concat();
    let found = judged(&world, &gates, &[], 0, "audit (audit.toml): 3 passed, 0 failed");
    assert_eq!(found, [""; 0]);
    verify(&world, ARCHIVE, &gates, &[]).done().says("policy       audit (audit.toml): 3 passed, 0 failed");
    // Without the flag there is no such line, whatever lies in the tree.
    let plain = world.run(&["-C", "shop", "verify", ARCHIVE, "--json"]).done().json();
    assert!(plain["checks"].as_array().unwrap().iter().all(|check| check["name"] != "policy"));
}

#[test]
fn a_pack_that_it_refuses() {
    let world = sealed();
    let notes =
        "[[gate]]\nid = \"notes\"\ncheck = \"notes\"\nfile = \"docs/guide.md\"\nheadings = [\"Risks\"]\n";
    let boxes = "[[gate]]\nid = \"boxes\"\ncheck = \"checklist\"\nfile = \"docs/checklist.md\"\n";
    let found =
        judged(&world, &[CHANGELOG, notes, boxes].concat(), &[], 4, "audit (audit.toml): 1 passed, 2 failed");
    assert!(found[0].starts_with("gate-notes notes: docs/guide.md"), "{found:?}");
    assert!(found.contains(&"gate-checklist boxes: docs/checklist.md:1".to_owned()), "{found:?}");
    verify(&world, ARCHIVE, boxes, &[]).exits(4).says("gate-checklist").says("refused: 1 finding");
    // As a warning it is said, and refuses nothing.
    let warning = format!("{boxes}severity = \"warning\"\n");
    let found = judged(&world, &warning, &[], 0, "audit (audit.toml): 0 passed, 1 failed");
    assert_eq!(found, ["gate-checklist boxes: docs/checklist.md:1"]);
}

#[test]
fn what_a_pack_cannot_tell_is_not_checked() {
    let world = sealed();
    let cases = [
        ("check = \"clean\"", "what git said is not in the pack"),
        ("check = \"tag\"", "git"),
        ("check = \"hashes\"", "HASHES.sha256.txt is not in the pack"),
        ("check = \"checklist\"\nfile = \"reports/other.md\"", "reports/other.md is not in the pack"),
        ("check = \"junit\"\nfiles = [\"reports/*.xml\"]\nmin_tests = 1", "not in the pack"),
        (
            "check = \"command\"\nrun = [\"sh\", \"-c\", \"echo ran >> runs\"]\nvariables = [\"PATH\"]",
            "not run",
        ),
        ("check = \"backup\"\nwithin = \"26h\"", "log"),
    ];
    for (gate, reason) in cases {
        let gates = format!("{CHANGELOG}[[gate]]\nid = \"other\"\n{gate}\n");
        let detail = "audit (audit.toml): 1 passed, 1 not checked, 0 failed";
        assert_eq!(judged(&world, &gates, &[], 5, detail), ["gate-unchecked other"], "{gate}");
        let said = verify(&world, FOLDER, &gates, &[]).exits(5);
        let words: Vec<&str> = said.out.split_whitespace().collect();
        assert!(words.join(" ").contains(reason), "{reason}: {}", said.out);
        said.says("not verified: a gate could not be judged by what is in the pack");
    }
    for stage in ["promote", "close"] {
        let gates = format!(
            "[[gate]]\nid = \"later\"\ncheck = \"checklist\"\nstage = \"{stage}\"\nfile = \"reports/readiness.md\"\n"
        );
        let detail = "audit (audit.toml): 0 passed, 1 not checked, 0 failed";
        assert_eq!(judged(&world, &gates, &[], 5, detail), ["gate-unchecked later"]);
    }
}

#[test]
fn what_was_signed_of_the_same_gate_counts_and_of_another_does_not() {
    let world = sealed();
    let command = "[[gate]]\nid = \"theirs\"\ncheck = \"command\"\nvariables = [ 'PATH' ]\n\
                   run = [\"sh\", \"-c\", \"echo ran >> ../runs; echo fine\"]\n";
    let ready = "[[gate]]\nid = \"ready\"\ncheck = \"checklist\"\nfile = 'reports/readiness.md'\n";
    let detail = "audit (audit.toml): 0 passed, 2 passed as signed before, 0 failed";
    assert_eq!(judged(&world, &format!("{command}{ready}"), &[], 0, detail), [""; 0]);
    let detail = "audit (audit.toml): 0 passed, 1 not checked, 0 failed";
    for other in [
        format!("{command}time_limit = \"11m\"\n"),
        command.replace("echo fine", "echo good"),
        format!("{ready}section = \"Before\"\n"),
        format!("{ready}stage = \"promote\"\n"),
    ] {
        let id = if other.contains("theirs") { "theirs" } else { "ready" };
        assert_eq!(judged(&world, &other, &[], 5, detail), [format!("gate-unchecked {id}")], "{other}");
    }
}

#[test]
fn the_evidence_alone_is_judged_by_what_is_signed_of_it() {
    let world = sealed();
    let same = "[[gate]]\nid = \"changes\"\ncheck = \"changelog\"\n";
    let detail = "audit (audit.toml): 1 passed, 1 passed as signed before, 0 failed";
    assert_eq!(judged(&world, &format!("{same}{WINDOW}"), &["--evidence-only"], 0, detail), [""; 0]);
    let detail = "audit (audit.toml): 0 passed, 1 not checked, 0 failed";
    assert_eq!(judged(&world, SECRETS, &["--evidence-only"], 5, detail), ["gate-unchecked no-credentials"]);
}

#[test]
fn it_is_judged_by_the_time_of_the_receipt_and_not_without() {
    let world = sealed();
    let frozen = "[[gate]]\nid = \"freeze\"\ncheck = \"window\"\nblackouts = [\"2020-01-01..2200-01-01\"]\n";
    let detail = "audit (audit.toml): 0 passed, 1 failed";
    assert_eq!(judged(&world, frozen, &[], 4, detail), ["gate-window freeze: blackouts"]);
    fs::rename(world.receipt(), world.path().join("receipt")).unwrap();
    let said = verify(&world, FOLDER, WINDOW, &["--json"]).exits(5);
    assert_eq!(said.findings(), ["nothing-checked policy"]);
}

#[test]
fn what_does_not_verify_is_not_judged_and_nothing_is_no_pass() {
    let world = sealed();
    let said = verify(&world, FOLDER, "", &["--json"]).exits(5);
    assert_eq!(said.findings(), ["nothing-checked policy"], "a policy without gates");
    let skipped = format!("{CHANGELOG}when = {{ tier = [\"major\"] }}\n[project]\ntier = \"minor\"\n");
    let said = verify(&world, FOLDER, &skipped, &["--json"]).exits(5);
    assert_eq!(policy_check(&said.json()).1, "audit (audit.toml): 0 passed, 1 skipped, 0 failed");
    let guide = world.evidence().join("data/docs/guide.md");
    let honest = fs::read(&guide).unwrap();
    fs::write(&guide, "# Other\n").unwrap();
    let said = verify(&world, FOLDER, CHANGELOG, &["--json"]).exits(3);
    assert_eq!(
        policy_check(&said.json()),
        ("skipped".into(), "not judged: what is above does not hold".into())
    );
    fs::write(&guide, honest).unwrap();
    // Somebody's bag is no pack.
    let bag = world.path().join("bag");
    fs::create_dir_all(bag.join("data")).unwrap();
    fs::write(bag.join("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n").unwrap();
    fs::write(bag.join("data/a"), "a").unwrap();
    let digest = attestar::format::digest::Sha256::of(b"a");
    fs::write(bag.join("manifest-sha256.txt"), format!("{digest}  data/a\n")).unwrap();
    let said = verify(&world, "bag", CHANGELOG, &["--allow-unsigned", "--json"]).exits(5);
    assert!(said.findings().contains(&"nothing-checked policy".to_owned()), "{}", said.out);
    // A policy that is none is told before anything is verified.
    verify(&world, FOLDER, "[[gate]]\nid = \"x\"\ncheck = \"chanelog\"\n", &[])
        .exits(2)
        .complains("audit.toml:8")
        .complains("did you mean `changelog`?");
    world.run(&["--policy", "none.toml", "verify", FOLDER]).exits(2);
    assert!(!names_in(world.path()).contains(&"none.toml".to_owned()));
}

#[test]
fn what_the_provenance_says_of_commit_and_tag_is_judged() {
    let world = World::new();
    let policy =
        "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"artifact\"\npaths = [\"dist/**\"]\n";
    world.write("attestar.toml", policy);
    world.write("dist/tool.bin", "tool");
    crate::repository::commit(&world.tree());
    crate::repository::git(&world.tree(), &["tag", "--annotate", "--message", "Released", "v1.0.0"]);
    world.seal(&["--payload"]).done();
    let gates = "[[gate]]\nid = \"committed\"\ncheck = \"clean\"\n\
                 [[gate]]\nid = \"tagged\"\ncheck = \"tag\"\nsigned = false\nany_branch = true\n";
    let judged = |gates: &str, exit: i32| {
        let said = verify(&world, FOLDER, gates, &["--json"]).exits(exit);
        (policy_check(&said.json()).1, said.findings())
    };
    assert_eq!(judged(gates, 0).0, "audit (audit.toml): 2 passed, 0 failed");
    // By whom the tag was signed, and on which branch it lies, was judged by the keys and names of the sealed policy.
    for other in [gates.replace("signed = false\n", ""), gates.replace("any_branch = true\n", "")] {
        assert_eq!(judged(&other, 5).1, ["gate-unchecked tagged"], "{other}");
    }
    let renamed = format!("{gates}[project]\ntag = \"release-{{version}}\"\n");
    assert_eq!(judged(&renamed, 5).1, ["gate-unchecked tagged"]);
}
