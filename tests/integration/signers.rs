//! People with keys of their own, and the trust file that says what each may sign.

use crate::world::World;
use attestar::keys::entropy::OsEntropy;
use attestar::keys::signing::SigningKey;
use std::fs;

/// The trust file of a world, as flags.
pub const TRUST: [&str; 2] = ["--trust", "trust.toml"];

/// Somebody: a name, which is also their role and the begin of their files' names, and a seed.
#[derive(Clone, Copy)]
pub struct Person(pub &'static str, pub u8);

pub const QA: Person = Person("qa", 0x71);
pub const RISK: Person = Person("risk", 0x72);
/// Somebody whom the trust file names, and who may do nothing.
pub const WITNESS: Person = Person("witness", 0x77);
/// Somebody whom it does not name.
pub const STRANGER: Person = Person("stranger", 0x57);

impl Person {
    pub fn key(self) -> SigningKey {
        SigningKey::from_seed(&[self.1; 32])
    }

    /// `NAME.key` in the world's folder.
    pub fn key_file(self) -> String {
        format!("{}.key", self.0)
    }
}

/// Gives everybody their key files, and writes the trust file: the world's own key seals as `captain`, QA and RISK may
/// approve and waive.
pub fn people(world: &World) {
    for person in [QA, RISK, WITNESS, STRANGER] {
        let key = person.key();
        let pem = key.to_pem(None, &mut OsEntropy).expect("a key in PEM");
        fs::write(world.path().join(person.key_file()), pem.as_bytes()).expect("a key file");
        let public = world.path().join(format!("{}.pub", person.0));
        fs::write(public, key.public().to_pem()).expect("a public key file");
    }
    fs::copy(world.home().join("signing.pub"), world.path().join("captain.pub")).expect("the own public key");
    trust(world, &[]);
}

/// Writes the trust file anew, with more terms for some of the roles, or with what follows all of them under "".
pub fn trust(world: &World, terms: &[(&str, &str)]) {
    let more =
        |role: &str| terms.iter().filter(|(of, _)| *of == role).map(|(_, term)| *term).collect::<String>();
    let signer = |role: &str, may: &str| {
        let terms = more(role);
        format!("[[signer]]\nrole = \"{role}\"\nkey = \"{role}.pub\"\nmay = [{may}]\n{terms}\n")
    };
    let text = [
        signer("captain", "\"seal:release\", \"receipt\", \"approve\""),
        signer("qa", "\"approve\", \"waive\""),
        signer("risk", "\"approve\", \"waive\""),
        signer("witness", ""),
        more(""),
    ];
    fs::write(world.path().join("trust.toml"), text.concat()).expect("the trust file");
}
