//! `gate --stage promote|close --pack`: the gates that come after the seal, and what is signed of them.

use crate::forge::stranger;
use crate::signers::{Person, QA, RISK, TRUST, people, trust};
use crate::world::{Said, World, everything_in, names_in};
use attestar::format::bundle::Bundle;
use attestar::format::gates::{VerificationResult, VerificationSummary};
use attestar::format::statement::Statement;
use attestar::keys::entropy::OsEntropy;
use attestar::keys::signing::SigningKey;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const POLICY: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"doc\"
paths = [\"docs/**\"]
[[gate]]
id = \"one-version\"
check = \"version\"
[[gate]]
id = \"canary\"
check = \"checklist\"
stage = \"promote\"
file = \"reports/canary-{version}.md\"
[[gate]]
id = \"canary-errors\"
check = \"metric\"
stage = \"promote\"
file = \"reports/canary-{version}.json\"
pointer = \"/error_rate\"
max = 0.01
[[gate]]
id = \"retrospective\"
check = \"checklist\"
stage = \"close\"
file = \"reports/retro-{version}.md\"
";

const PACK: &str = "out/shop-1.0.0";
const KEY: &str = "home/signing.key";

/// A release that was sealed, and whose canary went well since.
fn sealed() -> World {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("VERSION", "1.0.0\n");
    world.write("docs/guide.md", "# Guide\n");
    world.seal(&[]).done();
    world.write("reports/canary-1.0.0.md", "- [x] watched for an hour\n");
    world.write("reports/canary-1.0.0.json", "{\"error_rate\": 0.002}\n");
    // What the tree says of its version since is of no importance.
    world.write("VERSION", "1.1.0\n");
    world
}

fn promote(world: &World, flags: &[&str]) -> Said {
    gate(world, &[&["--stage", "promote", "--pack", PACK], flags].concat())
}

fn gate(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["-C", "shop", "gate"], flags].concat())
}

fn verify(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["verify", PACK, "--evidence-only"], flags].concat())
}

/// The signed result of a stage.
fn result(world: &World, stage: &str) -> PathBuf {
    let folder = world.evidence().join("attestations");
    let begin = format!("gates.{stage}.");
    let mut names = names_in(&folder).into_iter().filter(|name| name.starts_with(&begin));
    let name = names.next().unwrap_or_else(|| panic!("no result of {stage}"));
    assert_eq!(names.next(), None, "one result a key");
    folder.join(name)
}

fn check(document: &Value, name: &str) -> (String, String) {
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("detail"))
}

#[test]
fn a_stage_is_evaluated_over_the_pack_and_signed_beside_it() {
    let world = sealed();
    let before = check(&verify(&world, &["--json"]).done().json(), "promote");
    assert_eq!(before, ("skipped".into(), "not evaluated yet: no signed result lies beside the seal".into()));
    promote(&world, &["--key", KEY])
        .done()
        .says("pack     shop-1.0.0, signed by own")
        .says("signed   out/shop-1.0.0/attestations/gates.promote.")
        .says("the release may go: 2 gates at stage promote, none fails");
    let bytes = fs::read(result(&world, "promote")).unwrap();
    let bundle = Bundle::parse_canonical(&bytes).unwrap();
    let said = Statement::<VerificationSummary>::parse(&bundle.envelope.payload).unwrap();
    assert_eq!(said.subject.len(), 1);
    assert_eq!(said.subject[0].name, "tagmanifest-sha256.txt");
    let said = said.predicate;
    assert!(said.time_verified.is_some());
    assert_eq!((&*said.gates.stage, &*said.gates.version), ("promote", "1.0.0"));
    assert_eq!(said.verification_result, VerificationResult::Passed);
    assert_eq!(said.gates.gates[0].evidence[0].name, "reports/canary-1.0.0.md");
    // Folder and archive, with payload or without, show it.
    let (status, detail) = check(&verify(&world, &["--json"]).done().json(), "promote");
    assert!(
        status == "passed" && detail.starts_with("2 passed, 0 failed; signed by own SHA256:"),
        "{detail}"
    );
    world.verify(&[]).done().says("promote      2 passed, 0 failed; signed by");
    world.verify(&["--evidence-only"]).done().says("2 passed, 0 failed; signed by");
    world.restore(&[]).done();
    // The other stage is another result.
    world.write("reports/retro-1.0.0.md", "- [x] written down\n");
    gate(&world, &["--stage", "close", "--pack", "out/shop-1.0.0.tar.zst.age", "--key", KEY]).done();
    let document = verify(&world, &["--json"]).done().json();
    assert_eq!(
        (check(&document, "promote").0, check(&document, "close").0),
        ("passed".into(), "passed".into())
    );
}

