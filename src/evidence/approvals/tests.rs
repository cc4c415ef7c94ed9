use super::*;
use crate::finding::Verdict;
use crate::format::statement::Statement as Outer;
use crate::keys::signing::SigningKey;
use std::path::Path;

const SEAL: Sha256 = Sha256([3; 32]);
const TAGS: Sha256 = Sha256([4; 32]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The sealer (1, who may approve too), qa (2), risk (3), and a witness without any right (4).
fn trust(approvals: &str) -> Trust {
    let signer = |seed: u8, role: &str, may: &str| {
        let pem = key(seed).public().to_pem();
        format!("[[signer]]\nrole = '{role}'\nkey = '''{pem}'''\nmay = [{may}]\n")
    };
    let text = [
        signer(1, "captain", "'seal:release', 'approve'"),
        signer(2, "qa", "'approve'"),
        signer(3, "risk", "'approve'"),
        signer(4, "witness", ""),
        approvals.to_owned(),
    ];
    Trust::parse(Path::new("trust.toml"), &text.concat()).unwrap()
}

fn over() -> Over<'static> {
    Over {
        project: "shop",
        version: "1.0.0",
        seal: SEAL,
        tag_manifest: TAGS,
        sealer: key(1).public().key_id(),
    }
}

fn said(role: &str) -> Statement {
    Statement {
        project: "shop".into(),
        kind: Kind::Release,
        version: "1.0.0".into(),
        role: role.into(),
        seal_sha256: SEAL,
        approved_at: "2026-11-20T14:00:00Z".parse().unwrap(),
    }
}

fn file(signed: &SigningKey, statement: &Outer<Statement>) -> LaterFile {
    let name = file_name(&statement.predicate.role, &signed.public().key_id());
    LaterFile { name, bytes: signed.sign_statement(statement).to_bytes() }
}

fn approval(seed: u8, role: &str) -> LaterFile {
    file(&key(seed), &said(role).over(TAGS))
}

fn roles(collected: &Collected) -> Vec<&str> {
    collected.approvals.iter().map(|approval| &*approval.role).collect()
}

/// The one finding about an approval that does not count.
#[track_caller]
fn refused(one: LaterFile) -> (Code, Severity) {
    let collected = collect(&[one], &over(), &trust(""));
    assert_eq!(collected.approvals, []);
    let [finding] = &collected.findings[..] else { panic!("{:?}", collected.findings) };
    (finding.code, finding.severity)
}

#[test]
fn approvals_of_this_seal_count_each_in_the_role_of_its_key() {
    let collected = collect(&[approval(2, "qa"), approval(3, "risk")], &over(), &trust(""));
    assert_eq!((roles(&collected), collected.findings.len()), (vec!["qa", "risk"], 0));
    assert_eq!(collected.approvals[0].fingerprint, key(2).public().fingerprint());
}

#[test]
fn a_key_counts_once_in_its_own_role_and_the_sealer_never() {
    let files = [approval(2, "qa"), approval(2, "risk"), approval(1, "captain")];
    let collected = collect(&files, &over(), &trust(""));
    assert_eq!(roles(&collected), ["qa"]);
    let codes: Vec<Code> = collected.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::ApprovalNotCounted; 2]);
    let twice = [approval(2, "qa"), approval(2, "qa")];
    assert_eq!(roles(&collect(&twice, &over(), &trust(""))), ["qa"]);
    assert_eq!(refused(approval(1, "captain")), (Code::ApprovalNotCounted, Severity::Warning));
}

#[test]
fn what_does_not_verify_is_an_error_and_a_stranger_a_warning() {
    assert_eq!(refused(approval(9, "qa")), (Code::SignerUnknown, Severity::Warning));
    assert_eq!(refused(approval(4, "witness")), (Code::SignerNotAllowed, Severity::Error));
    let mut bent = approval(2, "qa");
    bent.bytes.pop();
    assert_eq!(refused(bent), (Code::BundleInvalid, Severity::Error));
    let stolen = LaterFile { bytes: approval(2, "qa").bytes, ..approval(3, "qa") };
    assert_eq!(refused(stolen), (Code::Disagreement, Severity::Error));
}

#[test]
fn approvals_of_something_else_are_errors() {
    let bend = |bend: fn(&mut Statement)| {
        let mut said = said("qa");
        bend(&mut said);
        refused(file(&key(2), &said.over(TAGS)))
    };
    let disagreement = (Code::Disagreement, Severity::Error);
    assert_eq!(bend(|said| said.version = "1.0.1".into()), disagreement);
    assert_eq!(bend(|said| said.seal_sha256 = Sha256([9; 32])), disagreement);
    assert_eq!(bend(|said| said.project = "bank".into()), (Code::StatementInvalid, Severity::Error));
    assert_eq!(bend(|said| said.kind = Kind::Backup), (Code::StatementInvalid, Severity::Error));
    let other_tags = file(&key(2), &said("qa").over(Sha256([9; 32])));
    assert_eq!(refused(other_tags), disagreement);
}

/// What the check comes to under this demand, with these files.
fn checked(approvals: &str, files: Vec<LaterFile>) -> (Status, Option<Verdict>) {
    let mut outcome = Outcome::default();
    let later = Later { files, findings: Vec::new() };
    check(later, Kind::Release, Some(&over()), &trust(approvals), &mut outcome);
    (outcome.checks[0].status, Verdict::of(outcome.errors()))
}

#[test]
fn as_many_as_trust_asks_for() {
    const TWO: &str = "[approvals]\nany_of = ['qa', 'risk']\nat_least = 2\n";
    let both = || vec![approval(2, "qa"), approval(3, "risk")];
    assert_eq!(checked(TWO, both()), (Status::Passed, None));
    assert_eq!(checked(TWO, vec![approval(2, "qa")]), (Status::Failed, Some(Verdict::Refused)));
    let sealer = vec![approval(2, "qa"), approval(1, "captain")];
    assert_eq!(
        checked(&TWO.replace("'qa'", "'captain', 'qa'"), sealer),
        (Status::Failed, Some(Verdict::Refused))
    );
    assert_eq!(checked(TWO, vec![]), (Status::Failed, Some(Verdict::Refused)));
    assert_eq!(checked("", vec![]), (Status::NotApplicable, None));
    assert_eq!(checked("", both()), (Status::Passed, None));
    let mut bent = both();
    bent[0].bytes.pop();
    assert_eq!(checked("", bent).1, Some(Verdict::Refuted));
}

#[test]
fn without_a_trust_file_none_is_judged() {
    let mut trust = Trust::default();
    trust.grant(key(2).public(), "qa.pub");
    let judged = |files| {
        let mut outcome = Outcome::default();
        let later = Later { files, findings: Vec::new() };
        check(later, Kind::Release, Some(&over()), &trust, &mut outcome);
        outcome.checks.remove(0).status
    };
    assert_eq!(judged(vec![approval(2, "qa")]), Status::Skipped);
    assert_eq!(judged(vec![]), Status::NotApplicable);
}

#[test]
fn a_file_name_has_the_key_id_in_letters_that_any_system_takes() {
    let name = file_name("qa", "kGS0Wz4PszuFGi6ZTou/b2DvXBV5MB6IcZzBOuMVOuw=");
    assert_eq!(name, "attestations/approval.qa.kGS0Wz4PszuFGi6ZTou_b2DvXBV5MB6IcZzBOuMVOuw.sigstore.json");
}
