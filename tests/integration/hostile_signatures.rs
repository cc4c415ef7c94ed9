//! Signatures that are missing, of somebody else, or of something else.

use crate::forge::{Pack, Tar, encrypt, file, own_key, publish, receipt, stranger};
use crate::world::World;
use attestar::format::bundle::Bundle;
use attestar::format::digest::Sha256;
use attestar::format::kind::Kind;
use attestar::format::receipt::Receipt;
use attestar::format::seal::Seal;
use attestar::format::statement::{Predicate, Statement, Subject};
use serde::{Deserialize, Serialize};
use std::fs;

fn small() -> Pack {
    Pack::of([file("a.md", "# Guide\n")])
}

/// A pack in a world, with its archive published.
fn published(world: &World, pack: &Pack) {
    publish(world, pack, &Tar::of(pack).container().bytes());
}

/// The same with this seal.
fn with_seal(world: &World, seal: Bundle) {
    let mut pack = small().sealed(&own_key(world));
    pack.tags.insert("attestations/seal.sigstore.json".to_owned(), seal.to_bytes());
    published(world, &pack);
}

/// A honest pack under this receipt.
fn with_receipt(world: &World, sign: impl FnOnce(Statement<Receipt>) -> Bundle) {
    published(world, &small().sealed(&own_key(world)));
    let (name, archive) = ("shop-1.0.0.tar.zst.age", fs::read(world.archive()).unwrap());
    let statement = receipt(&small().sealed(&own_key(world)), name, &archive);
    fs::write(world.receipt(), sign(statement).to_bytes()).unwrap();
}

fn seal_of(pack: &Pack) -> Statement<Seal> {
    pack.seal().over(Sha256::of(&pack.clone().closed().tags["tagmanifest-sha256.txt"]))
}

/// A trust file with the own key under these terms.
fn trust(world: &World, terms: &str) -> &'static str {
    let text = format!("[[signer]]\nrole = \"ci\"\nkey = \"home/signing.pub\"\n{terms}\n");
    fs::write(world.path().join("trust.toml"), text).unwrap();
    "trust.toml"
}

#[test]
fn signatures_that_were_stripped() {
    let world = World::sealed();
    fs::remove_file(world.receipt()).unwrap();
    world.refuses(3, "receipt-missing");
    published(&world, &small().closed());
    world.refuses(3, "seal-missing");
}

#[test]
fn another_keys_signature() {
    let world = World::new();
    with_seal(&world, stranger().sign_statement(&seal_of(&small())));
    world.refuses(3, "signer-unknown");
    with_receipt(&world, |statement| stranger().sign_statement(&statement));
    world.refuses(3, "signer-unknown");
}

#[test]
fn another_keys_signature_under_the_name_of_a_trusted_one() {
    let world = World::new();
    let key_id = own_key(&world).public().key_id();
    let posing = |mut bundle: Bundle| {
        bundle.envelope.key_id = key_id.clone();
        bundle
    };
    with_seal(&world, posing(stranger().sign_statement(&seal_of(&small()))));
    world.refuses(3, "signature-invalid");
    with_receipt(&world, |statement| posing(stranger().sign_statement(&statement)));
    world.refuses(3, "signature-invalid");
    with_receipt(&world, |statement| {
        let mut bundle = own_key(&world).sign_statement(&statement);
        bundle.envelope.payload.push(b' ');
        bundle
    });
    world.refuses(3, "signature-invalid");
}

#[test]
fn a_receipt_shown_as_a_seal_and_a_seal_as_a_receipt() {
    let world = World::new();
    let (key, pack) = (own_key(&world), small().sealed(&own_key(&world)));
    with_seal(&world, key.sign_statement(&receipt(&pack, "tagmanifest-sha256.txt", b"")));
    world.refuses(3, "statement-invalid");
    with_receipt(&world, |_| key.sign_statement(&seal_of(&small())));
    world.refuses(3, "statement-invalid");
    with_receipt(&world, |statement| {
        let mut bundle = key.sign_statement(&statement);
        bundle.envelope.payload_type = "application/json".into();
        bundle
    });
    world.refuses(3, "signature-invalid");
}

