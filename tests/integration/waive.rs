//! `waive`, and what waivers are worth: in `gate`, in `seal`, and to whoever verifies.

use crate::repository;
use crate::signers::{Person, RISK, STRANGER, TRUST, WITNESS, people, trust};
use crate::world::{Said, World, everything_in, names_in};
use attestar::format::bundle::Bundle;
use attestar::format::digest::Sha256;
use attestar::format::gates::VerificationSummary;
use attestar::format::kind::Kind;
use attestar::format::seal::PolicyRef;
use attestar::format::statement::{Statement, Subject};
use attestar::format::waiver::Waiver;
use std::fs;

pub const POLICY: &str = "schema = 1
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
id = \"no-secrets\"
check = \"secrets\"
[[gate]]
id = \"retro\"
check = \"notes\"
file = \"retro.md\"
stage = \"close\"
";

const RECORD: &str = "attestations/gates.sigstore.json";
pub const WAIVER: &str = "attestations/waiver.changelog-entry.sigstore.json";

/// A release without a changelog, and the people around it.
pub fn shop() -> World {
    let world = World::new();
    people(&world);
    world.write("attestar.toml", POLICY);
    world.write("VERSION", "1.0.0\n");
    world
}

fn gate(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["-C", "shop", "gate", "--version", "1.0.0"], &TRUST[..], flags].concat())
}

fn seal(world: &World, flags: &[&str]) -> Said {
    world.seal(&[&TRUST[..], flags].concat())
}

fn waive(world: &World, gate: &str, flags: &[&str]) -> Said {
    let args = ["-C", "shop", "waive", gate, "--version", "1.0.0", "--reason", "the fix cannot wait"];
    let more = ["--until", "2099-12-31", "--role", "risk", "--key", "risk.key"];
    // A flag that is given again goes before the usual one.
    let usual = more.chunks(2).filter(|pair| !flags.contains(&pair[0])).flatten().copied();
    let args: Vec<&str> = args.into_iter().chain(usual).chain(TRUST).chain(flags.iter().copied()).collect();
    world.run(&args)
}

/// What RISK would say of this shop.
pub fn waiver() -> Waiver {
    Waiver {
        project: "shop".into(),
        kind: Kind::Release,
        version: "1.0.0".into(),
        commit: None,
        policy: PolicyRef { name: "shop".into(), sha256: Sha256::of(POLICY.as_bytes()) },
        gate: "changelog-entry".into(),
        role: "risk".into(),
        reason: "the fix cannot wait".into(),
        until: "2099-12-31T23:59:59Z".parse().unwrap(),
    }
}

/// A waiver by somebody, as a file in the world's folder.
fn forge(world: &World, by: Person, waiver: Waiver) {
    fs::write(world.path().join("forged.json"), by.key().sign_statement(&waiver.of_policy()).to_bytes())
        .unwrap();
}

/// A sealed release with one waiver.
pub fn waived(flags: &[&str]) -> World {
    let world = shop();
    waive(&world, "changelog-entry", &["--out", "w.json"]).done();
    seal(&world, &[&["--waive", "w.json"], flags].concat()).done();
    world
}

#[test]
fn a_gate_that_fails_is_waived_and_everybody_is_told() {
    let world = shop();
    gate(&world, &[]).exits(4).says("failed   changelog-entry");
    let said = waive(&world, "changelog-entry", &[]).done();
    let file = "shop/sealed/shop-1.0.0.waiver.changelog-entry.sigstore.json";
    said.says("waived      changelog-entry for shop 1.0.0").says("2099-12-31T23:59:59Z").says(file);
    assert_eq!(names_in(&world.tree().join("sealed")), [file.rsplit('/').next().unwrap()]);

    gate(&world, &["--waive", file])
        .done()
        .says("waived   changelog-entry")
        .says("until 2099-12-31T23:59:59Z, signed by risk")
        .says("the fix cannot wait")
        .says("the release may go: 3 gates at stage seal, 1 waived, none fails");
    let document = gate(&world, &["--waive", file, "--json"]).done().json();
    assert_eq!(document["gates"][1]["status"], "waived");
    assert_eq!(document["gates"][1]["waiver"]["role"], "risk");
    assert_eq!(document["findings"], serde_json::json!([]));

    // The default place is the folder that gets what is sealed; another folder is out of the tree.
    fs::rename(world.tree().join("sealed"), world.path().join("waivers")).unwrap();
    let file = "waivers/shop-1.0.0.waiver.changelog-entry.sigstore.json";
    seal(&world, &["--waive", file])
        .done()
        .says("gates       2 passed, 1 waived, 0 failed")
        .says("waived  changelog-entry   until 2099-12-31T23:59:59Z, signed by risk");
    let packed = fs::read(world.evidence().join(WAIVER)).unwrap();
    assert_eq!(packed, fs::read(world.path().join(file)).unwrap());
    let bundle = Bundle::parse_canonical(&fs::read(world.evidence().join(RECORD)).unwrap()).unwrap();
    let record = Statement::<VerificationSummary>::parse(&bundle.envelope.payload).unwrap().predicate;
    let said = record.gates.gates[1].waiver.as_ref().unwrap();
    assert_eq!(
        (&*said.role, &*said.reason, said.sha256),
        ("risk", "the fix cannot wait", Sha256::of(&packed))
    );
    assert!(!record.gates.gates[1].faults.is_empty(), "what was wrong is still told");

    world
        .verify(&TRUST)
        .done()
        .says("2 passed, 1 waived, 0 failed when sealed")
        .says("changelog-entry until 2099-12-31T23:59:59Z")
        .says("signed by risk");
    world.restore(&TRUST).done();
}

