//! The demo: a story that must end as it says, on a screen of 80 columns, and leave nothing behind.

use crate::world::{World, names_in};
use std::fs;

#[test]
fn every_step_of_the_demo_ends_as_it_should() {
    let world = World::without_keys();
    let said = world.run(&["demo", "--json"]).done().json();
    let steps = said["steps"].as_array().unwrap();
    let commands: Vec<&str> = steps.iter().map(|step| step["command"].as_str().unwrap()).collect();
    for verb in [
        "keys new",
        "hash",
        "gate",
        "seal",
        "verify",
        "restore",
        "waive",
        "backup",
        "restore latest",
        "drill",
    ] {
        assert!(commands.iter().any(|command| command.contains(verb)), "{verb} in {commands:?}");
    }
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
    assert!(commands.last().unwrap().contains(" drill "), "it ends with the drill");
    assert_eq!(said["folder"], serde_json::Value::Null);
}

#[test]
fn the_demo_is_told_on_80_columns_and_leaves_nothing_behind() {
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
    assert_eq!(names_in(&temporary), [""; 0]);
    assert_eq!(world.listing(), ["shop", "tmp"], "the caller's keys are left alone");
}

#[test]
fn with_a_folder_everything_stays_and_can_be_gone_on_from() {
    let world = World::without_keys();
    world.run(&["demo", "--dir", "d"]).done().says("Everything is in d.");
    assert_eq!(
        names_in(&world.path().join("d")),
        [
            "copy",
            "drill",
            "keys",
            "restored",
            "sealed",
            "station",
            "station-again",
            "store",
            "tideline",
            "waiver.json"
        ]
    );
    let keys = world.path().join("d/keys");
    let mut verify = world.command(&["verify", "d/sealed/tideline-1.4.0.tar.zst.age"]);
    assert!(verify.env("ATTESTAR_HOME", keys).status().unwrap().success());
    world
        .run(&["demo", "--dir", "d"])
        .exits(1)
        .complains("d is not empty")
        .complains("give --dir a new folder");
}
