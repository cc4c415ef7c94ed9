//! The shape that others read, and what is refused.

use super::*;
use crate::format::digest::Sha256;
use crate::format::statement::{Statement, StatementFault, Subject};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TAG: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn digest(text: &str) -> DigestSet {
    DigestSet { sha256: Sha256::of(text.as_bytes()) }
}

fn provenance() -> Provenance {
    let policy = PolicyRef { name: "strict".into(), sha256: Sha256::of(b"policy") };
    let remote = Some("https://git.example/o/r.git");
    Provenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE.into(),
            external_parameters: ExternalParameters {
                project: "tideline".into(),
                kind: Kind::Release,
                version: "1.0.0".into(),
                policy,
                tag: Some("v1.0.0".into()),
            },
            internal_parameters: InternalParameters {
                clean: Some(true),
                tag_signature: Some(TagSignature {
                    format: "ssh".into(),
                    verdict: "good".into(),
                    reason: None,
                    key: Some("SHA256:x".into()),
                    signer: Some("a@example.com".into()),
                }),
                ..InternalParameters::default()
            },
            resolved_dependencies: vec![
                Resource::source(remote, Some("v1.0.0"), COMMIT, Some(TAG)),
                Resource::file("data/Cargo.lock", digest("lock")),
            ],
        },
        run_details: RunDetails {
            builder: Builder {
                id: "urn:attestar:builder:local".into(),
                version: BuilderVersion { attestar: "0.1.0".into() },
            },
            metadata: None,
            byproducts: vec![Resource::file("sbom/bom.cdx.json", digest("bom"))],
        },
    }
}

fn statement() -> Statement<Provenance> {
    Statement::new(vec![Subject::new("data/dist/app", Sha256::of(b"app"))], provenance())
}

fn text() -> String {
    String::from_utf8(statement().to_bytes()).unwrap()
}

#[test]
fn the_fields_are_those_of_slsa_in_one_order_and_absent_ones_are_left_out() {
    let (policy, lock, bom) = (digest("policy").sha256, digest("lock").sha256, digest("bom").sha256);
    let expected = format!(
        concat!(
            r#""predicateType":"https://slsa.dev/provenance/v1","predicate":{{"buildDefinition":{{"#,
            r#""buildType":"urn:attestar:seal-release:v1","externalParameters":{{"project":"tideline","#,
            r#""kind":"release","version":"1.0.0","policy":{{"name":"strict","sha256":"{policy}"}},"tag":"v1.0.0"}},"#,
            r#""internalParameters":{{"clean":true,"tagSignature":{{"format":"ssh","verdict":"good","#,
            r#""key":"SHA256:x","signer":"a@example.com"}}}},"resolvedDependencies":[{{"name":"source","#,
            r#""uri":"git+https://git.example/o/r.git@refs/tags/v1.0.0","digest":{{"gitCommit":"{commit}","#,
            r#""gitTag":"{tag}"}}}},{{"name":"data/Cargo.lock","digest":{{"sha256":"{lock}"}}}}]}},"#,
            r#""runDetails":{{"builder":{{"id":"urn:attestar:builder:local","version":{{"attestar":"0.1.0"}}}},"#,
            r#""byproducts":[{{"name":"sbom/bom.cdx.json","digest":{{"sha256":"{bom}"}}}}]}}}}}}"#
        ),
        policy = policy,
        commit = COMMIT,
        tag = TAG,
        lock = lock,
        bom = bom,
    );
    assert!(text().ends_with(&expected), "{}\n{expected}", text());
    let read = Statement::<Provenance>::parse(text().as_bytes()).unwrap();
    assert_eq!((read.predicate.project(), read.predicate.kind()), ("tideline", Kind::Release));
    assert_eq!(read, statement());
}

#[test]
fn no_clock_reading_is_in_it_and_none_is_taken() {
    assert!(!text().contains("startedOn") && !text().contains("finishedOn"));
    let timed = text().replace(
        r#""byproducts""#,
        r#""metadata":{"invocationId":"x","startedOn":"2026-01-01T00:00:00Z"},"byproducts""#,
    );
    assert!(matches!(Statement::<Provenance>::parse(timed.as_bytes()), Err(StatementFault::Malformed(_))));
}

#[test]
fn unknown_null_and_missing_fields_are_refused() {
    for (from, to) in [
        (r#""project":"tideline","#, ""),
        (r#""kind":"release""#, r#""kind":"nightly""#),
        (r#""buildType""#, r#""buildTypo""#),
        (r#""clean":true"#, r#""clean":"yes""#),
        (r#""verdict":"good","#, ""),
        (r#""name":"data/Cargo.lock""#, r#""name":"data/Cargo.lock","size":1"#),
        (r#""digest":{"sha256":"#, r#""digest":{"sha512":"00","sha256":"#),
        (r#""gitCommit""#, r#""sha1""#),
        (r#""runDetails":{"#, r#""runDetails":{"level":3,"#),
    ] {
        assert!(text().contains(from), "{from}");
        let changed = text().replacen(from, to, 1);
        let refused = Statement::<Provenance>::parse(changed.as_bytes());
        assert!(matches!(refused, Err(StatementFault::Malformed(_))), "{to}");
    }
}

#[test]
fn a_source_is_named_by_its_tag_else_by_its_commit_and_has_no_uri_without_a_public_one() {
    let uri = |remote, tag| Resource::source(remote, tag, COMMIT, None).uri;
    assert_eq!(uri(None, Some("v1")), None);
    assert_eq!(uri(Some("https://h.example/r"), None), Some(format!("git+https://h.example/r@{COMMIT}")));
    let ssh = Some("ssh://git@h.example/r");
    assert_eq!(uri(ssh, Some("v1")).as_deref(), Some("git+ssh://git@h.example/r@refs/tags/v1"));
    assert_eq!(uri(Some("git://h.example/r"), Some("v1")).as_deref(), Some("git://h.example/r@refs/tags/v1"));
}
