use super::*;
use crate::keys::signing::SigningKey;

/// A trust file in a folder that also holds the public keys `1.pub`, `2.pub` and `weak.pub`.
fn load_text(text: &str) -> Result<Trust> {
    let folder = tempfile::tempdir().unwrap();
    for seed in [1, 2] {
        std::fs::write(folder.path().join(format!("{seed}.pub")), key(seed).to_pem()).unwrap();
    }
    let low_order = key(1).to_pem().replace(&key(1).to_pem()[43..87], &"A".repeat(44));
    std::fs::write(folder.path().join("weak.pub"), low_order).unwrap();
    let path = folder.path().join("trust.toml");
    std::fs::write(&path, text).unwrap();
    load(&path)
}

fn key(seed: u8) -> PublicKey {
    SigningKey::from_seed(&[seed; 32]).public()
}

/// The message after the file name, and the hint.
fn mistake(text: &str) -> (String, String) {
    let error = load_text(text).unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
    let message = error.to_string();
    (message.split_once("trust.toml:").unwrap().1.to_owned(), error.hint().to_owned())
}

#[test]
fn the_trust_file_of_the_contract_is_read_as_it_says() {
    let trust = load_text(
        "[[signer]]\nrole = \"release-captain\"\nkey = \"1.pub\"\nmay = [\"seal:release\", \"receipt\", \"waive\"]\n\
         projects = [\"cryptopill\"]\nnot_after = 2027-06-30T00:00:00Z\nrevoked_at = 2027-01-01T00:00:00Z\n\n\
         [approvals]\nany_of = [\"sre\", \"qa\", \"risk\"]\nat_least = 2\n",
    )
    .unwrap();
    let expected = Signer {
        role: "release-captain".into(),
        key: key(1),
        rights: [Right::SealRelease, Right::Receipt, Right::Waive].into(),
        projects: Some(["cryptopill".to_owned()].into()),
        not_after: Some("2027-06-30T00:00:00Z".parse().unwrap()),
        revoked_at: Some("2027-01-01T00:00:00Z".parse().unwrap()),
    };
    assert_eq!(trust.signers(), [expected]);
    let any_of = ["sre", "qa", "risk"].map(str::to_owned).to_vec();
    assert_eq!(trust.approvals(), Some(&Approvals { any_of, at_least: 2 }));
}

#[test]
fn a_key_may_stand_in_the_file_itself_and_has_no_right_without_may() {
    let text = format!("[[signer]]\nrole = \"a\"\nkey = '''{}'''\n", key(3).to_pem());
    let trust = load_text(&text).unwrap();
    assert_eq!((trust.signers()[0].key, trust.signers()[0].rights.len()), (key(3), 0));
    assert!(trust.signers()[0].projects.is_none());
}

#[test]
fn every_mistake_has_its_line_and_what_would_be_right() {
    let signer = "[[signer]]\nrole = \"a\"\nkey = \"1.pub\"\n";
    let cases = [
        ("[[signer]]\nrolle = \"a\"\n".into(), "2: unknown key `rolle`", "did you mean `role`?"),
        ("[[signers]]\n".into(), "1: unknown key `signers`", "did you mean `signer`?"),
        (format!("{signer}may = [\"recipt\"]\n"), "4: unknown right \"recipt\"", "did you mean \"receipt\"?"),
        (format!("{signer}may = [\"everything\"]\n"), "4: unknown right", ""),
        (signer.replace("\"a\"", "\"Captain\""), "2: role \"Captain\" is not", ""),
        (signer.replace("1.pub", "9.pub"), "3: cannot read the key", ""),
        (signer.replace("1.pub", "weak.pub"), "3: ", "openssl"),
        (format!("{signer}not_after = 2027-06-30\n"), "4: 2027-06-30 is no point in time", "2027-06-30T"),
        (format!("{signer}projects = []\n"), "4: an empty list", "any"),
        (format!("{signer}role = \"b\"\n"), "4: duplicate key", ""),
        (format!("{signer}[approvals]\nany_of = [\"a\"]\nat_least = 0\n"), "6: at_least is 1 or more", ""),
        (
            format!("{signer}{}", signer.replace("\"a\"", "\"b\"")),
            "6: this key is already trusted, as \"a\"",
            "a key has one role",
        ),
    ];
    for (text, message, hint) in cases {
        let (shown, hinted) = mistake(&text);
        assert!(shown.starts_with(message), "{shown}");
        assert!(hinted.contains(hint), "{shown}: {hinted}");
    }
}

#[test]
fn a_key_file_grants_seals_and_receipts_and_lifts_no_limit() {
    let mut trust =
        load_text("[[signer]]\nrole = \"a\"\nkey = \"1.pub\"\nprojects = [\"p\"]\nmay = [\"log\"]\n")
            .unwrap();
    trust.grant(key(1), "a.pub");
    trust.grant(key(2), "b.pub");
    let [a, b] = trust.signers() else { panic!("two signers") };
    assert_eq!((a.role.as_str(), b.role.as_str()), ("a", "b.pub"));
    assert!(a.rights.contains(&Right::Log) && a.rights.contains(&Right::Receipt));
    assert!(a.projects.is_some() && b.projects.is_none());
    assert_eq!(b.rights, Right::OF_KEY_FILES.iter().copied().collect());
}
