//! Tags that git itself signs, judged here and by `git verify-tag`.

use super::*;
use crate::policy::{Policy, Source};
use crate::tree::git::tag::{Tag, tag};
use crate::tree::testing::{TIME_S, git};
use std::fs;
use std::process::Command;

mod openpgp;
mod ssh;

/// A repository with one commit, beside which keys can lie.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "-b", "main"]);
        git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "one"]);
        World { folder }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> String {
        self.root().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.root().join(name), text).unwrap();
    }

    /// The tag's signature, by the keys of the two usual files, where they are there.
    fn judged(&self, name: &str) -> Signature {
        self.tag(name).signature.unwrap()
    }

    fn tag(&self, name: &str) -> Tag {
        tag(self.root(), name, &self.signers().unwrap()).unwrap().unwrap()
    }

    fn signers(&self) -> Result<Signers> {
        let mut text = "schema = 1\n[[include]]\nclass = 'doc'\npaths = ['**']\n[git]\n".to_owned();
        if self.root().join("allowed").exists() {
            text.push_str("allowed_signers = 'allowed'\n");
        }
        if self.root().join("keys.asc").exists() {
            text.push_str("openpgp_keys = ['keys.asc']\n");
        }
        let policy = Policy::parse(Source::File("p.toml".into()), text).unwrap();
        Signers::load(self.root(), &policy.git)
    }

    /// Makes a new tag of the object of another one, changed.
    fn forge(&self, from: &str, to: &str, change: impl FnOnce(String) -> String) {
        let object = git(self.root(), &["cat-file", "tag", from]);
        self.write("forged", change(format!("{object}\n")));
        let id = git(self.root(), &["hash-object", "-t", "tag", "-w", "--literally", "forged"]);
        git(self.root(), &["update-ref", &format!("refs/tags/{to}"), &id]);
    }

    /// Whether git says that the tag is good. Only signs of its own verdict count: 0 and 1.
    fn git_says(&self, home: &Path, name: &str) -> bool {
        let output = Command::new("git")
            .current_dir(self.root())
            .env_clear()
            .envs([("PATH", std::env::var("PATH").unwrap()), ("GIT_CONFIG_NOSYSTEM", "1".into())])
            .envs([("HOME", home), ("GNUPGHOME", home)])
            .args(["-c", &format!("gpg.ssh.allowedSignersFile={}", self.path("allowed")), "verify-tag", name])
            .output()
            .unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        output.status.success()
    }
}

fn bad(why: &str) -> Verdict {
    Verdict::Bad(why.to_owned())
}

const NOT_OVER: &str = "the signature is not over this tag";

/// Judges a tag with each byte changed in turn: nothing panics, and what is signed holds with none of them.
fn every_byte_counts(world: &World, name: &str) {
    let object = format!("{}\n", git(world.root(), &["cat-file", "tag", name])).into_bytes();
    let signers = world.signers().unwrap();
    let good =
        |object: &[u8]| judge(object, None, &signers).is_some_and(|found| found.verdict == Verdict::Good);
    assert!(good(&object));
    let (payload, _, _) = split(&object).unwrap();
    let signed_bytes = payload.len();
    for at in 0..object.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = object.clone();
            changed[at] ^= bit;
            let holds = good(&changed);
            assert!(at >= signed_bytes || !holds, "byte {at}");
        }
    }
}

#[test]
fn a_tag_without_a_signature_has_none_and_x509_is_not_verified() {
    let world = World::new();
    git(world.root(), &["tag", "-a", "-m", "it", "plain"]);
    assert_eq!(world.tag("plain").signature, None);
    world.forge("plain", "x509", |text| {
        let text = text.replace("tag plain", "tag x509");
        format!("{text}-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n")
    });
    let x509 = world.judged("x509");
    assert_eq!(
        (x509.format, x509.verdict),
        (Format::X509, Verdict::Unsupported("an X.509 signature".into()))
    );
}

#[test]
fn key_files_that_are_missing_or_no_keys_are_errors() {
    let world = World::new();
    let load = |options: &str| {
        let text = format!("schema = 1\n[[include]]\nclass = 'doc'\npaths = ['**']\n[git]\n{options}\n");
        let policy = Policy::parse(Source::File("p.toml".into()), text).unwrap();
        Signers::load(world.root(), &policy.git).unwrap_err()
    };
    assert!(
        load("allowed_signers = 'none'")
            .to_string()
            .ends_with("none, which the policy names under allowed_signers")
    );
    assert!(
        load("openpgp_keys = ['none']")
            .to_string()
            .ends_with("none, which the policy names under openpgp_keys")
    );
    world.write("allowed", "# ok\nbroken\n");
    let Error::Config { file, line, message, .. } = load("allowed_signers = 'allowed'") else { panic!() };
    assert_eq!(
        (file, line, message.as_str()),
        (world.root().join("allowed"), 2, "nothing follows the principals")
    );
    for (text, why) in [
        (&b"no key\n"[..], "there is no OpenPGP key in it"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "it holds a private key"),
        (b"\x00\xff", "it is neither text nor OpenPGP"),
    ] {
        world.write("k", text);
        let error = load("openpgp_keys = ['k']");
        assert!(matches!(error, Error::Input { .. }) && error.to_string().ends_with(why), "{error}");
    }
    for garbage in [&b"\x99\x01"[..], b"\xff\xff\xff\xff", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n"] {
        world.write("k", garbage);
        load("openpgp_keys = ['k']");
    }
}

#[test]
fn a_signature_must_end_the_tag() {
    let armored = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n";
    assert!(ends_where_it_should(armored) && ends_where_it_should(&format!("{armored}\n \n")));
    assert!(!ends_where_it_should(&format!("{armored}more\n")));
    assert!(!ends_where_it_should("-----BEGIN SSH SIGNATURE-----\nAAAA\n"));
    let two = format!("object x\n\nmessage\n{armored}{armored}");
    let (payload, last, _) = split(two.as_bytes()).unwrap();
    assert!(payload.ends_with(armored.as_bytes()) && last == armored.as_bytes());
}
