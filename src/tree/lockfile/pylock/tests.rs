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

const UV: &[&str] = &[];
const PDM: &[&str] = &[];
