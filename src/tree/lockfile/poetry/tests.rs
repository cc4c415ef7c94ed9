use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, fixture, one_fault, purls, read, shared, shown, stands_cuts};
use std::collections::BTreeMap;

fn manifest(folder: &str) -> String {
    String::from_utf8(fixture(&format!("{folder}/pyproject.toml"))).unwrap()
}

/// What the three generations of Poetry locked of the same project, each in its own way.
fn locked(folder: &str) -> Vec<String> {
    let manifest = manifest(folder);
    let beside = BTreeMap::from([("pyproject.toml", manifest.as_str())]);
    let reading = read("poetry.lock", &fixture(&format!("{folder}/poetry.lock")), &beside);
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    shown(&reading)
}

#[test]
fn poetry_1_1_says_what_each_is_for() {
    assert_eq!(locked("poetry-1.1"), POETRY_1_1);
}

#[test]
fn poetry_1_8_leaves_that_to_the_manifest() {
    assert_eq!(locked("poetry-1.8"), POETRY_1_8);
}

#[test]
fn poetry_2_says_it_by_groups() {
    assert_eq!(locked("poetry-2.5"), POETRY_2_5);
}

// Counted with Python's tomllib: tables of `package`, their `dependencies` that are packages too, their `files`, and
// `main` in their `groups`.
#[test]
fn poetrys_own_is_whole() {
    let reading = read("x/poetry.lock", &shared("poetry/poetry.lock"), &());
    assert_eq!((reading.aggregate, reading.faults.len()), (Aggregate::Complete, 0));
    assert_eq!(counted(&reading), ([78, 87, 1105], [53, 0, 25]));
    assert_eq!(purls(&reading, "backports-tarfile"), ["pkg:pypi/backports-tarfile@1.2.0"]);
    let anyio = reading.graph.component(reading.graph.nodes().next().unwrap());
    let digests: Vec<_> = anyio.checksums.iter().map(|checksum| checksum.hex()).collect();
    let expected = [
        "08b310f9e24a9594186fd75b4f73f4a4152069e3853f1ed8bfbf58369f4ad708",
        "334b70e641fd2221c1505b3890c69882fe4a2df910cba14d97019b90b24439dc",
    ];
    assert_eq!(digests, expected);
}

#[test]
fn packages_from_elsewhere_say_where() {
    let text = "[[package]]\nname = 'a'\nversion = '1'\n[package.source]\ntype = 'git'\nurl = 'https://h.example/a.git'\n\
        reference = 'main'\nresolved_reference = 'abc'\n[[package]]\nname = 'b'\nversion = '2'\n[package.source]\n\
        type = 'directory'\nurl = 'b'\n[[package]]\nname = 'c'\nversion = '3'\n[package.source]\ntype = 'url'\n\
        url = 'https://h.example/c.whl'\n[metadata]\nlock-version = '2.0'\n";
    let reading = read("poetry.lock", text.as_bytes(), &());
    assert_eq!(reading.faults, []);
    assert_eq!(purls(&reading, "a"), ["pkg:pypi/a@1?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fa.git%40abc"]);
    assert_eq!(purls(&reading, "b"), ["none"]);
    assert_eq!(purls(&reading, "c"), ["pkg:pypi/c@3?download_url=https:%2F%2Fh.example%2Fc.whl"]);
}

