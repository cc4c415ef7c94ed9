//! Tags signed with SSH keys.

use super::*;

impl World {
    /// Makes a key, and gives its public line without the comment.
    fn ssh_key(&self, name: &str, options: &[&str]) -> String {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", "", "-f", &self.path(name)])
            .args(options)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let line = fs::read_to_string(self.root().join(format!("{name}.pub"))).unwrap();
        line.trim().to_owned()
    }

    fn ssh_sign(&self, key: &str, name: &str) {
        let key = self.path(key);
        git(
            self.root(),
            &["-c", "gpg.format=ssh", "-c", &format!("user.signingKey={key}"), "tag", "-s", "-m", "it", name],
        );
    }

    /// Our verdict, after git's was compared with it.
    fn agreed(&self, name: &str) -> Signature {
        let judged = self.judged(name);
        assert_eq!(self.git_says(self.root(), name), judged.verdict == Verdict::Good, "{judged:?}");
        judged
    }
}

/// A repository with a key that may sign and a tag that it signed.
fn signed() -> (World, String) {
    let world = World::new();
    let key = world.ssh_key("key", &["-t", "ed25519"]);
    world.write("allowed", format!("t@example.com {key}\n"));
    world.ssh_sign("key", "v1");
    (world, key)
}

#[test]
fn each_kind_of_key_is_good_and_tells_its_principal_and_fingerprint() {
    let world = World::new();
    let kinds: &[&[&str]] = &[
        &["-t", "ed25519"],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "rsa", "-b", "2048"],
    ];
    for (at, kind) in kinds.iter().enumerate() {
        let name = format!("k{at}");
        let key = world.ssh_key(&name, kind);
        world.write("allowed", format!("*@example.com namespaces=\"git\" {key}\n"));
        world.ssh_sign(&name, &name);
        let judged = world.agreed(&name);
        assert_eq!((judged.format, judged.verdict), (Format::Ssh, Verdict::Good), "{kind:?}");
        assert_eq!(judged.signer.as_deref(), Some("t@example.com"));
        let listed =
            Command::new("ssh-keygen").args(["-lf", &world.path(&format!("{name}.pub"))]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(listed.split(' ').nth(1), judged.key.as_deref());
    }
}

#[test]
fn a_key_that_nobody_allowed_is_unknown() {
    let (world, _) = signed();
    let other = world.ssh_key("other", &["-t", "ed25519"]);
    world.write("allowed", format!("t@example.com {other}\n"));
    let judged = world.agreed("v1");
    assert_eq!((judged.verdict, judged.signer), (Verdict::UnknownKey, None));
    assert!(judged.key.unwrap().starts_with("SHA256:"));
    fs::remove_file(world.root().join("allowed")).unwrap();
    assert_eq!(world.judged("v1").verdict, Verdict::UnknownKey);
}

#[test]
fn a_key_that_is_allowed_for_something_else_is_unknown() {
    let (world, key) = signed();
    world.write("allowed", format!("t@example.com namespaces=\"file,mail\" {key}\n"));
    assert_eq!(world.agreed("v1").verdict, Verdict::UnknownKey);
}

#[test]
fn the_principal_is_the_lines_where_it_does_not_take_the_tagger() {
    let (world, key) = signed();
    world.write("allowed", format!("*@elsewhere.example,!t@example.com {key}\n"));
    let judged = world.judged("v1");
    assert_eq!(judged.verdict, Verdict::Good);
    assert_eq!(judged.signer.as_deref(), Some("*@elsewhere.example,!t@example.com"));
    world.write("allowed", format!("captain@example.com {key}\n"));
    assert_eq!(world.agreed("v1").signer.as_deref(), Some("captain@example.com"));
    assert_eq!(world.tag("v1").tagger.unwrap().email, "t@example.com");
}

