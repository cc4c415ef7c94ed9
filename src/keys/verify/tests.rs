//! Every way in which a signature must not count, each with its own finding.

use super::*;
use crate::format::bundle::MEDIA_TYPE;
use crate::format::receipt::Receipt;
use crate::format::seal::{PolicyRef, SEAL_SUBJECT, Seal, Tool, Totals};
use crate::format::statement::{STATEMENT_TYPE, Subject};
use crate::keys::signing::SigningKey;
use data_encoding::{BASE64, BASE64URL};

const SEAL_FILE: Expect<'_> = Expect {
    file: "attestations/seal.sigstore.json",
    right: Right::SealRelease,
    project: Some("cryptopill"),
    kind: Some(Kind::Release),
};
const RECEIPT_FILE: Expect<'_> = Expect { right: Right::Receipt, ..SEAL_FILE };

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn seal() -> Seal {
    Seal {
        name: "cryptopill-0.1.1".into(),
        project: "cryptopill".into(),
        version: "0.1.1".into(),
        kind: Kind::Release,
        tool: Tool { name: "attestar".into(), version: "0.1.0".into() },
        policy: PolicyRef { name: "default".into(), sha256: Sha256::of(b"policy") },
        payload: Totals { files: 2, bytes: 7 },
    }
}

fn receipt(created_at: &str) -> Statement<Receipt> {
    let receipt = Receipt {
        project: "cryptopill".into(),
        kind: Kind::Release,
        version: "0.1.1".into(),
        name: "cryptopill-0.1.1".into(),
        size_bytes: 9,
        seal_sha256: Sha256::of(b"seal"),
        tagmanifest_sha256: Sha256::of(b"tags"),
        payload: Totals { files: 2, bytes: 7 },
        recipients: 1,
        bases: Vec::new(),
        evaluated_at: time(created_at),
        created_at: time(created_at),
    };
    receipt.for_archive("cryptopill-0.1.1.tar.zst.age", Sha256::of(b"archive"))
}

fn sealed() -> Bundle {
    key(1).sign_statement(&seal().over(Sha256::of(b"tags")))
}

/// Trust in key 1, with these rights.
fn trust(rights: &[Right]) -> Trust {
    let mut trust = Trust::default();
    trust.grant(key(1).public(), "captain.pub");
    trust.signers[0].rights = rights.iter().copied().collect();
    trust
}

fn trust_keys() -> Trust {
    trust(Right::OF_KEY_FILES)
}

/// A bundle over any payload at all, signed with a real signature.
fn sign_raw(payload_type: &str, payload: &str) -> Vec<u8> {
    use ed25519_dalek::Signer as _;
    let mut bundle = sealed();
    bundle.envelope.payload_type = payload_type.to_owned();
    bundle.envelope.payload = payload.as_bytes().to_vec();
    let secret = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    bundle.envelope.signature = secret.sign(&bundle.envelope.signed_bytes()).to_bytes();
    bundle.to_bytes()
}

#[track_caller]
fn refused(trust: &Trust, bundle: &[u8], expect: Expect<'_>) -> Finding {
    let finding = trust.verify::<Seal>(bundle, expect, None).expect_err("it must not verify");
    assert_eq!(finding.subject, expect.file);
    finding
}

#[track_caller]
fn assert_refused(bundle: &[u8], code: Code) {
    let finding = refused(&trust_keys(), bundle, SEAL_FILE);
    assert_eq!(finding.code, code, "{finding:?}");
}

#[test]
fn a_seal_by_a_trusted_key_verifies_and_says_who_signed() {
    let verified = trust_keys().verify::<Seal>(&sealed().to_bytes(), SEAL_FILE, None).unwrap();
    assert_eq!(verified.predicate(), &seal());
    assert_eq!(verified.role(), "captain.pub");
    assert_eq!(verified.key_id(), key(1).public().key_id());
    assert_eq!(verified.fingerprint(), key(1).public().fingerprint());
    assert_eq!(verified.statement().subject, [Subject::new(SEAL_SUBJECT, Sha256::of(b"tags"))]);
}

#[test]
fn signing_is_deterministic() {
    assert_eq!(sealed().to_bytes(), sealed().to_bytes());
}

