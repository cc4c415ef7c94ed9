use crate::policy::gate::testing::{Fake, fails, gate, one_fault, passes, refusal, release};
use crate::policy::gate::{Bump, Release, Status};

const KEYS: &str = "check = \"schema\"\nschema = \"s.json\"\ndocuments = [\"d/*.json\"]";
const COMPATIBLE: &str = "check = \"schema\"\nschema = \"s.json\"\ndocuments = [\"d/*.json\"]\ncompatible = true\nfirst_release = \"0.1.0\"";
const OLD: &str = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
const NEW: &str =
    r#"{"type":"object","properties":{"n":{"type":"integer"},"m":{"type":"string"}},"required":["n"]}"#;

fn tree(schema: &str, document: &str) -> Fake {
    Fake::new().file("s.json", schema).file("d/a.json", document)
}

fn both(schema: &str, document: &str) -> Fake {
    tree(schema, document).before("s.json", OLD).before("d/a.json", r#"{"n":1}"#)
}

#[test]
fn valid_documents_hold() {
    let held = passes(KEYS, &tree(OLD, r#"{"n":1}"#));
    assert_eq!((held.detail.as_str(), held.read.len()), ("d/a.json is valid", 2));
    let held = passes(COMPATIBLE, &both(NEW, r#"{"n":1,"m":"x"}"#));
    assert_eq!(held.detail, "d/a.json is valid, and compatible with 1.2.2 both ways");
}

#[test]
fn what_is_not_valid_fails_and_is_not_shown() {
    let fault = one_fault(KEYS, &tree(OLD, r#"{"n":"hunter2"}"#));
    assert_eq!((&*fault.0, &*fault.1), ("d/a.json#/n", "valid"));
    assert!(fault.2.contains("integer") && !fault.2.contains("hunter2"), "{fault:?}");
    assert_eq!(one_fault(KEYS, &tree(OLD, "{]")).0, "d/a.json:1");
    assert_eq!(one_fault(KEYS, &tree("{]", "{}")).0, "s.json:1");
    assert_eq!(one_fault(KEYS, &tree(r#"{"type":"wrong"}"#, "{}")).1, "a JSON Schema");
    fails(KEYS, &Fake::new().file("d/a.json", "{}"), "s.json", "a file", "it is not there");
    fails(KEYS, &Fake::new().file("s.json", OLD), "d/*.json", "a file", "no file matches");
    let only_itself = "check = \"schema\"\nschema = \"s.json\"\ndocuments = [\"*.json\"]";
    fails(only_itself, &Fake::new().file("s.json", OLD), "documents", "a document", "there is none");
}

#[test]
fn references_to_elsewhere_and_patterns_without_end_are_refused() {
    for reference in ["https://example.com/s.json", "other.json", "file:///etc/hosts"] {
        let fault = one_fault(KEYS, &tree(&format!(r#"{{"$ref":"{reference}"}}"#), "{}"));
        assert_eq!(fault.1, "a JSON Schema", "{fault:?}");
    }
    let slow = r#"{"type":"string","pattern":"^(?=(a+)+$)(a|aa)+b$"}"#;
    let text = format!("\"{}c\"", "a".repeat(60));
    assert_eq!(one_fault(KEYS, &tree(slow, &text)).0, "d/a.json#");
}

#[test]
fn a_break_in_either_direction_fails_but_in_a_new_major_version() {
    let stricter = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n","m"]}"#;
    let fault = one_fault(COMPATIBLE, &both(stricter, r#"{"n":1,"m":"x"}"#));
    assert_eq!((&*fault.0, &*fault.1), ("d/a.json#", "the document of 1.2.2 valid under the new schema"));
    let wider = r#"{"type":"object"}"#;
    let tree = both(wider, r#"{"n":"x"}"#);
    let fault = one_fault(COMPATIBLE, &tree);
    assert_eq!((&*fault.0, &*fault.1), ("d/a.json#/n", "valid under the schema of 1.2.2"));
    let major = Release { bump: Some(Bump::Major), ..release() };
    let judged = gate(COMPATIBLE).check.judge(&tree, &major);
    assert_eq!(judged.status, Status::Passed);
    assert_eq!(judged.detail, "d/a.json is valid; 1 break with 1.2.2, which a new major version may have");
    let unknown = Release { bump: None, ..release() };
    assert_eq!(gate(COMPATIBLE).check.judge(&tree, &unknown).status, Status::Failed);
}

#[test]
fn without_a_last_release_only_the_first_one_holds() {
    let alone = tree(OLD, r#"{"n":1}"#);
    fails(COMPATIBLE, &alone, "last release", "one to compare with", "there is no release before this one");
    let first = Release { version: "0.1.0", ..release() };
    let judged = gate(COMPATIBLE).check.judge(&alone, &first);
    assert_eq!(
        (judged.status, &*judged.detail),
        (Status::Passed, "d/a.json is valid; the first release, compared with none")
    );
    let no_schema = tree(OLD, r#"{"n":1}"#).before("d/a.json", "{}");
    fails(COMPATIBLE, &no_schema, "s.json", "a file of 1.2.2", "it was not there");
    let no_documents = tree(OLD, r#"{"n":1}"#).before("s.json", OLD);
    fails(COMPATIBLE, &no_documents, "d/*.json in 1.2.2", "a file", "no file matches");
}

#[test]
fn keys_that_cannot_work_are_refused() {
    assert_eq!(refusal("check = \"schema\"").1, "a gate of this kind needs `schema`");
    assert_eq!(refusal("check = \"schema\"\nschema = \"a\"").1, "a gate of this kind needs `documents`");
    assert_eq!(
        refusal(&format!("{KEYS}\nfirst_release = \"1\"")).1,
        "`first_release` without `compatible = true`"
    );
    assert_eq!(
        refusal(&format!("{KEYS}\ncompatible = \"yes\"")).1,
        "`compatible` must be true or false, not a string"
    );
}

#[test]
fn a_schema_may_ask_for_the_names_of_the_release() {
    let keys = format!("{KEYS}\nfill = true");
    let schema = r#"{"properties":{"label":{"enum":["x","release-{version} {tag} {project}"]}}}"#;
    passes(&keys, &tree(schema, r#"{"label":"release-1.2.3 v1.2.3 app"}"#));
    let other = tree(schema, r#"{"label":"release-1.2.2 v1.2.2 app"}"#);
    assert_eq!(one_fault(&keys, &other).0, "d/a.json#/label");
    assert_eq!(one_fault(KEYS, &tree(schema, r#"{"label":"release-1.2.3 v1.2.3 app"}"#)).1, "valid");
    assert_eq!(refusal(&format!("{keys}\ncompatible = true")).0, 4);
}
