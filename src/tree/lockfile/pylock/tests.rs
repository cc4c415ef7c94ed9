use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{fixture, one_fault, purls, read, shown, stands_cuts};

#[test]
fn what_uv_exported_is_read() {
    let reading = read("pylock.toml", &fixture("pylock-uv/pylock.toml"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(shown(&reading), UV);
}

#[test]
fn what_pdm_wrote_is_read() {
    let reading = read("pylock.toml", &fixture("pdm-demo/pylock.toml"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(shown(&reading), PDM);
}

#[test]
fn packages_from_elsewhere_say_where() {
    let text = "lock-version = '1.0'\n[[packages]]\nname = 'a'\nvcs = {type = 'git', url = 'https://h.example/a', commit-id = 'abc'}\n\
        [[packages]]\nname = 'b'\narchive = {url = 'https://h.example/b.zip', hashes = {}}\n\
        [[packages]]\nname = 'c'\ndirectory = {path = 'c'}\ndependencies = [{name = 'b'}]\n";
    let reading = read("pylock.dev.toml", text.as_bytes(), &());
    assert_eq!(shown(&reading), ["a@- 0", "b@- 0", "c@- 0 > b@-"]);
    assert_eq!(purls(&reading, "a"), ["pkg:pypi/a?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fa%40abc"]);
    assert_eq!(purls(&reading, "b"), ["pkg:pypi/b?download_url=https:%2F%2Fh.example%2Fb.zip"]);
    assert_eq!(purls(&reading, "c"), ["none"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = Code::SbomSourceInvalid;
    let hash = "lock-version = '1.0'\n[[packages]]\nname = 'a'\nsdist = {hashes = {\nsha256 = 'x'}}\n";
    for (text, code, line, what) in [
        ("\nlock-version = '2.0'\n", Code::SbomSourceNewer, Some(2), "lock version 2 is newer than 1"),
        ("lock-version = 1\n", invalid, Some(1), "no lock version"),
        ("", invalid, None, "no lock version"),
        ("lock-version = '1.0'\n[[packages]]\nname = []\n", invalid, Some(2), "a package without a name"),
        (hash, invalid, Some(5), "`a` has a hash that is none"),
        ("lock-version = '1.0'\nlock-version = '1.0'\n", invalid, Some(2), "not TOML: duplicate key"),
    ] {
        one_fault("pylock.toml", text, code, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("pylock.toml", &fixture("pylock-uv/pylock.toml"), &());
}

const UV: &[&str] = &[
    "anyio@4.16.0 2",
    "certifi@2026.10.18 2",
    "colorama@0.4.6 2",
    "exceptiongroup@1.3.1 2",
    "h11@0.16.0 2",
    "httpcore@1.0.9 2",
    "httpx@0.28.1 2",
    "idna@3.20 2",
    "iniconfig@2.3.1 2",
    "markdown-it-py@4.3.0 2",
    "mdurl@0.1.2 2",
    "packaging@26.3 2",
    "pluggy@1.7.0 2",
    "pygments@2.21.0 2",
    "pytest@9.2.0 2",
    "rich@15.0.0 2",
    "ruff@0.17.5 18",
    "socksio@1.0.0 2",
    "tomli@2.5.0 65",
    "typing-extensions@4.16.0 2",
];
const PDM: &[&str] = &[
    "certifi@2025.1.31 2",
    "chardet@3.0.4 2",
    "charset-normalizer@2.0.12 2",
    "colorama@0.3.9 2",
    "idna@2.7 2",
    "py@1.4.34 2",
    "pytest@3.2.5 2",
    "requests@2.27.1 2",
    "setuptools@39.2.0 2",
    "urllib3@1.26.20 2",
];