#[test]
fn a_refusal_is_signed_too_and_the_next_answer_replaces_it() {
    let world = sealed();
    world.write("reports/canary-1.0.0.json", "{\"error_rate\": 0.2}\n");
    let document = promote(&world, &["--key", KEY, "--json"]).exits(4).json();
    assert_eq!(document["gates"][1]["status"], "failed");
    assert_eq!(
        document["signed"],
        result(&world, "promote").strip_prefix(world.path()).unwrap().to_str().unwrap()
    );
    let said = verify(&world, &["--json"]).exits(4);
    assert_eq!(said.findings(), ["gate-failed canary-errors"]);
    assert_eq!(check(&said.json(), "promote").0, "failed");
    world.verify(&[]).exits(4).says("refused: 1 finding");
    // It verifies, so what is in it can be compared and restored.
    world.run(&["diff", PACK, PACK]).done();
    world.restore(&[]).done();
    world.write("reports/canary-1.0.0.json", "{\"error_rate\": 0.002}\n");
    promote(&world, &["--key", KEY]).done();
    verify(&world, &[]).done();
}

#[test]
fn without_a_key_nothing_is_written_and_that_is_said() {
    let world = sealed();
    let before = everything_in(world.path());
    promote(&world, &[]).done().says("not signed: --key FILE signs this").says("the release may go");
    promote(&world, &["--only", "canary", "--all"]).done().says("1 gate at stage promote");
    let document = promote(&world, &["--json"]).done().json();
    assert_eq!((&document["pack"], &document["signed"]), (&"shop-1.0.0".into(), &Value::Null));
    assert_eq!(everything_in(world.path()), before);
}

#[test]
fn a_stage_of_which_no_gate_applies_is_not_signed() {
    let world = sealed();
    let none = POLICY.replace("stage = \"close\"", "stage = \"close\"\nwhen = { tier = [\"major\"] }");
    world.write("attestar.toml", none);
    let before = everything_in(world.path());
    gate(&world, &["--stage", "close", "--pack", PACK, "--key", KEY, "--tier", "minor"])
        .exits(5)
        .tells("other-policy");
    assert_eq!(everything_in(world.path()), before);
}

#[test]
fn a_pack_that_does_not_verify_is_not_judged() {
    let world = sealed();
    let policy = world.evidence().join("policy.toml");
    let honest = fs::read(&policy).unwrap();
    fs::write(&policy, [&honest[..], b"# more\n"].concat()).unwrap();
    let before = everything_in(world.path());
    promote(&world, &["--key", KEY])
        .exits(3)
        .says("altered")
        .says("not evaluated: shop-1.0.0 does not verify");
    let said = promote(&world, &["--key", KEY, "--json"]).exits(3);
    assert!(said.findings().contains(&"altered policy.toml".to_owned()), "{}", said.out);
    assert_eq!(said.json()["gates"], serde_json::json!([]));
    fs::write(&policy, honest).unwrap();
    // Nor is one whose signer nobody vouches for.
    fs::remove_file(world.home().join("trust.toml")).unwrap();
    promote(&world, &["--key", KEY]).exits(5).tells("no-trust");
    assert_eq!(
        everything_in(world.path()).len(),
        before.len() - 1,
        "nothing was written, and one file was removed here"
    );
}