#[test]
fn the_document_of_seal_has_the_waiver() {
    let world = shop();
    forge(&world, RISK, waiver());
    let document = seal(&world, &["--waive", "forged.json", "--json"]).done().json();
    assert_eq!(document["gates"]["waived"], 1);
    assert_eq!(document["waived"]["changelog-entry"]["reason"], "the fix cannot wait");
    let document = waive(&world, "one-version", &["--json", "--out", "w.json"]).done().json();
    assert_eq!((&document["gate"], &document["role"]), (&"one-version".into(), &"risk".into()));
    assert_eq!(document["commit"], serde_json::Value::Null);
}

#[test]
fn a_waiver_that_could_lift_nothing_is_not_signed() {
    let world = shop();
    let before = everything_in(world.path());
    let refused = |gate: &str, flags: &[&str], exit: i32, says: &str| {
        waive(&world, gate, flags).exits(exit).complains(says);
        assert_eq!(everything_in(world.path()), before, "{gate} {flags:?} left something behind");
    };
    refused("changelog", &[], 2, "the policy has no gate changelog; the nearest is changelog-entry");
    refused("no-secrets", &[], 2, "no waiver lifts no-secrets, which is of the kind secrets");
    refused("changelog-entry", &["--until", "2020-01-01"], 2, "would have ended already");
    for wrong in ["2099-02-30", "2099-01-01T00:00:00", "soon", "7 d", "0d", ""] {
        refused("changelog-entry", &["--until", wrong], 2, "--until cannot be");
    }
    refused("changelog-entry", &["--role", "qa"], 2, "trust gives this key the role risk, not qa");
    refused("changelog-entry", &["--key", "witness.key", "--role", "witness"], 3, "signer-not-allowed");
    refused("changelog-entry", &["--key", "stranger.key"], 3, "signer-unknown");
    refused("changelog-entry", &["--key", "home/signing.key", "--role", "captain"], 3, "signer-not-allowed");
    trust(&world, &[("risk", "not_after = 2020-01-01T00:00:00Z")]);
    waive(&world, "changelog-entry", &[]).exits(3).complains("signer-expired");
    trust(&world, &[("risk", "revoked_at = 2020-01-01T00:00:00Z")]);
    waive(&world, "changelog-entry", &[]).exits(3).complains("signer-revoked");
    trust(&world, &[("risk", "projects = ['bank']")]);
    waive(&world, "changelog-entry", &[]).exits(3).complains("signer-wrong-project");
    assert!(!world.tree().join("sealed").exists());
}

#[test]
fn a_reason_is_given_and_no_file_is_overwritten() {
    let world = shop();
    let args = |reason: &'static str| {
        ["-C", "shop", "waive", "changelog-entry", "--version", "1.0.0", "--until", "7d", "--role", "risk"]
            .into_iter()
            .chain(["--key", "risk.key", "--trust", "trust.toml", "--out", "w.json", "--reason", reason])
            .collect::<Vec<_>>()
    };
    world.run(&args("  ")).exits(2).complains("the reason is empty");
    world.run(&args("a\nb")).exits(2).complains("control characters");
    world.run(&args("because")).done();
    let first = fs::read(world.path().join("w.json")).unwrap();
    world.run(&args("because")).exits(1).complains("w.json is there already");
    assert_eq!(fs::read(world.path().join("w.json")).unwrap(), first);
    let nobody = World::without_keys();
    nobody.write("attestar.toml", POLICY);
    fs::copy(world.path().join("risk.key"), nobody.path().join("risk.key")).unwrap();
    let args: Vec<&str> = args("because").into_iter().filter(|one| !TRUST.contains(one)).collect();
    nobody.run(&args).exits(5).complains("no-trust");
    assert_eq!(nobody.listing(), ["risk.key", "shop"]);
}

