use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{one_fault, purls, read, shown, stands_cuts};

/// As NuGet writes it, and by its documentation of lock files, versions 1 and 2. The digest is of 64 zero bytes.
fn lock() -> String {
    let hash = format!("{}==", "A".repeat(86));
    format!(
        r#"{{
  "version": 2,
  "dependencies": {{
    "net8.0": {{
      "Newtonsoft.Json": {{"type": "Direct", "requested": "[13.0.3, )", "resolved": "13.0.3", "contentHash": "{hash}"}},
      "Serilog.Sinks.File": {{"type": "Direct", "resolved": "5.0.0", "contentHash": "{hash}", "dependencies": {{"serilog": "2.10.0"}}}},
      "Serilog": {{"type": "Transitive", "resolved": "2.12.0", "contentHash": "{hash}"}},
      "lib": {{"type": "Project", "dependencies": {{"Newtonsoft.Json": "[13.0.3, )", "Central": "[1.0, )"}}}},
      "Central": {{"type": "CentralTransitive", "requested": "[1.0, )", "resolved": "1.0.0"}}
    }},
    "net8.0/linux-x64": {{
      "Serilog": {{"type": "Transitive", "resolved": "2.12.0", "contentHash": "{hash}"}},
      "Native": {{"type": "Transitive", "resolved": "1.0.0", "dependencies": {{"Serilog": "2.0.0"}}}}
    }},
    ".NETFramework,Version=v4.8.1/win-x86": {{}}
  }}
}}
"#
    )
}

#[test]
fn every_framework_counts_once() {
    let reading = read("src/App/packages.lock.json", lock().as_bytes(), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    let expected = [
        "Newtonsoft.Json@13.0.3 1",
        "Serilog.Sinks.File@5.0.0 1 > Serilog@2.12.0",
        "Serilog@2.12.0 1",
        "lib@- 0 > Newtonsoft.Json@13.0.3 Central@1.0.0",
        "Central@1.0.0 0",
        "Native@1.0.0 0 > Serilog@2.12.0",
        "#App@- 0 > Newtonsoft.Json@13.0.3 Serilog.Sinks.File@5.0.0 lib@-",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "Newtonsoft.Json"), ["pkg:nuget/Newtonsoft.Json@13.0.3"]);
    assert_eq!(purls(&reading, "lib"), ["none"]);
    let first = reading.graph.component(reading.graph.nodes().next().unwrap());
    assert_eq!(first.checksums[0].hex(), "0".repeat(128));
    let named = read("packages.Tool.lock.json", lock().as_bytes(), &());
    assert!(shown(&named).last().unwrap().starts_with("#Tool@-"));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = Code::SbomSourceInvalid;
    for (text, code, line, what) in [
        (
            "{\n\"version\": 3, \"dependencies\": {}}",
            Code::SbomSourceNewer,
            Some(2),
            "version 3 is newer than 2",
        ),
        ("{\n\"version\": 0, \"dependencies\": {}}", invalid, Some(2), "the version is none"),
        ("{\"dependencies\": {}}", invalid, None, "no version"),
        ("{\"version\": 1}", invalid, None, "no table of dependencies"),
        ("{\"version\": 1, \"dependencies\": {\n\"net8.0\": []}}", invalid, Some(2), "`net8.0` is no table"),
        (
            "{\"version\": 1, \"dependencies\": {\"n\": {\n\"a\": {}}}}",
            invalid,
            Some(2),
            "`a` has no resolved version",
        ),
        (
            "{\"version\": 1, \"dependencies\": {\"n\": {\"a\": {\"resolved\": \"1\",\n\"contentHash\": \"x\"}}}}",
            invalid,
            Some(2),
            "`a` has a contentHash that is none",
        ),
        (
            "{\"version\": 1, \"dependencies\": {\"n\": {\n\"a\": {}, \"a\": {}}}}",
            invalid,
            Some(2),
            "the key `a` stands",
        ),
    ] {
        one_fault("packages.lock.json", text, code, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("packages.lock.json", lock().as_bytes(), &());
}