#[test]
fn a_newer_version_is_read_as_far_as_it_fits() {
    let text = "[[package]]\nname = 'a'\nversion = '1'\n[metadata]\nlock-version = '3.0'\n";
    let reading =
        one_fault("poetry.lock", text, Code::SbomSourceNewer, Some(5), "lock version 3.0 is newer than 2.1");
    assert_eq!(shown(&reading), ["a@1 0"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let end = "[metadata]\nlock-version = '2.1'\n";
    let invalid = Code::SbomSourceInvalid;
    for (text, line, what) in [
        (format!("[[package]]\nname = 1\nversion = '1'\n{end}"), Some(1), "a package without a name"),
        (format!("[[package]]\nname = 'a'\n{end}"), Some(1), "a package without a name or a version"),
        (format!("[[package]]\nname = 'a'\nname = 'b'\n{end}"), Some(3), "not TOML: duplicate key"),
        ("[[package]]\nname = 'a'\nversion = '1'\n".to_owned(), None, "the metadata at its end are missing"),
        ("[metadata]\nlock-version = 'x'\n".to_owned(), Some(2), "the lock version is none"),
        (
            format!("[[package]]\nname = 'a'\nversion = '1'\nfiles = [{{hash = 'sha256:00'}}]\n{end}"),
            Some(4),
            "`a` has a hash that is none",
        ),
    ] {
        one_fault("poetry.lock", &text, invalid, line, what);
    }
    let manifest = BTreeMap::from([("pyproject.toml", "[project\n")]);
    let reading = read("poetry.lock", end.as_bytes(), &manifest);
    assert!(
        reading.faults[0].what.starts_with("pyproject.toml:1 beside it: not TOML"),
        "{:?}",
        reading.faults
    );
}

#[test]
fn packages_that_need_each_other_are_read() {
    let text = "[[package]]\nname = 'a'\nversion = '1'\n[package.dependencies]\nB = '*'\n[[package]]\nname = 'b'\n\
        version = '2'\n[package.dependencies]\na = '*'\nb = '*'\n[metadata]\nlock-version = '2.0'\n";
    let manifest = BTreeMap::from([("pyproject.toml", "[project]\nname = 'p'\ndependencies = ['a']\n")]);
    let reading = read("poetry.lock", text.as_bytes(), &manifest);
    assert_eq!(shown(&reading), ["#p@- 0 > a@1", "a@1 0 > b@2", "b@2 0 > a@1"]);
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("poetry.lock", &fixture("poetry-2.5/poetry.lock"), &());
    stands_cuts("poetry.lock", &fixture("poetry-1.1/poetry.lock"), &());
}

const POETRY_1_1: &[&str] = &[
    "#sample-app@1.2.0 0 > httpx@0.28.1 orjson@3.13.0 pytest@9.2.0 rich@15.0.0",
    "anyio@4.16.0 2 > exceptiongroup@1.3.1 idna@3.20 typing-extensions@4.16.0",
    "certifi@2026.10.18 2",
    "colorama@0.4.6 dev 2",
    "exceptiongroup@1.3.1 2 > typing-extensions@4.16.0",
    "h11@0.16.0 2",
    "httpcore@1.0.9 2 > certifi@2026.10.18 h11@0.16.0",
    "httpx@0.28.1 2 > anyio@4.16.0 certifi@2026.10.18 httpcore@1.0.9 idna@3.20 socksio@1.0.0",
    "idna@3.20 2",
    "iniconfig@2.3.1 dev 2",
    "markdown-it-py@4.3.0 2 > mdurl@0.1.2",
    "mdurl@0.1.2 2",
    "orjson@3.13.0 optional 59",
    "packaging@26.3 dev 2",
    "pluggy@1.7.0 dev 2",
    "pygments@2.21.0 2",
    "pytest@9.2.0 dev 2 > colorama@0.4.6 exceptiongroup@1.3.1 iniconfig@2.3.1 packaging@26.3 pluggy@1.7.0 pygments@2.21.0 tomli@2.5.0",
    "rich@15.0.0 2 > markdown-it-py@4.3.0 pygments@2.21.0",
    "socksio@1.0.0 2",
    "tomli@2.5.0 dev 65",
    "typing-extensions@4.16.0 2",
];
const POETRY_1_8: &[&str] = &[
    "#sample-app@1.2.0 0 > httpx@0.28.1 orjson@3.13.0 pytest@9.2.0 rich@15.0.0",
    "anyio@4.16.0 2 > exceptiongroup@1.3.1 idna@3.20 typing-extensions@4.16.0",
    "certifi@2026.10.18 2",
    "colorama@0.4.6 dev 2",
    "exceptiongroup@1.3.1 2 > typing-extensions@4.16.0",
    "h11@0.16.0 2",
    "httpcore@1.0.9 2 > certifi@2026.10.18 h11@0.16.0",
    "httpx@0.28.1 2 > anyio@4.16.0 certifi@2026.10.18 httpcore@1.0.9 idna@3.20 socksio@1.0.0",
    "idna@3.20 2",
    "iniconfig@2.3.1 dev 2",
    "markdown-it-py@4.3.0 2 > mdurl@0.1.2",
    "mdurl@0.1.2 2",
    "orjson@3.13.0 optional 59",
    "packaging@26.3 dev 2",
    "pluggy@1.7.0 dev 2",
    "pygments@2.21.0 2",
    "pytest@9.2.0 dev 2 > colorama@0.4.6 exceptiongroup@1.3.1 iniconfig@2.3.1 packaging@26.3 pluggy@1.7.0 pygments@2.21.0 tomli@2.5.0",
    "rich@15.0.0 2 > markdown-it-py@4.3.0 pygments@2.21.0",
    "socksio@1.0.0 2",
    "tomli@2.5.0 dev 65",
    "typing-extensions@4.16.0 2",
];
const POETRY_2_5: &[&str] = &[
    "#sample-app@1.2.0 0 > httpx@0.28.1 orjson@3.13.0 pytest@9.2.0 rich@15.0.0 ruff@0.17.5 tomli@2.5.0",
    "anyio@4.16.0 2 > exceptiongroup@1.3.1 idna@3.20 typing-extensions@4.16.0",
    "certifi@2026.10.18 2",
    "colorama@0.4.6 dev 2",
    "exceptiongroup@1.3.1 2 > typing-extensions@4.16.0",
    "h11@0.16.0 2",
    "httpcore@1.0.9 2 > certifi@2026.10.18 h11@0.16.0",
    "httpx@0.28.1 2 > anyio@4.16.0 certifi@2026.10.18 httpcore@1.0.9 idna@3.20 socksio@1.0.0",
    "idna@3.20 2",
    "iniconfig@2.3.1 dev 2",
    "markdown-it-py@4.3.0 2 > mdurl@0.1.2",
    "mdurl@0.1.2 2",
    "orjson@3.13.0 optional 59",
    "packaging@26.3 dev 2",
    "pluggy@1.7.0 dev 2",
    "pygments@2.21.0 2",
    "pytest@9.2.0 dev 2 > colorama@0.4.6 exceptiongroup@1.3.1 iniconfig@2.3.1 packaging@26.3 pluggy@1.7.0 pygments@2.21.0 tomli@2.5.0",
    "rich@15.0.0 2 > markdown-it-py@4.3.0 pygments@2.21.0",
    "ruff@0.17.5 dev 18",
    "socksio@1.0.0 2",
    "tomli@2.5.0 65",
    "typing-extensions@4.16.0 2",
];
