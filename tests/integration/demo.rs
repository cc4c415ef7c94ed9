//! The demo: a story that must end as it says, on a screen of 80 columns, and leave nothing behind.

use crate::world::{World, names_in};
use attestar::format::drill_report::{DrillReport, DrillResult};
use attestar::format::units::span;
use std::fs;
use std::path::Path;

/// The report of a drill.
fn drilled(file: &Path) -> DrillReport {
    DrillReport::parse(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn every_step_of_the_demo_ends_as_it_should() {
    let world = World::without_keys();
    let said = world.run(&["demo", "--json"]).done().json();
    let steps = said["steps"].as_array().unwrap();
    let commands: Vec<&str> = steps.iter().map(|step| step["command"].as_str().unwrap()).collect();
    let verbs = commands.iter().filter_map(|command| {
        let mut words = command.split(' ').skip_while(|word| *word != "attestar").skip(1);
        let first = words.next()?;
        if first == "-C" { words.nth(1) } else { Some(first) }
    });
    let story = [
        "init", "hash", "gate", "seal", "verify", "verify", "verify", "verify", "restore", "hash", "gate",
        "waive", "seal", "verify", "backup", "restore", "drill", "report",
    ];
    assert_eq!(verbs.collect::<Vec<_>>(), story);
    for step in steps {
        assert_eq!(step["exit_code"], step["expected"], "{step}");
    }
    let exits: Vec<u64> = steps.iter().map(|step| step["exit_code"].as_u64().unwrap()).collect();
    assert_eq!(exits.iter().filter(|&&exit| exit == 3).count(), 2, "both tamperings are caught: {exits:?}");
    assert_eq!(exits.iter().filter(|&&exit| exit == 5).count(), 1, "no trust is no pass: {exits:?}");
    assert_eq!(exits.iter().filter(|&&exit| exit == 4).count(), 1, "a gate refuses once: {exits:?}");
    let refused = exits.iter().position(|&exit| exit == 4).unwrap();
    let after = &commands[refused + 1..];
    assert!(after[0].contains(" waive changelog-entry ") && after[1].contains(" seal "), "{after:?}");
    let report = said["drill_report"].as_str().unwrap();
    assert!(report.starts_with(said["folder"].as_str().unwrap()));
    assert!(Path::new(report).is_absolute());
    assert_eq!(drilled(Path::new(report)).result, DrillResult::Passed);
    fs::remove_dir_all(said["folder"].as_str().unwrap()).unwrap();
}

#[test]
fn the_demo_is_told_on_80_columns_and_leaves_its_reports_alone() {
    let world = World::without_keys();
    let temporary = world.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let output = world.command(&["demo"]).env("TMPDIR", &temporary).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let screen = text.lines().filter(|line| !line.contains("attestar-demo."));
    let wide: Vec<&str> = screen.filter(|line| line.chars().count() > 80).collect();
    assert_eq!(wide, [""; 0], "lines that a terminal would break");
    let parts = ["altered", "exit 3: caught", "exit 4: refused", "exit 5: not a pass", "no difference"];
    let drill = [
        "2 tables, 1,346 rows as captured",
        "report       drill/drill_report.json",
        "next         readings (sqlite)",
    ];
    let waiver = ["failed   changelog-entry", "1 passed, 1 waived, 0 failed when sealed", "signed by own"];
    for part in parts.into_iter().chain(waiver).chain(drill) {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    let [left] = &names_in(&temporary)[..] else { panic!("one folder") };
    let folder = temporary.join(left).canonicalize().unwrap();
    assert_eq!(names_in(&folder), ["drill", "report.html"]);
    ends_with_the_drill(&text, &folder);
    assert!(
        text.ends_with("To keep everything, and to go on\nfrom there: attestar demo --dir DIR\n"),
        "{text}"
    );
    assert_eq!(world.listing(), ["shop", "tmp"], "the caller's keys are left alone");
}

/// The last screen: what the story came to, in the numbers of the drill's own report, and where that is, to open.
fn ends_with_the_drill(text: &str, folder: &Path) {
    let report = drilled(&folder.join("drill/drill_report.json"));
    let screen: Vec<&str> = text.lines().rev().take(24).collect();
    let objectives = report.objectives;
    let coverage = report.coverage;
    for line in [
        "tampered     2 altered, each caught (exit 3)".to_owned(),
        "untrusted    1 without a trusted key, not a pass (exit 5)".to_owned(),
        "gates        1 release refused (exit 4), then waived by who may".to_owned(),
        format!("backup       {}", report.archive.name),
        format!("drill        {0} of {0} files, ", coverage.files_checked),
        "probes       2 of 2 passed".to_owned(),
        format!("RTO          {}, target 15 m", span(objectives.rto_measured_ms)),
        format!("RPO          {}, target 24 h", span(objectives.rpo_measured_ms)),
        format!("fresh until  {}", report.fresh_until.strftime("%Y-%m-%d")),
    ] {
        assert!(screen.iter().any(|told| told.starts_with(&line)), "no {line:?} at the end of:\n{text}");
    }
    for file in ["drill/drill_report.json", "drill/drill_report.html"] {
        let path = folder.join(file);
        assert!(screen.contains(&&*format!("  {}", path.display())), "no {file} in:\n{text}");
        assert!(path.is_file() && path.is_absolute());
    }
}

#[test]
fn with_a_folder_everything_stays_and_can_be_gone_on_from() {
    let world = World::without_keys();
    let said = world.run(&["demo", "--dir", "d e"]).done();
    let folder = world.path().join("d e").canonicalize().unwrap();
    let said = said.says(&format!("Everything is in {}. Go on from there:", folder.display()));
    let said = said.says("$ cd 'd e'\n").says(&format!("$ cd '{}'; export", folder.display()));
    ends_with_the_drill(said.out.split("\nEverything is in ").next().unwrap(), &folder);
    assert_eq!(
        names_in(&world.path().join("d e")),
        [
            "copy",
            "drill",
            "keys",
            "release.toml",
            "report.html",
            "restored",
            "sealed",
            "station",
            "station-again",
            "store",
            "tideline",
            "waiver.json"
        ]
    );
    let keys = world.path().join("d e/keys");
    let mut verify = world.command(&["verify", "d e/sealed/tideline-1.4.0.tar.zst.age"]);
    assert!(verify.env("ATTESTAR_HOME", keys).status().unwrap().success());
    world
        .run(&["demo", "--dir", "d e"])
        .exits(1)
        .complains("d e is not empty")
        .complains("give --dir a new folder");
}
