//! Keys: made once, shown, trusted for something, and kept offline.

use crate::world::{Said, World, names_in};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn trust(world: &World, file: &str, role: &str, may: &[&str]) -> Said {
    world.run(&[&["keys", "trust", file, "--role", role, "--may"], may].concat())
}

/// The public key of another world, as `captain.pub` in this one's folder.
fn captain(world: &World) -> World {
    let other = World::release();
    fs::copy(other.home().join("signing.pub"), world.path().join("captain.pub")).unwrap();
    other
}

#[test]
fn a_key_set_is_private_and_made_once() {
    let world = World::without_keys();
    let said = world.run(&["keys", "new", "--no-passphrase"]).done();
    said.says("SHA256:").says("age1").says("attestar keys recovery-kit");
    for (name, mode) in [("signing.key", 0o600), ("identity.age", 0o600), ("signing.pub", 0o644)] {
        let found = fs::metadata(world.home().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    let before = fs::read(world.home().join("signing.key")).unwrap();
    for flags in [&["--no-passphrase"][..], &["--signing"], &["--identity", "--json"]] {
        let said = world.run(&[&["keys", "new"], flags].concat()).exits(1);
        assert!((said.out + &said.err).contains("keys are never overwritten"));
    }
    assert_eq!(fs::read(world.home().join("signing.key")).unwrap(), before);
}

#[test]
fn either_half_can_be_made_alone() {
    let world = World::without_keys();
    world.run(&["keys", "new", "--identity", "--no-passphrase"]).done();
    assert_eq!(names_in(&world.home()), ["identity.age", "recipient.age"]);
    world.run(&["keys", "new", "--signing", "--no-passphrase"]).done();
    let all = ["identity.age", "recipient.age", "signing.key", "signing.pub", "trust.toml", "trusted"];
    assert_eq!(names_in(&world.home()), all);
    world.run(&["keys", "new", "--signing", "--identity"]).exits(2);
}

#[test]
fn own_keys_are_shown_and_trusted_for_everything() {
    let world = World::new();
    let pem = fs::read_to_string(world.home().join("signing.pub")).unwrap();
    world.run(&["keys", "show"]).done().says(&pem).says("age1").says("SHA256:");
    let own = world.run(&["keys", "list", "--json"]).done().json();
    assert_eq!((&own["keys"][0]["role"], &own["keys"][0]["may"][8]), (&json!("own"), &json!("log")));
    let shown = world.run(&["keys", "show", "--json"]).done().json();
    assert_eq!(shown["keys"], own["keys"]);
    assert_eq!(shown["recipients"].as_array().unwrap().len(), 1);
    let nobody = World::without_keys();
    nobody.run(&["keys", "show"]).exits(1).complains("hint: attestar keys new");
    nobody.run(&["keys", "list"]).done().says("nobody is trusted");
}

#[test]
fn a_captain_who_is_trusted_to_seal_is_believed_and_one_who_is_not_is_refused() {
    for (may, code) in [(&["seal:release", "receipt"][..], 0), (&["receipt", "drill"], 3)] {
        let world = World::new();
        let other = captain(&world);
        other.seal(&[]).done();
        fs::rename(other.out(), world.out()).unwrap();
        let said = trust(&world, "captain.pub", "captain", may).done();
        said.says("SHA256:").says("Compare this fingerprint").says(&may.join(", "));
        world.run(&["keys", "list"]).done().says("captain").says("may everything that can be signed");
        world.verify(&["--evidence-only"]).exits(code);
    }
}

#[test]
fn trust_is_refused_where_it_cannot_be_meant() {
    let world = World::new();
    captain(&world);
    let file = |name: &str, text: &str| fs::write(world.path().join(name), text).unwrap();
    let weak = "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    file("weak.pub", &format!("-----BEGIN PUBLIC KEY-----\n{weak}\n-----END PUBLIC KEY-----\n"));
    file("garbage.pub", "no key\n");
    let before = fs::read(world.home().join("trust.toml")).unwrap();
    let refused = [
        ("captain.pub", "Captain!", "receipt", 2, "role \"Captain!\" is not"),
        ("captain.pub", "captain", "recipt", 2, "hint: did you mean \"receipt\"?"),
        ("captain.pub", "captain", "everything", 2, "hint: known: seal:release"),
        ("weak.pub", "captain", "receipt", 1, "weak key"),
        ("garbage.pub", "captain", "receipt", 1, "not a public key"),
        ("home/signing.key", "captain", "receipt", 1, "a private key, where its public key is wanted"),
        ("home/signing.pub", "me", "receipt", 1, "is trusted already, as \"own\""),
        ("nobody.pub", "captain", "receipt", 1, "cannot open nobody.pub"),
    ];
    for (key, role, right, code, message) in refused {
        trust(&world, key, role, &[right]).exits(code).complains(message);
    }
    assert_eq!(fs::read(world.home().join("trust.toml")).unwrap(), before);
    trust(&world, "captain.pub", "captain", &["receipt"]).done();
    trust(&world, "captain.pub", "captain", &["seal:release"]).exits(1).complains("is trusted already");
    world.run(&["keys", "trust", "captain.pub", "--role", "captain"]).exits(2).complains("--may");
}

#[test]
fn a_mistake_in_the_trust_file_is_told_with_its_line() {
    let world = World::sealed();
    let file = world.home().join("trust.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("may =", "mya =")).unwrap();
    world.verify(&[]).exits(2).complains("trust.toml:4: unknown key `mya`").complains("did you mean `may`?");
}

#[test]
fn the_recovery_kit_brings_everything_back_on_a_new_host() {
    let world = World::sealed();
    let kit = world.run(&["keys", "recovery-kit"]).done().out;
    let new_host = World::without_keys();
    let block = |name: &str, end: &str| {
        let start = kit.find(&format!("\n{name}    ")).expect("a block of that name");
        let text = &kit[start + kit[start..].find("\n\n").expect("an empty line") + 2..];
        text[..text.find(end).expect("its last line") + end.len()].to_owned()
    };
    fs::create_dir(new_host.home()).unwrap();
    let identity = block("identity.age", "\n\n");
    fs::write(new_host.home().join("identity.age"), identity.trim_end()).unwrap();
    let key = block("signing.key", "-----END PRIVATE KEY-----\n");
    assert_eq!(key, fs::read_to_string(world.home().join("signing.key")).unwrap());
    fs::copy(world.home().join("signing.pub"), new_host.path().join("signing.pub")).unwrap();
    fs::rename(world.out(), new_host.out()).unwrap();
    new_host.restore(&["--key", "signing.pub"]).done();
}

#[test]
fn secrets_are_never_in_a_json_document() {
    let world = World::new();
    let said = world.run(&["keys", "recovery-kit", "--json"]).done();
    assert_eq!(said.json()["keep_offline"].as_array().unwrap().len(), 2);
    assert!(!said.out.contains("AGE-SECRET-KEY") && !said.out.contains("PRIVATE KEY"));
    World::without_keys().run(&["keys", "recovery-kit"]).exits(1).complains("there is no secret key");
}