#[test]
fn calls_that_make_no_sense() {
    let world = sealed();
    let before = everything_in(world.path());
    gate(&world, &["--pack", PACK]).exits(2).complains("--stage promote or close");
    gate(&world, &["--stage", "promote", "--key", KEY]).exits(2).complains("--pack");
    promote(&world, &["--version", "1.0.0"]).exits(2).complains("--version");
    promote(&world, &["--only", "canary", "--key", KEY])
        .exits(2)
        .complains("a part of a stage is not signed");
    promote(&world, &["--only", "kanary"]).exits(2).complains("did you mean `canary`?");
    gate(&world, &["--stage", "promote", "--pack", "out/shop-2.0.0"])
        .exits(1)
        .tells("cannot open out/shop-2.0.0");
    promote(&world, &["--key", "home/none.key"]).exits(1).tells("cannot open home/none.key");
    // There is no place for the result without the folder that seal wrote.
    fs::rename(world.evidence(), world.path().join("elsewhere")).unwrap();
    let archive = "out/shop-1.0.0.tar.zst.age";
    gate(&world, &["--stage", "promote", "--pack", archive, "--key", KEY])
        .exits(1)
        .complains("there is no seal in out/shop-1.0.0 to lay the result beside");
    gate(&world, &["--stage", "promote", "--pack", archive]).done();
    fs::rename(world.path().join("elsewhere"), world.evidence()).unwrap();
    assert_eq!(everything_in(world.path()), before);
}

#[test]
fn another_policy_and_another_commit_are_said() {
    let world = World::new();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]);
        assert!(git.args(args).current_dir(world.tree()).status().unwrap().success(), "{args:?}");
    };
    world.write("attestar.toml", POLICY);
    world.write("VERSION", "1.0.0\n");
    world.write("docs/guide.md", "# Guide\n");
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    world.seal(&[]).done();
    world.write("reports/canary-1.0.0.md", "- [x] watched\n");
    world.write("reports/canary-1.0.0.json", "{\"error_rate\": 0}\n");
    let same = promote(&world, &["--json"]).done();
    assert_eq!(same.findings(), [""; 0], "files that are not committed are at the same commit");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "two"]);
    world.write("attestar.toml", format!("{POLICY}# a word\n"));
    let said = promote(&world, &["--key", KEY, "--json"]).done();
    assert_eq!(said.findings(), ["other-policy shop/attestar.toml", "other-commit shop"]);
    promote(&world, &[]).done().says("other-policy").says("other-commit");
    // Who verifies hears of the policy as well.
    let said = verify(&world, &["--json"]).done();
    assert_eq!(said.findings(), ["other-policy promote: own"]);
}

