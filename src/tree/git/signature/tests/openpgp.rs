//! Tags signed with OpenPGP keys.

use super::*;
use std::process::Output;

/// A key ring of its own, whose agent ends with it.
struct Gpg {
    home: tempfile::TempDir,
    /// The time that gpg is told, as it takes it.
    now: &'static str,
}

/// A day before the tags of the tests, and two later ones.
const BEFORE: &str = "20260101T000000";
const AT: &str = "20260102T030405";
const LATER: &str = "20270101T000000";

impl Gpg {
    fn new(now: &'static str) -> Gpg {
        // Sockets have short paths only, so this is not in the folder of the tests.
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Gpg { home, now }
    }

    fn try_run(&self, arguments: &[&str]) -> Output {
        Command::new("gpg")
            .env("GNUPGHOME", self.home.path())
            .args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(["--faked-system-time", self.now])
            .args(arguments)
            .output()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "gpg {arguments:?}: {output:?}");
        output.stdout
    }

    /// Makes a key that may sign, and gives its fingerprint.
    fn key(&self, user: &str, kind: &str, usage: &str, expires: &str) -> String {
        self.run(&["--quick-gen-key", user, kind, usage, expires]);
        self.fingerprints(user).remove(0)
    }

    /// The fingerprints of a key and its subkeys.
    fn fingerprints(&self, user: &str) -> Vec<String> {
        let listed = String::from_utf8(self.run(&["--list-keys", "--with-colons", user])).unwrap();
        let lines = listed.lines().filter_map(|line| line.strip_prefix("fpr:"));
        lines.map(|line| line.trim_matches(':').to_owned()).collect()
    }

    /// Signs as git does, through a program that gives gpg its time.
    fn sign(&self, world: &World, key: &str, name: &str) {
        let script = self.home.path().join("sign");
        let home = self.home.path().display();
        let options = "--batch --no-tty --pinentry-mode loopback --passphrase ''";
        let line = format!(
            "#!/bin/sh\nexec gpg --homedir '{home}' {options} --faked-system-time {} \"$@\"\n",
            self.now
        );
        fs::write(&script, line).unwrap();
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let program = format!("gpg.program={}", script.display());
        let key = format!("user.signingKey={key}");
        git(
            world.root(),
            &["-c", "gpg.format=openpgp", "-c", &program, "-c", &key, "tag", "-s", "-m", "it", name],
        );
    }

    fn export(&self, world: &World, armored: bool) {
        let keys = if armored { self.run(&["--export", "--armor"]) } else { self.run(&["--export"]) };
        world.write("keys.asc", keys);
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.home.path()).args(["--kill", "all"]).output();
    }
}

const USER: &str = "Release <release@example.com>";

/// A key of a kind, a tag that it signed, and the exported key.
fn signed(kind: &str) -> (World, Gpg, String) {
    let (world, mut gpg) = (World::new(), Gpg::new(BEFORE));
    let key = gpg.key(USER, kind, "sign", "never");
    gpg.now = AT;
    gpg.sign(&world, &key, "v1");
    gpg.export(&world, true);
    (world, gpg, key)
}

#[test]
fn each_kind_of_key_is_good_and_tells_its_owner_and_fingerprint() {
    for kind in ["ed25519", "rsa2048", "nistp256"] {
        let (world, gpg, key) = signed(kind);
        for armored in [true, false] {
            gpg.export(&world, armored);
            let judged = world.judged("v1");
            assert_eq!((judged.format, judged.verdict), (Format::OpenPgp, Verdict::Good), "{kind}");
            assert_eq!((judged.key.as_deref(), judged.signer.as_deref()), (Some(key.as_str()), Some(USER)));
        }
        assert!(world.git_says(gpg.home.path(), "v1"));
    }
}

#[test]
fn several_keys_in_one_file_one_after_the_other_all_count() {
    let (world, gpg, _) = signed("ed25519");
    let other = Gpg::new(BEFORE);
    other.key("Other <other@example.com>", "ed25519", "sign", "never");
    let both = [other.run(&["--export", "--armor"]), gpg.run(&["--export", "--armor"])].concat();
    world.write("keys.asc", both);
    assert_eq!(world.judged("v1").signer.as_deref(), Some(USER));
}

#[test]
fn another_key_is_unknown_and_named() {
    let (world, _gpg, key) = signed("ed25519");
    let other = Gpg::new(BEFORE);
    other.key(USER, "ed25519", "sign", "never");
    other.export(&world, true);
    let judged = world.judged("v1");
    assert_eq!((judged.verdict, judged.key, judged.signer), (Verdict::UnknownKey, Some(key), None));
    assert!(!world.git_says(other.home.path(), "v1"));
}

#[test]
fn a_changed_tag_is_seen() {
    let (world, gpg, _) = signed("ed25519");
    let changes: &[(&str, &str)] =
        &[("\nit\n", "\nother\n"), ("T <t@", "U <t@"), ("1767323045", "1767323046")];
    for (from, to) in changes {
        world.forge("v1", "forged", |text| text.replacen(from, to, 1));
        let original = git(world.root(), &["rev-parse", "refs/tags/v1"]);
        git(world.root(), &["update-ref", "refs/tags/v1", "refs/tags/forged"]);
        assert_eq!(world.judged("v1").verdict, bad(NOT_OVER), "{to}");
        assert!(!world.git_says(gpg.home.path(), "v1"));
        git(world.root(), &["update-ref", "refs/tags/v1", &original]);
    }
    assert_eq!(world.judged("v1").verdict, Verdict::Good);
}

