//! What a drill leaves for the tools of others: a JUnit report.

use crate::judge::{attestar, checkout, hear, passes, python, refuses, shell};
use std::fs;
use std::path::Path;

const POLICY: &str = "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"data\"\npaths = [\"etc/**\"]\n\
    [store]\nurl = \"../store\"\n[drill]\nrto = \"15m\"\nrpo = \"24h\"\n\
    [[probe]]\nid = \"all\"\nkind = \"files\"\n";

/// What PyPI junitparser reads in the report of a drill.
fn read(folder: &Path) -> String {
    let report = folder.join("drill/drill_report.junit.xml");
    passes(python("junit.py").arg(report))
}

#[test]
fn junitparser_reads_what_a_drill_came_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (home, tree) = (folder.path().join("home"), folder.path().join("shop"));
    fs::create_dir_all(tree.join("etc")).expect("a tree");
    fs::create_dir(folder.path().join("store")).expect("a store");
    fs::write(tree.join("attestar.toml"), POLICY).expect("a policy");
    fs::write(tree.join("etc/<&\"'>.json"), "{}\n").expect("a file");
    let run = |words: &[&str]| hear(attestar(&home).current_dir(folder.path()).args(words));
    assert_eq!(run(&["keys", "new", "--no-passphrase"]).code, Some(0));
    assert_eq!(run(&["-C", "shop", "backup"]).code, Some(0));
    let said = run(&["-C", "shop", "drill"]);
    assert_eq!(said.code, Some(0), "{}", said.all);
    let report = read(folder.path());
    assert!(report.contains("passed attestar.drill.files all\n"), "{report}");
    assert!(
        report
            .contains("passed attestar.drill RTO\npassed attestar.drill RPO\npassed attestar.drill result\n"),
        "{report}"
    );
    assert!(!report.contains("failed"), "{report}");
    stock_tools_check_the_signature(&home, folder.path());
    // Nobody can decrypt: no case of what did not run passes.
    fs::remove_file(home.join("identity.age")).expect("an identity");
    assert_eq!(run(&["-C", "shop", "drill"]).code, Some(5));
    let report = read(folder.path());
    for case in
        ["attestar.drill decrypt", "attestar.drill.files all", "attestar.drill RTO", "attestar.drill result"]
    {
        assert!(report.contains(&format!("failed {case}\n")), "{case}: {report}");
    }
    assert!(report.contains("skipped attestar.drill restore\n"), "{report}");
}

/// The lines of docs/DRILLS.md, on the report and on one that was made better afterwards.
fn stock_tools_check_the_signature(home: &Path, folder: &Path) {
    let page = fs::read_to_string(checkout().join("docs/DRILLS.md")).expect("the page");
    let block = page.split("```sh\n").find(|block| block.starts_with("jq ")).expect("its lines");
    let lines = block.split("```").next().expect("their end");
    let drill = folder.join("drill");
    fs::copy(home.join("signing.pub"), drill.join("drill.pub")).expect("the public key");
    let out = passes(shell(lines).current_dir(&drill));
    assert!(
        out.contains("Signature Verified Successfully") && out.contains("drill_report.json: OK"),
        "{out}"
    );
    let report = drill.join("drill_report.json");
    let signed = fs::read_to_string(&report).expect("the report");
    fs::write(&report, signed.replacen("\"rto_measured_ms\": ", "\"rto_measured_ms\": 1", 1))
        .expect("another one");
    refuses(shell(lines).current_dir(&drill), "drill_report.json: FAILED");
    fs::write(&report, signed).expect("the report again");
}
