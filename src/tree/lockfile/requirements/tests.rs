use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::Beside;
use crate::tree::lockfile::samples::{fixture, one_fault, purls, read, shown};
use std::collections::BTreeMap;

#[test]
fn what_pip_compile_pinned_is_read() {
    let reading = read("requirements.txt", &fixture("pip-compile/requirements.txt"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(shown(&reading), PINNED);
    let first = reading.graph.component(reading.graph.nodes().next().unwrap());
    let digest = first.checksums.first().unwrap();
    assert_eq!(digest.hex(), "59bb03251907983d1603d27c3087ddb1e93299ea2163adcdba37899a4fb12ffb");
}

// What people write by hand, by pip's documentation of the format.
#[test]
fn files_that_include_others_are_one() {
    let beside = BTreeMap::from([
        ("req/base.txt", "-r ../requirements-more.txt\nb==1\n-c pins.txt # why\n-e ../lib/x\n"),
        ("requirements-more.txt", "-r req/pins-too.txt\nc\n"),
        ("req/pins-too.txt", "c===2 ; os_name == 'nt'\n"),
        ("req/pins.txt", "A_x==3.1\nunused==1\n"),
        ("lib/x/pyproject.toml", "[project]\nname = 'x'\nversion = '0.1'\n"),
        ("pyproject.toml", "[project]\nname = 'app'\nversion = '9'\n"),
    ]);
    let text = "--index-url https://h.example/simple\n-r req/base.txt\na.X[y]>=3\nd @ https://h.example/d.whl\n-e .\nb == 1\n";
    let reading = read("requirements-dev.txt", text.as_bytes(), &beside);
    assert_eq!(reading.faults, []);
    let expected = ["#app@9 0", "c@2 0", "c@- 0", "b@1 0", "x@0.1 0", "a.X@3.1 0", "d@- 0"];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "a.X"), ["pkg:pypi/a-x@3.1"]);
    assert_eq!(purls(&reading, "d"), ["pkg:pypi/d?download_url=https:%2F%2Fh.example%2Fd.whl"]);
}

#[test]
fn includes_that_go_in_a_circle_end() {
    let beside = BTreeMap::from([("a.txt", "-r b.txt\n"), ("b.txt", "x==1\n-r a.txt\n")]);
    let reading = read("requirements.txt", b"\n-r a.txt\n", &beside);
    let [fault] = &reading.faults[..] else { panic!("{:?}", reading.faults) };
    assert_eq!((fault.line, fault.what.as_str()), (None, "b.txt:2: `a.txt` includes itself"));
    assert_eq!(shown(&reading), ["x@1 0"]);
    one_fault(
        "requirements.txt",
        "x\n-r requirements.txt\n",
        Code::SbomSourceInvalid,
        Some(2),
        "`requirements.txt` includes",
    );
}

/// Every file includes one more, without end.
struct Endless;

impl Beside for Endless {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        let at: usize = relative.strip_suffix(".txt")?.parse().ok()?;
        Some(format!("-r {}.txt\n", at + 1).into_bytes())
    }
}

#[test]
fn includes_have_a_limit() {
    let reading = read("requirements.txt", b"-r 1.txt\n", &Endless);
    let [fault] = &reading.faults[..] else { panic!("{:?}", reading.faults) };
    assert_eq!(fault.code, Code::SbomSourceTooLarge);
    let wide: String = (1000..2000).map(|at| format!("-c w/{at}.txt\n")).collect();
    let reading = read("requirements.txt", wide.as_bytes(), &());
    assert_eq!(reading.faults.len(), 100);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, what) in [
        ("a==1\n==2\n", 2, "`==2` is no requirement"),
        ("a==1 \\\n  --hash=sha256:zz\n", 1, "`sha256:zz` is no hash"),
        ("\n-r\n", 2, "`-r` without a value"),
        ("-r ../x.txt\n", 1, "`../x.txt` is not in this folder"),
        ("-r https://h.example/x.txt\n", 1, "`https://h.example/x.txt` is not in this folder"),
        ("-r none.txt\n", 1, "`none.txt` cannot be read"),
        ("<<<<<<< HEAD\na==1\n", 1, "`<<<<<<< HEAD` is no requirement"),
    ] {
        one_fault("requirements.txt", text, Code::SbomSourceInvalid, Some(line), what);
    }
    let reading = read("requirements.txt", b"a==1\n\xff\n", &());
    assert_eq!((reading.faults[0].line, &*reading.faults[0].what), (Some(2), "not UTF-8"));
}

#[test]
fn a_file_that_was_cut_off_is_read_so_far() {
    // Cut inside a name it is another name, and nothing tells; so whole lines only.
    let whole = fixture("pip-compile/requirements.txt");
    for end in whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at) {
        let reading = read("requirements.txt", &whole[..end], &());
        assert_eq!(reading.faults, [], "cut at {end}");
    }
    for end in 0..whole.len() {
        read("requirements.txt", &whole[..end], &());
    }
}

const PINNED: &[&str] = &[
    "anyio@4.16.0 2",
    "certifi@2026.10.18 2",
    "h11@0.16.0 2",
    "httpcore@1.0.9 2",
    "httpx@0.28.1 2",
    "idna@3.20 2",
    "markdown-it-py@4.3.0 2",
    "mdurl@0.1.2 2",
    "pygments@2.21.0 2",
    "rich@15.0.0 2",
    "socksio@1.0.0 2",
    "typing-extensions@4.16.0 2",
];