/// Refused by `gate` and by `seal`, with this finding, and nothing is sealed.
#[track_caller]
fn refused(world: &World, exit: i32, finding: &str) {
    let flags = ["--waive", "forged.json", "--json"];
    let said = gate(world, &flags).exits(exit);
    assert_eq!(said.findings(), [finding]);
    assert_eq!(said.json()["gates"][1]["status"], "failed", "the gate is not lifted");
    // The output folder itself is made before anything is judged.
    fs::create_dir_all(world.out()).unwrap();
    let before = everything_in(world.path());
    let said = seal(world, &flags).exits(exit);
    assert!(said.findings().contains(&finding.to_owned()), "{:?}", said.findings());
    assert_eq!(everything_in(world.path()), before, "nothing was sealed");
    assert_eq!(names_in(&world.out()), [""; 0]);
}

#[test]
fn waivers_of_something_else_refuse_the_release() {
    let world = shop();
    type Bend = fn(&mut Waiver);
    let elsewhere: [(&str, Bend); 5] = [
        ("project", |said| said.project = "bank".into()),
        ("version", |said| said.version = "1.0.1".into()),
        ("commit", |said| said.commit = Some("8c1f2ab".into())),
        ("policy", |said| said.policy.sha256 = Sha256::of(b"")),
        ("gate", |said| said.gate = "changelog".into()),
    ];
    for (what, bend) in elsewhere {
        let mut said = waiver();
        bend(&mut said);
        forge(&world, RISK, said);
        refused(&world, 4, &format!("waiver-elsewhere forged.json: {what}"));
    }
    forge(&world, RISK, Waiver { until: "2020-01-01T00:00:00Z".parse().unwrap(), ..waiver() });
    refused(&world, 4, "waiver-expired forged.json");
    forge(&world, RISK, Waiver { gate: "no-secrets".into(), ..waiver() });
    refused(&world, 4, "waiver-not-allowed forged.json");
    forge(&world, RISK, Waiver { kind: Kind::Backup, ..waiver() });
    refused(&world, 3, "statement-invalid forged.json");
}

#[test]
fn waivers_by_those_who_may_not_refuse_the_release() {
    let world = shop();
    forge(&world, WITNESS, Waiver { role: "witness".into(), ..waiver() });
    refused(&world, 3, "signer-not-allowed forged.json");
    forge(&world, STRANGER, waiver());
    refused(&world, 3, "signer-unknown forged.json");
    forge(&world, RISK, Waiver { role: "qa".into(), ..waiver() });
    refused(&world, 3, "signer-not-allowed forged.json");
    forge(&world, RISK, waiver());
    for (term, code) in [
        ("not_after = 2020-01-01T00:00:00Z", "signer-expired"),
        ("revoked_at = 2020-01-01T00:00:00Z", "signer-revoked"),
        ("projects = ['bank']", "signer-wrong-project"),
    ] {
        trust(&world, &[("risk", term)]);
        refused(&world, 3, &format!("{code} forged.json"));
    }
    trust(&world, &[]);
    let honest = fs::read(world.path().join("forged.json")).unwrap();
    let mut other = waiver().of_policy();
    other.subject = vec![Subject::new("policy.toml", Sha256::of(b""))];
    fs::write(world.path().join("forged.json"), RISK.key().sign_statement(&other).to_bytes()).unwrap();
    refused(&world, 3, "statement-invalid forged.json");
    for (at, code) in [(honest.len() / 2, ""), (honest.len() - 2, "bundle-invalid")] {
        let mut bent = honest.clone();
        bent[at] ^= 1;
        fs::write(world.path().join("forged.json"), bent).unwrap();
        let found = gate(&world, &["--waive", "forged.json", "--json"]).exits(3).findings();
        assert!(found.iter().all(|one| one.starts_with(code)) && found.len() == 1, "{found:?}");
        let code = found[0].split(' ').next().unwrap_or(code);
        seal(&world, &["--waive", "forged.json"]).exits(3).tells(code);
        assert_eq!(names_in(&world.out()), [""; 0]);
    }
    gate(&world, &["--waive", "nowhere.json"]).exits(1).complains("cannot open nowhere.json");
}

