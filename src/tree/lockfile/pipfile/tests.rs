use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, fixture, one_fault, purls, read, shared, shown, stands_cuts};

#[test]
fn a_small_project_is_read() {
    let reading = read("Pipfile.lock", &fixture("pipenv/Pipfile.lock"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(shown(&reading), SMALL);
}

// Counted with Python's json: the keys of `default` and `develop`, their `hashes`; a package of both counts as needed.
#[test]
fn pipenvs_own_is_read() {
    let reading = read("Pipfile.lock", &shared("pipfile/Pipfile.lock"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(counted(&reading), PIPENV);
    assert_eq!(purls(&reading, "pytest"), ["pkg:pypi/pytest@9.0.3"]);
}

#[test]
fn packages_from_elsewhere_say_where() {
    let text = r#"{"_meta": {"pipfile-spec": 6}, "default": {"a": {"git": "https://h.example/a.git", "ref": "abc"},
        "b": {"file": "https://h.example/b.whl"}, "c": {"path": "./c", "editable": true}, "d": {"version": "==1"}}}"#;
    let reading = read("Pipfile.lock", text.as_bytes(), &());
    assert_eq!(reading.faults, []);
    assert_eq!(purls(&reading, "a"), ["pkg:pypi/a?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fa.git%40abc"]);
    assert_eq!(purls(&reading, "b"), ["pkg:pypi/b?download_url=https:%2F%2Fh.example%2Fb.whl"]);
    assert_eq!(purls(&reading, "c"), ["none"]);
    assert_eq!(purls(&reading, "d"), ["pkg:pypi/d@1"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = Code::SbomSourceInvalid;
    let meta = "\"_meta\": {\"pipfile-spec\": 6}";
    for (text, code, line, what) in [
        (
            "{\"_meta\":\n{\"pipfile-spec\": 7}}".to_owned(),
            Code::SbomSourceNewer,
            Some(2),
            "pipfile-spec 7 is newer than 6",
        ),
        ("{\"_meta\":\n{\"pipfile-spec\": []}}".to_owned(), invalid, Some(2), "pipfile-spec is no number"),
        ("{}".to_owned(), invalid, None, "no pipfile-spec"),
        (format!("{{{meta},\n\"default\": 1}}"), invalid, Some(2), "`default` is no table"),
        (format!("{{{meta},\n\"default\": {{\n\"a\": 1}}}}"), invalid, Some(3), "`a` is no package"),
        (
            format!("{{{meta},\n\"default\": {{\n\"a\": {{\"version\": \"*\"}}}}}}"),
            invalid,
            Some(3),
            "the version of `a`",
        ),
        (
            format!("{{{meta},\n\"default\": {{\n\"a\": {{\"hashes\": [\"x\"]}}}}}}"),
            invalid,
            Some(3),
            "`a` has a hash",
        ),
        (
            format!("{{{meta},\n\"default\": {{\n\"a\": {{}}, \"a\": {{}}}}}}"),
            invalid,
            Some(3),
            "the key `a` stands twice",
        ),
        ("[".repeat(100_000), Code::SbomSourceTooLarge, Some(1), "nested deeper than"),
    ] {
        one_fault("Pipfile.lock", &text, code, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("Pipfile.lock", &fixture("pipenv/Pipfile.lock"), &());
}

const SMALL: &[&str] = &[
    "anyio@4.16.0 2",
    "certifi@2026.10.18 2",
    "h11@0.16.0 2",
    "httpcore@1.0.9 2",
    "httpx@0.28.1 2",
    "idna@3.20 2",
    "typing-extensions@4.16.0 2",
    "ruff@0.17.5 dev 18",
];
const PIPENV: ([usize; 3], [usize; 3]) = ([105, 0, 900], [10, 0, 95]);
