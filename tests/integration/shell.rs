//! What holds of every command: where its output goes, how it fails, and what a terminal is spared.

use crate::world::{World, names_in};
use serde_json::Value;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

const COMMANDS: [&str; 23] = [
    "init",
    "keys",
    "hash",
    "sbom",
    "gate",
    "waive",
    "seal",
    "approve",
    "publish",
    "backup",
    "backup-verify",
    "prune",
    "copy",
    "verify",
    "report",
    "serve",
    "diff",
    "restore",
    "drill",
    "log",
    "demo",
    "completions",
    "man",
];

#[test]
fn an_answer_that_there_is_no_room_for_is_none() {
    let world = World::release();
    world.write("attestar.toml", crate::backup::POLICY);
    for form in [&[][..], &["--json"]] {
        let flags = [form, &["-C", "shop", "backup", "--store", "nights"]].concat();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = world.command(&flags).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{told}");
        assert!(told.contains("cannot write the standard output\ncaused by: No space left"), "{told}");
    }
    assert!(world.path().join("nights/log/checkpoint").exists(), "the backup is there");
}

#[test]
fn help_lists_every_command_and_every_exit_code() {
    let world = World::without_keys();
    let help = world.run(&["--help"]).done().out;
    for command in COMMANDS {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}");
        let own = world.run(&[command, "--help"]).done();
        assert!(own.out.contains("Usage: attestar ") && own.err.is_empty(), "{command}");
    }
    assert!(help.contains("130 interrupted"));
    world.run(&["--version"]).done().says(env!("CARGO_PKG_VERSION"));
    world.run(&[]).exits(2).complains("Usage: attestar");
}

#[test]
fn an_error_is_on_stderr_with_what_to_type_next() {
    let world = World::release();
    fs::create_dir(world.path().join("folder")).unwrap();
    fs::write(world.path().join("binary.toml"), b"\xff\xfe").unwrap();
    world.write("wrong.toml", "schema = 1\n\n[[include]]\nclas = 'doc'\n");
    let cases: [(&[&str], i32, &str, &str); 8] = [
        (&["sael"], 2, "error: unrecognized subcommand 'sael'", "hint: a similar subcommand exists: 'seal'"),
        (&["restore", "x"], 2, "were not provided: --to <DIR>", "hint: attestar restore"),
        (&["hash", "--chekc"], 2, "unexpected argument '--chekc'", "'--check'"),
        (&["-C", "nowhere", "hash"], 2, "error: nowhere is no folder", "hint: -C DIR"),
        (
            &["-C", "shop", "seal", "--policy", "no.toml"],
            2,
            "there is no policy no.toml",
            "hint: attestar init",
        ),
        (
            &["hash", "--policy", "shop/wrong.toml"],
            2,
            "wrong.toml:4: unknown key `clas`",
            "did you mean `class`?",
        ),
        (&["hash", "--policy", "binary.toml"], 1, "error: binary.toml is not UTF-8 text", "hint: "),
        (&["hash", "--policy", "folder"], 1, "error: cannot read folder", "caused by: "),
    ];
    for (args, code, error, hint) in cases {
        let said = world.run(args).exits(code);
        assert!(said.out.is_empty(), "{args:?}: {}", said.out);
        assert!(said.err.starts_with("error: "), "{args:?}: {}", said.err);
        said.complains(error).complains(hint);
    }
}

#[test]
fn with_json_there_is_one_document_whatever_happens() {
    let world = World::release();
    let error = |args: &[&str], code: i32| {
        let document = world.run(args).exits(code).json();
        assert_eq!(document["schema"], "attestar/error/v1", "{args:?}");
        assert!(!document["error"].as_str().unwrap().is_empty());
    };
    error(&["--json"], 2);
    error(&["sael", "--json"], 2);
    error(&["--json", "restore"], 2);
    error(&["--json", "-C", "nowhere", "seal"], 2);
    error(&["--json", "verify", "nothing.age"], 1);
    let document = |args: &[&str]| world.run(args).done().json()["schema"].clone();
    assert_eq!(document(&["-C", "shop", "seal", "--version", "1", "--json"]), "attestar/seal/v1");
    assert_eq!(document(&["-C", "shop", "seal", "--list-unmatched", "--json"]), "attestar/unmatched/v1");
    let archive = "shop/sealed/shop-1.tar.zst.age";
    assert_eq!(document(&["verify", archive, "--json"]), "attestar/verify/v1");
    assert_eq!(document(&["restore", archive, "--to", "back", "--json"]), "attestar/restore/v1");
    assert_eq!(document(&["completions", "fish", "--json"]), "attestar/completions/v1");
    assert_eq!(document(&["man", "pages", "--json"]), "attestar/man/v1");
}

