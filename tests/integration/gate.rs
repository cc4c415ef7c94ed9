//! `gate`: what must hold before a release may go; and `seal`, which keeps to it.

use crate::world::{World, everything_in, names_in};
use attestar::format::bundle::Bundle;
use attestar::format::gates::{VerificationResult, VerificationSummary};
use attestar::format::statement::Statement;
use serde_json::Value;
use std::fs;

const GATES: &str = "attestations/gates.sigstore.json";

const ALL: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"doc\"
paths = [\"**\"]
[[gate]]
id = \"one-version\"
check = \"version\"
[[gate]]
id = \"changelog-entry\"
check = \"changelog\"
[[gate]]
id = \"release-notes\"
check = \"notes\"
file = \"docs/v{version}.md\"
headings = [\"Highlights\"]
[[gate]]
id = \"readiness\"
check = \"checklist\"
file = \"reports/readiness-{version}.md\"
section = \"Before\"
";

const CHANGELOG: &str = "# Changelog\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n";
const NOTES: &str = "# 1.0.0\n\n## Highlights\n\nThe shop opens.\n";
const CHECKLIST: &str =
    "# Readiness\n\n## Before\n\n- [x] tested\n- [x] backed up\n\n## After\n\n- [ ] told\n";

/// A release whose four gates hold.
fn shop(policy: &str) -> World {
    let world = World::new();
    world.write("attestar.toml", policy);
    world.write("VERSION", "1.0.0\n");
    world.write("CHANGELOG.md", CHANGELOG);
    world.write("docs/v1.0.0.md", NOTES);
    world.write("reports/readiness-1.0.0.md", CHECKLIST);
    world
}

fn gate(world: &World, flags: &[&str]) -> crate::world::Said {
    world.run(&[&["-C", "shop", "gate", "--version", "1.0.0"], flags].concat())
}

/// `id status` of every gate in the document.
fn statuses(document: &Value) -> Vec<String> {
    let gates = document["gates"].as_array().expect("gates");
    gates.iter().map(|gate| format!("{} {}", gate["id"], gate["status"]).replace('"', "")).collect()
}

const PASSED: [&str; 4] =
    ["one-version passed", "changelog-entry passed", "release-notes passed", "readiness passed"];

#[test]
fn a_release_that_may_go() {
    let world = shop(ALL);
    let before = everything_in(world.path());
    gate(&world, &[]).done().says("passed   4").says("the release may go: 4 gates at stage seal, none fails");
    gate(&world, &["--all"]).done().says("readiness           2 boxes ticked in reports/readiness-1.0.0.md");
    let document = gate(&world, &["--json"]).done().json();
    assert_eq!(statuses(&document), PASSED);
    let evidence = document["gates"][1]["evidence"].as_object().unwrap();
    assert_eq!(evidence.keys().collect::<Vec<_>>(), ["CHANGELOG.md"]);
    assert_eq!(everything_in(world.path()), before, "it writes nothing");
}

/// What breaks each gate: its id, its code, the file, its content (none: it is not there), and the subject of the fault.
const BROKEN: [(&str, &str, &str, Option<&str>, &str); 14] = [
    ("one-version", "gate-version", "VERSION", Some("1.0.1\n"), "VERSION"),
    ("one-version", "gate-version", "VERSION", Some("\n"), "files"),
    ("one-version", "gate-version", "VERSION", None, "files"),
    ("changelog-entry", "gate-changelog", "CHANGELOG.md", None, "CHANGELOG.md"),
    (
        "changelog-entry",
        "gate-changelog",
        "CHANGELOG.md",
        Some("# Changelog\n\n## [0.9.0] - 2026-11-01\n\n- Older.\n"),
        "CHANGELOG.md",
    ),
    (
        "changelog-entry",
        "gate-changelog",
        "CHANGELOG.md",
        Some("## [1.0.0] - soon\n\n- The shop opens.\n"),
        "CHANGELOG.md:1",
    ),
    (
        "changelog-entry",
        "gate-changelog",
        "CHANGELOG.md",
        Some("## [1.0.0]\n\n- The shop opens.\n"),
        "CHANGELOG.md:1",
    ),
    (
        "changelog-entry",
        "gate-changelog",
        "CHANGELOG.md",
        Some("## [1.0.0] - 2026-11-20\n\n### Added\n"),
        "CHANGELOG.md:1",
    ),
    (
        "changelog-entry",
        "gate-changelog",
        "CHANGELOG.md",
        Some("## Unreleased\n\n- Left.\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n"),
        "CHANGELOG.md:1",
    ),
    ("release-notes", "gate-notes", "docs/v1.0.0.md", None, "docs/v1.0.0.md"),
    (
        "release-notes",
        "gate-notes",
        "docs/v1.0.0.md",
        Some("# 1.0.0\n\n## Highlights\n\nTBD\n"),
        "docs/v1.0.0.md:3",
    ),
    (
        "release-notes",
        "gate-notes",
        "docs/v1.0.0.md",
        Some("# 0.9.0\n\n## Highlights\n\nOlder.\n"),
        "docs/v1.0.0.md",
    ),
    (
        "readiness",
        "gate-checklist",
        "reports/readiness-1.0.0.md",
        Some("## Before\n\n- [x] tested\n- [ ] backed up\n"),
        "reports/readiness-1.0.0.md:4",
    ),
    (
        "readiness",
        "gate-checklist",
        "reports/readiness-1.0.0.md",
        Some("## After\n\n- [x] told\n"),
        "reports/readiness-1.0.0.md",
    ),
];

#[test]
fn each_gate_in_turn_refuses_and_seal_leaves_nothing() {
    for (id, code, file, content, subject) in BROKEN {
        let world = shop(ALL);
        match content {
            Some(content) => world.write(file, content),
            None => fs::remove_file(world.tree().join(file)).unwrap(),
        }
        let document = gate(&world, &["--json"]).exits(4).json();
        let expected =
            PASSED.map(|line| if line.starts_with(id) { format!("{id} failed") } else { line.into() });
        assert_eq!(statuses(&document), expected, "{file}: {content:?}");
        let broken = document["gates"].as_array().unwrap().iter().find(|gate| gate["id"] == id).unwrap();
        assert_eq!(broken["code"], code);
        assert_eq!(broken["faults"][0]["subject"], subject, "{broken:#}");
        gate(&world, &[]).exits(4).says(&format!("failed   {id}")).says("refused: 1 of 4 gates fails");
        let before = everything_in(world.path());
        world.seal(&["--payload"]).exits(4).complains(code).complains(&format!("{id}: {subject}"));
        assert_eq!(world.seal(&["--json"]).exits(4).findings()[0], format!("{code} {id}: {subject}"));
        assert_eq!(names_in(&world.out()), [""; 0], "nothing was sealed");
        let after = everything_in(world.path());
        assert_eq!(
            after.iter().filter(|one| !one.0.ends_with("out")).collect::<Vec<_>>(),
            before.iter().collect::<Vec<_>>()
        );
    }
}

#[test]
fn files_that_hold_no_text() {
    let world = shop(ALL);
    for (id, file) in
        [("changelog-entry", "CHANGELOG.md"), ("release-notes", "docs/v1.0.0.md"), ("one-version", "VERSION")]
    {
        let honest = fs::read(world.tree().join(file)).unwrap();
        world.write(file, b"1.0.0 \xff\xfe");
        gate(&world, &[]).exits(4).says(&format!("failed   {id}"));
        world.write(file, honest);
    }
    gate(&world, &[]).done();
}

#[test]
fn only_some_gates_and_gates_that_are_none() {
    let world = shop(ALL);
    world.write("CHANGELOG.md", "# Changelog\n");
    let document = gate(&world, &["--only", "readiness", "--only", "one-version", "--json"]).done().json();
    assert_eq!(statuses(&document), ["one-version passed", "readiness passed"]);
    gate(&world, &["--only", "changelog-entry"]).exits(4).tells("has no entry at all");
    gate(&world, &["--only", "redyness"])
        .exits(2)
        .complains("no gate `redyness`")
        .complains("did you mean `readiness`?");
    gate(&world, &["--stage", "promote", "--only", "readiness"]).exits(2).complains("at stage promote");
    gate(&world, &["--stage", "sealing"]).exits(2).complains("there is no stage `sealing`");
}

#[test]
fn no_gate_at_all_is_no_pass() {
    let policy = ALL.split("[[gate]]").next().unwrap();
    let world = shop(policy);
    gate(&world, &[]).exits(5).says("not checked: no gate at stage seal applies");
    let document = gate(&world, &["--json"]).exits(5).json();
    assert_eq!(document["gates"], serde_json::json!([]));
    gate(&shop(ALL), &["--stage", "close"]).exits(5).tells("no gate at stage close applies");
    world.seal(&[]).done();
    assert!(!world.evidence().join(GATES).exists(), "nothing was evaluated");
    let said = world.verify(&["--json"]).done().json();
    let gates =
        said["checks"].as_array().unwrap().iter().find(|check| check["name"] == "gates").unwrap().clone();
    assert_eq!(gates["status"], "not-applicable", "{gates}");
}

#[test]
fn a_gate_of_other_releases_is_skipped_and_says_why() {
    let policy =
        ALL.replace("check = \"changelog\"\n", "check = \"changelog\"\nwhen = { tier = [\"major\"] }\n");
    let world = shop(&policy);
    world.write("CHANGELOG.md", "# Changelog\n");
    let document = gate(&world, &["--tier", "hotfix", "--json"]).done().json();
    assert_eq!(document["gates"][1]["status"], "skipped");
    assert_eq!(document["gates"][1]["detail"], "only for tier major; this one is hotfix");
    gate(&world, &["--tier", "major"]).exits(4).tells("has no entry at all");
    // A tier that is not known might be that one.
    gate(&world, &[]).exits(4).tells("has no entry at all");
    gate(&world, &["--tier", "hotfix", "--only", "changelog-entry"])
        .exits(5)
        .tells("no gate at stage seal applies");
    // Neither is it known how the version differs from the one before.
    let policy =
        ALL.replace("check = \"changelog\"\n", "check = \"changelog\"\nwhen = { bump = [\"patch\"] }\n");
    let world = shop(&policy);
    world.write("CHANGELOG.md", "# Changelog\n");
    gate(&world, &[]).exits(4).tells("has no entry at all");
}

#[test]
fn a_warning_is_said_and_refuses_nothing() {
    let policy = ALL.replace("check = \"changelog\"\n", "check = \"changelog\"\nseverity = \"warning\"\n");
    let world = shop(&policy);
    world.write("CHANGELOG.md", "# Changelog\n");
    gate(&world, &[]).done().says("failed   changelog-entry").says("(a warning)").says("the release may go");
    world.seal(&[]).done().says("gate-changelog");
    world.verify(&[]).done().says("3 passed, 1 failed when sealed");
}

#[test]
fn what_passed_stands_in_the_pack() {
    let world = shop(ALL);
    world.seal(&[]).done();
    let bundle = Bundle::parse_canonical(&fs::read(world.evidence().join(GATES)).unwrap()).unwrap();
    let said = Statement::<VerificationSummary>::parse(&bundle.envelope.payload).unwrap();
    assert_eq!(said.subject[0].name, "manifest-sha256.txt");
    let said = said.predicate;
    assert_eq!(said.resource_uri, "urn:attestar:pack:shop-1.0.0");
    assert_eq!(said.verification_result, VerificationResult::Passed);
    assert_eq!((&*said.gates.project, &*said.gates.version, &*said.gates.stage), ("shop", "1.0.0", "seal"));
    let gates: Vec<_> = said.gates.gates.iter().map(|gate| format!("{} {}", gate.id, gate.status)).collect();
    assert_eq!(gates, PASSED);
    assert_eq!(said.gates.gates[3].evidence[0].name, "reports/readiness-1.0.0.md");
    world.verify(&[]).done().says("4 passed, 0 failed when sealed");
}

#[test]
fn the_record_of_one_tree_is_the_same_each_time() {
    let world = shop(ALL);
    world.seal(&[]).done();
    let first = fs::read(world.evidence().join(GATES)).unwrap();
    fs::remove_dir_all(world.out()).unwrap();
    world.seal(&[]).done();
    assert_eq!(fs::read(world.evidence().join(GATES)).unwrap(), first);
}

#[test]
fn policies_whose_gates_are_none() {
    for (from, to, says) in [
        ("check = \"changelog\"", "check = \"chanelog\"", "did you mean `changelog`?"),
        ("check = \"changelog\"\n", "", "a gate without `check`"),
        ("id = \"changelog-entry\"\n", "", "a gate without `id`"),
        ("id = \"changelog-entry\"", "id = \"one-version\"", "is there already, in line"),
        ("id = \"changelog-entry\"", "id = \"Changelog\"", "cannot be the id of a gate"),
        ("check = \"changelog\"", "check = \"changelog\"\nfiles = []", "did you mean `file`?"),
        ("check = \"changelog\"", "check = \"changelog\"\nstage = \"later\"", "`stage` cannot be `later`"),
        (
            "check = \"changelog\"",
            "check = \"changelog\"\nseverity = \"info\"",
            "`severity` cannot be `info`",
        ),
        (
            "check = \"changelog\"",
            "check = \"changelog\"\nwhen = { bump = [\"huge\"] }",
            "`bump` cannot be `huge`",
        ),
        ("file = \"docs/v{version}.md\"\n", "", "file"),
        ("docs/v{version}.md", "docs/{versoin}.md", "versoin"),
        ("docs/v{version}.md", "../v{version}.md", "a dot component"),
    ] {
        assert!(ALL.contains(from));
        let world = shop(&ALL.replacen(from, to, 1));
        gate(&world, &[]).exits(2).complains(says).complains("attestar.toml:");
        world.seal(&[]).exits(2).complains(says);
        assert_eq!(names_in(&world.out()), [""; 0]);
    }
}

/// The gates that ask for the payload's bytes come first here, and are judged last.
const READING: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"doc\"
paths = [\"**\"]
[[gate]]
id = \"no-secrets\"
check = \"secrets\"
[[gate]]
id = \"as-listed\"
check = \"hashes\"
[[gate]]
id = \"changelog-entry\"
check = \"changelog\"
";

#[test]
fn gates_that_read_the_payload_are_told_of_what_is_packed() {
    let world = shop(READING);
    world.run(&["-C", "shop", "hash"]).done();
    crate::repository::commit(&world.tree());
    gate(&world, &[]).done();
    world.seal(&[]).done();
    let bundle = Bundle::parse_canonical(&fs::read(world.evidence().join(GATES)).unwrap()).unwrap();
    let said = Statement::<VerificationSummary>::parse(&bundle.envelope.payload).unwrap().predicate;
    let gates: Vec<_> = said.gates.gates.iter().map(|gate| format!("{} {}", gate.id, gate.status)).collect();
    assert_eq!(gates, ["no-secrets passed", "as-listed passed", "changelog-entry passed"]);
    world.verify(&[]).done().says("3 passed, 0 failed when sealed");
    fs::remove_dir_all(world.out()).unwrap();
    // Alone, they refuse once everything was read; nothing is left of it.
    let token = format!("gh{}{}", "p_", "Zk3vQ9mT2xWb7RfL4cHs8NdPy6Ga1JuE5KoC");
    world.write("docs/v1.0.0.md", format!("# 1.0.0\n{token}\n"));
    let found = [
        "gate-secrets no-secrets: docs/v1.0.0.md:2",
        "gate-hashes as-listed: docs/v1.0.0.md (HASHES.sha256.txt",
    ];
    let refused = |expected: &[&str]| {
        let sealed = world.seal(&["--json"]).exits(4);
        assert!(!sealed.out.contains(&token), "the token is shown");
        let findings = sealed.findings();
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        assert!(findings.iter().zip(expected).all(|(found, begin)| found.starts_with(begin)), "{findings:?}");
        assert_eq!(names_in(&world.out()), [""; 0], "nothing was sealed");
        let judged = gate(&world, &["--json"]).exits(4).json();
        let failed =
            judged["gates"].as_array().unwrap().iter().filter(|gate| gate["status"] == "failed").count();
        assert_eq!(failed, expected.len());
    };
    refused(&found);
    // With another gate that fails, all of them are told at once.
    world.write("CHANGELOG.md", "# Changelog\n");
    let list = "gate-hashes as-listed: CHANGELOG.md (HASHES.sha256.txt";
    let judged = gate(&world, &["--json"]).exits(4).json();
    assert_eq!(statuses(&judged), ["no-secrets failed", "as-listed failed", "changelog-entry failed"]);
    let findings = world.seal(&["--json"]).exits(4).findings();
    assert!(findings.iter().any(|found| found.starts_with(list)), "{findings:?}");
    assert!(findings.iter().any(|found| found.starts_with("gate-secrets")), "{findings:?}");
    assert!(findings.iter().any(|found| found.starts_with("gate-changelog")), "{findings:?}");
    assert_eq!(names_in(&world.out()), [""; 0]);
}

#[test]
fn evidence_that_a_gate_changes_after_another_read_it_is_not_sealed() {
    let world = World::new();
    world.write("docs/list.md", "- [x] ready\n");
    world.write("change.sh", "#!/bin/sh\necho '- [ ] not ready' > docs/list.md\n");
    world.write(
        "attestar.toml",
        "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\n\
         [[gate]]\nid = \"ready\"\ncheck = \"checklist\"\nfile = \"docs/list.md\"\n\
         [[gate]]\nid = \"team\"\ncheck = \"command\"\nrun = [\"sh\", \"change.sh\"]\nvariables = [\"PATH\"]\n",
    );
    let said = world.run(&["-C", "shop", "seal", "--version", "1.0.0", "--out", "../out", "--json"]).exits(1);
    assert_eq!(said.findings(), ["file-changing docs/list.md"]);
    assert_eq!(names_in(&world.out()), [""; 0]);
}