#[test]
fn without_trust_nothing_is_judged_but_the_signer_is_named() {
    let finding = refused(&Trust::default(), &sealed().to_bytes(), SEAL_FILE);
    assert_eq!(finding.code, Code::NoTrust);
    assert_eq!(finding.actual, Some(format!("key {}", key(1).public().fingerprint())));
    assert_eq!(refused(&Trust::default(), b"{}", SEAL_FILE).code, Code::BundleInvalid);
}

#[test]
fn another_keys_signature_is_of_an_unknown_signer() {
    let bundle = key(2).sign_statement(&seal().over(Sha256::of(b"tags")));
    let finding = refused(&trust_keys(), &bundle.to_bytes(), SEAL_FILE);
    assert_eq!(finding.code, Code::SignerUnknown);
    assert_eq!(finding.actual, Some(format!("key {}", key(2).public().fingerprint())));
}

#[test]
fn a_key_id_only_picks_a_key_and_proves_nothing() {
    let mut bundle = key(2).sign_statement(&seal().over(Sha256::of(b"tags")));
    bundle.envelope.key_id = key(1).public().key_id();
    assert_refused(&bundle.to_bytes(), Code::SignatureInvalid);
    // Both keys are trusted; the bundle of one names the other.
    let mut both = trust_keys();
    both.grant(key(2).public(), "second.pub");
    assert_eq!(refused(&both, &bundle.to_bytes(), SEAL_FILE).code, Code::SignatureInvalid);
    bundle.envelope.key_id = String::new();
    assert_refused(&bundle.to_bytes(), Code::SignerUnknown);
}

#[test]
fn every_flipped_or_missing_or_doubled_byte_is_refused() {
    let good = sealed().to_bytes();
    let trust = trust_keys();
    let codes = [Code::BundleInvalid, Code::SignatureInvalid, Code::SignerUnknown];
    for at in 0..good.len() {
        for mask in [0x01, 0x02, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= mask;
            assert!(codes.contains(&refused(&trust, &bad, SEAL_FILE).code), "byte {at} ^ {mask:#x}");
        }
        assert_eq!(refused(&trust, &good[..at], SEAL_FILE).code, Code::BundleInvalid, "cut at {at}");
        let doubled = [&good[..=at], &good[at..]].concat();
        assert!(codes.contains(&refused(&trust, &doubled, SEAL_FILE).code), "byte {at} twice");
    }
}

#[test]
fn a_malleable_signature_is_refused() {
    // The order of the group, little endian (RFC 8032, section 5.1). s + L verifies where s is not reduced.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order = Sha256::from_hex(order).unwrap().0;
    let mut bundle = sealed();
    let mut carry = 0;
    for (byte, add) in bundle.envelope.signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_refused(&bundle.to_bytes(), Code::SignatureInvalid);
}