#[test]
fn results_that_are_forged_altered_or_of_something_else() {
    let world = sealed();
    promote(&world, &["--key", KEY]).done();
    let file = result(&world, "promote");
    let honest = fs::read(&file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let refuted = |finding: &str| {
        let said = verify(&world, &["--json"]).exits(3);
        assert!(said.findings().iter().any(|found| found.starts_with(finding)), "{finding}: {}", said.out);
        world.verify(&[]).exits(3).tells(finding.split(' ').next().unwrap_or(finding));
    };
    // A byte of what is signed.
    let mut altered = honest.clone();
    let at = altered.windows(9).position(|window| window == b"\"payload\"").unwrap() + 40;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    fs::write(&file, altered).unwrap();
    refuted("signature-invalid");
    fs::write(&file, b"{}").unwrap();
    refuted("bundle-invalid");
    // The same bytes as another stage's, or as another key's.
    fs::remove_file(&file).unwrap();
    let other = file.with_file_name(name.replace("promote", "close"));
    fs::write(&other, &honest).unwrap();
    refuted("disagreement");
    fs::remove_file(&other).unwrap();
    let other = file.with_file_name("gates.promote.AAAA.sigstore.json");
    fs::write(&other, &honest).unwrap();
    refuted("disagreement");
    fs::remove_file(&other).unwrap();
    // Of another seal of the same version.
    let kept = world.path().join("kept");
    fs::rename(world.out(), &kept).unwrap();
    world.write("docs/guide.md", "# Another guide\n");
    world.write("VERSION", "1.0.0\n");
    world.seal(&[]).done();
    fs::write(&file, &honest).unwrap();
    refuted("altered tagmanifest-sha256.txt");
    // What the signed statement says must be what its gates say.
    fs::remove_file(&file).unwrap();
    promote(&world, &["--key", KEY]).done();
    let bundle = Bundle::parse_canonical(&fs::read(&file).unwrap()).unwrap();
    let honest = Statement::<VerificationSummary>::parse(&bundle.envelope.payload).unwrap();
    let forged = |bend: &dyn Fn(&mut VerificationSummary), finding: &str| {
        let mut said = honest.clone();
        bend(&mut said.predicate);
        fs::write(&file, crate::forge::own_key(&world).sign_statement(&said).to_bytes()).unwrap();
        refuted(finding);
    };
    forged(&|said| said.time_verified = None, "statement-invalid");
    forged(&|said| said.gates.gates[0].status = "failed".into(), "disagreement");
    forged(&|said| said.gates.gates[0].status = "fine".into(), "statement-invalid");
    forged(&|said| said.gates.version = "1.0.1".into(), "disagreement");
    forged(&|said| said.gates.project = "other".into(), "statement-invalid");
    forged(&|said| said.resource_uri = "urn:attestar:pack:other-1.0.0".into(), "disagreement");
    // None of them is promoted by a signature over nothing.
    let mut said = honest.clone();
    said.predicate.gates.gates.clear();
    fs::write(&file, crate::forge::own_key(&world).sign_statement(&said).to_bytes()).unwrap();
    refuted("disagreement");
}

#[test]
fn a_result_by_a_stranger_is_said_and_does_not_count() {
    let world = sealed();
    let pem = stranger().to_pem(None, &mut OsEntropy).unwrap();
    fs::write(world.path().join("stranger.key"), &*pem).unwrap();
    promote(&world, &["--key", "stranger.key"]).done();
    let said = verify(&world, &["--json"]).done();
    let (status, detail) = check(&said.json(), "promote");
    assert_eq!((&*status, &*detail), ("skipped", "no result that counts"));
    assert!(said.findings()[0].starts_with("signer-unknown attestations/gates.promote."), "{}", said.out);
    // Beside one that counts, too.
    promote(&world, &["--key", KEY]).done();
    assert_eq!(check(&verify(&world, &["--json"]).done().json(), "promote").0, "passed");
}

#[test]
fn the_key_must_have_the_right_and_the_newest_result_counts() {
    let world = sealed();
    let other = SigningKey::from_seed(&[0x21; 32]);
    fs::write(world.path().join("other.key"), &*other.to_pem(None, &mut OsEntropy).unwrap()).unwrap();
    fs::write(world.path().join("other.pub"), other.public().to_pem()).unwrap();
    let trust = |may: &str| {
        let text = format!(
            "[[signer]]\nrole = \"captain\"\nkey = \"home/signing.pub\"\nmay = [\"seal:release\", \"receipt\"]\n\
             [[signer]]\nrole = \"other\"\nkey = \"other.pub\"\nmay = [\"{may}\"]\n"
        );
        fs::write(world.path().join("trust.toml"), text).unwrap();
    };
    trust("approve");
    promote(&world, &["--key", KEY]).done();
    world.write("reports/canary-1.0.0.md", "- [ ] watched\n");
    promote(&world, &["--key", "other.key"]).exits(4).tells("not ticked: watched");
    let said = verify(&world, &["--trust", "trust.toml", "--json"]).exits(3);
    assert!(said.findings()[0].starts_with("signer-not-allowed"), "{}", said.out);
    trust("seal:release");
    let said = verify(&world, &["--trust", "trust.toml", "--json"]).exits(4);
    assert!(check(&said.json(), "promote").1.contains("signed by other"), "{}", said.out);
    // The first one says it anew.
    world.write("reports/canary-1.0.0.md", "- [x] watched\n");
    promote(&world, &["--key", KEY]).done();
    let said = verify(&world, &["--trust", "trust.toml", "--json"]).done();
    assert!(check(&said.json(), "promote").1.contains("signed by captain"), "{}", said.out);
}

/// The same policy, by which QA and RISK must approve before it is promoted; and the people around it.
fn to_be_approved() -> World {
    let world = World::new();
    people(&world);
    let gate = "[[gate]]\nid = \"approved\"\ncheck = \"approvals\"\nstage = \"promote\"\nroles = [\"qa\", \"risk\"]\n";
    world.write("attestar.toml", format!("{POLICY}{gate}"));
    world.write("VERSION", "1.0.0\n");
    world.write("docs/guide.md", "# Guide\n");
    world.seal(&[]).done();
    world.write("reports/canary-1.0.0.md", "- [x] watched for an hour\n");
    world.write("reports/canary-1.0.0.json", "{\"error_rate\": 0.002}\n");
    world
}

fn approve(world: &World, by: Person) {
    let key = by.key_file();
    world.run(&[&["approve", PACK, "--role", by.0, "--key", &key], &TRUST[..]].concat()).done();
}

#[test]
fn approvals_over_the_seal_are_counted_for_promotion() {
    let world = to_be_approved();
    let promote = |flags: &[&str]| promote(&world, &[&TRUST[..], flags].concat());
    let faults = |said: Said| said.json()["gates"][2]["faults"].as_array().unwrap().len();
    assert_eq!(faults(promote(&["--json"]).exits(4)), 2);
    approve(&world, QA);
    assert_eq!(faults(promote(&["--json"]).exits(4)), 1);
    approve(&world, RISK);
    promote(&["--key", KEY]).done();
    verify(&world, &TRUST).done().says("3 passed, 0 failed;").says("signed by captain");
    // An auditor counts them again, from what lies beside the seal.
    let gate = "[[gate]]\nid = \"a\"\ncheck = \"approvals\"\nstage = \"promote\"\nroles = [\"risk\"]\n";
    let policy = POLICY.split("[[gate]]").next().unwrap();
    fs::write(world.path().join("audit.toml"), format!("{policy}{gate}")).unwrap();
    let audit = [&TRUST[..], &["--policy", "audit.toml"]].concat();
    verify(&world, &audit).done().says("1 passed, 0 failed");
    // An approval that does not verify refutes, and nothing is judged over it.
    let folder = world.evidence().join("attestations");
    let name = names_in(&folder).into_iter().find(|name| name.starts_with("approval.risk.")).unwrap();
    let honest = fs::read(folder.join(&name)).unwrap();
    let mut altered = honest.clone();
    let at = altered.windows(9).position(|window| window == b"\"payload\"").unwrap() + 40;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    fs::write(folder.join(&name), &altered).unwrap();
    promote(&["--key", KEY]).exits(3).says("not evaluated");
    fs::remove_file(folder.join(&name)).unwrap();
    verify(&world, &audit).exits(4).says("gate-approvals");
}

#[test]
fn a_stage_is_waived_by_who_may_and_the_waiver_lies_beside_the_result() {
    let world = to_be_approved();
    approve(&world, QA);
    approve(&world, RISK);
    world.write("reports/canary-1.0.0.md", "- [ ] watched for an hour\n");
    let waive = ["-C", "shop", "waive", "canary", "--version", "1.0.0", "--reason", "the fix cannot wait"];
    let by = ["--until", "2099-12-31", "--role", "risk", "--key", "risk.key", "--out", "w.json"];
    world.run(&[&waive[..], &by, &TRUST].concat()).done();
    let promote = |flags: &[&str]| promote(&world, &[&TRUST[..], &["--key", KEY], flags].concat());
    promote(&[]).exits(4).tells("not ticked: watched");
    promote(&["--waive", "w.json"]).done().says("waived");
    let lies = world.evidence().join("attestations/gates.promote.waiver.canary.sigstore.json");
    assert_eq!(fs::read(&lies).unwrap(), fs::read(world.path().join("w.json")).unwrap());
    verify(&world, &TRUST).done().says("2 passed, 1 waived, 0 failed");
    // It is worth what the verifier's trust says, and nothing without it.
    trust(&world, &[("risk", "revoked_at = 2020-01-01T00:00:00Z")]);
    verify(&world, &TRUST).exits(3).tells("signer-revoked");
    trust(&world, &[]);
    fs::remove_file(&lies).unwrap();
    let said = verify(&world, &[&TRUST[..], &["--json"]].concat()).exits(3);
    assert!(
        said.findings().iter().any(|found| found.starts_with("missing attestations/gates.promote.waiver"))
    );
    // A waiver of something else is no reason to sign anything.
    fs::remove_file(result(&world, "promote")).unwrap();
    let other =
        [&["-C", "shop", "waive", "canary", "--version", "1.0.1", "--reason", "x"], &by[..6]].concat();
    world.run(&[&other[..], &["--out", "o.json"], &TRUST].concat()).done();
    let before = everything_in(&world.out());
    promote(&["--waive", "o.json"]).exits(4).says("not signed");
    assert_eq!(everything_in(&world.out()), before);
}