#[test]
fn a_waiver_is_of_one_commit_and_used_up_by_it() {
    let world = shop();
    repository::commit(&world.tree());
    waive(&world, "changelog-entry", &["--out", "w.json"]).done();
    gate(&world, &["--waive", "w.json"]).done();
    world.write("docs/more.md", "more\n");
    repository::git(&world.tree(), &["add", "--all"]);
    repository::git(&world.tree(), &["commit", "--quiet", "--message", "more"]);
    let said = gate(&world, &["--waive", "w.json", "--json"]).exits(4);
    assert_eq!(said.findings(), ["waiver-elsewhere w.json: commit"]);
}

#[test]
fn a_waiver_that_lifts_nothing_is_said_and_not_packed() {
    let world = shop();
    world.write("CHANGELOG.md", "# Changelog\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n");
    forge(&world, RISK, waiver());
    let said = gate(&world, &["--waive", "forged.json", "--json"]).done();
    assert_eq!(said.findings(), ["waiver-unused forged.json"]);
    gate(&world, &["--waive", "forged.json"]).done().says("waiver-unused").says("is passed");
    seal(&world, &["--waive", "forged.json"]).done().says("waiver-unused");
    assert!(!world.evidence().join(WAIVER).exists());
    world.verify(&TRUST).done();
    // The same gate twice, and a gate of another stage.
    fs::remove_file(world.tree().join("CHANGELOG.md")).unwrap();
    let said = gate(&world, &["--waive", "forged.json", "--waive", "forged.json", "--json"]).done();
    assert_eq!(said.findings(), ["waiver-unused forged.json"]);
    forge(&world, RISK, Waiver { gate: "retro".into(), ..waiver() });
    gate(&world, &["--waive", "forged.json"]).exits(4).says("the gate retro is not evaluated");
}

#[test]
fn nothing_of_two_seals_under_one_waiver_differs() {
    let world = waived(&[]);
    let first = fs::read(world.evidence().join("tagmanifest-sha256.txt")).unwrap();
    fs::remove_dir_all(world.out()).unwrap();
    seal(&world, &["--waive", "w.json"]).done();
    assert_eq!(fs::read(world.evidence().join("tagmanifest-sha256.txt")).unwrap(), first);
}

#[test]
fn a_policy_that_has_expired_lets_nothing_go() {
    let world = shop();
    world.write("CHANGELOG.md", "# Changelog\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n");
    let expires = |when: &str| {
        world.write("attestar.toml", POLICY.replace("[project]", &format!("expires = {when}\n[project]")))
    };
    for past in ["2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00+02:00"] {
        expires(past);
        let said = gate(&world, &["--json"]).exits(4);
        assert!(said.findings()[0].starts_with("policy-expired "), "{:?}", said.findings());
        gate(&world, &[]).exits(4).says("refused: 1 finding besides the gates");
        seal(&world, &[]).exits(4).complains("policy-expired");
        assert_eq!(names_in(&world.out()), [""; 0]);
    }
    for wrong in ["2099-02-30", "2099-13-01", "2099-01-01T00:00:00", "12:00:00", "\"2099-01-01\"", "2099"] {
        expires(wrong);
        gate(&world, &[]).exits(2).complains("attestar.toml:2: ");
        seal(&world, &[]).exits(2).complains("attestar.toml:2: ");
    }
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    for future in [&*today, "2099-12-31", "2099-12-31T23:59:59Z"] {
        expires(future);
        gate(&world, &[]).done();
    }
    seal(&world, &[]).done();
}

#[test]
fn a_key_that_has_expired_seals_nothing() {
    let world = shop();
    world.write("CHANGELOG.md", "# Changelog\n\n## [1.0.0] - 2026-11-20\n\n- The shop opens.\n");
    for (term, code) in [
        ("not_after = 2020-01-01T00:00:00Z", "signer-expired"),
        ("revoked_at = 2020-01-01T00:00:00Z", "signer-revoked"),
    ] {
        trust(&world, &[("captain", term)]);
        seal(&world, &[]).exits(3).complains(code);
        assert!(!world.out().exists());
    }
    trust(&world, &[("captain", "not_after = 2099-01-01T00:00:00Z")]);
    seal(&world, &[]).done();
}