#[test]
fn our_own_bundle_in_any_other_form_is_refused() {
    let text = String::from_utf8(sealed().to_bytes()).unwrap();
    let envelope = sealed().envelope;
    let sig = BASE64.encode(&envelope.signature);
    let (_, rest) = text.split_once(r#""signatures":["#).unwrap();
    let signature = rest.split_once(']').unwrap().0;
    let forms = [
        text.replace(&sig, &BASE64URL.encode(&envelope.signature)),
        text.replace(signature, &format!("{signature},{signature}")),
        text.replace(signature, ""),
        text.replace(MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"),
        text.replace(r#""tlogEntries":[]"#, r#""tlogEntries":[{}]"#),
        text.replacen('{', r#"{"unsigned":"field","#, 1),
        text.replacen(':', ": ", 1),
        text.trim_end().to_owned(),
        format!("{text}\n"),
    ];
    for form in forms {
        assert_ne!(form, text);
        assert_refused(form.as_bytes(), Code::BundleInvalid);
    }
}

#[test]
fn a_receipt_shown_as_a_seal_is_refused() {
    let bundle = key(1).sign_statement(&receipt("2026-11-20T14:02:00Z")).to_bytes();
    assert_refused(&bundle, Code::StatementInvalid);
    assert!(trust_keys().verify::<Receipt>(&bundle, RECEIPT_FILE, None).is_ok());
}

#[test]
fn a_payload_that_is_no_statement_of_ours_is_refused_though_well_signed() {
    let good = String::from_utf8(sealed().envelope.payload).unwrap();
    let cases = [
        sign_raw("application/json", &good),
        sign_raw(PAYLOAD_TYPE, "{}"),
        sign_raw(PAYLOAD_TYPE, &good.replace(STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1")),
        sign_raw(PAYLOAD_TYPE, &good.replace("seal:v1", "seal:v2")),
        sign_raw(PAYLOAD_TYPE, &good.replace("\"files\"", "\"extra\":1,\"files\"")),
        sign_raw(PAYLOAD_TYPE, &good.replace("\"sha256\"", "\"sha512\"")),
    ];
    for bundle in cases {
        assert_refused(&bundle, Code::StatementInvalid);
    }
    let (head, tail) = good.split_once("[{").unwrap();
    let empty = format!("{head}[]{}", tail.split_once("}]").unwrap().1);
    assert_refused(&sign_raw(PAYLOAD_TYPE, &empty), Code::StatementInvalid);
    assert!(trust_keys().verify::<Seal>(&sign_raw(PAYLOAD_TYPE, &good), SEAL_FILE, None).is_ok());
}

#[test]
fn the_received_bytes_are_verified_not_what_we_would_have_written() {
    let good = String::from_utf8(sealed().envelope.payload).unwrap();
    let spaced = sign_raw(PAYLOAD_TYPE, &good.replacen(':', " : ", 1));
    assert!(trust_keys().verify::<Seal>(&spaced, SEAL_FILE, None).is_ok());
}

#[test]
fn another_projects_or_another_kinds_seal_is_refused() {
    let bundle = sealed().to_bytes();
    for expect in
        [Expect { project: Some("other"), ..SEAL_FILE }, Expect { kind: Some(Kind::Backup), ..SEAL_FILE }]
    {
        assert_eq!(refused(&trust_keys(), &bundle, expect).code, Code::StatementInvalid);
    }
    let open = Expect { project: None, kind: None, ..SEAL_FILE };
    assert!(trust_keys().verify::<Seal>(&bundle, open, None).is_ok());
}

#[test]
fn the_right_to_seal_releases_does_not_carry_a_seal_of_a_backup() {
    let backup = Seal { kind: Kind::Backup, ..seal() };
    let bundle = key(1).sign_statement(&backup.over(Sha256::of(b"tags"))).to_bytes();
    let open = Expect { kind: None, ..SEAL_FILE };
    assert_eq!(refused(&trust_keys(), &bundle, open).code, Code::StatementInvalid);
    let as_backup = Expect { right: Right::to_seal(Kind::Backup), ..open };
    assert!(trust_keys().verify::<Seal>(&bundle, as_backup, None).is_ok());
}

#[test]
fn what_a_stranger_wrote_reaches_no_terminal_and_fills_no_report() {
    let mut bundle = sealed();
    bundle.envelope.key_id = format!("\u{1b}[2J{}", "x".repeat(100_000));
    let finding = refused(&trust_keys(), &bundle.to_bytes(), SEAL_FILE);
    assert_eq!(finding.code, Code::SignerUnknown);
    let shown = finding.actual.unwrap();
    assert!(shown.len() < 1_000 && !shown.contains('\u{1b}'), "{shown}");
    let media = String::from_utf8(sealed().to_bytes()).unwrap().replace(MEDIA_TYPE, &"m".repeat(100_000));
    let finding = refused(&trust_keys(), media.as_bytes(), SEAL_FILE);
    assert_eq!((finding.code, finding.actual.unwrap().len() < 1_000), (Code::BundleInvalid, true));
}

#[test]
fn a_key_that_may_drill_may_not_seal() {
    let finding = refused(&trust(&[Right::Drill]), &sealed().to_bytes(), SEAL_FILE);
    assert_eq!(finding.code, Code::SignerNotAllowed);
    assert_eq!(finding.expected.as_deref(), Some("seal:release"));
    assert_eq!(finding.actual.as_deref(), Some("captain.pub may drill"));
    assert_eq!(refused(&trust(&[]), &sealed().to_bytes(), SEAL_FILE).code, Code::SignerNotAllowed);
    let backups_only = refused(&trust(&[Right::SealBackup]), &sealed().to_bytes(), SEAL_FILE);
    assert_eq!(backups_only.code, Code::SignerNotAllowed);
}

#[test]
fn a_key_is_trusted_for_its_projects_alone() {
    let mut trust = trust_keys();
    trust.signers[0].projects = Some(["other".to_owned()].into());
    let open = Expect { project: None, ..SEAL_FILE };
    assert_eq!(refused(&trust, &sealed().to_bytes(), open).code, Code::SignerWrongProject);
    trust.signers[0].projects = Some(["cryptopill".to_owned(), "other".to_owned()].into());
    assert!(trust.verify::<Seal>(&sealed().to_bytes(), open, None).is_ok());
}

#[test]
fn a_key_counts_until_it_expires_judged_by_when_it_signed() {
    let mut trust = trust_keys();
    trust.signers[0].not_after = Some(time("2027-06-30T00:00:00Z"));
    let bundle = sealed().to_bytes();
    let code = |at| trust.verify::<Seal>(&bundle, SEAL_FILE, at).map(|_| ()).map_err(|finding| finding.code);
    assert_eq!(code(Some(time("2027-06-30T00:00:00Z"))), Ok(()));
    assert_eq!(code(Some(time("2027-06-30T00:00:01Z"))), Err(Code::SignerExpired));
    assert_eq!(code(None), Err(Code::SignedTimeUnknown));
}

#[test]
fn a_receipt_is_judged_by_its_own_time_whatever_the_caller_says() {
    let mut trust = trust_keys();
    trust.signers[0].not_after = Some(time("2027-06-30T00:00:00Z"));
    let code = |created_at| {
        let bundle = key(1).sign_statement(&receipt(created_at)).to_bytes();
        let at = Some(time("2026-01-01T00:00:00Z"));
        trust.verify::<Receipt>(&bundle, RECEIPT_FILE, at).map(|_| ()).map_err(|finding| finding.code)
    };
    assert_eq!(code("2027-06-29T23:59:59Z"), Ok(()));
    assert_eq!(code("2027-07-01T00:00:00Z"), Err(Code::SignerExpired));
}

#[test]
fn a_revoked_key_counts_no_more_however_early_it_claims_to_have_signed() {
    let mut trust = trust_keys();
    trust.signers[0].revoked_at = Some(time("2027-01-01T00:00:00Z"));
    assert_eq!(refused(&trust, &sealed().to_bytes(), SEAL_FILE).code, Code::SignerRevoked);
    let early = key(1).sign_statement(&receipt("2026-01-01T00:00:00Z")).to_bytes();
    let finding = trust.verify::<Receipt>(&early, RECEIPT_FILE, None).unwrap_err();
    assert_eq!(finding.code, Code::SignerRevoked);
}

#[test]
fn subjects_must_be_exactly_these_files() {
    let statement = receipt("2026-11-20T14:02:00Z");
    let bundle = key(1).sign_statement(&statement).to_bytes();
    let verified = trust_keys().verify::<Receipt>(&bundle, RECEIPT_FILE, None).unwrap();
    let name = "cryptopill-0.1.1.tar.zst.age";
    let codes = |files: &[(&str, Sha256)]| -> Vec<Code> {
        verified.match_subjects(files).iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes(&[(name, Sha256::of(b"archive"))]), []);
    assert_eq!(codes(&[(name, Sha256::of(b"replaced"))]), [Code::Altered]);
    // An older archive under a newer name.
    let renamed = [("cryptopill-0.1.2.tar.zst.age", Sha256::of(b"archive"))];
    assert_eq!(codes(&renamed), [Code::StatementInvalid, Code::StatementInvalid]);
    assert_eq!(codes(&[]), [Code::StatementInvalid]);
    let more = [(name, Sha256::of(b"archive")), ("more", Sha256::of(b"more"))];
    assert_eq!(codes(&more), [Code::StatementInvalid]);
}