#[test]
fn another_packs_seal() {
    let world = World::new();
    let key = own_key(&world);
    let other = |project: &str, version: &str, content: &str| {
        seal_of(&Pack::named(project, version, [file("a.md", content)]))
    };
    with_seal(&world, key.sign_statement(&other("bank", "1.0.0", "# Guide\n")));
    world.refuses(3, "statement-invalid");
    with_seal(&world, key.sign_statement(&other("shop", "0.9.0", "# Guide\n")));
    world.refuses(3, "altered");
    with_seal(&world, key.sign_statement(&other("shop", "1.0.0", "# Another\n")));
    world.refuses(3, "altered");
    // Of this very tag manifest, but it says another version, or that it is a backup.
    let mut statement = seal_of(&small());
    statement.predicate.version = "2.0.0".into();
    with_seal(&world, key.sign_statement(&statement));
    world.refuses(3, "disagreement");
    let mut statement = seal_of(&small());
    statement.predicate.kind = Kind::Backup;
    with_seal(&world, key.sign_statement(&statement));
    world.refuses(3, "statement-invalid");
}

#[test]
fn subjects_that_are_not_the_archive() {
    let world = World::new();
    let bent = |bend: &dyn Fn(&mut Vec<Subject>)| {
        with_receipt(&world, |mut statement| {
            bend(&mut statement.subject);
            own_key(&world).sign_statement(&statement)
        });
    };
    bent(&|subjects| subjects.clear());
    world.refuses(3, "statement-invalid");
    bent(&|subjects| subjects.push(subjects[0].clone()));
    world.refuses(3, "statement-invalid");
    bent(&|subjects| subjects.insert(0, Subject::new("other.tar.zst.age", Sha256::of(b""))));
    world.refuses(3, "disagreement");
    bent(&|subjects| subjects[0].name = "other.tar.zst.age".into());
    world.refuses(3, "disagreement");
    bent(&|subjects| subjects[0].digest.sha256 = Sha256::of(b""));
    world.refuses(3, "altered");
}

#[test]
fn a_file_replaced_whole_and_encrypted_again() {
    let world = World::sealed();
    let evil = small().sealed(&stranger());
    fs::write(world.archive(), encrypt(&world, &Tar::of(&evil).container().bytes())).unwrap();
    world.refuses(3, "altered");
    // To somebody else, so that nobody here can even look inside.
    fs::write(world.archive(), encrypt(&World::new(), &Tar::of(&evil).container().bytes())).unwrap();
    world.refuses(3, "altered");
}

#[test]
fn an_honest_pack_under_the_receipt_of_another_time() {
    let world = World::new();
    published(&world, &small().sealed(&own_key(&world)));
    let earlier = fs::read(world.receipt()).unwrap();
    published(&world, &small().sealed(&own_key(&world)));
    fs::write(world.receipt(), earlier).unwrap();
    world.refuses(3, "altered");
}

#[test]
fn an_old_archive_under_the_name_of_the_newest() {
    let world = World::sealed();
    let newer = |name: &str| world.out().join(name.replace("1.0.0", "2.0.0"));
    for name in ["shop-1.0.0.tar.zst.age", "shop-1.0.0.tar.zst.age.sigstore.json"] {
        fs::copy(world.out().join(name), newer(name)).unwrap();
    }
    world.refuses_target("out/shop-2.0.0.tar.zst.age", 3, "disagreement", &[]);
    fs::remove_dir_all(world.evidence()).unwrap();
    world.seal(&["--payload", "--no-encrypt"]).done();
    fs::rename(world.evidence(), newer("shop-1.0.0")).unwrap();
    fs::remove_file(newer("shop-1.0.0.tar.zst.age")).unwrap();
    fs::remove_file(newer("shop-1.0.0.tar.zst.age.sigstore.json")).unwrap();
    world.refuses_target("out/shop-2.0.0", 3, "disagreement", &[]);
}

/// A receipt with one field more than any receipt has.
#[derive(Serialize, Deserialize)]
struct Wider {
    #[serde(flatten)]
    receipt: Receipt,
    approved: bool,
}

impl Predicate for Wider {
    const TYPE: &'static str = Receipt::TYPE;

    fn project(&self) -> &str {
        &self.receipt.project
    }

    fn kind(&self) -> Kind {
        self.receipt.kind
    }
}

#[test]
fn fields_that_nobody_signed_and_fields_that_nobody_knows() {
    let world = World::sealed();
    let honest = fs::read_to_string(world.receipt()).unwrap();
    for (from, to) in [
        ("{\"mediaType\"", "{\"approved\":true,\"mediaType\""),
        ("\"tlogEntries\":[]", "\"tlogEntries\":[],\"timestampVerificationData\":{}"),
        ("\"tlogEntries\":[]", "\"tlogEntries\":[1]"),
        ("\"tlogEntries\":[],", ""),
        ("v0.3+json", "v0.4+json"),
        ("{\"mediaType\"", " {\"mediaType\""),
        ("\"hint\":\"", "\"hint\":\"A"),
        ("==\"", "\""),
    ] {
        let bent = honest.replacen(from, to, 1);
        if bent != honest {
            fs::write(world.receipt(), bent).unwrap();
            world.refuses(3, "bundle-invalid");
        }
    }
    for bent in
        [honest.clone() + "\n", honest.trim_end().to_owned(), String::new(), "{}".into(), "[".repeat(1 << 20)]
    {
        fs::write(world.receipt(), bent).unwrap();
        world.refuses(3, "bundle-invalid");
    }
    let world = World::new();
    with_receipt(&world, |statement| {
        let wider = Wider { receipt: statement.predicate, approved: true };
        own_key(&world).sign_statement(&Statement::new(statement.subject, wider))
    });
    world.refuses(3, "statement-invalid");
}

