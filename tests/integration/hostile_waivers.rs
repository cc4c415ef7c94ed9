//! Packs whose seal and closure hold, signed by the trusted key itself, while their waivers are not what the record of the
//! gates makes of them.

use crate::forge::{Pack, Tar, own_key, publish};
use crate::signers::{Person, QA, RISK, STRANGER, TRUST, WITNESS, trust};
use crate::waive::{WAIVER, waived, waiver};
use crate::world::World;
use attestar::format::bundle::Bundle;
use attestar::format::digest::Sha256;
use attestar::format::gates::VerificationSummary;
use attestar::format::statement::Statement;
use attestar::format::waiver::Waiver;
use std::fs;

const RECORD: &str = "attestations/gates.sigstore.json";

/// A waived release, of which everything is bent and signed again.
struct Shop {
    world: World,
    pack: Pack,
}

impl Shop {
    fn new() -> Shop {
        let world = waived(&[]);
        let pack = Pack::reopened(&world);
        fs::remove_dir_all(world.out()).unwrap();
        Shop { world, pack }
    }

    fn publish(&self, bend: impl FnOnce(&mut Pack)) {
        let mut pack = self.pack.clone();
        bend(&mut pack);
        let pack = pack.sealed(&own_key(&self.world));
        publish(&self.world, &pack, &Tar::of(&pack).container().bytes());
    }

    fn record(&self) -> Statement<VerificationSummary> {
        let bundle = Bundle::parse(&self.pack.tags[RECORD]).unwrap();
        Statement::parse(&bundle.envelope.payload).unwrap()
    }

    /// Publishes it with this waiver, which the record tells truly, and with a record that is bent after that.
    fn with(&self, by: Person, said: Waiver, bend: impl FnOnce(&mut VerificationSummary)) {
        let bundle = by.key().sign_statement(&said.clone().of_policy()).to_bytes();
        let mut record = self.record();
        let waived = record.predicate.gates.gates[1].waiver.as_mut().unwrap();
        waived.role = said.role;
        waived.key_id = by.key().public().key_id();
        waived.reason = said.reason;
        waived.until = said.until;
        waived.sha256 = Sha256::of(&bundle);
        bend(&mut record.predicate);
        let record = own_key(&self.world).sign_statement(&record).to_bytes();
        self.publish(|pack| {
            pack.tags.insert(WAIVER.to_owned(), bundle);
            pack.tags.insert(RECORD.to_owned(), record);
        });
    }

    /// Refused with this finding and no other.
    #[track_caller]
    fn refuses(&self, exit: i32, finding: &str) {
        self.world.refuses_with(exit, finding, &TRUST);
        let found = self.world.verify(&[&TRUST[..], &["--json"]].concat()).findings();
        assert_eq!(found, [finding]);
    }
}

#[test]
fn a_pack_that_was_only_signed_again_verifies() {
    let shop = Shop::new();
    shop.with(RISK, waiver(), |_| ());
    shop.world.verify(&TRUST).done().says("signed by risk");
    shop.with(QA, Waiver { role: "qa".into(), ..waiver() }, |_| ());
    shop.world.verify(&TRUST).done().says("signed by qa");
}

#[test]
fn a_waiver_is_judged_by_the_verifiers_trust() {
    let shop = Shop::new();
    let file = |code: &str| format!("{code} {WAIVER}");
    shop.with(WITNESS, Waiver { role: "witness".into(), ..waiver() }, |_| ());
    shop.refuses(3, &file("signer-not-allowed"));
    shop.with(STRANGER, waiver(), |_| ());
    shop.refuses(3, &file("signer-unknown"));
    shop.with(RISK, Waiver { role: "qa".into(), ..waiver() }, |_| ());
    shop.refuses(3, &file("signer-not-allowed"));
    shop.with(RISK, waiver(), |_| ());
    trust(&shop.world, &[("risk", "not_after = 2020-01-01T00:00:00Z")]);
    shop.refuses(3, &file("signer-expired"));
    trust(&shop.world, &[("risk", "revoked_at = 2020-01-01T00:00:00Z")]);
    shop.refuses(3, &file("signer-revoked"));
    trust(&shop.world, &[("risk", "projects = ['bank']")]);
    shop.refuses(3, &file("signer-wrong-project"));
    trust(&shop.world, &[]);
    // `--key` trusts who sealed, and says nothing of who may waive: that is neither an error nor shown as fine.
    let key = ["--key", "home/signing.pub"];
    let said = shop.world.verify(&key).done().says("skipped").says("no trust file says who may waive");
    assert!(
        !said.out.lines().any(|line| line.starts_with("waivers") && line.ends_with("passed")),
        "{}",
        said.out
    );
    shop.world.verify(&[&key[..], &TRUST[..]].concat()).done().says("signed by risk");
    shop.with(RISK, waiver(), |record| {
        record.gates.gates[1].waiver.as_mut().unwrap().sha256 = Sha256::of(b"another one");
    });
    shop.world.refuses_with(3, &format!("altered {WAIVER}"), &key);
}