#[test]
fn a_key_counts_between_its_times_by_the_taggers_clock() {
    let (world, key) = signed();
    // The tags of the tests are of 2026-01-02T03:04:05Z.
    assert_eq!(TIME_S, 1_767_323_045);
    for (option, verdict) in [
        ("valid-after=\"20260101Z\",valid-before=\"20260103Z\"", Verdict::Good),
        ("valid-after=\"20260102030405Z\",valid-before=\"20260102030406Z\"", Verdict::Good),
        ("valid-before=\"20260102030405Z\"", Verdict::Good),
        ("valid-before=\"20260102030404Z\"", Verdict::Expired),
        ("valid-before=\"20250101Z\"", Verdict::Expired),
        ("valid-after=\"20260102030406Z\"", Verdict::NotYetValid),
    ] {
        world.write("allowed", format!("t@example.com {option} {key}\n"));
        assert_eq!(world.agreed("v1").verdict, verdict, "{option}");
    }
    let (old, new) = ("valid-before=\"20250101Z\"", "valid-after=\"20250101Z\"");
    world.write("allowed", format!("old@example.com {old} {key}\nt@example.com {new} {key}\n"));
    let judged = world.agreed("v1");
    assert_eq!((judged.verdict, judged.signer.as_deref()), (Verdict::Good, Some("t@example.com")));
}

#[test]
fn a_cert_authority_signs_no_tags_itself() {
    let (world, key) = signed();
    world.write("allowed", format!("t@example.com cert-authority {key}\n"));
    let why = "a key that is allowed as cert-authority alone";
    assert_eq!(world.agreed("v1").verdict, Verdict::Unsupported(why.into()));
}

#[test]
fn a_changed_tag_is_seen() {
    let (world, _) = signed();
    let original = git(world.root(), &["rev-parse", "refs/tags/v1"]);
    for (from, to) in [("\nit\n", "\nother\n"), ("T <t@", "U <t@"), ("1767323045", "1767323046")] {
        world.forge("v1", "forged", |text| text.replacen(from, to, 1));
        git(world.root(), &["update-ref", "refs/tags/v1", "refs/tags/forged"]);
        assert_eq!(world.agreed("v1").verdict, bad(NOT_OVER), "{to}");
        git(world.root(), &["update-ref", "refs/tags/v1", &original]);
    }
    assert_eq!(world.agreed("v1").verdict, Verdict::Good);
}

#[test]
fn the_object_of_another_tag_brings_no_signature_along() {
    let (world, _) = signed();
    git(world.root(), &["update-ref", "refs/tags/v2", "refs/tags/v1"]);
    assert_eq!(world.judged("v1").verdict, Verdict::Good);
    assert_eq!(world.judged("v2").verdict, bad("the tag object has another name"));
}