#[test]
fn a_key_that_may_do_other_things() {
    let world = World::sealed();
    let flags = ["--trust", trust(&world, "may = [\"drill\"]")];
    world.refuses_with(3, "signer-not-allowed", &flags);
    trust(&world, "");
    world.refuses_with(3, "signer-not-allowed", &flags);
    trust(&world, "may = [\"receipt\", \"seal:backup\", \"drill\"]");
    world.refuses_with(3, "signer-not-allowed", &flags);
    trust(&world, "may = [\"seal:release\"]");
    world.refuses_with(3, "signer-not-allowed", &flags);
    trust(&world, "may = [\"seal:release\", \"receipt\"]\nprojects = [\"bank\"]");
    world.refuses_with(3, "signer-wrong-project", &flags);
}

#[test]
fn a_key_whose_time_is_over() {
    let world = World::sealed();
    let may = "may = [\"seal:release\", \"receipt\"]";
    let flags = ["--trust", trust(&world, &format!("{may}\nnot_after = 2020-01-01T00:00:00Z"))];
    world.refuses_with(3, "signer-expired", &flags);
    trust(&world, &format!("{may}\nrevoked_at = 2999-01-01T00:00:00Z"));
    world.refuses_with(3, "signer-revoked", &flags);
    // Naming the key once more lifts nothing.
    world.refuses_with(3, "signer-revoked", &[&flags[..], &["--key", "home/signing.pub"]].concat());
}

#[test]
fn a_key_that_expires_where_nothing_says_when_it_signed() {
    let world = World::release();
    world.seal(&["--payload"]).done();
    fs::remove_file(world.receipt()).unwrap();
    let terms = "may = [\"seal:release\", \"receipt\"]\nnot_after = 2999-01-01T00:00:00Z";
    world.refuses_target("out/shop-1.0.0", 5, "signed-time-unknown", &["--trust", trust(&world, terms)]);
}

#[test]
fn nobody_is_trusted() {
    let world = World::sealed();
    fs::remove_file(world.home().join("trust.toml")).unwrap();
    world.refuses(5, "no-trust");
    // What comes with the archive is never what it is judged by.
    fs::copy(world.home().join("signing.pub"), world.out().join("signing.pub")).unwrap();
    world.refuses(5, "no-trust");
}

#[test]
fn keys_that_are_none() {
    let world = World::sealed();
    let pem = |hex: &str| {
        let der = format!("302a300506032b6570032100{hex}");
        let der = data_encoding::HEXLOWER.decode(der.as_bytes()).unwrap();
        let body = data_encoding::BASE64.encode(&der);
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    };
    let zeros = "00".repeat(31);
    for (content, says) in [
        (pem(&format!("01{zeros}")), "a weak key of low order"),
        (pem(&format!("{zeros}80")), "a weak key of low order"),
        (pem(&format!("ee{}7f", "ff".repeat(30))), "not a canonical point"),
        (fs::read_to_string(world.home().join("signing.key")).unwrap(), "a private key"),
        ("hello\n".to_owned(), "not a public key"),
        (String::new(), "not a public key"),
        ("-".repeat(2 << 20), "larger than 1 MiB"),
    ] {
        fs::write(world.path().join("k.pub"), content).unwrap();
        for command in [&["verify"][..], &["restore", "--to", "back"]] {
            let args = [command, &["out/shop-1.0.0.tar.zst.age", "--key", "k.pub"]].concat();
            world.run(&args).exits(1).complains(says).complains("k.pub");
        }
    }
    world.verify(&["--key", "nowhere.pub"]).exits(1).complains("cannot open nowhere.pub");
    world.restore(&["--trust", "nowhere.toml"]).exits(1).complains("cannot open nowhere.toml");
    fs::write(world.path().join("trust.toml"), "[[signer]]\nrole = \"ci\"\nkee = \"x\"\n").unwrap();
    world
        .verify(&["--trust", "trust.toml"])
        .exits(2)
        .complains("trust.toml:3: ")
        .complains("did you mean `key`?");
}