#[test]
fn quiet_says_nothing_where_all_is_well_and_what_is_wrong_on_stderr() {
    let world = World::release();
    for args in [
        &["-C", "shop", "hash", "-q"][..],
        &["-C", "shop", "hash", "--check", "-q"],
        &["-q", "-C", "shop", "seal", "--version", "1.0.0", "--out", "../out"],
        &["-q", "verify", "out/shop-1.0.0.tar.zst.age"],
        &["-q", "restore", "out/shop-1.0.0.tar.zst.age", "--to", "back"],
        &["-q", "man", "pages"],
        &["-q", "-C", "shop", "init"],
    ] {
        let said = world.run(args).done();
        assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""), "{args:?}");
    }
    world.write("docs/guide.md", "other\n");
    let said = world.run(&["-q", "-C", "shop", "hash", "--check"]).exits(3).complains("altered");
    assert_eq!(said.out, "");
}

#[test]
fn a_pipe_gets_no_escape_codes() {
    let world = World::sealed();
    let runs = [
        world.verify(&[]),
        world.restore(&["--to", "nowhere/at/all"]),
        world.run(&["-C", "shop", "hash"]),
        world.run(&["-C", "shop", "hash", "--chekc"]),
        world.run(&["--help"]),
        world.run(&["keys", "list"]),
    ];
    for said in runs {
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{}{}", said.out, said.err);
    }
}

#[test]
fn names_cannot_drive_the_terminal() {
    let world = World::release();
    let evil = "docs/\u{1b}[2J\u{202e}evil.md";
    world.write(evil, "one\n");
    world.run(&["-C", "shop", "hash"]).done();
    world.write(evil, "two\n");
    let said = world.run(&["-C", "shop", "hash", "--check"]).exits(3);
    assert!(!said.out.contains(['\u{1b}', '\u{202e}']), "{}", said.out);
    said.says("docs/\\u{1b}[2J\\u{202e}evil.md");
    let said = world.run(&["-C", "no\u{1b}[2Jwhere", "hash"]).exits(2);
    said.complains("no\\u{1b}[2Jwhere");
}

#[test]
fn completions_know_every_command() {
    let world = World::without_keys();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.run(&["completions", shell]).done().out;
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    world.run(&["completions", "tcsh"]).exits(2).complains("invalid value 'tcsh'");
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::without_keys();
    world.run(&["man", "deep/pages"]).done().says("32 pages");
    let pages = names_in(&world.path().join("deep/pages"));
    assert!(pages.contains(&"attestar.1".to_owned()) && pages.contains(&"attestar-keys-trust.1".to_owned()));
    for command in COMMANDS {
        let page = world.path().join(format!("deep/pages/attestar-{command}.1"));
        assert!(fs::read_to_string(page).unwrap().contains(".SH SYNOPSIS"), "{command}");
    }
    fs::write(world.path().join("file"), "").unwrap();
    world.run(&["man", "file"]).exits(1).complains("error: cannot create file");
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let world = World::without_keys();
    let mut child = world.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut strange = world.command(&["hash", "-C"]);
    strange.arg(std::ffi::OsStr::from_bytes(b"\xff"));
    assert_eq!(strange.output().unwrap().status.code(), Some(2), "a name that is not UTF-8");
}

#[test]
fn with_json_logs_every_finding_is_a_line_for_who_collects_them() {
    let world = World::sealed();
    fs::write(world.archive(), "not an archive").unwrap();
    let said = world.verify(&["--log-format", "json", "--json"]).exits(3);
    let lines: Vec<Value> =
        said.err.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    let codes: Vec<&str> = lines.iter().filter_map(|line| line["code"].as_str()).collect();
    assert!(codes.contains(&"altered") && codes.contains(&"age-invalid"), "{}", said.err);
    let last = lines.last().unwrap();
    assert_eq!((&last["message"], &last["exit_code"]), (&"ended".into(), &3.into()));
    let error = world.run(&["--log-format", "json", "verify", "nothing"]).exits(1);
    assert!(error.err.contains(r#""level":"ERROR""#), "{}", error.err);
    assert!(error.err.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", error.err);
}