#[test]
fn a_subkey_signs_for_its_key_until_it_is_revoked() {
    let (world, mut gpg) = (World::new(), Gpg::new(BEFORE));
    let key = gpg.key(USER, "ed25519", "cert", "never");
    gpg.run(&["--quick-add-key", &key, "ed25519", "sign", "never"]);
    let subkey = gpg.fingerprints(USER).remove(1);
    gpg.now = AT;
    gpg.sign(&world, &key, "v1");
    gpg.export(&world, true);
    let judged = world.judged("v1");
    assert_eq!(
        (judged.verdict, judged.key, judged.signer.as_deref()),
        (Verdict::Good, Some(subkey), Some(USER))
    );
    assert!(world.git_says(gpg.home.path(), "v1"));

    gpg.now = LATER;
    gpg.edit(&key, "key 1\nrevkey\ny\n0\n\ny\nsave\n");
    gpg.export(&world, true);
    assert_eq!(world.judged("v1").verdict, bad("the subkey was revoked"));
    assert!(!world.git_says(gpg.home.path(), "v1"));
}

#[test]
fn a_key_that_expired_before_it_signed_is_told_and_one_that_expired_later_is_good() {
    let (world, mut gpg, key) = signed("ed25519");
    gpg.now = "20260101T000100";
    gpg.run(&["--quick-set-expire", &key, "20260110T000000"]);
    gpg.export(&world, true);
    assert_eq!(world.judged("v1").verdict, Verdict::Good);
    gpg.now = "20260101T000200";
    gpg.run(&["--quick-set-expire", &key, "20260101T120000"]);
    gpg.export(&world, true);
    assert_eq!(world.judged("v1").verdict, Verdict::Expired);
    assert!(!world.git_says(gpg.home.path(), "v1"));
}

#[test]
fn a_key_that_was_revoked_is_bad() {
    let (world, gpg, key) = signed("ed25519");
    let certificate = gpg.home.path().join(format!("openpgp-revocs.d/{key}.rev"));
    let text = fs::read_to_string(certificate).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let usable = gpg.home.path().join("revocation");
    fs::write(&usable, text).unwrap();
    gpg.run(&["--import", usable.to_str().unwrap()]);
    gpg.export(&world, true);
    assert_eq!(world.judged("v1").verdict, bad("the key was revoked"));
    assert!(!world.git_says(gpg.home.path(), "v1"));
}

#[test]
fn broken_digests_and_private_keys_are_refused() {
    let (world, gpg, key) = signed("rsa2048");
    let payload = {
        let object = format!("{}\n", git(world.root(), &["cat-file", "tag", "v1"]));
        object[..object.find("-----BEGIN").unwrap()].to_owned()
    };
    world.write("payload", &payload);
    let with = |options: &[&str]| {
        let base = ["--yes", "-u", &key, "--armor", "--output", "-"];
        let signature = gpg.run(&[&base[..], options, &["--detach-sign", &world.path("payload")]].concat());
        let object = [payload.as_bytes(), &signature].concat();
        judge(&object, None, &world.signers().unwrap()).unwrap().verdict
    };
    assert_eq!(with(&["--digest-algo", "SHA512"]), Verdict::Good);
    assert_eq!(with(&["--digest-algo", "SHA1"]), bad("it is made with SHA1"));
    assert_eq!(with(&["--digest-algo", "RIPEMD160"]), bad("it is made with RIPEMD160"));
    assert_eq!(
        with(&["--textmode"]),
        Verdict::Unsupported("a signature over something else than bytes".into())
    );
    assert_eq!(
        with(&["--default-sig-expire", "20300101"]),
        Verdict::Unsupported("a signature that expires".into())
    );
    let conditions = Verdict::Unsupported("a signature with conditions of its own".into());
    assert_eq!(with(&["--sig-notation", "!only@example.com=tests"]), conditions);
    assert_eq!(with(&["--sig-notation", "note@example.com=x"]), Verdict::Good);

    world.write("keys.asc", gpg.run(&["--export-secret-keys", "--armor"]));
    assert!(world.signers().unwrap_err().to_string().ends_with("it holds a private key"));
    world.write("keys.asc", gpg.run(&["--export-secret-keys"]));
    assert!(world.signers().unwrap_err().to_string().ends_with("it holds a private key"));
}

impl Gpg {
    /// Answers what `--edit-key` asks.
    fn edit(&self, key: &str, answers: &str) {
        let answers_file = self.home.path().join("answers");
        fs::write(&answers_file, answers).unwrap();
        let output = Command::new("gpg")
            .env("GNUPGHOME", self.home.path())
            .args(["--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(["--faked-system-time", self.now, "--command-fd", "0", "--edit-key", key])
            .stdin(fs::File::open(&answers_file).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn every_byte_of_the_tag_counts() {
    let (world, _gpg, _) = signed("ed25519");
    every_byte_counts(&world, "v1");
}