#[test]
fn a_gate_of_the_policy_is_not_signed_away() {
    let shop = Shop::new();
    let gate = |record: &mut VerificationSummary| record.gates.gates.remove(2);
    shop.with(RISK, waiver(), |record| drop(gate(record)));
    shop.refuses(3, "disagreement gates: no-secrets");
    shop.with(RISK, waiver(), |record| record.gates.gates[2].severity = "warning".into());
    shop.refuses(3, "disagreement gates: no-secrets");
    shop.with(RISK, waiver(), |record| record.gates.gates.clear());
    shop.world.refuses_with(3, "disagreement gates: no-secrets", &TRUST);
}

#[test]
fn a_waiver_is_of_the_release_that_it_is_packed_with() {
    let shop = Shop::new();
    let differs = |what: &str| format!("disagreement {WAIVER}: {what}");
    type Bend = fn(&mut Waiver);
    let bends: [(&str, Bend); 5] = [
        ("project", |said| said.project = "bank".into()),
        ("version", |said| said.version = "0.9.0".into()),
        ("commit", |said| said.commit = Some("8c1f2ab".into())),
        ("policy", |said| said.policy.sha256 = Sha256::of(b"")),
        ("gate", |said| said.gate = "one-version".into()),
    ];
    for (what, bend) in bends {
        let mut said = waiver();
        bend(&mut said);
        shop.with(RISK, said, |_| ());
        shop.refuses(3, &differs(what));
    }
}

#[test]
fn a_waiver_that_had_ended() {
    let shop = Shop::new();
    shop.with(RISK, Waiver { until: "2020-01-01T00:00:00Z".parse().unwrap(), ..waiver() }, |_| ());
    shop.refuses(4, &format!("waiver-expired {WAIVER}"));
}

#[test]
fn a_record_that_tells_its_waiver_otherwise() {
    let shop = Shop::new();
    type Bend = fn(&mut attestar::format::gates::Waived);
    let bends: [Bend; 5] = [
        |waived| waived.role = "qa".into(),
        |waived| waived.reason = "nobody asked".into(),
        |waived| waived.until = "2100-01-01T00:00:00Z".parse().unwrap(),
        |waived| waived.key_id = QA.key().public().key_id(),
        |waived| waived.sha256 = Sha256::of(b""),
    ];
    for bend in bends {
        shop.with(RISK, waiver(), |said| bend(said.gates.gates[1].waiver.as_mut().unwrap()));
        shop.refuses(3, &format!("disagreement {WAIVER}: record"));
    }
}

#[test]
fn waivers_that_are_missing_or_too_many() {
    let shop = Shop::new();
    shop.publish(|pack| drop(pack.tags.remove(WAIVER)));
    shop.refuses(3, &format!("missing {WAIVER}"));
    let other = "attestations/waiver.one-version.sigstore.json";
    shop.publish(|pack| drop(pack.tags.insert(other.to_owned(), pack.tags[WAIVER].clone())));
    shop.refuses(3, &format!("disagreement {other}"));
}

#[test]
fn secrets_are_not_waived_whatever_the_record_calls_their_gate() {
    let shop = Shop::new();
    let file = "attestations/waiver.no-secrets.sigstore.json";
    for check in ["secrets", "changelog"] {
        let said = Waiver { gate: "no-secrets".into(), ..waiver() };
        let bundle = RISK.key().sign_statement(&said.of_policy()).to_bytes();
        let mut record = shop.record();
        let gates = &mut record.predicate.gates.gates;
        let mut waived = gates[1].waiver.clone().unwrap();
        waived.sha256 = Sha256::of(&bundle);
        gates[2].status = "waived".into();
        gates[2].check = check.into();
        gates[2].waiver = Some(waived);
        let record = own_key(&shop.world).sign_statement(&record).to_bytes();
        shop.publish(|pack| {
            pack.tags.insert(file.to_owned(), bundle);
            pack.tags.insert(RECORD.to_owned(), record);
        });
        if check == "secrets" {
            shop.refuses(4, &format!("waiver-not-allowed {file}"));
        }
        // Neither by a trust file, nor by the sealer's key alone; and what kind it is of, the policy says.
        let code = if check == "secrets" { 4 } else { 3 };
        for flags in [TRUST, ["--key", "home/signing.pub"]] {
            shop.world.refuses_with(code, &format!("waiver-not-allowed {file}"), &flags);
        }
    }
}

#[test]
fn without_a_receipt_nobody_knows_whether_it_had_ended() {
    let world = waived(&[]);
    fs::rename(world.evidence(), world.path().join("shop-1.0.0")).unwrap();
    let flags = ["--json", "verify", "shop-1.0.0", "--evidence-only"];
    let said = world.run(&[&flags[..], &TRUST[..]].concat()).exits(5);
    assert_eq!(said.findings(), [format!("waiver-unjudged {WAIVER}")]);
}
