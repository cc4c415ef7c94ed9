use super::*;

fn outcome(codes: &[Code]) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.conclude("payload", "", codes.iter().map(|&code| Finding::new(code, "x")).collect());
    outcome
}

#[test]
fn an_outcome_without_a_single_check_is_not_fine() {
    assert_eq!(Outcome::default().verdict(), Verdict::Unverified);
}

#[test]
fn skipped_checks_alone_are_not_fine() {
    let mut outcome = Outcome::default();
    outcome.skip("timestamp", Status::Skipped, "none in this pack");
    assert_eq!(outcome.verdict(), Verdict::Unverified);
}

#[test]
fn refuted_comes_before_unverified_before_refused() {
    assert_eq!(outcome(&[Code::NameRefused]).verdict(), Verdict::Refused);
    assert_eq!(outcome(&[Code::NameRefused, Code::NoTrust]).verdict(), Verdict::Unverified);
    assert_eq!(outcome(&[Code::NoTrust, Code::Altered]).verdict(), Verdict::Refuted);
    assert_eq!(outcome(&[Code::PathCollision]).verdict(), Verdict::Holds);
    assert_eq!(outcome(&[]).verdict(), Verdict::Holds);
}

#[test]
fn codes_are_unique_and_kebab_case() {
    let mut names: Vec<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
    assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}
