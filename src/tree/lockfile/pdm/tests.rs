use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{fixture, one_fault, purls, read, shown};
use std::collections::BTreeMap;

const LOCK: &str = "[metadata]\ngroups = ['default', 'dev']\nlock_version = '4.5.0'\n\n\
    [[package]]\nname = 'httpx'\nversion = '0.28.1'\nextras = ['socks']\ngroups = ['default']\n\
    dependencies = ['httpx==0.28.1', 'Socksio==1.*']\nfiles = [{file = 'x', hash = 'sha256:HEX'}]\n\n\
    [[package]]\nname = 'httpx'\nversion = '0.28.1'\ngroups = ['default', 'dev']\n\
    dependencies = ['idna', 'tomli; python_version < \"3\"']\nfiles = [{file = 'x', hash = 'sha256:HEX'}]\n\n\
    [[package]]\nname = 'socksio'\nversion = '1.0.0'\ngroups = ['default']\n\n\
    [[package]]\nname = 'idna'\nversion = '3.10'\ngit = 'https://h.example/idna.git'\nrevision = 'abc'\ngroups = ['dev']\n";

fn real(folder: &str, file: &str) -> Vec<String> {
    let manifest = String::from_utf8(fixture(&format!("{folder}/pyproject.toml"))).unwrap();
    let beside = BTreeMap::from([("pyproject.toml", manifest.as_str())]);
    let reading = read("pdm.lock", &fixture(&format!("{folder}/{file}")), &beside);
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    shown(&reading)
}

#[test]
fn groups_are_extras_where_the_manifest_says_so() {
    assert_eq!(real("pdm-demo", "pdm.lock"), DEMO);
}

#[test]
fn a_package_with_extras_is_locked_twice() {
    assert_eq!(real("pdm-extras", "pdm.lock"), EXTRAS);
}

// By PDM's documentation, what the real ones do not have: a repository, and a package in two groups.
#[test]
fn extras_are_the_package_itself() {
    let lock = LOCK.replace("HEX", &"0a".repeat(32));
    let manifest = "[project]\nname = 'sample-app'\nversion = '1'\ndependencies = ['httpx[socks]']\n";
    let beside = BTreeMap::from([("pyproject.toml", manifest)]);
    let reading = read("pdm.lock", lock.as_bytes(), &beside);
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    let expected = [
        "#sample-app@1 0 > httpx@0.28.1",
        "httpx@0.28.1 1 > socksio@1.0.0 idna@3.10",
        "socksio@1.0.0 0",
        "idna@3.10 dev 0",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(
        purls(&reading, "idna"),
        ["pkg:pypi/idna@3.10?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fidna.git%40abc"]
    );
}

#[test]
fn without_groups_the_manifest_tells() {
    let lock = "[metadata]\nlock_version = '4.1'\n[[package]]\nname = 'a'\nversion = '1'\ndependencies = ['b']\n\
        [[package]]\nname = 'b'\nversion = '1'\n[[package]]\nname = 'c'\nversion = '1'\ndependencies = ['b']\n";
    let manifest = "[project]\nname = 'p'\ndependencies = ['a']\n[tool.pdm.dev-dependencies]\nx = ['c']\n";
    let reading = read("pdm.lock", lock.as_bytes(), &BTreeMap::from([("pyproject.toml", manifest)]));
    assert_eq!(shown(&reading), ["#p@- 0 > a@1 c@1", "a@1 0 > b@1", "b@1 0", "c@1 dev 0 > b@1"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = Code::SbomSourceInvalid;
    for (text, code, line, what) in [
        (
            "[metadata]\nlock_version = '5.0'\n",
            Code::SbomSourceNewer,
            Some(2),
            "lock version 5.0 is newer than 4",
        ),
        (
            "[metadata]\nlock_version = 4\n[[package]]\nversion = '1'\n",
            invalid,
            Some(3),
            "a package without a name",
        ),
        ("[[package]]\nname = 'a'\nversion = '1'\n", invalid, None, "no lock version"),
        ("[metadata]\nlock_version = '4'\nlock_version = '4'\n", invalid, Some(3), "not TOML: duplicate key"),
        (
            "[metadata]\nlock_version = '4'\n[[package]]\nname = 'a'\nfiles = [\n{hash = 1}]\n",
            invalid,
            Some(6),
            "`a` has",
        ),
    ] {
        one_fault("pdm.lock", text, code, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    crate::tree::lockfile::samples::stands_cuts(
        "pdm.lock",
        LOCK.replace("HEX", &"0a".repeat(32)).as_bytes(),
        &(),
    );
}

const DEMO: &[&str] = &[
    "#demo@0.0.1 0 > chardet@3.0.4 idna@2.7 pytest@3.2.5 requests@2.27.1",
    "certifi@2025.1.31 optional 2",
    "chardet@3.0.4 2",
    "charset-normalizer@2.0.12 optional 2",
    "colorama@0.3.9 optional 2",
    "idna@2.7 2",
    "py@1.4.34 optional 2",
    "pytest@3.2.5 optional 2 > colorama@0.3.9 py@1.4.34 setuptools@39.2.0",
    "requests@2.27.1 optional 2 > certifi@2025.1.31 chardet@3.0.4 charset-normalizer@2.0.12 idna@2.7 urllib3@1.26.20",
    "setuptools@39.2.0 optional 2",
    "urllib3@1.26.20 optional 2",
];
const EXTRAS: &[&str] = &[
    "certifi@2021.10.8 2",
    "charset-normalizer@2.0.7 2",
    "idna@3.3 2",
    "requests@2.26.0 2 > certifi@2021.10.8 charset-normalizer@2.0.7 idna@3.3 urllib3@1.26.7",
    "urllib3@1.26.7 2",
];
