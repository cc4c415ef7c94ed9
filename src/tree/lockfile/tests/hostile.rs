//! Lockfiles that are cut short, newer than what is known, or meant to do harm.

use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::testing::{Folder, file, read};
use crate::tree::reading::Reading;

const FILES: [(&str, &str); 14] = [
    ("npm-1", "package-lock.json"),
    ("npm-2", "package-lock.json"),
    ("npm-3", "npm-shrinkwrap.json"),
    ("pnpm-6", "pnpm-lock.yaml"),
    ("pnpm-8", "pnpm-lock.yaml"),
    ("pnpm-9", "pnpm-lock.yaml"),
    ("yarn-1", "yarn.lock"),
    ("yarn-2", "yarn.lock"),
    ("yarn-4", "yarn.lock"),
    ("bun-1.1", "bun.lock"),
    ("bun-1.4", "bun.lock"),
    ("cargo-1", "Cargo.lock"),
    ("cargo-3", "Cargo.lock"),
    ("cargo-4", "Cargo.lock"),
];

fn bytes(folder: &str, name: &str) -> Vec<u8> {
    let written = if name == "npm-shrinkwrap.json" { "package-lock.json" } else { name };
    file(&format!("fixtures/lockfiles/{folder}/{written}"))
}

fn first(reading: &Reading) -> (Code, usize, &str) {
    let fault = reading.faults.first().unwrap_or_else(|| panic!("no fault"));
    (fault.code, fault.line.unwrap_or_default(), &fault.what)
}

/// A fault is told with a line of the file, and makes the whole incomplete.
fn assert_told(reading: &Reading, bytes: &[u8], context: &str) {
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    for fault in &reading.faults {
        assert!(fault.line.is_some_and(|line| (1..=lines).contains(&line)), "{context}: {fault:?}");
    }
    assert_eq!(reading.faults.is_empty(), reading.aggregate != Aggregate::Incomplete, "{context}");
}

#[test]
fn a_file_that_is_cut_short_is_a_fault_or_a_shorter_file() {
    for (folder, name) in FILES {
        let whole = bytes(folder, name);
        let beside = Folder::new("fixtures/lockfiles/tour");
        let complete = read(name, &whole, &beside);
        assert!(complete.faults.is_empty(), "{folder}: {:?}", complete.faults);
        for end in (0..whole.len()).step_by(173) {
            let reading = read(name, &whole[..end], &beside);
            assert_told(&reading, &whole[..end], folder);
            assert!(reading.graph.len() <= complete.graph.len() + 2, "{folder} at {end}");
            // What ends in the middle of a JSON or a TOML value can never pass for whole.
            if name.ends_with(".json") || name == "bun.lock" {
                let rest = whole[end..].trim_ascii();
                assert!(rest.is_empty() || !reading.faults.is_empty(), "{folder} at {end}");
            }
        }
    }
}

#[test]
fn a_file_with_a_changed_byte_never_panics() {
    for (folder, name) in FILES {
        let whole = bytes(folder, name);
        for (at, byte) in (0..whole.len()).step_by(97).zip(b"\0\"{}[]:,\n -&*'#\xff9@".iter().cycle()) {
            let mut changed = whole.clone();
            changed[at] = *byte;
            assert_told(&read(name, &changed, &()), &changed, folder);
        }
    }
}

#[test]
fn a_newer_version_is_told_and_read_as_far_as_it_fits() {
    for (folder, name, from, to, line) in [
        ("npm-3", "package-lock.json", "\"lockfileVersion\": 3", "\"lockfileVersion\": 4", 4),
        ("pnpm-9", "pnpm-lock.yaml", "lockfileVersion: '9.0'", "lockfileVersion: '10.0'", 1),
        ("yarn-1", "yarn.lock", "# yarn lockfile v1", "# yarn lockfile v2", 2),
        ("yarn-4", "yarn.lock", "version: 10\n", "version: 11\n", 5),
        ("bun-1.4", "bun.lock", "\"lockfileVersion\": 2", "\"lockfileVersion\": 3", 2),
        ("cargo-4", "Cargo.lock", "version = 4\n", "version = 5\n", 3),
    ] {
        let text = String::from_utf8(bytes(folder, name)).unwrap();
        let newer = text.replacen(from, to, 1);
        assert_ne!(text, newer, "{folder}");
        let reading = read(name, newer.as_bytes(), &());
        assert_eq!(reading.faults.len(), 1, "{folder}: {:?}", reading.faults);
        let (code, at, _) = first(&reading);
        assert_eq!((code, at), (Code::SbomSourceNewer, line), "{folder}");
        assert_eq!(reading.graph.len(), read(name, text.as_bytes(), &()).graph.len(), "{folder}");
    }
}

