use super::*;
use crate::keys::entropy::FixedEntropy;
use crate::keys::passphrase::NoPassphrases;
use std::os::unix::fs::PermissionsExt;

const BOTH: Parts = Parts { signing: true, identity: true };

fn create(home: &Home, parts: Parts, seed: u8) -> Result<Created> {
    home.create(parts, &mut NoPassphrases, &mut FixedEntropy(seed), Timestamp::UNIX_EPOCH)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_key_set_is_private_and_trusts_itself() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("deep/home"));
    assert!(home.trust().unwrap().is_empty());
    let created = create(&home, BOTH, 1).unwrap();
    let public = created.public.unwrap();
    assert_eq!(PublicKey::load(&home.signing_pub()).unwrap(), public);
    let key = SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap();
    assert_eq!(key.public(), public);
    let identity = Identity::load_file(&home.identity(), &mut NoPassphrases).unwrap();
    assert_eq!(Some(identity[0].recipient()), created.recipient);
    assert_eq!(Recipient::load_file(&home.recipient()).unwrap(), [created.recipient.unwrap()]);
    assert_eq!(
        (mode(home.folder()), mode(&home.signing_key()), mode(&home.identity())),
        (0o700, 0o600, 0o600)
    );
    let trust = home.trust().unwrap();
    assert_eq!((trust.signers()[0].key, trust.signers()[0].role.as_str()), (public, OWN_ROLE));
    assert_eq!(trust.signers()[0].rights, Right::ALL.iter().copied().collect());
    let secrets = home.secrets().unwrap();
    assert_eq!(
        secrets.iter().map(|secret| secret.path.clone()).collect::<Vec<_>>(),
        [home.identity(), home.signing_key()]
    );
    assert!(secrets.iter().all(|secret| !secret.is_encrypted));
}

#[test]
fn nothing_is_overwritten_and_nothing_made_where_a_file_stands() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    std::fs::write(home.recipient(), "mine").unwrap();
    let error = create(&home, BOTH, 1).unwrap_err();
    assert!(
        matches!(error, Error::Input { .. }) && error.to_string().contains("recipient.age is there already")
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read(home.recipient()).unwrap(), b"mine");
    create(&home, Parts { signing: true, identity: false }, 1).unwrap();
    assert!(create(&home, Parts { signing: true, identity: false }, 2).is_err());
}

#[test]
fn a_key_that_was_moved_away_stays_trusted_beside_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    let signing = Parts { signing: true, identity: false };
    let old = create(&home, signing, 1).unwrap().public.unwrap();
    std::fs::remove_file(home.signing_key()).unwrap();
    std::fs::remove_file(home.signing_pub()).unwrap();
    let new = create(&home, signing, 9).unwrap().public.unwrap();
    let trusted: Vec<PublicKey> = home.trust().unwrap().signers().iter().map(|signer| signer.key).collect();
    assert_eq!(trusted, [old, new]);
}

#[test]
fn trusting_a_key_appends_and_leaves_what_stands_there() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    let mine = "# written by hand\n[approvals]\nany_of = [\"qa\"]\nat_least = 1 # one is enough";
    std::fs::write(home.trust_file(), mine).unwrap();
    let key = SigningKey::from_seed(&[5; 32]).public();
    let copy = home.trust_key(&key, "qa", &[Right::Approve, Right::Verify]).unwrap();
    assert_eq!(PublicKey::load(&copy).unwrap(), key);
    let name = copy.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(name, format!("qa-{}.pub", &key.digest().to_string()[..8]));
    let expected = format!(
        "{mine}\n\n[[signer]]\nrole = \"qa\"\nkey = \"trusted/{name}\"\nmay = [\"approve\", \"verify\"]\n"
    );
    assert_eq!(std::fs::read_to_string(home.trust_file()).unwrap(), expected);
    let again = home.trust_key(&key, "sre", &[Right::Approve]).unwrap_err();
    assert!(again.to_string().contains("is trusted already, as \"qa\""), "{again}");
    assert!(again.hint().contains("trust.toml"));
    assert_eq!(std::fs::read_to_string(home.trust_file()).unwrap(), expected);
}

#[test]
fn a_role_that_is_none_and_a_trust_file_with_a_mistake_stop_everything() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path());
    let key = SigningKey::from_seed(&[5; 32]).public();
    for role in ["", "Captain", "a b", "../x", &"a".repeat(33)] {
        assert!(matches!(home.trust_key(&key, role, &[]), Err(Error::Usage { .. })), "{role}");
    }
    std::fs::write(home.trust_file(), "signer = []\n").unwrap();
    assert!(matches!(home.trust_key(&key, "qa", &[]), Err(Error::Config { .. })));
    assert_eq!(std::fs::read_to_string(home.trust_file()).unwrap(), "signer = []\n");
    std::fs::write(home.trust_file(), "sginer = 1\n").unwrap();
    assert!(matches!(create(&home, BOTH, 1), Err(Error::Config { .. })));
    assert!(!home.signing_key().exists());
}
