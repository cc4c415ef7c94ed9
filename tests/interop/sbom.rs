//! Outside tools judge both SBOMs: PyPI cyclonedx-python-lib, spdx-tools and ntia-conformance-checker.
//!
//! What they see first is `fixtures/sbom/everything.*.json`, which the library's own tests hold to be what the writers
//! write, byte for byte: every algorithm, scope and form of licence, circles, lists without edges, an image that could
//! not be read whole, and names with terminal escapes in them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::judge::{hear, passes, python};

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sbom").join(name)
}

/// The judge of CycloneDX must accept.
pub fn cyclonedx_accepts(file: &Path) -> String {
    passes(python("sbom_cyclonedx.py").arg(file))
}

/// The judge of SPDX must accept.
pub fn spdx_accepts(file: &Path) -> String {
    passes(python("sbom_spdx.py").arg(file))
}

/// What the checker of the NTIA minimum elements says, a line an element.
pub fn ntia_says(file: &Path) -> String {
    passes(python("sbom_ntia.py").arg(file))
}

/// A judge must refuse the kept document once the first text of a row has become the second, and must say the third.
/// All in one start of the judge, which takes longer than the judging.
fn refuses_each(script: &str, name: &str, wrong: &[(&str, &str, &str)]) {
    let text = fs::read_to_string(kept(name)).expect("the kept document");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut judge = python(script);
    for (at, (from, to, _)) in wrong.iter().enumerate() {
        assert!(text.contains(from), "{from}");
        let file = folder.path().join(format!("{at}-{name}"));
        fs::write(&file, text.replacen(from, to, 1)).expect("the changed document");
        judge.arg(file);
    }
    let said = hear(&mut judge);
    assert_eq!((said.code, said.out.lines().count()), (Some(1), wrong.len()), "{}", said.all);
    for (line, (from, to, why)) in said.out.lines().zip(wrong) {
        assert!(line.starts_with("invalid: ") && line.contains(why), "{from} as {to}: {line}");
    }
}

#[test]
fn cyclonedx_is_valid_in_strict_mode() {
    let said = cyclonedx_accepts(&kept("everything.cdx.json"));
    assert_eq!(said, "valid: 30 components, 31 dependencies\n");
}

#[test]
fn a_wrong_cyclonedx_document_is_refused() {
    let wrong = [
        ("\"version\":1,\n", "\"version\":1,\n \"note\":\"x\",\n", "'note' was unexpected"),
        ("\"bom-ref\":\"pkg:npm/a-b@", "\"bom-ref\":\"pkg:npm/a_b@", "a bom-ref stands twice"),
        ("urn:uuid:", "urn:uuid:X", "does not match"),
        ("2026-11-20T00:00:00Z", "2026-11-20", "is not a 'date-time'"),
        ("\"ref\":\"pkg:npm/left@", "\"ref\":\"pkg:npm/lost@", "dependencies name"),
        ("\"id\":\"ISC\"", "\"id\":\"ICS\"", "is not valid under any of the given schemas"),
        ("\"alg\":\"SHA-512\"", "\"alg\":\"SHA512\"", "is not one of"),
        ("\"scope\":\"excluded\"", "\"scope\":\"development\"", "is not one of"),
    ];
    refuses_each("sbom_cyclonedx.py", "everything.cdx.json", &wrong);
}

#[test]
fn spdx_is_valid() {
    let said = spdx_accepts(&kept("everything.spdx.json"));
    assert_eq!(said, "valid: 31 packages, 75 relationships\n");
}

#[test]
fn a_wrong_spdx_document_is_refused() {
    let wrong = [
        (
            "\"SPDXID\":\"SPDXRef-pkg-npm-left-",
            "\"SPDXID\":\"SPDXRef-pkg_npm_left-",
            "must only contain letters",
        ),
        ("SPDXRef-release-tideline", "SPDXRef-release-coastline", "did not find the referenced spdx_id"),
        ("https://spdx.org/", "spdx.org/", "must be a valid URI"),
        ("2026-11-20T00:00:00Z", "2026-11-20", "invalid: "),
        ("\"checksumValue\":\"", "\"checksumValue\":\"0", "lowercase hexadecimal digits"),
        ("\"licenseDeclared\":\"ISC\"", "\"licenseDeclared\":\"ICS\"", "Unrecognized license reference"),
        (
            "\"licenseId\":\"LicenseRef-Tideline-1.0\"",
            "\"licenseId\":\"LicenseRef-x\"",
            "Unrecognized license",
        ),
        ("DEV_DEPENDENCY_OF", "DEVELOPMENT_OF", "invalid: "),
        ("\"filesAnalyzed\":false", "\"filesAnalyzed\":\"no\"", "invalid: "),
    ];
    refuses_each("sbom_spdx.py", "everything.spdx.json", &wrong);
}

/// Every element is there for the release and all that is its own. Of somebody else's package neither version nor
/// supplier is invented where no file states it: the checker names exactly those.
#[test]
fn the_ntia_minimum_elements_are_there_where_a_file_states_them() {
    let expected = r"components: 21 looked at, 10 not
name: yes
version: lacking in 4: '@tideline/charts', 'one', 'two', 'usr/bin/tool'
identifier: yes
supplier: lacking in 11: 'a-b', 'debian', 'down', 'numpy', 'one', 'org.tideline:charts', 'tideline', 'tideline', 'two', 'usr/bin/tool', '\u202eelbisivni\u200b'
author: yes
timestamp: yes
dependencies: yes
";
    assert_eq!(ntia_says(&kept("everything.spdx.json")), expected);
}