/// A text that is wrong in one place: the code, the line and the begin of what is said.
type Wrong = (String, Code, usize, &'static str);

fn assert_wrong(name: &str, wrong: &[Wrong]) {
    for (text, code, line, what) in wrong {
        let reading = read(name, text.as_bytes(), &());
        let start: String = text.chars().take(90).collect();
        let (found, at, said) = first(&reading);
        let as_expected = (found, at) == (*code, *line) && said.starts_with(what);
        assert!(as_expected, "{name} {start}: {found} {at} {said}");
        assert_told(&reading, text.as_bytes(), name);
    }
}

#[test]
fn what_is_wrong_in_a_lockfile_of_npm_is_told_with_its_line() {
    use Code::{SbomSourceInvalid as Invalid, SbomSourceTooLarge as TooLarge};
    let lock = "{\n\"lockfileVersion\": 3,\n\"packages\": {\n";
    assert_wrong(
        "package-lock.json",
        &[
            ("[]".to_owned(), Invalid, 1, "not an object"),
            ("{\"lockfileVersion\":\n\"x\"}".into(), Invalid, 2, "a lockfileVersion that"),
            ("{\"packages\":\n[]}".into(), Invalid, 2, "packages is not"),
            (format!("{lock}\"node_modules/a\": 1}}}}"), Invalid, 4, "`node_modules/a` is not"),
            (format!("{lock}\"node_modules/a\": {{}}}}}}"), Invalid, 4, "`node_modules/a` has no version"),
            (format!("{lock}\"a\": {{}},\n\"a\": {{}}}}}}"), Invalid, 5, "the key `a` stands twice"),
            (
                format!("{lock}\"\": {{\"dependencies\":\n{{\"b\": \"1\"}}}}}}}}"),
                Invalid,
                5,
                "`b` is not in it",
            ),
            (format!("{lock}\"a\": {{\"link\": true}}}}}}"), Invalid, 4, "a link that leads nowhere"),
            (format!("{lock}\"{}\": {{}}}}}}", "a/".repeat(999)), Invalid, 4, "a path of too many"),
            ("{\"dependencies\":".repeat(9999), TooLarge, 1, "nested deeper"),
            ("{\"dependencies\":\n{\"a\": 1}}".into(), Invalid, 2, "`a` is not an object"),
            ("{\"dependencies\":\n{\"a\": {}}}".into(), Invalid, 2, "`a` has no version"),
        ],
    );
}

#[test]
fn what_is_wrong_in_a_lockfile_of_pnpm_is_told_with_its_line() {
    use Code::SbomSourceInvalid as Invalid;
    assert_wrong(
        "pnpm-lock.yaml",
        &[
            ("a: 1\n".into(), Invalid, 1, "no lockfileVersion"),
            ("lockfileVersion: 5.4\npackages: []\n".into(), Invalid, 2, "packages is not a map"),
            ("lockfileVersion: 5.4\npackages:\n  x: {}\n".into(), Invalid, 3, "`x` is no package"),
            ("lockfileVersion: 5.4\ndependencies:\n  x: 1.0.0\n".into(), Invalid, 3, "`x@1.0.0` is not"),
            ("lockfileVersion: 6.0\ndependencies:\n  x: []\n".into(), Invalid, 3, "`x` has no version"),
            ("lockfileVersion: 9.0\nsnapshots:\n  x@1: {}\n".into(), Invalid, 3, "`x@1` is not in it"),
            ("lockfileVersion: 9.0\na: &a [x]\nb: [*a, *a]\n".into(), Invalid, 2, "an anchor"),
            ("lockfileVersion: 9.0\npackages: {}\npackages: {}\n".into(), Invalid, 3, "the key `packages`"),
        ],
    );
}

#[test]
fn what_is_wrong_in_a_lockfile_of_yarn_is_told_with_its_line() {
    use Code::SbomSourceInvalid as Invalid;
    assert_wrong(
        "yarn.lock",
        &[
            ("__metadata: {}\n".into(), Invalid, 1, "no version of the format"),
            (
                "__metadata:\n  version: 8\n\"a@npm:1\":\n  version: 1\n".into(),
                Invalid,
                3,
                "`a@npm:1` has no res",
            ),
            (
                "__metadata: {version: 8}\na: {resolution: a@npm:1,\n  dependencies: {b: 1}}\n".into(),
                Invalid,
                3,
                "`b@1` is not",
            ),
            ("a@1:\n  version \"1\"\n".into(), Invalid, 1, "no `# yarn lockfile v1`"),
            ("# yarn lockfile v1\na@1:\n  resolved x\n".into(), Invalid, 2, "a package without"),
            (
                "# yarn lockfile v1\na@1:\n  version \"1\"\n  dependencies:\n    b \"1\"\n".into(),
                Invalid,
                5,
                "`b@1` is not",
            ),
        ],
    );
}

#[test]
fn what_is_wrong_in_a_lockfile_of_bun_is_told_with_its_line() {
    use Code::SbomSourceInvalid as Invalid;
    assert_wrong(
        "bun.lock",
        &[
            ("{}".into(), Invalid, 1, "no lockfileVersion"),
            ("{\"lockfileVersion\": 1,\n\"packages\": []}".into(), Invalid, 2, "packages is not"),
            ("{\"lockfileVersion\": 1,\n\"packages\": {\"a\": [],}}".into(), Invalid, 2, "`a` is no package"),
            (
                "{\"lockfileVersion\": 1,\n\"packages\": {\"a\": [\"a@workspace:x\"]}}".into(),
                Invalid,
                2,
                "`x` is no project",
            ),
        ],
    );
}

#[test]
fn what_is_wrong_in_a_lockfile_of_cargo_is_told_with_its_line() {
    use Code::SbomSourceInvalid as Invalid;
    let package = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n";
    assert_wrong(
        "Cargo.lock",
        &[
            ("version = 4\n[[package]\n".into(), Invalid, 2, "not TOML"),
            ("version = \"x\"\n".into(), Invalid, 1, "a version that is none"),
            ("package = 1\n".into(), Invalid, 1, "package is not a list"),
            ("[[package]]\nname = \"a\"\n".into(), Invalid, 1, "a package without name"),
            (format!("{package}source = 1\n"), Invalid, 1, "a package without name"),
            (format!("{package}checksum = \"x\"\n"), Invalid, 1, "the checksum of `a`"),
            (format!("{package}dependencies = [\n \"b\",\n]\n"), Invalid, 5, "`b` is not in it"),
            (format!("{package}name = \"b\"\n"), Invalid, 4, "not TOML"),
            (format!("a = {}", "[".repeat(99_999)), Invalid, 1, "not TOML"),
        ],
    );
}

#[test]
fn packages_may_need_one_another_in_a_circle() {
    let entry = |one: &str, other: &str| {
        format!(
            "\"node_modules/{one}\": {{\"version\": \"1\", \"dependencies\": {{\"{other}\": \"1\", \"{one}\": \"1\"}}}}"
        )
    };
    let text =
        format!("{{\"lockfileVersion\": 3, \"packages\": {{{}, {}}}}}", entry("a", "b"), entry("b", "a"));
    let graph = read("package-lock.json", text.as_bytes(), &()).graph;
    assert!(graph.nodes().all(|node| graph.needs(node).len() == 1));
    let circle = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\"b\"]\n\
        [[package]]\nname = \"b\"\nversion = \"1.0.0\"\ndependencies = [\"a\"]\n";
    assert!(read("Cargo.lock", circle.as_bytes(), &()).faults.is_empty());
}

/// What would take hours if anything were looked for by going through a list.
#[test]
fn large_files_are_read_in_a_moment() {
    let many = 30_000;
    let cargo: String = (0..many)
        .map(|at| {
            format!("[[package]]\nname = \"a\"\nversion = \"{at}.0.0\"\ndependencies = [\"a {at}.0.0\"]\n")
        })
        .collect();
    let projects: String = (0..many).map(|at| format!("\"p{at}\": {{}},")).collect();
    let packages: String = (0..many).map(|at| format!("\"a{at}\": [\"a{at}@workspace:p{at}\"],")).collect();
    let bun =
        format!("{{\"lockfileVersion\": 1, \"workspaces\": {{{projects}}}, \"packages\": {{{packages}}}}}");
    let ranges: String = (0..many).map(|at| format!("a@{at}, ")).collect();
    let yarn = format!("# yarn lockfile v1\n{ranges}a@x:\n  version \"1\"\n");
    for (name, text, count) in [("Cargo.lock", cargo, many), ("bun.lock", bun, many), ("yarn.lock", yarn, 1)]
    {
        let reading = read(name, text.as_bytes(), &());
        assert_eq!((reading.graph.len(), reading.faults.len()), (count, 0), "{name}");
    }
}
