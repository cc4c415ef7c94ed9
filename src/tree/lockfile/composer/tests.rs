use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, one_fault, purls, read, shared, shown, stands_cuts};
use std::collections::BTreeMap;

// Counted with Python's json: `packages`, `packages-dev`, and of each `require` the names with a slash that are locked,
// replaced or provided by another.
#[test]
fn composers_own_is_read_whole() {
    let reading = read("composer.lock", &shared("composer/composer.lock"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    assert_eq!(counted(&reading), COMPOSER);
    assert_eq!(purls(&reading, "composer/ca-bundle"), ["pkg:composer/composer/ca-bundle@1.5.12"]);
    let licences = reading.graph.nodes().filter_map(|node| reading.graph.component(node).licence.clone());
    let mut licences: Vec<String> = licences.map(|licence| licence.text().to_owned()).collect();
    licences.sort();
    licences.dedup();
    assert_eq!(licences, ["BSD-3-Clause", "MIT"]);
}

#[test]
fn a_project_needs_packages_and_what_stands_for_others() {
    let sha1 = "0A".repeat(20);
    let text = format!(
        r#"{{"packages": [
            {{"name": "V/a", "version": "v1.0", "dist": {{"shasum": "{sha1}"}}, "license": ["MIT", "GPL-2.0-only or later"],
              "require": {{"php": ">=8", "ext-json": "*", "composer-runtime-api": "^2", "v/log-implementation": "*", "w/old": "*", "v/none": "*"}}}},
            {{"name": "v/b", "version": "2", "provide": {{"v/log-implementation": "1"}}, "license": "(MIT or Apache-2.0)"}},
            {{"name": "v/c", "version": "3", "replace": {{"w/old": "self.version"}}}}],
          "packages-dev": [{{"name": "v/d", "version": "dev-main", "require": {{"V/A": "*"}}}}]}}"#
    );
    let manifest = r#"{"name": "me/app", "license": "proprietary", "require": {"php": "*", "V/a": "*"}, "require-dev": {"v/d": "*"}}"#;
    let reading = read("composer.lock", text.as_bytes(), &BTreeMap::from([("composer.json", manifest)]));
    assert_eq!(reading.faults, []);
    let expected = [
        "V/a@v1.0 1 > v/b@2 v/c@3",
        "v/b@2 0",
        "v/c@3 0",
        "v/d@dev-main dev 0 > V/a@v1.0",
        "#me/app@- 0 > V/a@v1.0 v/d@dev-main",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "V/a"), ["pkg:composer/v/a@v1.0"]);
    let licence = |at: usize| {
        let node = reading.graph.nodes().nth(at).unwrap();
        reading.graph.component(node).licence.as_ref().map(|licence| licence.text().to_owned())
    };
    assert_eq!(licence(0).as_deref(), Some("MIT OR (GPL-2.0-only or later)"));
    assert_eq!(licence(1).as_deref(), Some("(MIT OR Apache-2.0)"));
    assert_eq!(licence(4).as_deref(), Some("proprietary"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, what) in [
        ("{}", None, "no list of packages"),
        ("{\"packages\": {}}", None, "no list of packages"),
        ("{\"packages\": [\n{\"name\": \"a/b\"}]}", Some(2), "a package without a name or a version"),
        (
            "{\"packages\": [\n{\"name\": 1, \"version\": \"1\"}]}",
            Some(2),
            "a package without a name or a version",
        ),
        ("{\"packages\": [],\n\"packages\": []}", Some(2), "the key `packages` stands twice"),
        (
            "{\"packages\": [{\"name\": \"a/b\", \"version\": \"1\",\n\"dist\": {\"shasum\": \"x\"}}]}",
            Some(2),
            "`a/b` has a shasum that is none",
        ),
    ] {
        one_fault("composer.lock", text, Code::SbomSourceInvalid, line, what);
    }
    let manifest = BTreeMap::from([("composer.json", "{\n")]);
    let reading = read("composer.lock", b"{\"packages\": []}", &manifest);
    assert!(reading.faults[0].what.starts_with("composer.json:"), "{:?}", reading.faults);
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("composer.lock", &shared("composer/composer.lock"), &());
}

const COMPOSER: ([usize; 3], [usize; 3]) = ([36, 28, 0], [30, 0, 6]);
