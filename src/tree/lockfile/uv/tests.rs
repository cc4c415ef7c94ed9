use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, fixture, one_fault, purls, read, shared, shown, stands_cuts};

#[test]
fn a_small_project_is_read_whole() {
    let reading = read("uv.lock", &fixture("uv-small/uv.lock"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    assert_eq!(shown(&reading), SMALL);
    assert_eq!(purls(&reading, "markdown-it-py"), ["pkg:pypi/markdown-it-py@4.3.0"]);
}

// Counted with Python's tomllib: tables of `package`; every entry of `dependencies`, `optional-dependencies` and
// `dev-dependencies` that leads to another package; hashes of wheels and of the sdist. Scopes by a walk from the two
// members that goes through no member.
#[test]
fn a_workspace_has_several_roots() {
    let reading = read("uv.lock", &shared("uv/uv.lock"), &());
    assert_eq!((reading.aggregate, reading.faults.len()), (Aggregate::Complete, 0));
    let graph = &reading.graph;
    let roots: Vec<_> = graph.roots().iter().map(|root| graph.component(*root).name.as_str()).collect();
    assert_eq!(roots, ["pydantic", "pydantic-core"]);
    assert_eq!(counted(&reading), ([176, 361, 2077], [5, 4, 167]));
    assert_eq!(purls(&reading, "numpy").len(), 2);
}

#[test]
fn packages_from_elsewhere_say_where() {
    let text = "version = 1\n[[package]]\nname = 'a'\nversion = '1'\nsource = {git = 'https://h.example/a?rev=main#abc'}\n\
        [[package]]\nname = 'b'\nversion = '2'\nsource = {url = 'https://h.example/b.whl'}\n\
        [[package]]\nname = 'c'\nversion = '3'\nsource = {directory = 'c'}\n\
        [[package]]\nname = 'd'\nsource = {virtual = '.'}\n";
    let reading = read("uv.lock", text.as_bytes(), &());
    assert_eq!(purls(&reading, "a"), ["pkg:pypi/a@1?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fa%40abc"]);
    assert_eq!(purls(&reading, "b"), ["pkg:pypi/b@2?download_url=https:%2F%2Fh.example%2Fb.whl"]);
    assert_eq!(purls(&reading, "c"), ["none"]);
    assert_eq!(shown(&reading), ["a@1 0", "b@2 0", "c@3 0", "#d@- 0"]);
}

#[test]
fn a_dependency_may_name_one_of_several_versions() {
    let text = "version = 1\n[[package]]\nname = 'p'\nsource = {editable = '.'}\ndependencies = [{name = 'a', version = '2'}]\n\
        [package.optional-dependencies]\nx = [{name = 'a', version = '1'}, {name = 'p', extra = ['y']}]\n\
        [[package]]\nname = 'a'\nversion = '1'\n[[package]]\nname = 'a'\nversion = '2'\n";
    let reading = read("uv.lock", text.as_bytes(), &());
    assert_eq!(shown(&reading), ["#p@- 0 > a@2 a@1", "a@1 optional 0", "a@2 0"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let (invalid, newer) = (Code::SbomSourceInvalid, Code::SbomSourceNewer);
    for (text, code, line, what) in [
        ("version = 2\n[[package]]\nname = 'a'\n", newer, Some(1), "version 2 is newer than 1"),
        ("version = 'x'\n", invalid, Some(1), "no version that is known"),
        ("", invalid, None, "no version that is known"),
        ("version = 1\n[[package]]\nname = ['a']\n", invalid, Some(2), "a package without a name"),
        (
            "version = 1\n[[package]]\nname = 'a'\ndependencies = [\n{name = 'b'}]\n",
            invalid,
            Some(5),
            "`b` is needed",
        ),
        (
            "version = 1\n[[package]]\nname = 'a'\ndependencies = ['b']\n",
            invalid,
            Some(4),
            "a dependency without",
        ),
        (
            "version = 1\n[[package]]\nname = 'a'\nsdist = {hash = 'md4:00'}\n",
            invalid,
            Some(4),
            "`a` has a hash",
        ),
        ("version = 1\nversion = 1\n", invalid, Some(2), "not TOML: duplicate key"),
    ] {
        one_fault("uv.lock", text, code, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("uv.lock", &fixture("uv-small/uv.lock"), &());
}

const SMALL: &[&str] = &[
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
    "#sample-app@1.2.0 0 > httpx@0.28.1 rich@15.0.0 tomli@2.5.0 orjson@3.13.0 pytest@9.2.0 ruff@0.17.5",
    "socksio@1.0.0 2",
    "tomli@2.5.0 65",
    "typing-extensions@4.16.0 2",
];