#[test]
fn a_damaged_object_is_not_judged() {
    let (world, _) = signed();
    let id = git(world.root(), &["rev-parse", "v1"]);
    git(world.root(), &["tag", "-a", "-m", "it", "other"]);
    let other = git(world.root(), &["rev-parse", "other"]);
    let place = |id: &str| world.root().join(".git/objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(place(&id)).unwrap();
    fs::copy(place(&other), place(&id)).unwrap();
    let tag = world.tag("v1");
    assert_eq!(tag.signature, None);
    assert!(
        tag.unread.unwrap().ends_with("the object is damaged: it does not have the digest that names it")
    );
}

#[test]
fn a_signature_for_something_else_than_git_is_bad() {
    let (world, _) = signed();
    let sign = |payload: &str, namespace: &str| {
        world.write("payload", payload);
        let arguments =
            ["-q", "-Y", "sign", "-n", namespace, "-f", &world.path("key"), &world.path("payload")];
        assert!(Command::new("ssh-keygen").args(arguments).output().unwrap().status.success());
        let signature = fs::read_to_string(world.path("payload.sig")).unwrap();
        fs::remove_file(world.path("payload.sig")).unwrap();
        format!("{payload}{signature}")
    };
    let payload = |text: &str| text[..text.find("-----BEGIN").unwrap()].to_owned();
    world.forge("v1", "file", |text| sign(&payload(&text).replace("tag v1", "tag file"), "file"));
    assert_eq!(world.agreed("file").verdict, bad("it is a signature for `file`, not for git"));
    world.forge("v1", "git", |text| sign(&payload(&text).replace("tag v1", "tag git"), "git"));
    assert_eq!(world.agreed("git").verdict, Verdict::Good);
}

#[test]
fn broken_and_followed_signatures_are_bad() {
    let (world, _) = signed();
    let object = git(world.root(), &["cat-file", "tag", "v1"]);
    let object = format!("{object}\n");
    let verdict = |object: &str| judge(object.as_bytes(), None, &world.signers().unwrap()).unwrap().verdict;
    assert_eq!(verdict(&object), Verdict::Good);
    assert_eq!(verdict(&format!("{object}approved by all\n")), bad("the signature does not end the tag"));
    assert_eq!(verdict(&object.replace("-----END", "-----ENDE")), bad("the signature does not end the tag"));
    let body = object.find("U1NIU0lH").unwrap();
    for (at, with) in [(body, "A"), (body + 12, "!"), (body + 40, "")] {
        let mut broken = object.clone();
        broken.replace_range(at..at + 1, with);
        assert!(
            matches!(verdict(&broken), Verdict::Bad(why) if why.starts_with("the signature cannot be read")),
            "{at}"
        );
    }
}

#[test]
fn weak_and_other_keys_are_not_verified() {
    let world = World::new();
    for (name, options, what) in [
        ("short", &["-t", "rsa", "-b", "1024"], "an RSA key below 2048 bits"),
        ("p521", &["-t", "ecdsa", "-b", "521"], "an ECDSA key over P-521"),
    ] {
        let key = world.ssh_key(name, options);
        world.write("allowed", format!("t@example.com {key}\n"));
        world.ssh_sign(name, name);
        assert_eq!(world.judged(name).verdict, Verdict::Unsupported(what.into()));
    }
    let (world, _) = signed();
    world.ssh_key("ca", &["-t", "ed25519"]);
    let certify = ["-q", "-s", &world.path("ca"), "-I", "id", "-n", "t", &world.path("key.pub")];
    assert!(Command::new("ssh-keygen").args(certify).output().unwrap().status.success());
    world.ssh_sign("key-cert.pub", "by-cert");
    assert_eq!(world.judged("by-cert").verdict, Verdict::Unsupported("a certificate".into()));
}

/// The parts of a signature as a security token with an Ed25519 key makes it (PROTOCOL.u2f): the public line, and the armor.
fn by_token(payload: &[u8], flags: u8) -> (String, String) {
    use data_encoding::BASE64;
    use ed25519_dalek::{Signer, SigningKey};
    use sha2::{Digest, Sha256};
    const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";
    let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = [text(KIND), text(key.verifying_key().as_bytes()), text(b"ssh:")].concat();
    let message = ssh_key::SshSig::signed_data("git", ssh_key::HashAlg::Sha512, payload).unwrap();
    let counted = [&[flags][..], &1u32.to_be_bytes()].concat();
    let signed = [&Sha256::digest(b"ssh:")[..], &counted, &Sha256::digest(&message)[..]].concat();
    let signature = [text(KIND), text(&key.sign(&signed).to_bytes()), counted].concat();
    let version = 1u32.to_be_bytes();
    let parts = [text(&public), text(b"git"), text(b""), text(b"sha512"), text(&signature)].concat();
    let body = BASE64.encode(&[b"SSHSIG", &version[..], &parts].concat());
    let lines: Vec<&str> =
        body.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let armor = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"));
    (format!("{} {}", std::str::from_utf8(KIND).unwrap(), BASE64.encode(&public)), armor)
}

#[test]
fn a_security_token_signs_where_somebody_touched_it() {
    let (world, _) = signed();
    let tagged = |name: &str, flags: u8, change: &str| {
        world.forge("v1", name, |text| {
            let payload = text[..text.find("-----BEGIN").unwrap()].replace("tag v1", &format!("tag {name}"));
            let (public, armor) = by_token(payload.as_bytes(), flags);
            world.write("allowed", format!("t@example.com {public}\n"));
            format!("{}{armor}", payload.replace("\nit\n", change))
        });
    };
    tagged("touched", 1, "\nit\n");
    assert_eq!(world.agreed("touched").verdict, Verdict::Good);
    tagged("changed", 1, "\nother\n");
    assert_eq!(world.agreed("changed").verdict, bad(NOT_OVER));
    // ssh-keygen leaves this one to whoever asks.
    tagged("alone", 0, "\nit\n");
    assert_eq!(world.judged("alone").verdict, bad("nobody touched the security token"));
}

#[test]
fn every_byte_of_the_tag_counts() {
    let (world, _) = signed();
    every_byte_counts(&world, "v1");
}
